"""A notebook opened by hand has its synthetic corpora made once; nothing else makes them unasked."""

import pytest

from emocast import by_hand, profile
from emocast.corpora.synthetic import orders


@pytest.fixture
def made(monkeypatch, tmp_path):
    """The folders that were asked for, in an empty data folder; nothing is spoken."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "meine Daten"))
    asked = []
    monkeypatch.setattr(orders, "fulfil", lambda order, **_: asked.append(order.folder.name))
    return asked


def test_in_a_kernel_what_is_missing_is_made_with_a_word(made, monkeypatch, capsys):
    monkeypatch.setattr(by_hand, "get_ipython", lambda: object())
    smoke = profile.load("smoke")
    by_hand.make_corpora(smoke)
    assert made == [order.folder.name for order in orders.of(smoke)] and len(made) > 3
    assert "smoke: the synthetic IEMOCAP_full_release is not there yet and is made, once" in capsys.readouterr().out
    monkeypatch.setattr(orders, "is_there", lambda order: True)
    made.clear()
    by_hand.make_corpora(smoke)
    by_hand.make_corpora(profile.load("paper"))
    assert made == []


def test_outside_of_a_kernel_nothing_is_made_and_no_error_is_changed(made):
    by_hand.make_corpora(profile.load("smoke"))
    by_hand.plain_errors()
    assert made == []

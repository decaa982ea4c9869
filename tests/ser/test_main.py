"""The command that trains a profile's recognisers before the notebooks; what it trains `test_models` tests."""

import pytest

from emocast.corpora.table import CorpusError
from emocast.ser import __main__ as command
from emocast.ser import models


def test_it_trains_the_models_of_the_profile(monkeypatch):
    asked = []
    monkeypatch.setattr(models, "train_all", lambda profile: asked.append(profile.name))
    assert command.main(["--profile", "smoke"]) == 0
    assert asked == ["smoke"]


def test_an_unknown_profile_is_told_in_one_line(capsys):
    assert command.main(["--profile", "dmeo"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "dmeo" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (CorpusError("no sound below data/x"), 1, "error: no sound below data/x"),
        (KeyboardInterrupt(), 130, "the next run"),
    ],
)
def test_what_ends_it_is_told_in_one_line(monkeypatch, capsys, error, status, said):
    def end(profile):
        raise error

    monkeypatch.setattr(models, "train_all", end)
    assert command.main([]) == status
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_a_fault_of_the_code_shows_its_frames(monkeypatch):
    def fail(profile):
        raise TypeError("a fault")

    monkeypatch.setattr(models, "train_all", fail)
    with pytest.raises(TypeError):
        command.main([])

"""The table of MELD's labels alone, on the published label files."""

import re
import sys

import pytest
from benchmarks import real_meld


def test_the_reading_is_checked_and_every_baseline_has_a_row(real, monkeypatch, capsys):
    monkeypatch.setattr(real_meld, "SHIFTS_S", (0, 20))
    monkeypatch.setattr(sys, "argv", ["real_meld", str(real("meld")), "--protocol", "official"])
    real_meld.main()
    said = capsys.readouterr().out
    assert "13,708 utterances: 6,436 neutral, 2,308 happiness, 1,002 sadness" in said
    assert re.search(r"overlaps one before +892 ", said)
    for name in ("persistence", "Markov chain, order 1", "Markov chain, order 2"):
        rows = re.findall(rf"(fixed|moving) +{name} +(\S+) +(\S+)$", said, re.MULTILINE)
        assert [kind for kind, *_ in rows] == ["fixed", "moving"]
        assert all(float(value) == pytest.approx(40, abs=15) for _, *values in rows for value in values)

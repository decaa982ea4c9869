import json

import pytest

from emocast.corpora.synthetic.__main__ import main

TINY = "extends: smoke\nsynthetic: {sessions: 1, scenarios: 1, turns: [4, 4]}\n"


@pytest.fixture
def data(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def profile(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return str(path)


def test_an_own_profile_makes_what_it_lacks_once(data, tmp_path):
    own = profile(tmp_path, TINY + "corpora: {iemocap: own/IEMOCAP_full_release}\n")
    about = data / "own" / "IEMOCAP_full_release" / "synthetic.json"
    assert main(["--profile", own, "--if-missing"]) == 0
    assert json.loads(about.read_text())["settings"] == {"sessions": 1, "scenarios": 1, "turns": [4, 4]}
    made = about.stat().st_mtime_ns
    assert main(["--profile", own, "--if-missing"]) == 0
    assert about.stat().st_mtime_ns == made


def test_a_corpus_of_another_size_is_not_taken_for_ones_own(data, tmp_path, capsys):
    assert main(["--profile", profile(tmp_path, TINY)]) == 0
    larger = profile(tmp_path, TINY.replace("[4, 4]", "[4, 5]"))
    assert main(["--profile", larger, "--if-missing"]) == 1
    assert "give the profile a folder of its own" in capsys.readouterr().err


def test_real_corpora_are_not_made_and_must_be_there(data, tmp_path, capsys):
    assert main(["--profile", "paper"]) == 1
    assert "uses real corpora: nothing to make" in capsys.readouterr().err
    assert main(["--profile", "paper", "--if-missing"]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("error: no IEMOCAP under") and "data/README.md#iemocap" in said
    assert not data.exists()
    assert main(["--profile", profile(tmp_path, TINY + "corpora: {iemocap: IEMOCAP_full_release}\n")]) == 0
    assert main(["--profile", "paper", "--if-missing"]) == 0

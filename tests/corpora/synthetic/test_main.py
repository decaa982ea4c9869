import json
import shutil

import pytest

from emocast.corpora.synthetic.__main__ import main

CONVERSATIONS = "extends: smoke\nsynthetic: {sessions: 1, scenarios: 1, turns: [4, 4]}\nsynthetic_meld: null\n"
TINY = CONVERSATIONS + "twins: null\n"
TWINS = (
    "twins: {cremad: null, librispeech: null, "
    "emodb: {speakers: 1, utterances: 2}, shemo: {speakers: 2, utterances: 1}}\n"
)


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


def test_an_own_profile_makes_the_twins_it_lacks_and_no_other(data, tmp_path, capsys):
    own = profile(tmp_path, CONVERSATIONS + TWINS)
    assert main(["--profile", own, "--if-missing"]) == 0
    assert sorted(path.name for path in (data / "smoke").glob("[!.]*")) == ["EmoDB", "IEMOCAP_full_release", "ShEMO"]
    assert len(list((data / "smoke").rglob("EmoDB/wav/*.wav"))) == 2
    made = {path: path.stat().st_mtime_ns for path in data.rglob("synthetic.json")}
    assert len(made) == 3
    shutil.rmtree(data / "smoke" / "ShEMO")
    capsys.readouterr()
    assert main(["--profile", own, "--if-missing"]) == 0
    again = {path: path.stat().st_mtime_ns for path in data.rglob("synthetic.json")}
    assert {path.parent.name for path in made if made[path] != again[path]} == {"ShEMO"}
    assert [line.split("/")[-1] for line in capsys.readouterr().out.splitlines() if "->" in line] == ["ShEMO"]


def test_one_corpus_is_made_alone(data, tmp_path, capsys):
    own = profile(tmp_path, CONVERSATIONS + TWINS)
    assert main(["--profile", own, "--corpus", "EmoDB"]) == 0
    assert [path.parent.name for path in data.rglob("synthetic.json")] == ["EmoDB"]
    assert main(["--profile", own, "--corpus", "CREMA-D"]) == 1
    assert "gives no size to a synthetic CREMA-D" in capsys.readouterr().err


def test_a_twin_of_another_size_is_not_taken_for_ones_own(data, tmp_path, capsys):
    assert main(["--profile", profile(tmp_path, CONVERSATIONS + TWINS)]) == 0
    larger = profile(tmp_path, CONVERSATIONS + TWINS.replace("utterances: 2", "utterances: 3"))
    assert main(["--profile", larger, "--if-missing"]) == 1
    assert "as in `corpora: {emodb: own/EmoDB}`" in capsys.readouterr().err


def test_real_corpora_are_not_made(data, capsys):
    assert main(["--profile", "paper"]) == 1
    assert "uses real corpora: nothing to make" in capsys.readouterr().err
    assert main(["--profile", "paper", "--if-missing"]) == 0
    assert not data.exists()

"""The command line: what is there, fetch it, check it."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import cards, corpora
from emocast import settings as profiles
from emocast.corpora import __main__ as cli
from emocast.corpora import download, table, validate


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with a piece of EmoDB and a synthetic twin in ShEMO's place."""
    wav = tmp_path / "EmoDB" / "wav"
    wav.mkdir(parents=True)
    for name in ("03a01Fa", "08b02Wc"):
        soundfile.write(wav / f"{name}.wav", np.full(8_000, 0.1), 16_000)
    (tmp_path / "ShEMO").mkdir()
    (tmp_path / "ShEMO" / "synthetic.json").write_text("{}")
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def fetched(monkeypatch):
    """Stands for the network: what was asked for."""
    asked = []

    def fetch(name, root):
        asked.append((name, root))
        if name == "meld":
            raise download.DownloadError("no room")
        return f"{root}: complete"

    monkeypatch.setattr(download, "fetch", fetch)
    return asked


def state(text, corpus):
    return next(line for line in text.splitlines() if line.startswith(corpus))


def test_help_tells_a_newcomer_what_to_do(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    for word in ("where", "download", "validate", "IEMOCAP is licensed", "the same command goes on"):
        assert word in said


def test_where_shows_each_corpus_with_its_state_size_and_licence(data, capsys):
    assert cli.main(["where"]) == 0
    said = capsys.readouterr().out
    assert "real copy" in state(said, "emodb") and "free for research" in state(said, "emodb")
    assert "synthetic twin" in state(said, "shemo") and "size not stated" in state(said, "shemo")
    assert " no " in state(said, "cremad") and "0.61 GB" in state(said, "cremad")
    assert "on request" in state(said, "iemocap")
    assert all(str(data) in state(said, name) for name in corpora.NAMES)


def test_where_follows_profile_and_folder(data, tmp_path, capsys):
    assert cli.main(["where", "--profile", "demo", "--data", str(tmp_path / "x")]) == 0
    assert str(tmp_path / "x" / "demo" / "EmoDB") in state(capsys.readouterr().out, "emodb")
    assert cli.main(["where", "--profile", "nosuch"]) == 1
    assert "error: no profile 'nosuch'" in capsys.readouterr().err


def test_named_corpora_are_fetched_once_each_and_one_failure_does_not_stop_the_rest(data, fetched, capsys):
    assert cli.main(["download", "emodb", "meld", "cremad", "emodb"]) == 1
    assert fetched == [("emodb", data / "EmoDB"), ("meld", data / "MELD.Raw"), ("cremad", data / "CREMA-D")]
    said = capsys.readouterr()
    assert f"{data / 'CREMA-D'}: complete" in said.out and said.err == "error: meld: no room\n"


@pytest.mark.parametrize("name", [name for name in corpora.NAMES if corpora.get(name).archives])
def test_a_licence_is_said_before_anything_is_fetched(name, data, monkeypatch, capsys):
    before = []
    monkeypatch.setattr(download, "fetch", lambda name, root: before.append(capsys.readouterr().out) or "done")
    assert cli.main(["download", name]) == 0
    said = before[0]
    corpus, entry = corpora.get(name), cards.licence_of(name)
    assert entry.licence in said and entry.source in said and corpus.archives[0].address in said
    assert "it permits: research: " in said and "; commercial use: " in said and "models trained on it: " in said


def test_all_are_those_of_the_profile_that_may_be_fetched(data, fetched, capsys):
    assert cli.main(["download", "all", "--profile", "open"]) == 1
    assert [name for name, _ in fetched] == list(
        profiles.load("open").corpora
    ) and "iemocap" not in capsys.readouterr().out
    fetched.clear()
    cli.main(["download", "all"])
    assert [name for name, _ in fetched] == ["cremad", "emodb", "shemo", "meld"]


def test_an_unknown_name_is_refused_before_anything_is_fetched(data, fetched, capsys):
    assert cli.main(["download", "emodb", "savee"]) == 1
    assert "no corpus 'savee'; there are" in capsys.readouterr().err and not fetched


def test_iemocap_says_whom_to_ask(data, capsys):
    assert cli.main(["download", "iemocap"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: iemocap: ") and "https://sail.usc.edu/iemocap/" in said and said.count("\n") == 1


# --- validate, with a stand-in for the examination


@pytest.fixture
def examined(monkeypatch):
    """Examinations by the corpus's name; what is not in it is not there."""
    answers = {}

    def examine(name, root):
        if name not in answers:
            raise table.CorpusError(f"no {name} under {root}")
        count, verdict = answers[name]
        problems = [table.Problem(f"{i}.wav", "empty audio", "0 s", "get it again") for i in range(count)]
        return validate.Examination(table.problems(problems), verdict, f"{verdict}: so it is.", 1, 1)

    monkeypatch.setattr(validate, "examine", examine)
    return answers


@pytest.mark.parametrize(("verdict", "status"), [("complete", 0), ("usable", 0), ("unusable", 1)])
def test_the_verdict_is_the_exit_status(data, examined, capsys, verdict, status):
    examined["emodb"] = (2, verdict)
    assert cli.main(["validate", "emodb"]) == status
    said = capsys.readouterr().out
    assert f"{verdict}: so it is." in said and "1.wav" in said and "by kind: empty audio 2" in said
    examined.update(shemo=(0, "usable"), cremad=(0, "unusable"))  # the last is not there
    assert cli.main(["validate"]) == status
    said = capsys.readouterr().out
    assert "emodb in" in said and "shemo in" in said and "cremad" not in said


def test_long_lists_are_cut_and_can_be_written_whole(data, examined, tmp_path, capsys):
    examined["emodb"] = (50, "usable")
    assert cli.main(["validate", "emodb", "--csv", str(tmp_path / "all.csv")]) == 0
    said = capsys.readouterr().out
    assert "29.wav" in said and "30.wav" not in said and "... and 20 more (--csv FILE)" in said
    written = pd.read_csv(tmp_path / "all.csv")
    assert len(written) == 50 and set(written["corpus"]) == {"emodb"}

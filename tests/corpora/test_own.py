"""A corpus of one's own: what a profile may say of it, and one clear sentence for each mistake in its file."""

import numpy as np
import pytest
import soundfile

from emocast import corpora, profile
from emocast.corpora import own
from emocast.corpora.table import CorpusError, CorpusWarning

ROW = {"utterance": "a_1", "speaker": "s", "audio": "a.wav", "start_s": 0.0, "end_s": 1.0, "emotion": "anger"}


@pytest.fixture
def root(tmp_path):
    """A folder with two seconds of sound in a.wav."""
    soundfile.write(tmp_path / "a.wav", np.zeros(16_000), 8_000)
    return tmp_path


@pytest.fixture
def corpus(tmp_path):
    """A maker of a corpus whose `load` is the given source, with ROW in its reach."""

    def make(body, *, head=""):
        file = tmp_path / "loader.py"
        file.write_text(f"{head}\nROW = {ROW!r}\ndef load(root):\n    {body}\n")
        return own.OwnCorpus("mine", file)

    return make


def written(folder, text):
    path = folder / "own.yaml"
    path.write_text(text)
    return str(path)


def test_only_load_is_needed_and_the_rest_of_the_face_is_there(corpus, root):
    plain = corpus("return [ROW]")
    assert (plain.NAME, plain.GROUP, plain.COUNTS) == ("mine", "dialogue", {})
    table = plain.load(root)
    assert table["corpus"].tolist() == ["mine"] and table["dialogue"].isna().all()
    named = corpus("return [ROW]", head="NAME = 'Mine'; GROUP = 'speaker'; LICENCE = 'ours'")
    assert (named.NAME, named.GROUP, named.LICENCE) == ("Mine", "speaker", "ours")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "load gave nothing"),
        ("return []", "load gave no row"),
        ("return 'a.wav'", "load gave a str"),
        (
            "return [{'utterance': 'a', 'audio': 'a.wav'}]",
            "without speaker, start_s, end_s, emotion; it needs utterance,",
        ),
        (
            "return [ROW | {'emotion': 'joy'}]",
            "utterance a_1 has an unknown emotion 'joy'; known are neutral, excitement,",
        ),
        ("return [ROW | {'end_s': 0.0}]", "utterance a_1 does not end after its start"),
        ("return [ROW | {'start_s': 'zero'}]", "could not convert string to float: 'zero'"),
        ("return [ROW, ROW]", "utterance a_1 is listed twice"),
        ("return [ROW | {'words': 'hm'}]", "'words' is no column of the utterance table"),
        ("return [ROW | {'speaker': None}]", "utterance a_1 speaker is missing"),
        ("return open(root / 'labels.csv')", "failed with FileNotFoundError: .*labels.csv"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_that_names_it(corpus, root, body, message):
    with pytest.raises(CorpusError, match=rf"the corpus 'mine': .*loader\.py .*{message}"):
        corpus(body).load(root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def load(:", "SyntaxError"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("", r"no function load\(root\)"),
    ],
)
def test_a_file_that_cannot_be_run_or_has_no_load_is_refused(tmp_path, text, message):
    (tmp_path / "loader.py").write_text(text)
    with pytest.raises(CorpusError, match=rf"loader\.py .*{message}"):
        own.OwnCorpus("mine", tmp_path / "loader.py")


def test_a_folder_that_is_not_there_is_said(corpus, tmp_path):
    with pytest.raises(CorpusError, match=r"no folder .*nowhere for the corpus 'mine'.*corpora\.mine\.root"):
        corpus("return [ROW]").load(tmp_path / "nowhere")


def test_bad_recordings_are_listed_and_the_others_go_on(corpus, root):
    (root / "empty.wav").write_bytes(b"")
    bad = [
        "ROW | {'utterance': 'b', 'audio': 'gone.wav'}",
        "ROW | {'utterance': 'c', 'audio': 'empty.wav'}",
        "ROW | {'utterance': 'd', 'end_s': 9.0}",
    ]
    found = corpus(f"return [ROW, {', '.join(bad)}]")
    with pytest.warns(CorpusWarning, match=r"mine: 3 problem.*corpora\.get\('mine'\)\.validate"):
        assert found.load(root)["utterance"].tolist() == ["a_1"]
    problems = found.validate(root).set_index("problem")
    assert set(problems.index) == {"missing audio", "empty audio", "label past the sound"}
    assert problems.loc["label past the sound", "detail"] == "d ends at 9.00 s, the sound at 2.00 s"
    with pytest.raises(CorpusError, match=r"no usable utterance; the first problem: gone\.wav"):
        corpus(f"return [{bad[0]}]").load(root)


def test_a_profile_registers_its_corpora_and_finds_their_files_from_its_own_folder(root, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(root.parent))
    (root / "loader.py").write_text(f"def load(root):\n    return [{ROW!r}]\n")
    text = f"extends: paper\ncorpora: {{talks: {{module: loader.py, root: {root.name}}}}}\ncorpus: talks\n"
    first = written(root, text)
    (root / "below").mkdir()
    further = written(root / "below", f"extends: {first}\nseed: 1\n")
    for settings in (profile.load(first), profile.load(further)):
        assert settings.loaders == {"talks": root / "loader.py"} and settings.corpus_root() == root
        assert len(corpora.get("talks").load(settings.corpus_root())) == 1
    with pytest.raises(ValueError, match=r"no corpus 'ravdess'; there are iemocap, .*talks"):
        corpora.get("ravdess")
    with pytest.raises(ValueError, match="'emodb' has a loader of Emocast's"):
        corpora.register("emodb", root / "loader.py")


@pytest.mark.parametrize(
    ("corpora_", "message"),
    [
        ("{mine: {module: nowhere.py, root: mine}}", r"corpora\.mine\.module: there is no file .*nowhere\.py"),
        ("{mine: {module: notes.txt, root: mine}}", r"must be a \.py file"),
        ("{mine: {module: a.py}}", r"setting corpora\.mine\.root is missing"),
        ("{mine: {modul: a.py, root: mine}}", r"corpora\.mine\.modul; did you mean corpora\.mine\.module"),
        ("{mine: mine}", r"or one of your own as name: \{module: file\.py, root: folder\}"),
        ("{meld: {module: a.py, root: mine}}", "one of your own needs another name than iemocap"),
        ("{'my corpus': {module: a.py, root: mine}}", "must be of letters"),
        ("{mine: null}", r"corpora\.mine must be of type str, found None"),
    ],
)
def test_a_mistake_in_the_profile_is_one_sentence(tmp_path, corpora_, message):
    with pytest.raises(profile.ProfileError, match=rf"own\.yaml: .*{message}"):
        profile.load(written(tmp_path, f"extends: paper\ncorpora: {corpora_}\n"))


def test_tasks_of_ones_own_replace_those_of_the_profile_that_is_extended(tmp_path):
    path = written(tmp_path, "extends: paper\ntasks: {2 classes: [anger, neutral]}\nsweep_task: 2 classes\n")
    assert profile.load(path).tasks == {"2 classes": ["anger", "neutral"]}
    assert profile.load(path, corpus="meld").sweep_task == "3 classes"

"""The utterance table, what every corpus must say and do, what corpora of clips share, and a corpus of one's own."""

import re
from urllib.parse import urlparse

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import audio, corpora
from emocast import settings as profiles
from emocast.corpora import meld_sound, table
from emocast.corpora.table import CorpusError, CorpusWarning

ROW = {"utterance": "u", "speaker": "s", "audio": "a.wav", "start_s": 1.0, "end_s": 2.0}


def test_build_gives_all_columns_their_types_and_leaves_gaps_missing():
    built = table.build([ROW], corpus="test")
    assert built.dtypes.astype(str).to_dict() == {**table.COLUMNS, "voices": "string"}
    assert built["emotion"].isna().all()
    assert built["valence"].isna().all()


def test_build_says_who_speaks_in_each_dialogue():
    rows = [("a", "x"), ("a", "y"), ("b", "z"), ("a", "x"), (None, "y")]
    rows = [{**ROW, "utterance": f"{n}", "dialogue": d, "speaker": s} for n, (d, s) in enumerate(rows)]
    voices = table.build(rows, corpus="test").set_index("utterance")["voices"]
    assert voices.drop("4").to_dict() == {"0": "x|y", "1": "x|y", "2": "z", "3": "x|y"} and pd.isna(voices["4"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW, ROW], "u is listed twice"),
        ([{**ROW, "end_s": 1.0}], "u does not end after its start"),
        ([{**ROW, "emotion": "joy"}], "u has an unknown emotion"),
        ([{**ROW, "sex": "f"}], "u has an unknown sex"),
        ([{**ROW, "rating": "guessed"}], "u has an unknown kind of rating"),
        ([{**ROW, "speaker": None}], "u speaker is missing"),
        ([{**ROW, "colour": 1}], "'colour' is no column"),
    ],
)
def test_what_cannot_be_is_refused_by_name(rows, message):
    with pytest.raises(ValueError, match=message):
        table.build(rows, corpus="test")


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_corpus_says_all_there_is_to_know_of_it(name, tmp_path):
    corpus = corpora.get(name)
    for said in ("title", "citation", "licence", "labels", "group", "counts", "folder"):
        assert getattr(corpus, said), f"{name} lacks {said}"
    for section in ("Who and what", "How labelled", "Licence", "Known faults", "Layout read", "In the table", "Source"):
        assert f"{section}:" in corpus.card, f"the data card of {name} does not say: {section}"
    for function in (corpus.load, corpus.validate):
        with pytest.raises(CorpusError, match=rf"no {corpus.title} under {tmp_path}.*data/README\.md#"):
            function(tmp_path)
    wanted = corpus.counts["utterances"]
    assert sum(corpus.counts["codes"].values()) == (sum(wanted.values()) if isinstance(wanted, dict) else wanted)
    assert corpus.counts["codes"].keys() == corpus.labels.keys()


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_source_is_complete(name):
    corpus = corpora.get(name)
    assert bool(corpus.archives) != bool(corpus.ask)  # either it is fetched or it is said whom to ask
    named = profiles.load("paper" if name == "iemocap" else "open").corpora
    assert named[name] == corpus.folder == profiles.load("paper").corpora.get(name, corpus.folder)
    for archive in corpus.archives:
        address = urlparse(archive.address)
        assert address.scheme in ("http", "https") and address.netloc
        assert archive.file.endswith((".zip", ".tar.gz")) and archive.holds
        assert all(not path.startswith("/") for path in archive.holds)
        assert archive.checksum is None or re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", archive.checksum)
        assert archive.limit > 2 * (archive.size or 0)


def test_a_twin_is_known_from_its_folder_and_from_the_one_above(tmp_path):
    (tmp_path / "EmoDB" / "wav").mkdir(parents=True)
    assert not table.is_synthetic(tmp_path / "EmoDB")
    (tmp_path / "EmoDB" / "synthetic.json").write_text("{}")
    assert table.is_synthetic(tmp_path / "EmoDB") and table.is_synthetic(tmp_path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty audio"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b25\n", "git-LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "unreadable audio"),
        (None, "missing audio"),
    ],
)
@pytest.mark.parametrize(
    ("read", "error"), [(audio.inspect, audio.AudioError), (meld_sound.decode, meld_sound.ClipError)]
)
def test_the_readers_words_tell_the_kind_of_damage(content, kind, read, error, tmp_path):
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(error) as caught:
        read(tmp_path / "a.wav")
    assert table.damage(str(caught.value)) == kind
    assert table.damage(meld_sound.problem(tmp_path / "a.wav")) == kind


def test_a_scan_gives_rows_and_codes_and_notes_the_rest(tmp_path):
    soundfile.write(tmp_path / "A1.wav", np.zeros(8_000), 16_000)
    soundfile.write(tmp_path / "B1.wav", np.zeros(4_000), 16_000)
    (tmp_path / "._A1.wav").touch()  # macOS leaves such
    for name in ("A2", "odd"):
        (tmp_path / f"{name}.wav").write_bytes(b"")
    found = []
    rows, codes = table.scan(
        table.recordings(tmp_path),
        tmp_path.parent,
        found,
        pattern=re.compile(r"(?P<code>[A-Z])\d"),
        odd="no letter and digit in the name",
        row=lambda name, path: {"emotion": name["code"]},
        advice="get it",
    )
    inside = tmp_path.name
    assert rows == [
        {"utterance": "A1", "audio": f"{inside}/A1.wav", "start_s": 0.0, "end_s": 0.5, "emotion": "A"},
        {"utterance": "B1", "audio": f"{inside}/B1.wav", "start_s": 0.0, "end_s": 0.25, "emotion": "B"},
    ]
    assert codes == {"A1": "A", "A2": "A", "B1": "B"}
    assert [(one.file, one.problem, one.advice) for one in found] == [
        (f"{inside}/A2.wav", "empty audio", "get it"),
        (f"{inside}/odd.wav", "odd name", "rename or remove it"),
    ]
    assert found[1].detail == "no letter and digit in the name"


# --- a corpus of one's own: what a profile may say of it, and one clear sentence for each mistake in its file

OWN = {"utterance": "a_1", "speaker": "s", "audio": "a.wav", "start_s": 0.0, "end_s": 1.0, "emotion": "anger"}


@pytest.fixture
def root(tmp_path):
    """A folder with two seconds of sound in a.wav."""
    soundfile.write(tmp_path / "a.wav", np.zeros(16_000), 8_000)
    return tmp_path


@pytest.fixture
def corpus(tmp_path):
    """A maker of a corpus whose `load` is the given source, with the row OWN in its reach as ROW."""

    def make(body, *, head=""):
        file = tmp_path / f"{len(list(tmp_path.glob('*.py')))}_loader.py"
        file.write_text(f"{head}\nROW = {OWN!r}\ndef load(root):\n    {body}\n")
        return table.own("mine", file)

    return make


def written(folder, text):
    path = folder / "own.yaml"
    path.write_text(text)
    return str(path)


def test_only_load_is_needed_and_the_rest_of_the_face_is_there(corpus, root):
    plain = corpus("return [ROW]")
    assert (plain.title, plain.group, plain.counts) == ("mine", "dialogue", {})
    read = plain.load(root)
    assert read["corpus"].tolist() == ["mine"] and read["dialogue"].isna().all()
    named = corpus("return [ROW]", head="NAME = 'Mine'; GROUP = 'speaker'; LICENCE = 'ours'")
    assert (named.title, named.group, named.licence) == ("Mine", "speaker", "ours")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "load gave a NoneType"),
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
        ("return [ROW | {'start_s': 'zero'}]", "could not convert string to float: 'zero'"),
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
        table.own("mine", tmp_path / "loader.py")


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
    with pytest.raises(CorpusError, match=r"no folder .*nowhere for the corpus 'mine'.*corpora\.mine\.root"):
        found.load(root / "nowhere")
    with pytest.raises(CorpusError, match=r"no usable utterance; the first problem: gone\.wav"):
        corpus(f"return [{bad[0]}]").load(root)


def test_a_profile_registers_its_corpora_and_finds_their_files_from_its_own_folder(root, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(root.parent))
    (root / "loader.py").write_text(f"def load(root):\n    return [{OWN!r}]\n")
    text = f"extends: paper\ncorpora: {{talks: {{module: loader.py, root: {root.name}}}}}\ncorpus: talks\n"
    first = written(root, text)
    (root / "below").mkdir()
    further = written(root / "below", f"extends: {first}\nseed: 1\n")
    for settings in (profiles.load(first), profiles.load(further)):
        assert settings.loaders == {"talks": root / "loader.py"} and settings.corpus_root() == root
        assert len(corpora.get("talks").load(settings.corpus_root())) == 1
    with pytest.raises(ValueError, match=r"no corpus 'savee'; there are iemocap, .*talks"):
        corpora.get("savee")
    with pytest.raises(ValueError, match="'emodb' has a loader of Emocast's"):
        corpora.register("emodb", root / "loader.py")


@pytest.mark.parametrize(
    ("corpora_", "message"),
    [
        ("{mine: {module: nowhere.py, root: mine}}", r"corpora\.mine\.module must be a \.py file that is there, found"),
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
    (tmp_path / "a.py").touch()
    with pytest.raises(profiles.ProfileError, match=rf"own\.yaml: .*{message}"):
        profiles.load(written(tmp_path, f"extends: paper\ncorpora: {corpora_}\n"))

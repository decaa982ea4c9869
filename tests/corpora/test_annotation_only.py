"""A corpus whose recordings are not there is loaded from its annotation, says so, and what needs sound says so too."""

import shutil

import pytest

from emocast import audio, corpora, windows
from emocast.corpora import iemocap, meld, validate
from emocast.corpora.table import CorpusError, CorpusWarning

TABLE = """turn,start_s,end_s,emotion,valence
Ses01F_impro01_F000,6.29,8.23,neu,2.5
Ses01F_impro01_M000,7.57,10.47,xxx,2.5
Ses02M_script01_1b_M003,10.5,12.0,excitement,4
Ses01F_impro01_F001,20.0,22.5,,
"""
MELD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"


@pytest.fixture
def labels(corpus_root, tmp_path):
    """The small corpus without its recordings."""
    copy = shutil.copytree(corpus_root, tmp_path / "copy", ignore=shutil.ignore_patterns("*.wav"))
    return copy


def test_label_files_are_read_where_no_recording_is(labels, corpus_root):
    whole, rows = iemocap.load(corpus_root), iemocap.load(labels)
    same = ["utterance", "dialogue", "speaker", "scenario", "emotion", "valence", "voices"]
    assert rows[same].equals(whole[same])
    assert rows["audio"].str.startswith(audio.NO_SOUND).all() and not audio.is_there(rows["audio"])
    assert audio.is_there(whole["audio"])
    assert (rows.groupby("audio")["dialogue"].nunique() == 1).all(), "the clock of a dialogue is still its own"


def test_one_recording_that_is_there_makes_the_others_missing(labels, corpus_root):
    wav = next(corpus_root.rglob("dialog/wav/*.wav"))
    (labels / wav.relative_to(corpus_root)).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(wav, labels / wav.relative_to(corpus_root))
    with pytest.warns(CorpusWarning, match="missing|no such"):
        rows = iemocap.load(labels)
    assert set(rows["dialogue"]) == {wav.stem} and audio.is_there(rows["audio"])


def test_validate_knows_the_state(labels):
    (problem,) = iemocap.validate(labels).to_dict("records")
    assert problem["problem"] == "annotation only" and "labels and times of" in problem["detail"]
    found = validate.examine("iemocap", labels, progress=False)
    assert found.state == "annotation only" and found.usable == found.total
    assert found.verdict.endswith("have their labels and times, and none has sound")
    assert validate.first_look("iemocap", labels) == "" and validate.annotation_only("iemocap", labels)


def test_a_whole_copy_is_not_annotation_only(corpus_root):
    assert not validate.annotation_only("iemocap", corpus_root)


@pytest.mark.parametrize("names", ["turn,start_s,end_s,emotion", "turn,start,end,emotion"])
def test_a_table_of_turns_is_read(tmp_path, names):
    (tmp_path / "own.csv").write_text(TABLE.replace("turn,start_s,end_s,emotion", names))
    (tmp_path / "features.csv").write_text("turn,loudness\nSes01F_impro01_F000,1\n")
    rows = iemocap.load(tmp_path)
    assert rows["emotion"].tolist()[:1] == ["neutral"] and rows["emotion"].isna().sum() == 2
    named = rows.set_index("utterance").loc["Ses02M_script01_1b_M003"]
    told = named[["session", "speaker", "scenario", "emotion"]].tolist()
    assert told == ["Ses02", "Ses02_M", "script01_1", "excitement"]
    assert rows["valence"].notna().sum() == 3 and rows["arousal"].isna().all()
    assert iemocap.ratings(tmp_path).empty
    assert len(windows.before(rows[rows["emotion"].notna()], length_s=10)) == 1


BAD = [
    "Ses01F_impro01_F009,x,3,neu,",
    "someone,1,2,neu,",
    "Ses01F_impro01_F009,3,2,neu,",
    "Ses01F_impro01_F009,1,2,joy,",
]


@pytest.mark.parametrize("line", [*BAD, "Ses01F_impro01_F000,6.29,8.23,neu,2.5"])
def test_a_bad_line_of_a_table_is_named_and_left_out(tmp_path, line):
    (tmp_path / "own.csv").write_text(TABLE + line + "\n")
    found = iemocap.validate(tmp_path).query("problem == 'bad label line'")
    assert found["detail"].str.startswith("line 6").tolist() == [True]
    with pytest.warns(CorpusWarning):
        assert len(iemocap.load(tmp_path)) == 4


def test_two_tables_are_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(TABLE)
    with pytest.raises(CorpusError, match=r"several tables of turns \(a.csv, b.csv\)"):
        iemocap.load(tmp_path)


def test_where_nothing_is_the_error_names_both_ways(tmp_path):
    (tmp_path / "features.csv").write_text("turn,loudness\n")
    with pytest.raises(CorpusError, match=r"Session1 to Session5, or a table of turns \(CSV\)"):
        iemocap.load(tmp_path)


def test_meld_is_read_from_its_label_files(tmp_path):
    lines = [
        '1,Hi,Joey,joy,positive,0,0,1,1,"00:00:10,000","00:00:12,000"',
        '2,Yes,Ross,neutral,neutral,0,1,1,1,"00:00:12,500","00:00:15,000"',
        '3,Oh,Joey,sadness,negative,0,2,1,1,"00:00:16,000","00:00:16,000"',
    ]
    (tmp_path / "train_sent_emo.csv").write_text(MELD + "\n".join(lines) + "\n")
    with pytest.warns(CorpusWarning):  # dev and test are not there
        rows = meld.load(tmp_path)
    assert rows["utterance"].tolist() == ["train_dia0_utt0", "train_dia0_utt1"], "the last has no length"
    assert rows["end_s"].tolist() == [2.0, 5.0] and not audio.is_there(rows["audio"])
    assert "annotation only" in set(meld.validate(tmp_path)["problem"])
    assert not (tmp_path / "timelines").exists()


def test_sound_that_is_not_there_is_no_missing_file(tmp_path):
    with pytest.raises(audio.AudioError, match="the corpus was loaded from its annotation alone"):
        audio.read(tmp_path / audio.NO_SOUND / "d0")


@pytest.mark.filterwarnings("ignore::emocast.corpora.table.CorpusWarning")
def test_real_labels(real):
    rows = iemocap.load(real("iemocap"))
    assert (len(rows), rows["dialogue"].nunique()) == (10_039, 151)
    events = rows[rows["start_s"] >= 10]["emotion"].value_counts()
    assert events[["excitement", "sadness", "neutral", "anger", "happiness"]].tolist() == [977, 1068, 1621, 1089, 580]
    found = validate.examine("iemocap", real("iemocap"), progress=False)
    assert found.state == "annotation only" and found.problems["problem"].tolist() == ["annotation only"]
    of_meld = meld.load(real("meld"))
    assert len(of_meld) == 13_708 - 2 - 1, "two lost utterances, one without a length"
    assert validate.examine("meld", real("meld"), progress=False).state == "annotation only"
    assert corpora.get("meld").load_alone(real("meld")).equals(of_meld)

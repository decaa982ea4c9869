import json
import shutil

import pytest
import soundfile

from emocast.corpora import iemocap
from emocast.corpora.table import CorpusError, CorpusWarning

RELEASE = "IEMOCAP_full_release"


@pytest.fixture
def copy(corpus_root, tmp_path):
    """A copy of the small corpus that a test may damage; gives the folder of its sessions."""
    shutil.copytree(corpus_root, tmp_path / "copy")
    return tmp_path / "copy" / RELEASE


def dialogue_of(copy, session=1):
    return sorted((copy / f"Session{session}" / "dialog" / "EmoEvaluation").glob("*.txt"))[0]


def wav_of(label_file):
    return label_file.parents[1] / "wav" / f"{label_file.stem}.wav"


def kinds(copy, but=("wrong count",)):
    """The problems of a copy by kind."""
    found = iemocap.validate(copy)
    return found[~found["problem"].isin(but)]


def test_the_whole_corpus_is_read(corpus_root):
    rows = iemocap.load(corpus_root)
    lines = [
        line for path in (corpus_root / RELEASE).glob("Session*/dialog/EmoEvaluation/*.txt") for line in path.open()
    ]
    assert len(rows) == sum(line.startswith("[") for line in lines)
    assert rows["dialogue"].nunique() == 4
    assert rows["scenario"].nunique() == 2
    assert set(rows["session"]) == {"Ses01", "Ses02"}
    assert rows["valence"].between(1, 5).all()


def test_the_root_may_be_the_release_itself(corpus_root):
    rows = iemocap.load(corpus_root / RELEASE)
    assert (corpus_root / RELEASE / rows["audio"].iloc[0]).is_file()


def test_the_speaker_is_the_turns_letter_and_not_the_dialogues(corpus_root):
    rows = iemocap.load(corpus_root)
    letters = rows["utterance"].str.extract(r"_([FM])\d{3}$")[0]
    assert (rows["speaker"] == rows["session"] + "_" + letters).all()
    assert (rows["sex"] == letters.map({"F": "female", "M": "male"})).all()
    assert rows.groupby("dialogue")["speaker"].nunique().eq(2).all()  # by the prefix each dialogue would have one


def test_parts_of_a_scenario_are_one_scenario(copy):
    old = dialogue_of(copy)
    new = old.with_name("Ses01M_impro05b.txt")
    new.write_text(old.read_text().replace(old.stem, new.stem))
    wav_of(old).rename(wav_of(new))
    old.unlink()
    rows = iemocap.load(copy)
    part = rows[rows["dialogue"] == "Ses01M_impro05b"]
    assert set(part["scenario"]) == {"impro05"}
    assert set(part["speaker"]) == {"Ses01_F", "Ses01_M"}


def test_files_that_macos_leaves_are_passed_over(copy):
    label_file = dialogue_of(copy)
    before = len(kinds(copy))
    label_file.with_name(f"._{label_file.name}").write_bytes(b"\x00\x05\x16\x07")
    assert len(kinds(copy)) == before == 0


def test_a_truncated_wav_is_named_and_its_first_turns_are_kept(copy):
    label_file = dialogue_of(copy)
    whole = iemocap.load(copy)
    wav = wav_of(label_file)
    wav.write_bytes(wav.read_bytes()[: wav.stat().st_size // 2])
    (problem,) = kinds(copy).to_dict("records")
    assert problem["problem"] == "truncated audio"
    assert problem["file"] == wav.relative_to(copy).as_posix()
    with pytest.warns(CorpusWarning):
        rows = iemocap.load(copy)
    left = rows[rows["dialogue"] == label_file.stem]
    assert 0 < len(left) < (whole["dialogue"] == label_file.stem).sum()
    assert left["end_s"].max() <= soundfile.info(wav).duration
    assert len(rows[rows["dialogue"] != label_file.stem]) == (whole["dialogue"] != label_file.stem).sum()


def test_a_wav_without_samples_is_named_and_the_rest_goes_on(copy):
    wav = wav_of(dialogue_of(copy))
    soundfile.write(wav, [], 16_000)
    (problem,) = kinds(copy).to_dict("records")
    assert problem["problem"] == "empty audio"
    with pytest.warns(CorpusWarning):
        assert iemocap.load(copy)["dialogue"].nunique() == 3


def test_a_missing_wav_is_named(copy):
    wav = wav_of(dialogue_of(copy))
    wav.unlink()
    (problem,) = kinds(copy).to_dict("records")
    assert problem["problem"] == "missing audio"
    assert "no such file" in problem["detail"]


def test_a_label_file_that_its_recording_lacks_is_named(copy):
    label_file = dialogue_of(copy)
    label_file.unlink()
    (problem,) = kinds(copy).to_dict("records")
    assert problem["problem"] == "missing labels"
    assert problem["file"] == label_file.relative_to(copy).as_posix()


@pytest.mark.parametrize("content", ["", "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"])
def test_a_label_file_that_names_no_turn_is_named(copy, content):
    label_file = dialogue_of(copy)
    label_file.write_text(content)
    (problem,) = kinds(copy).to_dict("records")
    assert (problem["problem"], problem["file"]) == ("bad label file", label_file.relative_to(copy).as_posix())


def test_labels_past_a_whole_recording_are_named_apart_from_a_truncated_one(copy):
    wav = wav_of(dialogue_of(copy))
    sound, rate = soundfile.read(wav, dtype="int16")
    soundfile.write(wav, sound[: len(sound) // 2], rate)
    (problem,) = kinds(copy).to_dict("records")
    assert problem["problem"] == "label past the sound"


@pytest.mark.parametrize(
    "line",
    [
        "[12.0 - x]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]",
        "[1.0000 - 2.0000]\t{dialogue}_F099\tjoy\t[2.5000, 2.5000, 2.5000]",
        "[1.0000 - 2.0000]\tSes09F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]",
        "[2.0000 - 1.0000]\t{dialogue}_F099\tneu\t[2.5000, 2.5000, 2.5000]",
    ],
)
def test_a_label_line_that_does_not_parse_is_named_by_its_number(copy, line):
    label_file = dialogue_of(copy)
    before = len(iemocap.load(copy))
    text = label_file.read_text()
    label_file.write_text(text + line.format(dialogue=label_file.stem) + "\n")
    (problem,) = kinds(copy).to_dict("records")
    assert problem["problem"] == "bad label line"
    assert f"line {len(text.splitlines()) + 1}" in problem["detail"]
    with pytest.warns(CorpusWarning):
        assert len(iemocap.load(copy)) == before


def test_a_turn_listed_twice_is_named_and_read_once(copy):
    label_file = dialogue_of(copy)
    line = next(line for line in label_file.read_text().splitlines() if line.startswith("["))
    label_file.write_text(label_file.read_text() + line + "\n")
    (problem,) = kinds(copy).to_dict("records")
    assert "second time" in problem["detail"]
    with pytest.warns(CorpusWarning):
        iemocap.load(copy)


def test_missing_sessions_are_named(copy):
    shutil.rmtree(copy / "Session2")
    found = iemocap.validate(copy)
    assert set(found.loc[found["problem"] == "missing session", "file"]) == {"Session2"}  # the twin has two in all
    miscounted = found[found["problem"] == "wrong count"]
    assert "Session2" in set(miscounted["file"])


def test_counts_are_held_against_the_release_where_the_copy_is_not_synthetic(copy):
    counts = json.loads((copy / "synthetic.json").read_text())["counts"]
    assert sum(counts["utterances"].values()) == sum(counts["codes"].values())
    assert iemocap.validate(copy).empty
    (copy / "synthetic.json").unlink()
    found = iemocap.validate(copy)
    assert set(found.loc[found["problem"] == "missing session", "file"]) == {"Session3", "Session4", "Session5"}
    assert found["problem"].eq("wrong count").any()


def test_the_releases_numbers_agree_with_each_other():
    assert sum(iemocap.COUNTS["utterances"].values()) == sum(iemocap.COUNTS["codes"].values()) == 10_039


def test_nothing_there_is_one_clear_error(tmp_path):
    for function in (iemocap.load, iemocap.validate):
        with pytest.raises(CorpusError, match=r"no IEMOCAP under .*data/README.md#iemocap"):
            function(tmp_path)


def test_nothing_usable_is_one_clear_error(copy):
    for wav in copy.glob("Session*/dialog/wav/*.wav"):
        wav.write_bytes(b"")
    with pytest.raises(CorpusError, match="no usable utterance"):
        iemocap.load(copy)

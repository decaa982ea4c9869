import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast.corpora import iemocap
from emocast.corpora.table import CorpusWarning

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


def problems(copy):
    """The problems of a copy but its counts."""
    return iemocap.validate(copy).query("problem != 'wrong count'").to_dict("records")


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
    own = iemocap.load(corpus_root / RELEASE)
    assert own.drop(columns="audio").equals(rows.drop(columns="audio"))
    assert (corpus_root / RELEASE / own["audio"].iloc[0]).is_file()


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


def test_recognisers_hear_the_speakers_own_microphone_where_it_is_there(copy):
    """The thesis reads `sentences/wav`; what is not there is read from the dialogue."""
    whole, root = iemocap.load(copy), Path(copy)
    alone = iemocap.CORPUS.load_alone(copy)
    assert alone["audio"].str.contains("sentences/wav").all() and (alone["start_s"] == 0).all()
    np.testing.assert_allclose(alone["end_s"], whole["end_s"] - whole["start_s"], atol=1e-3)
    row, own = whole.iloc[3], alone.iloc[3]
    sound, _ = soundfile.read(root / own["audio"])
    both, _ = soundfile.read(root / row["audio"])
    part = both[round(row["start_s"] * 16_000) : round(row["end_s"] * 16_000)]
    np.testing.assert_array_equal(sound, part[:, "FM".index(row["speaker"][-1])])
    (root / own["audio"]).unlink()
    again = iemocap.CORPUS.load_alone(copy).iloc[3]
    assert again[["audio", "start_s", "end_s"]].tolist() == row[["audio", "start_s", "end_s"]].tolist()


def test_a_truncated_wav_is_named_and_its_first_turns_are_kept(copy):
    label_file = dialogue_of(copy)
    whole = iemocap.load(copy)
    wav = wav_of(label_file)
    wav.write_bytes(wav.read_bytes()[: wav.stat().st_size // 2])
    (problem,) = problems(copy)
    assert problem["problem"] == "truncated audio"
    assert problem["file"] == wav.relative_to(copy).as_posix()
    with pytest.warns(CorpusWarning):
        rows = iemocap.load(copy)
    left = rows[rows["dialogue"] == label_file.stem]
    assert 0 < len(left) < (whole["dialogue"] == label_file.stem).sum()
    assert left["end_s"].max() <= soundfile.info(wav).duration
    assert len(rows[rows["dialogue"] != label_file.stem]) == (whole["dialogue"] != label_file.stem).sum()


@pytest.mark.parametrize("content", ["", "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"])
def test_a_label_file_that_names_no_turn_is_named(copy, content):
    label_file = dialogue_of(copy)
    label_file.write_text(content)
    (problem,) = problems(copy)
    assert (problem["problem"], problem["file"]) == ("bad label file", label_file.relative_to(copy).as_posix())


@pytest.mark.parametrize(
    "line",
    [
        "[12.0 - x]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]",
        "[1.0000 - 2.0000]\t{dialogue}_F099\tjoy\t[2.5000, 2.5000, 2.5000]",
        "[1.0000 - 2.0000]\tSes09F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]",
        "[2.0000 - 1.0000]\t{dialogue}_F099\tneu\t[2.5000, 2.5000, 2.5000]",
        "{first}",
    ],
)
def test_a_label_line_that_does_not_parse_is_named_by_its_number(copy, line):
    label_file = dialogue_of(copy)
    before = len(iemocap.load(copy))
    text = label_file.read_text()
    first = next(line for line in text.splitlines() if line.startswith("["))  # listed twice
    label_file.write_text(text + line.format(dialogue=label_file.stem, first=first) + "\n")
    (problem,) = problems(copy)
    assert problem["problem"] == "bad label line"
    assert f"line {len(text.splitlines()) + 1}" in problem["detail"]
    with pytest.warns(CorpusWarning):
        assert len(iemocap.load(copy)) == before


def test_counts_are_held_against_the_release_where_the_copy_is_not_synthetic(copy):
    counts = json.loads((copy / "synthetic.json").read_text())["counts"]
    assert sum(counts["utterances"].values()) == sum(counts["codes"].values())
    assert iemocap.validate(copy).empty
    (copy / "synthetic.json").unlink()
    found = iemocap.validate(copy)
    assert set(found.loc[found["problem"] == "missing session", "file"]) == {"Session3", "Session4", "Session5"}
    assert found["problem"].eq("wrong count").any()


# --- single raters

TURNS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-F1:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom  ;\t(a comment)
A-F1:\tval 5; act 5; dom  5;\t()

[10.0100 - 11.3925]\tSes01F_impro01_F001\tang\t[1.0000, 4.0000, 4.0000]
A-E1:\tval 1; act 4; dom  4;\t()

[12.0100 - 13.3925]\tSes01F_impro01_M001\tneu\t[3.0000, 3.0000, 3.0000]
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 3; act 4; dom  3;\t()
"""


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "Session1" / "dialog" / "EmoEvaluation"
    folder.mkdir(parents=True)
    (folder / "Ses01F_impro01.txt").write_text(TURNS)
    (folder / "._Ses01F_impro01.txt").write_text(TURNS)  # macOS leaves such beside real files
    return tmp_path


def test_each_raters_scores_are_read_and_the_actors_own_are_not(root):
    ratings = iemocap.ratings(root)
    assert ratings["rater"].tolist() == ["E3", "E4", "E1", "E3", "E4"]
    assert ratings.loc[0, ["valence", "arousal", "dominance"]].tolist() == [3, 2, 2]
    assert np.isnan(ratings.loc[1, "dominance"])
    assert ratings["utterance"].tolist()[-3:] == ["Ses01F_impro01_F001", *["Ses01F_impro01_M001"] * 2]


def test_each_raters_categories_are_read_with_one_vote_a_rater(root):
    file = next((root / "Session1" / "dialog" / "EmoEvaluation").glob("Ses*.txt"))
    several = "C-E3:\tExcited; Neutral state;\t(half (of it))\nC-E4:\tPuzzled;\t()\n"
    file.write_text(file.read_text().replace("C-F1:", f"{several}C-F1:"))
    found = iemocap.choices(root)
    assert set(found["utterance"]) == {"Ses01F_impro01_F000"}, "the actors' own words are no votes"
    rows = found[["rater", "emotion", "weight"]].to_numpy().tolist()
    assert rows == [["E2", "neutral", 1.0], ["E3", "excitement", 0.5], ["E3", "neutral", 0.5], ["E4", "other", 1.0]]


def test_the_majority_of_the_choices_is_the_label(corpus_root):
    votes, labels = iemocap.choices(corpus_root), iemocap.load(corpus_root).set_index("utterance")["emotion"]
    won = votes.groupby(["utterance", "emotion"])["weight"].sum().ge(2).loc[lambda most: most].reset_index("emotion")
    assert won["emotion"].to_dict() == labels.dropna().to_dict()


def test_the_words_are_those_of_the_transcriptions(copy):
    """Lines that are no turn's are passed over; a turn without a line has none; a copy without the folder has no column."""
    rows = iemocap.load(copy).set_index("utterance")
    file = sorted((copy / "Session1" / "dialog" / "transcriptions").glob("*.txt"))[0]
    first, *others = file.read_text().splitlines()
    turn = first.split()[0]
    assert rows["text"].notna().all() and rows.loc[turn, "text"] == first.split("]: ")[1]
    file.write_text("\n".join(["M: yes", f"{turn} [000.0000-001.0000]:", *others[1:]]))
    again = iemocap.load(copy).set_index("utterance")["text"]
    assert again[turn] == "" and again.isna().sum() == 1 and pd.isna(again[others[0].split()[0]])
    for folder in copy.glob("Session*/dialog/transcriptions"):
        shutil.rmtree(folder)
    assert "text" not in iemocap.load(copy)


def test_the_raters_means_are_those_of_the_loader(corpus_root):
    utterances = iemocap.load(corpus_root).set_index("utterance")
    means = iemocap.ratings(corpus_root).groupby("utterance")[list(iemocap.DIMENSIONS)].mean()
    assert set(means.index) == set(utterances.index)
    assert np.allclose(means, utterances.loc[means.index, means.columns])

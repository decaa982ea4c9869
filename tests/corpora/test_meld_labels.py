from collections import Counter

import pandas as pd
import pytest

from emocast.corpora import meld, meld_labels
from emocast.corpora.table import CorpusError

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"


def line(number, start, end, *, dialogue=0, speaker="Ross", text="So.", emotion="joy"):
    return f'{number},"{text}",{speaker},{emotion},positive,{dialogue},{number},3,7,"{start}","{end}"'


def read(root, *lines, split="train", encoding="utf-8"):
    """Write one label file and read it: the table and the problems."""
    (root / f"{split}_sent_emo.csv").write_bytes("\r\n".join([HEADER, *lines, ""]).encode(encoding))
    table, found = meld_labels.annotations(root, labels=meld.LABELS)
    return table, [problem for problem in found if problem.problem != "missing labels"]


def odd(table):
    return [list(kinds) for kinds in table["odd"]]


def test_a_line_is_read(tmp_path):
    table, found = read(tmp_path, line(4, "00:16:16,059", "0:16:21,731", dialogue=2))
    assert not found
    assert table.iloc[0].to_dict() == {
        "split": "train", "dialogue": "train_dia2", "utterance": "train_dia2_utt4", "number": 4, "speaker": "Ross",
        "text": "So.", "emotion": "happiness", "season": 3, "episode": 7, "start_s": 976.059, "end_s": 981.731, "odd": (),
    }  # fmt: skip


def test_dialogues_of_two_splits_are_two(tmp_path):
    read(tmp_path, line(0, "00:00:01,000", "00:00:02,000"), split="dev")
    table, _ = read(tmp_path, line(0, "00:00:01,000", "00:00:02,000"))
    assert list(table["dialogue"]) == ["train_dia0", "dev_dia0"]


def test_label_files_may_lie_in_folders_of_their_split(tmp_path):
    (tmp_path / "train").mkdir()
    table, _ = read(tmp_path / "train", line(0, "00:00:01,000", "00:00:02,000"))
    nested, found = meld_labels.annotations(tmp_path, labels=meld.LABELS)
    assert nested.equals(table)
    assert [problem.file for problem in found] == ["dev_sent_emo.csv", "test_sent_emo.csv"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_typographic_characters_are_read_in_every_encoding_there_is(tmp_path, encoding):
    said = line(0, "00:00:01,000", "00:00:02,000", text="That’s so… Monica", speaker="Richard’s Date")
    table, found = read(tmp_path, said, encoding=encoding)
    assert not found
    assert table["text"].item() == "That’s so… Monica"
    assert table["speaker"].item() == "Richard's Date"


def test_control_characters_of_old_versions_are_the_quotes_they_were(tmp_path):
    table, _ = read(tmp_path, line(0, "00:00:01,000", "00:00:02,000", text="That\x92s it", speaker="Mona\x92s Date"))
    assert (table["text"].item(), table["speaker"].item()) == ("That’s it", "Mona's Date")


@pytest.mark.parametrize(
    ("written", "meant"), [(" ROSS ", "Ross"), ("ross", "Ross"), ("Phoebe Sr.", "Phoebe Sr"), ("Dr.  Long", "Dr. Long")]
)
def test_a_character_has_one_spelling(written, meant):
    assert meld_labels.speaker(written) == meant


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (line(1, "00:00:03,000", "soon"), "'soon' is no time as"),
        (line(1, "00:00:03,000", "00:00:61,000"), "'00:00:61,000' is no time as"),
        (line(1, "00:00:03,000", "00:00:04,000", emotion="bliss"), "unknown emotion 'bliss'"),
        (line(0, "00:00:03,000", "00:00:04,000"), "train_dia0_utt0 is listed a second time"),
        (line("x", "00:00:03,000", "00:00:04,000"), "invalid literal"),
        ('1,"So.",Ross,joy', "not as many fields"),
    ],
)
def test_a_line_that_does_not_parse_is_named_by_its_number_and_left_out(tmp_path, bad, said):
    good = line(0, "00:00:01,000", "00:00:02,000"), line(2, "00:00:05,000", "00:00:06,000")
    table, found = read(tmp_path, good[0], bad, good[1])
    assert list(table["utterance"]) == ["train_dia0_utt0", "train_dia0_utt2"]
    (problem,) = found
    assert (problem.file, problem.problem) == ("train_sent_emo.csv", "bad label line")
    assert problem.detail.startswith("line 3: ") and said in problem.detail


def test_a_file_without_a_column_is_named(tmp_path):
    (tmp_path / "dev_sent_emo.csv").write_text("Sr No.,Utterance\n1,So.\n")
    table, found = read(tmp_path, line(0, "00:00:01,000", "00:00:02,000"))
    assert len(table) == 1
    assert [problem.detail for problem in found] == ["no column Dialogue_ID: the split is left out"]


def test_nothing_there_is_one_clear_error(tmp_path):
    with pytest.raises(CorpusError, match=r"no MELD under .*train_sent_emo\.csv.*data/README\.md#meld"):
        meld_labels.annotations(tmp_path, labels=meld.LABELS)


def test_files_without_a_single_good_line_are_one_clear_error(tmp_path):
    with pytest.raises(CorpusError, match=r"no usable utterance; the first problem: train_sent_emo\.csv: line 2"):
        read(tmp_path, line(0, "now", "soon"))


def test_each_kind_of_odd_row_is_marked_and_no_other(tmp_path):
    table, _ = read(
        tmp_path,
        line(0, "00:01:00,000", "00:01:02,000"),
        line(1, "00:01:01,500", "00:01:03,000"),
        line(2, "00:01:03,000", "00:01:03,000"),
        line(3, "00:00:59,000", "00:00:59,500"),
        line(4, "00:01:05,000", "00:05:05,000"),
        line(5, "00:02:03,001", "00:02:04,000"),
        line(6, "00:02:03,001", "00:02:04,000"),
        line(7, "00:03:04,000", "00:03:05,000"),
        line(0, "00:09:00,000", "00:09:01,000", dialogue=1),
    )
    assert odd(table) == [
        [],
        ["overlaps one before"],
        ["no length"],
        ["starts before the one before"],
        ["over a minute"],
        ["same span as another", "after a jump"],
        ["same span as another", "overlaps one before"],
        [],
        [],
    ]


def test_what_sounds_at_the_same_time_in_another_dialogue_is_marked(tmp_path):
    """Of one episode, across splits too; a row that begins where another ends is not at the same time."""
    read(tmp_path, line(0, "00:00:01,000", "00:00:02,000"), split="dev")
    spans = [line(0, "00:00:01,500", "00:00:03,000"), line(1, "00:00:03,000", "00:00:04,000")]
    later = [line(0, "00:00:04,000", "00:00:05,000", dialogue=1)]
    table, _ = read(tmp_path, *spans, *later)
    kind = "at the same time as another dialogue"
    marked = dict(zip(table["utterance"], odd(table), strict=True))
    assert marked == {
        "train_dia0_utt0": [kind], "train_dia0_utt1": [], "train_dia1_utt0": [], "dev_dia0_utt0": [kind],
    }  # fmt: skip


def test_the_real_label_files_are_read_whole(real):
    table, found = meld_labels.annotations(real("meld"), labels=meld.LABELS)
    assert not found
    assert len(table) == 13_708
    assert table["dialogue"].nunique() == 1_432
    codes = {code: int((table["emotion"] == emotion).sum()) for code, emotion in meld.LABELS.items()}
    assert (codes["joy"], codes["sadness"], codes["neutral"]) == (2_308, 1_002, 6_436)
    assert codes == meld.COUNTS["codes"]
    assert table["split"].value_counts().to_dict() == meld.COUNTS["utterances"]
    assert table.groupby("split")["dialogue"].nunique().to_dict() == meld.COUNTS["dialogues"]


def test_the_odd_rows_of_the_real_label_files_are_those_that_the_docstring_counts(real):
    table = meld.annotations(real("meld"))
    counted = Counter(kind for kinds in table["odd"] for kind in kinds)
    assert counted == {
        "no length": 1,
        "over a minute": 2,
        "starts before the one before": 31,
        "same span as another": 22,
        "overlaps one before": 892,
        "after a jump": 32,
        "at the same time as another dialogue": 198,
    }
    shown = meld_labels.odd_rows(table).set_index("kind")
    assert shown["rows"].to_dict() == counted and shown["done"].str.len().min() > 10
    for kind, number in counted.items():
        assert f"- {kind} ({number}" in meld_labels.__doc__
    lost = table[table["odd"].map(lambda kinds: "over a minute" in kinds)]
    assert set(lost["utterance"]) == {"test_dia38_utt4", "test_dia220_utt0"} <= meld.KNOWN_BAD.keys()


def test_the_real_files_hold_no_leftover_of_an_encoding_and_the_friends_are_most_speakers(real):
    table = meld.annotations(real("meld"))
    assert not table["text"].str.contains("[\x80-\x9f\ufffd]").any()
    assert table["speaker"].nunique() == 303
    assert set(pd.Series(table["speaker"]).value_counts().index[:6]) == set(meld_labels.SEX)

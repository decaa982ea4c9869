from collections import Counter

import numpy as np
import pandas as pd
import pytest

from emocast.corpora import meld
from emocast.corpora.table import CorpusError

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"


def line(number, start, end, *, dialogue=0, speaker="Ross", text="So.", emotion="joy"):
    return f'{number},"{text}",{speaker},{emotion},positive,{dialogue},{number},3,7,"{start}","{end}"'


def read(root, *lines, split="train", encoding="utf-8"):
    """Write one label file and read it: the table and the problems."""
    (root / f"{split}_sent_emo.csv").write_bytes("\r\n".join([HEADER, *lines, ""]).encode(encoding))
    table, found = meld.read_labels(root)
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_typographic_characters_are_read_in_every_encoding_there_is(tmp_path, encoding):
    said = line(0, "00:00:01,000", "00:00:02,000", text="That’s so… Monica", speaker="Richard’s Date")
    table, found = read(tmp_path, said, encoding=encoding)
    assert not found
    assert table["text"].item() == "That’s so… Monica"
    assert table["speaker"].item() == "Richard's Date"


@pytest.mark.parametrize(
    ("written", "meant"), [(" ROSS ", "Ross"), ("ross", "Ross"), ("Phoebe Sr.", "Phoebe Sr"), ("Dr.  Long", "Dr. Long")]
)
def test_a_character_has_one_spelling(tmp_path, written, meant):
    table, _ = read(tmp_path, line(0, "00:00:01,000", "00:00:02,000", speaker=written))
    assert table["speaker"].item() == meant


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
    table, found = meld.read_labels(real("meld"))
    assert not found
    assert len(table) == 13_708
    assert table["dialogue"].nunique() == 1_432
    codes = {code: int((table["emotion"] == emotion).sum()) for code, emotion in meld.LABELS.items()}
    assert (codes["joy"], codes["sadness"], codes["neutral"]) == (2_308, 1_002, 6_436)
    assert codes == meld.CORPUS.counts["codes"]
    assert table["split"].value_counts().to_dict() == meld.CORPUS.counts["utterances"]
    assert table.groupby("split")["dialogue"].nunique().to_dict() == meld.CORPUS.counts["dialogues"]
    assert not table["text"].str.contains("[\x80-\x9f\ufffd]").any() and table["speaker"].nunique() == 303
    assert set(table["speaker"].value_counts().index[:6]) == set(meld.SEX)


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
    shown = meld.odd_rows(table).set_index("kind")
    assert shown["rows"].to_dict() == counted and shown["done"].str.len().min() > 10
    lost = table[table["odd"].map(lambda kinds: "over a minute" in kinds)]
    assert set(lost["utterance"]) == {"test_dia38_utt4", "test_dia220_utt0"} <= meld.CORPUS.known_bad.keys()


# --- on the clocks of the recordings


def on_clock(*spans):
    """Annotations of one dialogue of an episode: spans on its clock, in the order of their numbers."""
    return pd.DataFrame(
        {
            "dialogue": "train_dia0",
            "utterance": [f"train_dia0_utt{number}" for number in range(len(spans))],
            "number": range(len(spans)),
            "start_s": [float(start) for start, _ in spans],
            "end_s": [float(end) for _, end in spans],
            "odd": [("over a minute",) if end - start > 60 else () for start, end in spans],
        }
    )


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        (((100, 102), (97.5, 99), (103, 104)), [(1, 0.0, 1.5), (0, 2.5, 4.5), (2, 5.5, 6.5)]),  # by the clock
        (((10, 12), (72, 73)), [(0, 0.0, 2.0), (1, 62.0, 63.0)]),  # a gap of up to a minute stays
        (  # a jump leaves a minute of silence, and all after it moves
            ((10, 12), (200, 205), (206, 207), (500, 501)),
            [(0, 0.0, 2.0), (1, 62.0, 67.0), (2, 68.0, 69.0), (3, 129.0, 130.0)],
        ),
        (((0, 50), (10, 12), (108, 109)), [(0, 0.0, 50.0), (1, 10.0, 12.0), (2, 108.0, 109.0)]),  # from the latest end
        (((5, 300), (10, 12), (13, 14)), [(1, 0.0, 2.0), (2, 3.0, 4.0)]),  # one that has lost its place moves nothing
    ],
)
def test_utterances_are_put_on_the_clock_of_their_recording(spans, expected):
    rows = meld.place(on_clock(*spans))
    assert [(row.number, row.from_s, row.to_s) for row in rows.itertuples()] == expected
    assert (rows["from_s"] + rows["offset_s"]).tolist() == rows["start_s"].tolist()


def test_a_row_without_length_has_no_end_yet():
    first, second = meld.place(on_clock((10, 10), (11, 12))).itertuples()
    assert (first.number, first.from_s) == (0, 0.0) and np.isnan(first.to_s) and (second.from_s, second.to_s) == (1, 2)


def test_no_real_dialogue_is_minutes_of_silence(real):
    rows = meld.place(meld.annotations(real("meld")))
    assert len(rows) == 13_708 - 2
    assert rows["from_s"].min() == 0.0
    ends = rows.groupby("dialogue")["to_s"].max()
    assert ends.max() < 300 and 55_000 < ends.sum() < 58_000
    gaps = rows["from_s"] - rows.groupby("dialogue")["to_s"].transform(lambda ends: ends.cummax().shift())
    assert gaps.max() == pytest.approx(60.0)

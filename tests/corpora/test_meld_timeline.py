import numpy as np
import pandas as pd
import pytest

from emocast.corpora import meld, meld_timeline

RATE = 16_000


def labels(*spans):
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


def placed(*spans):
    rows = meld_timeline.place(labels(*spans))
    return [(row.number, row.from_s, row.to_s) for row in rows.itertuples()]


def laid(*parts):
    """Lay sounds at (from, to, length in seconds): sound k is k + 1 hundredths. Gives it in hundredths, and the cover."""
    plan = [{"number": number, "from_s": start, "to_s": end} for number, (start, end, _) in enumerate(parts)]
    line, covered = meld_timeline.lay(
        plan, lambda part: np.full(round(parts[part["number"]][2] * RATE), (part["number"] + 1) / 100, np.float32)
    )
    return np.rint(line / 32768 * 100).astype(int), covered


def test_the_clock_begins_with_the_earliest_utterance_and_not_with_the_first_number():
    assert placed((100, 102), (97.5, 99), (103, 104)) == [(1, 0.0, 1.5), (0, 2.5, 4.5), (2, 5.5, 6.5)]


def test_a_gap_stays_as_long_as_it_is_up_to_a_minute():
    assert placed((10, 12), (72, 73))[1] == (1, 62.0, 63.0)


def test_a_jump_leaves_a_minute_of_silence_and_all_after_it_moves():
    assert placed((10, 12), (200, 205), (206, 207), (500, 501)) == [
        (0, 0.0, 2.0),
        (1, 62.0, 67.0),
        (2, 68.0, 69.0),
        (3, 129.0, 130.0),
    ]


def test_an_offset_leads_back_to_the_episode_after_a_jump_too():
    rows = meld_timeline.place(labels((10, 12), (200, 205), (206, 207), (500, 501)))
    assert rows["offset_s"].tolist() == [10, 138, 138, 371]
    assert (rows["from_s"] + rows["offset_s"]).tolist() == rows["start_s"].tolist()


def test_a_gap_counts_from_the_latest_end_so_far():
    """The second ends before the first does: 58 s after the first is no jump."""
    assert placed((0, 50), (10, 12), (108, 109))[2] == (2, 108.0, 109.0)


def test_a_row_without_length_has_no_end_yet():
    (first, second) = placed((10, 10), (11, 12))
    assert first[:2] == (0, 0.0) and np.isnan(first[2])
    assert second == (1, 1.0, 2.0)


def test_a_row_that_has_lost_its_place_moves_nothing():
    assert placed((5, 300), (10, 12), (13, 14)) == [(1, 0.0, 2.0), (2, 3.0, 4.0)]


def test_dialogues_have_clocks_of_their_own():
    both = pd.concat([labels((10, 12), (200, 201)), labels((50, 51)).assign(dialogue="dev_dia0")], ignore_index=True)
    rows = meld_timeline.place(both).set_index("dialogue")
    assert list(rows.loc[["dev_dia0"], "from_s"]) == [0.0]
    assert list(rows.loc["train_dia0", "from_s"]) == [0.0, 62.0]


def test_a_clip_is_cut_at_its_end_and_gaps_are_silence():
    line, covered = laid((0.0, 1.0, 3.0), (2.0, 3.0, 1.0))
    assert line.size == 3 * RATE
    assert [set(line[second * RATE : (second + 1) * RATE]) for second in range(3)] == [{1}, {0}, {2}]
    assert meld_timeline.spans(covered) == [[0.0, 1.0], [2.0, 3.0]]


def test_where_two_clips_cover_a_moment_the_first_keeps_it_and_nothing_is_added_up():
    line, covered = laid((0.0, 2.0, 2.0), (1.0, 1.5, 0.5), (1.0, 3.0, 2.0))
    assert [set(line[half * RATE // 2 : (half + 1) * RATE // 2]) for half in range(6)] == [{1}] * 4 + [{3}] * 2
    assert meld_timeline.spans(covered) == [[0.0, 3.0]]


def test_a_clip_that_is_shorter_than_its_label_leaves_the_rest_to_the_next():
    line, covered = laid((0.0, 2.0, 1.0), (1.5, 3.0, 1.5))
    assert [set(line[half * RATE // 2 : (half + 1) * RATE // 2]) for half in range(6)] == [{1}, {1}, {0}, {2}, {2}, {2}]
    assert meld_timeline.spans(covered) == [[0.0, 1.0], [1.5, 3.0]]


def test_a_clip_without_sound_is_silence_as_long_as_its_label():
    line, covered = laid((0.0, 1.0, 1.0), (1.0, 4.0, 0.0))
    assert line.size == 4 * RATE and not line[RATE:].any()
    assert meld_timeline.spans(covered) == [[0.0, 1.0]]


def test_a_label_without_length_takes_its_clips():
    line, _ = laid((0.0, None, 1.5))
    assert line.size == 1.5 * RATE


def test_loud_sound_is_held_at_full_scale():
    line, _ = meld_timeline.lay([{"from_s": 0.0, "to_s": 1.0}], lambda part: np.array([1.5, -1.5, 0.5], np.float32))
    assert list(line[:3]) == [32767, -32768, 16384]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_of_an_event_is_heard_before_it_begins(seed):
    """Whatever the labels, a sound of utterance k lies at or after its own start."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum(rng.uniform(-3, 8, 12)) + 100
    rows = meld_timeline.place(labels(*zip(starts.round(3), (starts + rng.uniform(0.2, 6, 12)).round(3), strict=True)))
    plan = rows[["number", "from_s", "to_s"]].to_dict("records")
    line, _ = meld_timeline.lay(plan, lambda part: np.full(8 * RATE, (part["number"] + 1) / 100, np.float32))
    heard = np.rint(line / 32768 * 100).astype(int)
    for part in plan:
        at = np.flatnonzero(heard == part["number"] + 1)
        assert at.size == 0 or (round(part["from_s"] * RATE) <= at[0] and at[-1] < round(part["to_s"] * RATE))


def test_no_real_dialogue_is_minutes_of_silence(real):
    rows = meld_timeline.place(meld.annotations(real("meld")))
    assert len(rows) == 13_708 - 2
    assert rows["from_s"].min() == 0.0
    ends = rows.groupby("dialogue")["to_s"].max()
    assert ends.max() < 300 and 55_000 < ends.sum() < 58_000
    gaps = rows["from_s"] - rows.groupby("dialogue")["to_s"].transform(lambda ends: ends.cummax().shift())
    assert gaps.max() == pytest.approx(60.0)

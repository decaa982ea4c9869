import pandas as pd
import pytest

from emocast import windows
from emocast.corpora import table


@pytest.fixture
def events():
    """Events with their onset at 5, 10, 20 and 35 s of one dialogue."""
    rows = [
        {
            "utterance": f"u{onset}", "dialogue": "d", "session": "s", "scenario": "c", "speaker": "a", "audio": "d.wav",
            "start_s": float(onset), "end_s": onset + 1.0, "emotion": "neutral",
        }
        for onset in (5, 10, 20, 35)
    ]  # fmt: skip
    return table.build(rows, corpus="test")


@pytest.mark.parametrize(("shift", "guard"), [(0, 0), (4, 0), (0, 0.5), (6, 1)])
def test_a_window_ends_where_the_shift_and_guard_say(events, shift, guard):
    cut = windows.before(events, shift_s=shift, length_s=8, guard_s=guard)
    expected_end = cut.windows["onset_s"] - shift - guard
    pd.testing.assert_series_equal(cut.windows["end_s"], expected_end, check_names=False)
    pd.testing.assert_series_equal(
        cut.windows["end_s"] - cut.windows["start_s"], expected_end * 0 + 8, check_names=False
    )


def test_a_window_knows_where_its_utterance_lies(events):
    cut = windows.before(events, shift_s=4).windows
    assert cut["onset_s"].tolist() == [20, 35]
    assert cut["utterance_end_s"].tolist() == [21, 36]


def test_a_window_knows_its_sessions_clock_where_the_corpus_does(events):
    assert "session_offset_s" not in windows.before(events).windows
    cut = windows.before(events.assign(session_offset_s=[1.0, 2.0, 3.0, 4.0]), shift_s=4).windows
    assert cut["session_offset_s"].tolist() == [3, 4]


def test_an_event_without_a_full_window_is_dropped_and_listed(events):
    cut = windows.before(events, shift_s=2)
    assert list(cut.windows["utterance"]) == ["u20", "u35"]
    assert list(cut.dropped["utterance"]) == ["u5", "u10"]
    assert list(cut.dropped["needed_s"]) == [12, 12]


def test_an_onset_at_exactly_the_windows_length_is_enough(events):
    assert "u10" in set(windows.before(events).windows["utterance"])


def test_the_fixed_event_set_is_the_same_at_every_shift(events):
    sets = [set(windows.before(events, shift_s=shift, eligible_at_s=20).windows["utterance"]) for shift in (0, 10, 20)]
    assert sets == [{"u35"}] * 3


def test_sweep_gives_each_shift_the_events_it_can_have(events):
    cut = windows.sweep(events, [0, 10, 20])
    counted = cut.groupby("shift_s")["utterance"].apply(list).to_dict()
    assert counted == {0: ["u10", "u20", "u35"], 10: ["u20", "u35"], 20: ["u35"]}


@pytest.mark.parametrize(
    "wrong", [{"shift_s": -1}, {"guard_s": -0.1}, {"length_s": 0}, {"shift_s": 4, "eligible_at_s": 2}]
)
def test_impossible_windows_are_refused(events, wrong):
    with pytest.raises(ValueError, match="no window"):
        windows.before(events, **wrong)

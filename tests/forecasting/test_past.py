import numpy as np
import pandas as pd
import pytest

from emocast import windows
from emocast.forecasting import baselines
from emocast.forecasting.splits import Split

CLASSES = ["sadness", "neutral"]
IN_PLAY = ["neutral", "excitement", "sadness"]


@pytest.fixture
def talk():
    """One dialogue whose parts are known: (turn, speaker, start, end, emotion)."""
    rows = [
        ("u0", "a", 0.0, 2.0, "neutral"),
        ("u1", "b", 2.0, 9.0, "anger"),  # long, and of no class in play
        ("u2", "a", 8.0, 8.5, "sadness"),  # begins within u1, ends before it
        ("u3", "b", 10.0, 12.0, None),
        ("u4", "a", 12.5, np.nan, "neutral"),  # nobody knows when it ends
        ("u5", "b", 14.0, 15.0, "sadness"),
    ]
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "start_s", "end_s", "emotion"])
    return table.assign(dialogue="d", audio="d.wav", session="s", scenario="c")


def _window(end, *, length=10.0, utterance="u5", speaker="b"):
    row = {"utterance": utterance, "dialogue": "d", "speaker": speaker, "emotion": "sadness"}
    return pd.DataFrame([{**row, "start_s": end - length, "end_s": end}])


def _latest(talk, end, which, **options):
    past = baselines.gather(_window(end, **options), talk, classes=CLASSES)
    place = past.latest(which)[0]
    return None if place < 0 else past.utterances["utterance"].iloc[place]


@pytest.mark.parametrize(
    ("end", "anyone", "speaker", "window", "in_play"),
    [
        (1.99, None, None, None, None),
        (2.0, "u0", None, "u0", "u0"),  # it ended at the very moment
        (8.4, "u0", None, "u0", "u0"),  # u1 and u2 are still spoken
        (8.6, "u2", None, "u2", "u2"),  # u2 ended, u1 goes on
        (9.0, "u1", "u1", "u1", "u2"),  # latest is who ended last, not who began last
        (12.2, "u1", "u1", "u2", "u2"),  # u3 has no label; u1 began before the window
        (18.5, "u5", "u5", "u5", "u5"),
    ],
)
def test_the_latest_is_who_ended_last(talk, end, anyone, speaker, window, in_play):
    found = [_latest(talk, end, which) for which in baselines.WHICH]
    assert found == [anyone, speaker, window, in_play]


def test_sequences_know_what_is_not_over_yet(talk):
    windows = pd.concat([_window(end) for end in (1.0, 8.6, 9.0, 12.2, 16.0)], ignore_index=True)
    past = baselines.gather(windows, talk, classes=CLASSES)
    assert past.sequences() == [
        (),
        ("neutral", None, "sadness"),
        ("neutral", "anger", "sadness"),
        ("neutral", "anger", "sadness", None),
        ("neutral", "anger", "sadness", None, None, "sadness"),
    ]
    assert list(past.steps()) == [6, 3, 3, 2, 1]


def test_withheld_labels_are_gone(talk):
    past = baselines.gather(_window(9.0), talk, classes=CLASSES).without(["u1"])
    assert past.latest_emotion()[0] == "sadness"
    assert past.sequences() == [("neutral", None, "sadness")]
    assert baselines.gather(_window(9.0), talk, classes=CLASSES).labels[1] == "anger"  # the table itself is untouched


@pytest.mark.parametrize("shift", [0.0, 5.0])
@pytest.mark.parametrize("guard", [0.0, 1.5])
def test_the_past_is_what_ended_before_the_window_does(make_talk, cut, shift, guard):
    """A second way, row by row, on tables whose order is shuffled."""
    talk = make_talk().sample(frac=1, random_state=1).reset_index(drop=True)
    windows = cut(talk, [shift], guard_s=guard)
    past = baselines.gather(windows, talk, classes=CLASSES)
    for row, window in windows.iterrows():
        ended = talk[
            (talk["dialogue"] == window["dialogue"]) & (talk["end_s"] <= window["onset_s"] - shift - guard + 1e-9)
        ]
        found = past.utterances.iloc[past.ended[row]]
        assert set(found["utterance"]) == set(ended["utterance"])
        assert found["end_s"].is_monotonic_increasing
        assert past.utterances["utterance"].iloc[past.event[row]] == window["utterance"]


def test_what_does_not_belong_together_is_refused(talk):
    with pytest.raises(ValueError, match="'u9' is not in the utterance table"):
        baselines.gather(_window(9.0, utterance="u9"), talk, classes=CLASSES)
    with pytest.raises(ValueError, match="6 utterances but 5 embeddings"):
        baselines.gather(_window(9.0), talk, classes=CLASSES, sound=np.zeros((5, 2)))
    with pytest.raises(ValueError, match="known are anyone, speaker, window, in play"):
        baselines.gather(_window(9.0), talk, classes=CLASSES).latest("partner")


def test_embeddings_follow_their_utterances(talk):
    shuffled = talk.sample(frac=1, random_state=3)
    sound = np.array([[int(name[1])] for name in shuffled["utterance"]])
    past = baselines.gather(_window(9.0), shuffled, classes=CLASSES, sound=sound)
    assert [f"u{value}" for value in past.sound[:, 0]] == list(past.utterances["utterance"])


@pytest.fixture
def carried(make_talk, cut):
    talk = make_talk()
    windows = cut(talk, shifts=(0.0, 6.0))
    models = {name: baselines.of_labels()[name] for name in ("majority", "persistence")}
    split = Split(IN_PLAY, "dialogue", 3, 0)
    table = baselines.sweep(windows, talk, split, models=models)
    return baselines.with_last(table, windows, talk, classes=IN_PLAY), windows, talk


def test_the_last_emotion_is_that_of_persistence(carried):
    table, windows, talk = carried
    past = baselines.gather(windows, talk, classes=IN_PLAY)
    known = windows.assign(last=past.latest_emotion()).set_index(["shift_s", "utterance"])["last"]
    found = table.set_index(["shift_s", "utterance"])[baselines.LAST]
    pd.testing.assert_series_equal(found, known.loc[found.index], check_names=False)


def test_an_event_without_a_window_is_an_error(carried):
    table, windows, talk = carried
    with pytest.raises(ValueError, match="events have no window at their shift"):
        gone = table["utterance"].iloc[0], table["shift_s"].iloc[0]
        rest = windows[(windows["utterance"] != gone[0]) | (windows["shift_s"] != gone[1])]
        baselines.with_last(table, rest, talk, classes=IN_PLAY)


def test_windows_by_turns_know_nothing_of_what_ends_after_them(make_talk):
    """Whatever ends later is made longer and loses its label: neither the window nor its past changes."""
    talk = make_talk(n_dialogues=3, turns=14)
    events = talk[talk["emotion"].notna()]
    cut = windows.by_turns(events, talk, [1, 2, 3], length_s=8.0)
    turn = talk.groupby("dialogue").cumcount()
    ends = talk.assign(turn=turn).set_index(["dialogue", "turn"])["end_s"]
    of_event = dict(zip(talk["utterance"], turn, strict=True))
    assert set(cut["shift_s"]) == {1, 2, 3} and (cut["end_s"] < cut["onset_s"]).any() and (cut["start_s"] >= 0).all()
    for place, row in enumerate(cut.itertuples()):
        before = of_event[row.utterance] - int(row.shift_s)
        assert row.end_s <= min(row.onset_s, ends[row.dialogue, before]) and row.ahead_s == row.onset_s - row.end_s
        later = talk["dialogue"].eq(row.dialogue) & talk["end_s"].gt(row.end_s)
        changed = talk.assign(end_s=talk["end_s"] + 50 * later, emotion=talk["emotion"].mask(later))
        again = windows.by_turns(events, changed, [int(row.shift_s)], length_s=8.0)
        again = again[again["utterance"] == row.utterance]
        assert again[["start_s", "end_s"]].to_numpy().tolist() == [[row.start_s, row.end_s]]
        known, blind = (
            baselines.gather(window, table, classes=IN_PLAY).sequences()[0]
            for window, table in ((cut.iloc[[place]], talk), (again, changed))
        )
        assert known == blind

import numpy as np
import pandas as pd
import pytest

from emocast.corpora import conversations


def table(*turns):
    """An utterance table out of (dialogue, speaker, emotion, start, end)."""
    rows = pd.DataFrame(turns, columns=["dialogue", "speaker", "emotion", "start_s", "end_s"])
    return rows.astype({"dialogue": "string", "speaker": "string", "emotion": "string"})


@pytest.fixture
def utterances():
    return table(
        ("one", "a", "anger", 0, 2),
        ("one", "b", "anger", 2, 4),
        ("one", "a", None, 4, 12),
        ("one", "b", "sadness", 12, 15),
        ("one", "a", "anger", 20, 22),
        ("two", "c", "sadness", 0, 5),
        ("two", "d", "sadness", 11, 12),
    )


def test_pairs_stay_within_a_dialogue_and_pass_over_unlabelled_turns(utterances):
    found = conversations.pairs(utterances)
    assert found[["previous", "emotion"]].to_numpy().tolist() == [
        ["anger", "anger"],
        ["anger", "sadness"],
        ["sadness", "anger"],
        ["sadness", "sadness"],
    ]
    assert found["same_speaker"].tolist() == [False, True, False, False]
    assert found["dialogue"].tolist() == ["one", "one", "one", "two"]


def test_transitions_count_what_follows_in_the_projects_order(utterances):
    counts = conversations.transitions(utterances)
    assert list(counts.index) == list(counts.columns) == ["sadness", "anger"]
    assert counts.loc["anger", "sadness"] == counts.loc["sadness", "anger"] == 1
    assert counts.loc["anger", "anger"] == counts.loc["sadness", "sadness"] == 1


def test_repeats_by_hand(utterances):
    found = conversations.repeats(utterances, level=0.95, draws=50, random_state=0)
    first = found.loc[conversations.ANY]
    assert first["pairs"] == 4 and first["p_same"] == 0.5
    assert first["independent"] == pytest.approx(0.5)  # both sides: half anger, half sadness
    # dialogue one: 3 anger and 1 sadness, 6 of 12 ordered pairs alike; two: all alike; weighted by 3 and 1 pairs
    assert first["shuffled"] == pytest.approx((3 * 0.5 + 1 * 1.0) / 4)
    assert found.loc[conversations.SAME_SPEAKER, ["pairs", "p_same"]].tolist() == [1, 0]
    assert found.loc[conversations.OTHER_SPEAKER, "p_same"] == pytest.approx(2 / 3)


def test_repeats_know_mood_from_what_passes_from_turn_to_turn():
    """Dialogues with a mood and no order: shuffling changes nothing. Emotions in runs without mood: it does."""
    rng, names = np.random.default_rng(0), np.array(["anger", "sadness"])
    moods = [(n, k, names[int(rng.random() < (0.9 if n % 2 else 0.1))]) for n in range(40) for k in range(40)]
    mood = [(f"d{n}", "ab"[k % 2], emotion, k, k + 1) for n, k, emotion in moods]
    runs = [(f"d{n}", "ab"[k % 2], names[(k // 4 + n) % 2], k, k + 1) for n, k, _ in moods]
    of_mood, of_runs = (
        conversations.repeats(table(*turns), level=0.95, draws=100, random_state=0).loc[conversations.ANY]
        for turns in (mood, runs)
    )
    assert of_mood["independent"] == pytest.approx(0.5, abs=0.02)
    assert of_mood["low"] <= of_mood["shuffled"] <= of_mood["high"] and of_mood["shuffled"] > 0.75
    assert of_runs["p_same"] == pytest.approx(30 / 39)  # 9 changes in 39 pairs
    assert of_runs["shuffled"] < 0.52 < of_runs["low"]


def test_the_interval_is_of_dialogues():
    """Two kinds of dialogues, all alike within: single turns drawn would give a far narrower interval."""
    turns = [(f"d{n}", "a", "anger" if n % 2 or k % 2 else "sadness", k, k + 1) for n in range(10) for k in range(100)]
    row = conversations.repeats(table(*turns), level=0.95, draws=200, random_state=0).loc[conversations.ANY]
    assert row["p_same"] == pytest.approx(0.5)
    assert row["high"] - row["low"] > 0.3


def test_one_dialogue_gives_no_interval_and_no_warning(utterances, recwarn):
    only = utterances[utterances["dialogue"] == "one"]
    row = conversations.repeats(only, level=0.95, draws=10, random_state=0).loc[conversations.ANY]
    assert np.isnan(row["low"]) and not recwarn


def test_history_counts_labelled_turns_that_begin_late_enough(utterances):
    found = conversations.history(utterances, seconds=(10, 12, 20.5)).set_index(["seconds", "emotion"])
    assert found["events"].groupby("seconds").sum().tolist() == [6, 6, 6]
    assert found.loc[10.0, "enough"].to_dict() == {"anger": 1, "sadness": 2}
    assert found.loc[12.0, "enough"].to_dict() == {"anger": 1, "sadness": 1}  # a turn at 12 s has 12 s before it
    assert found.loc[20.5, "enough"].sum() == 0
    assert found.loc[(10.0, "sadness"), "share"] == pytest.approx(2 / 3)


def test_speech_tells_whose_turn_covers_what():
    turns = table(
        ("one", "a", "anger", 0, 4),  # a alone 2 to 3, with b 3 to 4
        ("one", "b", None, 3, 5),
        ("one", "b", None, 4.5, 6),  # b's turns overlap and count once
        ("one", "a", "anger", 8, 9),
        ("one", "c", "anger", 12, 14),
        ("two", "a", "anger", 0, 12),  # another dialogue's speech is not heard
    )
    windows = pd.DataFrame(
        {"dialogue": "one", "speaker": ["a", "c"], "start_s": [2.0, 2.0], "end_s": [12.0, 12.0]}, [7, 3]
    )
    shares = conversations.speech(windows, turns)
    assert list(shares.index) == [7, 3] and list(shares.columns) == list(conversations.PARTS)
    assert shares.loc[7].to_numpy() == pytest.approx([0.2, 0.2, 0.1, 0.5])
    assert shares.loc[3].to_numpy() == pytest.approx([0.0, 0.5, 0.0, 0.5])  # those of a and b together

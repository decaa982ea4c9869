import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from emocast import labels, windows
from emocast.corpora import cremad, emodb, table


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
    assert cut["end_s"].tolist() == (cut["onset_s"] - shift - guard).tolist()
    assert (cut["end_s"] - cut["start_s"]).eq(8).all()


def test_only_events_with_a_full_window_are_kept_and_a_window_knows_its_sessions_clock(events):
    assert "session_offset_s" not in windows.before(events, length_s=10)
    cut = windows.before(events.assign(session_offset_s=[1.0, 2.0, 3.0, 4.0]), shift_s=4, length_s=10)
    assert cut["onset_s"].tolist() == [20, 35] and cut["utterance_end_s"].tolist() == [21, 36]
    assert cut["session_offset_s"].tolist() == [3, 4]


def test_the_fixed_event_set_is_the_same_at_every_shift(events):
    sets = [
        set(windows.before(events, shift_s=shift, length_s=10, eligible_at_s=20)["utterance"]) for shift in (0, 10, 20)
    ]
    assert sets == [{"u35"}] * 3


def test_sweep_gives_each_shift_the_events_it_can_have(events):
    cut = windows.sweep(events, [0, 10, 20], length_s=10)
    counted = cut.groupby("shift_s")["utterance"].apply(list).to_dict()
    assert counted == {0: ["u10", "u20", "u35"], 10: ["u20", "u35"], 20: ["u35"]}


@pytest.mark.parametrize(
    "wrong", [{"shift_s": -1}, {"guard_s": -0.1}, {"length_s": 0}, {"shift_s": 4, "eligible_at_s": 2}]
)
def test_impossible_windows_are_refused(events, wrong):
    with pytest.raises(ValueError, match="no window"):
        windows.before(events, **{"length_s": 10, **wrong})


@pytest.fixture
def talk():
    """Turns that overlap: the second outlasts the third (a "yes" within it) and the fourth's onset; the fifth is unlabelled."""
    spans = [(0, 11), (10.5, 17), (13, 14), (16, 20), (21, 24), (25, 27)]
    rows = [
        {"utterance": f"u{turn}", "dialogue": "d", "session": "s", "scenario": "c", "speaker": "ab"[turn % 2], "audio": "d.wav",
         "start_s": float(start), "end_s": float(end), "emotion": None if turn == 4 else "neutral"}
        for turn, (start, end) in enumerate(spans)
    ]  # fmt: skip
    return table.build(rows, corpus="test")


def test_by_turns_a_window_ends_with_the_turn_so_many_before_the_event(talk):
    events = talk[talk["emotion"].notna()]
    cut = windows.by_turns(events, talk, [1, 2, 3], length_s=10)
    ends = {turns: dict(zip(own["utterance"], own["end_s"], strict=True)) for turns, own in cut.groupby("shift_s")}
    # u1 begins amid u0: up to its onset. u3 follows the "yes" u2. u4 has no label and is a turn all the same.
    assert ends[1] == {"u1": 10.5, "u2": 13, "u3": 14, "u5": 24}
    assert ends[2] == {"u2": 11, "u3": 14, "u5": 20}, "not 17: no window hears more than a nearer one"
    assert ends[3] == {"u3": 11, "u5": 14}
    assert (cut["ahead_s"] == cut["onset_s"] - cut["end_s"]).all() and (cut["end_s"] - cut["start_s"] == 10).all()
    assert set(cut) == {*windows.before(events, length_s=10), "ahead_s"}
    guarded = windows.by_turns(events, talk, [2], length_s=10, guard_s=1)
    assert dict(zip(guarded["utterance"], guarded["end_s"], strict=True)) == {"u2": 10, "u3": 13, "u5": 19}
    with pytest.raises(ValueError, match="at least one turn ahead"):
        windows.by_turns(events, talk, [0, 1], length_s=10)


def test_after_a_turn_of_unknown_end_nothing_is_cut_and_no_dialogue_looks_into_another(talk):
    unknown = talk.assign(end_s=talk["end_s"].where(talk["utterance"] != "u3"))
    cut = windows.by_turns(talk[talk["emotion"].notna()], unknown, [1, 2, 3], length_s=10)
    assert cut.loc[cut["utterance"] == "u5", "shift_s"].tolist() == [1]
    other = talk.assign(
        dialogue="e", utterance="e" + talk["utterance"], start_s=talk["start_s"] + 9, end_s=talk["end_s"] + 9
    )
    both = pd.concat([other, talk]).sample(frac=1, random_state=0)
    alone, together = (
        windows.by_turns(some[some["emotion"].notna()], some, [1, 2, 3], length_s=10) for some in (talk, both)
    )
    mine = together[together["dialogue"] == "d"].sort_values(["shift_s", "onset_s"], ignore_index=True)
    pd.testing.assert_frame_equal(mine, alone.sort_values(["shift_s", "onset_s"], ignore_index=True), check_dtype=False)


# Excitement events of IEMOCAP with an onset of 10 s or later; 977 is what the preprint's test sizes imply. The other
# classes only have to be larger: here their counts in the whole corpus (Busso et al. 2008, by majority vote).
COUNTS = {"excitement": 977, "sadness": 1084, "neutral": 1708, "anger": 1103, "frustration": 1849}


@pytest.fixture
def classes_of_iemocap():
    emotions = np.repeat(list(COUNTS), list(COUNTS.values()))
    return pd.DataFrame({"emotion": np.random.default_rng(0).permutation(emotions)})


@pytest.mark.parametrize(
    ("classes", "n_test"),
    [
        (["excitement", "sadness"], 391),
        (["excitement", "sadness", "neutral"], 587),
        (["excitement", "sadness", "neutral", "anger"], 782),
    ],
)
def test_published_test_sizes(classes_of_iemocap, classes, n_test):
    """Tables 1 to 3 of the preprint have supports of 391, 587 and 782 events."""
    sample = windows.undersample(classes_of_iemocap, classes=classes, random_state=0)
    assert sample["emotion"].value_counts().to_dict() == dict.fromkeys(classes, 977)
    assert len(train_test_split(sample, test_size=0.2, random_state=0)[1]) == n_test


def test_order_and_index_are_kept(classes_of_iemocap):
    sample = windows.undersample(classes_of_iemocap, classes=["anger", "sadness"], random_state=0)
    assert sample.index.is_monotonic_increasing and sample.index.is_unique
    assert sample["emotion"].equals(classes_of_iemocap.loc[sample.index, "emotion"])
    positions = windows.undersampled_positions(
        classes_of_iemocap["emotion"], classes=["anger", "sadness"], random_state=0
    )
    assert np.array_equal(positions, sample.index)


def test_missing_class_is_named(classes_of_iemocap):
    with pytest.raises(ValueError, match=r"no row of the class 'fear'.*'excitement': 977"):
        windows.undersample(classes_of_iemocap, classes=["excitement", "fear"], random_state=0)
    for faulty in ([], ["anger", "anger"]):
        with pytest.raises(ValueError, match="classes in play"):
            windows.undersample(classes_of_iemocap, classes=faulty, random_state=0)


# --- the thesis's balanced test sets: its sizes (section 5.1) test that the labels are read as it read them


@pytest.mark.parametrize(
    ("corpus", "emotions", "size"),
    [
        ("cremad", lambda root: cremad.votes(root)["self_reported"], 1087),
        ("cremad", lambda root: cremad.votes(root)["rated"], 353),
        ("emodb", lambda root: emodb.load(root)["emotion"], 62),
    ],
)
def test_balanced_test_sets_of_the_thesis(real, corpus, emotions, size):
    table = pd.DataFrame({"emotion": labels.four_classes(emotions(real(corpus)))})
    chosen = windows.undersample(table, classes=labels.FOUR, random_state=0)
    assert chosen["emotion"].value_counts().to_dict() == dict.fromkeys(labels.FOUR, size)

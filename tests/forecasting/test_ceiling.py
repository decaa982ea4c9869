import functools
from itertools import product

import numpy as np
import pandas as pd
import pytest

from emocast import windows as cutting
from emocast.forecasting import baselines, ceiling
from emocast.forecasting.ceiling import Filter
from emocast.forecasting.splits import Split
from emocast_twins import process
from emocast_twins.process import PROCESS, SHAPE, STATES

SCENARIO = process.SCENARIOS[3]

CLASSES = ["neutral", "excitement", "sadness"]
SHIFTS = [0.0, 6.0]
SPLIT = Split(CLASSES, "dialogue", 5, 0)
LINE = (("neutral", 0), (None, 1), ("anger", 1), ("xxx", 0), ("frustration", 1), ("happiness", 0))
SIZE = int(np.prod(SHAPE))


def _matrix(scenario, speaker):
    """The transition matrix of the whole chain, (1296, 1296), column by column of the identity."""
    return np.stack([PROCESS.turn(one.reshape(SHAPE), scenario, speaker).ravel() for one in np.eye(SIZE)])


@pytest.fixture(scope="module")
def matrices():
    return functools.cache(lambda name: [_matrix(process.scenario(name), speaker) for speaker in (0, 1)])


def _seen(label, speaker):
    """P(label | state), (1296,)."""
    seen = np.ones(len(STATES)) if label is None else process.channel()[:, process.GOLD.index(label)]
    shape = [-1 if axis == 2 + speaker else 1 for axis in range(4)]
    return np.broadcast_to(seen.reshape(shape), SHAPE).ravel()


def _forecast(line, speakers, scenario, matrices):
    """Forward filtering of the whole chain, written out: P(gold label) at the last of some turns to come."""
    states = PROCESS.start(scenario).ravel()
    for label, speaker in line:
        states = (states @ matrices[speaker]) * _seen(label, speaker)
        states = states / states.sum()
    for speaker in speakers:
        states = states @ matrices[speaker]
    return np.array([states @ _seen(label, speakers[-1]) for label in process.GOLD])


@pytest.mark.parametrize("length", [0, 1, 4, 6])
@pytest.mark.parametrize("speakers", [[1], [0, 1], [1, 1, 0, 1, 0]], ids=len)
def test_labels_are_filtered_as_the_whole_chain_has_it(length, speakers, matrices):
    known = Filter(SCENARIO.name)
    expected = _forecast(LINE[:length], speakers, SCENARIO, matrices(SCENARIO.name))
    turns = tuple((speaker, label) for label, speaker in LINE[:length])
    for _ in range(2):  # the second time from what was kept
        assert np.allclose(known.ahead(known.after(turns), speakers), expected, atol=1e-12)


@pytest.mark.parametrize("last", [None, 0, 1])
@pytest.mark.parametrize("event", [0, 1])
def test_where_turns_are_not_known_all_paths_are_weighed(last, event):
    """Every path of up to three turns, by hand."""
    known, shares, expected = Filter(SCENARIO.name), np.array([0.5, 0.2, 0.3]), 0.0
    states = known.after(((0, "anger"), (1, "neutral")))
    for turns, share in enumerate(shares, start=1):
        for path in product((0, 1), repeat=turns):
            steps = zip((last, *path), path, strict=False)
            chances = [
                0.5 if one is None else PROCESS.change if one != two else 1 - PROCESS.change for one, two in steps
            ]
            if path[-1] == event:
                expected = expected + share * np.prod(chances) * known.ahead(states, path)
    assert np.allclose(known.at_some_turn(states, shares, last=last, event=event), expected, atol=1e-12)


def test_true_states_leave_no_doubt_of_who_has_spoken():
    who = [0, 1, 1, 0, 1]
    drawn = PROCESS.sample(SCENARIO, who, np.random.default_rng(1))
    rows = list(drawn.itertuples(index=False, name=None))
    known = Filter(SCENARIO.name)
    states = known.after_states(who, rows)
    at = [STATES.index(rows[turn][column]) for column in (0, 1) for turn in (3, 4)]
    assert states[tuple(at)] == pytest.approx(1)
    alone = known.after_states(who[:1], rows[:1])
    assert alone.sum() == pytest.approx(1) and (alone > 0).sum() > 20, "the partner has not spoken yet"


@pytest.fixture(scope="module")
def windows(unspoken):
    return cutting.sweep(unspoken[1][unspoken[1]["emotion"].notna()], SHIFTS, length_s=10.0)


@pytest.fixture(scope="module")
def bounds(unspoken, windows):
    return ceiling.sweep(windows, *unspoken[::-1], SPLIT)


def _losses(table):
    """The mean log loss in nats: one row a shift, one column a model."""
    shares = table[[f"p_{name}" for name in CLASSES]].to_numpy()
    loss = -np.log(shares[np.arange(len(table)), table["emotion"].map(CLASSES.index)])
    return table.assign(loss=loss).pivot_table(index="shift_s", columns="model", values="loss")


def test_a_forecast_by_hand(unspoken, windows, bounds, matrices):
    """One event of each shift: its ended labels through the corpus's own filter, its true distance, and the sampling."""
    folder, table = unspoken
    truth = pd.read_csv(folder / "truth.csv").set_index("utterance")
    for shift in SHIFTS:
        events = bounds[(bounds["model"] == ceiling.CEILING) & (bounds["shift_s"] == shift)]
        event = events.iloc[37]
        end = windows.loc[(windows["shift_s"] == shift) & (windows["utterance"] == event["utterance"]), "end_s"].item()
        turns = table[table["dialogue"] == event["dialogue"]].reset_index(drop=True)
        ended = turns.index[turns["end_s"] <= end]
        labels = [
            truth.loc[turns["utterance"][turn], "gold"] if turn in ended else None for turn in range(max(ended) + 1)
        ]
        who = (turns["speaker"] != turns["speaker"].min()).astype(int).tolist()
        place = turns.index[turns["utterance"] == event["utterance"]].item()
        played = process.scenario(turns["scenario"].iloc[0])
        line, ahead = list(zip(labels, who, strict=False)), who[len(labels) : place + 1]
        every = _forecast(line, ahead, played, matrices(played.name))
        shared = windows[windows.groupby("utterance")["shift_s"].transform("nunique") == len(SHIFTS)]
        available = shared.loc[shared["shift_s"] == shift, "emotion"].value_counts()
        kept = [every[process.GOLD.index(name)] / available[name] for name in CLASSES]  # each class has as many events
        assert np.allclose(event[[f"p_{name}" for name in CLASSES]].to_numpy(dtype=float), np.array(kept) / sum(kept))


def test_events_and_folds_are_those_of_the_model(unspoken, windows, bounds):
    table = baselines.sweep(windows, unspoken[1], SPLIT, models={"majority": baselines.Majority()})
    assert list(bounds["model"].unique()) == list(ceiling.BOUNDS)
    for _, of_bound in bounds.groupby("model"):
        same = ["event_set", "shift_s", "fold", "utterance", "dialogue", "emotion"]
        assert of_bound[same].reset_index(drop=True).equals(table[same])
    assert list(bounds.columns) == list(table.columns)


def test_who_knows_more_forecasts_better(unspoken, windows, bounds):
    losses = _losses(bounds)
    assert (losses[ceiling.STATES] < losses[ceiling.CEILING] - 0.02).all()
    assert (losses[ceiling.CEILING] < losses[ceiling.ATTAINABLE] + 0.005).all(), "the number of turns tells little"
    fitted = baselines.sweep(windows, unspoken[1], SPLIT, models={"chain": baselines.Markov(2)})
    assert (_losses(fitted).min(axis=1) > losses[ceiling.ATTAINABLE]).all()


def test_nothing_after_the_window_is_known(unspoken, windows, tmp_path):
    """Another truth from the event's own turn on changes nothing; another one before does."""
    folder, talk = unspoken
    played = windows["scenario"].isin(["impro03", "impro08", "impro02"])  # excitement, neutral, sadness
    point = windows[windows["shift_s"].eq(6.0) & played].reset_index(drop=True)
    truth = pd.read_csv(folder / "truth.csv")
    split = Split(CLASSES, "dialogue", 2, 0)
    event = point[point["utterance"].isin(ceiling.sweep(point, talk, folder, split)["utterance"])].iloc[6]
    own = talk["dialogue"] == event["dialogue"]
    later = set(talk.loc[own & (talk["start_s"] >= event["end_s"]), "utterance"])
    before = set(talk.loc[own & (talk["start_s"] < event["end_s"]), "utterance"])

    def forecasts(changed):
        new = truth.copy()
        new.loc[new["utterance"].isin(changed), ["emotion", "gold"]] = ["anger", "anger"]
        (tmp_path / "synthetic.json").write_bytes((folder / "synthetic.json").read_bytes())
        new.to_csv(tmp_path / "truth.csv", index=False)
        table = ceiling.sweep(point, talk, tmp_path, split)
        return table[table["utterance"] == event["utterance"]].set_index("model")[[f"p_{name}" for name in CLASSES]]

    assert len(later) > 3 and len(before) > 1
    clean, same, other = forecasts(set()), forecasts(later), forecasts(before)
    for name in ceiling.BOUNDS:
        assert np.array_equal(clean.loc[name], same.loc[name])
        assert not np.allclose(clean.loc[name], other.loc[name])


def test_other_corpora_have_none_and_say_so(unspoken, windows, tmp_path):
    assert ceiling.exists(unspoken[0]) and not ceiling.exists(tmp_path)
    with pytest.raises(ValueError, match="has no ceiling; only the synthetic conversations have one"):
        ceiling.sweep(windows, unspoken[1], tmp_path, SPLIT)
    (tmp_path / "synthetic.json").write_text("{}", encoding="utf-8")
    (tmp_path / "truth.csv").write_text("utterance,role,emotion,label\n", encoding="utf-8")  # MELD's twin
    assert not ceiling.exists(tmp_path)
    about = (unspoken[0] / "synthetic.json").read_text(encoding="utf-8").replace(process.NAME, "another")
    (tmp_path / "synthetic.json").write_text(about, encoding="utf-8")
    (tmp_path / "truth.csv").write_bytes((unspoken[0] / "truth.csv").read_bytes())
    with pytest.raises(ValueError, match="was made by another process"):
        ceiling.sweep(windows, unspoken[1], tmp_path, SPLIT)

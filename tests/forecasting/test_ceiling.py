import numpy as np
import pandas as pd
import pytest

from emocast import windows as cutting
from emocast.forecasting import baselines, ceiling
from emocast.forecasting.ceiling import Filter
from emocast.forecasting.splits import Split
from emocast_twins import process
from emocast_twins.process import LONGEST, MOODS, PROCESS, STATES

SCENARIO = process.SCENARIOS[3]

CLASSES = ["neutral", "excitement", "sadness"]
SHIFTS = [0.0, 6.0]
SPLIT = Split(CLASSES, "dialogue", 5, 0)
LINE = ("neutral", None, "anger", "xxx", "frustration", "happiness")


def _forecast(labels, scenario, steps):
    """Forward filtering of the whole chain, written out: P(gold label) some turns after the last one."""
    transition, states = PROCESS.transition(scenario), PROCESS.start(scenario).ravel()
    for label in labels:
        seen = np.ones(len(STATES)) if label is None else process.channel()[:, process.GOLD.index(label)]
        states = states * np.tile(seen, len(MOODS) * LONGEST)
        states = states / states.sum() @ transition
    ahead = states @ np.linalg.matrix_power(transition, steps - 1)
    return ahead.reshape(-1, len(STATES)).sum(axis=0) @ process.channel()


@pytest.mark.parametrize("length", [0, 1, 4, 6])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_labels_are_filtered_as_the_whole_chain_has_it(length, steps):
    known = Filter(SCENARIO.name)
    expected = _forecast(LINE[:length], SCENARIO, steps)
    for _ in range(2):  # the second time from what was kept
        assert np.allclose(known.ahead(known.after(LINE[:length]), steps), expected, atol=1e-12)


@pytest.mark.parametrize("turns", [1, 2, 5, 14])
def test_true_states_are_those_of_the_whole_chain(turns):
    """A second way: filter all 384 states with mood and emotion as what is seen, turn by turn."""
    drawn = PROCESS.sample(SCENARIO, turns, np.random.default_rng(turns))
    transition, states = PROCESS.transition(SCENARIO), PROCESS.start(SCENARIO).ravel()
    for mood, emotion in drawn.itertuples(index=False):
        seen = np.zeros((len(MOODS), LONGEST, len(STATES)))
        seen[MOODS.index(mood), :, STATES.index(emotion)] = 1
        states = states * seen.ravel()
        states = states / states.sum() @ transition
    found = Filter(SCENARIO.name).after_states(drawn["mood"].tolist(), drawn["emotion"].tolist())
    assert np.allclose(found, states)


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


def test_a_forecast_by_hand(unspoken, windows, bounds):
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
        steps = turns.index[turns["utterance"] == event["utterance"]].item() - max(ended)
        played = process.scenario(turns["scenario"].iloc[0])
        every = _forecast(labels, played, steps)
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
    assert (losses[ceiling.CEILING] < losses[ceiling.ATTAINABLE]).all()
    fitted = baselines.sweep(windows, unspoken[1], SPLIT, models={"chain": baselines.Markov(2)})
    assert (_losses(fitted).min(axis=1) > losses[ceiling.ATTAINABLE]).all()


def test_nothing_after_the_window_is_known(unspoken, windows, tmp_path):
    """Another truth from the event's own turn on changes nothing; another one before does."""
    folder, talk = unspoken
    point = windows[windows["shift_s"].eq(6.0) & windows["scenario"].eq("impro01")].reset_index(drop=True)
    truth = pd.read_csv(folder / "truth.csv")
    split = Split(CLASSES, "dialogue", 2, 0)
    event = point[point["utterance"].isin(ceiling.sweep(point, talk, folder, split)["utterance"])].iloc[6]
    own = talk["dialogue"] == event["dialogue"]
    later = set(talk.loc[own & (talk["start_s"] >= event["end_s"]), "utterance"])
    before = set(talk.loc[own & (talk["start_s"] < event["end_s"]), "utterance"])

    def forecasts(changed):
        new = truth.copy()
        new.loc[new["utterance"].isin(changed), ["mood", "emotion", "gold"]] = ["tense", "anger", "anger"]
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
    (tmp_path / "truth.csv").write_text("utterance,mood,emotion,label\n", encoding="utf-8")  # MELD's twin
    assert not ceiling.exists(tmp_path)
    about = (unspoken[0] / "synthetic.json").read_text(encoding="utf-8").replace("version 1", "version 0")
    (tmp_path / "synthetic.json").write_text(about, encoding="utf-8")
    (tmp_path / "truth.csv").write_bytes((unspoken[0] / "truth.csv").read_bytes())
    with pytest.raises(ValueError, match="was made by another process"):
        ceiling.sweep(windows, unspoken[1], tmp_path, SPLIT)

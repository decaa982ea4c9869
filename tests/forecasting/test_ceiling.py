import numpy as np
import pandas as pd
import pytest

from emocast import windows as cutting
from emocast.forecasting import baselines, ceiling, history
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
    return cutting.sweep(unspoken[1][unspoken[1]["emotion"].notna()], SHIFTS)


@pytest.fixture(scope="module")
def bounds(unspoken, windows):
    return ceiling.sweep(windows, *unspoken[::-1], SPLIT, event_sets=["moving"])


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
        available = windows.loc[windows["shift_s"] == shift, "emotion"].value_counts()
        kept = [every[process.GOLD.index(name)] / available[name] for name in CLASSES]  # each class has as many events
        assert np.allclose(event[[f"p_{name}" for name in CLASSES]].to_numpy(dtype=float), np.array(kept) / sum(kept))


def test_events_and_folds_are_those_of_the_model(unspoken, windows, bounds):
    table = baselines.sweep(
        windows, unspoken[1], SPLIT, models={"majority": baselines.Majority()}, event_sets=["moving"]
    )
    assert list(bounds["model"].unique()) == list(ceiling.BOUNDS)
    for _, of_bound in bounds.groupby("model"):
        same = ["event_set", "shift_s", "fold", "utterance", "dialogue", "emotion"]
        assert of_bound[same].reset_index(drop=True).equals(table[same])
    assert list(bounds.columns) == list(table.columns)


def test_who_knows_more_forecasts_better(unspoken, windows, bounds):
    losses = _losses(bounds)
    assert (losses[ceiling.STATES] < losses[ceiling.CEILING] - 0.02).all()
    assert (losses[ceiling.CEILING] < losses[ceiling.ATTAINABLE]).all()
    models = {"chain": baselines.Markov(2)}
    fitted = baselines.sweep(windows, unspoken[1], SPLIT, models=models, event_sets=["moving"])
    assert (_losses(fitted).min(axis=1) > losses[ceiling.ATTAINABLE]).all()


def test_nothing_after_the_window_is_known(unspoken, windows, tmp_path):
    """Another truth from the event's own turn on changes nothing; another one before does."""
    folder, table = unspoken
    point = windows[windows["shift_s"] == 6.0].reset_index(drop=True)
    truth = pd.read_csv(folder / "truth.csv")
    event = point[(point["dialogue"] == "Ses02F_impro01") | (point["dialogue"] == "Ses02M_impro01")].iloc[6]
    rows = table.merge(truth[["utterance", "mood"]], on="utterance")
    own = rows["dialogue"] == event["dialogue"]
    later = set(rows.loc[own & (rows["start_s"] >= event["end_s"]), "utterance"])
    before = set(rows.loc[own & (rows["end_s"] <= event["end_s"]), "utterance"])
    past = history.gather(point, table, classes=CLASSES)

    def forecasts(changed):
        new = truth.copy()
        hit = new["utterance"].isin(changed)
        new.loc[hit, ["mood", "emotion", "gold"]] = ["tense", "anger", "anger"]
        _write(tmp_path, folder, new)
        known, told = ceiling._known(point, table, tmp_path, CLASSES)
        row = np.flatnonzero(point["utterance"] == event["utterance"])
        played = {event["scenario"]: Filter(event["scenario"])}
        return ceiling._forecasts(known.take(row), told, played)

    assert len(past) and len(later) > 3 and len(before) > 1
    clean, same, other = forecasts(set()), forecasts(later), forecasts(before)
    for name in ceiling.BOUNDS:
        assert np.array_equal(clean[name], same[name])
        assert not np.allclose(clean[name], other[name])


def _write(target, folder, truth):
    (target / "synthetic.json").write_bytes((folder / "synthetic.json").read_bytes())
    truth.to_csv(target / "truth.csv", index=False)


def test_the_fixed_set_is_weighted_by_its_own_events(unspoken, windows):
    """Cut down to the events that have a window at each shift, both sets are the same, and so are their forecasts."""
    shared = windows[windows.groupby("utterance")["shift_s"].transform("nunique") == len(SHIFTS)].reset_index(drop=True)
    assert len(shared) < len(windows)
    fixed = ceiling.sweep(windows, *unspoken[::-1], SPLIT, event_sets=["fixed"])
    moving = ceiling.sweep(shared, *unspoken[::-1], SPLIT, event_sets=["moving"])
    pd.testing.assert_frame_equal(
        fixed.drop(columns=["event_set", "fold"]), moving.drop(columns=["event_set", "fold"]), rtol=1e-9
    )


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

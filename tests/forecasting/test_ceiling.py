import numpy as np
import pandas as pd
import pytest

from emocast import windows as cutting
from emocast.corpora.synthetic import forecast, raters, script
from emocast.forecasting import baselines, ceiling, history

CLASSES = ["neutral", "excitement", "sadness"]
SHIFTS = [0.0, 6.0]
OPTIONS = {"classes": CLASSES, "protocol": "dialogue", "event_sets": ["moving"], "random_state": 0}


@pytest.fixture(scope="module")
def windows(unspoken):
    return cutting.sweep(unspoken[1][unspoken[1]["emotion"].notna()], SHIFTS)


@pytest.fixture(scope="module")
def bounds(unspoken, windows):
    return ceiling.sweep(windows, unspoken[1], unspoken[0], **OPTIONS)


def _losses(table):
    """The mean log loss in nats: one row a shift, one column a model."""
    shares = table[[f"p_{name}" for name in CLASSES]].to_numpy()
    loss = -np.log(shares[np.arange(len(table)), table["emotion"].map(CLASSES.index)])
    return table.assign(loss=loss).pivot_table(index="shift_s", columns="model", values="loss")


def test_a_forecast_by_hand(unspoken, windows, bounds):
    """One event of each shift: its heard labels through the corpus's own filter, its true distance, and the sampling."""
    folder, table = unspoken
    truth = pd.read_csv(folder / "truth.csv").set_index("utterance")
    for shift in SHIFTS:
        events = bounds[(bounds["model"] == ceiling.CEILING) & (bounds["shift_s"] == shift)]
        event = events.iloc[37]
        end = windows.loc[(windows["shift_s"] == shift) & (windows["utterance"] == event["utterance"]), "end_s"].item()
        turns = table[table["dialogue"] == event["dialogue"]].reset_index(drop=True)
        heard = turns.index[turns["end_s"] <= end]
        labels = [
            truth.loc[turns["utterance"][turn], "gold"] if turn in heard else None for turn in range(max(heard) + 1)
        ]
        steps = turns.index[turns["utterance"] == event["utterance"]].item() - max(heard)
        played = script.scenario(turns["scenario"].iloc[0])
        every = forecast.forecast(labels, played, steps)
        available = windows.loc[windows["shift_s"] == shift, "emotion"].value_counts()
        kept = [every[raters.GOLD.index(name)] / available[name] for name in CLASSES]  # each class has as many events
        assert np.allclose(event[[f"p_{name}" for name in CLASSES]].to_numpy(dtype=float), np.array(kept) / sum(kept))


def test_events_and_folds_are_those_of_the_model(unspoken, windows, bounds):
    table = baselines.sweep(windows, unspoken[1], models={"majority": baselines.of_labels()["majority"]}, **OPTIONS)
    assert list(bounds["model"].unique()) == list(ceiling.BOUNDS)
    for _, of_bound in bounds.groupby("model"):
        same = ["event_set", "shift_s", "fold", "utterance", "dialogue", "emotion"]
        assert of_bound[same].reset_index(drop=True).equals(table[same])
    assert list(bounds.columns) == list(table.columns)


def test_who_knows_more_forecasts_better(unspoken, windows, bounds):
    losses = _losses(bounds)
    assert (losses[ceiling.STATES] < losses[ceiling.CEILING] - 0.02).all()
    assert (losses[ceiling.CEILING] < losses[ceiling.ATTAINABLE]).all()
    names = ("Markov chain, order 2", "hidden semi-Markov")
    fitted = baselines.sweep(
        windows, unspoken[1], models={name: baselines.of_labels()[name] for name in names}, **OPTIONS
    )
    assert (_losses(fitted).min(axis=1) > losses[ceiling.ATTAINABLE]).all()


def test_the_forecasts_are_calibrated(bounds):
    """Balanced events are weighted: among the events forecast with about so much neutral, so many are neutral."""
    for name in ceiling.BOUNDS:
        table = bounds[bounds["model"] == name]
        for emotion in CLASSES:
            sure = table[f"p_{emotion}"]
            outcome = table["emotion"] == emotion
            for part in (sure < sure.median(), sure >= sure.median()):
                error = (sure[part] - outcome[part]).mean()
                assert abs(error) < 4 * np.sqrt(0.25 / part.sum())


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
        played = {event["scenario"]: ceiling.Filter(script.scenario(event["scenario"]))}
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
    fixed = ceiling.sweep(windows, unspoken[1], unspoken[0], **{**OPTIONS, "event_sets": ["fixed"]})
    moving = ceiling.sweep(shared, unspoken[1], unspoken[0], **{**OPTIONS, "event_sets": ["moving"]})
    pd.testing.assert_frame_equal(
        fixed.drop(columns=["event_set", "fold"]), moving.drop(columns=["event_set", "fold"]), rtol=1e-9
    )


def test_other_corpora_have_none_and_say_so(unspoken, windows, tmp_path):
    assert ceiling.exists(unspoken[0]) and not ceiling.exists(tmp_path)
    with pytest.raises(ValueError, match="has no ceiling; only the synthetic conversations have one"):
        ceiling.sweep(windows, unspoken[1], tmp_path, **OPTIONS)
    (tmp_path / "synthetic.json").write_text("{}", encoding="utf-8")
    (tmp_path / "truth.csv").write_text("utterance,mood,emotion,label\n", encoding="utf-8")  # MELD's twin
    assert not ceiling.exists(tmp_path)
    about = (unspoken[0] / "synthetic.json").read_text(encoding="utf-8").replace("version 1", "version 0")
    (tmp_path / "synthetic.json").write_text(about, encoding="utf-8")
    (tmp_path / "truth.csv").write_bytes((unspoken[0] / "truth.csv").read_bytes())
    with pytest.raises(ValueError, match="was made by another process"):
        ceiling.sweep(windows, unspoken[1], tmp_path, **OPTIONS)

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from emocast import metrics

CLASSES = ["neutral", "joy", "sadness"]


@pytest.fixture
def table():
    """Predictions as a sweep tables them: 400 events of 25 dialogues at one shift, with probabilities."""
    generator = np.random.default_rng(0)
    true = generator.choice(3, size=400, p=[0.5, 0.3, 0.2])
    shares = np.exp(generator.normal(size=(400, 3)) + 1.5 * np.eye(3)[true])
    shares /= shares.sum(axis=1, keepdims=True)
    return pd.DataFrame(
        {"event_set": "fixed", "shift_s": 2.0, "utterance": np.arange(400), "dialogue": generator.integers(25, size=400),
         "emotion": np.array(CLASSES)[true], "predicted": np.array(CLASSES)[shares.argmax(axis=1)],
         **{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)}}
    )  # fmt: skip


def test_row_holds_each_score_with_its_interval(table):
    row = metrics.evaluate_forecast(table, random_state=0)
    true, predicted, dialogue = (table[name].to_numpy() for name in ("emotion", "predicted", "dialogue"))
    shares = table[[f"p_{name}" for name in CLASSES]].to_numpy()
    expected = metrics.evaluate(true, predicted, labels=CLASSES)
    expected |= {"groups": 25, "brier": metrics.brier_losses(true, shares, labels=CLASSES).mean()}
    expected |= {"ece": metrics.calibration_error(true, shares, labels=CLASSES)}
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    options = {"random_state": 0}
    for name in ("accuracy", "uar", "f1_macro"):
        ends = metrics.bootstrap_interval(true, predicted, dialogue, metric=name, **options)
        assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx(ends)
    ends = metrics.loss_interval(metrics.brier_losses(true, shares, labels=CLASSES), dialogue, **options)
    assert (row["brier_low"], row["brier_high"]) == pytest.approx(ends)
    ends = metrics.calibration_interval(true, shares, dialogue, labels=CLASSES, **options)
    assert (row["ece_low"], row["ece_high"]) == pytest.approx(ends)
    assert len(row) == 2 + 5 * 3


@pytest.mark.parametrize("without", ["columns", "values"])
def test_without_probabilities_their_scores_are_missing(table, without):
    columns = [f"p_{name}" for name in CLASSES]
    bare = table.drop(columns=columns) if without == "columns" else table.assign(**dict.fromkeys(columns, np.nan))
    row, full = (metrics.evaluate_forecast(given, random_state=0) for given in (bare, table))
    assert np.isnan([row["brier"], row["brier_low"], row["ece"], row["ece_high"]]).all()
    assert row.keys() == full.keys() and row["uar_low"] == full["uar_low"]


def test_some_rows_without_probabilities_are_refused(table):
    table.loc[[3, 5], [f"p_{name}" for name in CLASSES]] = np.nan
    with pytest.raises(ValueError, match="2 of 400 rows"):
        metrics.evaluate_forecast(table, random_state=0)


def test_parts_of_a_long_table_are_scored_one_by_one(table):
    late = table.assign(shift_s=0.0, predicted="neutral")
    rows = metrics.evaluate_forecasts(pd.concat([table, late]), by=["event_set", "shift_s"], random_state=0)
    assert rows[["event_set", "shift_s"]].to_numpy().tolist() == [["fixed", 2.0], ["fixed", 0.0]]
    assert rows.loc[1, "accuracy"] == pytest.approx((table["emotion"] == "neutral").mean())
    assert rows.loc[0].drop(["event_set", "shift_s"]).to_dict() == metrics.evaluate_forecast(table, random_state=0)


@pytest.fixture
def shifts(table):
    """A model at three shifts and its reference, in another order: better by much, not at all, and at events of its own."""
    generator = np.random.default_rng(3)
    reference = [
        table.assign(shift_s=shift, predicted=generator.choice(CLASSES, size=400)) for shift in (0.0, 1.0, 2.0)
    ]
    models = [table.assign(shift_s=0.0), reference[1], table.assign(shift_s=2.0)]
    return pd.concat(models), pd.concat([reference[1], reference[0], reference[2].head(300)])


def test_comparison_is_a_family_of_tests(shifts):
    found = metrics.compare_forecasts(*shifts, by=["shift_s"], draws=999, random_state=0).set_index("shift_s")
    assert found["n"].to_dict() == {0: 400, 1: 400, 2: 300}
    assert found["left_out"].to_dict() == {0: 0, 1: 0, 2: 100}
    np.testing.assert_allclose(found["difference"], found["score"] - found["reference"])
    assert found.loc[1, ["difference", "low", "high", "p_value", "p_holm"]].tolist() == [0, 0, 0, 1, 1]
    assert (found.loc[[0, 2], "low"] > 0.1).all()
    np.testing.assert_allclose(found["p_holm"], metrics.holm(found["p_value"]))
    assert found.loc[0, "p_holm"] == 3 * found.loc[0, "p_value"] == pytest.approx(0.003)


def test_events_that_stand_twice_are_refused(shifts):
    with pytest.raises(ValueError, match="stands twice by utterance: name in `by`"):
        metrics.compare_forecasts(*shifts, random_state=0)


def test_subsets_are_nested_and_keep_dialogues_whole():
    dialogue = np.random.default_rng(0).integers(16, size=300)
    drawn = metrics.subsets(dialogue, [1, 1 / 8, 1 / 2, 1 / 4], random_state=0)
    assert [fraction for fraction, _ in drawn] == [1 / 8, 1 / 4, 1 / 2, 1]
    assert [len(np.unique(dialogue[rows])) for _, rows in drawn] == [2, 4, 8, 16]
    for (_, smaller), (_, larger) in pairwise(drawn):
        assert set(smaller) < set(larger)
    for _, rows in drawn:
        np.testing.assert_array_equal(rows, np.flatnonzero(np.isin(dialogue, dialogue[rows])))
    np.testing.assert_array_equal(drawn[-1][1], np.arange(300))
    with pytest.raises(ValueError, match=r"a fraction is 1\.5"):
        metrics.subsets(["a", "b"], (0.5, 1.5), random_state=0)

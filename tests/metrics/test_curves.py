from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from emocast import metrics


def test_subsets_are_nested_and_keep_dialogues_whole():
    dialogue = np.random.default_rng(0).integers(16, size=300)
    drawn = metrics.subsets(dialogue, random_state=0)
    assert [fraction for fraction, _ in drawn] == [1 / 8, 1 / 4, 1 / 2, 1]
    assert [len(np.unique(dialogue[rows])) for _, rows in drawn] == [2, 4, 8, 16]
    for (_, smaller), (_, larger) in pairwise(drawn):
        assert set(smaller) < set(larger)
    for _, rows in drawn:
        np.testing.assert_array_equal(rows, np.flatnonzero(np.isin(dialogue, dialogue[rows])))
    np.testing.assert_array_equal(drawn[-1][1], np.arange(300))


def test_the_order_of_rows_and_fractions_does_not_matter():
    dialogue = np.array([f"d{place}" for place in np.arange(40) // 4])
    mixed = np.random.default_rng(1).permutation(40)
    there = metrics.subsets(dialogue, (0.3, 1), random_state=2)
    back = metrics.subsets(dialogue[mixed], (1, 0.3), random_state=2)
    assert [set(dialogue[rows]) for _, rows in there] == [set(dialogue[mixed][rows]) for _, rows in back]


def test_seed_draws_the_dialogues():
    dialogue = np.arange(200) // 10
    first, again, other = (metrics.subsets(dialogue, (0.25,), random_state=seed)[0][1].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_the_smallest_subset_has_a_dialogue():
    assert len(metrics.subsets(["a", "b", "b"], (0.01,), random_state=0)[0][1]) in (1, 2)


@pytest.mark.parametrize("fraction", [0, 1.5, -0.5])
def test_faulty_fractions_are_named(fraction):
    with pytest.raises(ValueError, match=f"a fraction is {fraction}"):
        metrics.subsets(["a", "b"], (0.5, fraction), random_state=0)


@pytest.fixture
def predictions():
    """300 events of 30 dialogues, predicted by models of three fractions that are right for 40, 60 and 60 % of the events."""
    generator, tables = np.random.default_rng(0), []
    luck, true = generator.random(300), generator.choice(["neutral", "joy"], size=300)
    for fraction, right in ((0.25, 0.4), (0.5, 0.6), (1.0, 0.6)):
        predicted = np.where(luck < right, true, np.where(true == "joy", "neutral", "joy"))
        table = pd.DataFrame(
            {"fraction": fraction, "utterance": [f"u{row:03d}" for row in range(300)], "emotion": true}
        )
        table = table.assign(dialogue=np.arange(300) // 10, predicted=predicted, train_dialogues=24 * fraction)
        table = table.assign(train_events=240 * fraction + np.arange(300) % 2)
        tables.append(table.sample(frac=1, random_state=int(8 * fraction)))
    return pd.concat(tables[::-1])


def test_curve_has_a_row_a_fraction_with_what_the_step_brought(predictions):
    curve = metrics.learning_curve(predictions, random_state=0)
    assert curve["fraction"].tolist() == [0.25, 0.5, 1]
    assert curve["train_dialogues"].tolist() == [6, 12, 24] and curve["train_events"].tolist() == [60.5, 120.5, 240.5]
    np.testing.assert_allclose(curve["gain"], [np.nan, *np.diff(curve["accuracy"])])
    assert curve["accuracy"].tolist() == pytest.approx([0.4, 0.6, 0.6], abs=0.06)
    assert curve["gain_low"][1] > 0.1 and curve["gain_high"][1] < 0.3
    assert curve.loc[2, ["gain", "gain_low", "gain_high"]].tolist() == [
        0,
        0,
        0,
    ]  # the same predictions, in another order
    assert np.isnan(curve["brier"]).all()


def test_fractions_of_other_events_are_refused(predictions):
    with pytest.raises(ValueError, match="not of the same events"):
        metrics.learning_curve(
            predictions[~((predictions.fraction == 1) & (predictions.utterance == "u003"))], random_state=0
        )

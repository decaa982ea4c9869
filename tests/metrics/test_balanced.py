import time

import numpy as np
import pandas as pd
import pytest

from emocast import metrics
from emocast.sample import undersampled_positions

LABELS = ["neutral", "happiness", "sadness", "anger"]


@pytest.fixture
def recognised():
    """A corpus of 4,000 with unequal classes and a model that leans to neutral."""
    generator = np.random.default_rng(4)
    true = generator.choice(LABELS, size=4000, p=[0.5, 0.1, 0.15, 0.25])
    guess = generator.choice(LABELS, size=4000, p=[0.55, 0.05, 0.05, 0.35])
    return true, np.where(generator.random(4000) < 0.45, true, guess)


def test_draws_are_distributed_as_drawn_rows_are(recognised):
    """Against the plain way: choose the rows with `sample`, score them with `evaluate`."""
    true, predicted = recognised
    drawn = metrics.balanced_draws(true, predicted, labels=LABELS, draws=4000, random_state=0)
    by_rows = []
    for seed in range(300):
        rows = undersampled_positions(pd.Series(true), classes=LABELS, random_state=seed)
        by_rows.append(metrics.evaluate(true[rows], predicted[rows], labels=LABELS))
    by_rows = pd.DataFrame(by_rows)
    assert (drawn["n"] == by_rows["n"].iloc[0]).all()
    for name in ("accuracy", "uar", "f1_macro"):
        spread = by_rows[name].std()
        assert drawn[name].mean() == pytest.approx(by_rows[name].mean(), abs=4 * spread / np.sqrt(300))
        assert drawn[name].std() == pytest.approx(spread, rel=0.2)


def test_mean_accuracy_is_the_uar_of_all_rows(recognised):
    """A balanced draw weighs classes alike, so on average it gives the mean recall."""
    drawn = metrics.balanced_draws(*recognised, labels=LABELS, random_state=0)
    whole = metrics.evaluate(*recognised, labels=LABELS)
    assert drawn["accuracy"].mean() == pytest.approx(whole["uar"], abs=0.002)
    assert np.allclose(drawn["accuracy"], drawn["uar"])


def test_equal_classes_leave_nothing_to_chance():
    true = np.repeat(LABELS, 10)
    predicted = np.roll(true, 3)
    drawn = metrics.balanced_draws(true, predicted, labels=LABELS, draws=50, random_state=0)
    scores = metrics.evaluate(true, predicted, labels=LABELS)
    assert drawn["draw"].tolist() == list(range(50))
    for name, score in scores.items():
        assert np.allclose(drawn[name], score)


def test_summary_by_hand():
    scores = np.arange(101) / 100
    table = pd.DataFrame({"draw": range(101), "accuracy": scores, "uar": scores, "f1_macro": scores / 2, "n": 8})
    summary = metrics.summarise_draws(table, level=0.9)
    assert summary.loc["accuracy"].tolist() == pytest.approx([0.5, 0.05, 0.95])
    assert summary.loc["f1_macro"].tolist() == pytest.approx([0.25, 0.025, 0.475])
    assert summary.index.tolist() == ["accuracy", "uar", "f1_macro"]


def test_seed_fixes_the_draws(recognised):
    first, again, other = (
        metrics.balanced_draws(*recognised, labels=LABELS, draws=20, random_state=seed) for seed in (5, 5, 6)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_a_thousand_draws_take_milliseconds(recognised):
    started = time.process_time()
    metrics.balanced_draws(*recognised, labels=LABELS, draws=1000, random_state=0)
    assert time.process_time() - started < 0.25


def test_faulty_input_is_named(recognised):
    with pytest.raises(ValueError, match=r"no row of the class 'fear'.*'neutral': "):
        metrics.balanced_draws(*recognised, labels=[*LABELS, "fear"], random_state=0)
    with pytest.raises(ValueError, match="draws is 0"):
        metrics.balanced_draws(*recognised, labels=LABELS, draws=0, random_state=0)
    with pytest.raises(ValueError, match="level is 95"):
        metrics.summarise_draws(metrics.balanced_draws(*recognised, labels=LABELS, random_state=0), level=95)

"""Intervals from what tables keep, against draws whose truth is known."""

import numpy as np

from emocast.report import intervals


def test_the_interval_of_folds_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(70, 3, size=(2000, 5))
    ends = [intervals.of_folds(row.mean(), row.std(), folds=5, level=0.95) for row in draws]
    assert 0.94 <= np.mean([low <= 70 <= high for low, high in ends]) <= 0.96


def test_the_interval_of_a_correlation_covers_it():
    generator, covered = np.random.default_rng(1), 0
    for _ in range(500):
        x, y = generator.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=80).T
        low, high = intervals.of_correlation(np.corrcoef(x, y)[0, 1], n=80, level=0.95)
        covered += low <= 0.6 <= high
    assert 0.93 <= covered / 500 <= 0.97


def test_the_interval_of_a_mean_is_two_standard_errors():
    low, high = intervals.of_mean(1.0, 2.0, n=100, level=0.95)
    assert np.isclose([low, high], [1 - 0.392, 1 + 0.392], atol=1e-3).all()


def test_a_classs_scores_are_inside_their_intervals_and_more_events_narrow_them():
    def width(scale):
        ends = intervals.of_class(
            {"precision": 0.75, "recall": 0.6},
            support=50 * scale,
            total=120 * scale,
            level=0.95,
            draws=500,
            random_state=0,
        )
        f1 = 2 * 0.75 * 0.6 / 1.35
        for value, name in ((0.75, "precision"), (0.6, "recall"), (f1, "f1")):
            assert ends[name][0] < value < ends[name][1]
        return ends["f1"][1] - ends["f1"][0]

    assert width(9) < 0.5 * width(1)


def test_a_class_that_is_never_named_has_no_precision():
    scores = {"precision": 0.0, "recall": 0.0}
    ends = intervals.of_class(scores, support=10, total=30, level=0.95, draws=100, random_state=0)
    assert np.isnan(ends["precision"]).all() and ends["recall"] == (0, 0)

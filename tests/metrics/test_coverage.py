"""Do intervals and tests keep what they promise? In 500 simulated studies each, whose truth is known.

A study has 60 dialogues of 5 to 24 events, and how often a model is right is drawn for each dialogue: its events go together
as those of a corpus do. `benchmarks/coverage.py` makes the studies, and shows more scores and fewer dialogues.
"""

import numpy as np
import pytest
from benchmarks import coverage

from emocast import metrics

STUDIES, DIALOGUES = 500, 60


@pytest.fixture(scope="module")
def studies():
    seeds = np.random.SeedSequence(1).spawn(STUDIES)
    return [coverage.study(np.random.default_rng(seed), dialogues=DIALOGUES) for seed in seeds]


@pytest.mark.parametrize("metric", ["accuracy", "uar"])
def test_intervals_hold_the_truth(studies, metric):
    """The truth of both is exact: each class is right in 0.7 of its events, on average over dialogues."""
    held = {method: 0 for method in ("expanded", "percentile")}
    for seed, table in enumerate(studies):
        columns = [table[name].to_numpy() for name in ("emotion", "predicted", "dialogue")]
        for method in held:
            low, high = metrics.bootstrap_interval(*columns, metric=metric, method=method, draws=500, random_state=seed)
            held[method] += low <= 0.7 <= high
    assert 0.93 <= held["expanded"] / STUDIES <= 0.97
    assert 0.91 <= held["percentile"] / STUDIES <= held["expanded"] / STUDIES


def test_intervals_by_event_do_not(studies):
    """The simulation tells the two apart: drawn event by event, far fewer of the intervals hold the truth."""
    held = 0
    for seed, table in enumerate(studies[:100]):
        columns = table["emotion"].to_numpy(), table["predicted"].to_numpy(), np.arange(len(table))
        low, high = metrics.bootstrap_interval(*columns, draws=200, random_state=seed)
        held += low <= 0.7 <= high
    assert held < 85


@pytest.mark.parametrize("null", ["alike", "equal on average"])
def test_false_alarms_are_as_rare_as_promised(null):
    """Two models that score alike: in each dialogue one is better, at 5 % the test says so in 3 to 7 % of studies."""
    alarms = {"by dialogue": 0, "by event": 0}
    for seed in np.random.SeedSequence(2).spawn(STUDIES):
        generator = np.random.default_rng(seed)
        table = coverage.null_study(generator, null, dialogues=DIALOGUES)
        models = [table[name].to_numpy() for name in ("emotion", "predicted", "rival")]
        for by, groups in (("by dialogue", table["dialogue"].to_numpy()), ("by event", np.arange(len(table)))):
            test = metrics.permutation_test(*models, groups, draws=199, random_state=generator)
            alarms[by] += test["p_value"] <= 0.05
    assert 0.03 <= alarms["by dialogue"] / STUDIES <= 0.07
    assert alarms["by event"] / STUDIES > 0.1  # what swapping single events would claim

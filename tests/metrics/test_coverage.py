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
    held = 0
    for seed, table in enumerate(studies):
        columns = [table[name].to_numpy() for name in ("emotion", "predicted", "dialogue")]
        low, high = metrics.bootstrap_interval(*columns, metric=metric, draws=500, random_state=seed)
        held += low <= 0.7 <= high
    assert 0.93 <= held / STUDIES <= 0.97


@pytest.mark.parametrize(("groups", "least", "most"), [(5, 0.90, 0.94), (10, 0.93, 0.97), (20, 0.93, 0.97)])
def test_intervals_of_few_groups_hold_the_truth(groups, least, most):
    """How often a group is right varies by 14 points around 70 %. Of five groups less than promised: 92 %, and no less."""
    held, studies = 0, 1000
    for seed, sequence in enumerate(np.random.SeedSequence(4).spawn(studies)):
        generator = np.random.default_rng(sequence)
        owner = np.repeat(np.arange(groups), generator.integers(5, 25, size=groups))
        hits = generator.random(len(owner)) < generator.beta(7, 3, size=groups)[owner]
        low, high = metrics.bootstrap_interval(np.ones(len(owner), bool), hits, owner, draws=1000, random_state=seed)
        held += low <= 0.7 <= high
    assert least <= held / studies <= most


def test_intervals_of_a_difference_hold_the_truth():
    """Of two models that score alike on average, each of them better in some dialogues: the truth is 0 exactly."""
    held = {"by dialogue": 0, "by event": 0}
    for seed, sequence in enumerate(np.random.SeedSequence(3).spawn(STUDIES)):
        table = coverage.null_study(np.random.default_rng(sequence), "equal on average", dialogues=DIALOGUES)
        columns = [table[name].to_numpy() for name in ("emotion", "rival", "predicted")]
        for by, groups in (("by dialogue", table["dialogue"].to_numpy()), ("by event", np.arange(len(table)))):
            if by == "by event" and seed >= 100:  # so few of these hold it that fewer studies tell
                continue
            found = metrics.paired_bootstrap(*columns, groups, draws=500, random_state=seed)
            held[by] += found["low"] <= 0 <= found["high"]
    assert 0.93 <= held["by dialogue"] / STUDIES <= 0.97
    assert held["by event"] < 90


def test_intervals_of_a_skill_hold_the_truth(studies):
    """Its truth is the skill in one very large study."""
    large = coverage.study(np.random.default_rng(0), dialogues=40_000)
    hits = [(large[name] == large["emotion"]).mean() for name in ("predicted", "persistence", "ceiling")]
    truth, held = (hits[0] - hits[1]) / (hits[2] - hits[1]), 0
    for seed, table in enumerate(studies):
        columns = [table[name].to_numpy() for name in ("emotion", "predicted", "persistence", "ceiling", "dialogue")]
        found = metrics.skill(*columns, draws=500, random_state=seed)
        held += found["low"] <= truth <= found["high"]
    assert 0.93 <= held / STUDIES <= 0.97


#: The other scores: between which shares of the 95 % intervals hold the truth. Of a calibration error that is far from 0 it
#: is 92 % in the benchmark: less than promised, and no less than this.
REST = {"f1_macro": (0.93, 0.97), "brier": (0.93, 0.97), "ece, calibrated": (0.93, 0.98), "ece": (0.89, 0.97)}


@pytest.mark.slow
def test_the_intervals_of_the_other_scores_hold_the_truth():
    found = coverage.coverage(studies=STUDIES, dialogues=DIALOGUES, draws=500, random_state=1)
    covered = found.set_index("score")["covered"]
    for score, (low, high) in REST.items():
        assert low <= covered[score] <= high, score


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


@pytest.mark.parametrize("trainings", [3, 5])
def test_intervals_over_groups_and_seeds_hold_the_truth(trainings):
    """Of 20 dialogues and some seeds, of which each adds its own luck: who draws dialogues alone is too sure."""
    held, studies = {"groups and seeds": 0, "groups": 0}, 600
    for seed, sequence in enumerate(np.random.SeedSequence(5).spawn(studies)):
        generator = np.random.default_rng(sequence)
        owner, trained = (part.ravel() for part in np.indices((20 * 15, trainings)))
        owner //= 15
        rate = (
            0.7 + generator.normal(scale=0.06, size=20)[owner] + generator.normal(scale=0.03, size=trainings)[trained]
        )
        hits, options = generator.random(len(owner)) < rate, {"draws": 400, "random_state": seed}
        for name, seeds in (("groups and seeds", trained), ("groups", None)):
            low, high = metrics.bootstrap_interval(np.ones(len(owner), bool), hits, owner, seeds=seeds, **options)
            held[name] += low <= 0.7 <= high
    print(held)
    assert (
        0.94 <= held["groups and seeds"] / studies <= 0.985
    )  # noise of single events is drawn with both: rather too wide
    assert held["groups"] / studies < 0.90


@pytest.mark.parametrize("groups", [5, 9])
def test_false_alarms_of_few_groups_are_as_rare_as_promised(groups):
    """Two models alike on average, in sessions of uneven size; and a gain that all sessions have is found."""
    alarms, found, studies = 0, 0, 1000
    for sequence in np.random.SeedSequence(6).spawn(studies):
        generator = np.random.default_rng(sequence)
        owner = np.repeat(np.arange(groups), generator.integers(40, 80, size=groups))
        gains = generator.normal(scale=0.05, size=groups)[owner] + generator.choice([-1, 0, 1], size=len(owner))
        alarms += metrics.few_groups_test(gains, owner) <= 0.05
        found += metrics.few_groups_test(gains + 0.25, owner) <= 0.05
    assert 0.03 <= alarms / studies <= 0.07
    assert found / studies > 0.9

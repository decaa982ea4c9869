import time

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score

from emocast import metrics

LABELS = ["neutral", "excitement", "sadness", "anger"]


def test_identical_input_is_sure():
    true = np.array(["sadness", "neutral", "neutral", "anger"])
    assert metrics.bootstrap_interval(true, true, [1, 2, 3, 4], random_state=0) == (1, 1)


@pytest.mark.parametrize("options", [{"metric": "kappa"}, {"level": 95}, {"draws": 0}])
def test_faulty_bootstrap_options_are_named(guesses, options):
    with pytest.raises(ValueError, match=str(next(iter(options)))):
        metrics.bootstrap_interval(*guesses, np.arange(400), random_state=0, **options)


def test_one_group_has_no_interval(guesses):
    with pytest.warns(UserWarning, match="no interval"):
        interval = metrics.bootstrap_interval(*guesses, ["one"] * 400, random_state=0)
    assert np.isnan(interval).all()


def test_counted_bootstrap_is_the_bootstrap_over_rows(guesses):
    """The shortcut by counts has to agree with drawing the rows themselves, up to the chance of the draws."""
    groups = np.random.default_rng(2).integers(40, size=400)
    functions = {"accuracy": accuracy_score, "uar": _uar_by_rows, "f1_macro": _f1_by_rows}
    for name, function in functions.items():
        counted = metrics.bootstrap_interval(*guesses, groups, metric=name, draws=4000, random_state=3)
        by_rows = metrics.bootstrap_interval(*guesses, groups, metric=function, draws=2000, random_state=4)
        assert counted == pytest.approx(by_rows, abs=0.01)


def _uar_by_rows(true, predicted):
    return np.mean([(predicted[true == name] == name).mean() for name in np.unique(true)])


def _f1_by_rows(true, predicted):
    """Written out, because scikit-learn's is too slow for thousands of draws."""
    scores = []
    for name in np.union1d(true, predicted):
        hits = ((true == name) & (predicted == name)).sum()
        scores.append(2 * hits / ((true == name).sum() + (predicted == name).sum()))
    return np.mean(scores)


def test_whole_groups_are_drawn():
    """Two dialogues, one all right and one all wrong: a draw of whole groups scores 0, 1/2 or 1, and no draw else."""
    true = np.array(["neutral"] * 100)
    predicted = np.repeat(["neutral", "sadness"], 50)
    assert metrics.bootstrap_interval(true, predicted, np.repeat([0, 1], 50), random_state=0) == (0, 1)
    low, high = metrics.bootstrap_interval(true, predicted, np.arange(100), random_state=0)
    assert 0.35 < low < 0.45 < 0.55 < high < 0.65


def test_seed_fixes_the_interval(guesses):
    groups = np.arange(400) // 10
    first, again, other = (metrics.bootstrap_interval(*guesses, groups, random_state=seed) for seed in (5, 5, 6))
    assert first == again != other


def test_intervals_cover_the_truth():
    """Of 200 simulated studies with correlated dialogues, about 95 % of the intervals hold the true accuracy."""
    generator = np.random.default_rng(7)
    covered = ignorant = 0
    for _ in range(200):
        # The accuracy of a dialogue is itself random, with mean 0.7: correct answers are correlated within dialogues.
        of_dialogue = generator.beta(3.5, 1.5, size=60)
        groups = np.repeat(np.arange(60), generator.integers(5, 25, size=60))
        hit = generator.random(len(groups)) < of_dialogue[groups]
        true, predicted = np.full(len(groups), "neutral"), np.where(hit, "neutral", "sadness")
        covered += _holds(metrics.bootstrap_interval(true, predicted, groups, random_state=generator), 0.7)
        rows = np.arange(len(groups))
        ignorant += _holds(metrics.bootstrap_interval(true, predicted, rows, draws=200, random_state=generator), 0.7)
    assert 0.88 <= covered / 200 <= 0.99
    assert ignorant / 200 < 0.85  # what drawing single rows would claim: the simulation does tell the two apart


def _holds(interval, truth):
    return interval[0] <= truth <= interval[1]


def test_a_thousand_draws_take_milliseconds():
    generator = np.random.default_rng(8)
    true, predicted = generator.choice(LABELS, size=(2, 3000))
    groups = generator.integers(150, size=3000)
    started = time.process_time()
    metrics.bootstrap_interval(true, predicted, groups, metric="uar", random_state=0)
    assert time.process_time() - started < 0.25


@pytest.fixture
def ratings():
    """Valence of 30 speakers by 20: each speaker's predictions share an error, so rows of one speaker are alike."""
    generator = np.random.default_rng(9)
    speakers = np.repeat(np.arange(30), 20)
    true = generator.normal(3, 1, size=600)
    predicted = true + generator.normal(0, 0.8, size=30)[speakers] + generator.normal(0, 0.4, size=600)
    return true, predicted, speakers


def test_interval_of_a_concordance_by_groups(ratings):
    """Against draws by pandas: concatenate the drawn speakers' tables, score, take percentiles."""
    true, predicted, speakers = ratings
    interval = metrics.bootstrap_interval(true, predicted, speakers, metric=metrics.ccc, draws=3000, random_state=0)
    rows_of, generator = [np.flatnonzero(speakers == name) for name in range(30)], np.random.default_rng(1)
    scores = []
    for _ in range(2000):
        rows = np.concatenate([rows_of[name] for name in generator.choice(30, size=30)])
        x, y = true[rows], predicted[rows]
        scores.append(2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))
    assert interval == pytest.approx(np.quantile(scores, [0.025, 0.975]), abs=0.01)
    by_rows = metrics.bootstrap_interval(true, predicted, np.arange(600), metric=metrics.ccc, random_state=0)
    assert interval[1] - interval[0] > 1.5 * (by_rows[1] - by_rows[0])  # whole speakers are less sure


def test_a_thousand_concordances_take_a_second():
    generator = np.random.default_rng(8)
    true, predicted = generator.normal(size=(2, 10_000))
    started = time.process_time()
    metrics.bootstrap_interval(true, predicted, np.arange(10_000), metric=metrics.ccc, random_state=0)
    assert time.process_time() - started < 3


def test_a_model_differs_in_nothing_from_itself(guesses):
    true, predicted = guesses
    result = metrics.paired_bootstrap(true, predicted, predicted, random_state=0)
    assert (result["difference"], result["low"], result["high"], result["p_value"]) == (0, 0, 0, 1)


def test_difference_of_two_models_agrees_with_mcnemar():
    """Of 300 rows the second mends 40 and spoils 20: the exact sign test gives nearly the bootstrap's p-value."""
    true = np.array(["neutral"] * 300)
    first, second = np.full(300, "neutral"), np.full(300, "neutral")
    first[:40], second[40:60] = "sadness", "sadness"
    result = metrics.paired_bootstrap(true, first, second, draws=20_000, random_state=0)
    assert result["first"] == pytest.approx(260 / 300) and result["second"] == pytest.approx(280 / 300)
    assert result["difference"] == pytest.approx(20 / 300)
    half = 1.96 * np.sqrt(60 - 20**2 / 300) / 300  # the difference is a mean of +1, -1 and 0
    assert (result["low"], result["high"]) == pytest.approx((20 / 300 - half, 20 / 300 + half), abs=0.004)
    assert result["p_value"] == pytest.approx(stats.binomtest(20, 60).pvalue, abs=0.008)
    assert result["p_value"] == pytest.approx(2 * (result["opposite"] * 20_000 + 1) / 20_001)


def test_difference_turns_with_the_models(guesses):
    true, predicted = guesses
    groups, worse = np.arange(400) // 10, np.roll(predicted, 1)
    there = metrics.paired_bootstrap(true, predicted, worse, groups, metric="uar", random_state=0)
    back = metrics.paired_bootstrap(true, worse, predicted, groups, metric="uar", random_state=0)
    assert there["difference"] == -back["difference"] < 0
    assert (there["low"], there["high"]) == pytest.approx((-back["high"], -back["low"]))
    assert there["opposite"] == back["opposite"]


def test_both_models_are_scored_on_the_same_draws(ratings):
    """The second is the first with a tenth of a point added to every error: the difference hardly varies, the scores do."""
    true, predicted, speakers = ratings
    scores = dict(metric=lambda x, y: np.mean(np.abs(y - x)), random_state=0)
    second = predicted + np.sign(predicted - true) * 0.1
    result = metrics.paired_bootstrap(true, predicted, second, speakers, **scores)
    assert (result["low"], result["high"]) == pytest.approx((0.1, 0.1))
    low, high = metrics.bootstrap_interval(true, predicted, speakers, **scores)
    assert high - low > 0.1


def test_differences_of_groups_are_less_sure_than_of_rows():
    """The second model mends whole speakers: 12 of 20 better, 8 worse. By rows that seems certain, by speakers it is not."""
    speakers = np.repeat(np.arange(20), 50)
    true, wrong = np.full(1000, "neutral"), np.full(1000, "sadness")
    first = np.where(speakers < 12, wrong, true)
    second = np.where(speakers < 12, true, wrong)
    assert metrics.paired_bootstrap(true, first, second, random_state=0)["p_value"] < 0.01
    assert metrics.paired_bootstrap(true, first, second, speakers, random_state=0)["p_value"] > 0.1


def test_one_group_has_no_difference_interval(guesses):
    with pytest.warns(UserWarning, match="no interval"):
        result = metrics.paired_bootstrap(*guesses, guesses[0], ["one"] * 400, random_state=0)
    assert result["difference"] == pytest.approx(1 - result["first"])
    assert np.isnan([result["low"], result["high"], result["opposite"], result["p_value"]]).all()


def test_models_of_different_rows_are_refused(guesses):
    with pytest.raises(ValueError, match="y_true has 400 rows, second has 399"):
        metrics.paired_bootstrap(*guesses, guesses[1][1:], random_state=0)


def test_expanded_interval_of_a_mean_is_students():
    """Ten speakers, a normal value each: the percentiles are too narrow, and the expanded ones near the t interval."""
    values = stats.norm.ppf(np.linspace(0.05, 0.95, 10))
    options = {"metric": lambda _, drawn: drawn.mean(), "draws": 10_000, "random_state": 0}
    narrow, wide = (
        metrics.bootstrap_interval(values, values, np.arange(10), method=method, **options)
        for method in ("percentile", "expanded")
    )
    student = stats.t.interval(0.95, 9, loc=0, scale=stats.sem(values))
    assert wide == pytest.approx(student, abs=0.06)
    assert np.ptp(narrow) < 0.85 * np.ptp(student)


def test_expanded_interval_of_many_groups_is_the_percentile_one(guesses):
    ends = [
        metrics.bootstrap_interval(*guesses, np.arange(400), method=method, draws=4000, random_state=0)
        for method in ("percentile", "expanded")
    ]
    assert ends[0] == pytest.approx(ends[1], abs=0.003)


def test_expanded_interval_of_a_difference_is_wider_and_its_p_value_the_same(guesses):
    true, predicted = guesses
    models = true, predicted, np.roll(predicted, 1), np.arange(400) // 40
    narrow, wide = (
        metrics.paired_bootstrap(*models, method=name, random_state=0) for name in ("percentile", "expanded")
    )
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]
    assert wide["p_value"] == narrow["p_value"]


def test_unknown_method_is_named(guesses):
    with pytest.raises(ValueError, match="'bca': known are percentile, expanded"):
        metrics.bootstrap_interval(*guesses, np.arange(400), method="bca", random_state=0)

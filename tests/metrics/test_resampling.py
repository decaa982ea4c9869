import numpy as np
import pytest
from scipy import stats

from emocast import metrics


@pytest.mark.parametrize("options", [{"metric": "kappa"}, {"level": 95}, {"draws": 0}])
def test_faulty_bootstrap_options_are_named(guesses, options):
    with pytest.raises(ValueError, match=str(next(iter(options)))):
        metrics.bootstrap_interval(*guesses, np.arange(400), random_state=0, **options)


def test_one_group_has_no_interval(guesses):
    with pytest.warns(UserWarning, match="no interval"):
        interval = metrics.bootstrap_interval(*guesses, ["one"] * 400, random_state=0)
    assert np.isnan(interval).all()


@pytest.mark.parametrize("name", ["accuracy", "uar", "f1_macro"])
def test_counted_bootstrap_is_the_bootstrap_over_rows(guesses, name):
    """The shortcut by counts has to agree with drawing the rows themselves, up to the chance of the draws."""
    groups, labels = np.random.default_rng(2).integers(40, size=400), np.unique(guesses)
    counted = metrics.bootstrap_interval(*guesses, groups, metric=name, draws=4000, random_state=3)

    def by_rows(true, predicted):
        return metrics.evaluate(true, predicted, labels=labels)[name]

    assert counted == pytest.approx(
        metrics.bootstrap_interval(*guesses, groups, metric=by_rows, draws=1000, random_state=4), abs=0.012
    )


def test_whole_groups_are_drawn():
    """Two dialogues, one all right and one all wrong: a draw of whole groups scores 0, 1/2 or 1, and no draw else."""
    true = np.array(["neutral"] * 100)
    predicted = np.repeat(["neutral", "sadness"], 50)
    assert metrics.bootstrap_interval(true, predicted, np.repeat([0, 1], 50), random_state=0) == (0, 1)
    low, high = metrics.bootstrap_interval(true, predicted, np.arange(100), random_state=0)
    assert 0.35 < low < 0.45 < 0.55 < high < 0.65


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


def test_interval_of_a_mean_is_students():
    """Ten speakers, a normal value each: as wide as the t interval, where percentiles of the draws are a fifth narrower."""
    values = stats.norm.ppf(np.linspace(0.05, 0.95, 10))
    options = {"metric": lambda _, drawn: drawn.mean(), "draws": 10_000, "random_state": 0}
    student = stats.t.interval(0.95, 9, loc=0, scale=stats.sem(values))
    assert metrics.bootstrap_interval(values, values, np.arange(10), **options) == pytest.approx(student, abs=0.06)


@pytest.fixture
def mended(guesses):
    """Two models on 400 events in 12 dialogues; the second mends a quarter of the first one's errors."""
    true, first = guesses
    generator = np.random.default_rng(2)
    second = np.where(generator.random(400) < 0.25, true, first)
    return true, first, second, generator.integers(12, size=400)


def test_p_value_is_that_of_all_sign_flips_of_the_dialogues(mended):
    """Scipy flips the signs of the dialogues' gains in hits in all ways; 60 events are taken, so that p is no extreme."""
    true, first, second, dialogue = (column[:60] for column in mended)
    gains = np.array([((second == true) * 1 - (first == true))[dialogue == name].sum() for name in np.unique(dialogue)])
    exact = stats.permutation_test((gains,), np.sum, permutation_type="samples", n_resamples=np.inf)
    found = metrics.permutation_test(true, first, second, dialogue, draws=40_000, random_state=0)
    assert 0.01 < exact.pvalue < 0.5
    assert found["p_value"] == pytest.approx(exact.pvalue, abs=0.01)
    assert found["difference"] == pytest.approx(gains.sum() / 60)


@pytest.mark.parametrize("name", ["accuracy", "uar", "f1_macro"])
def test_shortcut_by_counts_is_the_swap_of_rows(mended, name):
    labels = list(np.unique(np.concatenate(mended[:3])))

    def by_rows(true, predicted):
        return metrics.evaluate(true, predicted, labels=labels)[name]

    options = {"draws": 200, "random_state": 4}
    counted = metrics.permutation_test(*mended, metric=name, **options)
    called = metrics.permutation_test(*mended, metric=by_rows, **options)
    assert counted == pytest.approx(called)
    assert counted["second"] > counted["first"] and counted["p_value"] < 1


def test_dialogues_are_swapped_whole():
    """The second model mends 12 dialogues of 20 and spoils 8: among events that is certain, among dialogues it is chance."""
    dialogue = np.repeat(np.arange(20), 50)
    true, wrong = np.full(1000, "neutral"), np.full(1000, "sadness")
    models = true, np.where(dialogue < 12, wrong, true), np.where(dialogue < 12, true, wrong)
    by_dialogue = metrics.permutation_test(*models, dialogue, random_state=0)["p_value"]
    assert by_dialogue == pytest.approx(stats.binomtest(12, 20).pvalue, abs=0.015)
    assert metrics.permutation_test(*models, np.arange(1000), random_state=0)["p_value"] < 0.001


def test_p_value_counts_the_observed_division():
    """Ten dialogues, all mended: 2 in 1,024 divisions are as far from zero, and no p-value is 0."""
    dialogue, true = np.arange(10), np.full(10, "neutral")
    wrong = np.full(10, "sadness")
    test = metrics.permutation_test(true, wrong, true, dialogue, draws=9, random_state=1)
    assert test["p_value"] == 1 / 10
    many = metrics.permutation_test(true, wrong, true, dialogue, draws=100_000, random_state=0)
    assert many["p_value"] == pytest.approx(2 / 1024, rel=0.2)


def _split(only_first, only_second, both=30, neither=10):
    """Events of two models that are right as often as said, alone, together or not."""
    first = np.repeat([1, 0, 1, 0], [only_first, only_second, both, neither])
    second = np.repeat([0, 1, 1, 0], [only_first, only_second, both, neither])
    return metrics.mcnemar_test(np.ones(len(first)), first, second)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 9), (12, 12), (40, 20), (1, 7)])
def test_mid_p_is_the_binomial_test_less_half_of_the_observed_split(one, other):
    """1 against 7 is the example of Bentur et al. 2009 in Fagerland et al. 2013: exact 18 / 256, mid-p 10 / 256."""
    test, exact = _split(one, other), stats.binomtest(one, one + other).pvalue
    observed = stats.binom.pmf(one, one + other, 0.5)  # half of it on each side where the split is uneven
    assert (test["only_first"], test["only_second"]) == (one, other)
    assert test["p_mid"] == pytest.approx(exact - (observed if one != other else observed / 2))
    assert (one, other) != (1, 7) or test["p_mid"] == pytest.approx(10 / 256)


def test_holm_rejects_what_the_steps_reject():
    """Against the procedure in its original form: compare the i-th smallest with level / (m - i), stop at the first above."""
    generator = np.random.default_rng(0)
    for _ in range(200):
        p_values = generator.beta(0.4, 3, size=7)
        rejected = np.zeros(7, dtype=bool)
        for step, place in enumerate(np.argsort(p_values)):
            if p_values[place] > 0.05 / (7 - step):
                break
            rejected[place] = True
        np.testing.assert_array_equal(metrics.holm(p_values) <= 0.05, rejected)


def test_a_test_that_was_not_made_does_not_count():
    np.testing.assert_allclose(metrics.holm([0.02, np.nan, 0.03]), [0.04, np.nan, 0.04])
    with pytest.raises(ValueError, match="between 0 and 1"):
        metrics.holm([0.1, 1.2])


@pytest.fixture
def events():
    """600 events of 40 dialogues; the easy dialogues are easy for persistence (0.5), model (0.6) and ceiling (0.9) alike."""
    generator = np.random.default_rng(0)
    ease = generator.uniform(-0.3, 0.3, size=40)[np.arange(600) // 15]
    true = generator.choice(["neutral", "joy"], size=600)
    other = np.where(true == "joy", "neutral", "joy")
    drawn = generator.random(600)
    said = {name: np.where(drawn < mean + ease, true, other) for name, mean in
            {"persistence": 0.5, "predicted": 0.6, "ceiling": 0.9}.items()}  # fmt: skip
    return true, said["predicted"], said["persistence"], said["ceiling"], np.arange(600) // 15


def test_persistence_has_no_skill_and_the_ceiling_all(events):
    true, _, persistence, ceiling, dialogue = events
    for predicted, expected in ((persistence, 0), (ceiling, 1)):
        found = metrics.skill(true, predicted, persistence, ceiling, dialogue, random_state=0)
        assert (found["skill"], found["low"], found["high"]) == pytest.approx((expected,) * 3)
        assert (found["undefined"], found["reason"]) == (0, "")


def test_all_three_are_scored_on_the_same_draws(events):
    """Against a bootstrap written out, and one that draws each score by itself: the second is far wider."""
    true, *models, _ = events
    hits = np.array([model == true for model in models]).reshape(3, 40, 15).sum(axis=2)
    generator = np.random.default_rng(1)
    together = hits[:, generator.integers(40, size=(4000, 40))].sum(axis=2)
    apart = np.array([row[generator.integers(40, size=(4000, 40))].sum(axis=1) for row in hits])
    at = metrics.Resampling().percentiles(40)
    ends = [np.quantile((a - b) / (c - b), at) for a, b, c in (together, apart)]
    found = metrics.skill(*events, draws=4000, random_state=0)
    assert (found["low"], found["high"]) == pytest.approx(tuple(ends[0]), abs=0.015)
    assert np.ptp(ends[1]) > 2 * np.ptp(ends[0])


def test_without_a_gap_there_is_no_skill_and_a_reason(events):
    true, predicted, persistence, _, dialogue = events
    for ceiling in (persistence, np.full(600, "none")):
        found = metrics.skill(true, predicted, persistence, ceiling, dialogue, random_state=0)
        assert np.isnan([found["skill"], found["low"], found["high"]]).all()
        assert "not above persistence" in found["reason"]


def test_a_draw_in_which_persistence_is_above_the_ceiling_is_undefined():
    """Of 10 dialogues persistence misses three and the ceiling two others: draws with more of the two have a negative gap."""
    true, dialogue = np.full(100, "joy"), np.arange(100) // 10
    persistence = np.where(dialogue < 3, "neutral", "joy")
    ceiling = np.where((dialogue == 3) | (dialogue == 4), "neutral", "joy")
    found = metrics.skill(true, true, persistence, ceiling, dialogue, draws=4000, random_state=0)
    missed = np.random.default_rng(1).multinomial(10, [0.3, 0.2, 0.5], size=100_000)
    assert found["undefined"] == pytest.approx((missed[:, 0] <= missed[:, 1]).mean(), abs=0.03)

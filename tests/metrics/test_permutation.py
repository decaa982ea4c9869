import time

import numpy as np
import pytest
from scipy import stats

from emocast import metrics


@pytest.fixture
def models(guesses):
    """Two models on 400 events in 12 dialogues; the second mends a quarter of the first one's errors."""
    true, first = guesses
    generator = np.random.default_rng(2)
    second = np.where(generator.random(400) < 0.25, true, first)
    return true, first, second, generator.integers(12, size=400)


def test_a_model_differs_in_nothing_from_itself(guesses):
    test = metrics.permutation_test(*guesses, guesses[1], np.arange(400) // 10, random_state=0)
    assert (test["difference"], test["p_value"], test["groups"], test["differing"]) == (0, 1, 40, 0)


def test_p_value_is_that_of_all_sign_flips_of_the_dialogues(models):
    """Scipy flips the signs of the dialogues' gains in hits in all ways; 60 events are taken, so that p is no extreme."""
    true, first, second, dialogue = (column[:60] for column in models)
    gains = np.array([((second == true) * 1 - (first == true))[dialogue == name].sum() for name in np.unique(dialogue)])
    exact = stats.permutation_test((gains,), np.sum, permutation_type="samples", n_resamples=np.inf)
    found = metrics.permutation_test(true, first, second, dialogue, draws=40_000, random_state=0)
    assert 0.01 < exact.pvalue < 0.5
    assert found["p_value"] == pytest.approx(exact.pvalue, abs=0.01)
    assert found["difference"] == pytest.approx(gains.sum() / 60)


@pytest.mark.parametrize("name", ["accuracy", "uar", "f1_macro"])
def test_shortcut_by_counts_is_the_swap_of_rows(models, name):
    labels = list(np.unique(np.concatenate(models[:3])))

    def by_rows(true, predicted):
        return metrics.evaluate(true, predicted, labels=labels)[name]

    options = {"draws": 200, "random_state": 4}
    counted = metrics.permutation_test(*models, metric=name, **options)
    called = metrics.permutation_test(*models, metric=by_rows, **options)
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


def test_losses_are_compared_by_their_mean():
    """Of a mean loss it is the sign flip of the groups' sums, in either direction."""
    generator = np.random.default_rng(5)
    first = generator.gamma(2, size=80)
    second, dialogue = first + generator.normal(0.25, 1, size=80), np.arange(80) // 8
    options = {"metric": lambda _, loss: loss.mean(), "draws": 5000, "random_state": 0}
    found = metrics.permutation_test(np.zeros(80), first, second, dialogue, **options)
    sums = (second - first).reshape(10, 8).sum(axis=1)
    exact = stats.permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert found["p_value"] == pytest.approx(exact.pvalue, abs=0.02)
    back = metrics.permutation_test(np.zeros(80), second, first, dialogue, **options)
    assert back["difference"] == -found["difference"] and back["p_value"] == found["p_value"]


def test_seed_fixes_the_test(models):
    first, again, other = (metrics.permutation_test(*models, draws=500, random_state=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["p_value"] != other["p_value"]


@pytest.mark.parametrize("options", [{"metric": "kappa"}, {"draws": 0}])
def test_faulty_options_are_named(models, options):
    with pytest.raises(ValueError, match=str(next(iter(options)))):
        metrics.permutation_test(*models, random_state=0, **options)


def test_ten_thousand_swaps_take_a_moment():
    generator = np.random.default_rng(8)
    true, first, second = generator.choice(["neutral", "joy", "sadness"], size=(3, 3000))
    started = time.process_time()
    metrics.permutation_test(true, first, second, generator.integers(150, size=3000), metric="uar", random_state=0)
    assert time.process_time() - started < 1

import numpy as np
import pytest

from emocast import metrics


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


def test_skill_is_the_share_of_the_gap(events):
    found = metrics.skill(*events, metric="uar", random_state=0)
    true, *models, _ = events
    score, persistence, ceiling = (metrics.evaluate(true, model, labels=["neutral", "joy"])["uar"] for model in models)
    assert (found["score"], found["persistence"], found["ceiling"]) == pytest.approx((score, persistence, ceiling))
    assert found["skill"] == pytest.approx((score - persistence) / (ceiling - persistence))
    assert found["low"] < found["skill"] < found["high"]


def test_all_three_are_scored_on_the_same_draws(events):
    """Against a bootstrap written out, and one that draws each score by itself: the second is far wider."""
    true, *models, _ = events
    hits = np.array([model == true for model in models]).reshape(3, 40, 15).sum(axis=2)
    generator = np.random.default_rng(1)
    together = hits[:, generator.integers(40, size=(4000, 40))].sum(axis=2)
    apart = np.array([row[generator.integers(40, size=(4000, 40))].sum(axis=1) for row in hits])
    ends = [np.quantile((a - b) / (c - b), [0.025, 0.975]) for a, b, c in (together, apart)]
    found = metrics.skill(*events, method="percentile", draws=4000, random_state=0)
    assert (found["low"], found["high"]) == pytest.approx(tuple(ends[0]), abs=0.015)
    assert np.ptp(ends[1]) > 2 * np.ptp(ends[0])


def test_a_known_ceiling_is_the_same_in_every_draw(events):
    true, predicted, persistence, _, dialogue = events
    sure = metrics.skill(true, predicted, persistence, true, dialogue, random_state=0)
    assert metrics.skill(true, predicted, persistence, 1.0, dialogue, random_state=0) == sure
    assert sure["ceiling"] == 1


def test_without_a_gap_there_is_no_skill_and_a_reason(events):
    true, predicted, persistence, _, dialogue = events
    for ceiling in (persistence, 0.2):
        found = metrics.skill(true, predicted, persistence, ceiling, dialogue, random_state=0)
        assert np.isnan([found["skill"], found["low"], found["high"]]).all()
        assert "not above persistence" in found["reason"]


def test_draws_without_a_gap_widen_the_interval():
    """The gap is that of one dialogue of four: it is in no draw of (3/4)^4 = 32 %, so nothing can be said."""
    true, dialogue = np.full(40, "joy"), np.arange(40) // 10
    persistence = np.where(dialogue < 3, "joy", "neutral")
    predicted = np.where(np.arange(40) < 35, "joy", "neutral")
    found = metrics.skill(true, predicted, persistence, true, dialogue, draws=4000, random_state=0)
    assert found["skill"] == 0.5
    assert found["undefined"] == pytest.approx(0.75**4, abs=0.03)
    assert (found["low"], found["high"]) == (-np.inf, np.inf)
    assert "32" in found["reason"] or "31" in found["reason"]


def test_a_few_draws_without_a_gap_count_at_both_ends():
    """A gap in two dialogues of 10 (skill 1 in one, 0 in the other) is in no draw of 11 %: 80 % of the draws still has ends."""
    true, dialogue = np.full(100, "joy"), np.arange(100) // 10
    persistence = np.where(dialogue < 8, "joy", "neutral")
    predicted = np.where(dialogue < 9, "joy", "neutral")
    options = {"method": "percentile", "draws": 4000, "random_state": 0}
    wide = metrics.skill(true, predicted, persistence, true, dialogue, level=0.5, **options)
    assert wide["undefined"] == pytest.approx(0.8**10, abs=0.02) and wide["reason"] == ""
    assert (wide["low"], wide["high"]) == (0, 1)
    assert metrics.skill(true, predicted, persistence, true, dialogue, level=0.95, **options)["low"] == -np.inf


def test_a_draw_in_which_persistence_is_above_the_ceiling_is_undefined():
    """Of 10 dialogues persistence misses three and the ceiling two others: draws with more of the two have a negative gap."""
    true, dialogue = np.full(100, "joy"), np.arange(100) // 10
    persistence = np.where(dialogue < 3, "neutral", "joy")
    ceiling = np.where((dialogue == 3) | (dialogue == 4), "neutral", "joy")
    found = metrics.skill(true, true, persistence, ceiling, dialogue, draws=4000, random_state=0)
    missed = np.random.default_rng(1).multinomial(10, [0.3, 0.2, 0.5], size=100_000)
    assert found["undefined"] == pytest.approx((missed[:, 0] <= missed[:, 1]).mean(), abs=0.03)


def test_one_dialogue_has_a_skill_and_no_interval(events):
    with pytest.warns(UserWarning, match="no interval"):
        found = metrics.skill(*events[:4], np.zeros(600), random_state=0)
    assert found["skill"] > 0 and np.isnan([found["low"], found["high"]]).all() and "one group" in found["reason"]


@pytest.mark.parametrize("options", [{"metric": "kappa"}, {"level": 95}, {"draws": 0}, {"method": "bca"}])
def test_faulty_options_are_named(events, options):
    with pytest.raises(ValueError, match=str(next(iter(options)))):
        metrics.skill(*events, random_state=0, **options)


def test_a_ceiling_of_other_rows_is_refused(events):
    with pytest.raises(ValueError, match="ceiling has 599"):
        metrics.skill(*events[:3], events[3][1:], events[4], random_state=0)

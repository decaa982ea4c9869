import numpy as np
import pandas as pd
import pytest

from emocast import metrics
from emocast.corpora import cremad
from emocast.metrics import votes

LABELS = ["anger", "neutral"]


def choices(*rows):
    return pd.DataFrame(rows, columns=["utterance", "rater", "emotion", "weight"])


def test_losses_by_hand():
    found = metrics.vote_losses([[0.75, 0.25], [1, 0]], [[0.5, 0.5], [0.5, 0.5]])
    assert found["brier"].tolist() == pytest.approx([2 * 0.25**2, 0.5])
    assert found["cross_entropy"].tolist() == pytest.approx([np.log(2)] * 2)
    with pytest.raises(ValueError, match="1 of 2 rows of probabilities are no shares"):
        metrics.vote_losses([[1, 0], [1, 0]], [[0.5, 0.4], [1, 0]])
    with pytest.raises(ValueError, match=r"votes have the shape \(1, 2\)"):
        metrics.vote_losses([[1, 0]], [[1.0, 0.0, 0.0]])


def test_a_rater_is_held_against_the_others_alone():
    """Three raters, one of whom names two emotions, and one of another utterance who has nobody beside."""
    said = choices(("a", "E1", "anger", 1), ("a", "E2", "anger", 0.5), ("a", "E2", "neutral", 0.5),
                   ("a", "E3", "neutral", 1), ("a", "E4", "fear", 1), ("b", "E1", "anger", 1))  # fmt: skip
    own = metrics.choice_shares(said, labels=LABELS)
    assert own.loc["a"].to_numpy().tolist() == [[1, 0], [0.5, 0.5], [0, 1]], "E4 chose none of the classes"
    others = metrics.held_out(own)
    assert others.loc["a"].to_numpy().tolist() == [[0.25, 0.75], [0.5, 0.5], [0.75, 0.25]]
    assert others.loc["b"].isna().all(axis=None)


def test_humans_and_models_are_scored_on_the_same_votes():
    said = choices(*[(f"u{number}", f"E{rater}", "anger" if rater < number else "neutral", 1.0)
                     for number in range(4) for rater in range(3)])  # fmt: skip
    shares = metrics.choice_shares(said, labels=LABELS)
    knows = shares.groupby(level="utterance").mean()
    seeds = pd.concat([knows, 1 - knows])  # a model of two seeds, one of which says the contrary
    groups = pd.Series(["d0", "d0", "d1", "d1"], index=[f"u{number}" for number in range(4)])
    forecasts = {"knows": knows, "seeds": seeds}
    found = metrics.evaluate_votes(said, forecasts, groups, labels=LABELS, draws=50).set_index("forecaster")
    assert list(found.index) == ["knows", "seeds", votes.ONE, votes.HALF, votes.SHARES]
    assert (found["n"] == 4).all() and (found["groups"] == 2).all() and (found["votes"] == 12).all()
    # u0, u3: all agree. u1, u2: the one who is alone hears (0, 1) of the others, the two hear (0.5, 0.5)
    assert found.loc[votes.ONE, "brier"] == pytest.approx((2 + 0.5 + 0.5) / 3 / 2)
    assert np.isnan(found.loc[votes.ONE, "cross_entropy"])
    assert found.loc["knows", "brier"] < found.loc[votes.HALF, "brier"] < found.loc["seeds", "brier"]
    alone = metrics.evaluate_votes(said, {"no": 1 - knows}, groups, labels=LABELS, draws=50).set_index("forecaster")
    mean = (alone.loc["no", "brier"] + found.loc["knows", "brier"]) / 2
    assert found.loc["seeds", "brier"] == pytest.approx(mean)
    assert (found["brier_low"] <= found["brier"]).all() and (found["brier"] <= found["brier_high"]).all()
    with pytest.raises(ValueError, match="no utterance that was forecast has votes of two raters"):
        metrics.evaluate_votes(said, {"other": knows.rename(index="x{}".format)}, groups, labels=LABELS)


def test_the_ceiling_on_the_real_votes_of_crema_d(real):
    """Listeners of the sound alone: 68,568 votes. The distribution of nine others is better told by half sure than by sure."""
    said = cremad.choices(real("cremad"))
    labels = list(cremad.VOTES.values())
    assert len(said) == 68_568 and said["utterance"].nunique() == 7442
    speakers = said.drop_duplicates("utterance").set_index("utterance").index.to_series().str.slice(0, 4)
    asked = pd.get_dummies(speakers.index.to_series().str.slice(9, 12).map(cremad.LABELS)).astype(float)
    found = metrics.evaluate_votes(said, {"asked for": asked}, speakers, labels=labels, draws=100)
    found = found.set_index("forecaster")
    print(found.round(3).to_string())
    assert found.loc[votes.HALF, "brier"] < found.loc[votes.SHARES, "brier"] < found.loc[votes.ONE, "brier"]
    assert found.loc[votes.HALF, "cross_entropy"] < found.loc[votes.SHARES, "cross_entropy"]

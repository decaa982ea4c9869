"""Scores of classes and dimensions are those that can be worked out by hand, with intervals by the right unit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight

from emocast import labels, metrics
from emocast.ser import tables
from said import predicted_by

SEED = {"random_state": 5}
OPTIONS = {"level": 0.95, "draws": 400, "random_state": 3}

F1 = 29 / 36  # of the hand-made confusion matrix with rows that sum to 1: F1 is 2/3, 8/9, 2/3 and 1

UAR = 13 / 16


@pytest.fixture
def six():
    """Six speakers of whom each is recognised like each other: drawing them again changes nothing."""
    return predicted_by("ABCDEF")


@pytest.fixture
def noisy():
    """800 utterances of unequal classes by 20 speakers, half of them recognised."""
    generator = np.random.default_rng(8)
    true = generator.choice(labels.FOUR, size=800, p=[0.5, 0.1, 0.1, 0.3])
    guess = np.where(generator.random(800) < 0.4, true, generator.choice(labels.FOUR, size=800, p=[0.6, 0.1, 0.1, 0.2]))
    names = {
        "utterance": [f"u{number}" for number in range(800)],
        "speaker": generator.integers(20, size=800).astype(str),
    }
    return pd.DataFrame(names).assign(dialogue=pd.NA, emotion=true, predicted=guess)


def test_classification_by_hand(six):
    """Of one speaker's 4 neutral utterances 2 are drawn: both right, or one, each in half of the draws."""
    table = tables.classification({"one": predicted_by("A"), "six": six}, draws=2000, **SEED)
    first, second = table.iloc[0], table.iloc[1]
    assert first[["test_set", "n_per_class", "n", "available"]].tolist() == ["one", 2, 8, 10]
    assert (first["accuracy_draw_low"], first["accuracy_draw_high"]) == (6 / 8, 7 / 8)
    assert first["accuracy"] == pytest.approx(UAR, abs=0.005)
    assert first["interval_by"] == "utterance"
    assert second[["n_per_class", "n", "available"]].tolist() == [12, 48, 60]
    assert second["accuracy"] == pytest.approx(UAR, abs=0.002)
    assert second["f1_macro"] == pytest.approx(F1, abs=0.005)
    assert second[["accuracy_low", "accuracy_high"]].tolist() == pytest.approx([UAR, UAR])
    assert second[["f1_macro_low", "f1_macro_high"]].tolist() == pytest.approx([F1, F1])
    assert second["interval_by"] == "speaker"
    assert (table["chance"] == 0.25).all() and table["reason"].isna().all()


def test_scores_are_those_of_scikit_learn_with_balanced_weights(noisy):
    row = tables.classification({"noisy": noisy}, **SEED).iloc[0]
    true, predicted = noisy["emotion"], noisy["predicted"]
    f1 = f1_score(true, predicted, average="macro", sample_weight=compute_sample_weight("balanced", true))
    assert row["accuracy"] == pytest.approx(balanced_accuracy_score(true, predicted), abs=0.005)
    assert row["f1_macro"] == pytest.approx(f1, abs=0.01)
    counts = metrics.confusion(true, predicted, labels=labels.FOUR).to_numpy()
    assert tables.BALANCED["f1_macro"](counts) == pytest.approx(f1)
    for name in tables.SCORES:
        assert row[f"{name}_low"] < row[f"{name}_draw_low"] < row[name] < row[f"{name}_draw_high"] < row[f"{name}_high"]


def test_other_emotions_do_not_count(six):
    more = six.head(8).assign(utterance=lambda rows: "x" + rows["utterance"], emotion=["fear", pd.NA] * 4)
    excited = six.replace({"emotion": {"happiness": "excitement"}})
    expected = tables.classification({"": six}, **SEED)
    pd.testing.assert_frame_equal(tables.classification({"": pd.concat([excited, more])}, **SEED), expected)


def test_a_set_that_cannot_be_balanced_says_why(six):
    sets = {
        "lacks": six[six["emotion"] != "anger"],
        "none": six.assign(predicted=pd.NA),
        "empty": six.head(0),
        "whole": six,
    }
    table = tables.classification(sets, **SEED).set_index("test_set")
    assert table["reason"].fillna("").str.split(";").str[0].tolist() == [
        "no utterance of anger", "the model names no class", "no utterance of neutral, happiness, sadness, anger", "",
    ]  # fmt: skip
    assert table["accuracy"].notna().tolist() == [False, False, False, True]
    assert table["available"].tolist() == [48, 60, 0, 60]


def test_draws_of_speakers_and_the_error_that_they_show():
    """Of ten speakers alike nothing changes; where one of ten gains, a mean of one 1 and nine 0 has t = 1."""
    single = predicted_by("ABCDEFGHIJ", [("neutral", "sadness"), *((name, name) for name in labels.FOUR)] * 20)
    counts, how = tables.counts(single, "speaker"), metrics.Resampling(**SEED)
    assert counts.shape == (1, 10, 4, 4) and counts[0, 0, 0].tolist() == [20, 0, 20, 0]
    uar = tables.BALANCED["accuracy"]
    np.testing.assert_allclose(tables.drawn(counts, uar, how), 7 / 8)
    multi = single.assign(predicted=single["predicted"].where(single["speaker"].ne("A"), single["emotion"]))
    drawn = tables.drawn(np.stack([counts, tables.counts(multi, "speaker")], axis=2), uar, how)
    error = tables.standard_error(np.diff(drawn)[:, 0], 10)
    assert error == pytest.approx(20 / 400 / 4, rel=0.1)
    assert tables.p_value(20 / 400 / 4, error, 9, how.draws) == pytest.approx(0.34, abs=0.04)
    certain = (tables.p_value(gain, error, 9, 199) for gain, error in ((0.1, 0.0), (0.0, 0.0), (1.0, 0.001)))
    assert list(certain) == pytest.approx([1 / 200, 1, 1 / 200]), "no smaller than the draws can tell"


def trained(table, shares, *, seed=0):
    """Predictions of several trainings, of which each is right in such a share of the utterances, else says the next class."""
    following = dict(zip(labels.FOUR, (*labels.FOUR[1:], labels.FOUR[0]), strict=True))
    generator, tables_ = np.random.default_rng(seed), []
    for number, share in enumerate(shares):
        right = generator.permutation(len(table)) < share * len(table)
        said = table["emotion"].where(right, table["emotion"].map(following))
        tables_.append(table.assign(predicted=said, seed=number))
    return pd.concat(tables_, ignore_index=True)


@pytest.fixture
def many():
    """Twenty speakers with ten utterances of each class."""
    return predicted_by("ABCDEFGHIJKLMNOPQRST", [(name, name) for name in labels.FOUR] * 10)


def test_a_score_is_the_mean_over_seeds_and_its_interval_draws_them_too(many):
    """Trainings of 50, 60 and 70 %: their spread is ten points, which utterances of one training cannot show."""
    several, alone = trained(many, [0.5, 0.6, 0.7]), trained(many, [0.6])
    table = tables.classification({"three": several, "one": alone}, **OPTIONS).set_index("test_set")
    three, one = table.loc["three"], table.loc["one"]
    assert three["accuracy"] == pytest.approx(0.6, abs=0.02) and three["accuracy_sd"] == pytest.approx(0.1, abs=0.02)
    assert [three["trainings"], one["trainings"], three["available"]] == [3, 1, 800] and np.isnan(one["accuracy_sd"])
    # the standard error over three seeds, .1 / sqrt(3), and some 2.1 of it on either side
    assert three["accuracy_high"] - three["accuracy_low"] == pytest.approx(2 * 2.1 * 0.1 / np.sqrt(3), rel=0.25)
    assert one["accuracy_high"] - one["accuracy_low"] < 0.1
    same = tables.classification({"": pd.concat([alone, alone.assign(seed=1)])}, **OPTIONS).iloc[0]
    assert same["accuracy_low"] == pytest.approx(one["accuracy_low"], abs=0.01), "seeds that agree add nothing"


def test_a_difference_that_only_one_seed_shows_is_none(many):
    """In the same three trainings the second model is 30 points better in one, and no better in the others."""
    how, uar = metrics.Resampling(**OPTIONS), tables.BALANCED["accuracy"]
    for shares, shown in (([0.8, 0.5, 0.5], False), ([0.6] * 3, True)):
        counts = [tables.counts(trained(many, each), "speaker") for each in ([0.5] * 3, shares)]
        drawn = np.diff(tables.drawn(np.stack(counts, axis=2), uar, how))[:, 0]
        p_value = tables.p_value(drawn.mean(), tables.standard_error(drawn, 20), 19, how.draws)
        assert drawn.mean() == pytest.approx(0.1, abs=0.03)
        assert (how.ends(drawn, 20)[0] > 0) == shown and (p_value < 0.01 if shown else p_value > 0.1)


def test_what_one_training_has_not_seen_is_drawn_whole(many):
    rows = trained(many, [0.6]).assign(held_out=lambda rows: rows["speaker"].map(lambda name: f"s{ord(name) % 5}"))
    row = tables.classification({"x": rows}, **OPTIONS).iloc[0]
    assert row["interval_by"] == "held_out" and row["trainings"] == 5
    fewer = tables.classification({"x": rows[rows["held_out"] != "s0"]}, **OPTIONS).iloc[0]
    assert fewer["interval_by"] == "speaker" and fewer["trainings"] == 4


@pytest.mark.parametrize(
    ("speakers", "dialogues", "expected"),
    [
        ("AABBCCDDEE", "1234512345", "speaker"),
        ("AAAABBBBCC", "1122334455", "dialogue"),  # three speakers are too few
        ("AAAABBBBCC", "1111111111", "utterance"),
        ("AABBCCDDE?", "1122334455", "dialogue"),  # one row has no speaker
        ("AAAAAAAAAA", "??????????", "utterance"),
    ],
)
def test_the_coarsest_unit_that_can_be_drawn(speakers, dialogues, expected):
    names = {"speaker": list(speakers), "dialogue": list(dialogues), "utterance": range(10)}
    rows = pd.DataFrame(names).replace("?", pd.NA)
    assert tables.unit(rows) == expected


@pytest.fixture
def rated():
    """Six dialogues of two speakers: true 1, 2, 3, 4, predicted 2, 2, 3, 3; arousal is always predicted right."""
    rows = pd.DataFrame({"valence": [1.0, 2, 3, 4] * 6, "predicted_valence": [2.0, 2, 3, 3] * 6})
    rows = rows.assign(arousal=rows["valence"], predicted_arousal=rows["valence"], emotion=pd.NA, predicted=pd.NA)
    return rows.assign(utterance=range(24), dialogue=np.repeat(list("123456"), 4), speaker=["F", "M"] * 12)


def test_regression_by_hand(rated):
    """Errors 1, 0, 0, -1; variances 5/4 and 1/4; covariance 1/2."""
    table = tables.regression({"IEMOCAP (test)": rated}, **SEED).set_index("dimension")
    valence = table.loc["valence"]
    names = ["n", "mse", "max_error", "error_mean", "error_std", "correlation", "ccc", "mse_of_mean", "spread"]
    expected = [24, 0.5, 1, 0, np.sqrt(0.5), 2 / np.sqrt(5), 2 / 3, 1.25, np.sqrt(0.2)]
    assert valence[names].tolist() == pytest.approx(expected)
    assert valence[["ccc_low", "ccc_high"]].tolist() == pytest.approx([2 / 3, 2 / 3])  # the dialogues are all alike
    assert valence["interval_by"] == "dialogue"
    assert table.loc["arousal", ["mse", "ccc", "spread"]].tolist() == pytest.approx([0, 1, 1])


def test_regression_stands_beside_what_was_published(rated):
    sets = {"random": rated, "unseen": rated}
    table = tables.regression(sets, experiment="ser-multiobjective", **SEED)
    assert table["dimension"].tolist() == ["valence"] * 3 + ["arousal"] * 3
    assert table["test_set"].tolist() == ["random", "unseen", "published: table 5.3"] * 2
    published = table.iloc[[2, 5]]
    assert published["mse"].tolist() == [0.4443, 0.3054]
    assert published["correlation"].tolist() == [0.7005, 0.7126]
    assert published["ccc"].isna().all()


def test_rows_without_values_are_left_out_and_sets_without_any_say_so(rated):
    rated.loc[[0, 1], "valence"] = np.nan
    sets = {"some": rated, "none": rated.assign(valence=np.nan), "classes": rated.drop(columns="predicted_valence")}
    table = tables.regression(sets, **SEED).query("dimension == 'valence'").set_index("test_set")
    assert table.loc["some", "n"] == 22
    assert table.loc["none", "reason"] == "no utterance has a true valence"
    assert table.loc["classes", "reason"] == "the model has no valence"


def test_the_interval_of_auc_is_that_of_ranking_every_draw_again():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"speaker": [f"s{n % 12}" for n in range(240)], "dialogue": "d", "utterance": range(240)})
    high = rng.random(240) < 0.4
    values = rng.normal(size=240) + 0.7 * high + rng.normal(size=12)[np.arange(240) % 12]
    options = {"draws": 4000, "level": 0.9, "random_state": 1}
    quick = tables.auc_interval(rows, high, values, "speaker", **options)
    plain = metrics.bootstrap_interval(high, values, rows["speaker"], metric=roc_auc_score, **options)
    assert quick == pytest.approx(plain, abs=0.006)

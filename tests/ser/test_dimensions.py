import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from emocast import labels, metrics
from emocast.ser import dimensions

SEED = {"random_state": 4}


@pytest.fixture
def rated():
    """Six dialogues of two speakers: true 1, 2, 3, 4, predicted 2, 2, 3, 3; arousal is always predicted right."""
    rows = pd.DataFrame({"valence": [1.0, 2, 3, 4] * 6, "predicted_valence": [2.0, 2, 3, 3] * 6})
    rows = rows.assign(arousal=rows["valence"], predicted_arousal=rows["valence"], emotion=pd.NA, predicted=pd.NA)
    return rows.assign(utterance=range(24), dialogue=np.repeat(list("123456"), 4), speaker=["F", "M"] * 12)


@pytest.fixture
def placed():
    """Six speakers, each with one utterance of each class, predicted where the class belongs."""
    middle = {"neutral": (3, 2), "happiness": (4, 4), "sadness": (2, 1), "anger": (1, 5)}
    rows = [
        {"utterance": f"{speaker}{emotion}", "speaker": speaker, "dialogue": pd.NA, "emotion": emotion,
         "valence": np.nan, "arousal": np.nan, "predicted_valence": float(valence), "predicted_arousal": float(arousal)}
        for speaker in "ABCDEF"
        for emotion, (valence, arousal) in middle.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_regression_by_hand(rated):
    """Errors 1, 0, 0, -1; variances 5/4 and 1/4; covariance 1/2."""
    table = dimensions.regression({"IEMOCAP (test)": rated}, **SEED).set_index("dimension")
    valence = table.loc["valence"]
    names = ["n", "mse", "max_error", "error_mean", "error_std", "correlation", "ccc", "mse_of_mean", "spread"]
    expected = [24, 0.5, 1, 0, np.sqrt(0.5), 2 / np.sqrt(5), 2 / 3, 1.25, np.sqrt(0.2)]
    assert valence[names].tolist() == pytest.approx(expected)
    assert valence[["ccc_low", "ccc_high"]].tolist() == pytest.approx([2 / 3, 2 / 3])  # the dialogues are all alike
    assert valence["interval_by"] == "dialogue"
    assert table.loc["arousal", ["mse", "ccc", "spread"]].tolist() == pytest.approx([0, 1, 1])


def test_regression_stands_beside_what_was_published(rated):
    sets = {"random": rated, "unseen": rated}
    table = dimensions.regression(sets, experiment="ser-multiobjective", **SEED)
    assert table["dimension"].tolist() == ["valence"] * 3 + ["arousal"] * 3
    assert table["test_set"].tolist() == ["random", "unseen", "published: table 5.3"] * 2
    published = table.iloc[[2, 5]]
    assert published["mse"].tolist() == [0.4443, 0.3054]
    assert published["correlation"].tolist() == [0.7005, 0.7126]
    assert published["ccc"].isna().all()
    first = dimensions.regression({"x": rated}, experiment="ser-regression", **SEED)
    assert first.loc[first["test_set"] == "published: table 5.2", "max_error"].tolist() == [2.4541, 1.7625]


def test_rows_without_values_are_left_out_and_sets_without_any_say_so(rated):
    rated.loc[[0, 1], "valence"] = np.nan
    sets = {"some": rated, "none": rated.assign(valence=np.nan), "classes": rated.drop(columns="predicted_valence")}
    table = dimensions.regression(sets, **SEED).query("dimension == 'valence'").set_index("test_set")
    assert table.loc["some", "n"] == 22
    assert table.loc["none", "reason"] == "no utterance has a true valence"
    assert table.loc["classes", "reason"] == "the model has no valence"


def test_classes_are_read_off_the_plane_that_training_showed(placed):
    train = placed.assign(valence=placed["predicted_valence"], arousal=placed["predicted_arousal"])
    train["valence"] += np.tile([-0.1, 0.1], 12)
    train["arousal"] += np.repeat([0.1, -0.1], 12)
    found = dimensions.from_dimensions(train, placed.set_index("utterance"))
    assert found.tolist() == placed["emotion"].tolist()
    assert found.index.tolist() == placed["utterance"].tolist()
    assert found.name == "predicted"


def test_frequent_classes_get_no_more_of_the_plane():
    """Halfway between two classes of equal spread a point goes to neither more, though one has 50 times the utterances."""
    around = pd.DataFrame({"valence": [-0.5, 0.5, 0, 0], "arousal": [0, 0, -0.5, 0.5]})
    centres = {"neutral": (2, 2), "happiness": (4, 4), "sadness": (2, 0), "anger": (0, 4)}
    parts = [
        pd.concat([around + centre] * (50 if emotion == "neutral" else 1)).assign(emotion=emotion)
        for emotion, centre in centres.items()
    ]
    said = pd.DataFrame({"predicted_valence": [2.99, 3.01], "predicted_arousal": [3.0, 3.0]})
    assert dimensions.from_dimensions(pd.concat(parts), said).tolist() == ["neutral", "happiness"]


def test_predictions_that_shrink_fall_to_the_middle_class(placed):
    """The limit that the docstring states: at a tenth of their distance from the middle all points are neutral."""
    place = placed["emotion"].map({"neutral": 0, "happiness": 1, "sadness": 2, "anger": 3})
    train = placed.assign(valence=place.map({0: 3, 1: 5, 2: 2, 3: 1}), arousal=place.map({0: 3, 1: 4, 2: 1, 3: 5}))
    train["valence"] += np.tile([-0.1, 0.1], 12)
    train["arousal"] += np.repeat([0.1, -0.1], 12)
    shrunk = {f"predicted_{name}": 3 + 0.1 * (train[name] - 3) for name in dimensions.DIMENSIONS}
    assert set(dimensions.from_dimensions(train, placed.assign(**shrunk))) == {"neutral"}


def test_a_class_that_training_lacks_is_named(placed):
    train = placed[placed["emotion"] != "anger"].assign(valence=1.0, arousal=1.0)
    with pytest.raises(ValueError, match="no training utterance of anger"):
        dimensions.from_dimensions(train, placed)


def test_direction_by_hand(placed):
    placed.loc[placed["speaker"] == "A", "predicted_arousal"] += 1.2  # moves the mean of six by 0.2
    table = dimensions.direction({"ShEMO": placed}, languages={"ShEMO": "Persian"}, **SEED)
    assert table["emotion"].tolist() == [*labels.FOUR] * 2
    assert table["mean"].tolist() == pytest.approx([3, 4, 2, 1, 2.2, 4.2, 1.2, 5.2])
    valence, arousal = table.iloc[:4], table.iloc[4:]
    assert (valence["low"] == valence["mean"]).all() and (valence["high"] == valence["mean"]).all()
    assert (arousal["low"] < arousal["mean"]).all() and (arousal["high"] > arousal["mean"]).all()
    assert (table["language"] == "Persian").all() and (table["interval_by"] == "speaker").all()
    assert table["n"].tolist() == [6] * 8 and table["true_mean"].isna().all()


def test_few_speakers_without_a_name_have_means_but_no_interval(placed):
    few = placed[placed["speaker"].isin(list("AB"))].assign(speaker=pd.NA)
    table = dimensions.direction({"x": few}, **SEED)
    assert table["mean"].notna().all() and table["low"].isna().all() and table["interval_by"].isna().all()


def test_separation_by_hand(placed):
    """Anger's valence lies under sadness's, so happiness is above both; one speaker in six has the arousal the wrong way."""
    turned = placed["speaker"].eq("A")
    placed.loc[turned, "predicted_arousal"] = 6 - placed.loc[turned, "predicted_arousal"]
    table = dimensions.separation({"x": placed}, **SEED).set_index("contrast")
    assert table.loc["happiness > sadness + anger", ["auc", "low", "high"]].tolist() == [1, 1, 1]
    # anger 5, 5, 5, 5, 5, 1 against sadness 1, 1, 1, 1, 1, 5: 25 pairs right, 1 wrong, 10 ties
    assert table.loc["anger > sadness", "auc"] == pytest.approx(30 / 36)
    assert table.loc["anger > sadness", "low"] < 30 / 36 < table.loc["anger > sadness", "high"]
    assert table.loc["happiness + anger > neutral + sadness", ["n_high", "n_low"]].tolist() == [12, 12]
    assert (table["interval_by"] == "speaker").all()


def test_a_side_without_utterances_has_no_separation(placed):
    table = dimensions.separation({"x": placed[placed["emotion"] != "anger"]}, **SEED).set_index("contrast")
    assert np.isnan(table.loc["anger > sadness", "auc"]) and table.loc["anger > sadness", "n_high"] == 0
    assert table.loc["happiness > sadness + anger", "auc"] == 1


def test_auc_is_that_of_scikit_learn():
    generator = np.random.default_rng(1)
    high, values = generator.random(300) < 0.3, generator.integers(8, size=300) / 2  # with many ties
    assert dimensions.auc(high, values) == pytest.approx(roc_auc_score(high, values))
    assert np.isnan(dimensions.auc(np.ones(3), [1, 2, 3]))


def test_the_interval_of_auc_is_that_of_ranking_every_draw_again():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"speaker": [f"s{n % 12}" for n in range(240)], "dialogue": "d", "utterance": range(240)})
    high = rng.random(240) < 0.4
    values = rng.normal(size=240) + 0.7 * high + rng.normal(size=12)[np.arange(240) % 12]
    options = {"draws": 4000, "level": 0.9, "random_state": 1}
    quick = dimensions._auc_interval(rows, high, values, **options)
    plain = metrics.bootstrap_interval(high, values, rows["speaker"], metric=dimensions.auc, **options)
    assert quick["interval_by"] == "speaker"
    assert (quick["low"], quick["high"]) == pytest.approx(plain, abs=0.006)

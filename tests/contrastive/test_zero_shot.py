import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from emocast.contrastive import prompts, zero_shot

CLASSES = ["neutral", "sadness", "anger"]
OPTIONS = {"level": 0.95, "draws": 100, "random_state": 0}
WORDS = {"neutral": ["plain", "even"], "sadness": ["sad"], "anger": ["angry", "cross"]}


@pytest.fixture
def texts():
    return pd.DataFrame(np.eye(3), index=pd.Index(CLASSES, name="emotion"))


@pytest.fixture
def sounds():
    """90 sounds in 9 dialogues near their class's direction, all of them pushed towards the words of anger."""
    generator = np.random.default_rng(0)
    codes = np.arange(90) % 3
    audio = np.eye(3)[codes] + generator.normal(0, 0.2, (90, 3)) + [0, 0, 1.5]
    table = pd.DataFrame({"emotion": np.array(CLASSES)[codes], "dialogue": [f"d{n}" for n in np.arange(90) // 10]})
    return audio, table


def test_the_cosine_knows_no_lengths():
    found = zero_shot.similarities(np.array([[3.0, 4.0]]), np.array([[10.0, 0.0], [0.0, 0.1], [-3.0, -4.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8, -1]])
    with pytest.raises(ValueError, match="sounds have 2 values and texts 3"):
        zero_shot.similarities(np.ones((1, 2)), np.ones((1, 3)))


def test_the_nearest_words_win(texts):
    said = zero_shot.classify(np.array([[0.9, 0.1, 0.0], [0.1, 0.2, 5.0]]), texts)
    assert said.tolist() == ["neutral", "anger"]


def test_calibration_takes_away_what_words_have_in_common_with_every_sound(texts, sounds):
    audio, table = sounds
    found = zero_shot.evaluate(audio, table, texts, **OPTIONS).set_index("way")
    assert found.loc["cosine", "uar"] < 0.45
    assert found.loc["cosine, calibrated", "uar"] > 0.95
    said = zero_shot.classify(audio, texts, reference=audio)
    assert found.loc["cosine, calibrated", "uar"] == pytest.approx(balanced_accuracy_score(table["emotion"], said))


def test_calibration_never_looks_at_what_is_tested_where_there_is_other_sound(texts, sounds):
    """The answers for some sounds do not depend on which others are tested beside them, nor on any label."""
    audio, table = sounds
    reference = audio[60:]
    said = zero_shot.classify(audio[:30], texts, reference=reference)
    assert (zero_shot.classify(audio[:60], texts, reference=reference)[:30] == said).all()
    assert (zero_shot.classify(audio[:30], texts, reference=reference * 7) == said).all()
    own = zero_shot.evaluate(audio[:30], table[:30], texts, **OPTIONS).set_index("way")
    other = zero_shot.evaluate(audio[:30], table[:30], texts, reference=reference, **OPTIONS).set_index("way")
    assert own["calibration"].tolist() == ["", zero_shot.TRANSDUCTIVE]
    assert other["calibration"].tolist() == ["", zero_shot.INDUCTIVE]
    skewed = zero_shot.evaluate(audio[:30], table[:30], texts, reference=audio[[0, 3]], **OPTIONS).set_index("way")
    assert skewed.loc["cosine, calibrated", "uar"] < other.loc["cosine, calibrated", "uar"]


def test_scores_stand_beside_guesses_that_know_nothing(texts, sounds):
    audio, table = sounds
    table = table.assign(emotion=np.where(np.arange(90) < 60, "anger", table["emotion"]))
    row = zero_shot.evaluate(audio, table, texts, **OPTIONS).iloc[1]
    assert row["chance"] == pytest.approx(1 / 3)
    two = zero_shot.evaluate(audio[:70], table[:70].replace("neutral", "sadness"), texts, **OPTIONS).iloc[1]
    assert two["chance"] == pytest.approx(1 / 2)  # the third class does not occur: naming one of the others scores half
    assert row["majority"] == pytest.approx(70 / 90)
    assert (row["n"], row["groups"]) == (90, 9)
    assert row["uar_low"] <= row["uar"] <= row["uar_high"] and row["uar_low"] < row["uar_high"]


def test_rows_without_embedding_or_class_are_left_out(texts, sounds):
    audio, table = sounds
    audio[4, 1] = np.nan
    table.loc[[7, 8], "emotion"] = ["fear", None]
    found = zero_shot.evaluate(audio, table, texts, reference=audio, **OPTIONS)
    assert set(found["n"]) == {87}
    with pytest.raises(ValueError, match="none of 90 rows"):
        zero_shot.evaluate(audio, table.assign(emotion="joy"), texts, **OPTIONS)
    with pytest.raises(ValueError, match="89 embeddings and 90 rows"):
        zero_shot.evaluate(audio[1:], table, texts, **OPTIONS)


def test_single_prompts_are_scored_as_each_alone_would_be(sounds):
    audio, table = sounds
    written = prompts.compose(CLASSES, ["{emotion}", "{emotion}!"], WORDS)
    embeddings = np.random.default_rng(2).normal(size=(len(written), 3))
    other = audio[table["emotion"] == "sadness"]  # whose mean is not that of the tested sound
    found = zero_shot.single_prompts(audio, table, written, embeddings, reference=other, random_state=0)
    assert len(found) == 2 * 2 * 4
    row = found[(found["template"] == "{emotion}!") & (found["words"] == "even, sad, cross")].set_index("way")
    places = [written.index[written["text"] == f"{word}!"][0] for word in ("even", "sad", "cross")]
    one = pd.DataFrame(embeddings[places], index=CLASSES)
    for way, reference in (("cosine", None), ("cosine, calibrated", other)):
        said = zero_shot.classify(audio, one, reference=reference)
        assert row.loc[way, "uar"] == pytest.approx(balanced_accuracy_score(table["emotion"], said))
        assert row.loc[way, "accuracy"] == pytest.approx((said == table["emotion"]).mean())


def test_a_probe_is_fitted_to_what_the_model_heard_and_tested_on_the_rest(sounds):
    audio, table = sounds
    heard = np.arange(90) < 60
    found = zero_shot.probe(audio, table, classes=CLASSES, heard=heard, **OPTIONS).iloc[0]
    assert (found["n"], found["groups"], found["way"]) == (30, 3, "linear probe")
    assert found["uar"] > 0.9
    wrong = table.assign(emotion=table["emotion"].where(~heard, np.roll(table["emotion"], 1)))
    assert zero_shot.probe(audio, wrong, classes=CLASSES, heard=heard, **OPTIONS).iloc[0]["uar"] < 0.1
    assert "training's" in found["calibration"]


def test_a_probe_of_a_model_that_heard_nothing_keeps_dialogues_whole(sounds):
    """Each dialogue lies elsewhere and has one emotion: a probe that had seen the dialogue would know it."""
    audio, table = sounds
    audio = np.eye(9)[np.arange(90) // 10] + np.random.default_rng(1).normal(0, 0.01, (90, 9))
    table["emotion"] = np.array(CLASSES)[np.arange(90) // 10 % 3]
    found = zero_shot.probe(audio, table, classes=CLASSES, heard=np.zeros(90), **OPTIONS).iloc[0]
    assert found["n"] == 90
    assert found["uar"] < 0.5
    assert "in folds, each dialogue whole" in found["calibration"]


def test_a_probe_that_cannot_be_is_a_reason_not_a_crash(sounds):
    audio, table = sounds
    alone = table.assign(emotion=np.where(table["dialogue"] == "d3", "anger", "sadness"))
    for heard, reason in ((np.zeros(90), "anger occurs in one dialogue"), (np.ones(90), "heard every row")):
        found = zero_shot.probe(audio, alone, classes=CLASSES, heard=heard, **OPTIONS).iloc[0]
        assert reason in found["calibration"]
        assert found[list(zero_shot.SCORES)].isna().all()
        assert (found["n"], found["chance"]) == (0, pytest.approx(1 / 3))

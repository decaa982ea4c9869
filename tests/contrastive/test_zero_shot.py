"""Words, prompts, and what is found with them: captions say what is known and no more, the nearest words win."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from emocast import contrastive, labels
from emocast.contrastive import Facts
from emocast.encoders import dual


def composed(known, count=300, seed=0):
    numbers = np.random.default_rng(seed)
    return [contrastive.caption(known, numbers) for _ in range(count)]


def sentence(template):
    """A pattern of all that a template can become."""
    parts = (re.escape(part) for part in re.split(r"someone|\{emotion\}", template))
    return re.compile(r".+?".join(parts))


def table(**columns):
    rows = {"utterance": ["a", "b", "c"], "emotion": None, "sex": None, "language": None, "arousal": np.nan, **columns}
    text = ["utterance", "emotion", "sex", "language"]
    return pd.DataFrame(rows).astype(dict.fromkeys(text, "string")).astype({"arousal": "float64"})


def test_every_emotion_but_other_has_words_of_all_three_kinds():
    assert list(contrastive.EMOTION_WORDS) == [name for name in labels.EMOTIONS if name != "other"]
    for emotion in contrastive.EMOTION_WORDS:
        kinds = contrastive.words(emotion), contrastive.words(emotion, "forms"), contrastive.words(emotion, "new")
        assert all(kinds) and len(set().union(*kinds)) == sum(map(len, kinds)), emotion


def test_held_out_synonyms_share_no_piece_with_a_word_that_is_taught_and_forms_share_some():
    pieces = {
        emotion: {piece for word in contrastive.words(emotion) for piece in dual.pieces(word)}
        for emotion in contrastive.EMOTION_WORDS
    }
    for emotion in contrastive.EMOTION_WORDS:
        for word in contrastive.words(emotion, "new"):
            assert not set().union(*pieces.values()) & set(dual.pieces(word)), word
        for word in contrastive.words(emotion, "forms"):
            shared = {name: len(set(dual.pieces(word)) & some) for name, some in pieces.items()}
            others = max(count for name, count in shared.items() if name != emotion)
            assert shared[emotion] >= 3 and shared[emotion] > others, word


def test_captions_never_use_what_is_held_out():
    for emotion in contrastive.EMOTION_WORDS:
        named = composed(Facts(emotion, "female", "en", "high"))
        held = {*contrastive.words(emotion, "forms"), *contrastive.words(emotion, "new")}
        assert not held & {word for caption in named for word in dual.words(caption)}, emotion
        used = {word for word in contrastive.words(emotion) if any(word in caption for caption in named)}
        assert used == set(contrastive.words(emotion)), "each that is taught is named"
        for template in contrastive.templates(held_out=True):
            assert not any(sentence(template).match(caption) for caption in named), template
    assert all(any(sentence(template).match(caption) for caption in named) for template in contrastive.templates())


def test_a_caption_says_what_is_known():
    named = composed(Facts("anger", "male", "de", "low"))
    assert all(any(word in caption for word in contrastive.words("anger")) for caption in named)
    assert any(caption.startswith("a man ") for caption in named) and any("he " in caption for caption in named)
    words = {word for caption in named for word in dual.words(caption)}
    assert {"german", "calmly", "calm"} <= words
    assert not {"woman", "she", "female", "english", "persian", "agitated", "intensely", "evenly", "someone"} & words
    assert 0.4 < np.mean(["German" in caption for caption in named]) < 0.6


def test_what_is_not_known_is_left_out():
    words = {word for caption in composed(Facts(None, None, None, None)) for word in dual.words(caption)}
    assert words == {"someone", "a", "person", "the", "speaker", "speaks", "talks", "speech", "of"}
    assert "speech of her" in composed(Facts(None, "female", None, None))


def test_facts_are_those_of_the_table():
    rows = table(
        emotion=["anger", "other", None], sex=["male", "female", None], language=["de", "xx", None], arousal=[1, 3, 5]
    )
    assert contrastive.facts(rows, limits=(2.0, 3.0)) == {
        "a": Facts("anger", "male", "de", "low"),
        "b": Facts(None, "female", None, "middle"),
        "c": Facts(None, None, None, "high"),
    }


def test_levels_are_thirds_and_a_missing_arousal_has_none():
    arousal = pd.Series([*range(1, 10), np.nan], dtype="float64")
    low, middle = contrastive.levels(arousal)
    assert (arousal <= low).sum() == 3 and (arousal <= middle).sum() == 6
    rows = table(arousal=[1.0, np.nan, 9.0])
    assert [known.manner for known in contrastive.facts(rows, limits=(low, middle)).values()] == ["low", None, "high"]
    unknown = contrastive.levels(pd.Series([np.nan, np.nan]))
    assert {known.manner for known in contrastive.facts(rows, limits=unknown).values()} == {None}


TEMPLATES = ["{emotion}", "somebody {emotion} speaks"]
FEW = {"anger": ["angry", "cross"], "sadness": ["sad", "blue", "low"]}


def test_every_word_stands_in_every_template():
    table = contrastive.compose(["sadness", "anger"], TEMPLATES, FEW)
    assert table.columns.tolist() == ["emotion", "template", "word", "text"]
    assert len(table) == 10
    assert table["emotion"].unique().tolist() == ["sadness", "anger"]
    assert table.iloc[4].tolist() == ["sadness", TEMPLATES[1], "blue", "somebody blue speaks"]


def test_an_ensemble_is_the_mean_of_directions_whatever_their_lengths():
    table = pd.DataFrame({"emotion": ["sadness", "sadness", "anger"]})
    made = contrastive.ensemble(table, np.array([[1.0, 0.0], [0.0, 100.0], [-3.0, 0.0]]))
    np.testing.assert_allclose(made.to_numpy(), [[np.sqrt(0.5), np.sqrt(0.5)], [-1, 0]])
    assert made.index.tolist() == ["sadness", "anger"]


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_what_points_nowhere_is_refused(bad):
    with pytest.raises(ValueError, match="points nowhere"):
        contrastive.unit(np.array([[1.0, 2.0], [bad, bad]]))


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
    found = contrastive.similarities(np.array([[3.0, 4.0]]), np.array([[10.0, 0.0], [0.0, 0.1], [-3.0, -4.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8, -1]])


def test_calibration_takes_away_what_words_have_in_common_with_every_sound(texts, sounds):
    audio, table = sounds
    found = contrastive.evaluate(audio, table, texts, **OPTIONS).set_index("way")
    assert found.loc["cosine", "uar"] < 0.45
    assert found.loc["cosine, calibrated", "uar"] > 0.95
    named = contrastive.classify(audio, texts, reference=audio)
    assert found.loc["cosine, calibrated", "uar"] == pytest.approx(balanced_accuracy_score(table["emotion"], named))


def test_calibration_never_looks_at_what_is_tested_where_there_is_other_sound(texts, sounds):
    """The answers for some sounds do not depend on which others are tested beside them, nor on any label."""
    audio, table = sounds
    reference = audio[60:]
    named = contrastive.classify(audio[:30], texts, reference=reference)
    assert (contrastive.classify(audio[:60], texts, reference=reference)[:30] == named).all()
    assert (contrastive.classify(audio[:30], texts, reference=reference * 7) == named).all()
    own = contrastive.evaluate(audio[:30], table[:30], texts, **OPTIONS).set_index("way")
    other = contrastive.evaluate(audio[:30], table[:30], texts, reference=reference, **OPTIONS).set_index("way")
    assert own["calibration"].tolist() == ["", contrastive.TRANSDUCTIVE]
    assert other["calibration"].tolist() == ["", contrastive.INDUCTIVE]
    skewed = contrastive.evaluate(audio[:30], table[:30], texts, reference=audio[[0, 3]], **OPTIONS).set_index("way")
    assert skewed.loc["cosine, calibrated", "uar"] < other.loc["cosine, calibrated", "uar"]


def test_scores_stand_beside_guesses_that_know_nothing(texts, sounds):
    audio, table = sounds
    table = table.assign(emotion=np.where(np.arange(90) < 60, "anger", table["emotion"]))
    row = contrastive.evaluate(audio, table, texts, **OPTIONS).iloc[1]
    assert row["chance"] == pytest.approx(1 / 3)
    two = contrastive.evaluate(audio[:70], table[:70].replace("neutral", "sadness"), texts, **OPTIONS).iloc[1]
    assert two["chance"] == pytest.approx(1 / 2)  # the third class does not occur: naming one of the others scores half
    assert row["majority"] == pytest.approx(70 / 90)
    assert (row["n"], row["groups"]) == (90, 9)
    assert row["uar_low"] <= row["uar"] <= row["uar_high"] and row["uar_low"] < row["uar_high"]


def test_rows_without_embedding_or_class_are_left_out(texts, sounds):
    audio, table = sounds
    audio[4, 1] = np.nan
    table.loc[[7, 8], "emotion"] = ["fear", None]
    found = contrastive.evaluate(audio, table, texts, reference=audio, **OPTIONS)
    assert set(found["n"]) == {87}
    with pytest.raises(ValueError, match="none of 90 rows"):
        contrastive.evaluate(audio, table.assign(emotion="joy"), texts, **OPTIONS)


def test_a_probe_is_fitted_to_the_training_and_tested_on_the_rest(sounds):
    audio, table = sounds
    trained = np.arange(90) < 60
    found = contrastive.probe(audio, table, classes=CLASSES, trained=trained, **OPTIONS).iloc[0]
    assert (found["n"], found["groups"], found["way"]) == (30, 3, "linear probe")
    assert found["uar"] > 0.9
    wrong = table.assign(emotion=table["emotion"].where(~trained, np.roll(table["emotion"], 1)))
    assert contrastive.probe(audio, wrong, classes=CLASSES, trained=trained, **OPTIONS).iloc[0]["uar"] < 0.1
    assert "training's" in found["calibration"]


def test_a_probe_of_a_model_without_training_sound_keeps_dialogues_whole(sounds):
    """Each dialogue lies elsewhere and has one emotion: a probe that had seen the dialogue would know it."""
    audio, table = sounds
    audio = np.eye(9)[np.arange(90) // 10] + np.random.default_rng(1).normal(0, 0.01, (90, 9))
    table["emotion"] = np.array(CLASSES)[np.arange(90) // 10 % 3]
    found = contrastive.probe(audio, table, classes=CLASSES, trained=np.zeros(90), **OPTIONS).iloc[0]
    assert found["n"] == 90
    assert found["uar"] < 0.5
    assert "in folds, each dialogue whole" in found["calibration"]


def test_a_probe_that_cannot_be_is_a_reason_not_a_crash(sounds):
    audio, table = sounds
    alone = table.assign(emotion=np.where(table["dialogue"] == "d3", "anger", "sadness"))
    for trained, reason in (
        (np.zeros(90), "anger occurs in one dialogue"),
        (np.ones(90), "every row was in the model's training"),
    ):
        found = contrastive.probe(audio, alone, classes=CLASSES, trained=trained, **OPTIONS).iloc[0]
        assert reason in found["calibration"]
        assert found[list(contrastive.SCORES)].isna().all()
        assert (found["n"], found["chance"]) == (0, pytest.approx(1 / 3))

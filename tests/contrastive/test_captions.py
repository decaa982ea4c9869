"""Captions say what the table knows and no more, never in the wordings that are held out."""

import re

import numpy as np
import pandas as pd
import pytest

from emocast import labels
from emocast.contrastive import captions
from emocast.contrastive.captions import Facts
from emocast.encoders import dual_words


def composed(known, count=300, seed=0):
    numbers = np.random.default_rng(seed)
    return [captions.compose(known, numbers) for _ in range(count)]


def sentence(template):
    """A pattern of all that a template can become."""
    parts = (re.escape(part) for part in re.split(r"someone|\{emotion\}", template))
    return re.compile(r".+?".join(parts))


def table(**columns):
    rows = {"utterance": ["a", "b", "c"], "emotion": None, "sex": None, "language": None, "arousal": np.nan, **columns}
    text = ["utterance", "emotion", "sex", "language"]
    return pd.DataFrame(rows).astype(dict.fromkeys(text, "string")).astype({"arousal": "float64"})


def test_every_emotion_but_other_has_words_of_all_three_kinds():
    assert list(captions.EMOTION_WORDS) == [name for name in labels.EMOTIONS if name != "other"]
    for emotion in captions.EMOTION_WORDS:
        kinds = captions.words(emotion), captions.forms(emotion), captions.words(emotion, held_out=True)
        assert all(kinds) and len(set().union(*kinds)) == sum(map(len, kinds)), emotion
    for function in (captions.words, captions.forms):
        with pytest.raises(ValueError, match="no words for the emotion 'other'; there are words for neutral, "):
            function("other")


def test_words_of_one_emotion_are_no_words_of_another():
    said = [word for wordings in captions.EMOTION_WORDS.values() for kind in wordings for word in kind]
    assert len(said) == len(set(said))


def test_held_out_synonyms_share_no_piece_with_a_word_that_is_taught_and_forms_share_some():
    pieces = {
        emotion: {piece for word in captions.words(emotion) for piece in dual_words.pieces(word)}
        for emotion in captions.EMOTION_WORDS
    }
    for emotion in captions.EMOTION_WORDS:
        for word in captions.words(emotion, held_out=True):
            assert not set().union(*pieces.values()) & set(dual_words.pieces(word)), word
        for word in captions.forms(emotion):
            shared = {name: len(set(dual_words.pieces(word)) & some) for name, some in pieces.items()}
            others = max(count for name, count in shared.items() if name != emotion)
            assert shared[emotion] >= 3 and shared[emotion] > others, word


def test_templates_hold_the_emotion_once_and_the_two_kinds_differ():
    taught, new = captions.templates(), captions.templates(held_out=True)
    assert len(taught) > 3 < len(new) and not set(taught) & set(new)
    assert all(re.findall(r"\{\w*\}", template) == ["{emotion}"] for template in taught + new)


def test_captions_never_use_what_is_held_out():
    for emotion in captions.EMOTION_WORDS:
        said = composed(Facts(emotion, "female", "en", "high"))
        held = {*captions.forms(emotion), *captions.words(emotion, held_out=True)}
        assert not held & {word for caption in said for word in dual_words.words(caption)}, emotion
        used = {word for word in captions.words(emotion) if any(word in caption for caption in said)}
        assert used == set(captions.words(emotion)), "each that is taught is said"
        for template in captions.templates(held_out=True):
            assert not any(sentence(template).match(caption) for caption in said), template
    assert all(any(sentence(template).match(caption) for caption in said) for template in captions.templates())


def test_a_caption_says_what_is_known():
    said = composed(Facts("anger", "male", "de", "low"))
    assert all(any(word in caption for word in captions.words("anger")) for caption in said)
    assert any(caption.startswith("a man ") for caption in said) and any("he " in caption for caption in said)
    words = {word for caption in said for word in dual_words.words(caption)}
    assert {"german", "calmly", "calm"} <= words
    assert not {"woman", "she", "female", "english", "persian", "agitated", "intensely", "evenly", "someone"} & words
    assert 0.4 < np.mean(["German" in caption for caption in said]) < 0.6


def test_what_is_not_known_is_left_out():
    words = {word for caption in composed(Facts(None, None, None, None)) for word in dual_words.words(caption)}
    assert words == {"someone", "a", "person", "the", "speaker", "speaks", "talks", "speech", "of"}
    assert "speech of her" in composed(Facts(None, "female", None, None))


def test_the_generator_decides():
    known = Facts("sadness", "female", "fa", "middle")
    assert composed(known) == composed(known) != composed(known, seed=1)
    assert len(set(composed(known))) > 100


def test_facts_are_those_of_the_table():
    rows = table(
        emotion=["anger", "other", None], sex=["male", "female", None], language=["de", "xx", None], arousal=[1, 3, 5]
    )
    assert captions.facts(rows, limits=(2.0, 3.0)) == {
        "a": Facts("anger", "male", "de", "low"),
        "b": Facts(None, "female", None, "middle"),
        "c": Facts(None, None, None, "high"),
    }


def test_levels_are_thirds_and_a_missing_arousal_has_none():
    arousal = pd.Series([*range(1, 10), np.nan], dtype="float64")
    low, middle = captions.levels(arousal)
    assert (arousal <= low).sum() == 3 and (arousal <= middle).sum() == 6
    rows = table(arousal=[1.0, np.nan, 9.0])
    assert [known.manner for known in captions.facts(rows, limits=(low, middle)).values()] == ["low", None, "high"]
    unknown = captions.levels(pd.Series([np.nan, np.nan]))
    assert {known.manner for known in captions.facts(rows, limits=unknown).values()} == {None}

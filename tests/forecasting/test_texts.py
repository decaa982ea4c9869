"""What the words before an event tell, and that nothing said after its window's end is among them."""

import numpy as np
import pandas as pd
import pytest

from emocast import windows as window_module
from emocast.forecasting import crossval, texts
from emocast.forecasting.splits import Split

QUIET = crossval.Computing(progress=False)


@pytest.fixture
def talk(make_talk):
    """Conversations in which each turn says its own name, so that what is heard can be read off the words."""
    table = make_talk(n_dialogues=9)
    return table.assign(text=table["utterance"].str.replace("_", "x").astype("string"))


def test_the_words_are_those_of_turns_that_ended_within_the_window(talk, cut):
    windows = cut(talk, shifts=(0.0, 3.0))
    for row, said in zip(windows.itertuples(), texts.heard(windows, talk), strict=True):
        ended = talk[(talk["dialogue"] == row.dialogue) & (talk["end_s"] <= row.end_s) & (talk["end_s"] > row.start_s)]
        assert said == " ".join(ended.sort_values("end_s", kind="stable")["text"])


def test_nothing_that_is_said_after_the_windows_end_is_heard(talk, cut):
    """For each window: other words in every turn that ends later, its event's own among them, change nothing."""
    windows = cut(talk, shifts=(3.0,))
    before = texts.heard(windows, talk)
    assert "text" not in windows, "a window table never carries what its event says"
    for place in range(0, len(windows), 7):
        row = windows.iloc[[place]]
        later = (talk["dialogue"] == row["dialogue"].item()) & (talk["end_s"] > row["end_s"].item())
        assert later.any()
        other = talk.assign(text=talk["text"].mask(later, "something else"))
        assert texts.heard(row, other)[0] == before[place]
        earlier = talk.assign(text=talk["text"].mask(~later, "something else"))
        assert texts.heard(row, earlier)[0] != before[place] or not before[place]


def test_words_that_go_with_the_emotion_are_learned_and_the_test_parts_words_are_not(talk, cut):
    windows = cut(talk)
    said = np.array([f"{emotion}word other" for emotion in windows["emotion"]])
    split = Split(["neutral", "excitement", "sadness"], "dialogue", 3, 0)
    table = crossval.sweep(texts.model(), windows, said, split, computing=QUIET)
    assert table["emotion"].eq(table["predicted"]).all()
    model = texts.model().fit(said[:20], windows["emotion"].iloc[:20].astype(str))
    words = set(model[0].vocabulary_)
    model.predict_proba(np.array(["unheard of", ""]))
    assert set(model[0].vocabulary_) == words and "unheard" not in words


def test_a_corpus_without_words_is_told(talk, cut):
    windows = cut(talk)
    for without in (talk.drop(columns="text"), talk.assign(text=pd.NA)):
        with pytest.raises(ValueError, match="has no text: the corpus, or this copy of it, has no transcriptions"):
            texts.heard(windows, without)


def test_a_window_table_carries_no_words(talk):
    assert "text" not in window_module.before(talk.assign(text="words", session_offset_s=0.0), length_s=5.0)

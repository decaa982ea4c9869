"""What was said before an event, in words: how far they alone tell the emotion to come.

The words of the turns that ended within the window, so nothing that is said after t - d; of a turn that began before the window
all its words, for nobody knows when each was said.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from . import baselines


def heard(windows: pd.DataFrame, utterances: pd.DataFrame) -> np.ndarray:
    """The words that were heard in each window, in the order in which their turns ended: strings, (n,), "" where none.

    Takes a window table and all utterances of the corpus, labelled or not, as `baselines.gather`, with their `text` (missing
    where it is not known); ValueError where the corpus has no words.
    """
    if "text" not in utterances or utterances["text"].isna().all():
        raise ValueError("the utterance table has no text: the corpus, or this copy of it, has no transcriptions")
    past = baselines.gather(windows, utterances, classes=sorted(set(windows["emotion"])))
    words, ends = past.utterances["text"].fillna("").to_numpy(dtype=str), past.utterances["end_s"].to_numpy(dtype=float)
    starts = windows["start_s"].to_numpy(dtype=float)
    inside = [places[ends[places] > start] for places, start in zip(past.ended, starts, strict=True)]
    return np.array([" ".join(filter(None, words[places])) for places in inside])


def model() -> Pipeline:
    """TF-IDF of single words and logistic regression, both fitted on training events alone (a model for `crossval.sweep`)."""
    return make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(max_iter=500))

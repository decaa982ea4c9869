"""What a trained recogniser says of the utterances of a corpus, and the test sets that it is asked about.

A recogniser's answer is its heads applied to the stored embedding of the whole utterance. The truth stands beside what is
predicted, as the corpus gives it: a class that the recogniser does not have stays in the table, and the corpus's valence and
arousal keep their own scale. What is scored is chosen later, in `tables`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from .. import corpora, labels
from ..corpora.table import CorpusError
from ..encoders import store, wav2vec2
from ..settings import Profile

#: Test set (the names of `published.csv`, thesis 5.1) -> corpus and what its `load` is told.
SETS: dict[str, tuple[str, dict[str, str]]] = {
    "IEMOCAP (full)": ("iemocap", {}),
    "CREMA-D (self-reported)": ("cremad", {"rating": "self-reported"}),
    "CREMA-D (rated)": ("cremad", {"rating": "rated"}),
    "Emo-DB": ("emodb", {}),
    "ShEMO": ("shemo", {}),
}

#: The test sets on which candidates are screened (thesis 4.2); which of CREMA-D's label sets it used, the thesis does not say.
SCREENED = ("Emo-DB", "CREMA-D (self-reported)")

#: What the table of predictions takes over from the utterance table.
TRUTH = ("utterance", "speaker", "dialogue", "emotion", "valence", "arousal")


class Predictions(NamedTuple):
    """The table of what was predicted, and the list of what could not be read."""

    table: pd.DataFrame
    unreadable: pd.DataFrame


def predict(source: Path | str, table: pd.DataFrame, root: Path | str, **options: Any) -> Predictions:
    """Apply a recogniser to every utterance of a table; what was embedded before is read from the store.

    Args:
        source: a checkpoint's folder or hub id in SpeechBrain's format, of any objective.
        table, root, options: an utterance table; its corpus root; jobs, folder and progress, as for `store.embed`.

    Returns:
        `table`: one row a readable utterance, in the order given, with a fresh index. The columns `TRUTH` (the true ones,
        missing where the corpus has none); `predicted`, the most probable class (missing where the model has no classes);
        `p_<emotion>`, a class's probability; `predicted_valence` and `predicted_arousal`, on the scale of the training corpus;
        the latter where the model has them. `unreadable`: audio, utterances (how many), problem.

    Raises:
        CheckpointError, StoreError: the checkpoint is missing, damaged or of another kind; the store cannot be used.
    """
    model = wav2vec2.load(str(source))
    embeddings, unreadable = store.embed(f"wav2vec2:{source}", table, root, precision="fp32", **options)
    outputs = {name: head(torch.from_numpy(embeddings)) for name, head in model.heads.items()}
    if "classification" in outputs:
        outputs["classification"] = outputs["classification"].softmax(dim=-1)
    values = torch.cat(list(outputs.values()), dim=1).numpy()
    readable = np.isfinite(values).all(axis=1)
    odd = table["audio"][~readable & np.isfinite(embeddings).all(axis=1)].value_counts()
    unreadable = unreadable.rename(columns={"windows": "utterances"})
    for name, count in odd.items():
        unreadable.loc[len(unreadable)] = [name, count, "the model gives no finite number"]
    made = table.loc[readable, list(TRUTH)].reset_index(drop=True)
    predicted = pd.Series(pd.NA, index=made.index, dtype="string")
    if model.emotions:
        classes = values[readable, : len(model.emotions)].argmax(axis=1)
        predicted = pd.Series(np.array(model.emotions, dtype=object)[classes], index=made.index, dtype="string")
    columns = [f"p_{name}" for name in model.emotions] + [f"predicted_{name}" for name in model.dimensions]
    return Predictions(
        made.assign(predicted=predicted, **dict(zip(columns, values[readable].T, strict=True))), unreadable
    )


class TestSet(NamedTuple):
    """The name of a corpus's module, its utterances (`emotion` of the four classes or missing), its root and language.

    The language is the commonest of the utterances, for example "de"; "not stated" where a corpus does not say.
    """

    corpus: str
    table: pd.DataFrame
    root: Path
    language: str


def load_test_sets(profile: Profile) -> tuple[dict[str, TestSet], pd.DataFrame]:
    """Read the test sets whose corpora are there: the thesis's, and the corpora of one's own that the profile names.

    Returns the test sets by name in this order, and a table of those that were left out: test_set, reason.
    """
    found, left_out = {}, {}
    for name, (corpus, options) in {**SETS, **{name: (name, {}) for name in profile.loaders}}.items():
        if corpus not in profile.corpora:
            left_out[name] = f"the profile {profile.name!r} names no folder for {corpus}"
            continue
        root = profile.corpus_root(corpus)
        try:
            table = corpora.get(corpus).load(root, **options)
        except CorpusError as error:
            left_out[name] = str(error)
            continue
        language = next(iter(table["language"].mode()), "not stated")
        found[name] = TestSet(corpus, table.assign(emotion=labels.four_classes(table["emotion"])), root, language)
    return found, pd.DataFrame(list(left_out.items()), columns=["test_set", "reason"])

"""Zero-shot classification: a sound belongs to the emotion whose words lie nearest to it, by the cosine.

No classifier is fitted; what decides instead is the wording. So every single one is tried (`single_prompts`) beside the
ensemble of all (`prompts`). Some words lie nearer to *every* sound than others, and would be the answer whatever is heard:
**calibration** takes from a class's similarities their mean over sounds whose label nobody looks at.

The mean is taken over sound of the training sessions. Where there are none, as for a published model or a foreign corpus,
it is taken over the very sounds that are tested, without their labels; such a row is called transductive, for a single
recording could not be classified like that.

A linear probe on the same embeddings (`probe`) says how much is in them that the cosine does not find.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import metrics
from ..metrics import structure
from ..metrics.classes import COUNTED
from .prompts import choices, unit

INDUCTIVE, TRANSDUCTIVE = "mean over the training's sound", "mean over the tested sound (transductive)"
SCORES = ("uar", "uar_low", "uar_high", "accuracy", "accuracy_low", "accuracy_high")
COSINE, CALIBRATED, PROBE = "cosine", "cosine, calibrated", "linear probe"


def similarities(audio: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """The cosine of each sound to each text: (n, m).

    Args:
        audio: (n, d).
        texts: (m, d).

    Raises:
        ValueError: an embedding is zero or not finite, and so has no direction, or the two are not of one space.
    """
    if audio.shape[1] != texts.shape[1]:
        raise ValueError(f"sounds have {audio.shape[1]} values and texts {texts.shape[1]}: they share no space")
    return unit(audio) @ unit(texts).T


def classify(audio: np.ndarray, texts: pd.DataFrame, *, reference: np.ndarray | None = None) -> np.ndarray:
    """Name for each sound the class that lies nearest.

    Args:
        audio: (n, d).
        texts: the classes' directions (`prompts.ensemble`).
        reference: unlabelled sound to calibrate with, (k, d); None for the plain cosine.

    Returns:
        The emotions, (n,).
    """
    scores = similarities(audio, texts.to_numpy())
    if reference is not None:
        scores = scores - similarities(reference, texts.to_numpy()).mean(axis=0)
    return texts.index.to_numpy(dtype=object)[scores.argmax(axis=1)]


def evaluate(
    audio: np.ndarray,
    table: pd.DataFrame,
    texts: pd.DataFrame,
    *,
    reference: np.ndarray | None = None,
    by: str = "dialogue",
    **interval: Any,
) -> pd.DataFrame:
    """Score the plain and the calibrated cosine.

    Args:
        audio: embeddings, (n, d); a row that is not finite, or whose emotion is no class, is left out.
        table: emotion and `by` of each row.
        texts: the classes' directions (`prompts.ensemble`).
        reference: sound of the training sessions to calibrate with; None for the tested sound itself.
        by: the column whose groups are drawn for the intervals.
        interval: level, draws and random_state, as for `metrics.bootstrap_interval`.

    Returns:
        A row for each of the two ways: way, calibration, and what `scored` gives.

    Raises:
        ValueError: no row is left, or embeddings and rows do not belong together.
    """
    audio, table = usable(audio, table, classes=texts.index)
    own = audio if reference is None else reference[np.isfinite(reference).all(axis=1)]
    rows = []
    for way, sound in ((COSINE, None), (CALIBRATED, own)):
        said = classify(audio, texts, reference=sound)
        source = TRANSDUCTIVE if reference is None else INDUCTIVE
        scores = scored(table["emotion"], said, table[by], classes=list(texts.index), **interval)
        rows.append({"way": way, "calibration": "" if sound is None else source, **scores})
    return pd.DataFrame(rows)


def single_prompts(
    audio: np.ndarray,
    table: pd.DataFrame,
    written: pd.DataFrame,
    embeddings: np.ndarray,
    *,
    reference: np.ndarray | None = None,
    most: int = 300,
    random_state: int,
) -> pd.DataFrame:
    """Score prompts one by one, as somebody does who writes one text a class and leaves it at that.

    Args:
        audio: embeddings, (n, d); rows are left out as in `evaluate`.
        table: the emotion of each row.
        written: the prompts, as from `prompts.compose`.
        embeddings: their text embeddings, (prompts, d).
        reference: as for `evaluate`.
        most: so many choices of one word a class at most are tried with a template; of more, as many are drawn.
        random_state: seed of the draw.

    Returns:
        Two rows a choice, plain and calibrated: template, words (in the order of the classes), way, accuracy, uar.
    """
    classes = list(written["emotion"].unique())
    audio, table = usable(audio, table, classes=classes)
    plain = similarities(audio, embeddings)
    own = audio if reference is None else reference[np.isfinite(reference).all(axis=1)]
    scores = {COSINE: plain, CALIBRATED: plain - similarities(own, embeddings).mean(axis=0)}
    truth = pd.Index(classes).get_indexer(table["emotion"])
    rows = []
    for template, chosen in choices(written, most=most, random_state=random_state):
        words = ", ".join(written["word"].iloc[list(chosen)])
        for way, similar in scores.items():
            counts = np.zeros((len(classes), len(classes)), dtype=int)
            np.add.at(counts, (truth, similar[:, chosen].argmax(axis=1)), 1)
            values = {name: float(COUNTED[name](counts)) for name in ("accuracy", "uar")}
            rows.append({"template": template, "words": words, "way": way, **values})
    return pd.DataFrame(rows)


def probe(
    audio: np.ndarray,
    table: pd.DataFrame,
    *,
    classes: Sequence[str],
    heard: np.ndarray,
    by: str = "dialogue",
    random_state: int,
    **interval: Any,
) -> pd.DataFrame:
    """Score a linear probe on the sounds that a model was not trained on.

    Args:
        audio: embeddings, (n, d); rows are left out as in `evaluate`.
        table: emotion, dialogue and `by` of each row.
        classes: the emotions in play.
        heard: which rows the model was trained on, (n,): the probe is fitted to them too, and tested on the others. Where
            there are none, it is fitted in folds that keep dialogues (or what `by` names) whole.
        by: the column of what is kept whole and drawn for the intervals.
        random_state: seed of folds and bootstrap.
        interval: level and draws.

    Returns:
        One row, as in `evaluate`; `calibration` says what the probe was fitted to, or why it could not be fitted: then the
        scores are NaN.
    """
    heard = np.asarray(heard, dtype=bool)
    audio, table, heard = usable(audio, table, heard, classes=classes)
    fitted = "fitted to the training's sound and labels" if heard.any() else f"fitted in folds, each {by} whole"
    names = table["emotion"].to_numpy(dtype=str)
    try:
        splits = _splits(table, heard, by=by, random_state=random_state)
        said = np.concatenate([structure.predicted(audio, names, *split) for split in splits])
    except ValueError as error:
        empty = dict.fromkeys((*SCORES, "majority"), float("nan")) | {"chance": 1 / len(classes)}
        return pd.DataFrame([{"way": PROBE, "calibration": f"not fitted: {error}", "n": 0, "groups": 0, **empty}])
    tested = table.iloc[np.concatenate([test for _, test in splits])]
    interval |= {"random_state": random_state}
    scores = scored(tested["emotion"], said, tested[by], classes=classes, **interval)
    return pd.DataFrame([{"way": PROBE, "calibration": fitted, **scores}])


def _splits(table: pd.DataFrame, heard: np.ndarray, *, by: str, random_state: int) -> list[structure.Split]:
    """What a probe is fitted to and tested on: the training's sound and the rest, or folds."""
    if not heard.any():
        return structure.folds(table["emotion"], table[by], random_state=random_state)
    if heard.all():
        raise ValueError("the model heard every row in its training")
    return [(np.flatnonzero(heard), np.flatnonzero(~heard))]


def scored(truth: pd.Series, said: np.ndarray, groups: pd.Series, *, classes: Sequence[str], **interval: Any) -> dict:
    """UAR and accuracy with intervals by group, beside what a guess that knows nothing would score.

    Returns:
        n and groups (counts); uar, uar_low, uar_high and its chance, what always naming one class scores (1 / the classes
        that occur); accuracy, accuracy_low, accuracy_high and majority, the accuracy of always naming the most frequent
        class. All are fractions.
    """
    truth, said, groups = (np.asarray(values, dtype=str) for values in (truth, said, groups))
    scores = metrics.evaluate(truth, said, labels=list(classes))
    occurring = np.unique(truth, return_counts=True)[1]
    row = {"n": len(truth), "groups": len(np.unique(groups))}
    guesses = (("uar", "chance", 1 / len(occurring)), ("accuracy", "majority", occurring.max() / len(truth)))
    for name, guess, known in guesses:
        low, high = metrics.bootstrap_interval(truth, said, groups, metric=name, **interval)
        row |= {name: scores[name], f"{name}_low": low, f"{name}_high": high, guess: float(known)}
    return row


def usable(audio: np.ndarray, table: pd.DataFrame, *more: np.ndarray, classes: Sequence[str]) -> tuple:
    """Leave out rows without an embedding, and those whose emotion is no class or missing.

    Args:
        audio: embeddings, (n, d).
        table: the column emotion is looked at.
        more: further arrays of n rows.
        classes: the emotions in play.

    Returns:
        Embeddings, table (with a fresh index) and the further arrays, of the rows that stay.

    Raises:
        ValueError: no row stays, or embeddings and rows do not belong together.
    """
    if len(audio) != len(table):
        raise ValueError(f"{len(audio)} embeddings and {len(table)} rows do not belong together")
    known = table["emotion"].isin(list(classes)).to_numpy(dtype=bool) & np.isfinite(audio).all(axis=1)
    if not known.any():
        raise ValueError(f"none of {len(table)} rows has an embedding and one of the classes {', '.join(classes)}")
    return audio[known], table[known].reset_index(drop=True), *(values[known] for values in more)

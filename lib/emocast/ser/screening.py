"""Which published classifier to begin from: the thesis's test of candidates (section 4.2), as one table.

The thesis tries the emotion classifiers of the model hub on EmoDB and CREMA-D, "selecting 160 random utterances for testing
in each case", and goes on with the one that passes. It does not say whether these were of its four classes only; here they
are drawn from the utterances of the four classes, for a candidate cannot be right about others. All candidates hear the
same utterances. 160 utterances of 10 speakers leave a wide interval, which stands beside each score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .. import cache, labels, metrics
from ..encoders import hub, modules
from . import candidates as published
from .application import apply

SCORES = ("accuracy", "uar", "f1_macro")

_INTERVALS = [f"{score}{end}" for score in SCORES for end in ("", "_low", "_high")]
_COLUMNS = ["candidate", "corpus", "n", *_INTERVALS, "lacks", "problem"]
_MODULES = ("ser/application.py", *published.MODULES, *modules("wav2vec2"), "encoders/hub.py")


def screen(
    candidates: Sequence[str],
    corpora: Mapping[str, tuple[pd.DataFrame, Path | str]],
    *,
    n: int = 160,
    seed: int,
    level: float = 0.95,
    draws: int = 1000,
    memory: cache.Cache | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Score every candidate on the same random utterances of every corpus.

    Args:
        candidates: folders or hub ids (`candidates.load`).
        corpora: by name, an utterance table and the corpus root that its `audio` is relative to.
        n: utterances of a corpus.
        seed: seed of the choice of utterances and of the intervals.
        level: of the intervals, between 0 and 1.
        draws: of the bootstrap over speakers.
        memory: keeps what was heard (`cache.memory`).
        jobs: processes side by side.
        progress: whether to show bars.

    Returns:
        One row a candidate and corpus: candidate, corpus, n (utterances that were scored); `accuracy`, `uar` and `f1_macro`
        as fractions, each with `_low` and `_high`; `lacks`, the classes of the four that the candidate does not have and
        so never predicts ("" for none); `problem`, why it could not be scored, or what of it was unreadable ("" for none).

    Raises:
        ValueError: a corpus has no utterance of the four classes.
    """
    samples = {name: (choose(table, n=n, seed=seed), root) for name, (table, root) in corpora.items()}
    options = {"memory": memory, "jobs": jobs, "progress": progress}
    rows = []
    for source in candidates:
        for name, (sample, root) in samples.items():
            row = {"candidate": str(source), "corpus": name, "n": 0, "lacks": "", "problem": ""}
            try:
                candidate = published.load(source)
            except hub.CheckpointError as error:
                rows.append(row | {"problem": str(error)})
                continue
            predicted, problem = _predict(source, sample, root, options)
            scores = _scores(sample, predicted, level=level, draws=draws, seed=seed)
            rows.append(row | scores | {"lacks": ", ".join(candidate.lacks), "problem": problem})
    return pd.DataFrame(rows, columns=_COLUMNS)


def choose(table: pd.DataFrame, *, n: int, seed: int) -> pd.DataFrame:
    """Draw utterances of the four classes at random, without replacement.

    Args:
        table: an utterance table.
        n: how many; all there are if there are fewer.
        seed: seed of the draw, which depends on nothing else than it and the table.

    Returns:
        The rows in their order, with a fresh index; excitement is happiness (`labels.four_classes`).

    Raises:
        ValueError: there is no utterance of the four classes.
    """
    usable = table.assign(emotion=labels.four_classes(table["emotion"])).dropna(subset=["emotion"])
    if usable.empty:
        raise ValueError(f"none of the {len(table)} utterances has one of the classes {', '.join(labels.FOUR)}")
    rows = np.random.default_rng(seed).permutation(len(usable))[:n]
    return usable.iloc[np.sort(rows)].reset_index(drop=True)


def _predict(source: str, sample: pd.DataFrame, root: Path | str, options: dict) -> tuple[pd.Series, str]:
    """The class predicted for each utterance, missing where it could not be read, and a sentence on those."""
    applied = apply(published.load, source, sample, root, code=cache.code_digest(*_MODULES), **options)
    readable = ~np.isnan(applied.array).any(axis=1)
    predicted = pd.Series(pd.NA, index=sample.index, dtype="string")
    predicted[readable] = np.array(labels.FOUR, dtype=object)[applied.array[readable].argmax(axis=1)]
    if readable.all():
        return predicted, ""
    first = applied.unreadable.iloc[0]
    return predicted, f"{(~readable).sum()} of {len(sample)} not readable, the first: {first.audio}: {first.problem}"


def _scores(
    sample: pd.DataFrame, predicted: pd.Series, *, level: float, draws: int, seed: int
) -> dict[str, float | int]:
    """Scores of what was predicted, with their intervals; none where nothing was."""
    known = predicted.notna()
    if not known.any():
        return {}
    true, predicted, speakers = sample.loc[known, "emotion"], predicted[known], sample.loc[known, "speaker"]
    scores = metrics.evaluate(true, predicted, labels=labels.FOUR)
    for score in SCORES:
        scores[f"{score}_low"], scores[f"{score}_high"] = metrics.bootstrap_interval(
            true, predicted, speakers, metric=score, level=level, draws=draws, random_state=seed
        )
    return scores

"""IEMOCAP's single raters: how far apart those are who judged the same turn.

The loader (`iemocap`) gives the means that the release prints. Below each turn its label files also list every rater's own
scores (`A-E3:` and so on; `A-F1`, `A-M1` are the actors' of themselves and no part of the mean). How much raters differ on
one turn is how sure its mean is, and the best that any model of it can be expected to do.
Source: Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6, section 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from .. import labels

DIMENSIONS = ("valence", "arousal", "dominance")

_TURN = re.compile(r"\[\d+\.\d+ - \d+\.\d+\]\t(\S+)\t")
_SCORES = re.compile(r"A-(E\d+):\s*val\s*(\d?)\s*;\s*act\s*(\d?)\s*;\s*dom\s*(\d?)\s*;")


def load(root: Path | str) -> pd.DataFrame:
    """Read every rater's scores of every turn.

    Args:
        root: the folder that holds `Session1` to `Session5`, or one that holds `IEMOCAP_full_release`.

    Returns:
        One row a turn and rater: utterance, rater ("E3"), valence, arousal, dominance from 1 to 5 (NaN where the rater left
        one out). Empty when no label file lists any.
    """
    bases = (Path(root), Path(root) / "IEMOCAP_full_release")
    files = [path for base in bases for path in sorted(base.glob("Session[1-5]/dialog/EmoEvaluation/*.txt"))]
    rows = [row for path in files if not path.name.startswith(".") for row in _ratings(path)]
    return pd.DataFrame(rows, columns=["utterance", "rater", *DIMENSIONS]).astype(dict.fromkeys(DIMENSIONS, "float64"))


def disagreement(ratings: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """How far raters of the same turn lie apart, an emotion a row.

    Args:
        ratings: from `load`.
        utterances: the utterance table of the same copy.

    Returns:
        Index `emotion` in the project's order; `turns` that at least two raters scored, and for each of `DIMENSIONS` the
        standard deviation of one rater about the raters' mean of the same turn (root of the mean variance with n - 1).
    """
    dimensions = list(DIMENSIONS)
    rated = ratings.groupby("utterance")[dimensions]
    variances = rated.var(ddof=1)[rated.size() > 1]
    emotion = utterances.set_index("utterance")["emotion"].reindex(variances.index)
    by_emotion = variances.groupby(emotion)
    table = by_emotion.mean() ** 0.5
    table.insert(0, "turns", by_emotion.size())
    return table.reindex(labels.ordered(table.index)).rename_axis("emotion")


def _ratings(path: Path) -> Iterator[tuple]:
    """The raters' lines of one label file, with the turn above them."""
    turn = None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if head := _TURN.match(line):
            turn = head[1]
        elif turn and (scores := _SCORES.match(line)):
            yield turn, scores[1], *(float(value) if value else float("nan") for value in scores.groups()[1:])

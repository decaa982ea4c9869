"""The whole company of baselines on every rung: what a forecast is held against when a claim is made of it.

`rungs` climbs with the few that every shift needs. Here are the others, at a few shifts: each knows one thing that a high
score might come from (the dialogue, the scenario, the labels heard, the embedding), on the events and folds of the model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from . import baselines, evaluate

#: What the baselines go by, for the panels of a figure; the ceilings bound those who read labels and those who hear.
FAMILIES: dict[str, tuple[str, ...]] = {
    "who reads the labels heard before": (
        *(name for name in baselines.of_labels() if name.startswith(("persistence", "Markov", "hidden"))),
        "ceiling",
    ),
    "who knows where it is": ("majority", "dialogue mode", "scenario prior"),
    "who hears": (*baselines.of_embeddings(), baselines.AUDIO_PERSISTENCE, "ceiling, true states"),
}


def climb(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    embeddings: np.ndarray | None = None,
    *,
    classes: Sequence[str],
    asked: Sequence[str],
    known: Collection[str] = (),
    n_splits: int = 5,
    random_state: int,
    progress: bool = True,
    **computing: Any,
) -> pd.DataFrame:
    """Cross-validate the baselines that read labels, and the plain classifiers on the embeddings, on each rung.

    Args:
        windows: the window tables of some shifts in one, the first and the last of a sweep among them, so that the fixed
            events are those of the sweep.
        utterances: all utterances of the corpus, labelled or not, on the clock of the windows (`history.gather`).
        embeddings: (n, d), row for row those of `windows`; None leaves out who learns from them.
        classes: the emotions in play.
        asked: the protocols, from `rungs.possible`.
        known: names that are left out, because they stand in another table.
        n_splits: number of folds.
        random_state: seed of samples, folds and models.
        progress: show a bar over the rungs.
        **computing: `n_jobs` and `memory` of `evaluate.sweep`.

    Returns:
        One row a protocol, model, shift and event: `protocol`, `model`, then the columns of `evaluate.sweep`. The scenario
        prior is left out where no window has a scenario.

    Raises:
        ValueError: as `baselines.sweep` and `evaluate.sweep`.
    """
    common = {"classes": classes, "n_splits": n_splits, "event_sets": ["fixed"], "random_state": random_state}
    read = {name: model for name, model in baselines.of_labels().items() if name not in known}
    if windows["scenario"].isna().all():
        read.pop("scenario prior", None)
    tables = []
    for protocol in tqdm(asked, desc="baselines", unit="rung", disable=not progress):
        found = [baselines.sweep(windows, utterances, models=read, protocol=protocol, **common)]
        if embeddings is not None:
            learning = {"protocol": protocol, "progress": False, **common, **computing}
            found += _learned(windows, embeddings, known, **learning)
        tables += [table.assign(protocol=protocol) for table in found]
    table = pd.concat(tables, ignore_index=True)
    return table[["protocol", "model", *(name for name in table if name not in ("protocol", "model"))]]


def _learned(
    windows: pd.DataFrame, embeddings: np.ndarray, known: Collection[str], **options: object
) -> Iterator[pd.DataFrame]:
    """The classifiers that stand where the network stands."""
    for name, model in baselines.of_embeddings().items():
        if name not in known:
            yield evaluate.sweep(model, windows, embeddings, **options).assign(model=name)

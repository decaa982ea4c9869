"""The network on the embeddings of other encoders: did the encoder know the answers?

The published checkpoint was fine-tuned to recognise the emotion of the corpus's own utterances, and part of a forecast from its
embeddings may be what it remembers. So each session that notebook 06 re-tuned an encoder without is tested, the others train,
and only the encoder changes. With `RETUNED` the training windows still come from sessions that the encoder knows, as a
forecaster would have it with new people: it may lose more than the leak was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .. import encoders, labels
from ..settings import Profile
from . import crossval
from .crossval import ALONE, Computing, Fit
from .splits import Split

#: The profile's checkpoint; the same training without the test session; what both were fine-tuned from; fitted to nothing.
PUBLISHED, RETUNED, PLAIN, HANDCRAFTED = (
    "as published", "re-tuned without the test session", "not trained on the corpus", "hand-crafted",
)  # fmt: skip


def encoders_of(profile: Profile, sessions: Sequence[str]) -> pd.DataFrame:
    """Name the encoders to compare for each of these sessions that the profile re-tunes an encoder without.

    Returns one row a session and role: `session`, `role`, `encoder` (as `encoders.get` takes it) and `problem`: what of its
    checkpoint is not there, else empty.
    """
    shared = {PUBLISHED: profile.encoder, PLAIN: f"transformers:{profile.ser.source}", HANDCRAFTED: profile.baseline}
    rows, held_out = [], profile.ser.held_out  # None: each in turn
    for session in (name for name in sessions if held_out is None or name in held_out):
        # As notebook 06 calls it (`ser.models.plans`, a package that is slow to import; a test keeps the names alike).
        retuned = f"wav2vec2:{profile.name}/models/classification-without-{session}"
        of_session = {PUBLISHED: shared[PUBLISHED], RETUNED: retuned, **shared}
        rows += [(session, role, encoder) for role, encoder in of_session.items()]
    table = pd.DataFrame(rows, columns=["session", "role", "encoder"])
    missing = {encoder: encoders.missing(encoder) for encoder in table["encoder"].unique()}
    return table.assign(problem=table["encoder"].map(missing))


def by_encoder(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: Mapping[str, np.ndarray],
    table: pd.DataFrame,
    split: Split,
    *,
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Forecast each session from the embeddings of each of its encoders, by a model that the other sessions trained.

    Args:
        estimator: the same for all encoders; one that scales its inputs is fair to encoders of different units.
        windows: the window table of one shift, of the balanced events.
        embeddings: encoder -> (n, d), row for row those of `windows`. Windows that any of them could not embed (NaN) are
            left out for all.
        table: of `encoders_of`, those without a `problem`.
        split: the classes and the seeds of the models; a session has the same seeds for all encoders.
        computing: as for `crossval.predictions`.

    Returns:
        One row a role, seed and event of the tested sessions: `role`, `session`, and the columns of `crossval.predictions`.
    """
    finite = [np.isfinite(embeddings[encoder]).all(axis=1) for encoder in table["encoder"].unique()]
    known = np.flatnonzero(np.all(finite, axis=0))
    session, sessions = windows["session"].astype(str).to_numpy()[known], sorted(table["session"].unique())
    tables, classes = [], labels.ordered(split.classes)
    for row in table.itertuples():
        fold, tested = sessions.index(row.session), session == row.session
        X, fits = embeddings[row.encoder], []
        for seed in split.seeds:
            own = int(np.random.SeedSequence(seed).generate_state(len(sessions))[fold])
            fits.append(Fit(known[~tested], known[tested], own, {"seed": seed, "fold": fold}))
        found = crossval.predictions(fits, estimator, windows, X, classes=classes, computing=computing)
        tables.append(found.assign(role=row.role, session=row.session))
    order = list(dict.fromkeys(table["role"]))
    together = pd.concat(tables, ignore_index=True)
    return together.sort_values("role", key=lambda roles: roles.map(order.index), kind="stable", ignore_index=True)

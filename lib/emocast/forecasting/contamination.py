"""Did the encoder know the answers? The same forecast from encoders that were trained on more or less of the test sessions.

The published checkpoint was fine-tuned to recognise the emotion of the corpus's own utterances, those of every test fold among
them; part of a forecast from its embeddings may be what it remembers. So for each session that an encoder was re-tuned without
(notebook 06), that session is tested, the others train, and only the encoder changes. `RETUNED` is what a forecaster would have
for new people: its training windows come from sessions that the encoder knows, and it may lose more than the leak was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .. import encoders, labels, metrics
from ..settings import Profile
from . import crossval
from .crossval import ALONE, Computing, Fit

#: The profile's checkpoint; the same training without the test session; what both were fine-tuned from; fitted to nothing.
PUBLISHED, RETUNED, PLAIN, HANDCRAFTED = (
    "as published", "re-tuned without the test session", "not trained on the corpus", "hand-crafted",
)  # fmt: skip

# How notebook 06 calls them (`ser.models.Plan`, a package that is slow to import; a test keeps the names alike).
_RETUNED = "wav2vec2:{profile}/models/classification-without-{session}"


def encoders_of(profile: Profile, sessions: Sequence[str]) -> pd.DataFrame:
    """Name the encoders to compare for each test session.

    Args:
        profile: the run's settings.
        sessions: the sessions of the corpus, of which those count that the profile re-tunes an encoder without.

    Returns:
        One row a session and role: `session`, `role`, `encoder` (as `encoders.get` takes it) and `problem`: what of its
        checkpoint is not there, else empty.
    """
    shared = {PUBLISHED: profile.encoder, PLAIN: f"transformers:{profile.ser.source}", HANDCRAFTED: profile.baseline}
    rows, held_out = [], profile.ser.held_out  # None: each in turn
    for session in (name for name in sessions if held_out is None or name in held_out):
        retuned = _RETUNED.format(profile=profile.name, session=session)
        of_session = {PUBLISHED: shared[PUBLISHED], RETUNED: retuned, **shared}
        rows += [(session, role, encoder) for role, encoder in of_session.items()]
    table = pd.DataFrame(rows, columns=["session", "role", "encoder"])
    problems = {encoder: encoders.missing(encoder) for encoder in table["encoder"].unique()}
    return table.assign(problem=table["encoder"].map(problems))


def testable(table: pd.DataFrame) -> pd.DataFrame:
    """Keep, of a table of `encoders_of`, the sessions that have an encoder re-tuned without them, and of their encoders those
    that are there.
    """
    there = table[table["problem"] == ""]
    return there[there["session"].isin(there.loc[there["role"] == RETUNED, "session"])].reset_index(drop=True)


def predictions(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: Mapping[str, np.ndarray],
    table: pd.DataFrame,
    *,
    classes: Sequence[str],
    random_state: int,
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Forecast each session from the embeddings of each of its encoders, by a model that the other sessions trained.

    Args:
        estimator: a classifier in scikit-learn's manners, the same for all encoders; one that scales its inputs is fair to
            encoders of different units.
        windows: the window table of one shift, of the balanced events.
        embeddings: encoder -> (n, d), row for row those of `windows`. Windows that any of them could not embed (NaN) are
            left out for all.
        table: from `testable`.
        classes: the emotions in play.
        random_state: seed of the models; a session has the same seed for all encoders.
        computing: as for `crossval.predictions`.

    Returns:
        One row a role and event of the tested sessions: `role`, `session`, and the columns of `crossval.predictions`.

    Raises:
        ValueError: there is not one embedding a window, or no other session to train on.
    """
    of_encoders = {encoder: embeddings[encoder] for encoder in table["encoder"].unique()}
    known = np.flatnonzero(np.all([np.isfinite(values).all(axis=1) for values in of_encoders.values()], axis=0))
    fits = _fits(windows, known, sorted(table["session"].unique()), random_state=random_state)
    tables, ordered = [], labels.ordered(classes)
    for row in table.itertuples():
        X = of_encoders[row.encoder]
        of_row = crossval.predictions([fits[row.session]], estimator, windows, X, classes=ordered, computing=computing)
        tables.append(of_row.assign(role=row.role, session=row.session))
    order = list(dict.fromkeys(table["role"]))
    together = pd.concat(tables, ignore_index=True)
    return together.sort_values("role", key=lambda roles: roles.map(order.index), kind="stable", ignore_index=True)


def differences(predictions: pd.DataFrame, *, reference: str = PUBLISHED, **options: float | str) -> pd.DataFrame:
    """Compare each other role with `reference` on the same events: `role` and the columns of `metrics.compare_forecasts`,
    which `options` are passed to; fractions.
    """
    others = predictions[predictions["role"] != reference]
    base = predictions[predictions["role"] == reference].drop(columns="role")
    copies = pd.concat([base.assign(role=role) for role in others["role"].unique()], ignore_index=True)
    return metrics.compare_forecasts(others, copies, by=["role"], **options)


def _fits(windows: pd.DataFrame, rows: np.ndarray, sessions: Sequence[str], *, random_state: int) -> dict[str, Fit]:
    """One fit a tested session: it is tested, all others train, also those that no encoder was re-tuned without."""
    session = windows["session"].astype(str).to_numpy()[rows]
    seeds = np.random.SeedSequence(random_state).generate_state(len(sessions))
    fits = {}
    for fold, name in enumerate(sessions):
        train, test = rows[session != name], rows[session == name]
        if not len(train) or not len(test):
            raise ValueError(f"session {name!r} has {len(test)} events and all others {len(train)}: both are needed")
        fits[name] = Fit(train, test, int(seeds[fold]), {"fold": fold})
    return fits

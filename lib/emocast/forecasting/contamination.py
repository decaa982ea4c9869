"""Did the encoder know the answers? The same forecast from encoders that heard more or less of the test sessions.

The published checkpoint was fine-tuned to recognise the emotion of the corpus's own utterances, those of every test fold
among them. A window holds such utterances, so part of a forecast from its embedding may be what the encoder remembers.
For each session that an encoder was re-tuned without (notebook 06), that session is tested, the others train, and only the
encoder changes:

- `PUBLISHED`: the profile's checkpoint, which has heard most utterances of the test session with their labels;
- `RETUNED`: the same training without the test session: what a forecaster would have for new people;
- `PLAIN`: what both were fine-tuned from, which never heard the corpus;
- `HANDCRAFTED`: fitted to nothing.

The forecaster's training windows come from sessions that `RETUNED` did hear, so it learns from embeddings that know more
than those it is tested on. That is how it would be with new people, and one reason why it may lose more than the leak was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .. import labels, metrics
from ..profile import Profile
from . import runs

PUBLISHED, RETUNED, PLAIN, HANDCRAFTED = (
    "as published", "re-tuned without the test session", "never heard the corpus", "hand-crafted",
)  # fmt: skip

# How notebook 06 calls them (`ser.models.Plan`, a room that is slow to enter; a test keeps the names alike).
_RETUNED = "wav2vec2:{profile}/models/classification-without-{session}"


def listeners(profile: Profile, sessions: Sequence[str]) -> pd.DataFrame:
    """Name the encoders to compare for each test session.

    Args:
        profile: the run's settings.
        sessions: the sessions of the corpus; asked are those of them that the profile re-tunes an encoder without.

    Returns:
        One row a session and role: `session`, `role`, `encoder` (as `encoders.get` takes it) and `problem`: what of its
        checkpoint is not there, else empty.
    """
    from ..encoders import presence  # here: it imports the families of models, which takes seconds

    shared = {PUBLISHED: profile.encoder, PLAIN: f"transformers:{profile.ser.source}", HANDCRAFTED: profile.baseline}
    missing = {encoder: presence.missing(encoder) for encoder in shared.values()}
    rows, held_out = [], profile.ser.held_out  # None: each in turn
    for session in (name for name in sessions if held_out is None or name in held_out):
        retuned = _RETUNED.format(profile=profile.name, session=session)
        missing[retuned] = presence.missing(retuned)
        of_session = {PUBLISHED: shared[PUBLISHED], RETUNED: retuned, **shared}
        rows += [(session, role, encoder, missing[encoder]) for role, encoder in of_session.items()]
    return pd.DataFrame(rows, columns=["session", "role", "encoder", "problem"])


def testable(listeners: pd.DataFrame) -> pd.DataFrame:
    """Keep the sessions that have an encoder re-tuned without them, and of their encoders those that are there.

    Args:
        listeners: from the function `listeners`.

    Returns:
        Its rows without a problem, of those sessions; none where no session has such an encoder.
    """
    there = listeners[listeners["problem"] == ""]
    return there[there["session"].isin(there.loc[there["role"] == RETUNED, "session"])].reset_index(drop=True)


def predictions(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: Mapping[str, np.ndarray],
    listeners: pd.DataFrame,
    *,
    classes: Sequence[str],
    random_state: int,
    **computing: Any,
) -> pd.DataFrame:
    """Forecast each session from what each of its listeners hears, by a model that the other sessions trained.

    Args:
        estimator: a classifier in scikit-learn's manners, the same for all listeners; one that scales its inputs is fair to
            encoders of different units.
        windows: the window table of one shift, of the balanced events.
        embeddings: encoder -> (n, d), row for row those of `windows`. Windows that any of them could not embed (NaN) are
            left out for all.
        listeners: from `testable`.
        classes: the emotions in play.
        random_state: seed of the models; a session has the same seed for all listeners.
        **computing: `n_jobs`, `memory` and `progress` of `runs.predictions`.

    Returns:
        One row a role and event of the tested sessions: `role`, `session`, and the columns of `runs.predictions`.

    Raises:
        ValueError: there is not one embedding a window, or no other session to train on.
    """
    asked = {encoder: embeddings[encoder] for encoder in listeners["encoder"].unique()}
    heard = np.flatnonzero(np.all([np.isfinite(values).all(axis=1) for values in asked.values()], axis=0))
    fits = _fits(windows, heard, sorted(listeners["session"].unique()), random_state=random_state)
    tables = []
    for row in listeners.itertuples():
        heard_by = [fits[row.session]], estimator, windows, asked[row.encoder]
        table = runs.predictions(*heard_by, classes=labels.ordered(classes), **computing)
        tables.append(table.assign(role=row.role, session=row.session))
    order = list(dict.fromkeys(listeners["role"]))
    found = pd.concat(tables, ignore_index=True)
    return found.sort_values("role", key=lambda roles: roles.map(order.index), kind="stable", ignore_index=True)


def differences(predictions: pd.DataFrame, *, reference: str = PUBLISHED, **options: float | str) -> pd.DataFrame:
    """Hold each listener against one of them, on the same events.

    Args:
        predictions: from `predictions`.
        reference: the role that the others are held against.
        options: those of `metrics.compare_forecasts`.

    Returns:
        One row each other role: `role` and the columns of `metrics.compare_forecasts`; fractions.
    """
    others = predictions[predictions["role"] != reference]
    base = predictions[predictions["role"] == reference].drop(columns="role")
    copies = pd.concat([base.assign(role=role) for role in others["role"].unique()], ignore_index=True)
    return metrics.compare_forecasts(others, copies, by=["role"], **options)


def _fits(
    windows: pd.DataFrame, rows: np.ndarray, sessions: Sequence[str], *, random_state: int
) -> dict[str, runs.Fit]:
    """One fit a tested session: it is tested, all others train, also those that no encoder was re-tuned without."""
    session = windows["session"].astype(str).to_numpy()[rows]
    seeds = np.random.SeedSequence(random_state).generate_state(len(sessions))
    fits = {}
    for fold, name in enumerate(sessions):
        train, test = rows[session != name], rows[session == name]
        if not len(train) or not len(test):
            raise ValueError(f"session {name!r} has {len(test)} events and all others {len(train)}: both are needed")
        fits[name] = runs.Fit(train, test, int(seeds[fold]), {"fold": fold})
    return fits

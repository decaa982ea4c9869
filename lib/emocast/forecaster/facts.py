"""What a forecaster's record keeps of its data for the card, and for all who speak of it: counts, recalls, what leaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from .. import cards
from ..forecasting import protocols
from ..forecasting.runs import Fit
from ..labels import ordered
from ..profile import Profile
from . import held_out

#: What may stand on both sides of a split, as `protocols.proof` counts it -> the column of the window table.
SHARED = {"dialogues": "dialogue", "speakers": "speaker", "sessions": "session"}


def data(
    profile: Profile, utterances: pd.DataFrame, windows: pd.DataFrame, predictions: pd.DataFrame
) -> dict[str, Any]:
    """What a card tells of the data.

    Args:
        profile: the run's settings.
        utterances: the corpus's utterance table.
        windows: the window tables of all shifts in one.
        predictions: from `training.train`: whose events they are.

    Returns:
        JSON values: those of `cards.corpus`, utterances, left_out (why -> how many), events, dialogues, recalls (a row a
        shift) and encoder (from `held_out.encoder`).
    """
    used = utterances[utterances["dialogue"].isin(predictions["dialogue"])]
    return {
        **cards.corpus(profile, used),
        "utterances": len(utterances),
        "left_out": left_out(profile, utterances, windows, predictions),
        "events": int(predictions["utterance"].nunique()),
        "dialogues": int(predictions["dialogue"].nunique()),
        "recalls": recalls(predictions),
        "encoder": held_out.encoder(profile, predictions["utterance"]),
    }


def left_out(
    profile: Profile, utterances: pd.DataFrame, windows: pd.DataFrame, predictions: pd.DataFrame
) -> dict[str, int]:
    """Why utterances are no events of a forecaster -> how many; together with the events they are all utterances."""
    classes = profile.tasks[profile.sweep_task]
    named = utterances["utterance"][utterances["emotion"].isin(classes)]
    shifts = windows[windows["utterance"].isin(named)].groupby("utterance")["shift_s"].nunique()
    heard = int((shifts == windows["shift_s"].nunique()).sum())
    return {
        f"without an emotion among {', '.join(ordered(classes))}": len(utterances) - len(named),
        "without a whole window at every shift": len(named) - heard,
        "drawn away, so that all classes are equally frequent": heard - int(predictions["utterance"].nunique()),
    }


def recalls(predictions: pd.DataFrame) -> list[dict[str, float]]:
    """The share of each true emotion's events that is forecast rightly: shift_s and a fraction an emotion, a row a shift."""
    hit = predictions["emotion"].eq(predictions["predicted"]).astype(float)
    found = hit.groupby([predictions["shift_s"], predictions["emotion"]]).mean().unstack()
    return [{"shift_s": float(shift), **row.dropna().to_dict()} for shift, row in found.iterrows()]


def shared(windows: pd.DataFrame, fits: Sequence[Fit]) -> dict[str, int | None]:
    """Count how many dialogues, speakers and sessions stand on both sides, at most over all folds and shifts.

    Args:
        windows: the window tables of all shifts in one.
        fits: of `forecasting.evaluate.plan`.

    Returns:
        What -> how many; None where the corpus does not name them for each event.
    """
    proofs = pd.DataFrame([protocols.proof(windows, fit.train, fit.test) for fit in fits])
    named = {what: column in windows and windows[column].notna().all() for what, column in SHARED.items()}
    return {what: int(proofs[f"{what}_shared"].max()) if named[what] else None for what in SHARED}

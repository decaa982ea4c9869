"""What a training did, epoch by epoch."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from . import base

#: The stages of SpeechBrain's training log, as a legend names them.
STAGES = {"train": "training part", "valid": "held-out part"}

#: Up to this many epochs each has its own marker.
SINGLE_EPOCHS = 15


def losses(curves: pd.DataFrame, ax: Axes | None = None, *, classes: int | None = None, title: str = "") -> Axes:
    """Training and held-out loss by epoch.

    Args:
        curves: columns epoch, train_loss, validation_loss (cross-entropy in nats).
        ax: where to draw.
        classes: draws the loss of a forecast that knows nothing, ln(classes).
        title: the title.
    """
    ax = base.axes(ax)
    ax.plot(curves["epoch"], curves["train_loss"], color=base.SERIES_COLOURS[0], label="training part")
    ax.plot(curves["epoch"], curves["validation_loss"], color=base.SERIES_COLOURS[1], ls="--", label="held-out part")
    if classes:
        ax.axhline(np.log(classes), color="0.4", lw=1, ls=":", label=f"knowing nothing, ln {classes}")
    ax.set(xlabel="epoch", ylabel="cross-entropy in nats", ylim=(0, None), title=title)
    ax.legend()
    return ax


def training_curves(
    log: pd.DataFrame,
    ax: Axes | None = None,
    *,
    value: str = "loss",
    kept: int | None = None,
    label: str | None = None,
    title: str = "",
) -> Axes:
    """One column of a training log by epoch, a line a stage, with the epoch whose weights were kept.

    Args:
        log: columns epoch, stage ("train", "valid") and `value`; rows without a value are left out.
        ax: where to draw.
        value: the column: "loss" or what else was logged.
        kept: the epoch whose weights were kept; by default none is marked.
        label: name and unit of the value for the axis; by default the column's name.
        title: the title.

    Raises:
        ValueError: no row has a value.
    """
    ax = base.axes(ax)
    shown = log.dropna(subset=[value])
    if shown.empty:
        raise ValueError(f"no row of the training log has a value of {value!r}; it holds {len(log)} rows")
    for stage, colour, dashes in (("train", 0, "-"), ("valid", 1, "--")):
        rows = shown[shown["stage"] == stage].sort_values("epoch")
        if len(rows):
            marker = "o" if len(rows) <= SINGLE_EPOCHS else None
            style = {"color": base.SERIES_COLOURS[colour], "ls": dashes, "marker": marker}
            ax.plot(rows["epoch"], rows[value], label=STAGES[stage], **style)
    if kept is not None:
        _mark_kept(shown, ax, value=value, kept=kept)
    ax.set(xlabel="epoch", ylabel=label or value, title=title)
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.08 * shown[value].max()))  # keeps axes of one scale as high as the highest
    ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
    ax.legend()
    return ax


def _mark_kept(shown: pd.DataFrame, ax: Axes, *, value: str, kept: int) -> None:
    """A line at the kept epoch, and a ring around its held-out value."""
    ax.axvline(kept, color="0.4", ls=":", label=f"kept: epoch {kept}")
    found = shown[(shown["stage"] == "valid") & (shown["epoch"] == kept)]
    ax.plot(found["epoch"], found[value], "o", ms=10, mfc="none", mec="black", mew=1.5)

"""Predicted valence and arousal beside the true ones: the thesis's figures 5.2 to 5.7, one dimension an axes."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .. import metrics
from . import base

#: Width of a bin in points of the scale. Mean ratings lie on halves, thirds and quarters; a quarter holds them evenly.
BIN = 0.25

#: From this many points on single dots would hide one another: `scatter` counts them in cells.
MANY = 1500


def distribution(
    true: ArrayLike,
    predicted: ArrayLike,
    ax: Axes | None = None,
    *,
    dimension: str,
    scale: tuple[float, float] = (1, 5),
) -> Axes:
    """How often each value is true and how often it is predicted (the thesis's figures 5.2 and 5.5).

    Args:
        true: the true values, (n,).
        predicted: the predicted values, (n,); they may leave the scale.
        ax: where to draw.
        dimension: "valence" or "arousal".
        scale: the corpus's lowest and highest value.
    """
    ax = base.axes(ax)
    true, predicted = np.asarray(true, dtype=float), np.asarray(predicted, dtype=float)
    edges = _edges(np.concatenate([true, predicted, scale]))
    means = [f"{side} (mean {values.mean():.2f}, sd {values.std():.2f})"
             for side, values in (("true", true), ("predicted", predicted))]  # fmt: skip
    heights = ax.hist(true, edges, color="0.75", label=means[0])[0]
    outline = ax.hist(predicted, edges, histtype="step", lw=2, color=base.SERIES_COLOURS[0], label=means[1])[0]
    ax.set(xlabel=_on_scale(dimension, scale), ylabel=f"utterances per {BIN:g} points", xticks=_ticks(scale))
    _leave_room(ax, max(*heights, *outline))
    ax.legend(loc="upper left", fontsize="small")
    ax.grid(axis="x", visible=False)
    return ax


def scatter(
    true: ArrayLike,
    predicted: ArrayLike,
    ax: Axes | None = None,
    *,
    dimension: str,
    scale: tuple[float, float] = (1, 5),
) -> Axes:
    """Predicted against true values, with the line of identity, correlation and concordance (figures 5.3 and 5.6).

    Args:
        true: the true values, (n,).
        predicted: the predicted values, (n,); they may leave the scale.
        ax: where to draw.
        dimension: "valence" or "arousal".
        scale: the corpus's lowest and highest value.
    """
    ax = base.axes(ax)
    true, predicted = np.asarray(true, dtype=float), np.asarray(predicted, dtype=float)
    low, high = _limits(true, predicted, scale=scale)
    if len(true) >= MANY:
        _cells(true, predicted, ax)
    else:
        ax.scatter(true, predicted, s=22, alpha=min(0.8, 12 / len(true) ** 0.5), lw=0, color=base.SERIES_COLOURS[0])
    ax.plot([low, high], [low, high], color="0.3", ls="--", lw=1.2)
    ax.text(0.03, 0.97, _agreement(true, predicted), transform=ax.transAxes, va="top", fontsize="small",
            bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 2})  # fmt: skip
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", xticks=_ticks(scale), yticks=_ticks(scale))
    ax.set(xlabel=f"true {_on_scale(dimension, scale)}", ylabel=f"predicted {dimension}")
    return ax


def errors(true: ArrayLike, predicted: ArrayLike, ax: Axes | None = None, *, dimension: str) -> Axes:
    """Errors of the predictions, with the normal curve of their mean and deviation (figures 5.4 and 5.7).

    Args:
        true: the true values, (n,).
        predicted: the predicted values, (n,).
        ax: where to draw.
        dimension: "valence" or "arousal".
    """
    ax = base.axes(ax)
    scores = metrics.evaluate_regression(true, predicted)
    error = np.asarray(predicted, dtype=float) - np.asarray(true, dtype=float)
    mean, deviation = scores["error_mean"], scores["error_std"]
    reach = np.abs(error).max()
    highest = ax.hist(error, _edges(np.array([-reach, reach])), color="0.75")[0].max()
    ax.axvline(0, color="0.3", ls="--", lw=1.2, label="no error")
    ax.axvline(mean, color=base.SERIES_COLOURS[2], lw=2, label=f"mean {mean:+.2f}")
    if deviation > 0:
        x = np.linspace(-reach - BIN, reach + BIN, 200)
        curve = np.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi)) * BIN * len(error)
        highest = max(highest, curve.max())
        ax.plot(x, curve, color=base.SERIES_COLOURS[0], lw=1.5, label=f"normal, sd {deviation:.2f}")
    ax.set(xlabel=f"{dimension}: predicted - true, in points", ylabel=f"utterances per {BIN:g} points")
    _leave_room(ax, highest)
    ax.legend(loc="upper left", fontsize="small")
    ax.grid(axis="x", visible=False)
    return ax


def _edges(values: np.ndarray) -> np.ndarray:
    """Edges of bins of width `BIN` that have the multiples of `BIN` in their middle, around all values."""
    first, last = np.floor(values.min() / BIN + 0.5), np.floor(values.max() / BIN + 0.5)
    return (np.arange(first, last + 2) - 0.5) * BIN


def _limits(*values: np.ndarray, scale: tuple[float, float]) -> tuple[float, float]:
    """The scale, or more where values leave it, with a margin."""
    everything = np.concatenate([*values, scale])
    margin = 0.05 * np.ptp(everything)
    return everything.min() - margin, everything.max() + margin


def _cells(true: np.ndarray, predicted: np.ndarray, ax: Axes) -> None:
    """Counts in the bins of `distribution`, on a logarithmic scale, because the middle of the scale is crowded."""
    bins = [_edges(true), _edges(predicted)]
    cells = ax.hist2d(true, predicted, bins, cmin=1, norm=mpl.colors.LogNorm(vmin=1), cmap="cividis_r")[3]
    ax.figure.colorbar(cells, ax=ax, label=f"utterances per {BIN:g} x {BIN:g} points", shrink=0.7)


def _agreement(true: np.ndarray, predicted: np.ndarray) -> str:
    scores = metrics.evaluate_regression(true, predicted)
    correlation = "not defined" if np.isnan(scores["correlation"]) else f"{scores['correlation']:.2f}"
    return f"correlation {correlation}\nCCC {scores['ccc']:.2f}\nn = {len(true):,}"


def _on_scale(dimension: str, scale: tuple[float, float]) -> str:
    ends = {"valence": ("negative", "positive"), "arousal": ("calm", "excited")}.get(dimension, ("low", "high"))
    return f"{dimension} ({scale[0]:g} {ends[0]} to {scale[1]:g} {ends[1]})"


def _ticks(scale: tuple[float, float]) -> np.ndarray:
    return np.arange(scale[0], scale[1] + 1)


def _leave_room(ax: Axes, highest: float) -> None:
    """Room for the legend above the bars; axes that share their scale get the room of the highest."""
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.3 * highest))

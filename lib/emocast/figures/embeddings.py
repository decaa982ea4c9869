"""Embeddings as a picture."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from .. import labels
from . import base


def embedding(points: np.ndarray, hue: pd.Series, ax: Axes | None = None, *, title: str, axis: str) -> Axes:
    """Embeddings in two dimensions, a dot a window.

    Args:
        points: shape (n, 2).
        hue: the colour of each dot: emotions have their own colours, other groups get a scale of their own.
        ax: where to draw.
        title: the title.
        axis: what the axes are, for example "principal component".
    """
    ax = base.axes(ax)
    emotional = hue.isin(labels.EMOTIONS).all()
    order = labels.ordered(hue) if emotional else sorted(hue.unique())
    named = list(base.SERIES_COLOURS) if len(order) <= len(base.SERIES_COLOURS) else "viridis"
    palette = labels.COLOURS if emotional else sns.color_palette(named, len(order))
    sns.scatterplot(
        x=points[:, 0],
        y=points[:, 1],
        hue=hue.to_numpy(),
        hue_order=order,
        palette=palette,
        s=18,
        alpha=0.8,
        ax=ax,
        linewidth=0,
    )
    ax.set(xlabel=f"{axis} 1", ylabel=f"{axis} 2", title=title, xticklabels=[], yticklabels=[])
    ax.legend(title=hue.name, markerscale=1.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax

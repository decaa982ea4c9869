"""Figures: data and axes in, axes out. No file is read or written here.

Each emotion has the colour of `labels.COLOURS` in every figure; units stand in the axis labels; where there are samples
there are intervals; what a paper printed is black.
"""

from __future__ import annotations

from .base import FEWEST, PUBLISHED_COLOUR, SERIES_COLOURS, style
from .catalogue import criteria_matrix, sizes
from .claims import changes, gains, ladder, learning_curve
from .classes import accuracies, confusion, scores, shares
from .contrast import alignment, cluster_sweep, hulls, prompt_spread, texts
from .conversations import balance, history, repeats, speech, transitions
from .corpora import durations, emotion_counts, timeline, valence_arousal
from .dimensions import distribution, errors, scatter
from .embeddings import embedding, probes
from .recordings import held_out_scores, recording
from .reliability import reliability
from .search import search
from .shifts import differences, eligible_events, recalls, rung, sweep
from .training import losses, training_curves

__all__ = [
    "FEWEST",
    "PUBLISHED_COLOUR",
    "SERIES_COLOURS",
    "accuracies",
    "alignment",
    "balance",
    "changes",
    "cluster_sweep",
    "confusion",
    "criteria_matrix",
    "differences",
    "distribution",
    "durations",
    "eligible_events",
    "embedding",
    "emotion_counts",
    "errors",
    "gains",
    "held_out_scores",
    "history",
    "hulls",
    "ladder",
    "learning_curve",
    "losses",
    "probes",
    "prompt_spread",
    "recalls",
    "recording",
    "reliability",
    "repeats",
    "rung",
    "scatter",
    "scores",
    "search",
    "shares",
    "sizes",
    "speech",
    "style",
    "sweep",
    "texts",
    "timeline",
    "training_curves",
    "transitions",
    "valence_arousal",
]

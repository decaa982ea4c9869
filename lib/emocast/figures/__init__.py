"""Figures: data and axes in, nothing out. No file is read or written here.

Each emotion has the colour of `labels.COLOURS` in every figure; units stand in the axis labels; where there are samples
there are intervals; what a paper printed is black.
"""

# ruff: noqa: F401
# isort: off
from .base import PUBLISHED_COLOUR, SERIES_COLOURS, intervals, style
from .corpora import balance, criteria_matrix, durations, emotion_counts, history, recording, repeats, sizes, speech
from .corpora import timeline, transitions, valence_arousal
from .embeddings import embedding, probes, texts
from .scores import accuracies, by_protocol, by_shift, changes, confusion, differences, dimensions, eligible_events
from .scores import gains, held_out_scores, hyperparameters, learning_curve, losses, recalls, reliability_diagram
from .scores import scores, shares, sweep, training_curves

"""Emocast: can the next emotion be forecast, and does a recogniser work in another language?

The notebooks under `notebooks/` ask the questions; this package holds what they call. The way the data takes:
corpus on disk -> utterance table -> window table -> embeddings -> folds -> predictions -> tables and figures.
"""

__version__ = "0.1.0"

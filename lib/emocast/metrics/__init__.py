"""Scores of predictions, and how sure a score is: one place, so that every table means the same by its numbers.

`classes` scores predicted emotions, `regression` predicted valence and arousal, `intervals` says how sure a score or the
difference of two is, `balanced` how much hangs on the class-balanced draw that is tested on; `structure` says what explains
embeddings, `clusters` what clusters of them share with labels. Conventions, kept by all:

- Scores are fractions between 0 and 1, not percent; errors of valence and arousal are in points of the corpus's scale.
- Recall of a class = its hits / its true occurrences; not defined (NaN) for a class that never occurs in `y_true`.
- Precision = hits / times predicted; not defined (NaN) for a class that is never predicted.
- F1 = 2 hits / (true occurrences + times predicted); not defined (NaN) for a class that occurs on neither side.
- UAR (unweighted average recall) = the mean of the recalls of the classes present in `y_true`; a class that is only
  predicted lowers the recall of the others and has none itself. This is scikit-learn's `balanced_accuracy_score`.
- Macro F1 = the mean of F1 over the classes present in `y_true` or `y_pred`; scikit-learn's `f1_score` does the same.
- Error = predicted - true. Variances and standard deviations divide by n, so that the mean squared error is the squared
  mean error plus the squared standard deviation: the thesis's tables 5.2 and 5.3 keep to that.

Utterances of one dialogue resemble each other, so a score over 1,000 of them is less sure than 1,000 coin flips are.
`bootstrap_interval` therefore draws whole groups (dialogues, or speakers), never single rows.
"""

from __future__ import annotations

from .balanced import balanced_draws, summarise_draws
from .classes import class_shares, confusion, evaluate, per_class
from .intervals import bootstrap_interval, paired_bootstrap
from .regression import ccc, correlation, evaluate_regression
from .structure import explained

__all__ = [
    "balanced_draws",
    "bootstrap_interval",
    "ccc",
    "class_shares",
    "confusion",
    "correlation",
    "evaluate",
    "evaluate_regression",
    "explained",
    "paired_bootstrap",
    "per_class",
    "summarise_draws",
]

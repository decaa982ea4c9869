"""Scores of predictions, and how sure a score is: one place, so that every table means the same by its numbers.

`classes` scores predicted emotions, `regression` predicted valence and arousal, `intervals` says how sure a score or the
difference of two is, `balanced` how much hangs on the class-balanced draw that is tested on; `structure` says what explains
embeddings, `clusters` what clusters of them share with labels.

Of forecasts: `forecasts` makes the row of all scores of a table of predictions; `probabilities`, `calibration`,
`reliability` and `temperature` ask whether a model knows how much it knows; `permutation` (beside it `mcnemar`) asks whether
one model is better than another, `families` whether that holds when many are tested at once; `shifts` finds the events
where the emotion changes, `skills` places a model between persistence and the ceiling, and `curves` asks what more dialogues
would bring. `drawing` draws groups for all of them.

Conventions, kept by all:

- Scores are fractions between 0 and 1, not percent; errors of valence and arousal are in points of the corpus's scale. The
  Brier score goes from 0 to 2, log loss is in nats.
- Recall of a class = its hits / its true occurrences; not defined (NaN) for a class that never occurs in `y_true`.
- Precision = hits / times predicted; not defined (NaN) for a class that is never predicted.
- F1 = 2 hits / (true occurrences + times predicted); not defined (NaN) for a class that occurs on neither side.
- UAR (unweighted average recall) = the mean of the recalls of the classes present in `y_true`; a class that is only
  predicted lowers the recall of the others and has none itself. This is scikit-learn's `balanced_accuracy_score`.
- Macro F1 = the mean of F1 over the classes present in `y_true` or `y_pred`; scikit-learn's `f1_score` does the same.
- Error = predicted - true. Variances and standard deviations divide by n, so that the mean squared error is the squared
  mean error plus the squared standard deviation: the thesis's tables 5.2 and 5.3 keep to that.

Utterances of one dialogue resemble each other, so a score over 1,000 of them is less sure than 1,000 coin flips are.
`bootstrap_interval` therefore draws whole groups (dialogues, or speakers), never single rows, and `permutation_test` swaps
whole ones.
"""

from __future__ import annotations

from .balanced import balanced_draws, summarise_draws
from .calibration import calibration_error, calibration_interval
from .classes import class_shares, confusion, evaluate, per_class
from .curves import learning_curve, subsets
from .families import holm
from .forecasts import compare_forecasts, evaluate_changes, evaluate_forecast, evaluate_forecasts
from .intervals import bootstrap_interval, paired_bootstrap
from .mcnemar import mcnemar_test
from .permutation import permutation_test
from .probabilities import brier_losses, brier_score, log_loss, log_losses, loss_interval
from .regression import ccc, correlation, evaluate_regression
from .reliability import reliability_table
from .shifts import shift_events
from .skills import skill
from .structure import explained
from .temperature import TemperatureScaling

__all__ = [
    "TemperatureScaling",
    "balanced_draws",
    "bootstrap_interval",
    "brier_losses",
    "brier_score",
    "calibration_error",
    "calibration_interval",
    "ccc",
    "class_shares",
    "compare_forecasts",
    "confusion",
    "correlation",
    "evaluate",
    "evaluate_changes",
    "evaluate_forecast",
    "evaluate_forecasts",
    "evaluate_regression",
    "explained",
    "holm",
    "learning_curve",
    "log_loss",
    "log_losses",
    "loss_interval",
    "mcnemar_test",
    "paired_bootstrap",
    "per_class",
    "permutation_test",
    "reliability_table",
    "shift_events",
    "skill",
    "subsets",
    "summarise_draws",
]

"""Scores of predictions, and how sure a score is: one place, so that every table means the same by its numbers.

`scores` of classes and of valence and arousal, `resampling` (intervals, tests, skill), `calibration` of probabilities and all
scores of a table of predictions, `probes` of embeddings, `votes` of raters as soft labels. Scores are fractions, not percent;
UAR (unweighted average recall) is the mean recall of the classes present in `y_true`; an error is predicted - true.
"""

from importlib import import_module

_NAMES = {
    "scores": "balanced_draws ccc confusion evaluate evaluate_regression per_class shift_events",
    "resampling": "Resampling bootstrap_interval few_groups_test holm loss_interval mcnemar_test paired_bootstrap "
    "permutation_test skill",
    "calibration": "TemperatureScaling brier_losses calibration_error calibration_interval reliability_table "
    "FEW compare_forecasts count_events evaluate_forecast evaluate_forecasts subsets",
    "probes": "explained",
    "votes": "choice_shares evaluate_votes held_out vote_losses",
}
_HOME = {name: module for module, names in _NAMES.items() for name in (module, *names.split())}


def __getattr__(name: str) -> object:
    """Import the module of a name when it is asked for: who scores classes need not load what clusters embeddings."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_HOME[name]}")
    return module if name in _NAMES else getattr(module, name)


def __dir__() -> list[str]:
    """What can be asked for, for completion in a notebook."""
    return sorted(_HOME)

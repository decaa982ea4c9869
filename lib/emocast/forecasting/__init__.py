"""Forecast the next emotion from the seconds before it.

`splits`, `fcdnn` and `crossval` make predictions, `baselines` and `ceiling` those beside them, `experiments` and `variants` the
evaluations, and `claims` says what may be claimed.
"""

"""Forecast the next emotion from the seconds before it.

`splits` divides events into train and test, `fcdnn` is the preprint's network, `crossval` runs models over folds and shifts,
`baselines` and `ceiling` say on the same folds how far one gets without a model and at all, `experiments` evaluates them all
under every protocol, `variants` changes the network's conditions, and `claims` says what may be claimed of it.
"""

"""Forecast the next emotion from the seconds before it: samples, protocols, the FC-DNN, and the sweep over shifts.

`protocols` divides events into train and test, `fcdnn` holds the preprint's network,
`evaluate` runs a model over folds and shifts. `ladder` proves the protocols; `baselines` and `ceiling` say on the same folds
how far one gets without a model, and how far one can get at all.
`rungs` asks them all under every protocol, `points` makes curves of it and `findings` says what it shows.
Encoders are no part of this room: it takes embeddings as they come.
"""

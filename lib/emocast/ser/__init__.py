"""Speech emotion recognition: wav2vec 2.0 with three objectives, and how it carries over to other corpora and languages.

The system of the thesis (chapters 4 and 5), on SpeechBrain's own `Brain` and HyperPyYAML files (`hparams/`): `models` (which,
and their splits) -> `training` (one, resumable) -> `predictions` (all test sets, and published classifiers) -> `tables`.
"""

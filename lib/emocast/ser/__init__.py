"""Speech emotion recognition: wav2vec 2.0 with three objectives, and how it carries over to other corpora and languages.

The system of the thesis (chapters 4 and 5), trained with SpeechBrain's own `Brain` on HyperPyYAML files (`hparams/`):
`models` (which models, and their splits) -> `training` (one model, resumable) -> a checkpoint in SpeechBrain's format ->
`predictions` (all test sets) -> `tables` (what chapter 5 prints). `initial` trains the small wav2vec 2.0 that
the demo begins with; `candidates` screens published classifiers.
"""

"""Speech emotion recognition: wav2vec 2.0 with three objectives, and how it carries over to other corpora and languages.

The system of the thesis (chapters 4 and 5), trained with SpeechBrain's own `Brain` on HyperPyYAML files (`hparams/`):

`splits` (train, valid, test, stored as lists) -> `training` (one model, resumable; `brain` is what an epoch does, `data`
what a batch is, `kept` how one that is there stays) -> a checkpoint in SpeechBrain's format (`encoders.checkpoint`) ->
`predictions` (all test corpora) -> `tables` (what chapter 5 prints). `models` says which models a profile asks for,
`start` trains the small wav2vec 2.0 that the demo begins with in place of `facebook/wav2vec2-base`. Beside that way stand
the published classifiers (`candidates`) and their test on 160 utterances (`screening`); `application` is how any of them
hears a corpus.
"""

"""Speech emotion recognition: wav2vec 2.0 with three objectives, and how it carries over to other corpora and languages.

The system of the thesis (chapters 4 and 5), on SpeechBrain's own `Brain` and HyperPyYAML files (`hparams/`): `models` (which,
and their splits) -> `training` (one, resumable) -> `predictions` (all test sets, and published classifiers) -> `tables`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings import Profile


def other_corpus(profile: Profile) -> str:
    """Why a profile's recognisers cannot be trained on its main corpus, in one sentence; empty where that is IEMOCAP."""
    if profile.corpus == "iemocap":
        return ""
    why = f"it trains on IEMOCAP as the thesis does, and the main corpus is {profile.corpus!r}"
    return f"{why}: with `corpus: iemocap` it tests on the others that the profile names"

"""eGeMAPS: 88 acoustic values of a sound that others report too, by openSMILE, an optional extra with a licence of its own.

The extended Geneva minimalistic acoustic parameter set (Eyben et al. 2016, https://doi.org/10.1109/TAFFC.2015.2457417) in its
version v02, as openSMILE's own package computes it of the waveform that it is given: of nothing outside the window.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import hub

#: What may be done with openSMILE, by the licence that its package brings.
LICENCE = (
    "openSMILE is audEERING's, under its research licence: free for private, research and educational use, not for a "
    "commercial product"
)
_FRAME = 960  # 60 ms at 16 kHz, over which it looks for pitch; of less sound it gives nothing


class Egemaps:
    """The 88 functionals of eGeMAPSv02, each in its own unit, in the order of `opensmile`'s `feature_names`."""

    name, sample_rate, dimension, precision = "egemaps", 16_000, 88, "fp32"
    digest = ""  # it has no weights
    threaded = False  # one C library a process

    def __init__(self) -> None:
        """Import the package; hub.CheckpointError, which tells its licence, where it is not there."""
        self._smile = _smile()

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each (samples,), of one frame (60 ms) at least: float32, shape (n, 88)."""
        embeddings = np.empty((len(waveforms), self.dimension), np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas', which it calls
            for row, waveform in enumerate(hub.mono(waveforms, shortest=_FRAME)):
                embeddings[row] = self._smile.process_signal(waveform.numpy(), self.sample_rate).to_numpy()[0]
        return embeddings


@functools.lru_cache(maxsize=1)
def _smile() -> Any:
    try:
        import opensmile
    except ImportError as error:
        advice = f'`pip install -e ".[egemaps]"` brings it. Before you do: {LICENCE}'
        raise hub.CheckpointError(f"no package opensmile ({error}): {advice}", advice=advice) from error
    features, level = opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals
    return opensmile.Smile(feature_set=features, feature_level=level)

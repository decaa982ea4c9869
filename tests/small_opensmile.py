"""A stand-in for openSMILE, which is an optional extra with a licence of its own and not in the environment.

Its values have nothing to do with eGeMAPS: the shape of a waveform, 88 times.
"""

import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd


class Smile:
    """The one class that is used."""

    def __init__(self, *, feature_set, feature_level) -> None:
        assert (feature_set, feature_level) == ("eGeMAPSv02", "functionals")

    def process_signal(self, signal, sampling_rate):
        assert isinstance(signal, np.ndarray) and signal.dtype == np.float32 and signal.ndim == 1
        assert sampling_rate == 16_000
        if len(signal) < 960:
            return pd.DataFrame(np.full((1, 88), np.nan, np.float32))  # as it does, with a warning
        values = signal.mean(), signal.std(), np.abs(signal).max(), len(signal)
        return pd.DataFrame(np.resize(values, (1, 88)).astype(np.float32))


def install(monkeypatch, folder: Path) -> None:
    """Let `import opensmile` find the stand-in, and its version."""
    module = types.ModuleType("opensmile")
    module.Smile = Smile
    module.FeatureSet = types.SimpleNamespace(eGeMAPSv02="eGeMAPSv02")
    module.FeatureLevel = types.SimpleNamespace(Functionals="functionals")
    monkeypatch.setitem(sys.modules, "opensmile", module)
    record = folder / "opensmile-2.6.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: opensmile\nVersion: 2.6.0\n")
    monkeypatch.syspath_prepend(folder)

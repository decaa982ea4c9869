"""(h): a recording of hours through `python -m emocast forecast`: how fast against real time, and how much memory."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pandas as pd

from emocast import audio, paths
from emocast.forecaster import recordings, training
from emocast.forecaster.recordings import Recording

from .measure import Result, apart

HOURS = (0.5, 3.0)
PROFILE = "demo"
LIMIT_MB, LEAST_SPEED = 1_500, 20
_RATE = 44_100
_LOUDNESSES = (1.0, 0.5, 0.7)

_FORECAST = """
import time
from emocast_run.__main__ import main
path, folder, profile = arguments
started = time.perf_counter()
if main(["forecast", path, "--profile", profile, "--output", folder]):
    raise SystemExit("the forecast failed")
result = {"seconds": time.perf_counter() - started, "processor": time.process_time()}
"""


def hours(scratch: Path) -> Result:
    """(h) Forecasts every second of an mp3 of half an hour and of three hours, each in a process of its own."""
    title = "(h) A recording of hours"
    if not (training.folder(PROFILE) / "forecaster.json").is_file():
        said = f"Not measured: no forecaster in {paths.relative(training.folder(PROFILE))}; run `make reproduce` first."
        return Result(title, pd.DataFrame({"measured": ["no"]}), [said])
    rows = [measured(scratch, length) for length in HOURS]
    table = pd.DataFrame(rows)
    speed, peak = table["times real time"].min(), table["peak MB"].max()
    sentences = [
        "Mp3, 44.1 kHz, stereo: a synthetic conversation over and over, louder and softer. Forecasts every second at all "
        "shifts with the demo's model, by the command line from start to picture, imports included; the memory "
        "is the most that was resident at any time.",
        f"At least {speed:.0f} times real time ({'over' if speed > LEAST_SPEED else 'UNDER'} {LEAST_SPEED}); "
        f"{peak:.0f} MB at most ({'under' if peak < LIMIT_MB else 'OVER'} {LIMIT_MB}); "
        f"{HOURS[-1] / HOURS[0]:g} times the length takes {peak / table['peak MB'].iloc[0]:.2f} times the memory.",
    ]
    return Result(title, table, sentences)


def measured(scratch: Path, length: float, *, profile: str = PROFILE) -> dict[str, float]:
    """Forecast a recording of so many hours in a process of its own, with a profile's model: a row of the table."""
    path = long_recording(scratch, length)
    found = apart(_FORECAST, path, scratch / f"forecast-{length:g}h", profile)
    return {
        "hours": length,
        "megabytes": path.stat().st_size / 1e6,
        "seconds": found["seconds"],
        "processor seconds": found["processor"],
        "times real time": 3600 * length / found["seconds"],
        "peak MB": found["peak_mb"],
    }


def long_recording(scratch: Path, length: float) -> Path:
    """An mp3 of so many hours: an encoded conversation at several loudnesses, frame after frame, in flat memory."""
    path = scratch / f"{length:g}h.mp3"
    sound, _ = recordings.spoken(scratch / "conversation", seed=1)
    one = audio.resample(np.concatenate(list(Recording(sound).blocks())), 16_000, _RATE)
    pieces = [_encoded(scratch / f"{loud:g}.mp3", one * np.float32(loud)) for loud in _LOUDNESSES]
    with path.open("wb") as file:
        for number in range(int(np.ceil(3600 * length * _RATE / one.size))):
            file.write(pieces[number % len(pieces)])
    return path


def _encoded(path: Path, samples: np.ndarray) -> bytes:
    """A sound as the frames of an mp3, without a header: such files may be put one after the other."""
    options = {"write_xing": "0", "id3v2_version": "0"}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=_RATE, layout="stereo", bit_rate=128_000)
        for first in range(0, samples.size, _RATE):  # FFmpeg takes its time over long frames
            piece = samples[first : first + _RATE].clip(-1, 1)
            frame = av.AudioFrame.from_ndarray(np.stack([piece, 0.8 * piece]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = _RATE, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()

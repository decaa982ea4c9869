"""Hand-crafted features: pitch, energy, MFCC and mel filter bank, pooled over a window.

The preprint names them (section "Handcrafted Audio Features") and gives no settings; these are common ones. Frames are
computed once a file and pooled for each window. No leak by construction: each frame looks at its own samples only (no smoothing
of pitch over the file, no normalisation by it, no centred padding), and a window takes the frames that lie wholly inside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from .. import audio

HOP = 160  # 10 ms
SPECTRUM = 512  # 32 ms: MFCC, mel bank, energy, zero crossings
SUPPORT = 1024  # 64 ms: a frame's pitch needs two periods of the lowest voice
MEL_BANDS = 26
CEPSTRA = 13
_PIECE = 1000  # frames at once: those of a whole dialogue would take three times as long, for want of memory near the processor
PITCH_RANGE_HZ = (62.5, 500.0)
SPEECH_BELOW_PEAK = np.log(10.0)  # frames within 20 dB of the window's loud ones count as speech (log amplitude)

FRAME_FEATURES: tuple[str, ...] = (
    "log_pitch",
    "log_energy",
    "zero_crossings",
    *(f"mfcc_{number}" for number in range(CEPSTRA)),
    *(f"log_mel_{number:02d}" for number in range(MEL_BANDS)),
)
POOLS: tuple[str, ...] = ("mean", "std", "slope", "p10", "p50", "p90")


class Handcrafted:
    """For each of `FRAME_FEATURES` the `POOLS` over the window, pitch only over speech; then the share of speech frames.

    Units: pitch as the natural log of Hz, energy as the log of the root mean square, mel bands as the log of the power, zero
    crossings as a share of samples; the slope is per second.
    """

    name, sample_rate, precision = "handcrafted", 16_000, "fp32"
    digest = ""  # it has no weights
    threaded = False  # half of it is Python, which threads cannot share
    #: The name of each value, for example "log_pitch_mean".
    feature_names = (
        *(f"{feature}_{pool}" for feature, pool in itertools.product(FRAME_FEATURES, POOLS)),
        "speech_share",
    )
    dimension = len(feature_names)

    def frames(self, waveform: np.ndarray) -> np.ndarray:
        """The frame features of a waveform at 16 kHz, shape (samples,): float32, shape (frames, features).

        Row k is computed from the samples [k * HOP, k * HOP + SUPPORT) alone. ValueError where the waveform is shorter than
        one frame, or has more than one channel.
        """
        if np.ndim(waveform) != 1:
            raise ValueError(f"a waveform has the shape {np.shape(waveform)}; expected (samples,)")
        if len(waveform) < SUPPORT:
            raise ValueError(f"{len(waveform)} samples at 16 kHz are shorter than one frame of {SUPPORT}")
        rows = (len(waveform) - SUPPORT) // HOP + 1
        pieces = [(first, min(first + _PIECE, rows) - 1) for first in range(0, rows, _PIECE)]
        with threadpool_limits(1):  # a sum's last digit depends on the number of threads that share it
            parts = [self._frames(waveform[first * HOP : last * HOP + SUPPORT]) for first, last in pieces]
        return np.concatenate(parts)

    def _frames(self, waveform: np.ndarray) -> np.ndarray:
        short = waveform[SUPPORT - SPECTRUM :]  # so that short and long frames of a row end at the same sample
        framing = {"frame_length": SPECTRUM, "hop_length": HOP, "center": False}
        power = np.abs(librosa.stft(short, n_fft=SPECTRUM, hop_length=HOP, center=False)) ** 2
        mel = np.log(librosa.feature.melspectrogram(S=power, sr=self.sample_rate, n_mels=MEL_BANDS) + 1e-8)
        energy = np.log(librosa.feature.rms(y=short, **framing) + 1e-5)
        crossings = librosa.feature.zero_crossing_rate(short, **framing)
        (lowest, highest), framing = PITCH_RANGE_HZ, framing | {"frame_length": SUPPORT}
        pitch = librosa.yin(waveform, fmin=lowest, fmax=highest, sr=self.sample_rate, **framing)
        cepstra = librosa.feature.mfcc(S=mel, n_mfcc=CEPSTRA)
        return np.vstack([np.log(pitch), energy, crossings, cepstra, mel]).T.astype(np.float32)

    def pool(self, frames: np.ndarray) -> np.ndarray:
        """Pool the frames of one window, shape (frames, features), at least one: float32, shape (dimension,)."""
        energy = frames[:, FRAME_FEATURES.index("log_energy")]
        speech = energy >= np.percentile(energy, 95) - SPEECH_BELOW_PEAK
        pitch = _statistics(frames[:, :1], np.flatnonzero(speech))
        rest = _statistics(frames[:, 1:], np.arange(len(frames)))
        return np.concatenate([pitch.ravel(), rest.ravel(), [speech.mean()]]).astype(np.float32)

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embed n waveforms at 16 kHz, each of shape (samples,): float32, shape (n, dimension)."""
        pooled = [self.pool(self.frames(waveform)) for waveform in waveforms]
        return np.stack(pooled) if pooled else np.empty((0, self.dimension), np.float32)

    def encode_spans(self, path: Path, spans: Sequence[tuple[int, int]]) -> np.ndarray:
        """Embed n spans of one file, each its first frame and the one after its last at the file's own rate: (n, dimension).

        Float32. A span's embedding depends on no sample outside it. Where the file has the encoder's rate, feature frames are
        shared and lie on the file's grid of 10 ms. audio.AudioError where a span cannot be read, or is shorter than a frame.
        """
        # Resampling a whole file would carry sound across a span's end: such spans are read one by one.
        if audio.inspect(path).sample_rate != self.sample_rate:
            return self.encode([audio.read_frames(path, *span, sample_rate=self.sample_rate) for span in spans])
        if not spans:
            return np.empty((0, self.dimension), np.float32)
        first = min(start for start, _ in spans) // HOP * HOP
        sound = audio.read_frames(path, first, max(stop for _, stop in spans), sample_rate=self.sample_rate)
        frames = self.frames(sound)
        return np.stack([self.pool(_inside(frames, start - first, stop - first, path)) for start, stop in spans])


def _inside(frames: np.ndarray, start: int, stop: int, path: Path) -> np.ndarray:
    """The frames that lie wholly between two samples: none that begins before the start or reaches past the end."""
    first, last = -(-start // HOP), (stop - SUPPORT) // HOP
    if last < first or last >= len(frames):
        seconds = (stop - start) / Handcrafted.sample_rate
        raise audio.AudioError(f"{path}: no frame of {SUPPORT} samples lies in the span of {seconds:.3f} s")
    return frames[first : last + 1]


def _statistics(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Statistics (`POOLS`) of the rows at `index`: shape (features, pools). The slope is of a least-squares line."""
    chosen = values[index].astype(np.float64)
    seconds = index * (HOP / Handcrafted.sample_rate)
    centred = seconds - seconds.mean()
    spread = (centred**2).sum()
    slope = centred @ chosen / spread if spread > 0 else np.zeros(chosen.shape[1])
    percentiles = np.percentile(chosen, [10, 50, 90], axis=0)
    return np.stack([chosen.mean(0), chosen.std(0), slope, *percentiles], axis=1)

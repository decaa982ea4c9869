"""(a) and (b): windows of 10 s through wav2vec2-base, the store against the plain way and against what the machine can do."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import Wav2Vec2Config, Wav2Vec2Model

from emocast import compute
from emocast.encoders import get, store

from .measure import Result, rounds, spread

WINDOWS = 56  # pieces enough for every core of a small machine
ROUNDS = 3
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Plain:
    """The plain way: SpeechBrain's own classes, `encode_batch` of a window at a time in float32, sound by librosa."""

    def __init__(self, folder: Path) -> None:
        """Let SpeechBrain read the checkpoint."""
        from speechbrain.inference.interfaces import Pretrained

        settings = {"overrides": {"pretrained_path": str(folder)}, "savedir": str(folder) + "-speechbrain"}
        self._model = Pretrained.from_hparams(source=str(folder), **settings)

    def embed(self, root: Path, cut: pd.DataFrame) -> np.ndarray:
        """Embed windows as the `encode_batch` of SpeechBrain's emotion interface does."""
        return np.stack([self._one(root / row.audio, row.start_s, row.end_s) for row in cut.itertuples()])

    @torch.no_grad()
    def _one(self, path: Path, start_s: float, end_s: float) -> np.ndarray:
        waveform, _ = librosa.load(path, sr=16_000, offset=start_s, duration=end_s - start_s)
        hidden = self._model.mods.wav2vec2(torch.from_numpy(waveform)[None])
        return self._model.mods.avg_pool(hidden, torch.ones(1)).flatten().numpy()


def against_plain(encoder: str, root: Path, cut: pd.DataFrame, scratch: Path) -> Result:
    """(a) The store against the plain way, from sound files to embeddings (the store's are on the disk then)."""
    some = cut.iloc[np.linspace(0, len(cut) - 1, WINDOWS).astype(int)].reset_index(drop=True)
    plain, kept, given = Plain(Path(encoder.partition(":")[2])), {}, {}
    number = iter(range(1_000))
    precisions = list(dict.fromkeys([compute.precision("auto"), "fp32"]))

    def through_store(precision: str) -> None:
        folder = scratch / f"store-{next(number)}"  # a new one each time: nothing may be found there
        options = {"jobs": CORES, "folder": folder, "progress": False}
        kept[precision], _ = store.embed(encoder, some, root, precision=precision, **options)

    def plainly() -> None:
        given["plain"] = plain.embed(root, some)

    ways = {"plain": plainly, **{f"store, {name}": partial(through_store, name) for name in precisions}}
    seconds = rounds(ways, number=ROUNDS)
    length_s = float((some["end_s"] - some["start_s"]).sum())
    rows = []
    for way in ways:
        mine = kept.get(way.rpartition(" ")[2])
        alike = "" if mine is None else f"{np.median(cosine(mine, given['plain'])):.6f}"
        rows.append(
            {
                "way": way,
                "seconds of sound a second": spread(length_s / seconds[way], 1),
                "times the plain way": spread(seconds["plain"] / seconds[way]),
                "median cosine to the plain way": alike,
            }
        )
    said = (
        f"{len(some)} windows of 10 s, {ROUNDS} rounds in turn, {CORES} cores; median (range). Plain: SpeechBrain's classes, a "
        f"window at a time in float32 with torch's own threads, `librosa.load` for each. The store: read, computed, written."
    )
    return Result("(a) The store against the plain way: wav2vec2-base, random weights", pd.DataFrame(rows), [said])


def against_peak(encoder: str) -> Result:
    """(b) The encoder alone, as the store runs it (a thread a core), against the machine's own matrix products."""
    rows, sentences = [], []
    for precision in dict.fromkeys([compute.precision("auto"), "fp32"]):
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        peak = peak_flops(dtype)
        waveforms = [np.random.default_rng(0).normal(0, 0.1, 160_000).astype(np.float32)] * 2
        model = get(encoder, precision=precision)
        flops, parts = operations(), _parts(model, waveforms[:1])
        seconds = rounds({precision: partial(_side_by_side, model, waveforms)}, number=ROUNDS)[precision]
        reached = CORES * len(waveforms) * flops / seconds
        rows.append(
            {
                "precision": precision,
                "GFLOP a window": flops / 1e9,
                "measured peak, GFLOP/s": peak / 1e9,
                "reached, GFLOP/s": spread(reached / 1e9, 0),
                "% of peak": spread(100 * reached / peak, 1),
            }
        )
        sentences.append(f"Where the time of one window goes in {precision}, on one thread: {parts}.")
    said = (
        "The peak is the best of several large square matrix products over all cores in the same process; FLOP are counted by "
        "torch on transformers' own model (a multiplication and an addition are two)."
    )
    return Result("(b) Share of the machine's matrix-multiply peak", pd.DataFrame(rows), [said, *sentences])


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The cosine of each row with the other's, shape (n,)."""
    return (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def peak_flops(dtype: torch.dtype, *, size: int = 2048, seconds: float = 3.0) -> float:
    """The best rate of square matrix products over all cores, in floating-point operations a second."""
    left, right = (torch.randn(size, size).to(dtype) for _ in range(2))
    best, until = float("inf"), time.perf_counter() + seconds
    with compute.torch_threads(CORES):
        while time.perf_counter() < until:
            started = time.perf_counter()
            torch.mm(left, right)
            best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def operations() -> int:
    """Floating-point operations of wav2vec2-base on a window of 10 s, counted by torch on transformers' own model."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        Wav2Vec2Model(Wav2Vec2Config(attn_implementation="eager")).eval()(torch.zeros(1, 160_000))
    return counter.get_total_flops()


def _side_by_side(model, waveforms: list[np.ndarray]) -> None:
    """What the store does: a thread a core, each with one thread of torch and work of its own."""

    def one(_: int) -> None:
        with compute.torch_threads(1):
            model.encode(waveforms)

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(one, range(CORES)))


def _parts(model, waveforms: list[np.ndarray]) -> str:
    """The share of each kind of operation in the time of one window."""
    kinds = {
        "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"),
        "attention": ("aten::_scaled_dot_product",),
        "convolutions": ("aten::mkldnn_convolution", "aten::_slow_conv2d", "aten::convolution"),
        "GELU": ("aten::gelu",),
        "norms": ("aten::native_layer_norm", "aten::native_group_norm"),
        "copies and conversions": ("aten::copy_", "aten::clone", "aten::cat", "aten::contiguous"),
    }
    with compute.torch_threads(1):
        model.encode(waveforms)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiled:
            model.encode(waveforms)
    events = profiled.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    shares = {
        kind: 100 * sum(e.self_cpu_time_total for e in events if e.key.startswith(names)) / total
        for kind, names in kinds.items()
    }
    shares["the rest"] = 100 - sum(shares.values())
    return ", ".join(f"{kind} {share:.0f} %" for kind, share in shares.items())

"""Run the benchmarks: `make bench`, or `python -m benchmarks --only c,e`."""

from __future__ import annotations

import argparse
import functools
import os
import platform
import tempfile
import warnings
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import torch

from emocast import compute, paths
from emocast.corpora.table import CorpusWarning

from . import examining, extraction, growth, material, networks, reading, recordings
from .measure import Result


def main() -> None:
    """Run what is asked for and write the report."""
    parser = argparse.ArgumentParser(description="Measure what Emocast costs, against the plain way.")
    parser.add_argument(
        "--only", default="a,b,c,d,e,f,g,h", help="letters of the benchmarks, for example c,e (default: all)"
    )
    parser.add_argument("--whole", action="store_true", help="g: run the whole job, too (minutes)")
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    warnings.simplefilter("ignore", CorpusWarning)  # the corpus is small on purpose
    target, sections = paths.outputs() / "bench.md", [_head()]
    with tempfile.TemporaryDirectory(prefix="emocast-bench-") as folder:
        for letter in options.only.split(","):
            sections.append(_run(letter, Path(folder), whole=options.whole).markdown())
            print(f"\n{sections[-1]}", flush=True)
            with paths.replacing(target) as partial:  # after each: a later one may be interrupted
                partial.write_text("\n".join(sections), encoding="utf-8")
    print(f"-> {paths.relative(target)}")


def _run(letter: str, folder: Path, *, whole: bool) -> Result:
    if letter == "a":
        return extraction.against_plain(_encoder(folder), *_sound(folder), folder)
    if letter == "b":
        return extraction.against_peak(_encoder(folder))
    if letter == "c":
        return reading.cutting_and_reading(*_sound(folder))
    if letter == "d":
        return growth.growth(_encoder(folder), *_sound(folder), folder, extraction.CORES)
    if letter == "e":
        return reading.warm(folder)
    if letter == "f":
        return examining.examining(folder)
    if letter == "g":
        return networks.against_loop(whole=whole)
    if letter == "h":
        return recordings.hours(folder)
    raise SystemExit(f"error: no benchmark {letter!r}; there are a, b, c, d, e, f, g and h")


@functools.cache  # what several benchmarks need is made by the first
def _encoder(folder: Path) -> str:
    return material.base(folder / "wav2vec2-base")


@functools.cache
def _sound(folder: Path) -> tuple[Path, pd.DataFrame]:
    return material.conversations(folder / "data")


def _head() -> str:
    flags = "bf16" if compute.precision("auto") == "bf16" else "no bf16: fp32 only"
    return (
        f"# What Emocast costs\n\n{datetime.now(timezone.utc):%Y-%m-%d}, {platform.system()} {platform.machine()}, "
        f"{extraction.CORES} cores ({torch.backends.cpu.get_cpu_capability()}; {flags}), {compute.best_device()}, "
        f"PyTorch {torch.__version__}. Made by `make bench`; each figure is of this run.\n"
    )


if __name__ == "__main__":
    main()

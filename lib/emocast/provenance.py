"""On what a run was made: versions, processor and platform, without which a number that moved cannot be explained.

The machine's name and the user's are no part of it.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import __version__

#: The packages whose version can change a number or a figure.
PACKAGES = (
    *("numpy", "scipy", "pandas", "scikit-learn", "numba", "torch", "torchaudio", "transformers", "speechbrain"),
    *("librosa", "soxr", "soundfile", "av", "umap-learn", "matplotlib", "seaborn", "nbconvert"),
)


def here() -> dict:
    """Describe this process's surroundings, quickly: nothing is imported for it.

    Returns:
        emocast, python, platform, processor, cores (those that this process may use), and packages: name -> version.
    """
    return {
        "emocast": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """The processor's model as Linux tells it, or what Python knows."""
    told = Path("/proc/cpuinfo")
    if sys.platform == "linux" and told.is_file():
        names = [
            line.partition(":")[2].strip() for line in told.read_text("utf-8").splitlines() if "model name" in line
        ]
        if names:
            return names[0]
    return platform.processor() or "unknown"

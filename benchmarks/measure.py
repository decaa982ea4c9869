"""How time and memory are measured: ways in turn, ratios with their spread, peaks in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from tqdm import tqdm

# Linux's ru_maxrss begins with what the parent held when it started the process: the kernel's own high-water mark does not.
_TELL = """
import pathlib, re, resource
status = pathlib.Path("/proc/self/status")
if status.is_file():
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024
else:  # macOS, in bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("\\n" + json.dumps({**result, "peak_mb": peak / 1e6}))
"""


@dataclass
class Result:
    """One benchmark's outcome, as the report shows it.

    Attributes:
        title: a heading.
        table: the figures.
        sentences: what was done, and what to read in the table.
    """

    title: str
    table: pd.DataFrame
    sentences: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """A section of the report."""
        return "\n\n".join([f"## {self.title}", *self.sentences, _grid(self.table)]) + "\n"


def rounds(ways: dict[str, Callable[[], object]], *, number: int, warm: bool = True) -> pd.DataFrame:
    """Time several ways of doing the same, one after the other in each round.

    Args:
        ways: name -> what to run.
        number: of rounds.
        warm: whether each runs once before, unmeasured.

    Returns:
        Seconds, a row a round and a column a way.
    """
    for way in ways.values() if warm else ():
        way()
    rows = []
    for _ in tqdm(range(number), desc=" / ".join(ways), unit="round"):
        row = {}
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            row[name] = time.perf_counter() - started
        rows.append(row)
    return pd.DataFrame(rows)


def spread(values: pd.Series | np.ndarray, digits: int = 2) -> str:
    """The median of some rounds and their range, as text."""
    low, middle, high = np.quantile(np.asarray(values, float), [0, 0.5, 1])
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def apart(code: str, *arguments: object) -> dict:
    """Run a piece of Python in a fresh process.

    Args:
        code: the program; `arguments` are there by that name (values that JSON holds), and what it leaves in `result` (a
            dict) is given back.
        arguments: see there.

    Returns:
        The result, with `peak_mb`: the most memory that was resident in the process, in 10^6 bytes.
    """
    program = "\n".join(["import json, sys", "arguments = json.loads(sys.argv[1])", "result = {}", code, _TELL])
    command = [sys.executable, "-c", program, json.dumps(arguments, default=str)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def straight(sizes: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """The slope of a least-squares line, and the greatest distance from the line as a share of the last value."""
    slope, offset = np.polyfit(sizes, values, 1)
    away = np.abs(np.polyval((slope, offset), sizes) - values).max()
    return float(slope), float(away / values[-1])


def _grid(table: pd.DataFrame) -> str:
    """A Markdown table: text as it is, whole numbers whole, others with four significant digits."""
    rows = [list(table.columns), ["---"] * len(table.columns)]
    rows += [[_shown(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"

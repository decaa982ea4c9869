"""Features that somebody computed a turn, in place of sound: many have a corpus's labels and features, and no recording.

The file: CSV or parquet, whose first column names the turns, or `.npy` (turns, features) with their names beside it, one a line
(`own.npy`, `own.txt`); one row a turn, all values finite numbers. It is looked for below the data folder.

The rule: the embedding of a window of an event is made from the turns of its dialogue, labelled or not, that *ended* inside it,
its bounds included. One that still goes on at its end is not heard, nor one that ended before it began; so nothing after
t - d is used. One after the other: the mean of those turns; the last to end; the last of the event's own speaker; the last of
anybody else (the partner's); then how many turns there were, how many own and how many of others. Where there is none, its
part is zeros, and the number beside it is 0: no row looks like one of zeros that was heard. The embedding of a turn itself (a
row whose span is the turn's own) is made of that turn alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import audio, paths
from . import hub

#: What a window's embedding holds, in this order; the last three are numbers of turns.
PARTS: tuple[str, ...] = ("mean", "last", "own last", "partner last", "turns", "own turns", "partner turns")
READ = (".csv", ".parquet", ".npy")
#: The share of a corpus's turns that a file may lack: those count as not heard. A file that lacks more is another corpus's.
LACKING = 0.01

_ROUNDING_S = 1e-6  # as in `forecasting.baselines`: bounds are sums of decimals
_ITSELF_S = 1e-3  # times in label files are rounded
_ASKED = ("utterance", "dialogue", "speaker", "start_s", "end_s")


class FeaturesError(ValueError):
    """A file of features is not there, cannot be read, or is not of the corpus. The message names it and says what to do."""


class Features:
    """The features of a file; `store.embed` asks it with the corpus's turns (`turns=`) and never with sound."""

    sample_rate, precision, threaded = 16_000, "fp32", True  # of the face of all encoders; no sound is read

    def __init__(self, source: str) -> None:
        """Read the file of a path below the data folder: FeaturesError, or hub.CheckpointError where it is not there."""
        files = self.weights(source)
        self.name, self.digest = f"features:{source}", hub.digest(*files)
        self.features, self.place = hub.loaded(_read, *files), source
        self.feature_names = [*self.features.columns.astype(str)]
        self.dimension = 4 * len(self.feature_names) + 3

    @staticmethod
    def weights(source: str) -> list[Path]:
        """The files that are read; hub.CheckpointError where one is not there, FeaturesError for a kind that is not read."""
        file = paths.data() / source
        if file.suffix not in READ:
            raise FeaturesError(f"features:{source}: a file of features is one of {', '.join(READ)}")
        files = [file, *([file.with_suffix(".txt")] if file.suffix == ".npy" else [])]
        told = ("a table of features, one row a turn, its name first", f"the names of {file.name}'s turns, one a line")
        for path, what in zip(files, told, strict=False):
            if not path.is_file():
                place = paths.relative(path)
                raise hub.CheckpointError(f"no {place}: put there {what}", advice=f"put {what}, into {place}")
        return files

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """There is no way from sound to these features: always a FeaturesError."""
        raise FeaturesError(f"{self.name} cannot embed sound: it has features of a corpus's own turns alone")

    def encode_turns(self, windows: pd.DataFrame, turns: pd.DataFrame) -> tuple[np.ndarray, int]:
        """Embed windows by the turns that ended inside each, and turns themselves by their own row.

        Args:
            windows: of a window table, or of the utterance table: utterance, dialogue, speaker, start_s, end_s. Of a window
                with a `voice` (`audio.Voice`) the turns of that voice count alone.
            turns: all turns of the corpus, labelled or not, on the clock of the windows.

        Returns:
            float32, shape (len(windows), dimension), NaN for a turn itself that the file lacks; and how many turns it lacks:
            in windows they count as not heard. FeaturesError where it lacks more than `LACKING` of them.
        """
        if absent := [column for column in _ASKED if column not in windows]:
            raise FeaturesError(
                f"{self.name} needs windows of events, these have no {absent[0]}: it knows turns, not sound"
            )
        names = turns["utterance"]
        lacking = names[~names.isin(self.features.index)]
        if len(lacking) > LACKING * len(turns):
            said = (
                f"{len(lacking):,} of the corpus's {len(turns):,} turns are not in it, the first is {lacking.iloc[0]}"
            )
            raise FeaturesError(f"{self.place}: {said}; it needs a row for each turn, by the corpus's names")
        spans = turns.set_index("utterance")[["start_s", "end_s"]].reindex(windows["utterance"]).to_numpy(dtype=float)
        itself = (np.abs(spans - windows[["start_s", "end_s"]].to_numpy(dtype=float)) < _ITSELF_S).all(axis=1)
        own = self.features.reindex(windows["utterance"]).to_numpy(dtype=float)
        known = turns[names.isin(self.features.index) & turns["end_s"].notna()]
        known = known.sort_values(["dialogue", "end_s", "start_s"], kind="stable")
        talks = {name: _Talk(rows, self.features) for name, rows in known.groupby("dialogue")}
        nobody, found = _Talk(known.iloc[:0], self.features), np.zeros((len(windows), self.dimension), np.float32)
        voices = windows["voice"] if "voice" in windows else [None] * len(windows)
        asked = zip(windows[list(_ASKED)].itertuples(index=False), voices, itself, strict=True)
        for row, ((_, dialogue, *event), voice, alone) in enumerate(asked):
            if alone:
                found[row] = np.concatenate([own[row], own[row], own[row], 0 * own[row], [1, 1, 0]])
            else:
                found[row] = talks.get(dialogue, nobody).heard(*event, voice)
        return found, len(lacking)


class _Talk:
    """The turns of one dialogue by their ends, with their features."""

    def __init__(self, turns: pd.DataFrame, features: pd.DataFrame) -> None:
        self.speakers = turns["speaker"].to_numpy(dtype=object)
        self.starts, self.ends = (turns[name].to_numpy(dtype=float) for name in ("start_s", "end_s"))
        self.values = features.loc[turns["utterance"]].to_numpy(dtype=float)

    def heard(self, speaker: str, start_s: float, end_s: float, voice: audio.Voice | None) -> np.ndarray:
        """The parts of one window's embedding, one after the other."""
        first = np.searchsorted(self.ends, start_s - _ROUNDING_S)
        inside = np.arange(first, np.searchsorted(self.ends, end_s + _ROUNDING_S, side="right"))
        if voice is not None:
            kept = [(self.starts[turn], self.ends[turn]) in voice.turns for turn in inside]
            inside = inside[np.array(kept, dtype=bool)]
        own = self.speakers[inside] == speaker
        parts, nothing = (inside, inside[own], inside[~own]), np.zeros(self.values.shape[1])
        mean = self.values[inside].mean(axis=0) if len(inside) else nothing
        lasts = [self.values[some[-1]] if len(some) else nothing for some in parts]
        return np.concatenate([mean, *lasts, [len(some) for some in parts]])


@lru_cache(maxsize=4)
def _read(file: Path, *others: Any) -> pd.DataFrame:
    """The features by the turns' names: float64; FeaturesError for what cannot be used."""

    def wrong(what: str) -> FeaturesError:
        return FeaturesError(f"{paths.relative(file)}: {what}")

    try:
        if file.suffix == ".npy":
            values = np.load(file, allow_pickle=False)
            told = others[0].read_text(encoding="utf-8").split()
            if values.ndim != 2 or len(values) != len(told):
                raise wrong(
                    f"its shape is {values.shape} and {others[0].name} has {len(told)} names; expected a row a name"
                )
            table = pd.DataFrame(values, index=told)
        elif file.suffix == ".parquet":
            table = pd.read_parquet(file)
            table = table.set_index(table.columns[0]) if isinstance(table.index, pd.RangeIndex) else table
        else:
            table = pd.read_csv(file, index_col=0)
    except FeaturesError:
        raise
    except ImportError as error:
        raise wrong("pandas has no engine for parquet here (pyarrow); give the features as CSV or .npy") from error
    except Exception as error:  # what pandas and numpy raise for damage has no common class
        raise wrong(f"cannot be read as {file.suffix[1:]} ({' '.join(str(error).split())[:120]})") from error
    return _checked(table, wrong)


def _checked(table: pd.DataFrame, wrong: Callable[[str], FeaturesError]) -> pd.DataFrame:
    """What was read, where it is one finite row of numbers a turn."""
    if table.empty:
        raise wrong("it holds no feature: one row a turn, its name in the first column, then numbers")
    words = [str(name) for name, kind in table.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if words:
        raise wrong(f"the column {words[0]} is not numeric ({len(words)} such): only the first column may hold words")
    table.index = table.index.astype(str)
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise wrong(f"{len(twice)} rows are of a turn that is there already, the first is {twice[0]}: one row a turn")
    bad = ~np.isfinite(table.to_numpy(dtype=float))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        place = f"{table.index[row]}, {table.columns[column]}"
        raise wrong(
            f"{bad.sum()} values are missing or not finite, the first of {place}: fill them, or leave the turn out"
        )
    return table.astype(float)

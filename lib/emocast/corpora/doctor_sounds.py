"""Listening to every sound file of a copy: what only the samples tell, and no header.

A damaged file has one problem, the gravest: what cannot be decoded has no rate to be wrong, and a silent file is no duplicate
of another. Files are read in threads: reading, decoding and digests all leave Python's lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
from tqdm import tqdm

from . import clips
from .doctor_material import Heard, Material
from .table import Problem

Row = tuple  # a named tuple of an utterance, with the fields `doctor_material.COLUMNS`: a table's rows one by one are slow

_GET_AGAIN = "get the file again from the release"
_FACTOR, _SLACK_S = 3.0, 2.0  # how far a clip's length may be from its label's before it is odd


def listen(material: Material, files: list[str], *, progress: bool) -> dict[str, Heard]:
    """Hear every file once.

    Args:
        material: the copy.
        files: which files, as `material.utterances` names them.
        progress: whether a bar over the files is shown.

    Returns:
        File -> what there is to it.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        heard = pool.map(lambda file: material.hear(material.folder / file), files)
        bar = tqdm(heard, "listening", len(files), unit="file", disable=not progress)
        return dict(zip(files, bar, strict=True))


def problems(material: Material, heard: dict[str, Heard]) -> tuple[list[Problem], set[str]]:
    """Say what is wrong with the sound of a copy.

    Args:
        material: the copy.
        heard: from `listen`; files that are not in it are left alone.

    Returns:
        The problems, and the utterances that cannot be used for them.
    """
    rows: dict[str, list[Row]] = {file: [] for file in heard}
    for row in material.utterances.itertuples():
        rows.get(row.file, []).append(row)
    found: list[Problem] = []
    lost: set[str] = set()
    for file, its in rows.items():
        kind, detail, gone = _gravest(heard[file], its)
        if kind:
            found.append(Problem(file, kind, detail, _GET_AGAIN))
            lost.update(row.utterance for row in gone)
        else:
            found += [Problem(file, *odd) for odd in _oddities(heard[file], its[0], material)]
    return found + list(_duplicates(rows, heard)), lost


def _gravest(sound: Heard, its: list[Row]) -> tuple[str | None, str, list[Row]]:
    """The damage that a file has, in words, and the utterances that are lost with it."""
    if sound.damage:
        return clips.damage(sound.damage), sound.damage, its
    if sound.seconds == 0:
        return "empty audio", "holds no sample", its
    if sound.ends_s == 0:
        return "silent audio", f"all its {sound.seconds:.2f} s are zero", its
    gone = [row for row in its if row.start_s + (sound.seconds if pd.isna(row.end_s) else row.end_s) > 2 * sound.ends_s]
    if not gone:
        return None, "", gone
    detail = (
        f"from {sound.ends_s:.2f} s of {sound.seconds:.2f} s on all is zero: {len(gone)} of {len(its)} utterances lost"
    )
    return "sound stops", detail, gone


def _oddities(sound: Heard, row: Row, material: Material) -> Iterator[tuple[str, str, str]]:
    """What is unlike the release in a file that can be used: kind, detail and advice."""
    converted = f"it is read all the same; {_GET_AGAIN} to hear what others hear"
    rate, channels = material.sample_rate, material.channels
    if rate and sound.sample_rate != rate:
        yield "wrong sample rate", f"{sound.sample_rate:,} Hz, the release has {rate:,} Hz", converted
    if channels and sound.channels != channels:
        yield "wrong channels", f"{sound.channels} channel(s), the release has {channels}", converted
    low, high = material.lengths_s or (0, float("inf"))
    if not low <= sound.seconds <= high:
        detail = f"lasts {sound.seconds:.2f} s, others {low:.1f} to {high:.1f} s"
        yield "odd length", detail, f"listen to it; {_GET_AGAIN}"
    label_s = row.label_s
    if not (pd.isna(label_s) or label_s / _FACTOR - _SLACK_S < sound.seconds < label_s * _FACTOR + _SLACK_S):
        detail = f"lasts {sound.seconds:.2f} s, its label {label_s:.2f} s"
        yield "odd length", detail, f"listen to it; {_GET_AGAIN}"


def _duplicates(rows: dict[str, list[Row]], heard: dict[str, Heard]) -> Iterator[Problem]:
    """The files whose sound another file before them has, unless their labels name the same moment."""
    firsts: dict[str, Row] = {}
    for file in sorted(file for file in rows if heard[file].ends_s > 0 and not heard[file].damage):
        row = rows[file][0]
        first = firsts.setdefault(heard[file].digest, row)
        if first is not row and (row.moment is None or row.moment != first.moment):
            detail = f"the same sound as {first.file}, sample for sample"
            yield Problem(file, "duplicate audio", detail, "get both files again from the release")

"""Make the twins of CREMA-D, EmoDB and ShEMO, acted sentences in three languages, and of LibriSpeech, which is only read.

Each has its corpus's own layout. The acted ones stand beside the conversations (`corpus`) as test sets in other voices,
words, languages and habits of speaking (`cultures`). Each is made and replaced on its own, whole or not at all (`folder`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from emocast.corpora.synthetic import cremad, emodb, engine, files, folder, isolated, librispeech, room, shemo
from emocast.corpora.synthetic.isolated import Twin, TwinSettings, Utterance

#: The twins by the names of their corpora's modules.
TWINS: dict[str, Twin] = {
    "cremad": cremad.TWIN,
    "emodb": emodb.TWIN,
    "shemo": shemo.TWIN,
    "librispeech": librispeech.TWIN,
}

_README = """SYNTHETIC CORPUS - THIS IS NOT {name}

These files have the layout and the formats of {name}, and nothing else of it. They were made by Emocast:
- The voices are eSpeak NG's (formant synthesis). No person's voice is in them.
- The words are neutral {language} sentences written for Emocast.
{speech}

Results on this corpus say whether a method works as it should. They say nothing about people, languages or cultures.
{truth}
{note}

seed: {seed}
settings: {settings}

The real corpus: {url}
"""


_ACTED = {
    "speech": "- The emotions are shifts of prosody with stated directions and invented magnitudes (cultures.py).",
    "truth": "truth.csv holds what no real corpus has: the intensity of every utterance.",
}
_READ = {
    "speech": "- Nobody acts: every voice reads in its own pitch, rate and level, with a little chance.",
    "truth": "truth.csv holds the words of every utterance.",
}


def make(
    data: Path,
    corpus: str,
    settings: TwinSettings | None = None,
    *,
    seed: int,
    processes: int | None = None,
    progress: bool = True,
) -> Path:
    """Make one twin.

    Args:
        data: the data folder below which the corpus folder (`CREMA-D`, `EmoDB`, ...) appears. An older synthetic
            corpus of this name is replaced; nothing else there is touched.
        corpus: a key of `TWINS`.
        settings: the size of the corpus; None for the twin's own default.
        seed: the seed of everything; the same seed and settings give the same bytes.
        processes: how many clips are spoken at a time; None for one a core. It changes nothing but the time.
        progress: whether a bar over the clips is shown.

    Returns:
        The corpus folder.

    Raises:
        ValueError: there is no such twin, or a size is out of its limits.
        FileExistsError: the folder is there and no synthetic corpus; it is left alone.
        engine.EngineError: eSpeak NG did not start or did not speak.
    """
    if corpus not in TWINS:
        raise ValueError(f"no synthetic twin {corpus!r}; there are {', '.join(TWINS)}")
    twin = TWINS[corpus]
    settings = settings or twin.default
    utterances = isolated.plan(twin, settings, seed=seed)
    target = Path(data).absolute() / twin.name
    with folder.building(target) as new:
        spoken = engine.speak([utterance.clip for utterance in utterances], processes=processes)
        bar = tqdm(spoken, desc=f"synthetic {twin.name}", unit="clip", total=len(utterances), disable=not progress)
        for utterance, samples in zip(utterances, bar, strict=True):
            files.write_audio(new / utterance.part.file, _record(utterance, samples, twin), corpus=twin.name)
        _write_labels(new, twin, utterances, settings=settings, seed=seed)
    return target


def _record(utterance: Utterance, samples: np.ndarray, twin: Twin) -> np.ndarray:
    """Give a spoken clip its level and tilt, and record it in the studio."""
    delivery = utterance.delivery
    spoken = room.turn(
        samples,
        rate=engine.SAMPLE_RATE,
        channel=room.LEFT,
        level=delivery.level,
        tilt=delivery.tilt,
        pause=delivery.pause,
    )
    return room.studio(spoken, utterance.generator(isolated.ROOM), noise_level=twin.noise_level)


def _write_labels(new: Path, twin: Twin, utterances: Sequence[Utterance], *, settings: TwinSettings, seed: int) -> None:
    """Write the layout's label files and what the corpus says about itself."""
    columns, counts = twin.describe(new, utterances)
    if twin.acted:
        counts = {"codes": dict(sorted(Counter(one.part.code for one in utterances).items())), **counts}
    about = {"seed": seed, "settings": asdict(settings), "counts": {"utterances": len(utterances), **counts}}
    readme = _README.format(
        name=twin.name,
        language=twin.language,
        note=twin.note,
        seed=seed,
        settings=json.dumps(asdict(settings)),
        url=twin.url,
        **(_ACTED if twin.acted else _READ),
    )
    truth = _truth(utterances) if twin.acted else _truth(utterances)[["utterance", "text"]]
    files.write_about(new, pd.concat([truth, columns], axis=1), readme=readme, about=about)


def _truth(utterances: Sequence[Utterance]) -> pd.DataFrame:
    rows = [(one.name, one.part.emotion, round(one.delivery.intensity, 6), one.part.text) for one in utterances]
    return pd.DataFrame(rows, columns=["utterance", "emotion", "intensity", "text"])

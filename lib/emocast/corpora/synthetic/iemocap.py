"""Write dialogues in the layout and the text formats of IEMOCAP's full release, for its unchanged loader.

The formats are those of the release's own `dialog/EmoEvaluation`, `dialog/transcriptions`, `dialog/wav` and
`sentences/wav` (Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6; https://sail.usc.edu/iemocap/).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from emocast.corpora.synthetic import files, process, room
from emocast.corpora.synthetic.dialogue import PlannedDialogue, PlannedTurn
from emocast.corpora.synthetic.raters import UNDECIDED

#: The release's folder below the corpus root.
RELEASE = "IEMOCAP_full_release"

#: The release's code of each gold label.
CODES: dict[str, str] = {
    "neutral": "neu",
    "anger": "ang",
    "happiness": "hap",
    "excitement": "exc",
    "sadness": "sad",
    "frustration": "fru",
    "fear": "fea",
    "surprise": "sur",
    "disgust": "dis",
    "other": "oth",
    UNDECIDED: "xxx",
}

#: The release's word for what a rater says.
WORDS: dict[str, str] = {
    "neutral": "Neutral",
    "anger": "Anger",
    "happiness": "Happiness",
    "excitement": "Excited",
    "sadness": "Sadness",
    "frustration": "Frustration",
    "fear": "Fear",
    "surprise": "Surprise",
    "disgust": "Disgust",
    "other": "Other",
}

_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
_README = """SYNTHETIC CORPUS - THIS IS NOT IEMOCAP

These files have the layout and the formats of the IEMOCAP release, and nothing else of it. They were made by Emocast:
- The voices are eSpeak NG's (formant synthesis). No person's voice is in them.
- The words are neutral sentences written for Emocast.
- The emotions come from a known random process: {process}.
- The raters are simulated.

Results on this corpus say whether a method works as it should. They say nothing about people.
truth.csv holds what no real corpus has: the latent mood, the acted emotion and its intensity of every utterance.

seed: {seed}
settings: {settings}

The IEMOCAP database itself is available from the University of Southern California: https://sail.usc.edu/iemocap/
"""


def write_dialogue(
    release: Path, planned: PlannedDialogue, starts: np.ndarray, ends: np.ndarray, recording: np.ndarray
) -> pd.DataFrame:
    """Write all files of one dialogue.

    Args:
        release: the folder `IEMOCAP_full_release`.
        planned: the dialogue.
        starts: first sample of each turn, shape (turns,).
        ends: the sample after the last one of each turn, shape (turns,).
        recording: shape (n, 2), int16, 16 kHz: left and right microphone.

    Returns:
        The truth, one row a turn: `utterance, dialogue, turn, mood, emotion, intensity, gold`.
    """
    session = release / f"Session{planned.session}"
    times = list(zip(planned.turns, starts / room.SAMPLE_RATE, ends / room.SAMPLE_RATE, strict=True))
    files.write_text(
        session / "dialog" / "EmoEvaluation" / f"{planned.name}.txt", _HEADER + "".join(map(_evaluation, times))
    )
    files.write_text(session / "dialog" / "transcriptions" / f"{planned.name}.txt", "".join(map(_transcription, times)))
    files.write_audio(session / "dialog" / "wav" / f"{planned.name}.wav", recording, corpus="IEMOCAP")
    for turn, start, end in zip(planned.turns, starts, ends, strict=True):
        path = session / "sentences" / "wav" / planned.name / f"{turn.utterance}.wav"
        files.write_audio(path, recording[start:end, turn.channel], corpus="IEMOCAP")
    return _truth(planned)


def _evaluation(timed: tuple[PlannedTurn, float, float]) -> str:
    """Format a turn's label, the three raters' categories and the two raters' scores."""
    turn, start, end = timed
    attributes = ", ".join(f"{value:.4f}" for value in turn.rating.attributes)
    lines = [f"[{start:.4f} - {end:.4f}]\t{turn.utterance}\t{CODES[turn.rating.gold]}\t[{attributes}]"]
    for number, category in enumerate(turn.rating.categories, start=2):
        lines.append(f"C-E{number}:\t{WORDS[category]};\t()")
    for number, (valence, activation, dominance) in enumerate(turn.rating.scores, start=3):
        lines.append(f"A-E{number}:\tval {valence}; act {activation}; dom  {dominance};\t()")
    return "\n".join(lines) + "\n\n"


def _transcription(timed: tuple[PlannedTurn, float, float]) -> str:
    turn, start, end = timed
    return f"{turn.utterance} [{start:08.4f}-{end:08.4f}]: {turn.text}\n"


def _truth(planned: PlannedDialogue) -> pd.DataFrame:
    rows = [
        (turn.utterance, planned.name, number, turn.mood, turn.emotion, round(turn.delivery.intensity, 6))
        for number, turn in enumerate(planned.turns)
    ]
    truth = pd.DataFrame(rows, columns=["utterance", "dialogue", "turn", "mood", "emotion", "intensity"])
    return truth.assign(gold=[turn.rating.gold for turn in planned.turns])


def write_about(release: Path, truth: pd.DataFrame, *, settings: Mapping[str, object], seed: int) -> None:
    """Write what the corpus says about itself: `README.txt`, `synthetic.json` and `truth.csv`.

    Args:
        release: the folder `IEMOCAP_full_release`.
        truth: the rows of all dialogues, as from `write_dialogue`.
        settings: the settings by name, as JSON takes them.
        seed: the corpus's seed.
    """
    sessions = "Session" + truth["utterance"].str.slice(4, 5)
    about = {
        "process": process.NAME,
        "seed": seed,
        "settings": dict(settings),
        "counts": {
            "dialogues": int(truth["dialogue"].nunique()),
            "utterances": dict(sorted(Counter(sessions).items())),
            "codes": dict(sorted(Counter(truth["gold"].map(CODES)).items())),
        },
    }
    readme = _README.format(process=process.NAME, seed=seed, settings=json.dumps(dict(settings)))
    files.write_about(release, truth, readme=readme, about=about)

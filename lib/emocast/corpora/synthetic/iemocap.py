"""Write dialogues in the layout and the text formats of IEMOCAP's full release, for its unchanged loader.

The formats are those of the release's own `dialog/EmoEvaluation`, `dialog/transcriptions`, `dialog/wav` and
`sentences/wav` (Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6; https://sail.usc.edu/iemocap/). So that
nobody takes these files for IEMOCAP, a README beside them and the metadata of every audio file say what they are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from emocast.corpora.synthetic import process, room
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

#: What the metadata of every audio file say.
TITLE = "SYNTHETIC speech, not IEMOCAP"
COMMENT = "SYNTHETIC: made by Emocast with eSpeak NG; not IEMOCAP, no person's voice. See README.txt."

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
    _write_text(
        session / "dialog" / "EmoEvaluation" / f"{planned.name}.txt", _HEADER + "".join(map(_evaluation, times))
    )
    _write_text(session / "dialog" / "transcriptions" / f"{planned.name}.txt", "".join(map(_transcription, times)))
    _write_wav(session / "dialog" / "wav" / f"{planned.name}.wav", recording)
    for turn, start, end in zip(planned.turns, starts, ends, strict=True):
        path = session / "sentences" / "wav" / planned.name / f"{turn.utterance}.wav"
        _write_wav(path, recording[start:end, turn.channel])
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


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _write_wav(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", room.SAMPLE_RATE, channels, subtype="PCM_16", format="WAV") as file:
        file.title = TITLE
        file.comment = COMMENT
        file.write(samples)


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
        "synthetic": True,
        "made_by": "Emocast with eSpeak NG",
        "process": process.NAME,
        "seed": seed,
        "settings": dict(settings),
        # in the form of the loader's COUNTS, so that a damaged copy is noticed as one of the release is
        "counts": {
            "dialogues": int(truth["dialogue"].nunique()),
            "utterances": dict(sorted(Counter(sessions).items())),
            "codes": dict(sorted(Counter(truth["gold"].map(CODES)).items())),
        },
    }
    _write_text(release / "synthetic.json", json.dumps(about, indent=2) + "\n")
    _write_text(release / "truth.csv", truth.to_csv(index=False, lineterminator="\n"))
    readme = _README.format(process=process.NAME, seed=seed, settings=json.dumps(dict(settings)))
    _write_text(release / "README.txt", readme)

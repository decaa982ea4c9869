"""My conversations: a WAV file for each, and labels.csv, which says who speaks when, and how it sounds."""

from pathlib import Path

import pandas as pd

NAME = "My corpus"  # as titles write it
LABELS = {"joyful": "happiness", "sad": "sadness", "calm": "neutral"}  # my words -> Emocast's; others: no label


def load(root):
    """One row an utterance; times in seconds within the conversation's own file."""
    said = pd.read_csv(Path(root) / "labels.csv", dtype={"dialogue": "string", "speaker": "string"})
    number = said.groupby("dialogue").cumcount().astype("string")
    return pd.DataFrame(
        {
            "utterance": said["dialogue"] + "_" + number,  # no two alike
            "dialogue": said["dialogue"],
            "speaker": said["speaker"],
            "language": "en",
            "audio": said["dialogue"] + ".wav",  # a path below root
            "start_s": said["start"],
            "end_s": said["end"],
            "emotion": said["emotion"].map(LABELS),
        }
    )

"""What is measured on: synthetic conversations, windows of 10 s of them, and wav2vec2-base with random weights.

Speed does not depend on what the weights are, only on their number and shapes, which are those of facebook/wav2vec2-base.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from emocast import windows
from emocast.corpora import iemocap
from emocast.encoders import wav2vec2
from emocast.encoders.wav2vec2 import Head
from emocast_twins import Settings, make

FOUR = ("neutral", "anger", "happiness", "sadness")


def conversations(folder: Path, *, sessions: int = 5, scenarios: int = 2) -> tuple[Path, pd.DataFrame]:
    """Speak a small corpus in IEMOCAP's layout.

    Args:
        folder: where.
        sessions: of two voices each.
        scenarios: dialogues of each session.

    Returns:
        The corpus root, and its windows of 10 s at shifts of 0 to 20 s, those of an event one after the other.
    """
    settings = Settings(sessions=sessions, scenarios=scenarios, turns=(24, 34))
    root = make(folder, settings, seed=0) / "IEMOCAP_full_release"
    table = iemocap.load(root)
    # On sixteenths of a second, which are whole samples and exact as floats: librosa and we then read the same samples.
    events = table[table["emotion"].notna()].assign(start_s=lambda rows: (16 * rows["start_s"]).astype(int) / 16)
    cut = windows.sweep(events, range(0, 21, 2), length_s=10.0)
    return root, cut.sort_values(["dialogue", "onset_s", "shift_s"], ignore_index=True)


def base(folder: Path) -> str:
    """Write wav2vec2-base with random weights as an emotion model in SpeechBrain's format; the name of the encoder."""
    torch.manual_seed(0)
    config = Wav2Vec2Config()  # transformers' defaults are facebook/wav2vec2-base
    weights = Wav2Vec2Model(config).state_dict()
    head = {"classification": Head(torch.randn(len(FOUR), config.hidden_size))}
    wav2vec2.save(folder, encoder=weights, config=config, objective="classification", heads=head, emotions=list(FOUR))
    return f"wav2vec2:{folder}"

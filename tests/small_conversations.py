"""Makes a small corpus for the worked example: tones that tell how a turn sounds, and moods that last some turns."""

import numpy as np
import pandas as pd
import soundfile

RATE = 8_000
TURN_S = 2.0
TONES = {"joyful": 440.0, "sad": 110.0, "calm": 220.0}  # Hz
LASTS = 5  # turns of a mood


def write(folder, *, dialogues=6, turns=12, seed=0):
    """Write dialogues of two speakers as WAV files, and labels.csv; each dialogue begins elsewhere in the round of moods."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows, time_s = [], np.arange(int(TURN_S * RATE)) / RATE
    for number in range(dialogues):
        moods = [list(TONES)[(number + (turn + number) // LASTS) % len(TONES)] for turn in range(turns)]
        for turn, mood in enumerate(moods):
            start = TURN_S * turn
            rows.append((f"talk{number}", "AB"[turn % 2] + str(number), start, start + TURN_S - 0.2, mood))
        sound = np.concatenate([np.sin(2 * np.pi * TONES[mood] * time_s) for mood in moods])
        noise = generator.normal(0, 0.05, len(sound))
        soundfile.write(folder / f"talk{number}.wav", 0.3 * sound + noise, RATE)
    labels = pd.DataFrame(rows, columns=["dialogue", "speaker", "start", "end", "emotion"])
    labels.to_csv(folder / "labels.csv", index=False)
    return labels

"""Window tables with given or drawn rows, for tests of what a split shares."""

import numpy as np
import pandas as pd


def table(rows, *, seconds=10.0):
    """A window table of rows (dialogue, speaker, session, scenario, onset): shift 0, utterances of two seconds."""
    made = pd.DataFrame(rows, columns=["dialogue", "speaker", "session", "scenario", "onset_s"])
    return made.assign(
        utterance=[f"u{row}" for row in range(len(made))],
        emotion="neutral",
        audio=made["dialogue"] + ".wav",
        utterance_end_s=made["onset_s"] + 2.0,
        start_s=made["onset_s"] - seconds,
        end_s=made["onset_s"],
    )


def random_table(seed, *, n_dialogues=24):
    """Dialogues of one of four sessions (pairs of speakers) and six scenarios, now and then with overlapping turns."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(n_dialogues):
        session, onset = number % 4, 10.0
        for _ in range(generator.integers(6, 14)):
            onset += generator.choice([0.5, 3.0, 9.0, 25.0])
            speaker = f"s{session}{generator.choice(['F', 'M'])}"
            rows.append((f"train_dia{number}", speaker, f"S{session}", f"impro{number // 4}", onset))
    windows = table(rows)
    return windows.assign(emotion=generator.choice(["neutral", "sadness"], size=len(windows)))

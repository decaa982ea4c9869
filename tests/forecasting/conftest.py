"""Window tables like those that `emocast.windows` cuts, and embeddings with a known signal."""

import numpy as np
import pandas as pd
import pytest

from emocast import windows
from emocast_twins import conversations, process

EMOTIONS = ("neutral", "excitement", "sadness")


@pytest.fixture
def make_windows():
    """Return a maker of window tables: dialogues of two speakers, events some seconds apart, one row a shift."""

    def make(*, n_dialogues=12, events=16, shifts=(0.0,), seed=0):
        generator = np.random.default_rng(seed)
        rows = []
        for dialogue in range(n_dialogues):
            onset = 8.0
            for event in range(events):
                onset += generator.uniform(1.0, 6.0)
                emotion = generator.choice(EMOTIONS, p=[0.4, 0.35, 0.25])
                times = {"onset_s": onset, "utterance_end_s": onset + 1.0}  # events lie at least a second apart
                for shift in (shift for shift in shifts if onset >= 10 + shift):
                    window = {"shift_s": shift, "start_s": onset - shift - 10, "end_s": onset - shift}
                    rows.append(_row(dialogue, event, emotion, **times, **window))
        table = pd.DataFrame(rows)
        return table.sort_values("shift_s", kind="stable").reset_index(drop=True)

    return make


def _row(dialogue, number, emotion, **times):
    session = f"s{dialogue % 3}"
    return {
        "utterance": f"d{dialogue:02}_{number:03}",
        "dialogue": f"d{dialogue:02}",
        "session": session,
        "scenario": f"impro{dialogue // 3}",
        "speaker": f"{session}{'FM'[number % 2]}",
        "emotion": emotion,
        "audio": f"d{dialogue:02}.wav",
        **times,
    }


@pytest.fixture
def embed():
    """Return a maker of embeddings that carry the emotion with a known strength: (n, d) float32."""

    def make(windows, *, strength=1.5, width=8, seed=0):
        noise = np.random.default_rng(seed).normal(size=(len(windows), width))
        noise[np.arange(len(windows)), windows["emotion"].map(EMOTIONS.index)] += strength
        return noise.astype(np.float32)

    return make


@pytest.fixture
def make_talk():
    """Return a maker of utterance tables: dialogues of two speakers in turns, some overlapping, some without a label."""

    def make(*, n_dialogues=10, turns=24, stay=0.7, unlabelled=0.1, seed=0):
        generator = np.random.default_rng(seed)
        rows = []
        for dialogue in range(n_dialogues):
            start, emotion = generator.uniform(0.5, 2.0), generator.choice([*EMOTIONS, "anger"])
            for turn in range(turns):
                if generator.random() > stay:
                    emotion = generator.choice([*EMOTIONS, "anger"])
                end = start + generator.uniform(1.0, 4.0)
                label = None if generator.random() < unlabelled else emotion
                rows.append(_row(dialogue, turn, label, start_s=round(start, 2), end_s=round(end, 2)))
                start = end + generator.uniform(-0.4, 1.0)
        return pd.DataFrame(rows)

    return make


@pytest.fixture
def cut():
    """Return the cutter of windows: those of labelled utterances, of several shifts in one table."""

    def windows_of(utterances, shifts=(0.0,), **options):
        events = utterances[utterances["emotion"].notna()]
        return windows.sweep(events, shifts, **{"length_s": 8.0, **options})

    return windows_of


@pytest.fixture(scope="session")
def unspoken(tmp_path_factory):
    """The folder and utterance table of synthetic conversations that nobody has spoken: plans, truth and drawn times."""
    folder, generator = tmp_path_factory.mktemp("synthetic"), np.random.default_rng(0)
    settings = conversations.Settings(sessions=5, scenarios=12, turns=(24, 34))
    rows, truth = [], []
    for planned in conversations.plans(settings, seed=0):
        start = 1.0
        for number, turn in enumerate(planned.turns):
            end = start + generator.uniform(1.0, 3.0)
            gold = turn.rating.gold
            rows.append((turn.utterance, planned.name, f"Ses{planned.session:02d}", planned.scenario.name, turn.letter,
                         None if gold == process.UNDECIDED else gold, start, end))  # fmt: skip
            truth.append((turn.utterance, planned.name, number, turn.role, turn.emotion, 1.0, gold))
            start = end + generator.uniform(-0.3, 0.8)
    columns = ["utterance", "dialogue", "session", "scenario", "speaker", "emotion", "start_s", "end_s"]
    talk = pd.DataFrame(rows, columns=columns).assign(audio=lambda table: table["dialogue"] + ".wav")
    columns = ["utterance", "dialogue", "turn", "role", "emotion", "intensity", "gold"]
    conversations.write_about(folder, pd.DataFrame(truth, columns=columns), settings={}, seed=0)
    return folder, talk

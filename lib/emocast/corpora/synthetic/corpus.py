"""Make the whole corpus of conversations in one go, or nothing of it (`folder`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from emocast.corpora.synthetic import engine, folder, iemocap, room, script
from emocast.corpora.synthetic.dialogue import PlannedDialogue, plan

#: IEMOCAP has five sessions, and `voices` two speakers for each.
MOST_SESSIONS = 5

#: A dialogue of fewer turns forecasts nothing.
FEWEST_TURNS = 4


@dataclass(frozen=True)
class Settings:
    """The size of a corpus.

    Attributes:
        sessions: number of sessions, 1 to 5.
        scenarios: number of scenarios that every session plays, 1 to 12.
        turns: fewest and most turns of a dialogue, at least 4.
    """

    sessions: int = 5
    scenarios: int = 12
    turns: tuple[int, int] = (24, 34)

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: a size is out of its limits.
        """
        if not 1 <= self.sessions <= MOST_SESSIONS:
            raise ValueError(f"sessions={self.sessions}: there are speakers for 1 to {MOST_SESSIONS}")
        script.first(self.scenarios)
        if len(self.turns) != 2 or not FEWEST_TURNS <= self.turns[0] <= self.turns[1]:
            raise ValueError(f"turns={self.turns}: (fewest, most) with {FEWEST_TURNS} <= fewest <= most")


def plans(settings: Settings, *, seed: int) -> list[PlannedDialogue]:
    """Plan all dialogues, session by session.

    Args:
        settings: the size of the corpus.
        seed: the seed of everything, 0 or above.

    Returns:
        sessions x scenarios dialogues.
    """
    scenarios = script.first(settings.scenarios)
    sessions = range(1, settings.sessions + 1)
    return [plan(session, played, turns=settings.turns, seed=seed) for session in sessions for played in scenarios]


def make(root: Path, settings: Settings, *, seed: int, processes: int | None = None, progress: bool = True) -> Path:
    """Make the corpus.

    Args:
        root: the data folder below which `IEMOCAP_full_release` appears. An older synthetic corpus of this name is
            replaced; nothing else there is touched.
        settings: the size of the corpus.
        seed: the seed of everything; the same seed and settings give the same bytes.
        processes: how many clips are spoken at a time; None for one a core. It changes nothing but the time.
        progress: whether a bar over the clips is shown.

    Returns:
        `root`.

    Raises:
        FileExistsError: the folder is there and no synthetic corpus; it is left alone.
        engine.EngineError: eSpeak NG did not start or did not speak.
    """
    root = Path(root).absolute()
    with folder.building(root / iemocap.RELEASE) as release:
        _build(release, settings, seed=seed, processes=processes, progress=progress)
    return root


def _build(release: Path, settings: Settings, *, seed: int, processes: int | None, progress: bool) -> None:
    """Speak, record and write all dialogues of the release."""
    dialogues = plans(settings, seed=seed)
    clips = [turn.clip for planned in dialogues for turn in planned.turns]
    spoken = engine.speak(clips, processes=processes)
    truth = []
    with tqdm(total=len(clips), desc="synthetic corpus", unit="clip", disable=not progress) as bar:
        for planned in dialogues:
            truth.append(_record(release, planned, spoken))
            bar.update(len(planned.turns))
    iemocap.write_about(release, pd.concat(truth, ignore_index=True), settings=asdict(settings), seed=seed)


def _record(release: Path, planned: PlannedDialogue, spoken: Iterator[np.ndarray]) -> pd.DataFrame:
    """Take the clips of one dialogue, mix them and write its files; give back its truth."""
    turns = [
        room.turn(
            next(spoken),
            rate=engine.SAMPLE_RATE,
            channel=turn.channel,
            level=turn.delivery.level,
            tilt=turn.delivery.tilt,
            pause=turn.delivery.pause,
        )
        for turn in planned.turns
    ]
    starts = room.place(turns, planned.room)
    ends = starts + [turn.samples.size for turn in turns]
    return iemocap.write_dialogue(release, planned, starts, ends, room.mix(turns, starts, planned.room))

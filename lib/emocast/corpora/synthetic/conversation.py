"""One conversation that is in no corpus, spoken anew, with its truth.

`python -m emocast.corpora.synthetic.conversation FOLDER` makes it. It has the corpus's process, voices and room, and a seed of
its own: no model has heard it, though models may have heard its speakers. Whoever wants to see what a forecaster does with a
recording needs one whose emotions are known.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from emocast import paths
from emocast.corpora.synthetic import engine, files, room, script
from emocast.corpora.synthetic.dialogue import PlannedDialogue, plan

SOUND, TURNS = "conversation.wav", "turns.csv"

SESSION = 3
SCENARIO = "impro06"  # from cheerful to down: all the classes of the published sweep
LENGTH = 40  # turns: about two minutes and a half


def make(folder: Path, *, seed: int, turns: int = LENGTH, processes: int | None = None) -> Path:
    """Speak the conversation.

    Args:
        folder: gets `SOUND` (two microphones, 16 kHz) and `TURNS`: utterance, speaker, start_s, end_s, emotion (acted) of each
            turn.
        seed: of everything, with another value than a corpus that it must not be in.
        turns: how many; a longer conversation of the same seed begins like the shorter one.
        processes: how many clips are spoken at a time; None for one a core.

    Returns:
        The sound file.

    Raises:
        engine.EngineError: eSpeak NG did not start or did not speak.
    """
    planned = plan(SESSION, script.scenario(SCENARIO), turns=(turns, turns), seed=seed)
    spoken = engine.speak([turn.clip for turn in planned.turns], processes=processes)
    said = [
        room.turn(
            clip, rate=engine.SAMPLE_RATE, channel=turn.channel, level=turn.delivery.level, tilt=turn.delivery.tilt,
            pause=turn.delivery.pause,
        )
        for turn, clip in zip(planned.turns, spoken, strict=True)
    ]  # fmt: skip
    starts = room.place(said, planned.room)
    ends = starts + [turn.samples.size for turn in said]
    table = _truth(planned).assign(start_s=starts / room.SAMPLE_RATE, end_s=ends / room.SAMPLE_RATE)
    recording = room.mix(said, starts, planned.room)
    with paths.replacing(folder / SOUND) as partial:
        files.write_audio(partial, recording, corpus="a recording")
    with paths.replacing(folder / TURNS) as partial:
        table[["utterance", "speaker", "start_s", "end_s", "emotion"]].to_csv(partial, index=False)
    return folder / SOUND


def _truth(planned: PlannedDialogue) -> pd.DataFrame:
    rows = [(turn.utterance, f"Ses{planned.session:02d}{turn.letter}", turn.emotion) for turn in planned.turns]
    return pd.DataFrame(rows, columns=["utterance", "speaker", "emotion"])


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m emocast.corpora.synthetic.conversation", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path, help=f"gets {SOUND} and {TURNS}")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another conversation (default: 1)")
    parser.add_argument("--turns", type=int, default=LENGTH, help=f"how many turns it has (default: {LENGTH})")
    options = parser.parse_args(arguments)
    try:
        print(make(options.folder, seed=options.seed, turns=options.turns))
    except (engine.EngineError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The conversations: what is said, how and what the raters call it, recorded, in the layout of IEMOCAP's full release.

The text formats are those of the release's own `dialog/EmoEvaluation` and `dialog/transcriptions` (Busso et al. 2008,
https://doi.org/10.1007/s10579-008-9076-6). Every dialogue and every turn has its own generator, derived from (seed, session,
scenario, turn): a dialogue is the same in a small corpus and in a large one, and a longer one begins like the shorter one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from emocast import paths

from . import files, process, room, voices
from .process import SCENARIOS, Scenario

#: The release's folder below the corpus root.
RELEASE = "IEMOCAP_full_release"

#: IEMOCAP has five sessions, and `voices` two speakers for each.
MOST_SESSIONS = 5

#: A dialogue of fewer turns forecasts nothing.
FEWEST_TURNS = 4

#: The release's code of each gold label, and its word for what a rater says.
CODES: dict[str, str] = {label: label[:3] for label in process.GOLD}
WORDS: dict[str, str] = {**{name: name.capitalize() for name in process.CATEGORIES}, "excitement": "Excited"}

_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
_README = {
    "name": "IEMOCAP",
    "layout": "the IEMOCAP release",
    "made": f""".
- The words are neutral sentences written for Emocast.
- The emotions come from a known random process: {process.NAME}.
- The raters are simulated.""",
    "whom": "people",
    "truth": "truth.csv holds what no real corpus has: the role of the speaker, the acted emotion and its intensity of every "
    "utterance.",
    "source": "The IEMOCAP database itself is available from the University of Southern California: "
    "https://sail.usc.edu/iemocap/",
}

#: What is said, all our own: turns of one to seven words, which real talk is full of, and sentences of 7 to 12. As in the acted
#: corpora EmoDB and CREMA-D, any of them can be said in any emotion: the words do not tell the label but the voice does.
SHORT, SENTENCES = (
    tuple(part.splitlines()) for part in Path(__file__).with_name("texts.txt").read_text("utf-8").split("\n\n")
)

LETTERS = ("F", "M")

# What a generator of a dialogue is for; turn k has _TURNS + k.
_LENGTH, _MOODS, _SPEAKERS, _ROOM, _DAY, _TURNS = range(6)

#: Seconds of a turn as its label cuts it, at so many percent of the turns, as in IEMOCAP (`benchmarks/fit_conversations.py`).
LENGTHS_AT = (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100)
LENGTHS_S = (0.9, 1.15, 1.5, 1.75, 2.35, 3.4, 5.3, 7.6, 9.6, 13.5, 16.0)

#: Words a second of the voices, after the time in which they begin and end, as measured: pauses are part of it.
WORDS_A_SECOND, BEGINNING_S = 3.1, 0.1

#: How the lengths of turns differ from dialogue to dialogue, the standard deviation of the logarithm of a factor.
TEMPO = 0.15

#: How strongly a turn is acted, such that recognisers score about as on people; an unclear one as a share of that.
STRENGTH, UNCLEAR_STRENGTH = 1.4, 0.5

#: What a voice's day adds to all turns of a dialogue, standard deviations in `voices.DIMENSIONS`.
DAY = (4.0, 6.0, 6.0, 2.4, 0.7, 0.0)

#: The conversation that is in no corpus: its files, session, scenario (with all classes of the sweep) and turns (150 s or so).
SOUND, TURNS = "conversation.wav", "turns.csv"
SESSION, SCENARIO, LENGTH = 3, "impro06", 40


def check_turns(turns: tuple[int, int], *, fewest: int = FEWEST_TURNS) -> None:
    """Refuse numbers of turns of a dialogue (fewest, most) that cannot be."""
    if len(turns) != 2 or not fewest <= turns[0] <= turns[1]:
        raise ValueError(f"turns={turns}: (fewest, most) with {fewest} <= fewest <= most")


@dataclass(frozen=True)
class Settings:
    """The size of a corpus."""

    sessions: int = 5  # 1 to 5
    scenarios: int = 15  # of every session, 1 to 15
    turns: tuple[int, int] = (31, 100)  # fewest and most turns of a dialogue, at least 4

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: a size is out of its limits.
        """
        if not 1 <= self.sessions <= MOST_SESSIONS:
            raise ValueError(f"sessions={self.sessions}: there are speakers for 1 to {MOST_SESSIONS}")
        process.first(self.scenarios)
        check_turns(self.turns)


@dataclass(frozen=True, eq=False)
class PlannedTurn:
    """A turn before it is spoken."""

    utterance: str  # IEMOCAP's id, as `Ses01F_impro01_M003`
    letter: str  # who speaks, `F` or `M`
    role: str  # what its speaker brings to the dialogue
    emotion: str  # the acted emotion
    text: str  # what is said
    delivery: voices.Delivery  # how it is said
    rating: process.Rating  # what the raters will say
    clip: voices.Clip  # the same for eSpeak NG

    @property
    def channel(self) -> int:
        """The speaker's own microphone."""
        return room.LEFT if self.letter == "F" else room.RIGHT


@dataclass(frozen=True, eq=False)
class PlannedDialogue:
    """A dialogue before it is spoken."""

    name: str  # IEMOCAP's id, as `Ses01F_impro01`
    session: int  # 1 to 5
    scenario: Scenario  # what is played
    turns: tuple[PlannedTurn, ...]  # in their order
    room: np.random.Generator  # the generator for `room.place` and `room.mix`


def words(seconds: float, rng: np.random.Generator) -> str:
    """What takes about so long to say: a few words, a sentence, or several."""
    wanted, said = max(1, round((seconds - BEGINNING_S) * WORDS_A_SECOND)), []
    while not said or wanted > 3:
        fitting = [text for text in (*SHORT, *SENTENCES) if abs(text.count(" ") + 1 - wanted) <= 1] or SENTENCES
        said.append(fitting[rng.integers(len(fitting))])
        wanted -= said[-1].count(" ") + 1
    return " ".join(said)


def lasting(
    rng: np.random.Generator, at: Sequence[float] = LENGTHS_AT, lengths_s: Sequence[float] = LENGTHS_S
) -> float:
    """Draw how many seconds a turn is to take."""
    return float(np.interp(100 * rng.random(), at, lengths_s))


def dialogue_name(session: int, scenario: Scenario) -> str:
    """Name a dialogue as IEMOCAP does, as `Ses01F_impro01`.

    The letter says which actor wore the motion capture markers, not who speaks; here it alternates.
    """
    markers = LETTERS[(session + SCENARIOS.index(scenario) + 1) % 2]
    return f"Ses{session:02d}{markers}_{scenario.name}"


def plan(session: int, scenario: Scenario, *, turns: tuple[int, int], seed: int) -> PlannedDialogue:
    """Plan one dialogue.

    Args:
        session: 1 to 5; says who the speakers are.
        scenario: what is played.
        turns: fewest and most turns.
        seed: the corpus's seed.
    """
    count = int(_generator(seed, session, scenario, _LENGTH).integers(turns[0], turns[1] + 1))
    spoken_by = process.PROCESS.speakers(count, _generator(seed, session, scenario, _SPEAKERS))
    acted = process.PROCESS.sample(scenario, spoken_by, _generator(seed, session, scenario, _MOODS))
    days = _generator(seed, session, scenario, _DAY).normal(0, DAY, size=(len(LETTERS), len(DAY)))
    tempo = np.exp(_generator(seed, 0 if scenario.scripted else session, scenario, _DAY).normal(0, TEMPO))
    name = dialogue_name(session, scenario)
    planned, numbers = [], Counter()
    for number, (who, (role, emotion)) in enumerate(zip(spoken_by, acted.itertuples(index=False), strict=True)):
        letter = LETTERS[who]
        utterance = f"{name}_{letter}{numbers[letter]:03d}"
        numbers[letter] += 1
        speaker = voices.SPEAKERS[f"Ses{session:02d}{letter}"]
        rng = _generator(seed, session, scenario, _TURNS + number)
        # A script has the same words in every session.
        writer = _generator(seed, 0, scenario, _TURNS + number) if scenario.scripted else rng
        text = words(tempo * lasting(writer) - sum(room.CUT_S), writer)
        planned.append(_turn(utterance, speaker, role, emotion, text, rng, day=days[who]))
    return PlannedDialogue(name, session, scenario, tuple(planned), _generator(seed, session, scenario, _ROOM))


def _generator(seed: int, session: int, scenario: Scenario, purpose: int) -> np.random.Generator:
    key = (session, SCENARIOS.index(scenario), purpose)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _turn(
    utterance: str,
    speaker: voices.Speaker,
    role: str,
    emotion: str,
    text: str,
    rng: np.random.Generator,
    *,
    day: np.ndarray,
) -> PlannedTurn:
    unclear = rng.random() < process.UNCLEAR_SHARE
    acted = STRENGTH * (UNCLEAR_STRENGTH if unclear else 1.0)
    delivery = voices.deliver(speaker, emotion, rng, baseline=day, strength=acted)
    rating = process.rate(emotion, delivery.intensity / STRENGTH, rng, unclear=unclear)
    clip = voices.clip(speaker, delivery, text, seed=int(rng.integers(1, 2**31)))
    return PlannedTurn(utterance, speaker.name[-1], role, emotion, text, delivery, rating, clip)


def record(planned: PlannedDialogue, spoken: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take the clips of one dialogue and record them.

    Args:
        planned: the dialogue.
        spoken: its clips, and perhaps those of later ones.

    Returns:
        First sample of each turn and the one after its last, (turns,) each; the recording, (n, 2), int16, 16 kHz.
    """
    turns = [
        room.turn(next(spoken), turn.delivery, channel=turn.channel, around_s=room.CUT_S) for turn in planned.turns
    ]
    starts = room.place(turns, planned.room)
    ends = starts + [turn.samples.size for turn in turns]
    return starts, ends, room.mix(turns, starts, planned.room)


def plans(settings: Settings, *, seed: int) -> list[PlannedDialogue]:
    """Plan all sessions x scenarios dialogues, session by session."""
    sessions, scenarios = range(1, settings.sessions + 1), process.first(settings.scenarios)
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
        voices.EngineError: eSpeak NG did not start or did not speak.
    """
    root = Path(root).absolute()
    with files.building(root / RELEASE) as release:
        dialogues, truth = plans(settings, seed=seed), []
        clips = [turn.clip for planned in dialogues for turn in planned.turns]
        spoken = voices.speak(clips, processes=processes)
        with tqdm(total=len(clips), desc="synthetic corpus", unit="clip", disable=not progress) as bar:
            for planned in dialogues:
                truth.append(write_dialogue(release, planned, *record(planned, spoken)))
                bar.update(len(planned.turns))
        write_about(release, pd.concat(truth, ignore_index=True), settings=asdict(settings), seed=seed)
    return root


def write_dialogue(
    release: Path, planned: PlannedDialogue, starts: np.ndarray, ends: np.ndarray, recording: np.ndarray
) -> pd.DataFrame:
    """Write all files of one dialogue, recorded as `record` gives it, below the release's folder.

    Returns:
        The truth, one row a turn: `utterance, dialogue, turn, role, emotion, intensity, gold`.
    """
    session = release / f"Session{planned.session}"
    times = list(zip(planned.turns, starts / room.SAMPLE_RATE, ends / room.SAMPLE_RATE, strict=True))
    labels = _HEADER + "".join(map(_evaluation, times))
    files.write_text(session / "dialog" / "EmoEvaluation" / f"{planned.name}.txt", labels)
    files.write_text(session / "dialog" / "transcriptions" / f"{planned.name}.txt", "".join(map(_transcription, times)))
    files.write_audio(session / "dialog" / "wav" / f"{planned.name}.wav", recording, corpus="IEMOCAP")
    for turn, start, end in zip(planned.turns, starts, ends, strict=True):
        path = session / "sentences" / "wav" / planned.name / f"{turn.utterance}.wav"
        files.write_audio(path, recording[start:end, turn.channel], corpus="IEMOCAP")
    rows = []
    for number, turn in enumerate(planned.turns):
        intensity = round(turn.delivery.intensity, 6)
        rows.append((turn.utterance, planned.name, number, turn.role, turn.emotion, intensity, turn.rating.gold))
    return pd.DataFrame(rows, columns=["utterance", "dialogue", "turn", "role", "emotion", "intensity", "gold"])


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


def write_about(release: Path, truth: pd.DataFrame, *, settings: Mapping[str, object], seed: int) -> None:
    """Write what the corpus says about itself; `truth` are the rows of all dialogues, as from `write_dialogue`."""
    sessions = "Session" + truth["utterance"].str.slice(4, 5)
    counts = {
        "dialogues": int(truth["dialogue"].nunique()),
        "utterances": dict(sorted(Counter(sessions).items())),
        "codes": dict(sorted(Counter(truth["gold"].map(CODES)).items())),
    }
    files.write_about(release, truth, seed=seed, settings=settings, counts=counts, readme=_README, process=process.NAME)


def make_conversation(folder: Path, *, seed: int, turns: int = LENGTH, processes: int | None = None) -> Path:
    """Speak one conversation that is in no corpus: no model was trained on it, though perhaps on its speakers.

    Args:
        folder: gets `SOUND` (two microphones, 16 kHz) and `TURNS`: utterance, speaker, start_s, end_s, emotion (acted) of each
            turn.
        seed: of everything, with another value than a corpus that it must not be in.
        turns: how many; a longer conversation of the same seed begins like the shorter one.
        processes: how many clips are spoken at a time; None for one a core.

    Returns:
        The sound file.

    Raises:
        voices.EngineError: eSpeak NG did not start or did not speak.
    """
    planned = plan(SESSION, process.scenario(SCENARIO), turns=(turns, turns), seed=seed)
    starts, ends, recording = record(planned, voices.speak([turn.clip for turn in planned.turns], processes=processes))
    rows = [(turn.utterance, f"Ses{SESSION:02d}{turn.letter}") for turn in planned.turns]
    table = pd.DataFrame(rows, columns=["utterance", "speaker"]).assign(
        start_s=starts / room.SAMPLE_RATE,
        end_s=ends / room.SAMPLE_RATE,
        emotion=[turn.emotion for turn in planned.turns],
    )
    with paths.replacing(folder / SOUND) as partial:
        files.write_audio(partial, recording, corpus="a recording")
    with paths.replacing(folder / TURNS) as partial:
        table.to_csv(partial, index=False)
    return folder / SOUND

"""The twins of single sentences: CREMA-D, EmoDB and ShEMO, acted in three languages, and LibriSpeech, which is only read.

Each has its corpus's own layout, in other voices, words, languages and habits of speaking than the conversations (`cultures`).
Every speaker and every sentence has its own generator, derived from (seed, corpus, speaker, number, purpose): a corpus of
fewer speakers or fewer utterances holds the same files as a larger one, only fewer.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import soundfile
import yaml
from tqdm import tqdm

from . import cultures, files, room, voices
from .cultures import Culture
from .voices import Speaker

Card = TypeVar("Card")

# What a generator of a sentence is for; the deck of a speaker has the number of no sentence.
_ACTING, _ROOM, _LISTENERS = range(3)
_DECK = 1_000_000

_SAID: dict = yaml.safe_load(Path(__file__).with_name("sentences.yaml").read_text("utf-8"))


def _speakers(name: str) -> tuple[Speaker, ...]:
    return tuple(Speaker(*row) for row in _SAID[name])


_ACTED = {
    "made": "- The emotions are shifts of prosody with stated directions and invented magnitudes (cultures.py).",
    "truth": "truth.csv holds what no real corpus has: the intensity of every utterance.",
}
_READ = {
    "made": "- Nobody acts: every voice reads in its own pitch, rate and level, with a little chance.",
    "truth": "truth.csv holds the words of every utterance.",
}


@dataclass(frozen=True)
class TwinSettings:
    """The size of a twin."""

    speakers: int  # number of speakers
    utterances: int  # number of utterances of each speaker


@dataclass(frozen=True)
class Part:
    """What a speaker is asked to do."""

    file: str  # the path of the recording below the corpus folder, as `wav/03a01Fa.wav`
    speaker: Speaker  # who speaks
    code: str  # the corpus's own code of the emotion
    emotion: str  # the same as a key of `cultures.SHIFTS`
    text: str  # what is said
    strength: float = 1.0  # factor on the intensity, for a corpus that asks for levels


@dataclass(frozen=True, eq=False)
class Utterance:
    """A sentence before it is spoken."""

    part: Part  # what was asked for
    delivery: voices.Delivery  # how it is said
    clip: voices.Clip  # the same for eSpeak NG
    generator: Callable[[int], np.random.Generator]  # gives a generator for a purpose

    @property
    def name(self) -> str:
        """The file's name without folder and suffix."""
        return Path(self.part.file).stem


#: What a twin has for `truth.csv` (as many rows as utterances), and for `counts` besides utterances and codes.
Described = tuple[pd.DataFrame, dict]


def _nothing(_folder: Path, utterances: Sequence[Utterance]) -> Described:
    """Of a corpus whose file names say all."""
    return pd.DataFrame(index=range(len(utterances))), {}


@dataclass(frozen=True)
class Twin:
    """All that one twin has of its own."""

    name: str  # the corpus and its folder, as `CREMA-D`
    key: int  # a number of its own, which keeps its chance apart from the other twins'
    language: str  # a word for the README
    culture: Culture  # how its speakers act
    speakers: tuple[Speaker, ...]  # all there are
    most: int  # utterances that a speaker can have
    noise_level: float  # root mean square of the studio's noise, dB re full scale
    # gives the parts of one speaker, at most `most`, in the order in which a smaller corpus takes them
    parts: Callable[[Speaker, np.random.Generator], Iterator[Part]]
    url: str  # where the real corpus is
    note: str  # what the README says of this twin alone
    # writes the label files of the layout, if there are any
    describe: Callable[[Path, Sequence[Utterance]], Described] = _nothing
    acted: bool = (
        True  # whether its speakers act emotions; where they only read, it says nothing of codes and intensities
    )


def deal(order: Sequence[str], decks: Mapping[str, Sequence[Card]]) -> Iterator[tuple[str, Card]]:
    """Deal cards of several decks in turn.

    Args:
        order: which deck is next, over and over; a deck that is named twice is dealt twice a round, an empty one skipped.
        decks: the cards of each; every deck is named in `order`.

    Yields:
        Deck and card, until all decks are empty.
    """
    left = {name: list(reversed(cards)) for name, cards in decks.items()}
    while any(left.values()):
        for name in order:
            if left[name]:
                yield name, left[name].pop()


def shuffled(cards: Sequence[Card], rng: np.random.Generator) -> list[Card]:
    """Give the cards in a random order."""
    return [cards[index] for index in rng.permutation(len(cards))]


def plan(twin: Twin, settings: TwinSettings, *, seed: int) -> list[Utterance]:
    """Plan all utterances of a twin, speaker by speaker.

    Args:
        twin: which corpus.
        settings: its size.
        seed: the seed of everything, 0 or above.

    Raises:
        ValueError: a size is out of the twin's limits.
    """
    for name, most in (("speakers", len(twin.speakers)), ("utterances", twin.most)):
        if not 1 <= getattr(settings, name) <= most:
            raise ValueError(f"{twin.name}: {name}={getattr(settings, name)}: there can be 1 to {most}")
    planned = []
    for number, speaker in enumerate(twin.speakers[: settings.speakers]):
        parts = twin.parts(speaker, _generator(seed, twin, number, _DECK, _ACTING))
        for place, part in enumerate(itertools.islice(parts, settings.utterances)):
            planned.append(_act(part, twin, seed, number, place))
    return planned


def _act(part: Part, twin: Twin, seed: int, speaker: int, place: int) -> Utterance:
    rng, culture = _generator(seed, twin, speaker, place, _ACTING), twin.culture
    strength, acting = culture.strength * part.strength, {"shifts": culture.shifts, "baseline": culture.baseline}
    delivery = voices.deliver(part.speaker, part.emotion, rng, strength=strength, **acting)
    clip = voices.clip(part.speaker, delivery, part.text, seed=int(rng.integers(1, 2**31)))
    return Utterance(part, delivery, clip, lambda purpose: _generator(seed, twin, speaker, place, purpose))


def _generator(seed: int, twin: Twin, speaker: int, place: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(twin.key, speaker, place, purpose)))


def make(
    data: Path, corpus: str, settings: TwinSettings, *, seed: int, processes: int | None = None, progress: bool = True
) -> Path:
    """Make one twin.

    Args:
        data: the data folder below which the corpus folder (`CREMA-D`, `EmoDB`, ...) appears. An older synthetic
            corpus of this name is replaced; nothing else there is touched.
        corpus: a key of `TWINS`.
        settings: the size of the corpus.
        seed: the seed of everything; the same seed and settings give the same bytes.
        processes: how many clips are spoken at a time; None for one a core. It changes nothing but the time.
        progress: whether a bar over the clips is shown.

    Returns:
        The corpus folder.

    Raises:
        ValueError: there is no such twin, or a size is out of its limits.
        FileExistsError: the folder is there and no synthetic corpus; it is left alone.
        voices.EngineError: eSpeak NG did not start or did not speak.
    """
    if corpus not in TWINS:
        raise ValueError(f"no synthetic twin {corpus!r}; there are {', '.join(TWINS)}")
    twin = TWINS[corpus]
    utterances = plan(twin, settings, seed=seed)
    target = Path(data).absolute() / twin.name
    with files.building(target) as new:
        spoken = voices.speak([utterance.clip for utterance in utterances], processes=processes)
        bar = tqdm(spoken, desc=f"synthetic {twin.name}", unit="clip", total=len(utterances), disable=not progress)
        for utterance, samples in zip(utterances, bar, strict=True):
            turn, rng = room.turn(samples, utterance.delivery), utterance.generator(_ROOM)
            recording = room.studio(turn, rng, noise_level=twin.noise_level)
            files.write_audio(new / utterance.part.file, recording, corpus=twin.name)
        _write_labels(new, twin, utterances, settings=settings, seed=seed)
    return target


def _write_labels(new: Path, twin: Twin, utterances: Sequence[Utterance], *, settings: TwinSettings, seed: int) -> None:
    """Write the layout's label files and what the corpus says about itself."""
    columns, counts = twin.describe(new, utterances)
    if twin.acted:
        counts = {"codes": dict(sorted(Counter(one.part.code for one in utterances).items())), **counts}
    rows = [(one.name, one.part.emotion, round(one.delivery.intensity, 6), one.part.text) for one in utterances]
    truth = pd.DataFrame(rows, columns=["utterance", "emotion", "intensity", "text"])
    told = _ACTED if twin.acted else _READ
    readme = {
        "name": twin.name,
        "layout": twin.name,
        "made": f".\n- The words are neutral {twin.language} sentences written for Emocast.\n{told['made']}",
        "whom": "people, languages or cultures",
        "truth": f"{told['truth']}\n{twin.note}",
        "source": f"The real corpus: {twin.url}",
    }
    about = {"seed": seed, "settings": asdict(settings), "counts": {"utterances": len(utterances), **counts}}
    truth = pd.concat([truth if twin.acted else truth[["utterance", "text"]], columns], axis=1)
    files.write_about(new, truth, readme=readme, **about)


# CREMA-D: the layout of https://github.com/CheyneyComputerScience/CREMA-D. Nobody saw a face, so the columns of face and both
# are `NA`. As in the corpus, only the sentence IEO is acted in the levels LO, MD and HI; unlike there, the four classes of the
# thesis are dealt twice as often as disgust and fear, so that a small corpus has enough of them.

#: The corpus's code of each emotion.
CREMAD_EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}

#: Factor on the intensity of each level; XX is unspecified.
CREMAD_LEVELS = {"LO": 0.6, "MD": 1.0, "HI": 1.5, "XX": 1.0}

#: The corpus's codes of sentences -> our own sentences (not CREMA-D's).
CREMAD_SENTENCES = _SAID["CREMAD_SENTENCES"]

#: Twelve speakers with eSpeak NG variants that the conversations do not use; the name is the actor's number.
CREMAD_SPEAKERS = _speakers("CREMAD_SPEAKERS")

#: Years; a voice of eSpeak NG has no age, so these only fill the column.
CREMAD_AGES = tuple(_SAID["CREMAD_AGES"])

_CREMAD_ORDER = ("NEU", "ANG", "HAP", "SAD", "DIS", "NEU", "ANG", "HAP", "SAD", "FEA")
_FEMALE = ("linda", "steph", "Andrea", "Annie", "belinda", "Alicia")


def _cremad_parts(speaker: Speaker, rng: np.random.Generator) -> Iterator[Part]:
    """Deal the 82 parts of an actor: every sentence in every emotion, IEO in three levels."""
    decks = {
        code: shuffled([(name, level) for name in CREMAD_SENTENCES for level in _cremad_levels(name, code)], rng)
        for code in CREMAD_EMOTIONS
    }
    for code, (name, level) in deal(_CREMAD_ORDER, decks):
        file = f"AudioWAV/{speaker.name}_{name}_{code}_{level}.wav"
        yield Part(file, speaker, code, CREMAD_EMOTIONS[code], CREMAD_SENTENCES[name], CREMAD_LEVELS[level])


def _cremad_levels(sentence: str, code: str) -> tuple[str, ...]:
    return ("LO", "MD", "HI") if sentence == "IEO" and code != "NEU" else ("XX",)


def describe_cremad(folder: Path, utterances: Sequence[Utterance]) -> Described:
    """Write the three label files; the votes, and how often each letter won (`votes`; ties together as `tie`)."""
    votes = [_cremad_vote(utterance) for utterance in utterances]
    rows = list(enumerate(zip([utterance.name for utterance in utterances], votes, strict=True), start=1))
    names = "".join(f'{number},"{name}"\n' for number, (name, _) in rows)
    table = "".join(
        f'"{number}","{name}","{vote.letters}","{vote.level}",NA,NA,NA,NA\n' for number, (name, vote) in rows
    )
    header = '"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"\n'
    files.write_text(folder / "SentenceFilenames.csv", f'"Stimulus_Number","Filename"\n{names}')
    files.write_text(folder / "processedResults" / "summaryTable.csv", header + table)
    files.write_text(folder / "VideoDemographics.csv", _demographics({one.part.speaker.name for one in utterances}))
    won = Counter("tie" if ":" in vote.letters else vote.letters for vote in votes)
    truth = pd.DataFrame([vote.counts for vote in votes], columns=[f"votes_{letter}" for letter in cultures.LETTERS])
    return truth, {"votes": dict(sorted(won.items()))}


def _cremad_vote(utterance: Utterance) -> cultures.Vote:
    """The listeners judge the intensity relative to what is usual in these sentences."""
    intensity = utterance.delivery.intensity / cultures.ENGLISH.strength
    return cultures.vote(utterance.part.code, intensity, utterance.generator(_LISTENERS))


def _demographics(actors: set[str]) -> str:
    lines = ['"ActorID","Age","Sex","Race","Ethnicity"']
    for speaker, age in zip(CREMAD_SPEAKERS, CREMAD_AGES, strict=True):
        sex = "Female" if speaker.voice.partition("+")[2] in _FEMALE else "Male"
        if speaker.name in actors:
            lines.append(f'{speaker.name},{age},"{sex}","Unknown","Not Hispanic"')
    return "\n".join(lines) + "\n"


# EmoDB: `wav/03a01Fa.wav` says speaker, sentence, emotion (first letter of the German word) and take. Anger, happiness, neutral
# and sadness are dealt more often than the other three, and are about as many each; the release has twice as much anger.

#: The release's letter of each emotion: Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral.
EMODB_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}

#: The release's codes of sentences -> our own sentences (not EmoDB's).
EMODB_SENTENCES = _SAID["EMODB_SENTENCES"]

#: Ten speakers; the name is the release's number, the sex too.
EMODB_SPEAKERS = _speakers("EMODB_SPEAKERS")

_EMODB_ORDER = (*"WNFTL", *"WNFTA", *"WNFTE")


def _emodb_parts(speaker: Speaker, rng: np.random.Generator) -> Iterator[Part]:
    """Deal the 70 parts of a speaker: every sentence in every emotion."""
    decks = {code: shuffled(list(EMODB_SENTENCES), rng) for code in EMODB_EMOTIONS}
    for code, name in deal(_EMODB_ORDER, decks):
        take = "abcd"[rng.integers(4)]  # the release has the takes that listeners recognised, whichever they were
        file = f"wav/{speaker.name}{name}{code}{take}.wav"
        yield Part(file, speaker, code, EMODB_EMOTIONS[code], EMODB_SENTENCES[name])


# ShEMO: `female/F01A01.wav` says sex, speaker, emotion and the number among the speaker's utterances of this emotion. The
# release cuts its sentences out of radio plays and is far from balanced (Mohamad Nezami, Jamshid Lou & Karami 2019,
# https://doi.org/10.1007/s10579-018-9427-x); here the thesis's four classes are dealt alike, surprise half as often, fear a
# quarter.

#: The release's letter of each emotion; W is for wonder.
SHEMO_EMOTIONS = {"A": "anger", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness", "W": "surprise"}

#: Our own sentences (not ShEMO's): everyday statements about books, keys, trains, letters, rooms and the like.
SHEMO_SENTENCES = tuple(_SAID["SHEMO_SENTENCES"])

#: Six women and six men in turn; the name is the release's sex and number.
SHEMO_SPEAKERS = _speakers("SHEMO_SPEAKERS")

_SHEMO_ORDER = (*"NAHSW", *"NAHS", *"NAHSW", *"NAHSF")


def _shemo_parts(speaker: Speaker, rng: np.random.Generator) -> Iterator[Part]:
    """Deal the 96 parts of a speaker: every sentence in every emotion."""
    folder = "female" if speaker.name.startswith("F") else "male"
    decks = {code: shuffled(SHEMO_SENTENCES, rng) for code in SHEMO_EMOTIONS}
    numbers: Counter = Counter()
    for code, text in deal(_SHEMO_ORDER, decks):
        numbers[code] += 1
        yield Part(f"{folder}/{speaker.name}{code}{numbers[code]:02d}.wav", speaker, code, SHEMO_EMOTIONS[code], text)


# LibriSpeech: read speech to pretrain a small wav2vec 2.0 on, as the published one was on 960 hours of it (Baevski et al. 2020,
# https://arxiv.org/abs/2006.11477): English voices that no other twin has, spread widely in pitch, range, rate and level,
# reading sentences of 3 to 8 s; no labels and no loader. The layout is https://www.openslr.org/12's (Panayotov et al. 2015,
# https://doi.org/10.1109/ICASSP.2015.7178964), with numbers of speakers and chapters that LibriSpeech does not use.

#: The part of LibriSpeech whose place this takes, and the utterances of a chapter.
SUBSET = "train-clean-100"
#: Utterances of a chapter.
CHAPTER = 10

#: Our own sentences: every opening goes with every ending, which gives 1,600.
OPENINGS = tuple(_SAID["OPENINGS"])
ENDINGS = tuple(_SAID["ENDINGS"])

#: Thirty speakers, women and men in turn; pitch, range, rate and level are spread evenly over wide spans.
READERS = _speakers("READERS")

_HEADER = """; Synthetic readers, see README.txt; the last field names the voice of eSpeak NG.
;
;ID  |SEX| SUBSET           |MINUTES| NAME
"""


def _readings(speaker: Speaker, rng: np.random.Generator) -> Iterator[Part]:
    """The 40 sentences of a reader, ten a chapter; no opening and no ending comes twice."""
    texts = zip(shuffled(OPENINGS, rng), shuffled(ENDINGS, rng), strict=True)
    for number, (opening, ending) in enumerate(texts):
        chapter = f"{speaker.name}{number // CHAPTER + 1:02d}"
        name = f"{speaker.name}-{chapter}-{number % CHAPTER:04d}.flac"
        yield Part(f"{SUBSET}/{speaker.name}/{chapter}/{name}", speaker, "", "neutral", f"{opening}, {ending}.")


def _describe_readings(folder: Path, utterances: Sequence[Utterance]) -> Described:
    """Write the words of every chapter, in capitals and apostrophes only, and the list of speakers with their minutes."""
    chapters: dict[Path, list[str]] = defaultdict(list)
    minutes: dict[Speaker, float] = defaultdict(float)
    for one in utterances:
        path, words = folder / one.part.file, re.sub(r"[^A-Z' ]", "", one.part.text.upper())
        chapters[path.with_name(f"{one.name.rpartition('-')[0]}.trans.txt")].append(f"{one.name} {words}\n")
        minutes[one.part.speaker] += soundfile.info(path).duration / 60
    for path, lines in chapters.items():
        files.write_text(path, "".join(lines))
    rows = [
        f"{who.name:<5}| {'FM'[READERS.index(who) % 2]} | {SUBSET:<17}| {spent:<6.2f}| {who.voice}\n"
        for who, spent in minutes.items()
    ]
    files.write_text(folder / "SPEAKERS.TXT", _HEADER + "".join(rows))
    return _nothing(folder, utterances)


#: The twins by the names of their corpora's modules.
TWINS: dict[str, Twin] = {
    "cremad": Twin(
        name="CREMA-D",
        key=101,
        language="English",
        culture=cultures.ENGLISH,
        speakers=CREMAD_SPEAKERS,
        most=82,
        noise_level=-58.0,
        parts=_cremad_parts,
        describe=describe_cremad,
        url="https://github.com/CheyneyComputerScience/CREMA-D",
        note="The votes in processedResults are simulated from CREMA-D's published confusion; nobody saw a face. Ages only\n"
        "fill a column. The sentences' codes are CREMA-D's, the sentences are not.",
    ),
    "emodb": Twin(
        name="EmoDB",
        key=102,
        language="German",
        culture=cultures.GERMAN,
        speakers=EMODB_SPEAKERS,
        most=70,
        noise_level=-65.0,
        parts=_emodb_parts,
        url="http://emodb.bilderbar.info/",
        note="The sentences' codes and the speakers' numbers are EmoDB's, the sentences and the voices are not.",
    ),
    "shemo": Twin(
        name="ShEMO",
        key=103,
        language="Persian",
        culture=cultures.PERSIAN,
        speakers=SHEMO_SPEAKERS,
        most=96,
        noise_level=-56.0,
        parts=_shemo_parts,
        url="https://github.com/mansourehk/ShEMO",
        note="The speakers' numbers are in ShEMO's form; the sentences and the voices are not ShEMO's.",
    ),
    "librispeech": Twin(
        name="LibriSpeech",
        key=104,
        language="English",
        culture=cultures.READING,
        speakers=READERS,
        most=len(OPENINGS),
        noise_level=-58.0,
        parts=_readings,
        describe=_describe_readings,
        url="https://www.openslr.org/12",
        note="There is no emotion and no label in it: it is sound to pretrain a model on.",
        acted=False,
    ),
}

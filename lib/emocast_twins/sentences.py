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
from tqdm import tqdm

from . import cultures, files, room, voices
from .cultures import Culture
from .voices import Speaker

Card = TypeVar("Card")

# What a generator of a sentence is for; the deck of a speaker has the number of no sentence.
_ACTING, _ROOM, _LISTENERS = range(3)
_DECK = 1_000_000

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
CREMAD_SENTENCES = {
    "IEO": "The blue cup is on the shelf.",
    "TIE": "We turn left behind the bakery.",
    "IOM": "The stairs lead up to the attic.",
    "IWW": "He has folded the towels again.",
    "TAI": "The map hangs beside the door.",
    "MTI": "My aunt will drive to the station.",
    "IWL": "I left the ladder in the barn.",
    "ITH": "They have moved to the third floor.",
    "DFA": "Please put the basket under the bench.",
    "ITS": "The rain began a little after six.",
    "TSI": "The gravel path goes round the pond.",
    "WSI": "We sat in the last row of the hall.",
}

#: Twelve speakers with eSpeak NG variants that the conversations do not use; the name is the actor's number.
CREMAD_SPEAKERS = (
    Speaker("1001", "en-us+m2", 49, 50, 136, 0.3, 1.02),
    Speaker("1002", "en-us+linda", 40, 47, 141, -0.6, 1.08),
    Speaker("1003", "en-us+Denis", 55, 46, 131, 0.9, 0.94),
    Speaker("1004", "en-us+steph", 44, 52, 134, 1.2, 0.90),
    Speaker("1005", "en-us+m5", 41, 49, 143, -1.1, 1.12),
    Speaker("1006", "en-us+Andrea", 33, 43, 130, 0.0, 1.00),
    Speaker("1007", "en-us+m8", 57, 53, 127, 1.6, 0.88),
    Speaker("1008", "en-us+Annie", 47, 38, 145, -1.7, 1.05),
    Speaker("1009", "en-us+Michael", 43, 45, 139, -0.2, 1.10),
    Speaker("1010", "en-us+belinda", 36, 51, 133, 0.7, 0.97),
    Speaker("1011", "en-us+ed", 38, 42, 128, -1.4, 1.15),
    Speaker("1012", "en-us+Alicia", 37, 44, 137, 1.9, 0.92),
)

#: Years; a voice of eSpeak NG has no age, so these only fill the column.
CREMAD_AGES = (34, 28, 51, 45, 23, 39, 62, 31, 27, 56, 42, 25)

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
EMODB_SENTENCES = {
    "a01": "Die Tassen stehen im Regal neben der Tür.",
    "a02": "Am Montag fährt der Bus erst um halb neun.",
    "a04": "Der Schlüssel hängt am Haken hinter dem Schrank.",
    "a05": "Die Nachbarn kommen in einer Stunde nach Hause.",
    "a07": "Wir haben das Brot auf den Tisch gelegt.",
    "b01": "Sie bringt den Brief heute noch zur Post.",
    "b02": "Das Fahrrad steht schon seit gestern im Hof.",
    "b03": "Er liest jeden Morgen die Zeitung in der Küche.",
    "b09": "Nach dem Essen gehen sie immer durch den Park.",
    "b10": "Die Bücher liegen oben auf dem kleinen Stuhl.",
}

#: Ten speakers; the name is the release's number, the sex too.
EMODB_SPEAKERS = (
    Speaker("03", "de+antonio", 48, 49, 142, 0.4, 1.04),
    Speaker("08", "de+anika", 32, 44, 147, -0.7, 1.10),
    Speaker("09", "de+steph2", 42, 51, 138, 1.1, 0.93),
    Speaker("10", "de+m2", 45, 46, 135, -1.2, 0.89),
    Speaker("11", "de+victor", 52, 48, 150, 0.8, 1.00),
    Speaker("12", "de+quincy", 56, 53, 144, 0.0, 1.13),
    Speaker("13", "de+f2", 50, 43, 140, -0.4, 0.96),
    Speaker("14", "de+Annie", 43, 40, 145, 1.5, 1.07),
    Speaker("15", "de+Mario", 46, 52, 133, -1.6, 0.91),
    Speaker("16", "de+linda", 35, 45, 137, 1.8, 1.09),
)

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
SHEMO_SENTENCES = (
    "کتاب روی میز کنار پنجره است.",
    "فردا صبح به بازار می‌رویم.",
    "کلید خانه در کشوی بالا است.",
    "قطار ساعت هفت به شهر می‌رسد.",
    "برادرم در این خیابان زندگی می‌کند.",
    "نامه را دیروز به اداره پست بردم.",
    "او هر روز بعد از ناهار قدم می‌زند.",
    "در اتاق بغلی چهار صندلی هست.",
    "آب کتری کم کم گرم می‌شود.",
    "همسایه‌ها در حیاط نشسته‌اند.",
    "معلم دو کلمه روی تخته نوشت.",
    "ماشین آن طرف میدان ایستاده است.",
    "نان تازه در سبد کنار اجاق است.",
    "ما از راه باغ به خانه برگشتیم.",
    "پنجره دفتر رو به کوچه باز می‌شود.",
    "لباس آبی روی طناب آویزان است.",
)

#: Six women and six men in turn; the name is the release's sex and number.
SHEMO_SPEAKERS = (
    Speaker("F01", "fa+Andrea", 36, 46, 139, 0.2, 1.03),
    Speaker("M01", "fa+m5", 46, 50, 143, -0.5, 0.95),
    Speaker("F02", "fa+belinda", 39, 42, 134, 1.0, 1.09),
    Speaker("M02", "fa+Diogo", 52, 47, 137, -1.3, 1.12),
    Speaker("F03", "fa+steph3", 47, 49, 146, 0.6, 0.90),
    Speaker("M03", "fa+ian", 58, 52, 131, 1.4, 0.98),
    Speaker("F04", "fa+f4", 53, 45, 141, -0.9, 1.06),
    Speaker("M04", "fa+m8", 50, 44, 148, 0.0, 0.92),
    Speaker("F05", "fa+Alicia", 34, 41, 136, 1.7, 1.00),
    Speaker("M05", "fa+miguel", 44, 51, 140, -1.8, 1.14),
    Speaker("F06", "fa+f3", 45, 48, 132, -0.3, 0.87),
    Speaker("M06", "fa+Michael", 49, 43, 145, 0.8, 1.08),
)

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
OPENINGS: tuple[str, ...] = (
    "The ferry left the harbour a little before eight",
    "A narrow lane leads from the church to the quarry",
    "The carpenter measured the boards beside the window",
    "Two horses stood in the shade of the old barn",
    "The road follows the river for another three miles",
    "My grandfather kept a map of the county in his desk",
    "The baker carries the flour in through the back door",
    "A wooden bridge crosses the stream below the mill",
    "The clerk copied the figures into a second ledger",
    "They moved the piano to the room above the shop",
    "The path climbs slowly between two rows of hedges",
    "Every Tuesday a wagon brings coal from the valley",
    "The captain marked the position on a large chart",
    "An iron stove stood in the middle of the hall",
    "The gardener raked the leaves under the chestnut trees",
    "Four small islands lie to the west of the lighthouse",
    "The tailor laid the cloth on a long table",
    "Our neighbours grow beans and onions behind the house",
    "The museum shows coins, tools and painted plates",
    "A flock of sheep was grazing on the far slope",
    "The students drew the outline of the leaf on paper",
    "The train passes through six tunnels on its way south",
    "The printer set the page in very small type",
    "Several boats were tied up along the stone wall",
    "The surveyor wrote down the height of each post",
    "A row of lamps hangs over the counter of the inn",
    "The doctor's house is the third one after the pump",
    "The children counted the steps up to the tower",
    "The miller opens the gate at the top of the canal",
    "A thick book about birds lay on the lower shelf",
    "The engine was built in a workshop near the coast",
    "The village has one street and two wells",
    "The cook chopped parsley and put it into a bowl",
    "The fishermen dry their nets on poles by the beach",
    "A green curtain divides the stage from the workshop",
    "The letter was written on both sides of the sheet",
    "The shepherd knows every spring between here and the pass",
    "The glass jars are kept in the cellar until autumn",
    "The school lies on the other side of the orchard",
    "A painted sign above the arch gives the year",
)
ENDINGS: tuple[str, ...] = (
    "and the first mile is paved with flat stones",
    "while the others waited at the corner",
    "and nobody remembers when it was different",
    "which is what the almanac says as well",
    "and by noon the work was nearly done",
    "as it had been the summer before",
    "and a second one was ordered from the town",
    "so we went round by the lower field",
    "and the whole of it took about an hour",
    "while a clock struck in the next room",
    "and there was still some room on the left",
    "although the maps of that time show it elsewhere",
    "and this was noted in the margin",
    "before the market opened in the square",
    "and the same is true of the farm next to it",
    "until the bell rang at a quarter past five",
    "and someone had put a bench there",
    "because the ground is level in that part",
    "and the rest was left for the next day",
    "as far as one can see from the gate",
    "and it has been so for thirty years",
    "while the water ran along the edge of the yard",
    "and the key was returned to its hook",
    "after which they sat down on the steps",
    "and a copy is kept in the town hall",
    "since there was no other place for it",
    "and on Sundays it begins at ten",
    "where the grass is cut twice a year",
    "and the boxes were numbered from one to twelve",
    "as the visitors could read on a small card",
    "and the colour is between grey and blue",
    "when the wind comes from the north",
    "and most of them are made of oak",
    "though few people ask about it now",
    "and the distance is given in yards",
    "once the cart had been unloaded",
    "and that was the end of the first part",
    "while the kettle was put back on the stove",
    "and both of them are painted white",
    "if the weather is dry enough",
)

#: Thirty speakers, women and men in turn; pitch, range, rate and level are spread evenly over wide spans.
READERS = (
    Speaker("9901", "en-us+anika", 31, 28, 182, -1.8, 1.0),
    Speaker("9902", "en+adam", 62, 57, 155, -3.6, 1.0),
    Speaker("9903", "en+steph2", 43, 35, 175, 4.6, 1.0),
    Speaker("9904", "en-us+Alex", 74, 64, 148, 2.8, 1.0),
    Speaker("9905", "en-gb-scotland+aunty", 55, 42, 168, 1.0, 1.0),
    Speaker("9906", "en-us+travis", 35, 71, 141, -0.8, 1.0),
    Speaker("9907", "en-us+steph3", 66, 49, 161, -2.7, 1.0),
    Speaker("9908", "en-gb-x-rp+quincy", 47, 28, 181, -4.5, 1.0),
    Speaker("9909", "en-gb-x-rp+grandma", 28, 56, 154, 3.7, 1.0),
    Speaker("9910", "en-gb-scotland+Andy", 59, 35, 174, 1.9, 1.0),
    Speaker("9911", "en-029+anika", 40, 63, 147, 0.1, 1.0),
    Speaker("9912", "en-us+antonio", 71, 42, 167, -1.7, 1.0),
    Speaker("9913", "en-us+aunty", 52, 70, 140, -3.5, 1.0),
    Speaker("9914", "en-029+pablo", 33, 49, 160, 4.7, 1.0),
    Speaker("9915", "en-gb-x-gbclan+steph3", 64, 27, 181, 2.9, 1.0),
    Speaker("9916", "en-us+Lee", 44, 56, 153, 1.1, 1.0),
    Speaker("9917", "en+grandma", 25, 34, 173, -0.7, 1.0),
    Speaker("9918", "en+victor", 56, 63, 146, -2.5, 1.0),
    Speaker("9919", "en-us+steph2", 37, 41, 166, -4.4, 1.0),
    Speaker("9920", "en-us+Hugo", 68, 70, 139, 3.8, 1.0),
    Speaker("9921", "en-gb-x-gbcwmd+anika", 49, 48, 159, 2.0, 1.0),
    Speaker("9922", "en-gb-x-gbclan+sandro", 30, 27, 180, 0.2, 1.0),
    Speaker("9923", "en-gb-x-rp+aunty", 61, 55, 152, -1.6, 1.0),
    Speaker("9924", "en-us+michel", 42, 34, 172, -3.4, 1.0),
    Speaker("9925", "en-gb-scotland+steph3", 73, 62, 145, 4.8, 1.0),
    Speaker("9926", "en-gb-x-gbcwmd+Reed", 53, 41, 165, 3.0, 1.0),
    Speaker("9927", "en-029+steph2", 34, 69, 186, 1.2, 1.0),
    Speaker("9928", "en-us+norbert", 65, 48, 158, -0.6, 1.0),
    Speaker("9929", "en-us+grandma", 46, 26, 179, -2.4, 1.0),
    Speaker("9930", "en+Diogo", 27, 55, 151, -4.2, 1.0),
)

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

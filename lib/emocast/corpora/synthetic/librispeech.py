"""Read speech in LibriSpeech's layout: many voices, no acting, no labels; sound to start a self-supervised model on.

wav2vec 2.0 was pretrained on LibriSpeech (Baevski et al. 2020, https://arxiv.org/abs/2006.11477), read speech of thousands of
speakers. This is its stand-in for a small model on a machine without it: English voices that neither the conversations nor
CREMA-D's twin have, spread widely in pitch, range, rate and level, reading sentences of 3 to 8 s. There is no loader for it.

Layout and formats are LibriSpeech's (Panayotov et al. 2015, https://doi.org/10.1109/ICASSP.2015.7178964;
https://www.openslr.org/12): `train-clean-100/<speaker>/<chapter>/<speaker>-<chapter>-0000.flac`, beside them the words in
`<speaker>-<chapter>.trans.txt`, and `SPEAKERS.TXT`. Speakers and chapters have numbers that LibriSpeech does not use.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from emocast.corpora.synthetic import cultures, files, isolated, voices
from emocast.corpora.synthetic.isolated import Part, Twin, TwinSettings, Utterance
from emocast.corpora.synthetic.voices import Speaker

#: The part of LibriSpeech whose place this takes.
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
SPEAKERS: tuple[Speaker, ...] = (
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

#: Nobody acts: a speaker's own values and the chance of every turn.
_READING = cultures.Culture(strength=1.0, baseline=voices.NOWHERE, weights=(1.0,) * len(voices.DIMENSIONS))


def parts(speaker: Speaker, rng: np.random.Generator) -> Iterator[Part]:
    """Give the 40 sentences of a reader, ten a chapter.

    Args:
        speaker: who reads.
        rng: shuffles the openings and the endings.

    Yields:
        The parts; no opening and no ending comes twice.
    """
    sentences = zip(isolated.shuffled(OPENINGS, rng), isolated.shuffled(ENDINGS, rng), strict=True)
    for number, (opening, ending) in enumerate(sentences):
        chapter = f"{speaker.name}{number // CHAPTER + 1:02d}"
        name = f"{speaker.name}-{chapter}-{number % CHAPTER:04d}.flac"
        yield Part(f"{SUBSET}/{speaker.name}/{chapter}/{name}", speaker, "", "neutral", f"{opening}, {ending}.")


def describe(folder: Path, utterances: Sequence[Utterance]) -> tuple[pd.DataFrame, dict]:
    """Write the words of every chapter and the list of speakers; see `isolated.Twin`."""
    chapters: dict[Path, list[str]] = defaultdict(list)
    minutes: dict[Speaker, float] = defaultdict(float)
    for one in utterances:
        path = folder / one.part.file
        chapters[path.with_name(f"{one.name.rpartition('-')[0]}.trans.txt")].append(
            f"{one.name} {_words(one.part.text)}"
        )
        minutes[one.part.speaker] += soundfile.info(path).duration / 60
    for path, lines in chapters.items():
        files.write_text(path, "\n".join(lines) + "\n")
    files.write_text(folder / "SPEAKERS.TXT", _HEADER + "".join(_reader(who, spent) for who, spent in minutes.items()))
    return pd.DataFrame(index=range(len(utterances))), {}


def _words(text: str) -> str:
    """Write a sentence as LibriSpeech does: capitals and apostrophes only."""
    return re.sub(r"[^A-Z' ]", "", text.upper())


def _reader(speaker: Speaker, minutes: float) -> str:
    sex = "FM"[SPEAKERS.index(speaker) % 2]
    return f"{speaker.name:<5}| {sex} | {SUBSET:<17}| {minutes:<6.2f}| {speaker.voice}\n"


TWIN = Twin(
    name="LibriSpeech",
    key=104,
    language="English",
    culture=_READING,
    speakers=SPEAKERS,
    most=len(OPENINGS),
    default=TwinSettings(speakers=24, utterances=20),
    noise_level=-58.0,
    parts=parts,
    describe=describe,
    url="https://www.openslr.org/12",
    note="There is no emotion and no label in it: it is sound to pretrain a model on.",
    acted=False,
)

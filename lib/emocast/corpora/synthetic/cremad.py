"""The twin of CREMA-D: acted English sentences in six emotions and up to four levels, with votes of listeners.

Layout and formats are those of the corpus's repository (https://github.com/CheyneyComputerScience/CREMA-D):
`AudioWAV/1001_IEO_ANG_HI.wav` (actor, sentence, emotion, level), `SentenceFilenames.csv`, `VideoDemographics.csv`,
`processedResults/summaryTable.csv`. Nobody saw a face, so the columns of face and both are `NA`. As in the corpus, only
the sentence IEO is acted in the levels LO, MD and HI; unlike there, the four classes of the thesis are dealt twice as
often as disgust and fear, so that a small corpus has enough of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emocast.corpora.synthetic import cultures, files, isolated, listeners
from emocast.corpora.synthetic.isolated import Part, Twin, TwinSettings, Utterance
from emocast.corpora.synthetic.voices import Speaker

#: The corpus's code of each emotion.
EMOTIONS: dict[str, str] = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}

#: Factor on the intensity of each level; XX is unspecified.
LEVELS: dict[str, float] = {"LO": 0.6, "MD": 1.0, "HI": 1.5, "XX": 1.0}

#: The corpus's codes of sentences -> our own sentences (not CREMA-D's).
SENTENCES: dict[str, str] = {
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
SPEAKERS: tuple[Speaker, ...] = (
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
AGES: tuple[int, ...] = (34, 28, 51, 45, 23, 39, 62, 31, 27, 56, 42, 25)

_ORDER = ("NEU", "ANG", "HAP", "SAD", "DIS", "NEU", "ANG", "HAP", "SAD", "FEA")
_FEMALE = ("linda", "steph", "Andrea", "Annie", "belinda", "Alicia")


def parts(speaker: Speaker, rng: np.random.Generator) -> Iterator[Part]:
    """Deal the 82 parts of an actor: every sentence in every emotion, IEO in three levels.

    Args:
        speaker: the actor.
        rng: shuffles the sentences within each emotion.

    Yields:
        The parts, the four classes of the thesis first.
    """
    decks = {
        code: isolated.shuffled([(name, level) for name in SENTENCES for level in _levels(name, code)], rng)
        for code in EMOTIONS
    }
    for code, (sentence, level) in isolated.deal(_ORDER, decks):
        file = f"AudioWAV/{speaker.name}_{sentence}_{code}_{level}.wav"
        yield Part(file, speaker, code, EMOTIONS[code], SENTENCES[sentence], LEVELS[level])


def _levels(sentence: str, code: str) -> tuple[str, ...]:
    return ("LO", "MD", "HI") if sentence == "IEO" and code != "NEU" else ("XX",)


def describe(folder: Path, utterances: Sequence[Utterance]) -> tuple[pd.DataFrame, dict]:
    """Write the three label files.

    Args:
        folder: the folder `CREMA-D`.
        utterances: all of them.

    Returns:
        The votes for `truth.csv`, and the numbers of winning votes for `counts` (`votes`; ties together as `tie`).
    """
    votes = [_vote(utterance) for utterance in utterances]
    rows = list(zip([utterance.name for utterance in utterances], votes, strict=True))
    names = "".join(f'{number},"{name}"\n' for number, (name, _) in enumerate(rows, start=1))
    table = "".join(
        f'"{number}","{name}","{vote.letters}","{vote.level}",NA,NA,NA,NA\n'
        for number, (name, vote) in enumerate(rows, start=1)
    )
    header = '"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"\n'
    files.write_text(folder / "SentenceFilenames.csv", f'"Stimulus_Number","Filename"\n{names}')
    files.write_text(folder / "processedResults" / "summaryTable.csv", header + table)
    files.write_text(folder / "VideoDemographics.csv", _demographics({one.part.speaker.name for one in utterances}))
    won = Counter("tie" if ":" in vote.letters else vote.letters for vote in votes)
    truth = pd.DataFrame([vote.counts for vote in votes], columns=[f"votes_{letter}" for letter in listeners.LETTERS])
    return truth, {"votes": dict(sorted(won.items()))}


def _vote(utterance: Utterance) -> listeners.Vote:
    """The listeners hear the intensity relative to what is usual in these sentences."""
    heard = utterance.delivery.intensity / TWIN.culture.strength
    return listeners.vote(utterance.part.code, heard, utterance.generator(isolated.LISTENERS))


def _demographics(actors: set[str]) -> str:
    lines = ['"ActorID","Age","Sex","Race","Ethnicity"']
    for speaker, age in zip(SPEAKERS, AGES, strict=True):
        sex = "Female" if speaker.voice.partition("+")[2] in _FEMALE else "Male"
        if speaker.name in actors:
            lines.append(f'{speaker.name},{age},"{sex}","Unknown","Not Hispanic"')
    return "\n".join(lines) + "\n"


TWIN = Twin(
    name="CREMA-D",
    key=101,
    language="English",
    culture=cultures.ENGLISH,
    speakers=SPEAKERS,
    most=82,
    default=TwinSettings(speakers=12, utterances=34),
    noise_level=-58.0,
    parts=parts,
    describe=describe,
    url="https://github.com/CheyneyComputerScience/CREMA-D",
    note="The votes in processedResults are simulated from CREMA-D's published confusion; nobody saw a face. Ages only\n"
    "fill a column. The sentences' codes are CREMA-D's, the sentences are not.",
)

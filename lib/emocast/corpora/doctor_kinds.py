"""Every kind of problem that a copy of a corpus can have: its name, what it means, and what it costs.

`validate` and `examine` name problems by these words and no others, whatever the corpus, so that a reader who has met one
knows it again, and the verdict on a copy is a matter of this table and not of the place where a problem was found.
"""

from __future__ import annotations

from dataclasses import dataclass

#: How the advice begins where the release itself is so and no copy is better.
NOTHING = "nothing"


@dataclass(frozen=True)
class Kind:
    """One kind of problem.

    Attributes:
        meaning: what it says of the copy.
        costs: whether utterances cannot be used for it: the file's, the line's, or those that lie where the sound is gone.
        spoils: whether a copy that has it is no longer complete.
    """

    meaning: str
    costs: bool
    spoils: bool = True


#: The kinds by their names, from the whole copy down to one sound.
KINDS: dict[str, Kind] = {
    "missing session": Kind("a session's folder is not there", costs=True),
    "missing recordings": Kind("a folder of recordings is not there or empty", costs=True),
    "missing labels": Kind("a label file is not there, or is another table", costs=True),
    "bad label file": Kind("a label file lacks a column or names nothing, and is left out", costs=True),
    "bad label line": Kind("a line of a label file does not parse and is left out", costs=True),
    "lost utterance": Kind("a label names a time that cannot be its own", costs=True),
    "missing vote": Kind("the listeners' table has no line for a clip: it has no rated label", costs=False),
    "missing actor": Kind("the table of actors has no line for a speaker, whose sex is missing", costs=False),
    "wrong count": Kind(
        "there are more or fewer than in a complete copy, and nothing else here says which", costs=True
    ),
    "odd name": Kind("a sound file's name says no label: it is passed over", costs=True),
    "missing audio": Kind("a labelled utterance's sound file is not there", costs=True),
    "git-LFS pointer": Kind("the file holds three lines that say where the sound is, and no sound", costs=True),
    "empty audio": Kind("the file holds no byte or no sample", costs=True),
    "unreadable audio": Kind("the file is no sound that can be decoded", costs=True),
    "truncated audio": Kind("the file ends before its header says: what lies beyond the end is lost", costs=True),
    "silent audio": Kind("every sample of the file is zero", costs=True),
    "sound stops": Kind("from some moment on every sample is zero, over more than half of an utterance", costs=True),
    "label past the sound": Kind("labels end later than their recording: what lies there is left out", costs=True),
    "odd length": Kind("the sound is far shorter or longer than its label or any in the release", costs=False),
    "wrong sample rate": Kind("the file has another rate than the release: it was converted", costs=False),
    "wrong channels": Kind("the file has another number of channels than the release: it was converted", costs=False),
    "duplicate audio": Kind("two utterances have the same sound, sample for sample: one of them is wrong", costs=False),
    "known bad clip": Kind("users report that the release's own clip is bad", costs=False, spoils=False),
}


def spoils(problem: str, advice: str) -> bool:
    """Whether a problem keeps a copy from being complete: its kind does, and it is not so in the release itself.

    Args:
        problem: a name out of `KINDS`.
        advice: what is to be done about it; it begins with `NOTHING` where the release is so.
    """
    return KINDS[problem].spoils and not advice.startswith(NOTHING)

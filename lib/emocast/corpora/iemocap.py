"""IEMOCAP: dyadic conversations of actors, labelled turn by turn.

Who and what: ten actors (five women, five men), one pair a session, speak American English in improvised scenarios and
scripted plays; about 12 hours in 151 dialogues and 10,039 turns, recorded with one microphone an actor.
How labelled: at least three raters chose categories for each turn (the majority is the label, `xxx` where there is none),
two or more rated valence, activation (here: arousal) and dominance from 1 to 5; the label file gives their mean.
Licence: for research, on application to USC's SAIL lab; nothing of it may be passed on. Recordings show and name actors.
Known faults: copies are often incomplete; some carry `._*` files of macOS beside the labels. The letter in a dialogue's
name (`Ses01F_...`) says which actor wore the markers and *not* who speaks; the turn's own letter does (`..._M003`).
Dialogues in parts (`impro05a`, `impro05b`) play one scenario.

Layout read: of `Session{1-5}` the files `dialog/EmoEvaluation/*.txt` and `dialog/wav/*.wav`, for recognisers `sentences/wav`,
the speaker's own microphone; in the corpus folder or in `IEMOCAP_full_release` below it. Annotation alone will do, where no
`dialog/wav` has a recording, or as one table in the corpus folder (CSV: turn, start or start_s, end or end_s, emotion, and if
it has them valence, arousal, dominance): then no turn has sound, and `audio` says so (`audio.NO_SOUND`).
In the table: `session` is "Ses01", `speaker` "Ses01_F", `scenario` "impro01"; valence, arousal and dominance run from 1 to 5.
`text` are the words of `dialog/transcriptions`, where that folder is there.
Source: Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6; turn counts: the release's own label files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from .. import audio
from . import table
from .table import CorpusError, Problem, Reading

#: IEMOCAP's codes -> the project's emotions; `xxx` (no majority) is no emotion.
LABELS: dict[str, str | None] = {
    **{"neu": "neutral", "exc": "excitement", "hap": "happiness", "sad": "sadness", "ang": "anger", "oth": "other"},
    **{"fru": "frustration", "fea": "fear", "sur": "surprise", "dis": "disgust", "xxx": None},
}
DIMENSIONS = ("valence", "arousal", "dominance")

_LINE = re.compile(
    r"\[(?P<start>\d+\.\d+) - (?P<end>\d+\.\d+)\]\t(?P<turn>\S+)\t(?P<code>[a-z]{3})"
    r"\t\[(?P<valence>[\d.]+), (?P<arousal>[\d.]+), (?P<dominance>[\d.]+)\]\s*"
)
_TURN = re.compile(r"(?P<dialogue>Ses(?P<session>\d\d)[FM]_(?P<scenario>\w+?))_(?P<letter>[FM])(?:\d{3}|XX\d)")
_PART = re.compile(r"(?<=\d)[a-z]$")
_HEAD = re.compile(r"\[\d+\.\d+ - \d+\.\d+\]\t(\S+)\t")
_CHOICE = re.compile(r"C-(E\d+):\s*([^(]*)")
_WORDS = re.compile(r"(?P<turn>\S+) \[[\d.]+-[\d.]+\]: *(?P<text>.*)")
_SCORES = re.compile(r"A-(E\d+):\s*val\s*(\d?)\s*;\s*act\s*(\d?)\s*;\s*dom\s*(\d?)\s*;")
_NEEDED = (("turn",), ("start_s", "start"), ("end_s", "end"), ("emotion",))  # of a table of turns; either name will do
_SLACK_S = 0.1  # how far a label may end after its sound before the sound counts as cut short
_TIMED = ("start", "end", *DIMENSIONS)
_MEND = "mend the line by the release, or leave it out"
_GET_AGAIN = "copy it again from your release; see data/README.md#iemocap"


def release(root: Path | str) -> Path:
    """The folder that holds the sessions, to which the files of `validate` are relative; CorpusError where there is none."""
    root = Path(root)
    for folder in (root, root / "IEMOCAP_full_release"):
        if any(folder.glob("Session[1-5]")):
            return folder
    if _turn_table(root):
        return root
    raise CorpusError(
        f"no IEMOCAP under {root}: expected the release's Session1 to Session5, or a table of turns (CSV) with the columns "
        "turn, start, end and emotion; see data/README.md#iemocap"
    )


def _turn_table(root: Path) -> Path | None:
    """The CSV file of a folder that lists turns; CorpusError where there are two."""
    files = [path for path in sorted(root.glob("*.csv")) if not path.name.startswith(".")]
    tables = [path for path in files if not _lacking(pd.read_csv(path, nrows=0, encoding_errors="replace").columns)]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise CorpusError(f"{root} has several tables of turns ({names}): leave the one that is meant")
    return tables[0] if tables else None


def _lacking(columns: Collection[str]) -> list[str]:
    """Which columns a table of turns needs and has not."""
    return [names[0] for names in _NEEDED if not {*names} & {*columns}]


def ratings(root: Path | str) -> pd.DataFrame:
    """Read every rater's scores of every turn, of which the utterance table has the means (Busso et al. 2008, section 4).

    The label files list them below each turn (`A-E3:` and so on); `A-F1`, `A-M1` are the actors' of themselves and no part
    of the mean. One row a turn and rater: utterance, rater ("E3"), valence, arousal, dominance from 1 to 5 (NaN where the
    rater left one out).
    """
    rows = []
    for turn, scores in _rated(root, _SCORES):
        values = (float(value) if value else float("nan") for value in scores.groups()[1:])
        rows.append((turn, scores[1], *values))
    return pd.DataFrame(rows, columns=["utterance", "rater", *DIMENSIONS]).astype(dict.fromkeys(DIMENSIONS, "float64"))


def choices(root: Path | str) -> pd.DataFrame:
    """Read every rater's categories of every turn, of which the utterance table has the majority's.

    `C-E3:` and so on below each turn; `C-F1`, `C-M1` are the actors' of themselves and left out. One row a category:
    utterance, rater ("E3"), emotion, weight: a rater who names several gives each the same share of one vote. A word of no
    known category is "other". CorpusError where there is none.
    """
    rows = []
    for turn, choice in _rated(root, _CHOICE):
        named = [word.strip()[:3].lower() for word in choice[2].split(";") if word.strip()]
        rows += [(turn, choice[1], LABELS.get(code) or "other", 1 / len(named)) for code in named]
    if not rows:
        raise CorpusError(f"no rater's categories in the EmoEvaluation files of IEMOCAP under {root}; {_GET_AGAIN}")
    return pd.DataFrame(rows, columns=["utterance", "rater", "emotion", "weight"])


def _rated(root: Path | str, pattern: re.Pattern) -> Iterator[tuple[str, re.Match]]:
    """The raters' own lines of all label files that fit a pattern, each with the turn above it."""
    for path in _files(release(root), "EmoEvaluation"):
        turn = None
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if head := _HEAD.match(line):
                turn = head[1]
            elif turn and (found := pattern.match(line)):
                yield turn, found


def _files(base: Path, folder: str) -> list[Path]:
    """The text files of all sessions in a folder of `dialog`."""
    return [path for path in sorted(base.glob(f"Session[1-5]/dialog/{folder}/*.txt")) if not path.name.startswith(".")]


def _words(base: Path) -> dict[str, str]:
    """Turn -> its words, of the transcriptions that are there; lines of another kind (asides, "M: ...") are passed over."""
    files = _files(base, "transcriptions")
    lines = (line for path in files for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return {found["turn"]: found["text"].strip() for line in lines if (found := _WORDS.match(line))}


def _read(root: Path) -> Reading:
    """Read the label files and the headers of the recordings once."""
    base = release(root)
    rows: list[dict] = []
    found: list[Problem] = []
    sessions, codes = Counter(), Counter()
    expected = table.expected_counts(base, CORPUS.counts)
    listed = None if any(base.glob("Session[1-5]")) else _turn_table(base)
    silent = not any(table.recordings(folder) for folder in base.glob("Session[1-5]/dialog/wav"))
    for turn in _listed(listed, found) if listed else ():
        sessions[f"Session{int(turn['session'])}"] += 1
        codes[turn["code"]] += 1
        rows.append(_row(turn))
    for session in (base / f"Session{number}" for number in range(1, 6) if not listed):
        if not session.is_dir() and session.name not in expected["utterances"]:
            continue  # a small synthetic twin never had it
        for labels_file in _label_files(session, base, found):
            turns = list(_turns(labels_file, base, found))
            sessions[session.name] += len(turns)
            codes.update(turn["code"] for turn in turns)
            wav = session / "dialog" / "wav" / f"{labels_file.stem}.wav"
            rows += [_row(turn) for turn in turns] if silent else _usable(turns, wav, root, base, found)
    said = {"file": "{code}", "advice": "see the other problems for which files lack"}
    miscounts = table.compare(sessions, expected["utterances"], what="turns", **said)
    miscounts += table.compare(codes, dict.fromkeys(sorted(codes), 0) | expected["codes"], what="labels", **said)
    if words := _words(base):
        rows = [{**row, "text": words.get(row["utterance"])} for row in rows]
    return rows, found, [table.soundless("dialog/wav", len(rows)), *miscounts] if silent and rows else miscounts


def _listed(file: Path, found: list[Problem]) -> Iterator[dict]:
    """The turns that a table lists, as `_turns` gives them; lines that cannot be are noted by number."""
    seen: set[str] = set()
    emotions = {name: code for code, name in LABELS.items() if name} | {"": "xxx"}
    for number, line in table.label_lines(file.parent, file.name, ["turn", "emotion"], found, advice=_MEND):
        told = {name: next((line[key] for key in (name, f"{name}_s") if line.get(key)), "") for name in _TIMED}
        turn, code = _TURN.fullmatch(line["turn"] or ""), (line["emotion"] or "").strip()
        code = emotions.get(code, code)
        try:
            values = {name: float(text) for name, text in told.items() if text or name in ("start", "end")}
        except ValueError:
            values = {}
        problem = None
        if not turn or code not in LABELS or not {"start", "end"} <= values.keys():
            problem = f"line {number} is no turn with its times and emotion: {','.join(map(str, line.values()))[:80]!r}"
        elif values["end"] <= values["start"]:
            problem = f"line {number}: {line['turn']} does not end after its start"
        elif line["turn"] in seen:
            problem = f"line {number}: {line['turn']} is listed a second time"
        if problem:
            found.append(Problem(file.name, "bad label line", problem, _MEND))
        else:
            seen.add(line["turn"])
            yield {**values, **turn.groupdict(), "turn": line["turn"], "code": code}


def _label_files(session: Path, base: Path, found: list[Problem]) -> list[Path]:
    """The label files of a session; what is not there is noted."""
    folder = session / "dialog" / "EmoEvaluation"
    files = sorted(path for path in folder.glob("*.txt") if path.is_file() and not path.name.startswith("."))
    where = folder.relative_to(base).as_posix()
    if not session.is_dir():
        found.append(Problem(session.name, "missing session", "no such folder", _GET_AGAIN))
    elif not files:
        found.append(Problem(where, "missing labels", "no EmoEvaluation files: the copy is incomplete", _GET_AGAIN))
    else:
        unlabelled = {wav.stem for wav in table.recordings(session / "dialog" / "wav")} - {path.stem for path in files}
        for name in sorted(unlabelled):
            detail = "no such file, but its recording is there"
            found.append(Problem(f"{where}/{name}.txt", "missing labels", detail, _GET_AGAIN))
    return files


def _turns(labels_file: Path, base: Path, found: list[Problem]) -> Iterator[dict]:
    """The turns that a label file lists, one mapping each; lines that do not parse are noted by number."""
    where = labels_file.relative_to(base).as_posix()
    seen: set[str] = set()
    text = labels_file.read_text(encoding="utf-8", errors="replace")
    # others are the header, the raters' own lines, blanks
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.startswith("[")]
    if not lines:
        found.append(Problem(where, "bad label file", "it names no turn: its dialogue is left out", _GET_AGAIN))
    for number, line in lines:
        problem, parts = None, _LINE.fullmatch(line)
        turn = parts and _TURN.fullmatch(parts["turn"])
        if not parts or not turn or turn["dialogue"] != labels_file.stem or parts["code"] not in LABELS:
            problem = f"line {number} does not parse: {line[:80]!r}"
        elif float(parts["end"]) <= float(parts["start"]):
            problem = f"line {number}: {parts['turn']} does not end after its start"
        elif parts["turn"] in seen:
            problem = f"line {number}: {parts['turn']} is listed a second time"
        if problem:
            found.append(Problem(where, "bad label line", problem, _MEND))
        else:
            seen.add(parts["turn"])
            yield {**parts.groupdict(), **turn.groupdict()}


def _usable(turns: list[dict], wav: Path, root: Path, base: Path, found: list[Problem]) -> list[dict]:
    """The table rows of the turns that lie within their dialogue's sound."""
    where = wav.relative_to(base).as_posix()
    try:
        info = audio.inspect(wav)
    except audio.AudioError as error:
        detail = f"{str(error).removeprefix(f'{wav}: ')}; its {len(turns)} turns are left out"
        found.append(Problem(where, table.damage(detail), detail, _GET_AGAIN))
        return []
    inside = [turn for turn in turns if float(turn["end"]) <= info.duration_s + _SLACK_S]
    if info.frames == 0 or info.missing_s > 0 or len(inside) < len(turns):
        kind = "truncated audio" if info.missing_s > 0 else "label past the sound"
        kind = "empty audio" if info.frames == 0 else kind
        gone = f"{len(turns) - len(inside)} of its {len(turns)} turns end later: left out"
        detail = f"holds {info.duration_s:.2f} s; {gone}"
        found.append(Problem(where, kind, detail, _GET_AGAIN))
    name = wav.relative_to(root).as_posix()
    return [_row({**turn, "end": min(float(turn["end"]), info.duration_s)}, name) for turn in inside]


def _row(turn: dict, name: str = "") -> dict:
    """The table row of a turn, in the sound of a name; without one it has none."""
    return {
        "utterance": turn["turn"],
        "dialogue": turn["dialogue"],
        "session": f"Ses{turn['session']}",
        "scenario": _PART.sub("", turn["scenario"]),
        "speaker": f"Ses{turn['session']}_{turn['letter']}",  # the turn's own letter, not the dialogue's
        "sex": {"F": "female", "M": "male"}[turn["letter"]],
        "language": "en",
        "audio": name or f"{audio.NO_SOUND}/{turn['dialogue']}",
        "start_s": float(turn["start"]),
        "end_s": float(turn["end"]),
        "emotion": LABELS[turn["code"]],
        **{dimension: float(turn.get(dimension, "nan")) for dimension in DIMENSIONS},
        "rating": "rated",
    }


CORPUS = table.released(
    "iemocap",
    read=_read,
    card=__doc__,
    labels=LABELS,
    base=release,
    choices=choices,
    alone=lambda row: f"Session{row.session[-1]}/sentences/wav/{row.dialogue}/{row.utterance}.wav",
    microphone=lambda speaker: "FM".index(speaker[-1]),  # left the woman's: taken to be so, notebook 07 checks it
)
load, validate = CORPUS.load, CORPUS.validate

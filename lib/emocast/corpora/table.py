"""The utterance table, the list of what is wrong with a copy, and `Corpus`: what a module of this package says of its corpus.

Every corpus's reading ends in `build`, which gives the columns their types, sorts the rows and refuses what cannot be. A corpus
of one's own is a Python file with a `load`, which `own` gives the same face.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from .. import audio, labels, paths

#: Column -> pandas type. Missing is `pd.NA` (text) or NaN (numbers), never a magic value. Units: see `build`.
COLUMNS: dict[str, str] = {
    **dict.fromkeys(("corpus", "utterance", "dialogue", "session", "scenario", "speaker", "sex", "language"), "string"),
    **{"audio": "string", "start_s": "float64", "end_s": "float64", "emotion": "string"},
    **{"valence": "float64", "arousal": "float64", "dominance": "float64", "rating": "string"},
}
#: Columns that a table has only where its corpus knows them. `session_offset_s`: what to add to a second of `audio` to be on
#: the clock of the whole session, where files that were cut out of one recording may overlap. `voices`: all who speak in the
#: dialogue, whatever their emotion (`build` reads it off the rows). `text`: the words that are spoken.
OPTIONAL: dict[str, str] = {"session_offset_s": "float64", "voices": "string", "text": "string"}
BETWEEN_VOICES = "|"  # the names in `voices`
#: Columns that the `load` of a corpus of one's own has to give; forecasting needs `dialogue` too.
NEEDED: tuple[str, ...] = ("utterance", "speaker", "audio", "start_s", "end_s", "emotion")
_SYNTHETIC = "synthetic.json"
_SOUND = (".wav", ".flac")
_DAMAGE = {
    "git-LFS": "git-LFS pointer",
    "file is empty": "empty audio",
    "cut short": "truncated audio",
    "no such": "missing audio",
}


class CorpusError(ValueError):
    """A corpus is not there, or nothing of it can be used. The message says where it was looked for and what to do."""


class CorpusWarning(UserWarning):
    """Parts of a corpus were left out; its `validate` lists them."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a copy of a corpus."""

    file: str  # the file or folder, relative to the corpus root
    problem: str  # its kind
    detail: str  # what was found, with numbers or the line
    advice: str  # what to do


#: What a look at a copy gives: rows for `build` of what can be used, the problems, and counts unlike the release's.
Reading = tuple[list[dict], list[Problem], list[Problem]]


@dataclass(frozen=True)
class Archive:
    """One packed file of a corpus that may be downloaded."""

    address: str
    file: str  # its name while it is kept for unpacking; the ending (.zip, .tar.gz) says what it is
    holds: Sequence[str]  # what it brings, below the corpus folder; where all of it is there, this file is not needed
    checksum: str | None = None  # "sha256:..." or "md5:...", where the source publishes one
    size: int | None = None  # bytes, as the source states them
    strip: str = ""  # a folder that encloses everything inside, which is left off; capitals are as small letters
    into: str = ""  # the folder that its files go to, below the corpus folder
    keep: Sequence[str] = ("",)  # only what begins with one of these is unpacked
    nested: bool = False  # whether archives inside are unpacked where they lie, too
    steady: bool = True  # whether it is the same file at each download; `downloads.json` then notes its SHA-256
    limit: int = 4_000_000_000  # bytes that it may unpack to; more is taken for an attack or a fault


@dataclass(frozen=True)
class Clips:
    """Sound that a repository keeps in git-LFS: its archive holds a pointer, with SHA-256 and size, in each clip's place."""

    address: str  # where the clips are, each by its name at the end
    folder: str  # where they go, below the corpus folder, as in the repository
    count: int  # how many a complete copy has
    size: int  # bytes of all of them


@dataclass(frozen=True, eq=False, kw_only=True)
class Corpus:
    """A corpus: what is known of it, and how a copy is read, checked and fetched. Each stands in a module of its own."""

    name: str  # as profiles and commands call it: the name of its module
    title: str  # as titles write it
    read: Callable[..., Reading]  # of the corpus folder, with options of its own; CorpusError where there is none
    card: str = ""  # the data card: the module's docstring
    licence: str = "not stated by its loader"
    citation: str = ""
    labels: Mapping[str, str | None] = field(default_factory=dict)  # its codes -> our emotions; None: no emotion
    group: str = "dialogue"  # the column that no split may cross
    counts: dict = field(default_factory=dict)  # of a complete copy: `utterances` (or of each part), `codes`, ...
    is_own: bool = False  # whether a file of one's own reads it
    look: Callable[[Path], Reading] | None = None  # for `validate`, in place of `read` where that writes something
    written: str = ""  # the folder below the corpus folder that `read` writes, and no part of a copy
    base: Callable[[Path], Path] = Path  # corpus folder -> the folder that the files of `validate` are relative to
    sounds: Callable[[Path], pd.DataFrame] | None = None  # of that folder, for `validate.examine`; None: the table's
    silence: Callable[[Path, pd.DataFrame], pd.Series] | None = None  # share of windows without sound
    alone: Callable[[Any], str] | None = None  # row of the table -> the file of that utterance alone, below `base`
    choices: Callable[[Path], pd.DataFrame] | None = (
        None  # each rater's emotions: utterance, rater, emotion, weight (sum 1)
    )
    microphone: Callable[[str], int] | None = None  # speaker -> the channel of the own one, where everybody has one
    sample_rate: int | None = None  # of every file of the release, in Hz; None where they differ
    channels: int | None = None  # of every file of the release; None where they differ
    lengths_s: Sequence[float] = (0.0, float("inf"))  # the shortest and the longest that a file may be
    known_bad: Mapping[str, str] = field(default_factory=dict)  # utterance -> what is wrong in the release itself
    folder: str = ""  # below the data folder, as in the profile `paper`
    archives: Sequence[Archive] = ()  # what is downloaded and unpacked
    clips: Clips | None = None  # sound kept in git-LFS, which the first of the archives points to
    ask: str = ""  # what to do where nothing may be downloaded
    test_sets: Mapping[str, dict[str, str]] = field(default_factory=dict)  # the thesis's -> options of `load` for each

    def load(self, root: Path | str, **options: str) -> pd.DataFrame:
        """Read the utterance table of a corpus folder; what cannot be used is left out with one warning.

        `options` say which label set, where a corpus has several. CorpusError where nothing usable is under `root`.
        """
        rows, found, _ = self.read(Path(root), **options)
        first = f"{found[0].file}: {found[0].detail}" if found else "it lists none"
        if not rows:
            raise CorpusError(f"{self.name} under {root} has no usable utterance; the first problem: {first}")
        if found:
            left_out = f"What they touch is left out; emocast.corpora.get({self.name!r}).validate(root) lists all"
            message = f"{self.name}: {len(found)} problem(s), the first: {first}. {left_out}"
            warnings.warn(message, CorpusWarning, stacklevel=2)
        return build(rows, corpus=self.name)

    def load_alone(self, root: Path | str, **options: str) -> pd.DataFrame:
        """As `load`, but of an utterance of which a release has a recording alone, with that as its `audio`, from 0 s on."""
        table = self.load(root, **options)
        for row in table.itertuples() if self.alone else ():
            file = self.base(Path(root)) / self.alone(row)
            with suppress(audio.AudioError):  # what is not there or damaged is read from the whole conversation
                seconds = audio.inspect(file).duration_s
                table.loc[row.Index, ["audio", "start_s", "end_s"]] = file.relative_to(root).as_posix(), 0.0, seconds
        return table

    def validate(self, root: Path | str) -> pd.DataFrame:
        """List what is missing, unreadable or odd in a copy, by its labels and its files' headers. Nothing is written.

        One row a problem, with the columns file, problem, detail, advice. CorpusError where there is nothing of the corpus.
        """
        _, found, miscounts = (self.look or self.read)(Path(root))
        return problems([*found, *miscounts])


def released(name: str, **given: Any) -> Corpus:
    """The corpus of a module: what `releases.yaml` says of it, and what its module gives, such as `read`."""
    said = yaml.safe_load(Path(__file__).with_name("releases.yaml").read_text(encoding="utf-8"))[name]
    said["archives"] = tuple(Archive(**one) for one in said.get("archives", ()))
    said["clips"] = Clips(**said["clips"]) if "clips" in said else None
    return Corpus(name=name, **said, **given)


def build(rows: Sequence[dict] | pd.DataFrame, *, corpus: str) -> pd.DataFrame:
    """Make the utterance table out of a loader's rows.

    Args:
        rows: one mapping an utterance; what a corpus does not know may be left out. `start_s` and `end_s` are seconds within
            `audio`, a path relative to the corpus root; `emotion` is a name of `labels.EMOTIONS` or None; valence, arousal and
            dominance are on the corpus's own scale; `rating` is "rated" or "self-reported".
        corpus: the corpus's name.

    Returns:
        `COLUMNS` and what it has of `OPTIONAL`, sorted by dialogue, then start, then utterance, with a fresh index. ValueError
        for an unknown column or emotion, a repeated utterance, an end before its start, a missing must.
    """
    table = pd.DataFrame(rows).assign(corpus=corpus)
    types = {**COLUMNS, **{column: kind for column, kind in OPTIONAL.items() if column in table.columns}}
    if unknown := set(table.columns) - set(types):
        raise ValueError(f"{corpus}: {min(unknown)!r} is no column of the utterance table")
    table = table.reindex(columns=list(types)).astype(types)

    def strange(column: str, words: Sequence[str]) -> pd.Series:
        return ~table[column].isin(words) & table[column].notna()

    emotions = strange("emotion", labels.EMOTIONS)
    word = next(iter(table.loc[emotions, "emotion"]), None)
    broken = {
        **{f"{column} is missing": table[column].isna() for column in NEEDED if column != "emotion"},
        "is listed twice": table["utterance"].duplicated(),
        "does not end after its start": table["end_s"] <= table["start_s"],
        "starts before 0 s": table["start_s"] < 0,
        f"has an unknown emotion {word!r}; known are {', '.join(labels.EMOTIONS)}": emotions,
        "has an unknown sex": strange("sex", ("female", "male")),
        "has an unknown kind of rating": strange("rating", ("rated", "self-reported")),
    }
    for rule, which in broken.items():
        if which.any():
            raise ValueError(f"utterance {table.loc[which, 'utterance'].iloc[0]} {rule}")
    table = table.sort_values(["dialogue", "start_s", "utterance"], kind="stable").reset_index(drop=True)
    together = table.groupby("dialogue")["speaker"].unique().map(lambda names: BETWEEN_VOICES.join(sorted(names)))
    return table.assign(voices=table["dialogue"].map(together).astype("string"))


def problems(found: Sequence[Problem]) -> pd.DataFrame:
    """The list of problems as a table with the columns file, problem, detail, advice; empty when all is well."""
    return pd.DataFrame([asdict(one) for one in found], columns=["file", "problem", "detail", "advice"], dtype="string")


def is_synthetic(folder: Path | str) -> bool:
    """Whether a corpus folder, or the release's folder in it, is a synthetic twin: its `synthetic.json` says so."""
    return (Path(folder) / _SYNTHETIC).is_file() or any(Path(folder).glob(f"*/{_SYNTHETIC}"))


def expected_counts(folder: Path | str, counts: dict) -> dict:
    """What a whole copy holds: a synthetic twin says so itself, any other has the release's numbers, `counts`."""
    about = Path(folder) / _SYNTHETIC
    return json.loads(about.read_text(encoding="utf-8"))["counts"] if about.is_file() else counts


# --- what the readings of corpora share


def label_lines(
    root: Path, file: str, columns: Sequence[str], found: list[Problem], *, advice: str
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """The lines of a CSV or TSV file by number, each with all fields; faults of the file are added to what was `found`."""
    if not (root / file).is_file():
        found.append(Problem(file, "missing labels", "no such file: the copy is incomplete", advice))
        return
    raw = (root / file).read_bytes()
    try:  # UTF-8, or code page 1252 (after a spreadsheet), or its quotes as control characters (old versions)
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    text = re.sub("[\x80-\x9f]", lambda sign: sign[0].encode("latin-1").decode("cp1252", errors="replace"), text)
    form = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if file.endswith(".tsv") else {}
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, **form)
    try:
        if lacking := [column for column in columns if column not in (reader.fieldnames or ())]:
            found.append(Problem(file, "bad label file", f"no column {lacking[0]}: the file is left out", advice))
            return
        for line in reader:
            yield reader.line_num, line
    except csv.Error as error:  # as after a quote that nothing closes
        detail = f"line {reader.line_num}: not readable as CSV ({error}); all from there on is left out"
        found.append(Problem(file, "bad label line", detail, advice))


def recordings(folder: Path) -> list[Path]:
    """The WAV and FLAC files of a folder, sorted, without the `._*` files that macOS leaves.

    A FLAC file beside a WAV file of its name is the same recording, and passed over.
    """
    found = [path for path in folder.glob("*") if path.suffix.lower() in _SOUND and not path.name.startswith(".")]
    twice = {path.stem for path in found if path.suffix.lower() == ".wav"}
    return sorted(path for path in found if path.suffix.lower() == ".wav" or path.stem not in twice)


def soundless(where: str, turns: int) -> Problem:
    """What `validate` says of a copy without any recording, of which labels and times are read all the same."""
    detail = f"no recording is there: labels and times of {turns:,} turns are read alone"
    return Problem(where, "annotation only", detail, "what needs sound is skipped; `encoder: features:FILE` does not")


def damage(message: str) -> str:
    """The kind of problem that a message of `audio` or `meld_sound` tells of."""
    return next((kind for words, kind in _DAMAGE.items() if words in message), "unreadable audio")


def duration(path: Path, where: str, found: list[Problem], *, advice: str) -> float | None:
    """The length of a recording in seconds, by its header; None when it is damaged, which goes to what was `found`."""
    try:
        info = audio.inspect(path)
    except audio.AudioError as error:
        message = str(error).removeprefix(f"{path}: ")
        found.append(Problem(where, damage(message), message, advice))
        return None
    if info.frames == 0 or info.missing_s > 0:
        kind = "empty audio" if info.frames == 0 else "truncated audio"
        found.append(Problem(where, kind, f"holds {info.duration_s:.2f} s, lacks {info.missing_s:.2f} s", advice))
        return None
    return info.duration_s


def scan(
    files: list[Path], root: Path, found: list[Problem], *, pattern: re.Pattern, odd: str, row: Callable, advice: str
) -> tuple[list[dict], dict[str, str]]:
    """Read name and header of recordings below `root`, one an utterance; what cannot be used is added to what was `found`.

    `pattern`, of a file's name, has the group `code`; `odd` says what is wrong with other names. `row` gives what a
    match and its path say, in columns of the utterance table; nothing for a name that cannot be.

    Returns:
        The rows of what can be used; and utterance -> code of all that are there, damaged ones too.
    """
    rows: list[dict] = []
    codes: dict[str, str] = {}
    for path in files:
        where, name = path.relative_to(root).as_posix(), pattern.fullmatch(path.stem)
        told = name and row(name, path)
        utterance = told.setdefault("utterance", name.group()) if told else None
        if not told or utterance in codes:
            detail = f"{utterance} is there already" if told else odd
            found.append(Problem(where, "odd name", detail, "rename or remove it"))
            continue
        codes[utterance] = name["code"]
        length = duration(path, where, found, advice=advice)
        if length is not None:
            rows.append({"audio": where, "start_s": 0.0, "end_s": length, **told})
    return rows, codes


def clips(
    root: Path,
    files: list[Path],
    corpus: Corpus,
    *,
    example: str,
    pattern: re.Pattern,
    odd: str,
    row: Callable,
    file: str,
) -> Reading:
    """Read a corpus whose files' names say all there is to know of them: `scan`, and the codes held against its counts.

    `example` names files that belong there, `file` is the pattern of those of a `{code}`. CorpusError where there is no file.
    """
    section = f"see data/README.md#{corpus.name}"
    if not files:
        raise CorpusError(f"no {corpus.title} under {root}: expected {example}; {section}")
    found: list[Problem] = []
    advice = f"move the folder away and get it again; {section}"
    rows, codes = scan(files, root, found, pattern=pattern, odd=odd, row=row, advice=advice)
    wanted = expected_counts(root, corpus.counts)["codes"]
    return rows, found, compare(Counter(codes.values()), wanted, file=file, what="recordings", advice=advice)


def compare(numbers: Mapping, expected: Mapping, *, file: str, what: str, advice: str) -> list[Problem]:
    """A problem for each of the `numbers` of a copy that is not as `expected`; `{code}` in `file` and `what` is its key."""
    found = []
    for code, wanted in expected.items():
        if (number := numbers.get(code, 0)) != wanted:
            detail = f"{number:,} {what.format(code=code)} read, a complete copy has {wanted:,}"
            found.append(Problem(file.format(code=code), "wrong count", detail, advice))
    return found


# --- a corpus of one's own: a profile names its file, `corpora.register` makes it known


@lru_cache
def own(name: str, file: Path) -> Corpus:
    """The corpus that a file of one's own reads; the file is run once, and CorpusError says what is wrong with it.

    It needs a function `load(root)`, which gives rows of the utterance table, and may hold NAME (its title), CITATION,
    LICENCE, LABELS and GROUP.
    """

    def wrong(what: str) -> CorpusError:
        return CorpusError(f"the corpus {name!r}: {paths.relative(file)} {what}")

    spec = importlib.util.spec_from_file_location(f"emocast_corpus_{name}", file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever somebody's file raises: the reader is told which file, and goes there
        raise wrong(f"cannot be run: {type(error).__name__}: {error}") from error
    if not callable(getattr(module, "load", None)):
        raise wrong(f"has no function load(root); it needs one that gives {', '.join(NEEDED)} of each utterance")
    constants = ("CITATION", "LICENCE", "LABELS", "GROUP")
    said = {constant.lower(): getattr(module, constant) for constant in constants if hasattr(module, constant)}
    read = partial(_read_own, name=name, load=module.load, wrong=wrong)
    return Corpus(name=name, title=getattr(module, "NAME", name), read=read, is_own=True, **said)


def _read_own(root: Path, *, name: str, load: Callable, wrong: Callable[[str], CorpusError]) -> Reading:
    """What the file's `load` gives: the rows whose sound is there, and what is wrong with the others."""
    if not root.is_dir():
        change = f"put its recordings there, or change corpora.{name}.root in the profile"
        raise CorpusError(f"no folder {root} for the corpus {name!r}: {change}")
    try:
        given = load(root)
    except Exception as error:  # as in `own`
        raise wrong(f"load({str(root)!r}) failed with {type(error).__name__}: {error}") from error
    if not isinstance(given, pd.DataFrame | list) or not len(given):
        what = "no row" if isinstance(given, pd.DataFrame | list) else f"a {type(given).__name__}"
        raise wrong(f"load gave {what}; it has to give a table or a list of mappings")
    if lacking := [column for column in NEEDED if column not in pd.DataFrame(given).columns]:
        raise wrong(f"load gave a table without {', '.join(lacking)}; it needs {', '.join(NEEDED)}")
    try:
        rows = build(given, corpus=name)
    except (ValueError, TypeError) as error:
        raise wrong(f"load gave no utterance table: {error}") from error
    found: list[Problem] = []
    advice = "get it again, or leave it out of load()"
    lengths = {where: duration(root / where, where, found, advice=advice) for where in rows["audio"].unique()}
    length = rows["audio"].map(lengths).astype("float64")
    past = rows["end_s"] > length + 0.05  # times in label files are rounded
    for row in rows[past].itertuples():
        detail = f"{row.utterance} ends at {row.end_s:.2f} s, the sound at {lengths[row.audio]:.2f} s"
        found.append(Problem(row.audio, "label past the sound", detail, "correct its times: they are in seconds"))
    return rows[length.notna() & ~past].to_dict("records"), found, []

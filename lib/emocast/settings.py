"""A run's settings: read from `profiles/*.yaml`, given their types and checked whole before anything runs.

`paper` holds the published settings and says what each means; the others say only where they differ (`extends`).
"""

# ruff: noqa: D101 - what the sections mean stands in the profiles

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_type_hints

import pydantic
import yaml
from pydantic import Field
from pydantic.dataclasses import dataclass

from . import corpora, labels, paths

#: What a profile may name. The modules that hold these lie above this one; a test keeps the names alike.
ENCODERS = (
    *("handcrafted", "wav2vec2:", "transformers:", "laion-clap:", "msclap:", "audioclip:", "emotion2vec:"),
    *("egemaps", "dual:", "features:"),
)
CONTRASTIVE = ("laion-clap:", "msclap:", "audioclip:", "transformers:", "dual:")
TWINS = ("cremad", "emodb", "shemo", "librispeech")
Protocol = Literal["random", "purged", "dialogue", "speaker", "session", "scenario", "episode", "official"]
Precision = Literal["auto", "fp32", "bf16"]


def _number(value: Any) -> Any:
    """`1e-3`, which YAML 1.1 takes for a word, as a number; all else as it is."""
    return float(value) if isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+[eE][-+]?\d+", value) else value


def _rule(kind: Any, words: str, holds: Callable[[Any], bool]) -> Any:
    """A type whose values fulfil a rule, with what the reader of a profile is told where one does not."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise ValueError(words)
        return value

    return Annotated[kind, pydantic.AfterValidator(check)]


def _encoder(kinds: tuple[str, ...]) -> Any:
    sourced = tuple(kind for kind in kinds if kind.endswith(":"))
    words = f"must be of {', '.join(kinds)} (after a colon: what and where)"
    return _rule(str, words, lambda own: (own in kinds or own.startswith(sourced)) and not own.endswith(":"))


Number = Annotated[float, Field(strict=True, allow_inf_nan=False), pydantic.BeforeValidator(_number)]
Positive = Annotated[Number, Field(gt=0)]
Crop = Annotated[Number, Field(ge=0.1)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Whole = Annotated[int, Field(strict=True)]
Count = Annotated[Whole, Field(ge=1)]
Turns = _rule(list[Count], "must be two ascending numbers", lambda own: len(own) == 2 and own == sorted(own))
Shifts = _rule(list[Number], "must be ascending from 0 or later", lambda own: own == sorted({*own}) and own[:1] >= [0])
Clusters = _rule(list[Whole], "must be ascending numbers from 2", lambda own: own == sorted({*own}) and own[:1] >= [2])
Parts = _rule(list[Positive], "must be three shares of sum 1", lambda own: len(own) == 3 and round(sum(own), 9) == 1)
Fractions = _rule(list[Positive], "must be up to 1, and hold 1", lambda own: max(own, default=0) == 1)
_Either = Annotated[Any, pydantic.BeforeValidator(_number)]  # a union's errors name its kinds, which no reader knows
Values = _rule(list[_Either], "must be numbers, one or more", lambda own: own and {*map(type, own)} <= {int, float})
_TWO = f"must be two or more of {', '.join(labels.EMOTIONS)}"
Emotions = _rule(list[str], _TWO, lambda own: len(set(own)) > 1 and set(own) <= set(labels.EMOTIONS))
Name = _rule(str, "must be of letters, digits, _ and -", lambda own: re.fullmatch(r"[\w-]+", own) is not None)
Encoder, ContrastiveEncoder = _encoder(ENCODERS), _encoder(CONTRASTIVE)
PythonFile = _rule(str, "must be a .py file that is there", lambda own: own.endswith(".py") and Path(own).is_file())
Searched = Literal["hidden_layers", "hidden_units", "dropout", "learning_rate", "batch_size", "epochs"]

_section = dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid"))


@_section
class Loader:  # a corpus of one's own: the Python file that reads it, its folder below `data/`
    module: PythonFile
    root: str


@_section
class Windows:
    length_s: Positive
    guard_s: Annotated[Number, Field(ge=0)]
    shifts_s: Shifts
    turns: Annotated[list[Count], Field(min_length=1)]


@_section
class Embeddings:
    precision: Precision
    compared: list[Encoder]
    compared_windows: Count | None
    sentences: str | None
    block_s: Positive | None
    block_shifts_s: list[Number]


@_section
class Split:
    protocol: Protocol
    test_fraction: Share
    folds: Annotated[Whole, Field(ge=2)]
    repeats: Count
    seed: Whole
    order: Literal["class", "time"]
    protocol_shifts_s: Shifts | None


@_section
class Synthetic:
    sessions: Count
    scenarios: Count
    turns: Turns


@_section
class SyntheticMeld:
    dialogues: Count
    turns: Turns


@_section
class TwinSize:
    speakers: Count
    utterances: Count


@_section
class Network:  # named as `forecasting.fcdnn.FCDNNClassifier` names them
    hidden_layers: Count
    hidden_units: Count
    dropout: Annotated[Number, Field(ge=0, lt=1)]
    learning_rate: Positive
    batch_size: Annotated[Whole, Field(ge=2)]
    epochs: Count
    standardize: Annotated[bool, Field(strict=True)]


@_section
class Start:  # a small wav2vec 2.0 trained on sound alone; `architecture` is of transformers' `Wav2Vec2Config`
    corpus: str
    epochs: Count
    batch_size: Count
    learning_rate: Positive
    crop_s: Crop
    architecture: dict[str, Any]


@_section
class Recogniser:
    source: str
    epochs: Count
    batch_size: Count
    learning_rate_head: Positive
    learning_rate_encoder: Positive
    annealing_factor: Positive
    crop_s: Positive | None
    cnn_once: Annotated[bool, Field(strict=True)]
    precision: Precision
    checkpoint: str
    repeats: Count
    fractions: Parts
    held_out: list[str] | None
    held_out_for: list[Literal["classification", "regression", "multiobjective"]]
    balanced_draws: Count
    candidates: list[str]
    screened: Count
    jobs: Count
    start: Start | None


@_section
class Transfer:
    leave_out: list[Name]
    encoders: Annotated[list[Encoder], Field(min_length=1)]
    layers: Encoder | None
    utterances: Count | None
    folds: Annotated[Whole, Field(ge=2)]
    penalty: Positive
    labels: list[Count]
    draws: Count
    weight: Positive


@_section
class ContrastTraining:
    source: str
    held_out: list[str]
    epochs: Count
    batch_size: Annotated[Whole, Field(ge=2)]
    learning_rate_encoder: Positive
    learning_rate: Positive
    crop_s: Crop | None
    dimension: Count
    text_dimension: Count


@_section
class Contrast:
    """Models of sound and text by a short name, the one that notebook 02 asks, and how one of kind "dual:" is trained."""

    models: dict[str, ContrastiveEncoder]
    model: str
    events: Count | None
    permutations: Count
    clusters: Clusters
    dual: ContrastTraining | None


@_section
class Search:
    settings: Count
    space: dict[Searched, Values]


@_section
class Claims:
    shifts_s: Shifts
    protocol: Protocol
    permutations: Count
    fractions: Fractions
    tolerance: Share
    search: Search


@_section
class ForecasterSettings:
    protocol: Protocol
    validation_fraction: Share
    known_share: Share
    least_gain: Annotated[Number, Field(ge=1)]
    step_s: Positive


@_section
class Intervals:
    level: Share
    draws: Count


#: A folder below `data/`, or a loader of one's own. The tags keep the errors of the other kind out.
Place = Annotated[
    Annotated[str, pydantic.Tag("[folder]")] | Annotated[Loader, pydantic.Tag("[loader]")],
    pydantic.Discriminator(lambda place: "[loader]" if isinstance(place, dict | Loader) else "[folder]"),
]


@_section
class Profile:
    name: str
    title: str
    seed: Whole
    corpus: str
    corpora: dict[Name, Place]
    for_corpus: dict[str, dict[str, Any]]
    synthetic: Synthetic | None
    synthetic_meld: SyntheticMeld | None
    twins: dict[Literal[TWINS], TwinSize | None] | None
    windows: Windows
    encoder: Encoder
    baseline: Encoder
    embeddings: Embeddings
    tasks: dict[str, Emotions]
    sweep_task: str
    split: Split
    fcdnn: Network
    ser: Recogniser
    transfer: Transfer
    contrastive: Contrast
    claims: Claims
    forecaster: ForecasterSettings
    intervals: Intervals
    jobs: Count

    def corpus_root(self, corpus: str | None = None) -> Path:
        """The folder of a corpus (the profile's main one by default), below the data folder."""
        place = self.corpora[corpus or self.corpus]
        return paths.data() / (place.root if isinstance(place, Loader) else place)

    @property
    def loaders(self) -> dict[str, Path]:
        """The corpora of one's own that the profile names, and the files that read them."""
        return {name: Path(place.module) for name, place in self.corpora.items() if isinstance(place, Loader)}

    @property
    def sizes(self) -> dict[str, Synthetic | SyntheticMeld | TwinSize]:
        """The corpora that are synthesised, and how large; all others are recordings that somebody has to put there."""
        sizes = {"iemocap": self.synthetic, "meld": self.synthetic_meld, **(self.twins or {})}
        return {name: size for name, size in sizes.items() if size}

    @pydantic.model_validator(mode="after")
    def _together(self) -> Profile:
        """Fill in the length of blocks, and hold sections against each other: the first rule that is broken is told."""
        if self.embeddings.block_s is None:
            embeddings = dataclasses.replace(self.embeddings, block_s=self.windows.length_s / 2)
            object.__setattr__(self, "embeddings", embeddings)
        for rule, holds in _rules(self).items():
            if not holds:
                raise ValueError(rule)
        return self


def _rules(own: Profile) -> dict[str, bool]:
    """Rules between sections, in the words of a profile, and whether they hold."""
    ours, named, shifts = dict.fromkeys([*corpora.NAMES, *TWINS]), set(own.corpora), own.windows.shifts_s
    one, models, claimed = "name: {module: file.py, root: folder}", own.contrastive.models, set(own.claims.shifts_s)
    whole = (own.windows.length_s / own.embeddings.block_s).is_integer()
    ends, every = {shifts[0], shifts[-1]} <= claimed <= set(shifts), "among windows.shifts_s"
    layered = own.transfer.layers or "transformers:"
    inside = claimed <= set(own.split.protocol_shifts_s or shifts) <= set(shifts)
    return {
        f"corpora: one of your own needs another name than {', '.join(ours)}": not set(own.loaders) & set(ours),
        f"corpora may name {', '.join(ours)}, or one of your own as {one}": named <= {*ours, *own.loaders},
        "corpus must be one of the corpora": own.corpus in named,
        "what has a size (synthetic, synthetic_meld, twins) needs a folder in corpora": set(own.sizes) <= named,
        "transfer.layers must be of transformers:, without @": layered.startswith("transformers:")
        and "@" not in layered,
        "ser.start.corpus must be one of the corpora": not own.ser.start or own.ser.start.corpus in named,
        "embeddings.block_s must divide windows.length_s; null means half a window": whole,
        f"embeddings.block_shifts_s must be {every}": set(own.embeddings.block_shifts_s) <= set(shifts),
        f"claims.shifts_s must be {every} and hold its first and its last": ends,
        f"split.protocol_shifts_s must be {every} and hold those of claims, or be null": inside,
        f"sweep_task must be one of the tasks: {', '.join(own.tasks)}": own.sweep_task in own.tasks,
        f"contrastive.model must be one of contrastive.models: {', '.join(models)}": own.contrastive.model in models,
    }


class ProfileError(ValueError):
    """A profile is missing or says something that cannot be."""


def available() -> list[str]:
    """The names of the profiles that come with the project."""
    return sorted(path.stem for path in paths.PROFILES.glob("*.yaml"))


def load(name: str, *, corpus: str | None = None) -> Profile:
    """Read a profile, by its name or the path of a YAML file of one's own (which may extend any other), and check it.

    `corpus` is another main corpus than the profile's: what `for_corpus` says of it replaces the profile's settings. Corpora of
    one's own are registered. A ProfileError is one line: the file, the setting and what to write.
    """
    where = _file(name)
    settings = {**_read(name, own=where.stem), "name": where.stem}
    main = _checked(settings, where)
    others = {other: {**settings, **changes, "corpus": other} for other, changes in main.for_corpus.items()}
    made = {main.corpus: main, **{other: _checked(changed, where) for other, changed in others.items()}}
    for own, file in main.loaders.items():
        corpora.register(own, file)
    if (corpus or main.corpus) not in made:
        raise _error(where, f"no settings for the corpus {corpus!r}; there are some for {', '.join(made)}")
    return made[corpus or main.corpus]


def _error(where: Path, problem: str) -> ProfileError:
    return ProfileError(f"{paths.relative(where)}: {problem}")


def _file(name: str) -> Path:
    path = Path(name) if Path(name).suffix in {".yaml", ".yml"} else paths.PROFILES / f"{name}.yaml"
    if not path.is_file():
        raise ProfileError(f"no profile {name!r}: choose one of {', '.join(available())}, or the path of a .yaml file")
    return path


def _read(name: str, *, own: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a profile says, laid over what it extends; with `own` name for `{profile}`, and whole paths of its loaders."""
    if name in seen:
        raise ProfileError(f"profiles extend each other in a circle: {' -> '.join((*seen, name))}")
    path = _file(name)
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8").replace("{profile}", own))
    except yaml.YAMLError as error:
        raise _error(path, f"this is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise _error(path, "expected settings as `key: value` lines")
    if "name" in settings:
        raise _error(path, "a profile has its file's name; remove the setting name (its title is the setting title)")
    named = settings.get("corpora")
    for place in named.values() if isinstance(named, dict) else ():
        if isinstance(place, dict) and isinstance(place.get("module"), str):
            place["module"] = str((path.resolve().parent / place["module"]).resolve())
    base = settings.pop("extends", None)
    if not isinstance(base, str | NoneType):
        raise _error(path, f"extends must be one profile's name or file, found {base!r}")
    return _merge(_read(base, own=own, seen=(*seen, name)), settings) if base else settings


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay changes over a base. Only mappings are merged; all else is replaced, and `tasks` too: of other classes.

    In `corpora` and `for_corpus` null takes an entry of the base out.
    """
    both = {key for key in changes if isinstance(changes[key], dict) and isinstance(base.get(key), dict)} - {"tasks"}
    merged = {key: _merge(base[key], changes[key]) for key in both}
    for key in both & {"corpora", "for_corpus"}:
        merged[key] = {name: said for name, said in merged[key].items() if said is not None or name not in base[key]}
    return {**base, **changes, **merged}


def _checked(settings: dict[str, Any], where: Path) -> Profile:
    """Settings with their types; of several mistakes the first is told, a word that is no setting before all others."""
    try:
        return pydantic.TypeAdapter(Profile).validate_python(settings)
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False)
    raise _error(where, _sentence(min(found, key=lambda problem: problem["type"] != "unexpected_keyword_argument")))


def _sentence(problem: Any) -> str:
    """What pydantic found, in the words of a profile."""
    place, kind = [str(part) for part in problem["loc"] if not str(part).startswith("[")], problem["type"]
    name, owner = ".".join(place), Profile
    for part in place[:-1]:
        owner = next(_sections(get_type_hints(owner).get(part)), owner)
    hints = get_type_hints(owner)
    if kind == "unexpected_keyword_argument":
        close = difflib.get_close_matches(place[-1], hints, n=1)
        hint = f"did you mean {'.'.join([*place[:-1], *close])}?" if close else f"known are {', '.join(hints)}"
        return f"unknown setting {name}; {hint}"
    if kind == "missing":
        return f"setting {name} is missing"
    said = problem["msg"].removeprefix("Value error, ").replace("Input should", "must").replace("List should", "must")
    if not place:
        return said
    if kind.endswith("_type"):
        said = f"must be of type {kind.removesuffix('_type').replace('string', 'str').replace('dataclass', 'mapping')}"
    elif NoneType in get_args(hints.get(place[-1])):
        said += ", or null"
    return f"{name} {said}, found {problem['input']!r}"


def _sections(hint: Any) -> Iterator[type]:
    yield from [hint] if isinstance(hint, type) and dataclasses.is_dataclass(hint) else []
    for part in get_args(hint):
        yield from _sections(part)

"""What a profile says, section by section: `profile` reads it from `profiles/*.yaml`; `paper.yaml` names each value's source.

A field's comment or docstring gives its unit; seconds where it ends in `_s`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import paths


@dataclass(frozen=True)
class Loader:
    """A corpus of one's own: `module` is the Python file that reads it (`corpora.own`), `root` its folder below `data/`.

    A profile gives `module` as seen from its own folder; here it is the whole path.
    """

    module: str
    root: str


@dataclass(frozen=True)
class Windows:
    """Where a window lies: its length, the guard before the event and the shifts, all in seconds."""

    length_s: float
    guard_s: float
    shifts_s: list[float]


@dataclass(frozen=True)
class Embeddings:
    """How windows become embeddings: the number format, the encoders that are compared, the approximate mode.

    `block_s` is the length of its blocks, `block_shifts_s` the shifts at which it is measured against the exact one.
    """

    precision: str
    compared: list[str]
    block_s: float
    block_shifts_s: list[float]


@dataclass(frozen=True)
class Split:
    """How data are divided: protocol, share of the held-out part, folds of the cross-validation.

    `ladder_shifts_s` are the shifts at which notebook 05 asks all protocols; null for all shifts.
    """

    protocol: str
    test_fraction: float
    folds: int
    ladder_shifts_s: list[float] | None


@dataclass(frozen=True)
class Synthetic:
    """The size of the synthetic conversations: sessions, scenarios, and fewest and most turns of a dialogue."""

    sessions: int
    scenarios: int
    turns: list[int]


@dataclass(frozen=True)
class SyntheticMeld:
    """The size of MELD's synthetic twin: dialogues over all splits, and fewest and most turns of a dialogue."""

    dialogues: int
    turns: list[int]


@dataclass(frozen=True)
class TwinSize:
    """The size of the synthetic twin of a corpus of single sentences: its speakers, and the utterances of each."""

    speakers: int
    utterances: int


@dataclass(frozen=True)
class Network:
    """The settings of the FC-DNN, named as `forecasting.fcdnn.FCDNNClassifier` names them."""

    hidden_layers: int
    hidden_units: int
    dropout: float
    learning_rate: float
    batch_size: int
    epochs: int
    standardize: bool


@dataclass(frozen=True)
class Start:
    """How a small wav2vec 2.0 is trained on sound alone, for `ser.start`: the sound, the effort and the architecture.

    `corpus` is one of the corpora; `architecture` names settings of transformers' `Wav2Vec2Config`.
    """

    corpus: str
    epochs: int
    batch_size: int
    learning_rate: float
    crop_s: float
    architecture: dict[str, Any]


@dataclass(frozen=True)
class Recogniser:
    """How the recognisers of `ser` are trained and tested. See `profiles/paper.yaml` for what each means.

    `held_out` lists the sessions that are left out in turn; null for all. `start` is null where `source` is there already.
    """

    source: str
    epochs: int
    batch_size: int
    learning_rate_head: float
    learning_rate_encoder: float
    annealing_factor: float
    crop_s: float | None
    precision: str
    fractions: list[float]
    held_out: list[str] | None
    balanced_draws: int
    candidates: list[str]
    screened: int
    jobs: int
    start: Start | None


@dataclass(frozen=True)
class ContrastTraining:
    """How the small contrastive model is trained, for `contrastive.training`.

    `source` is the folder of the wav2vec 2.0 that hears; `held_out` lists the sessions that are never heard; `dimension` is
    that of the joint space, `text_dimension` that of the tower that reads.
    """

    source: str
    held_out: list[str]
    epochs: int
    batch_size: int
    learning_rate_encoder: float
    learning_rate: float
    crop_s: float | None
    dimension: int
    text_dimension: int


@dataclass(frozen=True)
class Contrast:
    """Models that put sound and text into one space: their encoders by a short name, and the one that is asked.

    `events` are forecast at most, of speakers whom the model has heard and of others each; null for all. `permutations` are
    draws of the null of clusters, `clusters` the numbers of them that are tried. `dual` says how the model of kind "dual:" is
    trained; null where all models are published ones.
    """

    models: dict[str, str]
    model: str
    events: int | None
    permutations: int
    clusters: list[int]
    dual: ContrastTraining | None


@dataclass(frozen=True)
class Search:
    """The search over the FC-DNN's settings: how many are tried, and setting -> values from which they are drawn."""

    settings: int
    space: dict[str, list[Any]]


@dataclass(frozen=True)
class Claims:
    """How notebook 07 asks whether it is forecasting.

    `shifts_s` are those at which all baselines stand beside, `protocol` the rung that is looked at more closely,
    `permutations` the draws of each test, `fractions` the shares of the training dialogues of the learning curve, and
    `tolerance` (a fraction) what still counts as calibrated and as no help of the encoder's memory.
    """

    shifts_s: list[float]
    protocol: str
    permutations: int
    fractions: list[float]
    tolerance: float
    search: Search


@dataclass(frozen=True)
class ForecasterSettings:
    """The forecaster that notebook 08 trains for recordings, and how it is asked.

    `protocol` divides training and test, `validation_fraction` is the share of the training part's events that is set aside,
    `known_share` the share of its windows that count as known, `least_gain` how many times as often as by chance an answer
    must be right, `step_s` the seconds between two forecasts.
    """

    protocol: str
    validation_fraction: float
    known_share: float
    least_gain: float
    step_s: float


@dataclass(frozen=True)
class Intervals:
    """Bootstrap intervals: their level (0 to 1) and the number of draws."""

    level: float
    draws: int


@dataclass(frozen=True)
class Profile:
    """The settings of one run. See `profiles/paper.yaml` for what each means and where it comes from."""

    name: str
    title: str
    seed: int
    corpus: str
    corpora: dict[str, str | Loader]
    for_corpus: dict[str, dict[str, Any]]
    synthetic: Synthetic | None
    synthetic_meld: SyntheticMeld | None
    twins: dict[str, TwinSize | None] | None
    windows: Windows
    encoder: str
    baseline: str
    embeddings: Embeddings
    tasks: dict[str, list[str]]
    sweep_task: str
    split: Split
    fcdnn: Network
    ser: Recogniser
    contrastive: Contrast
    claims: Claims
    forecaster: ForecasterSettings
    intervals: Intervals
    jobs: int

    def corpus_root(self, corpus: str | None = None) -> Path:
        """The folder of a corpus (the profile's main one by default), below the data folder."""
        place = self.corpora[corpus or self.corpus]
        return paths.data() / (place.root if isinstance(place, Loader) else place)

    @property
    def loaders(self) -> dict[str, Path]:
        """The corpora of one's own that the profile names, and the files that read them."""
        return {name: Path(place.module) for name, place in self.corpora.items() if isinstance(place, Loader)}

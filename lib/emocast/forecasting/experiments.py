"""The experiments: the preprint's own, and model, baselines and ceilings on the same events under every protocol.

Whoever is compared forecasts the same events in the same folds; and the events are the same at all shifts and under all
protocols (but for `official`, which tests one part of them), so that two protocols differ by what may be known alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from tqdm import tqdm

from .. import compute, labels, metrics, paths
from ..metrics.resampling import Resampling
from ..windows import undersampled_positions
from . import baselines, ceiling, crossval, splits
from .crossval import ALONE, Computing
from .fcdnn import FCDNNClassifier
from .splits import Split

#: What the network on the main encoder's embeddings is called in tables and figures.
MODEL = "FC-DNN"

#: The file that `save` writes.
FILE = "protocol_predictions.parquet"

_OF_PLACE = ("majority", "dialogue mode", baselines.NEAREST, "scenario prior")

#: What the baselines go by, as the title of a figure's panel -> the models in it, with the ceiling that bounds them.
FAMILIES: dict[str, tuple[str, ...]] = {
    "from past labels": (*(name for name in baselines.of_labels() if name not in _OF_PLACE), ceiling.CEILING),
    "from the place alone": _OF_PLACE,
    "from sound": (*baselines.of_embeddings(), baselines.AUDIO_PERSISTENCE, ceiling.STATES),
}

_UNTRAINED = (*_OF_PLACE, "uniform guess*", "persistence*", "Markov chain*", "ceiling*")

#: Rows of a table that no network makes, as patterns -> how far `make verify` lets them be from the reference: not at all.
FROM_LABELS: dict[str, float] = dict.fromkeys(_UNTRAINED, 0)


@dataclass(frozen=True)
class Result:
    """What the preprint's experiment gives.

    Attributes:
        classes: the emotions in play, in the project's order.
        n_train: events of the training part, of the first seed. By `official`, `folds` are those of its last part alone.
        folds: out-of-fold predictions on the training part (`crossval.predictions`), of all seeds.
        test: the final models' predictions on the held-out parts: seed, utterance, dialogue, emotion, predicted.
        losses: the final models' loss an epoch, by seed; the held-out part is watched, nothing is chosen by it.
        proof: what stands on both sides of the first seed's hold-out (`splits.proof`).
    """

    classes: list[str]
    n_train: int
    folds: pd.DataFrame
    test: pd.DataFrame
    losses: pd.DataFrame
    proof: dict[str, float]

    def scores(self, resampling: Resampling) -> dict[str, float]:
        """Boil the result down to one row.

        Returns n_train, n_test; cv_mean and cv_std in percent, as the preprint prints them; test_accuracy with its interval
        test_low to test_high (over dialogues and seeds), test_uar and test_f1_macro as fractions, means over the seeds;
        test_seed_sd, the spread of their accuracies; chance; then `proof`.
        """
        of_folds = crossval.scores(self.folds, resampling, by=()).iloc[0]
        tested = metrics.evaluate_forecast(self.test, **resampling.options)
        names = ("accuracy", "accuracy_low", "accuracy_high", "uar", "f1_macro")
        of_test = {f"test_{name.removeprefix('accuracy_')}": tested[name] for name in names}
        right = self.test["emotion"].eq(self.test["predicted"])
        of_test["test_seed_sd"] = right.groupby(self.test["seed"]).mean().std()
        size = {"n_train": self.n_train, "n_test": tested["n"]}
        return {**size, **of_folds[["cv_mean", "cv_std"]], **of_test, "chance": 1 / len(self.classes), **self.proof}


def run(
    estimator: FCDNNClassifier,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    split: Split,
    *,
    test_fraction: float,
    computing: Computing = ALONE,
) -> Result:
    """Run the preprint's experiment: balance, hold out a part, cross-validate the rest, train the final model, test it.

    Source: preprint, "Experiments and Results": "training the model on 80% of the dataset, while saving 20% for testing", the
    cross-validation runs on the training set. Everything that is fitted is fitted on training events alone. All of it is
    repeated with each seed of the split.

    Args:
        estimator: the network with its settings; it is cloned, never fitted itself.
        windows: the window table of one shift, one row an event.
        embeddings, computing: as for `crossval.sweep`.
        split: classes, folds and seeds; the protocol divides the hold-out and the folds.
        test_fraction: share of the events held out.
    """
    asked = {"test_fraction": test_fraction, "computing": computing}
    found = [_run(estimator, windows, embeddings, split.of_seed(seed), **asked) for seed in split.seeds]
    tables = {
        name: pd.concat([getattr(result, name) for result in found], ignore_index=True)
        for name in ("folds", "test", "losses")
    }
    return replace(found[0], **tables)


def _run(
    estimator: FCDNNClassifier,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    split: Split,
    *,
    test_fraction: float,
    computing: Computing,
) -> Result:
    """The experiment with one seed."""
    chosen = undersampled_positions(windows["emotion"], classes=split.classes, random_state=split.seed)
    if split.order == "class":
        place = windows["emotion"].iloc[chosen].map(list(split.classes).index)
        chosen = chosen[np.argsort(place, kind="stable")]
    events, X = windows.iloc[chosen].reset_index(drop=True), np.asarray(embeddings)[chosen]
    train, test = splits.holdout(events, split, test_fraction=test_fraction)
    classes, y = labels.ordered(split.classes), events["emotion"].to_numpy(dtype=str)
    fits = crossval.fold_fits(events, train, split)
    folds = crossval.predictions(fits, estimator, events, X, classes=classes, computing=computing)
    model = crossval.seeded(estimator, split.seed)
    with compute.one_thread():
        model.fit(X[train], y[train], validation_data=(X[test], y[test]))
        predicted = model.predict(X[test])
    tested = events.loc[test, ["utterance", "dialogue", "emotion"]].assign(predicted=predicted, seed=split.seed)
    shared, losses = splits.proof(events, train, test), model.losses_.assign(seed=split.seed)
    return Result(classes, len(train), folds.sort_values("row", ignore_index=True), tested, losses, shared)


def possible(
    windows: pd.DataFrame, protocols: Sequence[str], split: Split, *, keep: str = ""
) -> tuple[list[str], dict[str, str]]:
    """Find the protocols that can divide the windows of all shifts, and why each other one is left out.

    Of those whose folds are the same at all shifts only `keep` or else the first is left, so that tables and families of tests
    have it once. Of the split the protocol is not read. ValueError where none divides them, with the reason of the first.
    """
    problems, known, emotion = {}, {}, windows["emotion"].to_numpy(dtype=str)
    for name in sorted(protocols, key=lambda name: name != keep):
        try:
            fits = crossval.plan(windows, split.under(name))
        except ValueError as error:
            problems[name] = str(error)
            continue
        poor = sum(len(np.unique(emotion[fit.train])) < 2 for fit in fits)
        same = known.setdefault(frozenset((fit.train.tobytes(), fit.test.tobytes()) for fit in fits), name)
        if poor:
            problems[name] = f"{poor} of its {len(fits)} folds have fewer than two classes to learn from"
        elif same != name:
            problems[name] = f"it has the same folds as {same}"
    if len(problems) == len(protocols):
        first = problems[protocols[0]]
        raise ValueError(f"none of the protocols {', '.join(protocols)} can divide these windows; the first: {first}")
    return [name for name in protocols if name not in problems], problems


def evaluate_protocols(
    models: Mapping[str, tuple[BaseEstimator, np.ndarray]],
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    split: Split,
    *,
    protocols: Sequence[str],
    sound: np.ndarray | None = None,
    folder: Path | str | None = None,
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Cross-validate models, what forecasts nothing and the ceilings under each protocol, on the fixed event set.

    Beside the models stand what repeats (two persistences, audio persistence) and what remembers (the nearest event, and the
    nearest neighbour on the first model's embeddings): a random split must beat it. The ceilings bound forecasts, not memory.

    Args:
        models: name -> a classifier in scikit-learn's manners, and the embeddings it learns from, (n, d), row for row
            those of `windows`.
        windows: the window tables of all shifts in one; one shift alone will do.
        utterances: all utterances of the corpus, labelled or not, on the clock of the windows (`baselines.gather`).
        split: classes, folds and seed; its protocol is not read.
        protocols: from `possible`.
        sound: an embedding of each utterance, (m, d), row for row those of `utterances`, NaN where there is none;
            None leaves audio persistence out.
        folder: the corpus folder; where its process is known (`ceiling.exists`), the ceilings stand beside.
        computing: as for `crossval.sweep`.

    Returns:
        One row a protocol, model, shift and event: the columns of `crossval.sweep`, `protocol`, `model` and `drawn`, what is
        drawn whole in a claim (`splits.drawn`).
    """
    ours = (baselines.PERSISTENCE, baselines.IN_PLAY, baselines.NEAREST)
    persistences: dict = {name: model for name, model in baselines.of_labels().items() if name in ours}
    first = next((X for _, X in models.values()), None)
    remembers = {} if first is None else {baselines.NEIGHBOUR: (baselines.of_embeddings()[baselines.NEIGHBOUR], first)}
    persistences |= {} if sound is None else {baselines.AUDIO_PERSISTENCE: baselines.AudioPersistence()}
    bounds = None
    if folder is not None and ceiling.exists(folder):  # no fold changes them: once for all protocols
        bounds = ceiling.sweep(windows, utterances, folder, split.under("random")).drop(columns="fold")
    tables = []
    for protocol in protocols:
        own = split.under(protocol)
        for name, (estimator, X) in {**models, **remembers}.items():
            table = crossval.sweep(estimator, windows, X, own, computing=computing)
            tables.append(table.assign(model=name, protocol=protocol))
        past = baselines.sweep(windows, utterances, own, models=persistences, sound=sound)
        tables.append(past.assign(protocol=protocol))
        if bounds is not None:
            folds = past.loc[past["model"] == baselines.PERSISTENCE, ["shift_s", *crossval.EVENT, "fold"]]
            marked = bounds.merge(folds, on=["shift_s", *crossval.EVENT], validate="many_to_one")
            tables.append(marked.assign(protocol=protocol))
    return _with_drawn(pd.concat(tables, ignore_index=True), windows)


def _with_drawn(predictions: pd.DataFrame, windows: pd.DataFrame) -> pd.DataFrame:
    parts = predictions.groupby("protocol", sort=False)["utterance"]
    return predictions.assign(drawn=pd.concat(rows.map(splits.drawn(windows, name)) for name, rows in parts))


def evaluate_baselines(
    windows: pd.DataFrame,
    utterances: pd.DataFrame,
    split: Split,
    *,
    protocols: Sequence[str],
    embeddings: np.ndarray | None = None,
    known: Collection[str] = (),
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Cross-validate the baselines that read labels, and plain classifiers on the embeddings, under each protocol.

    Each knows one thing that a high score might come from: the dialogue, the scenario, the past labels, the embedding.

    Args:
        windows: the window tables of some shifts in one, the first and the last of a sweep among them, so that the fixed
            events are those of the sweep.
        utterances, split, protocols, computing: as for `evaluate_protocols`.
        embeddings: (n, d), row for row those of `windows`; None leaves out what learns from them.
        known: names that are left out, because they stand in another table.

    Returns:
        As `evaluate_protocols`; without the scenario prior where no window has a scenario.
    """
    left_out = {*known, *(["scenario prior"] if windows["scenario"].isna().all() else [])}
    of_labels = {name: model for name, model in baselines.of_labels().items() if name not in left_out}
    learners = {} if embeddings is None else baselines.of_embeddings()
    quiet, tables = replace(computing, progress=False), []
    for protocol in tqdm(protocols, desc="baselines", unit="protocol", disable=not computing.progress):
        own = split.under(protocol)
        tables.append(baselines.sweep(windows, utterances, own, models=of_labels).assign(protocol=protocol))
        for name in (name for name in learners if name not in left_out):
            table = crossval.sweep(learners[name], windows, embeddings, own, computing=quiet)
            tables.append(table.assign(model=name, protocol=protocol))
    return _with_drawn(pd.concat(tables, ignore_index=True), windows)


def size_matched(
    estimator: BaseEstimator,
    windows: pd.DataFrame,
    embeddings: np.ndarray,
    split: Split,
    *,
    protocols: Sequence[str],
    computing: Computing = ALONE,
) -> pd.DataFrame:
    """Cross-validate a model at random on training parts that are as small as each protocol's: what a fall is measured from.

    A harder protocol leaves fewer events to train on. Each random fold is cut, its classes to one size, to as many as the
    protocol's folds have on average at the same seed and shift; all else is as in `evaluate_protocols`.

    Returns one row a protocol, shift, seed and event: the columns of `crossval.sweep`, `protocol` (whose size it is),
    `train_events` (of its fold) and `drawn`.
    """
    at_random, tables = crossval.plan(windows, split.under("random")), []
    for protocol in protocols:
        sizes = pd.DataFrame(
            [{**fit.marks, "size": len(fit.train)} for fit in crossval.plan(windows, split.under(protocol))]
        )
        sizes = sizes.groupby(["seed", "shift_s"])["size"].mean()
        fits = []
        for fit in at_random:
            size = round(sizes[fit.marks["seed"], fit.marks["shift_s"]])
            train = splits.balanced(windows, fit.train, fit.seed, size=size)
            fits.append(
                replace(fit, train=train, marks={**fit.marks, "protocol": protocol, "train_events": len(train)})
            )
        classes = labels.ordered(split.classes)
        tables.append(crossval.predictions(fits, estimator, windows, embeddings, classes=classes, computing=computing))
    return _with_drawn(pd.concat(tables, ignore_index=True), windows)


def save(folder: Path | str, predictions: pd.DataFrame) -> None:
    """Keep the predictions of `evaluate_protocols` in a notebook's folder, as `FILE`."""
    names = predictions.select_dtypes(exclude="number").columns  # few different ones, each many times
    with paths.replacing(Path(folder) / FILE) as partial:
        predictions.astype(dict.fromkeys(names, "category")).to_parquet(partial, index=False)


def load(folder: Path | str) -> pd.DataFrame:
    """Read what `save` kept in the folder of a run of notebook 05, from `run.input("05_time_shift_sweep")`."""
    file = Path(folder) / FILE
    if not file.is_file():
        raise FileNotFoundError(
            f"no {paths.relative(file)}: run notebook 05_time_shift_sweep first (`make reproduce` does)"
        )
    table = pd.read_parquet(file)
    return table.astype(dict.fromkeys(table.select_dtypes("category").columns, object))


def utterances_of_meld(annotations: pd.DataFrame) -> pd.DataFrame:
    """Put MELD's labels on the clocks of their dialogues, as its recordings have them: its clips are gigabytes, its labels not.

    Utterances of no known moment (labels of over a minute) are left out. One whose label has no length is an event, but
    when it ends is not known without its clip, so it is never part of a past.

    Takes `corpora.meld.annotations`; returns one row an utterance: `utterance`, `dialogue`, `session` ("S08E21"), `scenario`
    (missing), `speaker`, `emotion`, `text`, `audio` (the dialogue's name), `start_s` and `end_s` in seconds from the dialogue's
    beginning, `session_offset_s`.
    """
    from ..corpora import meld  # here: only MELD's labels ask for it

    placed = meld.place(annotations)
    season, episode = (placed[column].astype(int).astype(str).str.zfill(2) for column in ("season", "episode"))
    names = {"dialogue": "audio", "from_s": "start_s", "to_s": "end_s", "offset_s": "session_offset_s"}
    table = placed[["utterance", "dialogue", "speaker", "emotion", "text"]].assign(
        session="S" + season + "E" + episode,
        scenario=pd.NA,
        **{name: placed[column] for column, name in names.items()},
    )
    return table.reset_index(drop=True)

"""The model cards of what notebook 06 trains: the recognisers', from its tables, and that of the small encoder they start from.

A card stands in the model's folder and enters no training: other words about a model are no other model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import cache, cards, labels, metrics
from ..profile import Profile
from . import tables, training
from .kept import LOG, RECORD

#: The test set that models without a session share: each held-out session, as heard by the model without it.
UNSEEN = "IEMOCAP (unseen speakers)"

_WITHOUT = "-without-"
_NEEDED = {
    "classification": "without one of the four emotions",
    "regression": "without valence and arousal",
    "multiobjective": "without one of the four emotions, or without valence and arousal",
}
_LIMITS = [
    "A label says what raters heard, or what an actor was asked for; not what a person felt. No fifth class can be named.",
    "One training with one seed: another would differ, and no interval here covers that.",
    "Other corpora were recorded elsewhere, by other people, with other microphones: a lower score there is no finding on a "
    "language alone. On other voices, rooms and languages calibration is worse than the card says.",
]


@dataclass(frozen=True, eq=False)
class Results:
    """What notebook 06 found out about all models.

    Attributes:
        scores: rows of `tables.classification` with the column `model`, an objective.
        errors: rows of `dimensions.regression`, indexed by model, dimension and test_set.
        predictions: objective -> test set -> predictions (`predictions.predict`).
        proof: of each model what stands on both sides (`splits.proof`), indexed by its name.
        languages: test set -> its language.
    """

    scores: pd.DataFrame
    errors: pd.DataFrame
    predictions: Mapping[str, Mapping[str, pd.DataFrame]]
    proof: pd.DataFrame
    languages: Mapping[str, str]


def write_all(profile: Profile, folders: Mapping[str, Path], utterances: pd.DataFrame, results: Results) -> list[Path]:
    """Write the card of each recogniser into its folder.

    Args:
        profile: the run's settings.
        folders: of each model, from `models.train_all`.
        utterances: from `models.table`.
        results: of the notebook.

    Returns:
        The cards.
    """
    return [cards.write(folder, text(profile, name, folder, utterances, results)) for name, folder in folders.items()]


def text(profile: Profile, name: str, folder: Path, utterances: pd.DataFrame, results: Results) -> str:
    """The card of one recogniser as Markdown; for the arguments see `write_all`."""
    objective, _, session = name.partition(_WITHOUT)
    parts = training.split(folder)
    used = utterances[utterances["utterance"].isin(parts["utterance"])]
    facts, out = cards.corpus(profile, used), len(utterances) - len(parts)
    return cards.text(
        f"Emotion recogniser `{name}` of the profile `{profile.name}`",
        f"A wav2vec 2.0 that hears one utterance ({objective}: {_heads(objective)}). Made by Emocast's notebook 06.",
        {
            "Data": cards.data(facts, f"{len(parts):,} of {len(utterances):,} utterances", {_NEEDED[objective]: out}),
            "Labels": cards.labels(facts),
            "Speakers": cards.speakers(facts),
            "Protocol": _protocol(session, results.proof.loc[name]),
            "Scores": _scores(profile, objective, session, results),
            "Baselines": _baselines(objective, session, results),
            "Limits": _LIMITS if session else [_HEARD, *_LIMITS],
            "Origin": _origin(profile, folder),
        },
    )


_HEARD = (
    "The speakers of its test part were heard in training; what it is for strangers, the models without a session tell."
)


def _heads(objective: str) -> str:
    emotions, plane = ", ".join(labels.FOUR), "valence and arousal"
    return {"classification": emotions, "regression": plane, "multiobjective": f"{emotions}; {plane}"}[objective]


def _protocol(session: str, proof: pd.Series) -> str:
    how = f"The session {session} is held out" if session else "Divided at random over utterances, as published"
    sizes = ", ".join(f"{part} {proof[part]:,}" for part in ("train", "valid", "test"))
    both = ", ".join(
        f"{what}: {proof[f'{what}_shared']:,}" for what in ("utterances", "dialogues", "speakers", "sessions")
    )
    return f"{how}: {sizes} utterances. On both sides of train or valid and test stand {both}."


def _mine(table: pd.DataFrame, session: str) -> pd.DataFrame:
    """The rows of test sets on which a model was scored: without a session the unseen speakers, else all others."""
    return table[table["test_set"].eq(UNSEEN) == bool(session)]


def _scores(profile: Profile, objective: str, session: str, results: Results) -> str:
    level = f"{100 * profile.intervals.level:g} % intervals by speaker, or by dialogue where speakers are few"
    scores = _mine(results.scores[results.scores["model"].eq(objective)], session)
    scored = scores[scores["reason"].isna()]
    rows = [_row(row, results.predictions[objective][row["test_set"]], results) for _, row in scored.iterrows()]
    notes = (
        "All models without a session together, each on its own."
        if session
        else "IEMOCAP (full) holds what it learned from."
    )
    unscored = "".join(
        f"\n\nNot scored on {row.test_set}: {row.reason}." for row in scores.dropna(subset="reason").itertuples()
    )
    said = f"In percent, of equally many utterances a class, with {level}. {notes}{unscored}"
    others = "Groups of speakers are not scored" + (
        ", nor other languages." if session else "; other languages stand above."
    )
    off = "Classes and recalls are read off valence and arousal (notebook 06); calibration is asked of classes alone."
    grids = [cards.grid(pd.DataFrame(rows))] if rows else []
    planes = [] if objective == "classification" else _plane(objective, session, results)
    return "\n\n".join([said, *grids, *([off] if objective == "regression" else []), *planes, others])


def _row(row: pd.Series, said: pd.DataFrame, results: Results) -> dict[str, str]:
    """One test set's scores in words."""
    rows = tables.labelled(said)
    recalls = metrics.per_class(rows["emotion"], rows["predicted"], labels=labels.FOUR)["recall"]
    shares = [f"p_{name}" for name in labels.FOUR]
    known = set(shares) <= set(rows)
    gap = metrics.calibration_error(rows["emotion"], rows[shares].to_numpy(), labels=labels.FOUR) if known else None
    return {
        "test set": row["test_set"],
        "language": results.languages.get(row["test_set"], "not stated"),
        "utterances": f"{row['available']:,}",
        "accuracy (UAR)": cards.percent(*row[["accuracy", "accuracy_low", "accuracy_high"]]),
        "macro F1": cards.percent(*row[["f1_macro", "f1_macro_low", "f1_macro_high"]]),
        "calibration error": cards.percent(gap),
        **{f"recall of {name}": cards.percent(recalls[name]) for name in labels.FOUR},
    }


def _plane(objective: str, session: str, results: Results) -> list[str]:
    """Errors of valence and arousal, where the truth is known."""
    errors = _mine(results.errors.loc[objective].reset_index(), session).dropna(subset="mse_of_mean")
    rows = pd.DataFrame(
        {
            "dimension": errors["dimension"],
            "test set": errors["test_set"],
            "squared error": errors["mse"].map("{:.3f}".format),
            "of always the mean": errors["mse_of_mean"].map("{:.3f}".format),
            "CCC in percent": [cards.percent(*ends) for ends in errors[["ccc", "ccc_low", "ccc_high"]].to_numpy()],
        }
    )
    return ["Valence and arousal, in points of the corpus's scale:", cards.grid(rows)] if len(rows) else []


def _baselines(objective: str, session: str, results: Results) -> list[str]:
    scores = _mine(results.scores[results.scores["model"].eq(objective)], session)
    return [
        f"Chance, and always the same class: {cards.percent(scores['chance'].max())} % of balanced classes",
        "For valence and arousal: the error of always the mean, in the table above, where it stands",
        '"The same emotion as before" is a forecast, which a recogniser of single utterances is not: notebook 07 has it',
    ]


def _origin(profile: Profile, folder: Path) -> list[str]:
    record, settings = json.loads((folder / RECORD).read_text(encoding="utf-8")), profile.ser
    rates = f"learning rates {settings.learning_rate_encoder:g} (encoder) and {settings.learning_rate_head:g} (heads)"
    return [
        f"Base model: {cards.base(settings.source)}; trained further, its convolutions left as they were",
        f"Training: epoch {record['kept_epoch']} of {settings.epochs} kept, {rates}, seed {record['seed']}",
        f"Encoder: SHA-256 `{cache.file_digest(folder / 'wav2vec2.ckpt')}`",
        "Files: `.ckpt` on purpose: SpeechBrain's own layout, which one loader reads as it reads the published model's; "
        "weights are read back with `weights_only=True`, and no code that stands beside them is run",
    ]


def write_start(profile: Profile, folder: Path, files: int) -> Path:
    """Write the card of the small encoder with which a profile's trainings begin (`start.train`).

    Args:
        profile: the run's settings, with `ser.start`.
        folder: the encoder's.
        files: how many sound files it was trained on.

    Returns:
        The card.
    """
    settings, root = profile.ser.start, profile.corpus_root(profile.ser.start.corpus)
    log, record = pd.read_csv(folder / LOG), json.loads((folder / RECORD).read_text(encoding="utf-8"))
    best = log[log["stage"].eq("valid")].sort_values("error", kind="stable").iloc[0]
    card = cards.text(
        f"Small wav2vec 2.0 to begin with, of the profile `{profile.name}`",
        f"An encoder of {record['parameters']:,} parameters that learned from sound alone to give its spectrogram; what the "
        "recognisers are trained from. It names no emotion. Made by Emocast before notebook 06.",
        {
            "Data": cards.sound(
                settings.corpus, root, f"{files:,} sound files of read speech, a random crop of each an epoch"
            ),
            "Labels": "None were read.",
            "Speakers": [
                "Speakers: not told by the files; neither sex nor language was read",
                "Not known here: age and all else",
            ],
            "Protocol": "Every tenth file only validates; its speaker may be in training. It has heard no utterance on which a "
            "recogniser is trained or tested, so that none stands on both sides there.",
            "Scores": f"Error on files that validate: {best['loss']:.3f} standard deviations of the targets (epoch "
            f"{best['epoch']:.0f} of {settings.epochs}). It was not tried on other languages.",
            "Baselines": "None: the error serves to choose an epoch. What the encoder is worth, notebook 03 asks.",
            "Limits": "A small network after minutes of speech: an understudy for encoders that have heard hundreds of hours.",
            "Origin": [
                "Base model: none, without weights of others; trained from random numbers",
                f"Seed {profile.seed}; files: safetensors and JSON",
            ],
        },
    )
    return cards.write(folder, card)

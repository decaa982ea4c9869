"""The model card of the contrastive model that a profile trains, from what notebook 02 measures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from .. import cards, labels, metrics, paths
from ..profile import Profile
from ..ser import splits
from ..ser.kept import RECORD
from . import models, zero_shot

_LIMITS = [
    "Its captions named the emotions of this corpus: zero-shot means speakers never heard and words never read, not that "
    "nobody told it what an emotion sounds like.",
    "A label says what raters heard, or what an actor was asked for; not what a person felt.",
    "Minutes of sound, a handful of words, one training with one seed: it shows that the method runs, not what CLAP knows.",
]


def write(
    profile: Profile,
    name: str,
    utterances: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    tested: tuple[np.ndarray, pd.DataFrame],
    texts: pd.DataFrame,
) -> Path | None:
    """Write the card of the profile's own model into its folder.

    Args:
        profile: the run's settings.
        name: from `models.ready`.
        utterances: the main corpus's utterance table.
        scores: rows of `zero_shot.evaluate` and `probe` with the column `wording`, of speakers never heard.
        tested: of these speakers the embeddings, (n, d), and their rows of the table (`zero_shot.usable`).
        texts: the classes' directions of which the recalls are told (`prompts.ensemble`).

    Returns:
        The card; None for a model that others trained, who have their own.
    """
    if not models.is_own(profile, name):
        return None
    heard = models.heard(profile, name, utterances)
    facts = cards.corpus(profile, utterances[heard])
    folder = paths.outputs() / name.partition(":")[2]
    held_out = ", ".join(profile.contrastive.dual.held_out)
    card = cards.text(
        f"Contrastive model `{folder.name}` of the profile `{profile.name}`",
        "A wav2vec 2.0 and a small tower for text, which put sounds beside captions that are composed of what the table knows: "
        "emotion, sex, language, manner of speaking. Made by Emocast's notebook 02.",
        {
            "Data": cards.data(
                facts,
                f"{heard.sum():,} of {len(utterances):,} utterances",
                {f"of the sessions held out ({held_out})": (~heard).sum()},
            ),
            "Labels": cards.labels(facts),
            "Speakers": cards.speakers(facts),
            "Protocol": f"Held out: {held_out}, of which neither sound nor table was read; of the others whole dialogues "
            f"choose the epoch. On both sides stand {_shared(utterances, heard)}.",
            "Scores": _scores(profile, scores, tested, texts),
            "Baselines": [
                f"Chance: {cards.percent(scores['chance'].max())} % UAR; always the most frequent class: accuracy "
                f"{cards.percent(scores['majority'].max())} %",
                '"The same emotion as before" is a forecast: notebook 07 has it',
            ],
            "Limits": _LIMITS,
            "Origin": _origin(profile, folder),
        },
    )
    return cards.write(folder, card)


def _shared(utterances: pd.DataFrame, heard: pd.Series) -> str:
    """How many dialogues, speakers and sessions a model has heard and is tested on."""
    proof = splits.proof(utterances, heard.map({True: splits.TRAIN, False: splits.TEST}))
    return ", ".join(f"{what}: {proof[f'{what}_shared']}" for what in ("dialogues", "speakers", "sessions"))


def _scores(
    profile: Profile, scores: pd.DataFrame, tested: tuple[np.ndarray, pd.DataFrame], texts: pd.DataFrame
) -> str:
    rows = [
        {"words": row["wording"], "way": row["way"], "utterances": f"{row['n']:g}"}
        | {
            title: cards.percent(*row[[column, f"{column}_low", f"{column}_high"]])
            for title, column in _COLUMNS.items()
        }
        for _, row in scores.iterrows()
    ]
    sound, true = tested
    recalls = metrics.per_class(true["emotion"], zero_shot.classify(sound, texts), labels=labels.FOUR)["recall"]
    told = ", ".join(f"{name} {cards.percent(recalls[name])}" for name in labels.FOUR)
    return "\n\n".join(
        [
            f"Of speakers never heard, in percent, with {100 * profile.intervals.level:g} % intervals by dialogue.",
            cards.grid(pd.DataFrame(rows)),
            f"Each class's recall by the plain cosine, words as taught: {told}.",
            "Groups of speakers and other languages are not scored. Cosines are no probabilities: how far they are calibrated "
            "cannot be asked.",
        ]
    )


_COLUMNS = {"UAR": "uar", "accuracy": "accuracy"}


def _origin(profile: Profile, folder: Path) -> list[str]:
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return [
        f"Base model: {cards.base(profile.contrastive.dual.source)}; the tower for text begins with random numbers",
        f"{record['parameters']:,} parameters, seed {record['seed']}, at most {profile.contrastive.dual.epochs} epochs",
        "Files: safetensors and JSON; reading them runs no code",
    ]

"""Which contrastive model a notebook asks, and what of the profile's corpus that model has heard before.

A profile names its models by short names ("demo", "laion"); one of kind "dual:" may be its own, and is trained when it is
first asked for. What a model was trained on decides what it can fairly be asked: the demo's own has never heard the sessions
that `contrastive.dual` holds out; a published model has heard none of the corpus, as far as its makers say.
"""

from __future__ import annotations

import json

import pandas as pd

from .. import corpora, paths, threads
from ..encoders import hub
from ..profile import Profile
from ..ser import progress
from ..ser.kept import RECORD
from . import KINDS, training

_DUAL = "dual:"


def ready(profile: Profile, short_name: str = "") -> str:
    """Give the name of an encoder that hears and reads; the profile's own is trained where that was not done.

    Args:
        profile: the run's settings.
        short_name: one of the profile's `contrastive.models`, or an encoder's whole name; empty: the profile's model.

    Returns:
        An encoder's name, for `contrastive.get` and `encoders.store.embed`.

    Raises:
        ValueError: there is no such short name.
        corpora.CorpusError, hub.CheckpointError, ValueError: as `training.train`.
    """
    wanted = short_name or profile.contrastive.model
    known = profile.contrastive.models
    if wanted not in known and not wanted.startswith(KINDS):
        raise ValueError(
            f"no contrastive model {wanted!r}; the profile {profile.name!r} has {', '.join(known)}, and a whole name begins "
            f"with {', '.join(KINDS)}"
        )
    name = known.get(wanted, wanted)
    if is_own(profile, name):
        _train(profile, name)
    return name


def heard(profile: Profile, name: str, utterances: pd.DataFrame) -> pd.Series:
    """Which utterances of the profile's main corpus a model was trained on.

    Args:
        profile: the run's settings.
        name: what `ready` gave.
        utterances: rows of that corpus's utterance table.

    Returns:
        True or False for each row, with the table's index.

    Raises:
        ValueError: a session that was held out is not in the table.
    """
    if not name.startswith(_DUAL):
        return pd.Series(False, index=utterances.index, name="heard")
    if is_own(profile, name):
        return ~training.held_out(utterances, profile.contrastive.dual).rename("heard")
    folder = hub.find(name.removeprefix(_DUAL), needed=[RECORD])
    held_out = json.loads((folder / RECORD).read_text(encoding="utf-8"))["held_out"]
    return ~utterances["session"].isin(held_out).rename("heard")


def parts(heard: pd.Series) -> dict[str, pd.Series]:
    """What a model is tested on: first the speakers whom it has never heard, then the others and all, where there are others.

    Args:
        heard: as from `heard`.

    Returns:
        What a part is called -> True or False for each utterance.
    """
    everybody = pd.Series(True, index=heard.index)
    if not heard.any():
        return {"all speakers, none heard before": everybody}
    return {"speakers never heard": ~heard, "speakers of the training": heard, "all speakers": everybody}


def is_own(profile: Profile, name: str) -> bool:
    """Whether a model is the one that the profile trains."""
    own = profile.contrastive.dual is not None and name.startswith(_DUAL)
    return own and name in profile.contrastive.models.values()


def _train(profile: Profile, name: str) -> None:
    """Train the profile's own model, with a bar, or find that it is there."""
    root = profile.corpus_root()
    utterances = corpora.get(profile.corpus).load(root)
    settings = {"settings": profile.contrastive.dual, "seed": profile.seed}
    # one thread: the same last digits on every machine, and for networks this small a second one mostly waits for the first
    with progress.bars() as reporter, threads.of_torch(1):
        folder = paths.outputs() / name.removeprefix(_DUAL)
        training.train(folder, utterances, root, **settings, report=reporter(folder.name))

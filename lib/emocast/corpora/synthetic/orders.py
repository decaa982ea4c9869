"""What a profile asks to be made: which synthetic corpora, how large and where.

A profile names the folder of every corpus it reads. Those to which it gives a size are synthetic and are made; the others
are recordings of people, which somebody has to put there (`emocast.requirements` looks whether they are).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from emocast import profile
from emocast.corpora.synthetic import corpus, iemocap, meld, twins
from emocast.corpora.synthetic.folder import MARKER
from emocast.corpora.synthetic.isolated import TwinSettings

#: The corpus whose layout the conversations have.
CONVERSATIONS = "iemocap"

#: The name of each synthetic corpus's folder, which says whose layout it has.
FOLDERS: dict[str, str] = {
    CONVERSATIONS: iemocap.RELEASE,
    "meld": meld.RELEASE,
    **{name: twin.name for name, twin in twins.TWINS.items()},
}


@dataclass(frozen=True)
class Order:
    """One synthetic corpus that a profile asks for.

    Attributes:
        corpus: its name in the profile, a key of `FOLDERS`.
        folder: where it belongs.
        size: the profile's settings of its size, as its `synthetic.json` repeats them.
    """

    corpus: str
    folder: Path
    size: dict[str, object]


def of(settings: profile.Profile) -> list[Order]:
    """List the synthetic corpora of a profile: the conversations first.

    Args:
        settings: the profile.

    Returns:
        One order a corpus; none when all corpora are real.

    Raises:
        profile.ProfileError: a folder is not called what a synthetic corpus of its layout is called.
    """
    sizes = {CONVERSATIONS: settings.synthetic, "meld": settings.synthetic_meld, **(settings.twins or {})}
    orders = [Order(name, settings.corpus_root(name), dict(vars(size))) for name, size in sizes.items() if size]
    for order in orders:
        if order.folder.name != FOLDERS[order.corpus]:
            raise profile.ProfileError(
                f"the profile {settings.name!r} has its synthetic {order.corpus} in {order.folder}: the last part of "
                f"corpora.{order.corpus} must be {FOLDERS[order.corpus]}"
            )
    return orders


def is_there(order: Order) -> bool:
    """Whether an order was carried out before.

    Args:
        order: what is asked for.

    Returns:
        Whether the corpus is there in the size asked for.

    Raises:
        profile.ProfileError: a synthetic corpus of another size is there; the message says what to do.
    """
    about = order.folder / MARKER
    if not about.is_file():
        return False
    found = json.loads(about.read_text(encoding="utf-8"))["settings"]
    if found != order.size:
        raise profile.ProfileError(
            f"the profile asks for a synthetic corpus of {order.size}, but {order.folder} holds one of {found}: give "
            f"the profile a folder of its own, as in `corpora: {{{order.corpus}: own/{order.folder.name}}}`"
        )
    return True


def fulfil(order: Order, *, seed: int, processes: int | None = None) -> Path:
    """Make the corpus that is asked for; an older synthetic one is replaced.

    Args:
        order: what is asked for.
        seed: the seed of everything.
        processes: how many clips are spoken at a time; None for one a core.

    Returns:
        The corpus folder.

    Raises:
        ValueError: a size is out of its limits.
        FileExistsError: the folder is there and no synthetic corpus; it is left alone.
        engine.EngineError: eSpeak NG did not start or did not speak.
    """
    data = order.folder.parent
    if order.corpus == CONVERSATIONS:
        size = corpus.Settings(**{**order.size, "turns": tuple(order.size["turns"])})
        corpus.make(data, size, seed=seed, processes=processes)
    elif order.corpus == "meld":
        size = meld.Settings(**{**order.size, "turns": tuple(order.size["turns"])})
        meld.make(data, size, seed=seed, processes=processes)
    else:
        twins.make(data, order.corpus, TwinSettings(**order.size), seed=seed, processes=processes)
    return order.folder

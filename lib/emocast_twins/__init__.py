"""Synthetic corpora in the layouts of the real ones, made in seconds by eSpeak NG, with a known answer.

They let every notebook run on a fresh machine without a licensed corpus, and they have what no real corpus has: the process
behind the emotions is known (`process`), so the best possible forecast can be computed. Results on them test the method; they
say nothing about people. `python -m emocast_twins --profile NAME` makes those to which a profile gives a size.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from emocast.settings import Profile, ProfileError

from . import conversations, meld, sentences
from .conversations import Settings, make
from .files import MARKER
from .sentences import TwinSettings
from .sentences import make as make_twin

__all__ = ["FOLDERS", "Order", "Settings", "TwinSettings", "fulfil", "is_there", "make", "make_twin", "orders"]

#: The name of each synthetic corpus's folder, which says whose layout it has.
FOLDERS: dict[str, str] = {
    "iemocap": conversations.RELEASE,
    "meld": meld.RELEASE,
    **{name: twin.name for name, twin in sentences.TWINS.items()},
}


@dataclass(frozen=True)
class Order:
    """One synthetic corpus that a profile asks for."""

    corpus: str  # its name in the profile, a key of `FOLDERS`
    folder: Path  # where it belongs
    size: dict[str, object]  # the profile's settings of its size, as its `synthetic.json` repeats them


def orders(profile: Profile) -> list[Order]:
    """List the synthetic corpora of a profile, the conversations first; none when all corpora are real.

    Raises:
        ProfileError: a folder is not called what a synthetic corpus of its layout is called.
    """
    found = [Order(name, profile.corpus_root(name), dict(vars(size))) for name, size in profile.sizes.items()]
    for order in found:
        if order.folder.name != FOLDERS[order.corpus]:
            raise ProfileError(
                f"the profile {profile.name!r} has its synthetic {order.corpus} in {order.folder}: the last part of "
                f"corpora.{order.corpus} must be {FOLDERS[order.corpus]}"
            )
    return found


def is_there(order: Order) -> bool:
    """Whether an order was carried out before: the corpus is there in the size asked for.

    Raises:
        ProfileError: a synthetic corpus of another size is there; the message says what to do.
    """
    about = order.folder / MARKER
    if not about.is_file():
        return False
    found = json.loads(about.read_text(encoding="utf-8"))["settings"]
    if found != order.size:
        raise ProfileError(
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
        voices.EngineError: eSpeak NG did not start or did not speak.
    """
    data, options = order.folder.parent, {"seed": seed, "processes": processes}
    if order.corpus in sentences.TWINS:
        return make_twin(data, order.corpus, TwinSettings(**order.size), **options)
    maker = meld if order.corpus == "meld" else conversations
    size = {**order.size, "turns": tuple(order.size["turns"])}
    maker.make(data, maker.Settings(**size), **options)
    return order.folder

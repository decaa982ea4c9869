"""Make the synthetic corpora of a profile, or one conversation: `python -m emocast_twins --profile demo`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emocast import paths, settings

from . import FOLDERS, Order, conversations, fulfil, is_there, orders
from .voices import EngineError


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.conversation:
            print(conversations.make_conversation(options.conversation, seed=options.seed, turns=options.turns))
            return 0
        profile = settings.load(options.profile)
        wanted = _wanted(profile, options.corpus)
        if options.if_missing:
            wanted = [order for order in wanted if not is_there(order)]
        elif not wanted:
            raise settings.ProfileError(
                f"the profile {profile.name!r} uses real corpora: nothing to make; see data/README.md"
            )
        for order in wanted:
            folder = fulfil(order, seed=profile.seed, processes=profile.jobs)
            print(f"  -> {paths.relative(folder)}")
    except (ValueError, OSError, EngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped: corpora that are whole are kept, the same command goes on with the next", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emocast_twins", description=__doc__)
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    parser.add_argument("--corpus", choices=FOLDERS.values(), help="make this one alone (default: all of the profile)")
    parser.add_argument("--if-missing", action="store_true", help="make only what the profile lacks")
    one = parser.add_argument_group("one conversation that is in no corpus, with its truth, in place of corpora")
    files = f"{conversations.SOUND} and {conversations.TURNS}"
    one.add_argument("--conversation", type=Path, metavar="FOLDER", help=f"gets {files}")
    one.add_argument("--seed", type=int, default=1, help="another seed, another conversation (default: 1)")
    turns = conversations.LENGTH
    one.add_argument("--turns", type=int, default=turns, help=f"how many turns it has (default: {turns})")
    return parser


def _wanted(profile: settings.Profile, corpus: str | None) -> list[Order]:
    """All orders of the profile, or the one of a corpus by the name of its folder."""
    wanted = [order for order in orders(profile) if corpus in (None, order.folder.name)]
    if corpus and not wanted:
        raise settings.ProfileError(f"the profile {profile.name!r} gives no size to a synthetic {corpus}")
    return wanted


if __name__ == "__main__":
    sys.exit(main())

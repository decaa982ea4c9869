"""Make the synthetic corpora of a profile: `python -m emocast.corpora.synthetic --profile demo`."""

from __future__ import annotations

import argparse
import sys

from ... import paths
from ... import profile as profiles
from . import orders
from .engine import EngineError


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        profile = profiles.load(options.profile)
        wanted = _wanted(profile, options.corpus)
        if options.if_missing:
            wanted = [order for order in wanted if not orders.is_there(order)]
        elif not wanted:
            raise profiles.ProfileError(
                f"the profile {profile.name!r} uses real corpora: nothing to make; see data/README.md"
            )
        for order in wanted:
            folder = orders.fulfil(order, seed=profile.seed, processes=profile.jobs)
            print(f"  -> {paths.relative(folder)}")
    except (ValueError, OSError, EngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped: corpora that are whole are kept, the same command goes on with the next", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emocast.corpora.synthetic", description=__doc__)
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    parser.add_argument(
        "--corpus", choices=orders.FOLDERS.values(), help="make this one alone (default: all of the profile)"
    )
    parser.add_argument(
        "--if-missing",
        action="store_true",
        help="make only what the profile lacks",
    )
    return parser


def _wanted(profile: profiles.Profile, corpus: str | None) -> list[orders.Order]:
    """All orders of the profile, or the one of a corpus by the name of its folder."""
    wanted = [order for order in orders.of(profile) if corpus in (None, order.folder.name)]
    if corpus and not wanted:
        raise profiles.ProfileError(f"the profile {profile.name!r} gives no size to a synthetic {corpus}")
    return wanted


if __name__ == "__main__":
    sys.exit(main())

"""Make the synthetic corpus of a profile: `python -m emocast.corpora.synthetic --profile demo`."""

from __future__ import annotations

import argparse
import sys

from ... import paths
from ... import profile as profiles
from . import Settings, make
from .engine import EngineError


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emocast.corpora.synthetic", description=__doc__)
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    options = parser.parse_args(arguments)
    try:
        profile = profiles.load(options.profile)
        if profile.synthetic is None:
            raise profiles.ProfileError(
                f"the profile {profile.name!r} uses real corpora: nothing to make; see data/README.md"
            )
        settings = Settings(**{**profile.synthetic, "turns": tuple(profile.synthetic["turns"])})
        folder = make(profile.corpus_root("iemocap").parent, settings, seed=profile.seed, processes=profile.jobs)
    except (ValueError, FileExistsError, EngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"  -> {paths.relative(folder)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

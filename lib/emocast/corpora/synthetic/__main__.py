"""Make the synthetic corpus of a profile: `python -m emocast.corpora.synthetic --profile demo`."""

from __future__ import annotations

import argparse
import json
import sys
import warnings

from ... import corpora, paths
from ... import profile as profiles
from ..table import CorpusWarning
from . import Settings, make
from .engine import EngineError


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emocast.corpora.synthetic", description=__doc__)
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    parser.add_argument(
        "--if-missing",
        action="store_true",
        help="make nothing where the profile has its corpus; look whether a real one is there",
    )
    options = parser.parse_args(arguments)
    try:
        profile = profiles.load(options.profile)
        if options.if_missing and _has_its_corpus(profile):
            return 0
        folder = make(
            profile.corpus_root("iemocap").parent, _settings(profile), seed=profile.seed, processes=profile.jobs
        )
    except (ValueError, FileExistsError, EngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"  -> {paths.relative(folder)}")
    return 0


def _settings(profile: profiles.Profile) -> Settings:
    if profile.synthetic is None:
        raise profiles.ProfileError(
            f"the profile {profile.name!r} uses real corpora: nothing to make; see data/README.md"
        )
    return Settings(**{**vars(profile.synthetic), "turns": tuple(profile.synthetic.turns)})


def _has_its_corpus(profile: profiles.Profile) -> bool:
    """Whether nothing is to be made: the corpus is a real one, or the synthetic one is there in the size asked for.

    Raises:
        ValueError: a real corpus is not there, or the synthetic one has another size; the message says what to do.
    """
    if profile.synthetic is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorpusWarning)  # notebook 01 lists what is damaged
            corpora.get(profile.corpus).load(profile.corpus_root())
        return True
    about = profile.corpus_root("iemocap") / "synthetic.json"
    if not about.is_file():
        return False
    found = json.loads(about.read_text(encoding="utf-8"))["settings"]
    if found != vars(profile.synthetic):
        raise profiles.ProfileError(
            f"the profile {profile.name!r} asks for a synthetic corpus of {vars(profile.synthetic)}, but {about.parent} "
            f"holds one of {found}: give the profile a folder of its own, as in "
            f"`corpora: {{iemocap: {profile.name}/IEMOCAP_full_release}}`"
        )
    return True


if __name__ == "__main__":
    sys.exit(main())

"""`python -m emocast open`: show a finished run's site in the browser."""

from __future__ import annotations

import argparse
import webbrowser

from . import paths
from . import profile as profiles


def add(commands: argparse._SubParsersAction) -> None:
    """Make the command known to the parser of all commands."""
    parser = commands.add_parser("open", help="open the site of a finished run in the browser")
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    parser.add_argument("--corpus", help="the site of the notebooks on another corpus than the profile's")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Open the site, or say where it is; returns the exit status."""
    profile = profiles.load(options.profile, corpus=options.corpus)
    variant = paths.variant({"corpus": options.corpus} if options.corpus else {})
    page = paths.outputs() / profile.name / variant / "index.html"
    if not page.is_file():
        raise FileNotFoundError(f"no {paths.relative(page)}: `make reproduce` runs the notebooks and writes it")
    opened = webbrowser.open(page.as_uri())
    print(f"  -> {paths.relative(page)}" + ("" if opened else " (no browser was found here: open it by hand)"))
    return 0

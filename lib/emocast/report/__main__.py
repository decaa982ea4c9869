"""The command line of the report: `python -m emocast.report page|reference`."""

from __future__ import annotations

import argparse
import sys

from .. import paths
from .. import profile as profiles
from . import write_page, write_reference


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m emocast.report", description="Finished notebooks as a static site."
    )
    parser.add_argument("what", choices=["page", "reference"], help="write the site or the reference")
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    parser.add_argument("--corpus", help="the site of the notebooks on another corpus than the profile's")
    options = parser.parse_args(arguments)
    try:
        profile = profiles.load(options.profile, corpus=options.corpus)
        variant = paths.variant({"corpus": options.corpus} if options.corpus else {})
        written = write_reference(profile) if options.what == "reference" else write_page(profile, variant=variant)
    except (ValueError, OSError) as error:  # those of profiles and of the reference are ValueErrors
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped: the same command begins anew", file=sys.stderr)
        return 130
    print(f"  -> {paths.relative(written)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

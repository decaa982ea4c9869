"""Train the recognisers of a profile, as notebook 06 does: `python -m emocast.ser --profile demo`."""

from __future__ import annotations

import argparse
import sys

from .. import errors
from .. import profile as profiles


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emocast.ser", description=__doc__.partition(":")[0])
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    options = parser.parse_args(arguments)
    from . import models  # here: a process that training starts imports this module, too, and has no use for torch

    try:
        models.train_all(profiles.load(options.profile))
    except Exception as error:
        if not errors.is_told(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the next run goes on from the last finished epoch", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

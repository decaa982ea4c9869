"""Train the recognisers of a profile, as notebook 06 does: `python -m emocast.ser --profile demo`."""

import argparse
import sys

from .. import settings


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emocast.ser", description=__doc__.partition(":")[0])
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    from . import models  # here: a process that training starts imports this module, too, and has no use for torch

    try:
        models.train_all(settings.load(parser.parse_args(arguments).profile))
        return 0
    except KeyboardInterrupt:
        print("interrupted: the next run goes on from the last finished epoch", file=sys.stderr)
        return 130
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

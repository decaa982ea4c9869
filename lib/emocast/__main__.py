"""The command line: `python -m emocast --help`.

What takes time to import is imported by those who need it: to stop even that is one line.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from . import paths

_USAGE = 2  # the status of argparse for a command that cannot be understood
_STOPPED = 130  # what shells give a program that was stopped with Ctrl-C


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    try:
        parser = _parser()
        options = parser.parse_args(arguments)
        if options.run is None:
            parser.print_help(sys.stderr)
            return _USAGE
        return options.run(options)
    except (ValueError, OSError) as error:  # a StoreError is one too
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:  # a command may say in it what is kept
        print("; ".join(["stopped", *map(str, stop.args)]), file=sys.stderr)
        return _STOPPED


def _parser() -> argparse.ArgumentParser:
    from . import browse
    from .recordings import command as forecast

    parser = argparse.ArgumentParser(
        prog="python -m emocast", description="Commands of Emocast; `make help` lists the rest."
    )
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    store = commands.add_parser(
        "store",
        help="what embeddings are kept, and which may go",
        description="Embeddings are kept by what they were made of: the encoder (weights, code, precision) and the sound.",
    )
    store.add_argument("--folder", type=Path, help="the store (default: embeddings/ in the outputs folder)")
    actions = store.add_subparsers(title="actions", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="a line for each encoder: what is there, and whether it is still of use")
    show.add_argument("--sounds", action="store_true", help="count windows whose sound file is gone (reads all sound)")
    show.set_defaults(run=_show)
    check = actions.add_parser("check", help="read every file and name the damaged ones")
    check.set_defaults(run=_check)
    drop = actions.add_parser("drop", help="delete")
    drop.add_argument("shelves", nargs="*", metavar="SHELF", help="names as `show` prints them")
    drop.add_argument("--stale", action="store_true", help="all whose encoder has other weights or code now")
    drop.add_argument(
        "--sounds", action="store_true", help="what was made of sound files that are gone (reads all sound)"
    )
    drop.set_defaults(run=_drop)
    forecast.add(commands)
    browse.add(commands)
    return parser


def _show(options: argparse.Namespace) -> int:
    from .encoders.store import inventory

    table = inventory.table(options.folder, sounds=options.sounds)
    place = paths.relative(options.folder or paths.store())
    if table.empty:
        print(f"{place} holds no embeddings")
        return 0
    print(table.to_string(index=False, float_format="{:.1f}".format))
    print(f"\n{table['megabytes'].sum():.1f} MB in {place}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from .encoders.store import inventory

    problems = inventory.check(options.folder)
    print("\n".join(problems) or "every shard is what it was when it was written")
    return 1 if problems else 0


def _drop(options: argparse.Namespace) -> int:
    if not (options.shelves or options.stale or options.sounds):
        raise ValueError("nothing to drop is named: give SHELF, --stale or --sounds")
    from .encoders.store import inventory

    lines = inventory.drop(options.shelves, stale=options.stale, sounds=options.sounds, folder=options.folder)
    print("\n".join(f"dropped {line}" for line in lines) or "nothing to drop")
    return 0


def _leave(status: int) -> NoReturn:
    """End the process; one that was stopped, at once: Python would wait for what its threads still compute."""
    if status == _STOPPED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    _leave(main())

"""Does a run give what the tracked reference says? `python -m emocast.verify --profile demo`; `make verify` calls it.

Tables are compared cell by cell (`differences`) within what `tolerances` declares, verdicts by the rules of `judged`, figures
by being there and readable, as PNG and as SVG: what a figure shows stands in the tables. Whatever moved is named with its
table, row, column and both numbers; the exit status is 1 where something moved too far or is missing. What is new is told and
no fault: `make reference` takes it up. What is of somebody's own recording is not compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pandas as pd
from PIL import Image

from . import differences, judged, paths, requirements
from . import profile as profiles
from .differences import Finding

_LINES = 40


class VerifyError(ValueError):
    """There is nothing to compare; the message says what to run."""


def compare(run: Path, reference: Path, *, exact: bool = False) -> list[Finding]:
    """Compare a profile's outputs with its reference.

    Args:
        run: the outputs of a profile; a folder a notebook.
        reference: the tracked reference of that profile, made in the same way.
        exact: allow nothing but to columns that are not compared at all: for the machine on which the reference was made.

    Returns:
        What is not the same, notebook by notebook; empty when all is as it was.

    Raises:
        VerifyError: there is no reference, or no run.
    """
    notebooks = _folders(reference)
    if not notebooks:
        raise VerifyError(
            f"no reference in {paths.relative(reference)}: `make reference PROFILE={reference.name}` makes one of a run"
        )
    if not run.is_dir():
        raise VerifyError(f"no run in {paths.relative(run)}: `make reproduce PROFILE={run.name}` makes it")
    found: list[Finding] = []
    for name in notebooks:
        found += (
            _notebook(run / name, reference / name, exact)
            if (run / name).is_dir()
            else [differences.gone("notebook", name)]
        )
    return found + [differences.new("notebook", name) for name in _folders(run) if name not in notebooks]


def _folders(home: Path) -> list[str]:
    """The notebooks whose outputs are in a folder; `models`, `variants`, `interactive` and hidden folders are none."""
    return sorted(path.name for path in home.glob("[0-9]*") if path.is_dir())


def _manifest(run: Path) -> dict | None:
    """What a notebook says of its files; None where it says nothing."""
    from .notebook import MANIFEST  # here: it imports all that draws

    manifest = run / MANIFEST
    return json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else None


def _notebook(run: Path, reference: Path, exact: bool) -> Iterator[Finding]:
    """Compare the files of one notebook."""
    manifest = _manifest(run)
    private = set((manifest or {}).get("private", {}).get("names", ()))
    for what, suffix in (("table", "csv"), ("figure", "png")):
        ours, theirs = ({path.name for path in folder.glob(f"*.{suffix}")} for folder in (run, reference))
        # What the notebook itself does not name, `make reference` would not take up.
        named = ours if manifest is None else {f"{entry['name']}.{suffix}" for entry in manifest[f"{what}s"]}
        if what == "table":
            own = {f"{name}.csv" for name in private}
            yield from _tables(run, reference, theirs - own, exact)
            yield from (Finding("private table", f"{run.name}/{name}", fails=False) for name in sorted(own & theirs))
        else:
            drawn = set() if manifest is None else named | {name.replace(".png", ".svg") for name in named}
            yield from (finding for name in sorted(theirs | drawn) for finding in _figure(run / name))
        yield from (differences.new(what, f"{run.name}/{name}") for name in sorted((ours - theirs) & named))


def _tables(run: Path, reference: Path, names: set[str], exact: bool) -> Iterator[Finding]:
    """Compare the tables that the reference has."""
    for name in sorted(names):
        if not (run / name).is_file():
            yield differences.gone("table", f"{run.name}/{name}")
            continue
        yield from differences.table(run / name, reference / name, exact=exact)
        yield from judged.table(run / name, reference / name, exact=exact)


def _figure(path: Path) -> Iterator[Finding]:
    """A picture that is missing, empty or damaged."""
    where = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        yield differences.gone("figure", where)
    elif path.suffix == ".svg":
        if not path.read_bytes().rstrip().endswith(b"</svg>"):
            yield Finding("unreadable figure", where, now="it does not end as an SVG does")
    else:
        try:
            with Image.open(path) as picture:
                picture.verify()
        except (OSError, SyntaxError) as error:  # pillow raises SyntaxError for a broken PNG
            yield Finding("unreadable figure", where, now=str(error))


def told(found: list[Finding], run: Path, reference: Path, *, lines: int = _LINES) -> str:
    """The comparison for a reader: what fails, what is new, what moved within its tolerance, and the verdict.

    Args:
        found: from `compare`.
        run: the profile's outputs.
        reference: its reference.
        lines: how many lines of each kind at most.
    """
    failing = [finding for finding in found if finding.fails]
    new, own = ([finding for finding in found if finding.kind.startswith(kind)] for kind in ("new ", "private "))
    moved = sorted((finding for finding in found if finding.kind == "number" and not finding.fails), key=_reach)
    tables, figures = (len(list(reference.glob(f"[0-9]*/*.{suffix}"))) for suffix in ("csv", "png"))
    parts = [f"{paths.relative(run)} against {paths.relative(reference)}: {tables} tables, {figures} figures"]
    parts += _listed("not as in the reference", failing, lines)
    parts += [
        f"  skipped, not run: {note['notebook']}: {'; '.join(note['reasons'])}" for note in requirements.skipped(run)
    ]
    parts += _listed("of somebody's own recording, not compared", own, lines)
    parts += _listed("new, not in the reference (`make reference` takes it up)", new, lines)
    parts += _listed("moved within tolerance, the farthest first", moved, min(lines, 5))
    if failing:
        count = f"{len(failing):,} thing{'s are' if len(failing) > 1 else ' is'} not as in the reference"
        return "\n".join([*parts, f"failed: {count}"])
    return "\n".join([*parts, f"verified: all else to six digits, {len(moved):,} numbers within their tolerance"])


def _reach(finding: Finding) -> float:
    """How much of its tolerance a number used up, negative so that the most comes first."""
    return -abs(finding.difference) / finding.allowed


def _listed(title: str, found: list[Finding], lines: int) -> list[str]:
    if not found:
        return []
    more = [f"  ... and {len(found) - lines:,} more (--lines {len(found)}, --csv FILE)"] if len(found) > lines else []
    return [f"{title}: {len(found):,}", *(f"  {finding}" for finding in found[:lines]), *more]


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        name = profiles.load(options.profile).name
        run, reference = paths.outputs() / name, paths.REFERENCE / name
        found = compare(run, reference, exact=options.exact)
        print(told(found, run, reference, lines=options.lines))
        if options.csv:
            with paths.replacing(options.csv) as partial:
                columns = [field.name for field in fields(Finding)]
                pd.DataFrame([vars(finding) for finding in found], columns=columns).to_csv(partial, index=False)
    except (ValueError, OSError) as error:  # a ProfileError and a VerifyError are ones too
        print(f"error: {error}", file=sys.stderr)
        return 1
    return int(any(finding.fails for finding in found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emocast.verify", description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
    parser.add_argument("--exact", action="store_true", help="no tolerance: on the machine that made the reference")
    parser.add_argument("--lines", type=int, default=_LINES, help=f"differences to show (default: {_LINES})")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all differences to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Get and check the real corpora: `python -m emocast.corpora --help`; `make data` calls it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from .. import cards, corpora, paths
from .. import settings as profiles
from . import table
from .table import Corpus

_EXAMPLES = """\
The notebooks run on synthetic twins of the corpora by themselves; PROFILE=paper runs them on real recordings.

  python -m emocast.corpora where                  what is there, and what is not
  python -m emocast.corpora download cremad meld   12 GB; stopped? the same command goes on
  python -m emocast.corpora download all --profile open    all that need no form, the licence of each said first
  python -m emocast.corpora validate               is every copy complete? what is wrong with it?

Nothing that is there already is overwritten. IEMOCAP is licensed: data/README.md says whom to ask and where its folder goes.
"""
_LINES = 30


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        profile, folders = profiles.load(options.profile), {}
        for name in (*corpora.NAMES, *profile.loaders):
            place = profile.corpora.get(name) or corpora.get(name).folder
            folders[name] = (options.data or paths.data()) / getattr(place, "root", place)
        fetched = [name for name in profile.corpora if name in corpora.NAMES and corpora.get(name).archives]
        asked = fetched if options.names == ["all"] and options.run is _download else options.names
        names = [name for name in dict.fromkeys(asked) if corpora.get(name)]  # an error for an unknown one
        return options.run(names, folders, options)
    except (ValueError, OSError) as error:  # a DownloadError and a CorpusError are ones too
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m emocast.corpora", epilog=_EXAMPLES, formatter_class=plain)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for run, about in (
        (_where, "the corpora: where each belongs, whether it is there, licence, size"),
        (_download, "fetch corpora"),
        (_validate, "examine copies (default: all that are there); status 1: one is unusable"),
    ):
        command = commands.add_parser(run.__name__.strip("_"), help=about)
        command.set_defaults(run=run, names=[])
        if run is not _where:
            number, every = ("+", "; or all that the profile names") if run is _download else ("*", "")
            command.add_argument("names", nargs=number, metavar="CORPUS", help=f"of {', '.join(corpora.NAMES)}{every}")
        command.add_argument("--profile", default="paper", help="whose folders are meant (default: paper)")
        command.add_argument("--data", type=Path, help="the data folder (default: $EMOCAST_DATA, else data/)")
    command.add_argument("--csv", type=Path, metavar="FILE", help="write all problems to this file")
    return parser


def _where(names: list[str], folders: dict[str, Path], options: argparse.Namespace) -> int:
    rows = [("corpus", "folder", "there", "download", "licence")]
    for name, folder in folders.items():
        corpus = corpora.get(name)
        sizes = [corpus.clips.size] if corpus.clips else [archive.size for archive in corpus.archives]
        size = "size not stated" if None in sizes else f"{sum(sizes) / 1e9:.2f} GB"
        download = "your own" if corpus.is_own else size if corpus.archives else "on request"
        rows.append((name, paths.relative(folder), _state(folder), download, corpus.licence))
    print(_aligned(rows))
    print("\nsizes as the sources state them; each licence is between you and its authors")
    return 0


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _state(folder: Path) -> str:
    if not folder.is_dir() or not any(folder.iterdir()):
        return "no"
    return "synthetic twin" if table.is_synthetic(folder) else "real copy"


def _download(names: list[str], folders: dict[str, Path], options: argparse.Namespace) -> int:
    from . import download  # here: only this needs what fetches

    failed = 0
    for name in names:
        print(_licence(corpora.get(name)), flush=True)
        try:
            print(download.fetch(name, folders[name]))
        except download.DownloadError as error:
            failed = 1
            print(f"error: {name}: {error}", file=sys.stderr)
    return failed


def _licence(corpus: Corpus) -> str:
    """What is said before anything is fetched: the licence and where it stands, what it permits, the addresses."""
    if not corpus.archives:
        return f"{corpus.title}: {corpus.licence}"
    lines = [cards.licence_of(corpus.name).line, f"  it permits: {cards.permits(corpus.name)}"]
    addresses = [*(archive.address for archive in corpus.archives), *([corpus.clips.address] if corpus.clips else [])]
    return "\n".join([*lines, *(f"  from {address}" for address in addresses)])


def _validate(names: list[str], folders: dict[str, Path], options: argparse.Namespace) -> int:
    from . import validate  # here: only this needs what reads every sound

    names = names or [name for name, folder in folders.items() if _state(folder) != "no"]
    if not names:
        print("no corpus is there yet; see `where`, `download` and data/README.md")
        return 1
    tables, states = [], set()
    for name in names:
        print(f"{name} in {paths.relative(folders[name])}")
        try:
            examination = validate.examine(name, folders[name])
        except table.CorpusError as error:
            print(f"  unusable: {error}\n")
            states.add("unusable")
            continue
        problems = examination.problems
        if len(problems):
            print(_aligned([tuple(problems.columns), *problems.head(_LINES).itertuples(index=False, name=None)]))
            if len(problems) > _LINES:
                print(f"... and {len(problems) - _LINES:,} more (--csv FILE)")
            kinds = problems["problem"].value_counts()
            print("by kind: " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.items()))
        print(f"{examination.verdict}\n")  # it begins with the state
        tables.append(problems.assign(corpus=name))
        states.add(examination.state)
    if options.csv and tables:
        pd.concat(tables).to_csv(options.csv, index=False)
    return int("unusable" in states)


if __name__ == "__main__":
    sys.exit(main())

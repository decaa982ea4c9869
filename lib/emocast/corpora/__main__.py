"""Get and check the real corpora: `python -m emocast.corpora --help`; `make data` calls it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from .. import corpora, paths
from .. import settings as profiles
from . import table

_DESCRIPTION = """\
The notebooks run on synthetic twins of the corpora by themselves. To run them on real recordings (PROFILE=paper), see which
corpora are there, fetch those whose licence allows it, and check the copies.
"""
_EXAMPLES = """\
examples:
  python -m emocast.corpora where                  what is there, and what is not
  python -m emocast.corpora download emodb         40 MB, a minute
  python -m emocast.corpora download cremad meld   12 GB; stopped? the same command goes on
  python -m emocast.corpora validate               is every copy complete? what is wrong with it?

Interrupted downloads go on where they stopped. Nothing that is there already is overwritten.
IEMOCAP is licensed: data/README.md says whom to ask and where its folder goes.
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
        options.names = [
            name for name in dict.fromkeys(options.names) if corpora.get(name)
        ]  # an error for an unknown one
        return options.run(options, folders)
    except (ValueError, OSError) as error:  # a DownloadError and a CorpusError are ones too
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m emocast.corpora", description=_DESCRIPTION, epilog=_EXAMPLES, formatter_class=plain
    )
    whose, named = argparse.ArgumentParser(add_help=False), argparse.ArgumentParser(add_help=False)
    named.add_argument("names", nargs="*", metavar="CORPUS", help=f"of {', '.join(corpora.NAMES)}")
    about = "whose folders are meant (default: paper, the real corpora)"
    whose.add_argument("--profile", default="paper", help=about)
    about = "the data folder (default: $EMOCAST_DATA, else data/)"
    whose.add_argument("--data", type=Path, metavar="FOLDER", help=about)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    about = "the corpora: where each belongs, whether it is there, licence, size"
    commands.add_parser("where", parents=[whose], help=about).set_defaults(run=_where, names=[])
    about = "fetch corpora; without names: what can be fetched"
    download = commands.add_parser("download", parents=[named, whose], help=about)
    download.add_argument("--all", action="store_true", help="all that may be fetched")
    download.add_argument("--partial", action="store_true", help="put in place what could be had, if clips could not")
    download.add_argument("--quiet", action="store_true", help="no progress bars")
    download.set_defaults(run=_download)
    about = "examine copies (default: all that are there); status 1: one is unusable"
    validate = commands.add_parser("validate", parents=[named, whose], help=about)
    validate.add_argument("--lines", type=int, default=_LINES, help=f"problems to show (default: {_LINES})")
    validate.add_argument("--csv", type=Path, metavar="FILE", help="write all problems to this file")
    validate.set_defaults(run=_validate)
    return parser


def _where(options: argparse.Namespace, folders: dict[str, Path]) -> int:
    print(_table(folders))
    print("\nsizes as the sources state them; to fetch: download CORPUS ...; to check: validate")
    return 0


def _table(folders: dict[str, Path]) -> str:
    rows = [("corpus", "folder", "there", "download", "licence")]
    for name, folder in folders.items():
        corpus = corpora.get(name)
        size = "size not stated" if corpus.size is None else f"{corpus.size / 1e9:.2f} GB"
        download = "your own" if corpus.is_own else size if corpus.archives else "on request"
        rows.append((name, paths.relative(folder), _state(folder), download, corpus.licence))
    return _aligned(rows)


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _state(folder: Path) -> str:
    if not folder.is_dir() or not any(folder.iterdir()):
        return "no"
    return "synthetic twin" if table.is_synthetic(folder) else "real copy"


def _download(options: argparse.Namespace, folders: dict[str, Path]) -> int:
    from . import download  # here: only this needs what fetches

    names = [name for name in corpora.NAMES if corpora.get(name).archives] if options.all else options.names
    if not names:
        print(_table(folders))
        print(
            "\nName what to fetch, for example: download emodb cremad; or --all. Each licence is between you and its authors."
        )
        return 0
    failed = 0
    for name in names:
        try:
            print(download.fetch(name, folders[name], progress=not options.quiet, partial=options.partial))
        except download.DownloadError as error:
            failed = 1
            print(f"error: {name}: {error}", file=sys.stderr)
    return failed


def _validate(options: argparse.Namespace, folders: dict[str, Path]) -> int:
    names = options.names or [name for name, folder in folders.items() if _state(folder) != "no"]
    if not names:
        print(f"no corpus is there yet; see `where`, `download` and data/README.md\n\n{_table(folders)}")
        return 1
    found = {name: _examine(name, folders[name], options.lines) for name in names}
    if options.csv:
        tables = [examination.problems.assign(corpus=name) for name, examination in found.items() if examination]
        pd.concat(tables or [pd.DataFrame(columns=["file"])]).to_csv(options.csv, index=False)
    return int(any(examination is None or examination.state == "unusable" for examination in found.values()))


def _examine(name: str, folder: Path, lines: int) -> object | None:
    """Examine a copy and print what was found; None where there is nothing to examine."""
    from . import validate  # here: only this needs what listens

    print(f"{name} in {paths.relative(folder)}")
    try:
        examination = validate.examine(name, folder)
    except table.CorpusError as error:
        print(f"  unusable: {error}\n")
        return None
    problems = examination.problems
    if len(problems):
        print(_aligned([tuple(problems.columns), *problems.head(lines).itertuples(index=False, name=None)]))
        if len(problems) > lines:
            print(f"... and {len(problems) - lines:,} more (--lines {len(problems)}, --csv FILE)")
        kinds = problems["problem"].value_counts()
        print("by kind: " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.items()))
    print(f"{examination.verdict}\n")  # it begins with the state
    return examination


if __name__ == "__main__":
    sys.exit(main())

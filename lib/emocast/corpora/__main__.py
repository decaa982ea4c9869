"""Get and check the real corpora: `python -m emocast.corpora --help`; `make data` calls it."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import pandas as pd

from .. import corpora, paths
from .. import profile as profiles
from . import sources, table

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
        profile = profiles.load(options.profile)
        folders = {
            name: (options.data or paths.data()) / _folder(profile, name) for name in (*corpora.NAMES, *profile.loaders)
        }
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
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    where = commands.add_parser("where", help="the corpora: where each belongs, whether it is there, licence, size")
    download = commands.add_parser("download", help="fetch corpora; without names: what can be fetched")
    download.add_argument("--all", action="store_true", help="all that may be fetched")
    download.add_argument("--partial", action="store_true", help="put in place what could be had, if clips could not")
    download.add_argument("--quiet", action="store_true", help="no progress bars")
    validate = commands.add_parser(
        "validate", help="examine copies (default: all that are there); status 1: one is unusable"
    )
    validate.add_argument("--lines", type=int, default=_LINES, help=f"problems to show (default: {_LINES})")
    validate.add_argument("--csv", type=Path, metavar="FILE", help="write all problems to this file")
    for command, run in ((where, _where), (download, _download), (validate, _validate)):
        if command is not where:
            command.add_argument("names", nargs="*", metavar="CORPUS", help=f"of {', '.join(corpora.NAMES)}")
        command.add_argument(
            "--profile", default="paper", help="whose folders are meant (default: paper, the real corpora)"
        )
        command.add_argument(
            "--data", type=Path, metavar="FOLDER", help="the data folder (default: $EMOCAST_DATA, else data/)"
        )
        command.set_defaults(run=run)
    return parser


def _folder(profile: profiles.Profile, name: str) -> str:
    place = profile.corpora.get(name) or sources.get(name).folder
    return place.root if isinstance(place, profiles.Loader) else place


def _where(options: argparse.Namespace, folders: dict[str, Path]) -> int:
    print(_table(folders))
    print("\nsizes as the sources state them; to fetch: download CORPUS ...; to check: validate")
    return 0


def _table(folders: dict[str, Path]) -> str:
    rows = [
        {
            "corpus": name,
            "folder": paths.relative(folder),
            "there": _state(folder),
            "download": _size(name),
            "licence": corpora.get(name).LICENCE,
        }
        for name, folder in folders.items()
    ]
    return _aligned(pd.DataFrame(rows))


def _aligned(rows: pd.DataFrame) -> str:
    """A table with all its text to the left."""
    texts = rows.astype("string").fillna("")
    widths = [max(len(column), int(texts[column].str.len().max())) for column in texts]
    lines = [list(texts.columns), *texts.to_numpy().tolist()]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _state(folder: Path) -> str:
    if not folder.is_dir() or not any(folder.iterdir()):
        return "no"
    return "synthetic twin" if table.is_synthetic(folder) else "real copy"


def _size(name: str) -> str:
    if name not in sources.SOURCES:
        return "your own"
    source = sources.get(name)
    if not source.archives:
        return "on request"
    return "size not stated" if source.size is None else f"{source.size / 1e9:.2f} GB"


def _download(options: argparse.Namespace, folders: dict[str, Path]) -> int:
    from . import download  # here: only this needs what fetches

    names = [name for name, source in sources.SOURCES.items() if source.archives] if options.all else options.names
    if not names:
        print(_table(folders))
        print(
            "\nName what to fetch, for example: download emodb cremad; or --all. Each licence is between you and its authors."
        )
        return 0
    failed = 0
    for name in _known(names):
        try:
            print(download.fetch(name, folders[name], progress=not options.quiet, partial=options.partial))
        except download.DownloadError as error:
            failed = 1
            print(f"error: {name}: {error}", file=sys.stderr)
    return failed


def _validate(options: argparse.Namespace, folders: dict[str, Path]) -> int:
    names = _known(options.names) or [name for name, folder in folders.items() if _state(folder) != "no"]
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
    from . import doctor

    print(f"{name} in {paths.relative(folder)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", table.CorpusWarning)  # the table of problems says the same
            examination = doctor.examine(name, folder)
    except table.CorpusError as error:
        print(f"  unusable: {error}\n")
        return None
    problems = examination.problems
    if len(problems):
        print(_aligned(problems.head(lines)))
        more = len(problems) - lines
        print(
            f"... and {more:,} more (--lines {len(problems)}, --csv FILE)" if more > 0 else "",
            end="\n" if more > 0 else "",
        )
        print(
            "by kind: " + ", ".join(f"{kind} {count:,}" for kind, count in problems["problem"].value_counts().items())
        )
    print(f"{examination.verdict}\n")  # it begins with the state
    return examination


def _known(names: list[str]) -> list[str]:
    """The names, each once.

    Raises:
        ValueError: one is no corpus.
    """
    for name in names:
        corpora.get(name)
    return list(dict.fromkeys(names))


if __name__ == "__main__":
    sys.exit(main())

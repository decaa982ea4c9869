"""The command line: `python -m emocast_run --help`. What takes time to import is imported by those who need it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import webbrowser
from pathlib import Path

from emocast import paths
from emocast import settings as profiles

_USAGE, _STOPPED = 2, 130  # the statuses of argparse for what cannot be understood, and of shells for what was stopped


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    try:
        parser = _parser()
        options = parser.parse_args(arguments)
        if options.run is None:
            parser.print_help(sys.stderr)
            return _USAGE
        return options.run(options) or 0
    except (ValueError, OSError) as error:  # those of profiles, stores and corpora are such
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:  # a command may say in it what is kept
        print("; ".join(["stopped", *map(str, stop.args)]), file=sys.stderr)
        return _STOPPED


def _parser() -> argparse.ArgumentParser:
    from emocast import forecaster

    parser = argparse.ArgumentParser(prog="emocast", description="Commands of Emocast; `make help` lists the rest.")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    forecaster.add_command(commands)
    added = {}
    for name, (run, about) in _COMMANDS.items():
        added[name] = commands.add_parser(name, help=about)
        added[name].add_argument("--profile", default="demo", help="a profile's name or .yaml file (default: demo)")
        added[name].set_defaults(run=run, corpus=None)
    for name in ("open", "site", "needs", "stamp"):
        added[name].add_argument("--corpus", help="another main corpus than the profile's own")
    added["verify"].add_argument("--exact", action="store_true", help="no tolerance: where the reference was made")
    added["verify"].add_argument("--lines", type=int, default=40, help="differences to show (default: 40)")
    added["needs"].add_argument("--fetch", action="store_true", help="download the missing checkpoints")
    added["stamp"].add_argument("--twins", type=Path, metavar="FILE", help="the stamp of the synthetic corpora")
    added["run"].add_argument("notebook", type=Path, help="the notebook's file")
    told = "set another parameter of the notebook, for example: --parameter encoder laion (may be repeated)"
    added["run"].add_argument("--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help=told)
    return parser


def _home(options: argparse.Namespace) -> tuple[profiles.Profile, Path]:
    profile = profiles.load(options.profile, corpus=options.corpus)
    return profile, paths.outputs() / profile.name / paths.variant({"corpus": options.corpus} if options.corpus else {})


def _open(options: argparse.Namespace) -> None:
    page = _home(options)[1] / "index.html"
    if not page.is_file():
        raise FileNotFoundError(f"no {paths.relative(page)}: `make reproduce` runs the notebooks and writes it")
    opened = webbrowser.open(page.as_uri())
    print(f"  -> {paths.relative(page)}" + ("" if opened else " (no browser was found here: open it by hand)"))


def _site(options: argparse.Namespace) -> None:
    from . import site

    print(f"  -> {paths.relative(site.write(*_home(options)))}")


def _verify(options: argparse.Namespace) -> int:
    from . import verify

    run = _home(options)[1]
    found = verify.compare(run, reference := paths.REFERENCE / run.name, exact=options.exact)
    print(verify.told(found, run, reference, lines=options.lines))
    return int(any(finding.fails for finding in found))


def _reference(options: argparse.Namespace) -> None:
    from . import site

    written = site.write_reference(_home(options)[0])
    print(f"  -> {paths.relative(written)}\n  -> {paths.relative(site.write_readme())}")


def _needs(options: argparse.Namespace) -> None:
    os.environ["HF_HUB_OFFLINE"] = "0" if options.fetch else "1"  # read when the hub's package is imported
    from . import runner

    print(runner.told(_home(options)[0]))


def _stamp(options: argparse.Namespace) -> None:
    from . import runner

    # Of all its corpora; one that it does not know is told here, before all else.
    home = paths.outputs() / _home(options)[0].name
    runner.write_stamps(options.profile, home / ".code", twins=options.twins)


def _run(options: argparse.Namespace) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"  # before the hub's package is imported: a run looks nothing up on the network
    from . import runner

    try:
        folder = runner.run(options.notebook, profile=options.profile, parameters=dict(options.parameter))
        print(f"  -> {paths.relative(folder)}")
    except runner.SkippedError as reason:
        print(f"  {reason}")
    except RuntimeError as error:
        raise ValueError(error) from error  # it is one line, as all others
    except KeyboardInterrupt:
        kept = "what it computed is kept, the same command goes on"
        raise KeyboardInterrupt(f"{options.notebook.stem} was stopped; {kept}") from None


def _train(options: argparse.Namespace) -> None:
    from emocast.ser import models

    try:
        models.train_all(profiles.load(options.profile))
    except RuntimeError as error:
        raise ValueError(error) from error  # it is one line, as all others
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the next run goes on from the last finished epoch") from None


def _warmup(_: argparse.Namespace) -> None:
    """Call on a little noise what is compiled at its first use: UMAP, and librosa in the hand-crafted features."""
    import numpy as np

    from emocast import encoders, notebook

    noise = np.random.default_rng(0)
    notebook.umap().UMAP(random_state=0, n_jobs=1).fit_transform(noise.normal(size=(60, 8)))
    encoders.get("handcrafted").encode([noise.normal(0, 0.1, 32_000).astype(np.float32)])


_COMMANDS = {
    "open": (_open, "open the site of a finished run in the browser"),
    "site": (_site, "write the site anew from what the notebooks left"),
    "verify": (_verify, "is a run as the tracked reference, within stated tolerances?"),
    "reference": (_reference, "renew the tracked reference from a run, and the README's tables"),
    "needs": (_needs, "which corpora and checkpoints does a profile lack?"),
    "stamp": (_stamp, "note whose code has changed, for make"),
    "run": (_run, "run one notebook"),
    "train": (_train, "train the recognisers of notebook 06, which other notebooks ask too"),
    "warmup": (_warmup, "compile once what the notebooks call"),
}


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    status = main()
    if status != _STOPPED:
        sys.exit(status)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # at once: Python would wait for what its threads still compute

"""The forecaster of recordings: trained once and saved (`training`), and asked of any recording (`inference`); the command.

`recordings` reads sound and chooses a file. Neither it nor the command imports torch: what cannot be is refused at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .. import compute, paths
from .. import settings as profiles
from .recordings import Recording, validate


def add_command(commands: argparse._SubParsersAction) -> None:
    """Make `forecast FILE` known to the parser of all commands."""
    description, epilog = (Path(__file__).parent.parent / "templates/forecast.txt").read_text("utf-8").split("----\n")
    words = {"description": description, "epilog": epilog, "formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = commands.add_parser("forecast", help="forecast the emotions of a recording of your own", **words)
    parser.add_argument("file", type=Path, metavar="FILE", help="the recording")
    parser.add_argument("--profile", default="demo", help="whose model: a profile's name or .yaml file (default: demo)")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="for the results (default: in outputs/PROFILE/forecasts)"
    )
    parser.add_argument(
        "--step", type=float, metavar="SECONDS", help="between two forecasts (default: the profile's, 1)"
    )
    parser.add_argument("--no-picture", action="store_true", help="write the table alone")
    parser.set_defaults(run=run_command)


def run_command(options: argparse.Namespace) -> None:
    """Forecast as the options say."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is looked up on the network
    settings = profiles.load(str(options.profile))
    # What cannot be is refused before the slow imports that follow.
    validate(Recording(options.file), settings.windows.length_s)
    step_s = settings.forecaster.step_s if options.step is None else options.step
    print(f"{options.file.name}: loading the model of the profile {settings.name}", file=sys.stderr)
    from . import inference, training

    made = training.load(training.folder(settings.name))
    own = f"{options.file.name}-{compute.file_digest(options.file)[:8]}"  # recorders give all their files one name
    target = options.output or paths.outputs() / settings.name / "forecasts" / own
    try:
        found = inference.forecast(options.file, made, csv=target / "forecast.csv", step_s=step_s, jobs=settings.jobs)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command goes on with the forecasts so far") from None
    written = [target / "forecast.csv", *([] if options.no_picture else inference.draw(found, made, target))]
    print("\n".join([*inference.summary(found, made), *(f"  -> {paths.relative(path)}" for path in written)]))

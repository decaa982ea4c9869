"""`python -m emocast forecast FILE`: a recording in, a picture, a table and a few sentences out."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from .. import paths
from .. import profile as profiles

_DESCRIPTION = """\
Forecast the emotions of a recorded conversation: from every ten seconds of it, what will be heard in the next moments.

FILE is any recording: wav, flac, mp3, ogg, m4a, mp4 and more; any rate, mono or stereo, from 10 s (a window) to many hours
(memory does not grow with it). Let it be one whose speakers agreed: it stays on this machine, and so do the results."""

_EXAMPLES = """\
what is written (into --output):
  forecast.csv    for every second and every distance ahead: the probability of each emotion, how far the networks agree,
                  and whether the model had better say "I do not know", with the reason
  forecast.png    the same as a picture; forecast.svg for print

examples:
  python -m emocast forecast talk.m4a
  python -m emocast forecast "my long interview.mp3" --step 5 --output results

The model must have been trained once: `make reproduce` does so (its notebook 08). The results are for research; they are no
basis for decisions about people (data/LICENCES.md)."""


def add(commands: argparse._SubParsersAction) -> None:
    """Make the command known to the parser of all commands."""
    parser = commands.add_parser(
        "forecast",
        help="forecast the emotions of a recording of your own",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the recording")
    parser.add_argument(
        "--profile", default="demo", help="whose model: demo, smoke, paper or a .yaml file (default: demo)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the results (default: outputs/PROFILE/forecasts/FILE; where that holds another recording of the "
        "same name, its own digest is added)",
    )
    parser.add_argument(
        "--step", type=float, metavar="SECONDS", help="seconds between two forecasts (default: the profile's, 1)"
    )
    parser.add_argument("--no-picture", action="store_true", help="write the table alone")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Forecast as the options say; returns the exit status."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is looked up on the network
    from . import usable
    from .reading import Recording

    recording = Recording(options.file)
    settings = profiles.load(str(options.profile))
    usable.check(recording, settings.windows.length_s)  # what cannot be is refused before the slow imports that follow
    step_s = settings.forecaster.step_s if options.step is None else options.step
    if not step_s > 0:
        raise ValueError(f"--step {step_s:g}: the seconds between two forecasts must be more than 0")
    print(f"{options.file.name}: loading the model of the profile {settings.name}", file=sys.stderr)
    from .. import forecaster as forecasters  # here: they import torch, which other commands do not need
    from . import placing, words

    made = forecasters.load(forecasters.folder(settings.name))
    common = paths.outputs() / settings.name / "forecasts"
    with nullcontext(options.output) if options.output else placing.place(common, options.file) as target:
        heard = _heard(options.file, made, target / "forecast.csv", step_s=step_s, jobs=settings.jobs)
        written = [target / "forecast.csv", *([] if options.no_picture else _drawn(heard, made, target))]
    print("\n".join([*words.summary(heard, made), *(f"  -> {paths.relative(path)}" for path in written)]))
    return 0


def _heard(path: Path, made, csv: Path, **options):
    """The recording's forecasts; who stops them is told what is kept."""
    from . import growing, hearing

    try:
        return hearing.forecast(path, made, csv=csv, **options)
    except KeyboardInterrupt:
        part = csv.with_name(csv.name + growing.PART)
        kept = part.is_file() and part.stat().st_size > 0  # not before the first batch
        said = "the forecasts so far are kept, the same command goes on" if kept else "nothing had been forecast yet"
        raise KeyboardInterrupt(said) from None


def _drawn(heard, made, target: Path) -> list[Path]:
    """Draw the picture, as PNG and SVG."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from .. import figures
    from . import words

    figures.style()
    figure = plt.figure(figsize=(12, 9.5))
    shifts = words.shown_shifts(made.shifts_s)
    figures.recording(figure, heard.table, heard.outline, shifts_s=shifts, title=words.title(heard, made))
    written = [target / f"forecast.{suffix}" for suffix in ("png", "svg")]
    for path in written:
        with paths.replacing(path) as partial:
            figure.savefig(partial, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
    return written

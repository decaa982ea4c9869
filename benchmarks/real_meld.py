"""What MELD's labels alone forecast: `python -m benchmarks.real_meld FOLDER_OF_MELD [--protocol dialogue]`.

Persistence and Markov chains on the published label files, at shifts of 0 to 20 s: joy, sadness and neutral balanced,
dialogues held out. No clip is needed. "moving" has at each shift all events that it can, as published; "fixed" the same events
at all shifts. Before it stand the number of utterances read and what is done with the odd rows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from emocast import windows as cutting
from emocast.corpora import meld
from emocast.forecasting import baselines, crossval, experiments, splits

CLASSES = ("neutral", "happiness", "sadness")  # MELD's task: its joy is the project's happiness
SHIFTS_S = tuple(range(0, 21, 2))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder that holds train_sent_emo.csv and the other two")
    parser.add_argument("--protocol", default="dialogue", choices=splits.MELD_PROTOCOLS, help="default: dialogue")
    options = parser.parse_args()
    read = meld.annotations(options.folder)
    print(_counted(read))
    print(meld.odd_rows(read).to_string(index=False), end="\n\n")
    print(_forecast(read, options.protocol).to_string(index=False, float_format="{:.1f}".format))


def _counted(read: pd.DataFrame) -> str:
    """One line that checks the reading."""
    counts = read["emotion"].value_counts()
    return f"{len(read):,} utterances: {', '.join(f'{counts[name]:,} {name}' for name in CLASSES)}\n"


def _forecast(read: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Accuracies in percent, one column a shift; a last row of each event set counts the events."""
    talk = experiments.utterances_of_meld(read)
    models = {name: model for name, model in baselines.of_labels().items() if name != "scenario prior"}
    split = splits.Split(CLASSES, protocol, folds=5, seed=0)
    windows = cutting.sweep(talk[talk["emotion"].notna()], SHIFTS_S, length_s=10.0)
    predictions = baselines.sweep(windows, talk, split, models=models, event_sets=crossval.EVENT_SETS)
    hit = predictions.assign(accuracy=100.0 * (predictions["emotion"] == predictions["predicted"]))
    points = hit.groupby(["event_set", "model", "shift_s"], sort=False)["accuracy"]
    counts = points.size().groupby(["event_set", "shift_s"], sort=False).first().reset_index(name="accuracy")
    long = pd.concat([points.mean().reset_index(), counts.assign(model="events")], ignore_index=True)
    wide = long.pivot_table("accuracy", ["event_set", "model"], "shift_s", sort=False)
    return (
        wide.reindex([*models, "events"], level="model")
        .sort_index(level="event_set", sort_remaining=False)
        .reset_index()
    )


if __name__ == "__main__":
    main()

"""What MELD's labels alone forecast: `python -m benchmarks.real_meld FOLDER_OF_MELD [--protocol dialogue]`.

Persistence and Markov chains on the published label files, at shifts of 0 to 20 s: joy, sadness and neutral balanced,
dialogues held out. No clip is needed. "moving" has at each shift all events that it can, as published; "fixed" the same events
at all shifts. Before it stand the number of utterances read and what is done with the odd rows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from emocast.corpora import meld, meld_labels
from emocast.forecasting import labelled, protocols

SHIFTS_S = tuple(range(0, 21, 2))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder that holds train_sent_emo.csv and the other two")
    parser.add_argument("--protocol", default="dialogue", choices=protocols.MELD_LADDER, help="default: dialogue")
    options = parser.parse_args()
    read = meld.annotations(options.folder)
    print(_counted(read))
    print(meld_labels.odd_rows(read).to_string(index=False), end="\n\n")
    print(_forecast(read, options.protocol).to_string(index=False, float_format="{:.1f}".format))


def _counted(read: pd.DataFrame) -> str:
    """One line that checks the reading."""
    counts = read["emotion"].value_counts()
    return f"{len(read):,} utterances: {', '.join(f'{counts[name]:,} {name}' for name in labelled.MELD_CLASSES)}\n"


def _forecast(read: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Accuracies in percent, one column a shift."""
    talk = labelled.utterances_of_meld(read)
    predictions = labelled.sweep(talk, shifts_s=SHIFTS_S, protocol=protocol, random_state=0)
    return labelled.table(predictions)


if __name__ == "__main__":
    main()

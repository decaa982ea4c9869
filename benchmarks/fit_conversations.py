"""Fit the synthetic conversations to people: `python -m benchmarks.fit_conversations LABELS.csv`.

LABELS.csv holds the turns of IEMOCAP: turn (as `Ses01F_impro01_F000`), start_s, end_s, emotion (the release's codes). What is
found of them, aggregates alone, goes to `lib/emocast/people.csv`, which notebook 01 holds the twin against. The numbers of
`emocast_twins.process` are printed: the shares of each scenario, and the probabilities that run as real emotions do.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import differential_evolution

from emocast import audit
from emocast_twins import process
from emocast_twins.conversations import CODES
from emocast_twins.process import PROCESS, STATES, Process

FITTED = {"stay": (0.4, 0.9), "role": (0.1, 0.8), "partner": (0.0, 0.4), "shared": (0.0, 0.8), "sharpness": (0.8, 4.0)}
#: What is held against people: how emotions run. Times and lengths are drawn from the real percentiles as they are.
AIMS = ("emotion", "run of", "dialogue mode", "last label")
SEEDS = range(2)


def turns(file: Path) -> pd.DataFrame:
    """The real turns as a loader would give them."""
    table = pd.read_csv(file, keep_default_na=False)
    parts = table["turn"].str.extract(r"^(?P<dialogue>(?P<session>Ses\d\d)\w_(?P<scenario>\w+))_(?P<letter>[FM])\d+$")
    names = {code: name for name, code in CODES.items()}
    emotion = table["emotion"].map(names).where(lambda found: found != process.UNDECIDED)
    return table.assign(**parts, speaker=parts["session"] + parts["letter"], emotion=emotion)


def scenarios(real: pd.DataFrame) -> pd.DataFrame:
    """Percent of each emotion in each scenario; parts "a" and "b" of one are one."""
    known = real[real["emotion"].isin(STATES)]
    name = known["scenario"].str.replace(r"(?<=\d)[ab]$", "", regex=True)
    return (100 * pd.crosstab(name, known["emotion"], normalize="index")[list(STATES)]).round().astype(int)


def played(real: pd.DataFrame, own: Process, seed: int) -> pd.DataFrame:
    """The real turns with the emotions that a process and its raters give them."""
    rng, channel = np.random.default_rng(seed), process.channel()
    found = []
    for _, rows in real.groupby("dialogue", sort=False):
        scenario = process.scenario(rows["scenario"].iloc[0].rstrip("ab"))
        who = (rows["letter"] == "M").astype(int).tolist()
        for _, emotion in own.draw(scenario.shares, who, rng):
            label = process.GOLD[rng.choice(len(process.GOLD), p=channel[emotion])]
            found.append(None if label == process.UNDECIDED else label)
    return real.assign(emotion=found)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("labels", type=Path)
    parser.add_argument("--steps", type=int, default=12, help="generations of the search; 0 only looks")
    options = parser.parse_args()
    real = turns(options.labels).sort_values(["dialogue", "start_s", "end_s"], kind="stable")
    people = audit.conversation(real)
    people.round(4).to_csv(audit.PEOPLE)
    print(scenarios(real).to_string(), "\n")
    aims = people[people.index.str.contains("|".join(AIMS))]

    def far(numbers: np.ndarray) -> float:
        own = dataclasses.replace(PROCESS, **dict(zip(FITTED, map(float, numbers), strict=True)))
        if own.role + own.partner >= 1:
            return 9.0 + own.role + own.partner
        found = [audit.conversation(played(real, own, seed)).reindex(aims.index) for seed in SEEDS]
        return float((((sum(found) / len(found)) / aims - 1) ** 2).sum())

    best = np.array([getattr(PROCESS, name) for name in FITTED])
    print(f"as it stands: {far(best):.4f}")
    if options.steps:
        search = {"maxiter": options.steps, "popsize": 5, "x0": best, "seed": 1, "polish": False}
        found = differential_evolution(far, list(FITTED.values()), **search)
        best = found.x
        print(f"found: {found.fun:.4f} with {dict(zip(FITTED, best.round(3), strict=True))}")
    own = dataclasses.replace(PROCESS, **dict(zip(FITTED, map(float, best), strict=True)))
    found = sum(audit.conversation(played(real, own, seed)) for seed in SEEDS) / len(SEEDS)
    print(pd.DataFrame({"people": people, "process": found}).round(3).to_string())


if __name__ == "__main__":
    main()

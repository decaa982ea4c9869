"""Fit the synthetic conversations to people: `python -m benchmarks.fit_conversations LABELS.csv`.

LABELS.csv holds the turns of IEMOCAP: turn (as `Ses01F_impro01_F000`), start_s, end_s, emotion (the release's codes). What is
found of them, aggregates alone, goes to `lib/emocast/people.csv`, which notebook 01 holds the twin against. The numbers of
`emocast_twins.process` are printed: the shares of each scenario, and the probabilities that run as real emotions do.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import differential_evolution

from emocast import audit
from emocast_twins import process
from emocast_twins.conversations import CODES
from emocast_twins.process import PROCESS, STATES, Process

#: What is searched, and where: the numbers of `Process`, and those of the raters and of what is rare in a scenario.
FITTED = {"stay": (0.4, 0.95), "role": (0.1, 0.9), "partner": (0.0, 0.4), "shared": (0.0, 0.8), "sharpness": (0.8, 4.0)}
OTHERS = {"rare": (0.0005, 0.03), "clear": (0.85, 0.97), "own": (0.2, 0.5), "rest": (0.1, 0.5), "unclear": (0.3, 0.6)}
NOW = (*(getattr(PROCESS, name) for name in FITTED), process.RARE, 0.96, 0.36, 0.27, process.UNCLEAR_SHARE)
#: What is held against people: how emotions run. Times and lengths are drawn from the real percentiles as they are.
AIMS = ("emotion", "run of", "dialogue mode", "last label", "majority")
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


def played(real: pd.DataFrame, numbers: np.ndarray, seed: int) -> pd.DataFrame:
    """The real turns with the emotions that a process of such numbers and its raters give them."""
    found = dict(zip((*FITTED, *OTHERS), map(float, numbers), strict=True))
    own = Process(**{name: found[name] for name in FITTED})
    clear, unclear = process.said(found["clear"], 0.9 * (1 - found["clear"])), process.said(found["own"], found["rest"])
    channel, rng = process.channel(clear, unclear, found["unclear"]), np.random.default_rng(seed)
    labels: list[str | None] = []
    for _, rows in real.groupby("dialogue", sort=False):
        shares = process.scenario(rows["scenario"].iloc[0].rstrip("ab")).with_rare(found["rare"])
        for _, emotion in own.draw(shares, (rows["letter"] == "M").astype(int).tolist(), rng):
            label = process.GOLD[rng.choice(len(process.GOLD), p=channel[emotion])]
            labels.append(None if label == process.UNDECIDED else label)
    return real.assign(emotion=labels)


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
        """The sum of squares of how far the rows lie apart, each in what notebook 01 allows."""
        if numbers[1] + numbers[2] >= 1 or numbers[7] + numbers[8] >= 1:
            return 1000.0
        found = sum(audit.conversation(played(real, numbers, seed)) for seed in SEEDS) / len(SEEDS)
        return float((((found - aims) / audit.allowed(aims)) ** 2).sum())

    best = np.array(NOW)
    print(f"as it stands: {far(best):.2f}")
    if options.steps:
        search = {"maxiter": options.steps, "popsize": 3, "x0": best, "seed": 1, "polish": False}
        limits = [*FITTED.values(), *OTHERS.values()]
        best = differential_evolution(far, limits, **search).x
        print(f"found: {far(best):.2f} with {dict(zip((*FITTED, *OTHERS), best.round(3), strict=True))}")
    found = sum(audit.conversation(played(real, best, seed)) for seed in SEEDS) / len(SEEDS)
    print(pd.DataFrame({"people": people, "process": found}).round(3).to_string())


if __name__ == "__main__":
    main()

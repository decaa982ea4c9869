"""What the ladder shows, in a table and a sentence: where does a model do better than carrying the past forward?"""

from __future__ import annotations

import pandas as pd

from .. import metrics
from . import baselines, verdicts
from .points import METHOD
from .rungs import MODEL

#: Whom a model is held against: both carry forward what was last, one by its true label, the other by its sound.
REFERENCES: tuple[str, ...] = (baselines.PERSISTENCE, baselines.AUDIO_PERSISTENCE)

_WORDS = {verdicts.SUPPORTED: "above", verdicts.CONTRADICTED: "below", verdicts.NOT_SHOWN: "open"}


def against(
    predictions: pd.DataFrame, *, model: str = MODEL, level: float = 0.95, draws: int = 1000, random_state: int
) -> pd.DataFrame:
    """Hold a model against what carries the past forward: one number a rung, over all shifts together.

    Args:
        predictions: from `rungs.climb`.
        model: whose.
        level: share of the intervals.
        draws: draws of intervals and tests; whole dialogues are drawn, with all their shifts.
        random_state: seed of the draws.

    Returns:
        One row a reference of `REFERENCES` that was asked and a protocol: `model`, `baseline`, `protocol`, `shifts` (how many
        are together) and the columns of `metrics.compare_forecasts` in percent. `verdict` is "above" or "below" where the
        interval of the difference lies on one side of zero and the test, adjusted for the rungs of that baseline, rejects;
        else "open".
    """
    # An event is asked once at each shift: each is a row of its own here.
    event = predictions["utterance"].astype(str) + " at " + predictions["shift_s"].astype(str)
    rows = predictions.assign(utterance=event)
    own = rows[rows["model"] == model]
    options = {"by": ["protocol"], "level": level, "draws": draws, "method": METHOD, "random_state": random_state}
    tables = []
    for baseline in (name for name in REFERENCES if (rows["model"] == name).any()):
        table = metrics.compare_forecasts(own, rows[rows["model"] == baseline], **options)
        table[["reference", "score", "difference", "low", "high"]] *= 100
        tables.append(table.assign(model=model, baseline=baseline, shifts=rows["shift_s"].nunique()))
    found = pd.concat(tables, ignore_index=True)
    ends = zip(found["low"], found["high"], found["p_holm"], strict=True)
    verdict = [_WORDS[verdicts.above(low, high, p_value=p_value, level=level)] for low, high, p_value in ends]
    return found.assign(verdict=verdict)[["model", "baseline", "shifts", *table.columns, "verdict"]]


def finding(differences: pd.DataFrame, *, level: float) -> str:
    """Say in one sentence what a table of `against` shows.

    Args:
        differences: the table.
        level: share of its intervals.

    Returns:
        Of each baseline, the protocols under which the model is better, worse, or not shown to differ from it; before that
        how many events were asked, and how many under a protocol that tests fewer.
    """
    words = {"above": "better than", "below": "worse than", "open": "not shown to differ from"}
    said = []
    for baseline, rows in differences.groupby("baseline", sort=False):
        of_baseline = [
            f"{word} {baseline} under {', '.join(rows.loc[rows['verdict'] == verdict, 'protocol'])}"
            for verdict, word in words.items()
            if (rows["verdict"] == verdict).any()
        ]
        said.append(", ".join(of_baseline))
    draws = f"{100 * level:g} % intervals and tests that draw whole dialogues (tests after Holm's correction)"
    start = f"On {_asked(differences)}, by {draws}"
    return f"{start}, the {differences['model'].iloc[0]} is {'; it is '.join(said)}."


def _asked(differences: pd.DataFrame) -> str:
    """Say how many events there are: `official` tests one part of those that the other protocols test."""
    shifts = differences["shifts"].iloc[0]
    events = differences.groupby("protocol", sort=False)["n"].max() // shifts
    fewer = events[events < events.max()]
    apart = f" ({', '.join(f'{count:,} under {protocol}' for protocol, count in fewer.items())})" if len(fewer) else ""
    return f"{events.max():,} events{apart}" + (f", each at {shifts} shifts" if shifts > 1 else "")

"""The model against another on the same events: tests by rung and shift, and its place between persistence and the ceiling."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .. import metrics
from . import baselines, ceiling
from .points import METHOD
from .rungs import MODEL


@dataclass(frozen=True)
class Judge:
    """How claims are judged.

    Attributes:
        level: share of the intervals; 1 minus it is what a p-value may be.
        draws: draws of the intervals' bootstraps.
        permutations: draws of each test.
        tolerance: what still counts as calibrated, and as no help of the encoder's memory: a fraction.
        random_state: seed of all draws.
    """

    level: float
    draws: int
    permutations: int
    tolerance: float
    random_state: int

    @property
    def interval(self) -> dict[str, float]:
        """The options of an interval."""
        return {"level": self.level, "draws": self.draws, "method": METHOD, "random_state": self.random_state}

    @property
    def test(self) -> dict[str, float]:
        """The options of a test with its interval."""
        return {**self.interval, "draws": self.permutations}


def tests(predictions: pd.DataFrame, reference: str, judge: Judge) -> pd.DataFrame:
    """Test the model against a reference on every rung and at every shift that has both: one family.

    Args:
        predictions: of several models, with protocol, model and shift_s.
        reference: the other model's name.
        judge: the options.

    Returns:
        One row a protocol and shift: the columns of `metrics.compare_forecasts` (fractions; `p_holm` is adjusted for all
        rows), then McNemar's `only_reference`, `only_model`, `p_mcnemar` (its mid-p value).
    """
    model, other = (predictions[predictions["model"] == name] for name in (MODEL, reference))
    by = ["protocol", "shift_s"]
    common = other[[*by, "utterance", "predicted"]].merge(
        model[[*by, "utterance", "emotion", "predicted"]], on=[*by, "utterance"], suffixes=("_reference", "")
    )
    asked = model.merge(common[by].drop_duplicates(), on=by)
    table = metrics.compare_forecasts(asked, other, by=by, **judge.test)
    rows = []
    for point, events in common.groupby(by, sort=False):
        found = metrics.mcnemar_test(events["emotion"], events["predicted_reference"], events["predicted"])
        names = {"only_first": "only_reference", "only_second": "only_model", "p_mid": "p_mcnemar"}
        rows.append({**dict(zip(by, point, strict=True)), **{new: found[old] for old, new in names.items()}})
    return table.merge(pd.DataFrame(rows), on=by)


def skills(predictions: pd.DataFrame, judge: Judge) -> pd.DataFrame:
    """Place the model between persistence and the best possible forecast, at every rung and shift.

    Args:
        predictions: as for `tests`, with the ceiling where one is known.
        judge: the options.

    Returns:
        One row a protocol and shift: `best` (the ceiling's name, or "no mistake" where none is known) and the values of
        `metrics.skill`, fractions.
    """
    rows = []
    for (protocol, shift), events in predictions.groupby(["protocol", "shift_s"], sort=False):
        said = events.pivot(index="utterance", columns="model", values="predicted")
        if baselines.PERSISTENCE not in said:
            continue
        facts = events[events["model"] == MODEL].set_index("utterance").loc[said.index]
        best = ceiling.CEILING if ceiling.CEILING in said else "no mistake"
        bound = said.get(best, 1.0)
        found = metrics.skill(
            facts["emotion"], said[MODEL], said[baselines.PERSISTENCE], bound, facts["dialogue"], **judge.interval
        )
        rows.append({"protocol": protocol, "shift_s": shift, "best": best, **found})
    return pd.DataFrame(rows)

"""The model against another on the same events: tests by rung and shift, and its place between persistence and the ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from .. import metrics
from . import baselines, ceiling
from .points import METHOD
from .rungs import MODEL

#: Two ways to repeat the last true emotion: anyone's last one, whatever it is, and the last that is one of the classes in play.
PERSISTENCES: tuple[str, ...] = (baselines.PERSISTENCE, "persistence, classes in play")

_BY = ["protocol", "shift_s"]


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


def tests(predictions: pd.DataFrame, reference: str | Sequence[str], judge: Judge) -> pd.DataFrame:
    """Test the model against a reference on every rung and at every shift that has both: one family.

    Where several references are named, the model meets the one that is right most often at that rung and shift. It is
    chosen on the very events that it is tested on, which can only make the test harder to pass.

    Args:
        predictions: of several models, with protocol, model and shift_s.
        reference: the other model's name, or several; those that the table lacks are left out.
        judge: the options.

    Returns:
        One row a protocol and shift: the columns of `metrics.compare_forecasts` (fractions; `p_holm` is adjusted for all
        rows), then `against` (the reference's name) and McNemar's `only_reference`, `only_model`, `p_mcnemar` (its mid-p
        value).
    """
    model = predictions[predictions["model"] == MODEL]
    other = _best(predictions, [reference] if isinstance(reference, str) else reference)
    common = other[[*_BY, "utterance", "predicted", "model"]].merge(
        model[[*_BY, "utterance", "emotion", "predicted"]], on=[*_BY, "utterance"], suffixes=("_reference", "")
    )
    asked = model.merge(common[_BY].drop_duplicates(), on=_BY)
    table = metrics.compare_forecasts(asked, other, by=_BY, **judge.test)
    rows = []
    for point, events in common.groupby(_BY, sort=False):
        found = metrics.mcnemar_test(events["emotion"], events["predicted_reference"], events["predicted"])
        names = {"only_first": "only_reference", "only_second": "only_model", "p_mid": "p_mcnemar"}
        named = {**dict(zip(_BY, point, strict=True)), "against": events["model"].iloc[0]}
        rows.append({**named, **{new: found[old] for old, new in names.items()}})
    return table.merge(pd.DataFrame(rows), on=_BY)


def _best(predictions: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Keep of some models, at each rung and shift, the predictions of the one that is right most often; the first on a tie."""
    asked = predictions[predictions["model"].isin(names)]
    right = asked["emotion"].eq(asked["predicted"]).groupby([asked[name] for name in (*_BY, "model")]).mean()
    wide = right.unstack("model")
    best = wide[[name for name in names if name in wide]].idxmax(axis=1).rename("best")
    return asked.join(best, on=_BY).query("model == best").drop(columns="best")


def gain(hits: pd.DataFrame, reference: str, judge: Judge) -> dict[str, float]:
    """Hold the model against a reference of which it is known how often it is right on each event.

    Args:
        hits: one row an event: `dialogue`, and of the model and the reference the probability of a hit.
        reference: the reference's column.
        judge: the options.

    Returns:
        The `difference` of the mean hits, model - reference, with its interval `low` to `high`, and the `p_value` of the
        permutation test; dialogues are drawn and swapped whole.
    """
    model, other, groups = (hits[name].to_numpy() for name in (MODEL, reference, "dialogue"))
    drawing = {"draws": judge.permutations, "random_state": judge.random_state}
    test = metrics.permutation_test(model, other, model, groups, metric=lambda _, right: right.mean(), **drawing)
    low, high = metrics.loss_interval(model - other, groups, **judge.test)
    return {"difference": test["difference"], "low": low, "high": high, "p_value": test["p_value"]}


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
    for (protocol, shift), events in predictions.groupby(_BY, sort=False):
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

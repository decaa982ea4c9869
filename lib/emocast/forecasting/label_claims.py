"""What may be claimed of forecasters that read labels and hear nothing, as on MELD without its clips.

They are the bar for one that hears: how much the division gives away, how much is won by carrying the last emotion forward,
and whether what usually follows on what tells more than that. Contests and verdicts are those of `claims`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .. import metrics
from . import baselines, changes, contests, given_change, protocols, verdicts
from .claim_words import Claim
from .contests import Judge
from .rungs import MODEL

#: Who learns which emotion follows on which.
CHAINS: tuple[str, ...] = ("Markov chain, order 1", "Markov chain, order 2", "hidden semi-Markov")

#: Whom a forecast of changes meets: who names the commonest emotion, and who is told that the last one does not stay.
UNINFORMED: tuple[str, ...] = ("majority", given_change.GUESS)

CLAIMS: dict[str, Claim] = {
    "chance": Claim(
        "Repeating the last true emotion scores above chance; held apart: {apart}",
        "accuracy of persistence; its limit is the commonest emotion's share of the tested events",
        "Emotions last. A forecaster that hears has to beat this before it has forecast anything.",
        "That emotions last long enough to be carried forward is not shown.",
        "The last emotion is right less often than a guess: look for a fault before anything else.",
    ),
    "dialogue": Claim(
        "Knowing which dialogue it is beats naming the commonest emotion; held apart: {apart}",
        "accuracy of the dialogue mode minus that of the majority",
        "This division gives points away for recognising the dialogue: a score here is no evidence of forecasting.",
        "That this division gives anything away for recognising the dialogue is not shown.",
        "The dialogue's other events mislead here.",
    ),
    "chain": Claim(
        "The {who} beats repeating the last true emotion; held apart: {apart}",
        "accuracy minus that of the better persistence: of the last emotion, or of the last one that is in play",
        "What usually follows tells more than the last label alone.",
        "That what usually follows tells more than the last label alone is not shown.",
        "Repeating the last label does better than knowing what usually follows.",
    ),
    "changes": Claim(
        "The {who} forecasts changes; held apart: {apart}",
        "accuracy where the emotion is not the last one heard, minus that of the better of two: the commonest emotion, and a "
        "uniform guess that is told of the change",
        "The labels before tell something of what a change leads to.",
        "That the labels before tell anything of a change is not shown.",
        "It bets on what lasts: where the emotion changes, who is only told so, and names any other, does better.",
    ),
}


def chain_tests(predictions: pd.DataFrame, judge: Judge) -> pd.DataFrame:
    """Test every chain against the better persistence, on every rung and at every shift: one family.

    Args:
        predictions: of the chains and `contests.PERSISTENCES`, with protocol, model and shift_s.
        judge: the options.

    Returns:
        One row a chain, protocol and shift: `model`, then the columns of `contests.tests` (fractions); `p_holm` is adjusted
        for all rows.
    """
    tables = [_contest(predictions, chain, contests.PERSISTENCES, judge) for chain in CHAINS]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(p_holm=metrics.holm(table["p_value"]))


def table(
    predictions: pd.DataFrame, tested: pd.DataFrame, *, strict: str, judge: Judge, classes: Sequence[str]
) -> pd.DataFrame:
    """Judge every claim at the shortest shift.

    Args:
        predictions: of `labelled.climb`, as `changes.with_last` gives them; the first protocol is the published one.
        tested: of `chain_tests`.
        strict: the rung of the claims that are asked of one rung.
        judge: how.
        classes: the emotions in play.

    Returns:
        One row a claim with the columns of `claims.table`.
    """
    published, now = predictions["protocol"].iloc[0], predictions["shift_s"].min()
    at_now = predictions[predictions["shift_s"] == now]
    strictly = at_now[at_now["protocol"] == strict]
    rows = [_chance(at_now[at_now["protocol"] == name], judge) for name in dict.fromkeys((published, strict))]
    of_dialogue = _contest(predictions, "dialogue mode", ["majority"], judge)
    of_chains = tested[tested["protocol"] == strict]
    for key, found in {"dialogue": of_dialogue, "chain": of_chains}.items():
        rows += [_gain(key, row, judge) for row in found[found["shift_s"] == now].itertuples()]
    news = _changes(changes.only(strictly), judge, classes)
    return pd.DataFrame(rows + [_gain("changes", row, judge) for row in news.itertuples()])


def _contest(predictions: pd.DataFrame, name: str, references: Sequence[str], judge: Judge) -> pd.DataFrame:
    """A baseline in the model's place."""
    renamed = predictions.assign(model=predictions["model"].replace(name, MODEL))
    found = contests.tests(renamed, references, judge)
    found.insert(0, "model", name)
    return found


def _changes(events: pd.DataFrame, judge: Judge, classes: Sequence[str]) -> pd.DataFrame:
    """Each chain on the events that change the emotion, against the better of who knows nothing of what it becomes."""
    if events.empty:
        return pd.DataFrame()
    hits = given_change.hits(events, models=(*CHAINS, "majority"), classes=classes)
    best = hits[list(UNINFORMED)].mean().idxmax()
    place = {"protocol": events["protocol"].iloc[0], "shift_s": events["shift_s"].iloc[0], "against": best}
    found = [contests.gain(hits.rename(columns={chain: MODEL}), best, judge) for chain in CHAINS]
    adjusted = metrics.holm([one["p_value"] for one in found])
    named = zip(CHAINS, found, adjusted, strict=True)
    return pd.DataFrame([{"model": chain, **place, **one, "p_holm": p_value} for chain, one, p_value in named])


def _chance(events: pd.DataFrame, judge: Judge) -> dict[str, object]:
    """Persistence on one rung against the share of the commonest emotion."""
    rows = events[events["model"] == baselines.PERSISTENCE]
    low, high = metrics.bootstrap_interval(rows["emotion"], rows["predicted"], rows["dialogue"], **judge.interval)
    ends = [100 * value for value in ((rows["emotion"] == rows["predicted"]).mean(), low, high)]
    limit = 100 * rows["emotion"].value_counts(normalize=True).max()
    verdict = verdicts.above(*ends[1:], limit=limit)
    evidence = f"{verdicts.said(*ends)}; limit {limit:.1f}"
    place = {"protocol": rows["protocol"].iloc[0], "shift_s": rows["shift_s"].iloc[0]}
    return _row("chance", ends, evidence, verdict, **place, limit=limit)


def _gain(key: str, found: tuple, judge: Judge) -> dict[str, object]:
    """One difference of two forecasters."""
    ends = [100 * value for value in (found.difference, found.low, found.high)]
    verdict = verdicts.above(*ends[1:], p_value=found.p_holm, level=judge.level)
    evidence = f"{verdicts.said(*ends, p_value=found.p_holm, unit='points')}; against {found.against}"
    place = {"protocol": found.protocol, "shift_s": found.shift_s, "p_holm": found.p_holm}
    return _row(key, ends, evidence, verdict, who=found.model, **place)


def _row(
    key: str, ends: list[float], evidence: str, verdict: str, *, protocol: str, shift_s: float, who: str = "",
    limit: float = 0.0, p_holm: float | None = None,
) -> dict[str, object]:  # fmt: skip
    claim = CLAIMS[key]
    return {
        "claim": claim.text.format(apart=protocols.PROTOCOLS[protocol], who=who),
        "evidence": evidence,
        "verdict": verdict,
        "meaning": claim.meaning(verdict),
        "protocol": protocol,
        "shift_s": shift_s,
        "measure": claim.measure,
        **dict(zip(("value", "low", "high"), ends, strict=True)),
        "limit": limit,
        "p_holm": p_holm,
    }

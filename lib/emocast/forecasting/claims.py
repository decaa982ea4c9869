"""What may be claimed of a forecaster: every claim with its evidence and the verdict that follows from it.

Nothing is judged by eye. A number, its interval and, where it is one of many tests, its p-value as Holm adjusts it make a claim
supported, contradicted, or not shown, which is neither. Tests are adjusted for all protocols and shifts that were looked at; so
one comparison has one verdict wherever it stands. The texts are in `claims.yaml`.

Dialogues are drawn whole; under protocols that hold out people their sessions are, for such a claim is of other people
(`splits.drawn`). Of fewer than `FEWEST` no interval or test is shown; of fewer than ten the test is Student's, for of five no
permutation gives a p-value below 2 / 2**5. Seeds of the trainings are drawn as well.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from .. import metrics
from ..metrics.resampling import Resampling
from . import baselines, ceiling, crossval
from .experiments import MODEL
from .splits import DRAWN, PROTOCOLS, SHARING
from .variants import PUBLISHED, RETUNED

SUPPORTED, NOT_SHOWN, CONTRADICTED = VERDICTS = ("supported", "not shown", "contradicted")

#: What carries the past forward: two by true labels, one by its sound.
REFERENCES: tuple[str, ...] = (baselines.PERSISTENCE, baselines.IN_PLAY, baselines.AUDIO_PERSISTENCE)

#: Two ways to repeat the last true emotion: anyone's last one, whatever it is, and the last that is one of the classes in play.
PERSISTENCES: tuple[str, ...] = REFERENCES[:2]

#: Who learns which emotion follows on which.
CHAINS: tuple[str, ...] = ("Markov chain, order 1", "Markov chain, order 2")

#: Who is told that the emotion changes: a forecast of changes has to beat the better of them on these events.
TOLD: tuple[str, ...] = (baselines.GUESS, baselines.CHAIN)

#: All that goes by labels alone: on changes a chain, which bets on what lasts, may be the worst of them.
STATISTICS: tuple[str, ...] = (*TOLD, "majority", "Markov chain, order 1")

#: Who knows the dialogue and its moment and has no sound: asked only where training and test share dialogues.
MOMENT: tuple[str, ...] = ("dialogue mode", baselines.NEAREST)

#: Of how many held-out sessions something may be claimed.
FEWEST = 5

_BY = ["protocol", "shift_s"]

_SIDES = {SUPPORTED: "above", CONTRADICTED: "below", NOT_SHOWN: "open"}  # in a table of differences


@dataclass(frozen=True)
class Criteria:
    """How claims are judged.

    Attributes:
        resampling: level and draws of the intervals; 1 minus the level is what a p-value may be.
        permutations: draws of each test.
        tolerance: what still counts as calibrated, and as no help of the encoder's memory: a fraction.
    """

    resampling: Resampling
    permutations: int
    tolerance: float

    @property
    def test(self) -> dict[str, Any]:
        """The options of a test with its interval."""
        return {**self.resampling.options, "draws": self.permutations}


def above(low: float, high: float, *, limit: float = 0.0, p_value: float | None = None, level: float = 0.95) -> str:
    """Judge the claim that a number is above a limit, by the ends of its interval and by a test that it equals the limit.

    The p-value (adjusted; None where there is no test) has to be at or below 1 - level. `SUPPORTED` where the whole interval
    lies above the limit and the test rejects, `CONTRADICTED` where it lies below and the test rejects, else `NOT_SHOWN`.
    """
    rejects = p_value is None or p_value <= 1 - level + 1e-12  # 1 - 0.95 is a little more than 0.05
    if low > limit and rejects:
        return SUPPORTED
    return CONTRADICTED if high < limit and rejects else NOT_SHOWN


def within(low: float, high: float, *, limit: float) -> str:
    """Judge the claim that a number is no higher than a limit, by the ends of its interval, as `above` does."""
    if high <= limit:
        return SUPPORTED
    return CONTRADICTED if low > limit else NOT_SHOWN


def in_words(value: float, low: float, high: float, *, p_value: float | None = None, unit: str = "%") -> str:
    """A number with its interval and adjusted p-value, such as "+3.1 points (-1.0 to 7.2), p = 0.210"; points have a sign."""
    sign = "+" if unit == "points" else ""
    ends = "no interval" if math.isnan(low) or math.isnan(high) else f"{low:.1f} to {high:.1f}"
    known = p_value is not None and not math.isnan(p_value)
    test = f", p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}" if known else ""
    return f"{value:{sign}.1f} {unit} ({ends}){test}"


def comparisons(
    predictions: pd.DataFrame, references: Sequence[str], criteria: Criteria, *, model: str = MODEL
) -> pd.DataFrame:
    """Test a model against all references under every protocol and at every shift that has both: one family.

    Which reference is the best is chosen on the very events of the test. So a verdict of either kind needs each of them, by an
    intersection-union test (Berger 1982, Technometrics 24, 295-300): `low` to `high` reaches over the intervals of all
    differences, and `p_value` is the largest. References that the predictions lack are left out.

    Returns one row a protocol and shift: the columns of `metrics.compare_forecasts` (fractions; `p_holm` is adjusted for all
    rows) of the best reference, then `against` (its name) and McNemar's `only_reference`, `only_model`, `p_mcnemar` (mid-p).
    """
    own, tables = predictions[predictions["model"] == model], []
    names = {"only_first": "only_reference", "only_second": "only_model", "p_mid": "p_mcnemar"}
    for reference in references:
        other = predictions[predictions["model"] == reference]
        asked = own.merge(other[_BY].drop_duplicates(), on=_BY)
        both = asked.merge(other, on=[*_BY, *crossval.EVENT], suffixes=("", "_reference"))
        both = both[both["seed"] == both["seed"].min()]  # McNemar's test is of two trained models
        columns = ("emotion", "predicted_reference", "predicted")
        points = both.groupby(_BY, sort=False)
        counted = [metrics.mcnemar_test(*(events[name] for name in columns)) for _, events in points]
        if counted:
            found = _compared(asked, other, _BY, **criteria.test).assign(against=reference)
            tables.append(found.join(pd.DataFrame(counted).rename(columns=names)))
    found = _of_each(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame(columns=[*_BY, "p_value"])
    return found.assign(p_holm=metrics.holm(found["p_value"]))


def _compared(own: pd.DataFrame, other: pd.DataFrame, by: Sequence[str], **options: Any) -> pd.DataFrame:
    """`metrics.compare_forecasts` by what is `drawn`; of too few sessions it has neither interval nor p-value."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="all rows belong to one group")
        return _shown(metrics.compare_forecasts(own, other, by=by, groups="drawn", **options))


def _shown(found: pd.DataFrame) -> pd.DataFrame:
    found.loc[found["protocol"].isin(DRAWN) & (found["groups"] < FEWEST), ["low", "high", "p_value"]] = float("nan")
    return found


def _of_each(found: pd.DataFrame) -> pd.DataFrame:
    """Of a row a reference: the best one's, at each protocol and shift, with the ends and p-value that hold of all."""
    points, ends = found.groupby(_BY, sort=False), {"low": "min", "high": "max", "p_value": "max"}
    spread = {name: points[name].transform(end) for name, end in ends.items()}
    return found.assign(**spread).loc[points["reference"].idxmax()].reset_index(drop=True)  # the first on a tie


def falls(predictions: pd.DataFrame, at_random: pd.DataFrame, criteria: Criteria) -> pd.DataFrame:
    """Test what the model loses from random folds to each protocol, with equally many training events: one family.

    Takes the predictions of `experiments.evaluate_protocols` and of `experiments.size_matched`. Returns one row a protocol and
    shift of the latter, as `comparisons` does: `reference` under the protocol, `score` at random, `against` empty.
    """
    own = predictions[(predictions["model"] == MODEL) & predictions["shift_s"].isin(at_random["shift_s"])]
    return _compared(at_random, own, _BY, **criteria.test).assign(against="")


def skill_scores(predictions: pd.DataFrame, criteria: Criteria) -> pd.DataFrame:
    """Place the model between persistence and the best possible forecast, under every protocol and at every shift.

    Returns one row a protocol and shift of `predictions`: `best` (the ceiling's name, or "no mistake" where none is known)
    and the values of `metrics.skill`, fractions.
    """
    rows = []
    for (protocol, shift), events in predictions.groupby(_BY, sort=False):
        wide = events.pivot(index=crossval.EVENT, columns="model", values="predicted")
        facts = events[events["model"] == MODEL].set_index(crossval.EVENT).loc[wide.index]
        best = ceiling.CEILING if ceiling.CEILING in wide else "no mistake"
        models = wide[MODEL], wide[baselines.PERSISTENCE], wide.get(best, facts["emotion"])
        drawing = {"seeds": wide.index.get_level_values("seed"), **criteria.resampling.options}
        found = metrics.skill(facts["emotion"], *models, facts["drawn"], **drawing)
        rows.append({"protocol": protocol, "shift_s": shift, "best": best, **found})
    return pd.DataFrame(rows)


def against(predictions: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Hold the model against what carries the past forward: one number a protocol, over all shifts together.

    What is `drawn` is drawn with all its shifts. Returns one row a reference of `REFERENCES` that was asked and a protocol:
    `model`, `baseline`, `shifts` (how many are together) and the columns of `metrics.compare_forecasts` in percent. `verdict`
    is "above" or "below" where the interval of the difference lies on one side of zero and the test, adjusted for the
    protocols of that baseline, rejects; else "open".
    """
    # An event is asked once at each shift: each is a row of its own here.
    event = predictions["utterance"].astype(str) + " at " + predictions["shift_s"].astype(str)
    rows, tables = predictions.assign(utterance=event), []
    own = rows[rows["model"] == MODEL]
    for baseline in (name for name in REFERENCES if (rows["model"] == name).any()):
        found = _compared(own, rows[rows["model"] == baseline], ["protocol"], **resampling.options)
        found["p_holm"] = metrics.holm(found["p_value"])
        found[["reference", "score", "difference", "low", "high"]] *= 100
        ends = found[["low", "high", "p_holm"]].itertuples(index=False)
        sides = [_SIDES[above(*row[:2], p_value=row.p_holm, level=resampling.level)] for row in ends]
        marks = {"model": MODEL, "baseline": baseline, "shifts": rows["shift_s"].nunique()}
        tables.append(found.assign(verdict=sides, **marks)[[*marks, *found.columns, "verdict"]])
    return pd.concat(tables, ignore_index=True)


def finding(differences: pd.DataFrame, *, level: float) -> str:
    """Say in one sentence, by baseline and protocol, what a table of `against`, of intervals of this level, shows."""
    words, found = {"above": "better than", "below": "worse than", "open": "not shown to differ from"}, []
    for baseline, rows in differences.groupby("baseline", sort=False):
        names = {side: ", ".join(rows.loc[rows["verdict"] == side, "protocol"]) for side in words}
        found.append(", ".join(f"{words[side]} {baseline} under {under}" for side, under in names.items() if under))
    shifts, events = differences["shifts"].iloc[0], differences.groupby("protocol", sort=False)["n"].max()
    counts = events // shifts
    fewer = ", ".join(f"{count:,} under {protocol}" for protocol, count in counts[counts < counts.max()].items())
    each = f", each at {shifts} shifts" if shifts > 1 else ""
    asked = f"{counts.max():,} events" + (f" ({fewer})" if fewer else "") + each
    drawn = "intervals and tests that draw whole dialogues, or the sessions held out (tests after Holm's correction)"
    return f"On {asked}, by {100 * level:g} % {drawn}, the {differences['model'].iloc[0]} is {'; it is '.join(found)}."


@cache
def texts() -> dict[str, dict[str, str]]:
    """The claims by id: their kind, and in words the claim, its measure, and what each verdict means."""
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def table(
    predictions: pd.DataFrame,
    *,
    strict: str,
    criteria: Criteria,
    shifts_s: Sequence[float],
    calibration: pd.DataFrame | None = None,
    encoders: pd.DataFrame | None = None,
    networks: Mapping[str, Any] | None = None,
    fallen: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Judge every claim for which there is evidence.

    Args:
        predictions: of the model and the baselines on the fixed events, as `baselines.with_last` gives them; the first
            protocol is the published one. Under the strict one the chain of `baselines.change_oracle` is to be among them.
        strict: the protocol of the claims that are asked of one protocol.
        criteria: how.
        shifts_s: the shifts whose tests are one family where protocols are compared.
        calibration: from `metrics.evaluate_forecasts` by `scaled`: strict protocol, shortest shift, by what is `drawn`.
        encoders: what `variants.by_encoder` gives.
        networks: `difference`, `low`, `high` of the best larger network of a search minus the best of its others, on
            held-out events (fractions), and the `protocol` of the split.
        fallen: what `falls` gives.

    Returns:
        One row a claim: `id`, `kind`, `claim`, `measure` and `meaning` (of `claims.yaml`), `evidence` (in words), `verdict`,
        `protocol`, `shift_s`, `value`, `low`, `high`, `limit` (percent or points; seconds in how far ahead) and `p_holm`.
    """
    few = predictions[predictions["shift_s"].isin(shifts_s)]
    published, now, limit = predictions["protocol"].iloc[0], few["shift_s"].min(), 100 * criteria.tolerance
    of_model, place = predictions[predictions["model"] == MODEL], {"protocol": strict, "shift_s": now}
    strictly, first = predictions[predictions["protocol"] == strict], of_model[of_model["shift_s"] == now]
    protocols = dict.fromkeys((published, strict))
    rows = [chance("chance", first[first["protocol"] == name], criteria) for name in protocols]
    tested = {"moment": comparisons(few[few["protocol"].isin(SHARING)], MOMENT, criteria)}
    if (few["model"] == "scenario prior").any():  # it knows nothing where the scenario is held out
        tested["scenario"] = comparisons(few[few["protocol"] != "scenario"], ["scenario prior"], criteria)
    for key, names in {"persistence": PERSISTENCES, "audio_persistence": REFERENCES[2:]}.items():
        tested[key] = comparisons(few, names, criteria)
    for key, found in tested.items():
        rows += gains(key, found[found["shift_s"] == now], criteria)
    rows += _changes(changed(strictly[strictly["shift_s"] == now]), strictly["emotion"].unique(), criteria)
    rows += _ahead(of_model[of_model["protocol"] == strict], tested, criteria)
    for scores in [] if calibration is None else calibration.to_dict("records"):
        ends = [100 * scores[name] for name in ("ece", "ece_low", "ece_high")]
        of_all = {**place, "groups": scores["groups"]}
        rows.append(judge("calibrated", ends, of_all, criteria, limit=limit, scaled=scores["scaled"]))
    if encoders is not None:
        encoders = encoders.assign(protocol="session", shift_s=now, drawn=encoders["session"])
        old, new = (encoders[encoders["role"] == role] for role in (PUBLISHED, RETUNED))
        gain = _compared(old, new, _BY, **criteria.test).iloc[0]
        rows.append(judge("encoder", _ends(gain), gain, criteria, limit=limit, unit="points"))
        rows.append(chance("new_encoder", new, criteria))
    if fallen is not None:
        rows += gains("fall", fallen[fallen["shift_s"] == now], criteria)
    if networks is not None:
        rows.append(judge("networks", _ends(networks), {**networks, "shift_s": now}, criteria, unit="points"))
    return pd.DataFrame(rows)


def changed(predictions: pd.DataFrame) -> pd.DataFrame:
    """The predictions of events that change the last emotion."""
    return predictions[metrics.shift_events(predictions[baselines.LAST], predictions["emotion"])]


def judge(
    key: str, ends: Sequence[float], place: Mapping[str, Any], criteria: Criteria, *, limit: float = 0.0, unit: str = "%",
    p_value: float | None = None, against: str = "", **words: str,
) -> dict[str, Any]:  # fmt: skip
    """Judge one claim, a row of `table`: of a number with the ends of its interval, at the protocol and shift of a place.

    `place` may also have `groups` (what was drawn: of too few sessions no interval is shown) and `model`; `words` are for the
    placeholders of the claim's text.
    """
    claim, judge = texts()[key], {"p_value": p_value, "level": criteria.resampling.level}
    further = f"; limit {limit:.1f}" * bool(limit) + f"; against {against}" * bool(against)
    if place.get("groups", FEWEST) < FEWEST and place["protocol"] in DRAWN:
        ends = [ends[0], float("nan"), float("nan")]
        further += f"; only {place['groups']} {DRAWN[place['protocol']]}"
    verdict = within(*ends[1:], limit=limit) if claim["kind"] == "within" else above(*ends[1:], limit=limit, **judge)
    named = {"apart": PROTOCOLS[place["protocol"]], "model": place.get("model"), **words}
    return {
        "id": key, "kind": claim["kind"], "claim": claim["claim"].format(**named),
        "evidence": in_words(*ends, p_value=p_value, unit=unit) + further, "verdict": verdict, "meaning": claim[verdict],
        **{name: place[name] for name in _BY}, "measure": claim["measure"],
        **dict(zip(("value", "low", "high"), ends, strict=True)), "limit": limit, "p_holm": p_value,
    }  # fmt: skip


def _ends(gain: Mapping[str, float]) -> list[float]:
    return [100 * gain[name] for name in ("difference", "low", "high")]


def _over_chance(events: pd.DataFrame, **options: Any) -> tuple[list[float], float]:
    """The accuracy, in percent, with the ends of an interval, and its limit: what always naming the commonest emotion scores.

    The limit is of the same events, so each draw has both: the ends are the limit plus those of the difference. Where several
    are the commonest (balanced events) one of them is guessed.
    """
    right, counts = events["emotion"].eq(events["predicted"]), events["emotion"].value_counts()
    commonest = counts.index[counts == counts.max()]
    guessed = events["emotion"].isin(commonest) / len(commonest)
    few = events["protocol"].iloc[0] in DRAWN and events["drawn"].nunique() < FEWEST
    drawing = {"seeds": events["seed"], **options}
    ends = [float("nan")] * 2 if few else metrics.loss_interval(right - guessed, events["drawn"], **drawing)
    return [100 * value for value in (right.mean(), *(guessed.mean() + end for end in ends))], 100 * guessed.mean()


def chance(key: str, events: pd.DataFrame, criteria: Criteria, **words: str) -> dict[str, Any]:
    """Judge the claim that a model is above chance on its events, of one protocol and shift: a row of `table`."""
    ends, limit = _over_chance(events, **criteria.resampling.options)
    place = {**events[_BY].iloc[0], "groups": events["drawn"].nunique()}
    return judge(key, ends, place, criteria, limit=limit, **words)


def gains(key: str, found: pd.DataFrame, criteria: Criteria) -> list[dict[str, Any]]:
    """A row of `table` a difference of two forecasters, of `comparisons`, judged by the claim of this id.

    `against` is empty where the claim names the reference; one that the claim's id is is not said again.
    """
    rows = []
    for gain in found.to_dict("records"):
        words = {"p_value": gain["p_holm"], "against": gain["against"] * (gain["against"] != key.replace("_", " "))}
        rows.append(judge(key, _ends(gain), gain, criteria, unit="points", **words))
    return rows


def _hits(events: pd.DataFrame, models: Sequence[str], *, classes: Sequence[str]) -> pd.DataFrame:
    """A row an event that all of the models have: `drawn`, who is right on it (0 or 1), and how often the uniform guess is."""
    asked = events[events["model"].isin(models)]
    right = asked.assign(right=asked["emotion"].eq(asked["predicted"]).astype(float))
    table = right.pivot(index=crossval.EVENT, columns="model", values="right").dropna()
    facts = asked.drop_duplicates(crossval.EVENT).set_index(crossval.EVENT).loc[table.index]
    guessed = baselines.guess_hits(facts[baselines.LAST], facts["emotion"], classes=classes)
    return table.assign(**{baselines.GUESS: guessed, "drawn": facts["drawn"]})


def hit_gain(
    events: pd.DataFrame, model: str, references: Sequence[str], criteria: Criteria, **options: Any
) -> pd.DataFrame:
    """Hold the model against references of which it is known how often each is right on an event (`_hits`).

    Returns one row, as `comparisons` does: `protocol`, `shift_s`, `model`, `against`, `reference`, `difference`, `low`, `high`,
    `p_value`.
    """
    hits, rows = _hits(events, [model, *references], **options), []
    own, groups = hits[model].to_numpy(), hits["drawn"].to_numpy()
    place = {**events[_BY].iloc[0], "groups": hits["drawn"].nunique()}
    for reference in (name for name in references if name in hits):
        other = hits[reference].to_numpy()
        if place["groups"] < metrics.FEW:
            p_value = metrics.few_groups_test(own - other, groups)
        else:
            asked = {"metric": lambda _, right: right.mean(), **criteria.test}
            p_value = metrics.permutation_test(own, other, own, groups, **asked)["p_value"]
        low, high = metrics.loss_interval(
            own - other, groups, seeds=hits.index.get_level_values("seed"), **criteria.test
        )
        row = {**place, "model": model, "against": reference, "reference": other.mean()}
        rows.append({**row, "difference": (own - other).mean(), "low": low, "high": high, "p_value": p_value})
    return _of_each(_shown(pd.DataFrame(rows)))


def _changes(events: pd.DataFrame, classes: Sequence[str], criteria: Criteria) -> list[dict[str, Any]]:
    """Two rows on the events that change the emotion, one family: against who is told of it, and against label statistics."""
    if not (events["model"] == MODEL).any():
        return []
    asked = {"changes": TOLD, "changes_statistics": STATISTICS}
    found = pd.concat([hit_gain(events, MODEL, names, criteria, classes=classes) for names in asked.values()])
    found = found.assign(p_holm=metrics.holm(found["p_value"]))
    return [row for at, key in enumerate(asked) for row in gains(key, found.iloc[at : at + 1], criteria)]


def _ahead(of_model: pd.DataFrame, tested: Mapping[str, pd.DataFrame], criteria: Criteria) -> list[dict[str, Any]]:
    """The longest shift up to which all verdicts are `SUPPORTED`: on chance, and on what carries the past forward."""
    strict, level = of_model["protocol"].iloc[0], criteria.resampling.level
    each = 1 - (1 - level) / of_model["shift_s"].nunique()  # Bonferroni: one claim is made of many intervals
    verdicts: dict[str, dict[float, str]] = {"chance": {}}
    for shift, events in of_model.groupby("shift_s"):
        ends, limit = _over_chance(events, **{**criteria.test, "level": each})
        verdicts["chance"][shift] = above(*ends[1:], limit=limit)
    for key in ("persistence", "audio_persistence"):
        found = tested[key][tested[key]["protocol"] == strict].sort_values("shift_s").to_dict("records")
        judged = {row["shift_s"]: above(row["low"], row["high"], p_value=row["p_holm"], level=level) for row in found}
        verdicts |= {key: judged} if judged else {}
    rows = []
    for key, by_shift in verdicts.items():
        shifts, (now, first) = [f"{shift:g}" for shift in by_shift], next(iter(by_shift.items()))
        reached = [*takewhile(lambda shift, found=by_shift: found[shift] == SUPPORTED, by_shift)] or [float("nan")]
        later = ", ".join(f"{shift:g}" for shift, verdict in by_shift.items() if verdict == SUPPORTED)
        words = f"not at {now:g} s, but at {later} s" if later else "at no shift"
        words = f"up to {reached[-1]:g} s" if first == SUPPORTED else words
        row = judge(f"ahead_of_{key}", reached[-1:] * 3, {"protocol": strict, "shift_s": now}, criteria)
        row |= {"evidence": f"{words}; asked at {', '.join(shifts)} s", "low": None, "high": None}
        rows.append(row | {"verdict": first, "meaning": texts()[row["id"]][first]})
    return rows

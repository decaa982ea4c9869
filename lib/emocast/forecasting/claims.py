"""What may be claimed of a forecaster: every claim with its evidence and the verdict that follows from it.

Nothing is judged by eye. A row's number, its interval (dialogues drawn whole) and, where it is one of many tests, its
p-value adjusted by Holm are computed from predictions; `verdicts` says what they make of the claim, `claim_words` what
that means. Tests of one row of the table are adjusted for all rungs and shifts that were looked at, not for that row alone;
so one comparison has one verdict wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from pandas.io.formats.style import Styler

from .. import metrics
from . import baselines, changes, contamination, given_change, protocols, verdicts
from .claim_words import CLAIMS
from .contests import PERSISTENCES, Judge, gain, tests
from .rungs import MODEL

#: Who is told that the emotion changes: a forecast of changes has to beat the better of them on these events.
TOLD = (given_change.GUESS, given_change.CHAIN)

#: All that goes by labels alone. A chain bets on what lasts, so on changes it may be right less often than who names the
#: commonest class, and both less often than who is told of the change.
STATISTICS = (*TOLD, "majority", "Markov chain, order 1")

_COLUMNS = [
    *("claim", "evidence", "verdict", "meaning", "protocol", "shift_s", "measure"),
    *("value", "low", "high", "limit", "p_holm"),
]


def table(
    predictions: pd.DataFrame,
    *,
    strict: str,
    judge: Judge,
    shifts_s: Sequence[float],
    calibration: pd.DataFrame | None = None,
    encoders: pd.DataFrame | None = None,
    networks: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Judge every claim for which there is evidence.

    Args:
        predictions: of the model and the baselines on the fixed events, with protocol, model, shift_s and
            `changes.LAST`; its first protocol is the published one, its first shift the shortest. On the strict rung
            the chain of `given_change.sweep` is to be among them.
        strict: the rung of the claims that are asked of one rung.
        judge: how.
        shifts_s: the shifts whose tests are one family where rungs are compared.
        calibration: from `metrics.evaluate_forecasts` by `scaled` on the strict rung, at the shortest shift.
        encoders: rows with `role` of `contamination.PUBLISHED` and `RETUNED`, predictions as `contamination.predictions`
            gives them.
        networks: `difference`, `low`, `high` of the best larger network of a search minus the best of its others, on
            held-out events (fractions), and the `protocol` of the division.

    Returns:
        One row a claim: `claim`, `evidence` (in words), `verdict`, `meaning`, `protocol`, `shift_s`, `measure`, `value`,
        `low`, `high`, `limit` (percent or points; seconds where it is asked how far ahead) and `p_holm`.
    """
    few = predictions[predictions["shift_s"].isin(shifts_s)]
    published, now = predictions["protocol"].iloc[0], few["shift_s"].min()
    strictly = predictions[predictions["protocol"] == strict]
    rows = [_chance(few, published, now, judge), _chance(few, strict, now, judge)]
    of_dialogue = _tests(few, ["dialogue mode"], judge)
    rows += [row for row in _against(of_dialogue, "dialogue mode", now, judge) if row["protocol"] == published]
    carried = {baselines.PERSISTENCE: PERSISTENCES, baselines.AUDIO_PERSISTENCE: [baselines.AUDIO_PERSISTENCE]}
    carried = {name: _tests(few, references, judge) for name, references in carried.items()}
    for reference, found in carried.items():
        rows += _against(found, reference, now, judge)
    rows += _changes(strictly[strictly["shift_s"] == now], judge)
    rows += _ahead(strictly, carried, judge)
    place = {"protocol": strict, "shift_s": now}
    rows += [] if calibration is None else _calibrated(calibration, place, judge)
    rows += [] if encoders is None else _encoder(encoders, now, judge)
    if networks is not None:
        ends = [100 * networks[name] for name in ("difference", "low", "high")]
        rows.append(_row("networks", *ends, protocol=networks["protocol"], shift_s=now, unit="points", judge=judge))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _row(
    key: str, value: float, low: float, high: float, *, protocol: str, shift_s: float, judge: Judge, limit: float = 0.0,
    p_value: float | None = None, unit: str = "%", verdict: str = "", **words: str,
) -> dict[str, object]:  # fmt: skip
    """One row of the table; the verdict is that of an "above" claim unless it is given."""
    claim = CLAIMS[key]
    verdict = verdict or verdicts.above(low, high, limit=limit, p_value=p_value, level=judge.level)
    apart = protocols.PROTOCOLS[protocol]
    evidence = verdicts.said(value, low, high, p_value=p_value, unit=unit)
    return {
        "claim": claim.text.format(apart=apart, **words),
        "evidence": evidence + (f"; limit {limit:.1f}" if limit else ""),
        "verdict": verdict,
        "meaning": claim.meaning(verdict),
        "protocol": protocol,
        "shift_s": shift_s,
        "measure": claim.measure,
        "value": value,
        "low": low,
        "high": high,
        "limit": limit,
        "p_holm": p_value,
    }


def _accuracy(events: pd.DataFrame, judge: Judge, **options: float) -> tuple[float, float, float]:
    """The accuracy of some predictions in percent, with its interval."""
    scores = metrics.bootstrap_interval(
        events["emotion"], events["predicted"], events["dialogue"], **{**judge.interval, **options}
    )
    return 100 * (events["emotion"] == events["predicted"]).mean(), 100 * scores[0], 100 * scores[1]


def _commonest(events: pd.DataFrame) -> float:
    """The share of the commonest emotion in percent, which always naming it scores: 1/k where the tested events are balanced.

    One session, or an official test part, is not balanced, though all events together are.
    """
    return 100 * events["emotion"].value_counts(normalize=True).max()


def _chance(few: pd.DataFrame, protocol: str, now: float, judge: Judge) -> dict[str, object]:
    at = few[(few["protocol"] == protocol) & (few["shift_s"] == now) & (few["model"] == MODEL)]
    return _row("chance", *_accuracy(at, judge), protocol=protocol, shift_s=now, limit=_commonest(at), judge=judge)


def _tests(few: pd.DataFrame, references: Sequence[str], judge: Judge) -> pd.DataFrame | None:
    """The model against the best of some references: one family of all rungs and shifts; None where nobody was asked."""
    return tests(few, references, judge) if few["model"].isin(references).any() else None


def _against(found: pd.DataFrame | None, reference: str, now: float, judge: Judge) -> list[dict[str, object]]:
    """A row a rung at the shortest shift; it names the reference where that is a variant."""
    if found is None:
        return []
    rows = [
        _row(
            reference, 100 * row.difference, 100 * row.low, 100 * row.high, protocol=row.protocol, shift_s=now,
            p_value=row.p_holm, unit="points", judge=judge,
        )
        for row in found[found["shift_s"] == now].itertuples()
    ]  # fmt: skip
    named = found.loc[found["shift_s"] == now, "against"]
    return [row if name == reference else _named(row, name) for row, name in zip(rows, named, strict=True)]


def _named(row: dict[str, object], reference: str) -> dict[str, object]:
    """The row with its reference in the evidence."""
    return {**row, "evidence": f"{row['evidence']}; against {reference}"}


def _changes(strictly: pd.DataFrame, judge: Judge) -> list[dict[str, object]]:
    """Two rows on the events that change the emotion: against who is told of the change, and against all label statistics.

    Of the first the limit is another forecaster's score on the same events; so the ends are the limit plus those of the
    difference, and whether the limit lies between them says what the pairs say.
    """
    events = changes.only(strictly)
    if not (events["model"] == MODEL).any():
        return []
    place = {"protocol": events["protocol"].iloc[0], "shift_s": events["shift_s"].iloc[0], "judge": judge}
    hits = given_change.hits(events, models=[MODEL, *STATISTICS], classes=strictly["emotion"].unique())
    score = 100 * hits.drop(columns="dialogue").mean()
    asked = {"changes": TOLD, "changes, statistics": STATISTICS}
    best = {key: score[[name for name in names if name in score]].idxmax() for key, names in asked.items()}
    found = {name: gain(hits, name, judge) for name in set(best.values())}
    limit, pair = score[best["changes"]], found[best["changes"]]
    ends = [limit + 100 * pair[name] for name in ("low", "high")]
    first = _row("changes", score[MODEL], *ends, limit=limit, p_value=pair["p_value"], **place)
    pair = found[best["changes, statistics"]]
    ends = [100 * pair[name] for name in ("difference", "low", "high")]
    second = _row("changes, statistics", *ends, p_value=pair["p_value"], unit="points", **place)
    return [_named(first, best["changes"]), _named(second, best["changes, statistics"])]


def _ahead(strictly: pd.DataFrame, carried: Mapping[str, pd.DataFrame | None], judge: Judge) -> list[dict[str, object]]:
    """How far ahead: against chance at every shift, and, in the tests of the rungs, against what carries the past forward."""
    of_model = strictly[strictly["model"] == MODEL]
    level = 1 - (1 - judge.level) / of_model["shift_s"].nunique()  # Bonferroni: one claim is made of many intervals
    options = {"level": level, "draws": judge.permutations}
    found = {"ahead of chance": {}}
    for shift, events in of_model.groupby("shift_s"):
        ends = _accuracy(events, judge, **options)[1:]
        found["ahead of chance"][shift] = verdicts.above(*ends, limit=_commonest(events))
    strict = strictly["protocol"].iloc[0]
    for reference, tested in carried.items():
        if tested is not None and (tested["protocol"] == strict).any():
            rows = tested[tested["protocol"] == strict].sort_values("shift_s")
            found[f"ahead of {reference}"] = {
                row.shift_s: verdicts.above(row.low, row.high, p_value=row.p_holm, level=judge.level)
                for row in rows.itertuples()
            }
    return [_reach(key, verdict, strict, judge) for key, verdict in found.items()]


def _reach(key: str, verdict: dict[float, str], protocol: str, judge: Judge) -> dict[str, object]:
    """One row: the longest shift up to which the verdicts, by ascending shift, are all `SUPPORTED`."""
    shifts, reached = sorted(verdict), float("nan")
    for shift in shifts:
        if verdict[shift] != verdicts.SUPPORTED:
            break
        reached = shift
    first = verdict[shifts[0]]
    row = _row(key, reached, reached, reached, protocol=protocol, shift_s=shifts[0], verdict=first, judge=judge)
    later = ", ".join(f"{shift:g}" for shift in shifts if verdict[shift] == verdicts.SUPPORTED)
    said = f"not at {shifts[0]:g} s, but at {later} s" if later else "at no shift"
    said = f"up to {reached:g} s" if first == verdicts.SUPPORTED else said
    asked = ", ".join(f"{shift:g}" for shift in shifts)
    return {**row, "evidence": f"{said}; asked at {asked} s", "low": None, "high": None}


def _calibrated(calibration: pd.DataFrame, place: dict[str, object], judge: Judge) -> list[dict[str, object]]:
    """A row before and one after temperature scaling."""
    limit, rows = 100 * judge.tolerance, []
    for scores in calibration.itertuples():
        low, high = 100 * scores.ece_low, 100 * scores.ece_high
        verdict = verdicts.within(low, high, limit=limit)
        words = {"verdict": verdict, "scaled": scores.scaled, "limit": limit, "judge": judge}
        rows.append(_row("calibrated", 100 * scores.ece, low, high, **place, **words))
    return rows


def _encoder(encoders: pd.DataFrame, now: float, judge: Judge) -> list[dict[str, object]]:
    """What the encoder's memory is worth, and what remains without it."""
    published, new = (encoders[encoders["role"] == role] for role in (contamination.PUBLISHED, contamination.RETUNED))
    gain = metrics.compare_forecasts(published, new, **judge.test).iloc[0]
    value, low, high = (100 * gain[name] for name in ("difference", "low", "high"))
    place, limit = {"protocol": "session", "shift_s": now, "judge": judge}, 100 * judge.tolerance
    verdict = verdicts.within(low, high, limit=limit)
    return [
        _row("encoder", value, low, high, limit=limit, verdict=verdict, unit="points", **place),
        _row("new encoder", *_accuracy(new, judge), limit=_commonest(new), **place),
    ]


#: The background of a verdict, as CSS has colours; see-through, so that it is seen on light and dark.
_SHADES = {verdicts.SUPPORTED: "#44AA9955", verdicts.CONTRADICTED: "#CC667755", verdicts.NOT_SHOWN: "#BBBBBB55"}


def styled(table: pd.DataFrame) -> Styler:
    """Lay out what a reader needs of `table`: claim, evidence, verdict (shaded) and meaning."""
    words = {"claim": "claim", "evidence": "evidence", "verdict": "verdict", "meaning": "what it means"}
    shown = table.rename(columns=words)[list(words.values())].style.hide(axis="index")
    shown = shown.map(lambda verdict: f"background-color: {_SHADES[verdict]}", subset=["verdict"])
    return shown.set_properties(**{"text-align": "left", "white-space": "normal"})

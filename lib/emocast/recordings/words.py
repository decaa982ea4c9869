"""What was forecast of a recording, in a few sentences: what was heard, how often there was an answer, and from which model."""

from __future__ import annotations

import pandas as pd

from ..forecaster import Forecaster, held_out
from .hearing import Heard


def shown_shifts(shifts_s: list[float]) -> list[float]:
    """The nearest, the middle and the farthest shift: those that sentences and bands show."""
    return sorted({shifts_s[0], shifts_s[len(shifts_s) // 2], shifts_s[-1]})


def answers(table: pd.DataFrame) -> pd.DataFrame:
    """Count the answers at each shift.

    Args:
        table: of `hearing.Heard`.

    Returns:
        One row a shift: shift_s, windows, answered, unsure, unlike and silent (shares of the windows), agreement (mean share of
        the networks), and of the answers the share of each forecast emotion, `forecast_<emotion>` (NaN without an answer).
    """
    classes = [column.removeprefix("p_") for column in table.columns if column.startswith("p_")]
    rows = []
    for shift, some in table.groupby("shift_s"):
        answered = some[~some["abstains"]]
        row = {"shift_s": shift, "windows": len(some), "answered": len(answered) / len(some)}
        for name, why in (("unsure", "unsure"), ("unlike", "unlike the training"), ("silent", "silent")):
            row[name] = some["why"].eq(why).mean()
        row["agreement"] = some["agreement"].mean()
        rows.append(row | {f"forecast_{name}": answered["forecast"].eq(name).mean() for name in classes})
    return pd.DataFrame(rows)


def summary(heard: Heard, forecaster: Forecaster) -> list[str]:
    """Tell a recording's forecasts in sentences.

    Args:
        heard: from `hearing.forecast`.
        forecaster: what forecast.

    Returns:
        One line a sentence.
    """
    counted = answers(heard.table).set_index("shift_s")
    windows = int(counted["windows"].iloc[0])
    lines = [
        f"{heard.path.name}: {clock(heard.seconds)} ({heard.format}); {windows:,} windows of {forecaster.length_s:g} s",
        *(f"note: {note}" for note in heard.notes),
    ]
    for shift in shown_shifts(forecaster.shifts_s):
        lines.append(f"{shift:g} s ahead: {_told(counted.loc[shift], forecaster.classes)}")
    return [*lines, model(forecaster)]


def model(forecaster: Forecaster) -> str:
    """Say which model it is, how good it was on what its networks had not heard, and what its encoder had."""
    facts = forecaster.facts
    corpus = facts["data"]["corpus"] + (" (synthetic)" if facts["data"]["synthetic"] else "")
    shown = [row for row in facts["scores"] if row["shift_s"] in shown_shifts(forecaster.shifts_s)]
    scores = "; ".join(f"{_score(row, 'accuracy')} at +{row['shift_s']:g} s" for row in shown)
    level, chance = 100 * facts["intervals"]["level"], 100 * facts["scores"][0]["chance"]
    protocol = facts["settings"]["protocol"]
    return (
        f"model: {len(forecaster.members) * len(forecaster.shifts_s)} networks of the profile {facts['profile']}, trained on "
        f"{corpus}, protocol {protocol} ({held_out.words(protocol)}): {scores} of the events forecast rightly "
        f"({level:g} % intervals by dialogue; chance {chance:.1f} %){_but(forecaster)}"
    )


def title(heard: Heard, forecaster: Forecaster) -> str:
    """The title of a recording's picture: the file, and in short which model."""
    data = forecaster.facts["data"]
    corpus = data["corpus"] + (" (synthetic)" if data["synthetic"] else "")
    near = forecaster.facts["scores"][0]
    right = f"right on {_score(near, 'accuracy')} of the events {near['shift_s']:g} s ahead"
    new = held_out.words(forecaster.facts["settings"]["protocol"])
    return f"{heard.path.name}\nmodel of {corpus}: {right}\n{new}{_but(forecaster)}"


def clock(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03."""
    whole = round(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes


def _but(forecaster: Forecaster) -> str:
    """What takes from a score, where the encoder knows what the networks do not."""
    known = held_out.encoder_words(forecaster.facts)
    return f"; but {known}" if known else ""


def _told(row: pd.Series, classes: list[str]) -> str:
    why = {"too unsure": row["unsure"], "unlike the training": row["unlike"], "silent": row["silent"]}
    reasons = ", ".join(f"{name} {100 * share:.0f} %" for name, share in why.items() if share > 0)
    silent = f'"I do not know" {100 * (1 - row["answered"]):.0f} % of the time' + (f" ({reasons})" if reasons else "")
    if not row["answered"]:
        return silent
    shares = sorted(((row[f"forecast_{name}"], name) for name in classes), reverse=True)
    named = ", ".join(f"{name} {100 * share:.0f} %" for share, name in shares if share > 0)
    return f"{silent}; of the answers {named}; on average {100 * row['agreement']:.0f} % of the networks agree"


def _score(row: dict, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{100 * row[name]:.1f} %" + ("" if low is None else f" ({100 * low:.1f} to {100 * high:.1f})")


def against(table: pd.DataFrame, turns: pd.DataFrame | None, forecaster: Forecaster) -> pd.DataFrame:
    """Hold forecasts against the truth, where there is one.

    Args:
        table: of `hearing.Heard`.
        turns: start_s and emotion of each turn; None where nobody knows.
        forecaster: what forecast.

    Returns:
        One row a shift: shift_s, turns (those whose emotion can be named and for which a forecast was made, the last one at or
        before their beginning minus the shift), answered, hit (of all of them) and answered_hit. No row without a truth.
    """
    columns = ["shift_s", "turns", "answered", "hit", "answered_hit"]
    if turns is None:
        return pd.DataFrame(columns=columns)
    named = turns[turns["emotion"].isin(forecaster.classes)].sort_values("start_s")
    rows = []
    for shift, some in table[table["forecast"] != ""].groupby("shift_s"):
        found = pd.merge_asof(named, some.sort_values("about_s"), left_on="start_s", right_on="about_s")
        found = found.dropna(subset="about_s")
        found = found[found["start_s"] - found["about_s"] < _steps(some)]
        hit, answered = found["forecast"] == found["emotion"], ~found["abstains"].astype(bool)
        rows.append((shift, len(found), answered.sum(), hit.sum(), (hit & answered).sum()))
    return pd.DataFrame(rows, columns=columns)


def _steps(some: pd.DataFrame) -> float:
    """How old the latest forecast may be: a step."""
    return float(some["second"].diff().median()) if len(some) > 1 else 1.0

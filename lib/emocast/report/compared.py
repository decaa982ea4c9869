"""What the papers print beside what a run found, for every row of `published.csv`, with a verdict that is computed.

Which number belongs to which is declared in `rules.yaml`. A row that a run cannot speak to says why. Where a corpus is
synthetic the numbers stand side by side and the verdict says that they decide nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
import yaml

from .. import corpora, published
from .. import profile as profiles
from ..corpora import table as utterance_table
from ..corpora.synthetic import orders
from . import finished, intervals

RULES = Path(__file__).with_name("rules.yaml")
COLUMNS = (
    *("source", "table", "experiment", "dataset", "class", "metric", "unit", "published", "reproduced", "low", "high"),
    *("interval_by", "difference", "verdict", "note", "notebook", "from_table"),
)
SYNTHETIC = "synthetic: cannot confirm or refute"
COMPATIBLE = "compatible: the interval holds the published value"
LOWER, HIGHER = "differs: the run is lower", "differs: the run is higher"
UNDECIDED = "no interval: only the difference"
NOT_ASKED = "not asked here"
_PERCENT = {("percent", "fraction"): 0.01, ("fraction", "percent"): 100}


@dataclass(frozen=True)
class Rule:
    """Where the number stands that reproduces some published ones; for the fields see `rules.yaml`."""

    of: dict[str, str]
    place: str
    row: dict[str, str | list[str]]
    value: str
    unit: str
    interval: dict = field(default_factory=dict)
    note: str = ""
    protocol: str = ""

    def match(self, printed: Mapping[str, str]) -> dict[str, str] | None:
        """The named groups where a published row belongs to the rule, else None."""
        found = [re.fullmatch(pattern, printed[column]) for column, pattern in self.of.items()]
        if not all(found):
            return None
        return {name: value for match in found for name, value in match.groupdict().items()}


class _UnansweredError(Exception):
    """A published row of which the run says nothing; the message says why."""


def rules() -> list[Rule]:
    """The declared rules, in the file's order."""
    told = yaml.safe_load(RULES.read_text("utf-8"))
    return [Rule(place=rule.pop("in"), **rule) for rule in told]


def rule_of(printed: Mapping[str, str], known: list[Rule]) -> tuple[Rule, dict[str, str]]:
    """The one rule of a published row, and its named groups.

    Raises:
        ValueError: no rule or more than one belongs to the row; the message names both.
    """
    found = [(rule, groups) for rule in known if (groups := rule.match(printed)) is not None]
    if len(found) != 1:
        row = ", ".join(value for value in printed.values() if value)
        raise ValueError(f"{RULES.name} has {len(found)} rules for the published row {row}: it needs exactly one")
    return found[0]


@dataclass(frozen=True)
class Comparison:
    """One run against the papers.

    Attributes:
        profile: the run's settings, with its main corpus.
        runs: its finished notebooks.
        skipped: notebook -> why it was skipped.
    """

    profile: profiles.Profile
    runs: list[finished.Finished]
    skipped: Mapping[str, str]

    def table(self) -> pd.DataFrame:
        """Every row of `published.csv` in its order, with what the run found: columns `COLUMNS`.

        Numbers are in the unit in which they are printed (`unit`); `difference` is reproduced - published. A row that the
        run cannot speak to has no `reproduced`, and its `note` says why.
        """
        known = rules()
        return pd.DataFrame([self._compared(row, known) for row in published_rows()], columns=list(COLUMNS))

    def _compared(self, printed: dict[str, str], known: list[Rule]) -> dict[str, object]:
        rule, groups = rule_of(printed, known)
        notebook, _, table = rule.place.partition("/")
        value = float(printed.pop("value"))
        row = {**printed, "published": value, "note": rule.note, "notebook": notebook, "from_table": table}
        try:
            found = self._found(rule, {**printed, **groups})
        except _UnansweredError as reason:
            return {**row, "verdict": NOT_ASKED, "note": str(reason)}
        scale = _PERCENT.get((rule.unit, printed["unit"]), 1)
        found |= {name: found[name] * scale for name in ("reproduced", "low", "high") if name in found}
        return {
            **row,
            **found,
            "difference": found["reproduced"] - value,
            "verdict": self._verdict(value, printed, found),
        }

    def _found(self, rule: Rule, words: dict[str, str]) -> dict[str, object]:
        """The reproduced value with its interval, in the table's unit."""
        main = corpora.get(self.profile.corpus).NAME
        if words["source"] == "preprint" and words["dataset"] != main:
            raise _UnansweredError(f"printed for {words['dataset']}; this run forecasts on {main}")
        if rule.protocol and rule.protocol != (asked := self.profile.split.protocol):
            raise _UnansweredError(f"printed for the {rule.protocol} division; this run's is by {asked}")
        table = self._read(rule.place)
        row = _row(table, rule, words)
        value = _number(row, rule.value.format_map(words))
        if pd.isna(value):
            raise _UnansweredError(f"not computed: {row.get('reason') or 'the table holds no value'}")
        return {"reproduced": value, **self._interval(rule.interval, value, row, table, words)}

    def _read(self, place: str) -> pd.DataFrame:
        if place not in self._tables:
            notebook = place.partition("/")[0]
            raise _UnansweredError(self.skipped.get(notebook) or f"notebook {notebook} has not run")
        return self._tables[place]

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        """notebook/table -> its cells as text."""
        asked = {rule.place for rule in rules()}
        files = {
            f"{run.name}/{table['name']}": run.folder / f"{table['name']}.csv"
            for run in self.runs
            for table in run.tables
        }
        return {name: pd.read_csv(file, dtype=str).fillna("") for name, file in files.items() if name in asked}

    def _interval(
        self, kind: dict, value: float, row: pd.Series, table: pd.DataFrame, words: dict
    ) -> dict[str, object]:
        """`low`, `high` and `interval_by`, or nothing where the rule names no interval or the table has none."""
        settings = self.profile.intervals
        if "columns" in kind:
            low, high = (_number(row, column.format_map(words)) for column in kind["columns"])
            ends, by = (low, high), kind["by"].format_map(row)
        elif "folds" in kind:
            folds = self.profile.split.folds
            ends = intervals.of_folds(value, _number(row, kind["folds"]), folds=folds, level=settings.level)
            by = f"the {folds} folds"
        elif "class" in kind:
            scores = {name: _number(row, name) for name in ("precision", "recall")}
            total = int(table.loc[table["task"] == row["task"], "support"].astype(float).sum())
            drawing = {"level": settings.level, "draws": settings.draws, "random_state": self.profile.seed}
            support = int(_number(row, "support"))
            ends = intervals.of_class(scores, support=support, total=total, **drawing)[words["metric"]]
            by = "event, as if independent"
        elif "correlation" in kind or "mean" in kind:
            n = int(_number(row, "n"))
            if "mean" in kind:
                ends = intervals.of_mean(value, _number(row, kind["mean"]), n=n, level=settings.level)
            else:
                ends = intervals.of_correlation(value, n=n, level=settings.level)
            by = "utterance, as if independent"
        else:
            return {}
        return {"low": ends[0], "high": ends[1], "interval_by": by} if not pd.isna(ends[0]) else {}

    def _verdict(self, value: float, printed: dict[str, str], found: dict[str, object]) -> str:
        if self._is_synthetic(printed["dataset"]):
            return SYNTHETIC
        return verdict(value, low=found.get("low", float("nan")), high=found.get("high", float("nan")))

    def _is_synthetic(self, dataset: str) -> bool:
        """Whether nobody speaks in what a model was trained on, or in what it was tested on."""
        tested = [name for name in self.profile.corpora if name in corpora.NAMES and _is_of(dataset, name)]
        return any(
            is_synthetic(self.profile, name) for name in dict.fromkeys([self.profile.corpus, "iemocap", *tested])
        )


def verdict(value: float, *, low: float, high: float) -> str:
    """What an interval says of a published value."""
    if pd.isna(low) or pd.isna(high):
        return UNDECIDED
    if low <= value <= high:
        return COMPATIBLE
    return LOWER if high < value else HIGHER


def is_synthetic(profile: profiles.Profile, corpus: str) -> bool:
    """Whether nobody speaks in a profile's corpus; where it is not there (any more), whether the profile makes it itself."""
    if corpus not in profile.corpora:
        return False
    root = profile.corpus_root(corpus)
    if not root.is_dir():
        return any(order.corpus == corpus for order in orders.of(profile))
    return any(utterance_table.is_synthetic(folder) for folder in (root, root / "IEMOCAP_full_release"))


def _is_of(dataset: str, corpus: str) -> bool:
    """Whether a published data set ("CREMA-D (rated)", "Emo-DB") is of one of our corpora."""
    plain = re.sub(r"\W", "", dataset.partition(" (")[0]).lower()
    return plain == re.sub(r"\W", "", corpora.get(corpus).NAME).lower()


def published_rows() -> list[dict[str, str]]:
    """The rows of `published.csv` as text, what is missing as an empty one."""
    rows = published.load().drop(columns="support")
    return rows.astype(object).where(rows.notna(), "").astype(str).to_dict("records")


def _row(table: pd.DataFrame, rule: Rule, words: dict[str, str]) -> pd.Series:
    """The one row of a table that a rule means."""
    chosen = pd.Series(True, index=table.index)
    for column, told in rule.row.items():
        asked = [told] if isinstance(told, str) else told
        texts = [text.format_map(words) for text in asked]
        there = [text for text in texts if (chosen & table[column].eq(text)).any()]
        if not there:
            raise _UnansweredError(f"this run has no {column} {texts[0]} in {rule.place}")
        chosen &= table[column].eq(there[0])
    return table[chosen].iloc[0]


def _number(row: pd.Series, column: str) -> float:
    text = row.get(column, "")
    return float(text) if text else float("nan")

"""Soft labels: forecasts and raters against how the *other* raters voted, not against the majority's one word.

A label by majority hides how far people agree. Here one rater of an utterance is held out, each in turn; the shares of the
others' votes are what is to be foretold, by a model and by the rater held out alike: the human ceiling. The Brier loss is the
squared distance of the shares, 0 to 2; the cross-entropy (in nats) is at least the shares' own entropy (Peterson et al. 2019,
arXiv 1908.07086).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .resampling import loss_interval

#: The raters themselves, and what everybody knows, as rows beside the models.
ONE, HALF, SHARES = "one rater", "one rater, half sure", "shares of all votes"

_LEAST = 1e-12  # what a class of probability 0 counts, as in `calibration`


def vote_losses(votes: ArrayLike, probabilities: ArrayLike) -> pd.DataFrame:
    """The losses of probabilities against shares of votes, both (n, k) in one order of classes: `brier`, `cross_entropy`.

    ValueError where the shapes differ, a value is missing or negative, or a row does not add up to 1.
    """
    sides = [np.asarray(values, dtype=float) for values in (votes, probabilities)]
    if sides[0].shape != sides[1].shape or sides[0].ndim != 2:
        raise ValueError(
            f"votes have the shape {sides[0].shape}, probabilities {sides[1].shape}; both are (n, classes)"
        )
    for name, values in zip(("votes", "probabilities"), sides, strict=True):
        wrong = ~((values >= 0).all(axis=1) & (np.abs(values.sum(axis=1) - 1) <= 1e-3))
        if wrong.any():
            raise ValueError(f"{wrong.sum()} of {len(wrong)} rows of {name} are no shares that add up to 1")
    shares, given = sides
    entropy = -(shares * np.log(given.clip(_LEAST))).sum(axis=1)
    return pd.DataFrame({"brier": ((shares - given) ** 2).sum(axis=1), "cross_entropy": entropy})


def choice_shares(choices: pd.DataFrame, *, labels: Sequence[str]) -> pd.DataFrame:
    """Each rater's choice as shares over the classes in play: index utterance and rater, a column a class, rows that sum to 1.

    Takes the `choices` of a corpus: a row a word of a rater, `utterance`, `rater`, `emotion`, `weight`. Words that are none
    of the classes are left out, and who chose no other.
    """
    known = choices[choices["emotion"].isin(labels)]
    table = known.pivot_table(index=["utterance", "rater"], columns="emotion", values="weight", aggfunc="sum")
    table = table.reindex(columns=list(labels)).fillna(0.0)
    return table.div(table.sum(axis=1), axis=0)


def held_out(shares: pd.DataFrame) -> pd.DataFrame:
    """For each rater the mean shares of the utterance's others, row for row those of `shares`; NaN where there is no other."""
    together = shares.groupby(level="utterance", sort=False)
    count = together[shares.columns[0]].transform("size")
    return (together.transform("sum") - shares).div((count - 1).where(count > 1), axis=0)


def evaluate_votes(
    choices: pd.DataFrame,
    forecasts: Mapping[str, pd.DataFrame],
    groups: pd.Series,
    *,
    labels: Sequence[str],
    **options: Any,
) -> pd.DataFrame:
    """Score forecasts, and one rater, against the votes of the other raters: all on the same utterances and votes.

    Args:
        choices: as for `choice_shares`.
        forecasts: name -> probabilities, a column a class, by utterance; one may stand in several rows, of several seeds, whose
            losses are averaged. Only utterances of all forecasts with two raters or more are scored (ValueError: none).
        groups: what is drawn whole for an interval, by utterance.
        labels: the classes in play.
        options: those of `metrics.Resampling`.

    Returns:
        One row a forecaster: `forecaster`; `n` utterances, of `groups`, with so many `votes`; `brier`, `cross_entropy`, each
        with `_low` and `_high`. Then `ONE` rater, taken at the word (no cross-entropy: who is sure and wrong has an endless
        one), the same `HALF` sure (the vote weighs as much as what is usual), and `SHARES`, what is usual: all votes'.
    """
    own = choice_shares(choices, labels=labels)
    others = held_out(own).dropna()
    names = set(others.index.get_level_values("utterance")).intersection(*(table.index for table in forecasts.values()))
    others = others[others.index.get_level_values("utterance").isin(names)]
    if others.empty:
        raise ValueError("no utterance that was forecast has votes of two raters for the classes in play")
    own = own.loc[others.index]
    of_all = np.tile(own.to_numpy().mean(axis=0), (len(own), 1))
    humans = {ONE: own.to_numpy(), HALF: (own.to_numpy() + of_all) / 2, SHARES: of_all}
    losses = {}
    for name, table in forecasts.items():
        beside = others.join(table[list(labels)].add_suffix("_told").rename_axis("utterance"), on="utterance")
        losses[name] = _by_utterance(beside[list(labels)], beside[[f"{label}_told" for label in labels]])
    losses |= {name: _by_utterance(others, given) for name, given in humans.items()}
    losses[ONE]["cross_entropy"] = np.nan
    rows = []
    for name, of_utterance in losses.items():
        drawn = groups.loc[of_utterance.index].to_numpy()
        row = {"forecaster": name, "n": len(of_utterance), "groups": len(np.unique(drawn)), "votes": len(others)}
        for score, values in of_utterance.items():
            known = values.notna().all()
            ends = loss_interval(values, drawn, **options) if known else (np.nan, np.nan)
            row |= {score: values.mean(), f"{score}_low": ends[0], f"{score}_high": ends[1]}
        rows.append(row)
    return pd.DataFrame(rows)


def _by_utterance(votes: pd.DataFrame, probabilities: ArrayLike) -> pd.DataFrame:
    """The mean losses of each utterance, over its raters (and a model's seeds)."""
    return vote_losses(votes, probabilities).groupby(votes.index.get_level_values("utterance")).mean()

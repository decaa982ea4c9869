"""The second answer of the first page: how a recogniser does on the corpora and languages that it was not trained on."""

from __future__ import annotations

import pandas as pd

from .. import labels
from .answer import Answer
from .finished import Finished

_NOTEBOOK, _FIGURE = "06_cross_lingual_ser", "scores"
#: The model of whom the sentence speaks, the thesis's first; the corpus on which it was trained; a test of it on new speakers.
_MODEL, _CORPUS, _HOME = "classification", "IEMOCAP", "IEMOCAP (unseen speakers)"


def find(runs: list[Finished]) -> Answer | None:
    """What notebook 06 found; None where it has not run, or has no score that can be said."""
    run = next((run for run in runs if run.name == _NOTEBOOK), None)
    figure = next((figure for figure in run.figures if figure["name"] == _FIGURE), None) if run else None
    files = [run.folder / f"{table}.csv" for table in ("scores", "test_sets")] if run else []
    if not figure or not all(file.is_file() for file in files):
        return None
    scores, sets = (pd.read_csv(file) for file in files)
    scores = scores.dropna(subset=["accuracy"])
    languages = sets.set_index("test_set")["language"].map(labels.LANGUAGES).fillna("a language that is not stated")
    sentence = _sentence(scores[scores["model"].eq(_MODEL)].set_index("test_set"), languages)
    return Answer(run, figure, [sentence, _MORE], _table(scores)) if sentence else None


_MORE = (
    "A corpus differs from another by more than its language: by speakers, sentences, rooms and by how it was labelled. On "
    "CREMA-D the language stays, so what is lost there is not lost to it; its actors' intention (self-reported) and the "
    "judgement of listeners (rated) are two sets of labels. IEMOCAP (full) holds the utterances of the training. In each test "
    "set the four classes are equally frequent."
)


def _sentence(scores: pd.DataFrame, languages: pd.Series) -> str:
    """The model's accuracy at home and abroad, in words; empty where one of both is missing."""
    away = scores[~scores.index.str.startswith(_CORPUS)]
    if _HOME not in scores.index or away.empty:
        return ""
    home = scores.loc[_HOME]
    said = "; ".join(f"{_percent(row)} on {row.Index}, in {languages[row.Index]}" for row in away.itertuples())
    above = int((away["accuracy_low"] > away["chance"]).sum())
    reach = "all" if above == len(away) else f"{above}" if above else "none"
    chance = 100 * home["chance"]
    return (
        f"Trained on {_CORPUS}, which is English, the {_MODEL} model is right on {_percent(home)} of the utterances of "
        f"speakers whom it never heard, where chance is {chance:.0f} %. On corpora that it was not trained on: {said}. Above "
        f"chance by their intervals are {reach} of these {len(away)}."
    )


def _table(scores: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of every model on every test set, as text."""
    cells = scores.assign(score=[_percent(row) for row in scores.itertuples()])
    table = cells.pivot_table("score", "test_set", "model", aggfunc="first", sort=False).fillna("")
    return table.rename_axis(index="right on a test set, by model", columns=None)


def _percent(row: pd.Series | tuple) -> str:
    return f"{100 * row.accuracy:.0f} % [{100 * row.accuracy_low:.0f}, {100 * row.accuracy_high:.0f}]"

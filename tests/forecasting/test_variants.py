"""The network with fewer dialogues, with its confidence set on held-back events, and with other settings."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from emocast import metrics
from emocast.forecasting import crossval, variants
from emocast.forecasting.crossval import Computing
from emocast.forecasting.fcdnn import FCDNNClassifier
from emocast.forecasting.splits import Split
from emocast.metrics import Resampling

CLASSES = ["neutral", "excitement", "sadness"]
SPLIT = Split(CLASSES, "dialogue", 3, 0)
QUIET = Computing(progress=False)
SMALL = {"learning_rate": 1e-2, "hidden_layers": 1, "hidden_units": 8, "batch_size": 16, "dropout": 0.1, "epochs": 4}
SPACE = {"learning_rate": [1e-7, 1e-2], "hidden_units": [8, 16], "hidden_layers": [1, 2]}


def test_more_dialogues_forecast_the_same_events_better(make_windows, embed):
    windows = make_windows()
    embeddings = embed(windows, strength=1.0, width=12)
    fits = crossval.plan(windows, SPLIT)
    growing = {"fractions": [0.25, 0.5, 1.0], "computing": QUIET}
    table = variants.learning_curve(GaussianNB(), windows, embeddings, fits, SPLIT, **growing)
    curve = metrics.learning_curve(table, draws=20, random_state=0)
    assert len(set(curve["n"])) == 1 and (curve["train_dialogues"].diff().dropna() > 0).all()
    assert curve["train_dialogues"].iloc[-1] == pytest.approx(8, abs=0.3)
    assert curve["accuracy"].iloc[-1] > curve["accuracy"].iloc[0] + 0.05
    whole = crossval.sweep(GaussianNB(), windows, embeddings, SPLIT, computing=QUIET).sort_values("utterance")
    full = table[table["fraction"] == 1].sort_values("utterance")
    assert np.array_equal(full["predicted"], whole["predicted"]), "all of the dialogues are the sweep's own fit"


def test_a_fraction_that_lacks_a_class_is_left_out(make_windows, embed):
    windows = make_windows(n_dialogues=6, events=6)
    names = sorted(windows["dialogue"].unique())
    own = {name: CLASSES[place % 3] for place, name in enumerate(names)}
    windows = windows.assign(emotion=windows["dialogue"].map(own))
    material = windows, embed(windows), crossval.plan(windows, SPLIT.under("random")), SPLIT
    table = variants.learning_curve(GaussianNB(), *material, fractions=[1 / 6, 1.0], computing=QUIET)
    assert table["fraction"].unique().tolist() == [1.0]
    with pytest.raises(ValueError, match="lack a class"):
        variants.learning_curve(GaussianNB(), *material, fractions=[1 / 6], computing=QUIET)


class Watched(LogisticRegression):
    """A classifier that learns its events by heart and notes which it was given."""

    seen: ClassVar[list] = []

    def fit(self, X, y):
        self.seen.append(X[:, 0].copy())
        return super().fit(X, y)


@pytest.fixture
def table(make_windows, embed):
    windows = make_windows(n_dialogues=18)
    embeddings = embed(windows, strength=1.2, width=40)
    fits = crossval.plan(windows, SPLIT)
    Watched.seen.clear()
    model, options = Watched(C=100, max_iter=200), {"validation_fraction": 0.3, "computing": QUIET}
    made = variants.temperature_scaled(model, windows, embeddings, fits, SPLIT, **options)
    return made, windows, embeddings, fits


def test_the_same_forecasts_of_the_same_events_before_and_after(table):
    made, _, _, fits = table
    before, after = (made[made["scaled"] == name] for name in (variants.BEFORE, variants.AFTER))
    assert sorted(before["row"]) == sorted(np.concatenate([fit.test for fit in fits]))
    assert before["predicted"].tolist() == after["predicted"].tolist()
    assert after["temperature"].between(1.2, 50).all(), "too sure, so it is cooled down"


def test_scaling_mends_a_model_that_is_too_sure(table):
    made = table[0]
    scores = metrics.evaluate_forecasts(made, by=["scaled"], draws=20, random_state=0).set_index("scaled")
    assert scores.loc[variants.AFTER, "ece"] < 0.6 * scores.loc[variants.BEFORE, "ece"]
    assert scores.loc[variants.AFTER, "brier"] < scores.loc[variants.BEFORE, "brier"]


def test_validation_and_test_share_no_dialogue_and_nothing_of_them_is_trained_on(table):
    _, windows, embeddings, fits = table
    assert len(Watched.seen) == len(fits)
    for fit, seen in zip(fits, Watched.seen, strict=True):
        learnt = np.flatnonzero(np.isin(embeddings[:, 0], seen))
        assert set(learnt) < set(fit.train), "a part is held back"
        held = np.setdiff1d(fit.train, learnt)
        dialogues = [set(windows["dialogue"].iloc[rows]) for rows in (learnt, held, fit.test)]
        assert not dialogues[0] & dialogues[1] and not (dialogues[0] | dialogues[1]) & dialogues[2]


@pytest.fixture
def find(make_windows, embed):
    windows = make_windows()
    embeddings = embed(windows, strength=2.5)

    def find(split=SPLIT, n_draws=5, memory=None, **options):
        options = {"space": SPACE, "first": SMALL, "resampling": Resampling(draws=50), **options}
        computing = Computing(memory=memory, progress=False)
        return variants.search(windows, embeddings, split, n_draws=n_draws, computing=computing, **options)

    find.windows, find.embeddings = windows, embeddings
    return find


def test_a_row_a_setting_and_the_first_one_first(find):
    table = find()
    assert len(table) == 5 and table["first"].to_list() == [True, False, False, False, False]
    assert table.loc[0, list(SMALL)].to_dict() == SMALL
    assert not table.duplicated(list(SMALL)).any()
    assert (table["n"] == len(find.windows)).all()
    assert (table["accuracy_low"] <= table["accuracy"]).all() and (table["accuracy"] <= table["accuracy_high"]).all()
    assert not table.columns.str.contains("second|time").any()  # a table is the same in every run


def test_a_row_says_what_a_cross_validation_of_its_setting_says(find):
    row = find(n_draws=3).iloc[2]
    setting = {name: type(SMALL[name])(row[name]) for name in SMALL}
    fits = crossval.fold_fits(find.windows, np.arange(len(find.windows)), SPLIT)
    table = crossval.predictions(fits, FCDNNClassifier(**setting), find.windows, find.embeddings, classes=CLASSES)
    point = crossval.scores(table.sort_values("row"), Resampling(draws=50), by=()).iloc[0]
    assert row[point.index].to_list() == pytest.approx(point.to_list(), nan_ok=True, abs=0)


@pytest.mark.parametrize("change", [{"split": Split(CLASSES, "dialogue", 3, 1)}, {"n_draws": 4}])
def test_the_seed_draws_the_settings(find, change):
    first, again, other = find(), find(), find(**change)
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first.equals(other)


@pytest.mark.parametrize("n_draws", [1, 3, 9])
def test_draws_are_of_the_space_and_none_comes_twice(find, n_draws):
    drawn = find(n_draws=n_draws, first={**SMALL, "hidden_units": 4})[list(SMALL)]
    assert drawn["hidden_units"][0] == 4 and len(drawn) == min(n_draws, 9), "the first one need not be of the space"
    assert not drawn.duplicated().any()
    assert all(drawn[name].iloc[1:].isin(values).all() for name, values in SPACE.items())


def test_parameters_are_those_that_are_trained(find):
    row = find(n_draws=3).iloc[2]
    setting = {name: type(SMALL[name])(row[name]) for name in SMALL}
    network = FCDNNClassifier(**setting).fit(find.embeddings, find.windows["emotion"].to_numpy(dtype=str)).network_
    assert row["parameters"] == sum(parameter.numel() for parameter in network.parameters())


def test_the_best_of_the_larger_networks_and_of_the_others():
    found = pd.DataFrame({"parameters": [50, 40, 50, 60, 70, 30], "accuracy": [60.0, 62.0, 66.0, 55.0, 58.0, 61.0]})
    assert variants.best(found, larger=True)["accuracy"] == 58
    assert variants.best(found, larger=False)["accuracy"] == 66, "tuned too, as large as the first one"
    assert variants.best(found.iloc[:1], larger=False)["accuracy"] == 60

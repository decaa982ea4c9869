import numpy as np
import pandas as pd
import pytest

from emocast import profile
from emocast.cache import Cache
from emocast.forecasting import evaluate, points, search
from emocast.forecasting.fcdnn import FCDNNClassifier

CLASSES = ["excitement", "neutral", "sadness"]
SMALL = {"learning_rate": 1e-2, "hidden_layers": 1, "hidden_units": 8, "batch_size": 16, "dropout": 0.1, "epochs": 4}
SPACE = {"learning_rate": [1e-7, 1e-2], "hidden_units": [8, 16], "hidden_layers": [1, 2]}
OPTIONS = {
    "classes": CLASSES,
    "space": SPACE,
    "first": SMALL,
    "protocol": "dialogue",
    "n_splits": 3,
    "progress": False,
}


@pytest.fixture
def find(make_windows, embed):
    windows = make_windows()
    embeddings = embed(windows, strength=2.5)

    def find(**options):
        return search.search(
            windows, embeddings, **{**OPTIONS, "n_draws": 5, "random_state": 0, "draws": 50, **options}
        )

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
    shared = {"protocol": "dialogue", "n_splits": 3, "random_state": 0}
    table = evaluate.cross_validate(FCDNNClassifier(**setting), find.embeddings, find.windows, **shared)
    point = points.summary(table, by=(), draws=50, random_state=0).iloc[0]
    assert row[point.index].to_list() == point.to_list()


def test_a_setting_that_learns_is_told_from_one_that_does_not(find):
    table = find(n_draws=8)
    learns = table["learning_rate"] == 1e-2
    assert learns.sum() == 4
    assert table.loc[learns, "accuracy"].min() > 70 > table.loc[~learns, "accuracy"].max()


@pytest.mark.parametrize("change", [{"random_state": 1}, {"n_draws": 4}])
def test_the_seed_draws_the_settings(find, change):
    first, again, other = find(), find(), find(**change)
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first.equals(other)


def test_a_search_goes_on_where_it_was(find, tmp_path, monkeypatch):
    memory = Cache(tmp_path)
    find(n_draws=2, memory=memory)
    assert len(list(tmp_path.rglob("*.pkl"))) == 2 * 3
    monkeypatch.setattr(FCDNNClassifier, "fit", None)
    assert len(find(n_draws=2, memory=memory)) == 2


def test_settings_that_stay_the_same_reach_the_network(find):
    with pytest.raises(RuntimeError, match="nowhere"):
        find(device="nowhere")
    assert not find(n_draws=1).equals(find(n_draws=1, standardize=True))


@pytest.mark.parametrize("n_draws", [1, 3, 8, 9, 100])
def test_draws_are_of_the_space_and_none_comes_twice(n_draws):
    settings = search.drawn(SPACE, n_draws=n_draws, first=SMALL, random_state=0)
    assert settings[0] == SMALL and len(settings) == min(n_draws, 8)
    assert len({tuple(setting.items()) for setting in settings}) == len(settings)
    assert all(setting[name] in values for setting in settings for name, values in SPACE.items())


def test_the_first_setting_need_not_be_of_the_space():
    settings = search.drawn({"hidden_units": [8, 16]}, n_draws=9, first={"hidden_units": 265}, random_state=0)
    assert settings[0] == {"hidden_units": 265}
    assert sorted(setting["hidden_units"] for setting in settings) == [8, 16, 265]


@pytest.mark.parametrize(
    ("space", "first", "named"),
    [
        ({"momentum": [0.9]}, {"momentum": 0.9}, "momentum"),
        ({"epochs": [1]}, {"dropout": 0.1}, "epochs"),
    ],
)
def test_an_unknown_setting_is_named(space, first, named):
    with pytest.raises(ValueError, match=f"setting '{named}'"):
        search.drawn(space, n_draws=2, first=first, random_state=0)


def test_no_draw_is_an_error():
    with pytest.raises(ValueError, match="n_draws is 0"):
        search.drawn(SPACE, n_draws=0, first=SMALL, random_state=0)


@pytest.mark.parametrize(("layers", "units", "width"), [(1, 7, 10), (3, 20, 5)])
def test_parameters_are_those_that_are_trained(layers, units, width):
    X = np.random.default_rng(0).normal(size=(6, width))
    model = FCDNNClassifier(hidden_layers=layers, hidden_units=units, epochs=1).fit(X, [0, 1, 2, 0, 1, 2])
    counted = sum(parameter.numel() for parameter in model.network_.parameters())
    assert search.parameters(model.get_params(), width=width, classes=3) == counted


def test_parameters_of_the_published_network():
    assert search.parameters(vars(profile.load("paper").fcdnn), width=768, classes=3) == 418_173


def test_the_best_of_the_larger_networks_and_of_the_others():
    found = pd.DataFrame({"parameters": [50, 40, 50, 60, 70, 30], "accuracy": [60.0, 62.0, 66.0, 55.0, 58.0, 61.0]})
    assert search.best(found, larger=True)["accuracy"] == 58
    assert search.best(found, larger=False)["accuracy"] == 66, "tuned too, as large as the first one"
    assert search.best(found.iloc[:1], larger=False)["accuracy"] == 60
    with pytest.raises(ValueError, match="no network with more parameters"):
        search.best(found.iloc[:3], larger=True)

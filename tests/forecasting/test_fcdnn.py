import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.nn.functional import cross_entropy

from emocast.forecasting import fcdnn
from emocast.forecasting.fcdnn import FCDNNClassifier
from emocast.forecasting.stack import Stack

# A learning rate for a handful of steps: the published one is made for 5,000.
QUICK = {"hidden_layers": 2, "hidden_units": 16, "learning_rate": 1e-2, "epochs": 12, "random_state": 0}


# One thread: scikit-learn's checks fit hundreds of tiny networks, for which handing work over costs more than it saves.
@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(120, 10, n_informative=6, n_classes=3, class_sep=2.0, random_state=0)
    return X.astype(np.float32), np.array(["neutral", "excitement", "sadness"])[y]


@parametrize_with_checks([FCDNNClassifier(**QUICK), FCDNNClassifier(**QUICK, standardize=True)])
def test_scikit_learn_manners(estimator, check):
    check(estimator)


def test_defaults_are_the_published_settings():
    assert FCDNNClassifier().get_params() == {
        "hidden_layers": 4,
        "hidden_units": 265,
        "dropout": 0.1,
        "learning_rate": 1e-5,
        "batch_size": 16,
        "epochs": 40,
        "standardize": False,
        "random_state": None,
        "device": "auto",
    }


@pytest.mark.parametrize(("layers", "units", "width"), [(4, 265, 768), (1, 7, 10), (3, 20, 5)])
def test_parameter_count(layers, units, width):
    X = np.random.default_rng(0).normal(size=(6, width))
    model = FCDNNClassifier(hidden_layers=layers, hidden_units=units, epochs=1).fit(X, [0, 1, 2, 0, 1, 2])
    weights_and_biases = (width + 1) * units + (layers - 1) * (units + 1) * units + (units + 1) * 3
    scales_and_shifts = layers * 2 * units
    counted = sum(parameter.numel() for parameter in model.network_.parameters())
    assert counted == weights_and_biases + scales_and_shifts


def test_order_of_layers():
    model = FCDNNClassifier(**QUICK).fit(np.eye(4), [0, 1, 0, 1])
    kinds = [type(layer).__name__ for layer in model.network_]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 2 + ["Linear"]


def test_learns_a_small_set_by_heart():
    """Random classes can only be learnt by heart; the published width and depth must be able to."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(48, 30)), generator.integers(3, size=48)
    model = FCDNNClassifier(learning_rate=1e-3, random_state=0).fit(X, y)
    assert model.score(X, y) == 1
    assert model.losses_["train_loss"].iloc[-1] < 0.2 * model.losses_["train_loss"].iloc[0]


def test_gradient_reaches_every_parameter(data):
    X, y = data
    model = FCDNNClassifier(epochs=1, random_state=0).fit(X, y)
    network = model.network_.train()
    cross_entropy(network(torch.from_numpy(X)), torch.from_numpy(np.searchsorted(model.classes_, y))).backward()
    for name, parameter in network.named_parameters():
        # A bias before batch normalisation is taken out by it: its gradient is zero but for rounding.
        normalised = name.endswith("bias") and isinstance(network[int(name.split(".")[0])], torch.nn.Linear)
        last = name.startswith(f"{len(network) - 1}.")
        assert parameter.grad is not None
        assert (normalised and not last) or parameter.grad.abs().max() > 1e-6, name


def test_every_parameter_is_trained(data):
    X, y = data
    brief, long = (FCDNNClassifier(**{**QUICK, "epochs": epochs}).fit(X, y) for epochs in (1, 2))
    for (name, before), after in zip(brief.network_.named_parameters(), long.network_.parameters(), strict=True):
        assert not torch.equal(before, after), name


def test_seed_fixes_results(data):
    X, y = data
    first, again, other = (FCDNNClassifier(**{**QUICK, "random_state": seed}).fit(X, y) for seed in (4, 4, 5))
    assert np.array_equal(first.predict_proba(X), again.predict_proba(X))
    assert first.losses_.equals(again.losses_)
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))


def test_global_random_numbers_are_neither_read_nor_changed(data):
    X, y = data
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(FCDNNClassifier(**QUICK).fit(X, y).predict_proba(X))
        assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(*results)


def test_unseeded_fits_differ(data):
    X, y = data
    torch.manual_seed(0)
    first = FCDNNClassifier(**{**QUICK, "random_state": None}).fit(X, y).predict_proba(X)
    torch.manual_seed(0)
    assert not np.array_equal(first, FCDNNClassifier(**{**QUICK, "random_state": None}).fit(X, y).predict_proba(X))


def test_thread_count_is_left_alone(data):
    torch.set_num_threads(2)
    FCDNNClassifier(**QUICK).fit(*data)
    assert torch.get_num_threads() == 2


def test_scaler_sees_training_rows_only(data):
    """Poisoned rows outside the training part must leave no trace in the scaler or in any prediction."""
    X, y = data
    train, test = np.arange(80), np.arange(80, 120)
    poisoned = X.copy()
    poisoned[test] += 1e4
    model = FCDNNClassifier(**QUICK, standardize=True).fit(X[train], y[train])
    watched = FCDNNClassifier(**QUICK, standardize=True).fit(
        poisoned[train], y[train], validation_data=(poisoned[test], y[test])
    )
    assert np.allclose(model.scaler_.mean_, X[train].mean(axis=0))
    assert np.array_equal(model.scaler_.mean_, watched.scaler_.mean_)
    assert np.array_equal(model.scaler_.scale_, watched.scaler_.scale_)
    watched.predict(poisoned[test])
    assert np.array_equal(model.predict_proba(X[train]), watched.predict_proba(X[train]))


def test_standardize_equals_scaling_before(data):
    X, y = data[0] * 50 + 300, data[1]
    inside = FCDNNClassifier(**QUICK, standardize=True).fit(X, y).predict_proba(X)
    scaled = StandardScaler().fit_transform(X)
    assert np.allclose(inside, FCDNNClassifier(**QUICK).fit(scaled, y).predict_proba(scaled), atol=1e-6)


def test_validation_is_only_watched(data):
    X, y = data
    alone = FCDNNClassifier(**QUICK).fit(X[:80], y[:80])
    watched = FCDNNClassifier(**QUICK).fit(X[:80], y[:80], validation_data=(X[80:], y[80:]))
    assert np.array_equal(alone.predict_proba(X), watched.predict_proba(X))
    assert alone.losses_["validation_loss"].isna().all()
    assert watched.losses_["epoch"].tolist() == list(range(1, 13))
    assert watched.losses_["train_loss"].equals(alone.losses_["train_loss"])
    # The last entry is the loss of the network as it is kept: the mean negative log probability of the true class.
    of_truth = watched.predict_proba(X[80:])[np.arange(40), np.searchsorted(watched.classes_, y[80:])]
    assert watched.losses_["validation_loss"].iloc[-1] == pytest.approx(-np.log(of_truth).mean(), rel=1e-4)


def test_train_loss_is_weighted_by_batch_size(data):
    """Without steps of any size, one epoch's loss is the mean over events, batch by batch, in the seeded order."""
    X, y = data[0][:21], data[1][:21]
    settings = {**QUICK, "learning_rate": 1e-30, "dropout": 0.0, "epochs": 1, "batch_size": 8}
    model = FCDNNClassifier(**settings).fit(X, y)
    order_seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max, size=2)[0]
    order = torch.randperm(21, generator=torch.Generator().manual_seed(int(order_seed)))
    network, codes = model.network_.train(), torch.from_numpy(np.searchsorted(model.classes_, y))
    losses = [
        (cross_entropy(network(torch.from_numpy(X)[rows]), codes[rows]).item(), len(rows)) for rows in order.split(8)
    ]
    expected = sum(loss * size for loss, size in losses) / 21
    assert [size for _, size in losses] == [8, 8, 5]
    assert model.losses_["train_loss"].item() == pytest.approx(expected, rel=1e-5)
    assert expected != pytest.approx(np.mean([loss for loss, _ in losses]), rel=1e-5)


def test_fits_where_one_event_is_left_over(data):
    model = FCDNNClassifier(**QUICK).fit(data[0][:17], data[1][:17])
    assert np.isfinite(model.losses_["train_loss"]).all()


def test_one_event_is_an_error():
    with pytest.raises(ValueError, match="1 sample"):
        FCDNNClassifier(**QUICK).fit([[1.0, 2.0]], ["sadness"])


def test_one_class_is_an_error():
    with pytest.raises(ValueError, match="one class only, 'sadness'"):
        FCDNNClassifier(**QUICK).fit(np.eye(3), np.array(["sadness"] * 3))


def test_unknown_validation_class_is_an_error(data):
    with pytest.raises(ValueError, match="validation data hold the class 'anger'"):
        FCDNNClassifier(**QUICK).fit(*data, validation_data=(data[0][:2], ["anger", "neutral"]))


@pytest.mark.parametrize(
    "setting",
    [{"batch_size": 1}, {"epochs": 0}, {"dropout": 1.0}, {"learning_rate": 0}, {"hidden_layers": 2.5}],
)
def test_setting_out_of_range_is_named(data, setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        FCDNNClassifier(**{**QUICK, **setting}).fit(*data)


def test_probabilities(data):
    X, y = data
    model = FCDNNClassifier(**QUICK).fit(X, y)
    probabilities = model.predict_proba(X)
    assert probabilities.dtype == np.float64 and probabilities.shape == (120, 3)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    assert np.array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(X))
    assert np.allclose(model.predict_proba(X[7:8]), probabilities[7:8], atol=1e-12)
    with torch.no_grad():
        as_trained = model.network_(torch.from_numpy(X)).softmax(dim=1)
    assert np.allclose(as_trained, probabilities, atol=1e-5)


def test_pickle_and_clone(data):
    X, y = data
    model = FCDNNClassifier(**QUICK, standardize=True).fit(X, y)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "network_")


def test_cross_validation_and_search(data):
    assert cross_val_score(FCDNNClassifier(**QUICK), *data, cv=3).mean() > 0.7
    search = GridSearchCV(FCDNNClassifier(**QUICK), {"learning_rate": [1e-7, 1e-2]}, cv=2).fit(*data)
    assert search.best_params_ == {"learning_rate": 1e-2}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gpu_starts_from_the_same_weights_and_lands_nearby(data):
    X, y = data
    settings = {**QUICK, "dropout": 0.0, "epochs": 1, "learning_rate": 1e-4}
    on_cpu = FCDNNClassifier(**settings, device="cpu").fit(X, y).predict_proba(X)
    assert np.allclose(FCDNNClassifier(**settings, device="cuda").fit(X, y).predict_proba(X), on_cpu, atol=1e-3)


def test_a_stack_of_one_is_trained_where_there_is_no_compiled_step(monkeypatch):
    """What a GPU gets, here on the processor: the same losses, those of watched events too, but for rounding."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(40, 8)), np.arange(40) % 2
    settings = {"hidden_layers": 2, "hidden_units": 12, "epochs": 3, "random_state": 0, "device": "cpu"}
    written = FCDNNClassifier(**settings).fit(X, y, validation_data=(X[:10], y[:10]))
    monkeypatch.setattr(fcdnn, "Written", lambda start, **options: Stack([start], **options))
    stacked = FCDNNClassifier(**settings).fit(X, y, validation_data=(X[:10], y[:10]))
    np.testing.assert_allclose(stacked.losses_, written.losses_, rtol=1e-5)
    np.testing.assert_allclose(stacked.predict_proba(X), written.predict_proba(X), atol=1e-5)

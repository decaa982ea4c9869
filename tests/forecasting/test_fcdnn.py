import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.nn.functional import cross_entropy

from emocast import compute
from emocast.forecasting import fcdnn
from emocast.forecasting.fcdnn import FCDNNClassifier

# A learning rate for a handful of steps: the published one is made for 5,000.
QUICK = {"hidden_layers": 2, "hidden_units": 16, "learning_rate": 1e-2, "epochs": 12, "random_state": 0}


# One thread: scikit-learn's checks fit hundreds of tiny networks, for which handing work over costs more than it saves.
@pytest.fixture(autouse=True)
def one_thread():
    with compute.one_thread():
        yield


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(120, 10, n_informative=6, n_classes=3, class_sep=2.0, random_state=0)
    return X.astype(np.float32), np.array(["neutral", "excitement", "sadness"])[y]


@parametrize_with_checks([FCDNNClassifier(**QUICK), FCDNNClassifier(**QUICK, standardize=True)])
def test_scikit_learn_manners(estimator, check):
    check(estimator)


def test_defaults_are_the_published_settings():
    settings = FCDNNClassifier().get_params()
    assert {settings.pop("standardize"), settings.pop("random_state"), settings.pop("device")} == {False, None, "auto"}
    published = {"hidden_layers": 4, "hidden_units": 265, "dropout": 0.1}
    assert settings == {**published, "learning_rate": 1e-5, "batch_size": 16, "epochs": 40}


def test_learns_a_small_set_by_heart():
    """Random classes can only be learnt by heart; the published width and depth must be able to."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(48, 30)), generator.integers(3, size=48)
    model = FCDNNClassifier(learning_rate=1e-3, random_state=0).fit(X, y)
    assert model.score(X, y) == 1
    assert model.losses_["train_loss"].iloc[-1] < 0.2 * model.losses_["train_loss"].iloc[0]


def test_seed_fixes_results(data):
    X, y = data
    seeds = (4, 4, 5, None, None)
    first, again, other, *unseeded = (FCDNNClassifier(**{**QUICK, "random_state": seed}).fit(X, y) for seed in seeds)
    assert np.array_equal(first.predict_proba(X), again.predict_proba(X))
    assert first.losses_.equals(again.losses_)
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))
    assert not np.array_equal(*(model.predict_proba(X) for model in unseeded))


def test_global_random_numbers_are_neither_read_nor_changed(data):
    X, y = data
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(FCDNNClassifier(**QUICK).fit(X, y).predict_proba(X))
        assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(*results)


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


@pytest.mark.parametrize(
    ("X", "y", "watched", "said"),
    [
        ([[1.0, 2.0]], ["sadness"], None, "1 sample"),
        (np.eye(3), ["sadness"] * 3, None, "one class only, 'sadness'"),
        (
            np.eye(2),
            ["neutral", "sadness"],
            (np.eye(2), ["anger", "neutral"]),
            "validation data hold the class 'anger'",
        ),
    ],
)
def test_one_event_one_class_and_unknown_classes_are_errors(X, y, watched, said):
    with pytest.raises(ValueError, match=said):
        FCDNNClassifier(**QUICK).fit(X, np.array(y), validation_data=watched)


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


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_it_is_the_plain_loop(data, dropout):
    """The loop as people write it, out of torch's own parts: the same losses and weights, to the last bit."""
    X, y = data
    model = FCDNNClassifier(**QUICK, dropout=dropout, device="cpu").fit(X, y)
    order_seed, seed = np.random.RandomState(0).randint(2**31 - 1, size=2)
    shuffler = torch.Generator().manual_seed(int(order_seed))
    torch.manual_seed(int(seed))
    parts, width = [], X.shape[1]
    for _ in range(2):
        parts += [torch.nn.Linear(width, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(), torch.nn.Dropout(dropout)]
        width = 16
    network = torch.nn.Sequential(*parts, torch.nn.Linear(16, 3))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2, fused=True)
    inputs, codes, losses = torch.from_numpy(X), torch.from_numpy(np.searchsorted(model.classes_, y)), []
    for _ in range(12):
        total = 0.0
        for rows in torch.randperm(len(X), generator=shuffler).split(16):
            optimiser.zero_grad()
            loss = cross_entropy(network(inputs[rows]), codes[rows])
            loss.backward()
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    assert model.losses_["train_loss"].tolist() == losses
    assert all(map(torch.equal, network.parameters(), model.network_.parameters()))


@pytest.mark.parametrize(("n_events", "sizes"), [(32, [16, 16]), (20, [16, 4]), (33, [16, 17]), (17, [17]), (5, [5])])
def test_no_batch_holds_one_event_alone(n_events, sizes):
    assert fcdnn.batch_sizes(n_events, batch_size=16) == sizes

"""The written step against the plain loop that it stands for: torch's own modules, autograd and Adam."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from emocast import threads
from emocast.forecasting.fcdnn import FCDNNClassifier
from emocast.forecasting.training import Start, Written, batch_sizes

EVENTS, WIDTH = 57, 20


@pytest.fixture(autouse=True)
def one_thread():
    with threads.one():
        yield


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    return generator.normal(size=(EVENTS, WIDTH)).astype(np.float32), generator.integers(3, size=EVENTS)


def plain(X, y, *, layers, units, dropout, learning_rate, batch_size, epochs, seed):
    """The loop as people write it, with the draws of `random_state=seed`: the network, and its loss an epoch."""
    shuffling, drawing = np.random.RandomState(seed).randint(np.iinfo(np.int32).max, size=2)
    shuffler = torch.Generator().manual_seed(int(shuffling))
    torch.manual_seed(int(drawing))
    parts, width = [], X.shape[1]
    for _ in range(layers):
        parts += [
            torch.nn.Linear(width, units),
            torch.nn.BatchNorm1d(units),
            torch.nn.ReLU(),
            torch.nn.Dropout(dropout),
        ]
        width = units
    network = torch.nn.Sequential(*parts, torch.nn.Linear(width, 3)).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    X, y, losses = torch.from_numpy(X), torch.from_numpy(y), []
    for _ in range(epochs):
        order, total = torch.randperm(len(X), generator=shuffler), 0.0
        for rows in order.split(batch_size):
            optimiser.zero_grad()
            loss = cross_entropy(network(X[rows]), y[rows])
            loss.backward()
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return network.eval(), losses


def both(data, *, layers, units, seed=3, **shared):
    """Our network and the plain loop's, and the losses of each."""
    model = FCDNNClassifier(hidden_layers=layers, hidden_units=units, **shared, random_state=seed, device="cpu")
    network, losses = plain(*data, layers=layers, units=units, **shared, seed=seed)
    return model.fit(*data), network, losses


# The last batch holds 9 of both batch sizes, a size of its own.
@pytest.mark.parametrize(("layers", "units"), [(2, 16), (4, 265), (1, 3)])
@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("batch_size", [16, 12])
def test_losses_and_weights_are_those_of_the_plain_loop(data, layers, units, dropout, batch_size):
    """Of most of five seeds: a sum within rounding of zero, where ReLU bends, may fall on either side and part the two."""
    shared = {"dropout": dropout, "learning_rate": 1e-3, "batch_size": batch_size, "epochs": 3}
    alike = 0
    for seed in range(5):
        model, network, losses = both(data, layers=layers, units=units, seed=seed, **shared)
        np.testing.assert_allclose(model.losses_["train_loss"], losses, rtol=0.02)
        mine, theirs = (_meaningful(each.state_dict(), layers) for each in (model.network_, network))
        close = [(mine[name] - value).norm() < 1e-4 * value.norm() for name, value in theirs.items()]
        alike += all(close) and np.allclose(model.losses_["train_loss"], losses, rtol=1e-5, atol=0)
    assert alike >= 3


def _meaningful(state, layers):
    """Weights that count. A bias before batch normalisation is taken out by it: its gradient is rounding alone, and Adam
    makes steps of that."""
    return {
        name: value for name, value in state.items() if name.endswith("weight") or name.startswith(f"{4 * layers}.")
    }


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_probabilities_are_those_of_the_plain_loop(data, dropout):
    """At the published learning rate the idle biases of a layer do not run away, and everything is alike."""
    shared = {"dropout": dropout, "learning_rate": 1e-5, "batch_size": 16, "epochs": 40}
    model, network, losses = both(data, layers=4, units=265, **shared)
    X = torch.from_numpy(data[0]).double()
    with torch.no_grad():
        expected = network.double()(X).softmax(1).numpy()
    np.testing.assert_allclose(model.predict_proba(data[0]), expected, atol=5e-5)
    np.testing.assert_allclose(model.losses_["train_loss"], losses, rtol=1e-5)
    assert losses[0] - losses[-1] > 0.01  # it did learn
    assert model.network_.state_dict()["1.num_batches_tracked"] == network.state_dict()["1.num_batches_tracked"] == 160


def test_gradients_are_those_of_autograd(data):
    """Each one, in a step of no size: a wrong gradient may yet go downhill."""
    X, codes = torch.from_numpy(data[0][:16]), torch.from_numpy(data[1][:16])
    torch.manual_seed(0)
    hidden = [torch.nn.Linear(WIDTH, 7), torch.nn.BatchNorm1d(7), torch.nn.ReLU()]
    hidden += [torch.nn.Linear(7, 7), torch.nn.BatchNorm1d(7), torch.nn.ReLU()]
    network = torch.nn.Sequential(*hidden, torch.nn.Linear(7, 3)).train()
    cross_entropy(network(X), codes).backward()
    expected = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    shuffler, dropper = torch.Generator(), torch.Generator()
    written = Written(Start(network, X, codes, shuffler, dropper), learning_rate=1e-30, dropout=0.0)
    written.epoch(batch_size=16)
    # A tenth of the first gradient is Adam's first mean.
    mine = np.concatenate([10 * layer.state[2] for layer in (*written._hidden, written._last)])
    assert float(expected.abs().max()) > 0.1
    np.testing.assert_allclose(mine, expected.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("n_events", "sizes"),
    [(32, [16, 16]), (33, [16, 17]), (34, [16, 16, 2]), (16, [16]), (17, [17]), (2, [2]), (9, [9])],
)
def test_no_batch_of_one(n_events, sizes):
    assert batch_sizes(n_events, batch_size=16) == sizes

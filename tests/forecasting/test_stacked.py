"""Networks in one stack end where each ends alone: same seeds, same losses, same probabilities, but for rounding."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from emocast import threads
from emocast.forecasting import stacked
from emocast.forecasting.fcdnn import FCDNNClassifier

SETTINGS = {"hidden_layers": 2, "hidden_units": 12, "learning_rate": 1e-3, "epochs": 4, "batch_size": 8}


@pytest.fixture(autouse=True)
def one_thread():
    with threads.one():
        yield


def folds(*sizes, width=10, n_classes=3):
    generator = np.random.default_rng(0)
    return [(generator.normal(size=(n, width)) * 2 + 1, np.arange(n) % n_classes) for n in sizes]


def networks(number, **settings):
    return [FCDNNClassifier(**{**SETTINGS, **settings}, random_state=seed) for seed in range(number)]


# Batches of 8: 40 events are five of 8, 37 end in a batch of 5, and 41 in one of 9. Each makes five steps.
@pytest.mark.parametrize("sizes", [(40, 40, 40), (40, 37, 41)])
@pytest.mark.parametrize(
    "settings", [{}, {"dropout": 0.0}, {"dropout": 0.5, "hidden_layers": 3}, {"standardize": True}]
)
def test_each_ends_where_it_ends_alone(sizes, settings):
    data, together = folds(*sizes), networks(3, **settings)
    stacked.fit(together, data)
    for model, alone, (X, y) in zip(together, networks(3, **settings), data, strict=True):
        alone.fit(X, y)
        np.testing.assert_allclose(model.losses_["train_loss"], alone.losses_["train_loss"], rtol=1e-5)
        state, last = model.network_.state_dict(), f"{len(model.network_) - 1}."
        for name, value in alone.network_.state_dict().items():
            if name.endswith("weight") or name.startswith(last):  # others see test_training: rounding, made steps of
                torch.testing.assert_close(state[name], value, rtol=1e-3, atol=1e-5, msg=name)
        assert not model.network_.training and model.losses_.columns.equals(alone.losses_.columns)


@pytest.mark.parametrize("sizes", [(40, 40, 40), (40, 37, 41)])
def test_probabilities_are_those_of_each_alone(sizes):
    """At the published learning rate, at which the idle biases before batch normalisation stay where they are."""
    settings = {"learning_rate": 1e-5, "hidden_units": 64, "epochs": 30}
    data, together = folds(*sizes), networks(3, **settings)
    stacked.fit(together, data)
    for model, alone, (X, y) in zip(together, networks(3, **settings), data, strict=True):
        np.testing.assert_allclose(model.predict_proba(X), alone.fit(X, y).predict_proba(X), atol=1e-5)
        tracked = [each.network_.state_dict()["1.num_batches_tracked"] for each in (model, alone)]
        assert tracked == [150, 150]


def test_networks_in_a_stack_do_not_touch_each_other():
    """What one learns from is of no consequence to the others."""
    first, other = folds(40, 40), folds(40, 40)
    other[1] = (other[1][0] * 5, other[1][1][::-1])
    fitted = []
    for data in (first, other):
        models = networks(2)
        stacked.fit(models, data)
        fitted.append([model.predict_proba(data[0][0]) for model in models])
    np.testing.assert_allclose(fitted[0][0], fitted[1][0], atol=1e-12)
    assert not np.allclose(fitted[0][1], fitted[1][1], atol=1e-3)


def test_stacks_hold_what_takes_the_same_steps(monkeypatch):
    model = FCDNNClassifier(batch_size=8)
    classes = [y for _, y in folds(40, 37, 41, 42)] + [np.arange(40) % 2]
    assert stacked.groups(model, classes) == [[0, 1, 2], [3], [4]]
    monkeypatch.setattr(stacked, "MOST", 2)
    assert stacked.groups(model, classes) == [[0, 1], [2], [3], [4]]


@pytest.mark.parametrize(
    ("others", "sizes", "named"),
    [({}, (40, 48), "steps"), ({"learning_rate": 1e-2}, (40, 40), "settings")],
)
def test_what_is_not_alike_is_refused(others, sizes, named):
    models = [*networks(1), *networks(1, **others)]
    with pytest.raises(ValueError, match=f"differ in their .*{named}"):
        stacked.fit(models, folds(*sizes))


def test_widths_and_classes_must_be_alike():
    with pytest.raises(ValueError, match="widths"):
        stacked.fit(networks(2), folds(40) + folds(40, width=7))
    with pytest.raises(ValueError, match="numbers of classes"):
        stacked.fit(networks(2), folds(40) + folds(40, n_classes=2))


def test_stacks_are_for_networks_on_a_gpu(monkeypatch):
    assert stacked.suits(FCDNNClassifier(device="cuda:1"))
    assert not stacked.suits(FCDNNClassifier(device="cpu"))
    assert not stacked.suits(LogisticRegression())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert stacked.suits(FCDNNClassifier())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gpu_stack_ends_near_the_cpu():
    data, here, there = folds(40, 37), networks(2, dropout=0.0, device="cpu"), networks(2, dropout=0.0, device="cuda")
    stacked.fit(here, data)
    stacked.fit(there, data)
    for one, other, (X, _) in zip(here, there, data, strict=True):
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-3)

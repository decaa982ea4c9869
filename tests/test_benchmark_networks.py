"""The yardstick is a fair one: it trains the same networks on the same events, and both ways are timed."""

import numpy as np
import pytest
import torch
from benchmarks import networks

from emocast.forecasting.fcdnn import FCDNNClassifier


@pytest.fixture
def small(monkeypatch):
    for name, value in {"EVENTS": 60, "WIDTH": 12, "ROUNDS": 2, "PART_EPOCHS": 1, "SHIFTS": 1, "EPOCHS": 1}.items():
        monkeypatch.setattr(networks, name, value)


def test_both_ways_are_measured_and_the_whole_job_is_run(small):
    result = networks.against_loop(whole=True)
    assert len(result.table) == 2
    assert result.table["times the plain loop"].iloc[0] == "1.00 (1.00 to 1.00)"
    assert "5 networks" in result.sentences[0] and "The whole job was run" in result.sentences[-1]


def test_the_plain_network_is_ours(small):
    torch.manual_seed(0)
    plain = networks.plain_network(FCDNNClassifier(), 12, 3)
    X, y = np.random.default_rng(0).normal(size=(6, 12)), [0, 1, 2, 0, 1, 2]
    ours = FCDNNClassifier(epochs=1).fit(X, y).network_
    assert repr(plain) == repr(ours)


def test_both_ways_train_on_the_same_share_of_events(small):
    windows, embeddings = networks.material()
    table = networks.through_runs(windows, embeddings, networks=5, epochs=1)
    assert sorted(table["row"]) == list(range(60))
    assert [len(networks._training_rows(number)) for number in range(5)] == [48] * 5
    assert len(networks.plainly(windows, embeddings, networks=2, epochs=1)) == 2

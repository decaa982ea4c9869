"""Guests leave the process as they found it, and a checkpoint of theirs is data."""

import logging
import os
import pickle
import random
import sys
import warnings

import numpy as np
import pytest
import torch

from emocast.encoders import foreign, hub


def state():
    return {
        "path": list(sys.path),
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "logs": [(log.level, list(log.handlers)) for log in map(logging.getLogger, ("", "transformers"))],
        "threads": torch.get_num_threads(),
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
    }


def misbehave():
    sys.path.insert(0, "here")
    os.environ["EMOCAST_GUEST"] = "was here"
    os.environ["PATH"] = ""
    warnings.filterwarnings("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("transformers").setLevel(logging.CRITICAL)
    torch.set_num_threads(torch.get_num_threads() + 1)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)


def test_what_a_guest_changed_is_put_back():
    before = state()
    with foreign.guarded():
        misbehave()
        changed = state()
    assert [part for part in before if changed[part] == before[part]] == []
    after = state()
    assert [part for part in before if after[part] != before[part]] == []


def test_it_is_put_back_after_an_error_too():
    before = state()
    with pytest.raises(KeyError), foreign.guarded():
        misbehave()
        raise KeyError
    assert state() == before


def test_a_trainings_numbers_are_read(tmp_path):
    rates = {"a": np.float64(1e-4), "b": np.float32(2), "c": np.int64(3)}
    torch.save({"optimizer": rates, "state_dict": {"x": torch.ones(2)}}, tmp_path / "a.pt")
    content = foreign.read(tmp_path / "a.pt")
    assert content["optimizer"] == rates
    assert content["state_dict"]["x"].tolist() == [1, 1]


class Code:
    """Runs when it is unpickled in the usual way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    content = {"state_dict": {"module.x": torch.zeros(1)}, "name": Code(tmp_path / "ran")}
    torch.save(content, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(content["name"], protocol=2))
    (tmp_path / "c.pt").write_bytes(b"no checkpoint")
    for name in ("a.pt", "b.pt", "c.pt"):
        with pytest.raises(hub.CheckpointError, match=rf"{name}: not read as weights: damaged, or it holds more"):
            foreign.read(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_without_named_parts_is_refused(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "a.pt")
    with pytest.raises(hub.CheckpointError, match=r"a\.pt: expected a checkpoint with named parts, found a list"):
        foreign.read(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bias": 1.0}, r"bias has the shape \('no tensor',\), not \(2,\)"),
        ({"bias": torch.zeros(3)}, r"bias has the shape \(3,\), not \(2,\)"),
        ({"more": torch.zeros(3)}, r"has an unknown key more \(1 in all\)"),
    ],
)
def test_weights_must_fit(tmp_path, change, problem):
    weights = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2), **change}
    with pytest.raises(hub.CheckpointError, match=rf"a\.pt: {problem}: expected is another"):
        foreign.fill(torch.nn.Linear(3, 2), weights, tmp_path / "a.pt", expected="another")


def test_a_filled_model_listens_and_learns_no_more(tmp_path):
    model = torch.nn.Linear(3, 2)
    weights = {"weight": torch.full((2, 3), 2.0, dtype=torch.float16), "bias": torch.zeros(2)}
    foreign.fill(model, weights, tmp_path / "a.pt", expected="")
    assert model.weight.dtype == torch.float32
    assert (model.weight == 2).all()
    assert not model.training and not model.weight.requires_grad

"""What is there already stays, a kill leaves its state, and of two processes that want the same one makes it."""

import json
import os
import time

import joblib
import pytest

from emocast.ser import kept


@pytest.fixture
def finish(tmp_path):
    """A function that makes a training, or finds it; returns whether it was made."""

    def run(key, *, name="model"):
        with kept.making(tmp_path / name, key) as work:
            if work:
                work.mkdir(exist_ok=True)
                (tmp_path / name).mkdir(exist_ok=True)
                (tmp_path / name / kept.RECORD).write_text(json.dumps({"key": key}))
        return work is not None

    return run


def test_a_key_depends_on_every_part():
    parts = (["digest"], {"epochs": 2, "lr": 1e-3}, 0)
    assert kept.key(*parts) == kept.key(["digest"], {"lr": 1e-3, "epochs": 2}, 0)
    others = [(["other"], *parts[1:]), (parts[0], {"epochs": 3, "lr": 1e-3}, 0), (*parts[:2], 1), parts[:2]]
    assert len({kept.key(*parts), *(kept.key(*other) for other in others)}) == 5


def test_what_is_there_is_not_made_again(finish, tmp_path):
    assert not kept.is_trained(tmp_path / "model")
    assert finish("first") and not finish("first")
    assert kept.is_trained(tmp_path / "model") and not kept.is_trained(tmp_path / "model", "other")
    assert finish("other") and finish("first"), "a folder holds the last training only"


def test_the_work_folder_outlives_an_error_and_no_success(tmp_path):
    with pytest.raises(RuntimeError, match="oops"), kept.making(tmp_path / "model", "key") as work:
        work.mkdir()
        (work / "state").write_text("half")
        raise RuntimeError("oops")
    with kept.making(tmp_path / "model", "key") as again:
        assert again == work and (again / "state").read_text() == "half"
    assert not work.exists()


def test_trainings_of_other_keys_do_not_share_a_work_folder(tmp_path):
    with kept.making(tmp_path / "model", "a" * 64) as one, kept.making(tmp_path / "model", "b" * 64) as other:
        assert one != other
        one.mkdir()
        other.mkdir()


def test_of_two_processes_one_makes_and_the_other_waits_for_it(tmp_path):
    def make():
        (tmp_path / f"came-{os.getpid()}").touch()
        with kept.making(tmp_path / "model", "key") as work:
            if work:
                work.mkdir()
                while len(list(tmp_path.glob("came-*"))) < 2:
                    time.sleep(0.01)
                (tmp_path / "model").mkdir()
                (tmp_path / "model" / kept.RECORD).write_text(json.dumps({"key": "key"}))
        return os.getpid(), work is not None, kept.is_trained(tmp_path / "model", "key")

    (one, made, _), (other, made_too, _) = told = joblib.Parallel(n_jobs=2)(joblib.delayed(make)() for _ in range(2))
    assert one != other and made != made_too and all(there for *_, there in told)

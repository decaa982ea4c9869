import hashlib

import joblib
import numpy as np
import pytest

from emocast import cache, labels


def double(values, note):
    """A function of a module, so that other processes find it; it leaves a trace of each call."""
    with note.open("a") as file:
        file.write("called\n")
    return 2 * values


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "calls"
    path.touch()
    return path


def calls(note):
    return len(note.read_text().splitlines())


def test_a_result_is_computed_once(tmp_path, note):
    twin = cache.Cache(tmp_path / "kept").cache(double)
    for _ in range(2):
        np.testing.assert_array_equal(twin(np.arange(3), note), [0, 2, 4])
    assert calls(note) == 1
    twin(np.arange(4), note)
    assert calls(note) == 2


def test_an_ignored_argument_is_no_part_of_the_key(tmp_path, note):
    twin = cache.Cache(tmp_path / "kept").cache(double, ignore=["note"])
    assert twin(1, note) == twin(1, tmp_path / "another") == 2
    assert calls(note) == 1


@pytest.mark.parametrize("damage", [b"", b"words", None])
def test_a_damaged_result_is_computed_anew(tmp_path, note, damage):
    twin = cache.Cache(tmp_path / "kept").cache(double)
    twin(np.arange(3), note)
    (file,) = (tmp_path / "kept").rglob("*.pkl")
    file.write_bytes(file.read_bytes()[:-20] if damage is None else damage)
    np.testing.assert_array_equal(twin(np.arange(3), note), [0, 2, 4])
    assert calls(note) == 2
    np.testing.assert_array_equal(joblib.load(file), [0, 2, 4])


def test_processes_side_by_side_may_share_it(tmp_path):
    """The function is the project's own, since worker processes cannot import a test."""
    twin = cache.Cache(tmp_path / "kept").cache(labels.ordered)
    values = [[emotion, "neutral"] for emotion in labels.EMOTIONS[1:6]] * 12
    results = joblib.Parallel(n_jobs=4)(joblib.delayed(twin)(value) for value in values)
    assert results == [labels.ordered(value) for value in values]
    assert len(list((tmp_path / "kept").rglob("*.pkl"))) == 5
    assert not list((tmp_path / "kept").rglob(".writing-*"))


def test_an_error_is_not_kept(tmp_path, note):
    twin = cache.Cache(tmp_path / "kept").cache(double)
    with pytest.raises(TypeError):
        twin(None, note)
    assert not list((tmp_path / "kept").rglob("*.pkl"))


def test_a_files_digest_is_sha256_of_its_bytes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"sound" * 1_000_000)
    assert cache.file_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_code_digest_tells_modules_apart_and_refuses_what_is_not_there():
    assert (
        cache.code_digest("audio.py") == cache.code_digest("audio.py") != cache.code_digest("audio.py", "forecasting")
    )
    with pytest.raises(FileNotFoundError):
        cache.code_digest("no_such_module.py")

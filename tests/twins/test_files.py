"""A corpus folder is made whole or not at all, and nothing but a synthetic corpus is ever replaced."""

import os
import subprocess
import sys
import time

import pytest

from emocast_twins import TwinSettings, files, make_twin


def _fill(path, text):
    path.mkdir()
    (path / files.MARKER).write_text(text)


def test_a_folder_appears_whole_and_replaces_an_older_synthetic_one_only(tmp_path):
    for name in (".EmoDB.making-killed", ".ShEMO.making-running"):
        (tmp_path / name).mkdir()
    for text in ("one", "two"):
        with files.building(tmp_path / "EmoDB") as new:
            _fill(new, text)
        assert (tmp_path / "EmoDB" / files.MARKER).read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == [".EmoDB.lock", ".ShEMO.making-running", "EmoDB"]


def test_a_failure_keeps_the_older_one(tmp_path):
    with files.building(tmp_path / "EmoDB") as new:
        _fill(new, "old")
    with pytest.raises(ZeroDivisionError), files.building(tmp_path / "EmoDB") as new:
        _fill(new, "new")
        raise ZeroDivisionError
    assert (tmp_path / "EmoDB" / files.MARKER).read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".EmoDB.lock", "EmoDB"]


def test_what_is_not_synthetic_is_left_alone(tmp_path):
    (tmp_path / "EmoDB" / "wav").mkdir(parents=True)
    (tmp_path / "ShEMO").write_text("a file")
    for name, message in (("EmoDB", "holds wav but no synthetic.json"), ("ShEMO", "is a file")):
        with pytest.raises(FileExistsError, match=message), files.building(tmp_path / name):
            pytest.fail("the block must not run")
    assert (tmp_path / "EmoDB" / "wav").is_dir()


def test_a_killed_run_leaves_nothing_and_the_next_one_cleans_up(tmp_path):
    code = (
        "import sys, pathlib; from emocast_twins import TwinSettings, make_twin; "
        "make_twin(pathlib.Path(sys.argv[1]), 'cremad', TwinSettings(12, 34), seed=1, processes=1, progress=False)"
    )
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=os.environ)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".CREMA-D.making-*/new/**/*.wav")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.kill()
    run.wait()
    assert list(tmp_path.glob(".CREMA-D.making-*"))
    assert not (tmp_path / "CREMA-D").exists()
    make_twin(tmp_path, "cremad", TwinSettings(1, 1), seed=1, progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".CREMA-D.lock", "CREMA-D"]

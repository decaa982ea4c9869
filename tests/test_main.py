"""The command line: each command ends with its status, and an error is one line. What commands do: see test_inventory."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import __main__ as command
from emocast import paths
from emocast.encoders import store
from emocast.encoders.store import inventory, shards


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A store with three shards of one encoder; the folder of the sounds."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    root = tmp_path / "data" / "corpus"
    root.mkdir(parents=True)
    for number, name in enumerate("abc"):
        soundfile.write(root / f"{name}.wav", np.random.default_rng(number).normal(0, 0.1, 16_000), 16_000)
        windows = pd.DataFrame({"audio": [f"{name}.wav"], "start_s": [0.0], "end_s": [1.0]})
        store.embed("handcrafted", windows, root, progress=False)
    return root


@pytest.fixture
def said(capsys):
    """A function that runs a command: its exit status, and the lines it prints, on which stream."""

    def run(*arguments):
        status = command.main(["store", *map(str, arguments)])
        out, error = capsys.readouterr()
        lines = [line for line in error.splitlines() if "%|" not in line and line.strip()]  # no progress bars
        return status, out.splitlines(), lines

    return run


def shelf():
    (only,) = inventory.shelves()
    return only


def test_show(kept, said):
    status, out, error = said("show")
    assert (status, error) == (0, [])
    assert out[0].split() == ["shelf", "encoder", "precision", "values", "windows", "shards", "megabytes", "state"]
    assert out[1].split()[:6] == [shelf().folder.name, "handcrafted", "fp32", "253", "3", "3"]
    assert out[1].split()[-1] == "current"
    assert out[-1].endswith(f"MB in {paths.store()}")
    (kept / "a.wav").unlink()
    out = said("show", "--sounds")[1]
    assert (out[0].split()[-1], out[1].split()[-1]) == ("unheard", "1")


def test_check(kept, said):
    assert said("check") == (0, ["every shard is what it was when it was written"], [])
    damaged = shelf().files()[1]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    status, out, error = said("check")
    assert (status, len(out), error) == (1, 1, [])
    assert damaged.name in out[0]
    assert damaged.exists()


def test_drop_by_name(kept, said):
    status, out, error = said("drop", "handcrafted-fp32-0")
    assert (status, out) == (1, [])
    assert error == [f"error: no shelf 'handcrafted-fp32-0' in {paths.store()}; `store show` lists them"]
    assert len(shelf().files()) == 3
    name = shelf().folder.name
    status, out, error = said("drop", name)
    assert (status, error) == (0, [])
    assert len(out) == 1 and out[0].startswith(f"dropped {name}: 3 shards, ")
    assert inventory.shelves() == []
    assert said("show") == (0, [f"{paths.store()} holds no embeddings"], [])


def test_drop_what_is_stale(kept, said):
    assert said("drop", "--stale") == (0, ["nothing to drop"], [])
    record = shelf().folder / "encoder.json"
    record.write_text(record.read_text().replace('"code": "', '"code": "0'))
    assert "stale: other code" in said("show")[1][1]
    status, out, _ = said("drop", "--stale")
    assert (status, len(out)) == (0, 1)
    assert inventory.shelves() == []


def test_drop_what_no_sound_is_left_of(kept, said):
    (kept / "b.wav").unlink()
    soundfile.write(kept / "c.wav", np.zeros(16_000), 16_000)
    kept_shard = next(path for path in shelf().files() if "corpus/a.wav" in shards.sounds(path).values())
    status, out, error = said("drop", "--sounds")
    assert (status, len(out), error) == (0, 2, [])
    assert shelf().files() == [kept_shard]
    assert said("drop", "--sounds") == (0, ["nothing to drop"], [])


def test_a_shard_that_holds_other_sounds_too_is_not_dropped(kept, said):
    for number, name in enumerate("de", start=7):
        soundfile.write(kept / f"{name}.wav", np.random.default_rng(number).normal(0, 0.1, 16_000), 16_000)
    windows = pd.DataFrame({"audio": ["d.wav", "e.wav"], "start_s": [0.0, 0.0], "end_s": [1.0, 1.0]})
    store.embed("handcrafted", windows, kept, progress=False)
    (kept / "d.wav").unlink()
    assert said("show", "--sounds")[1][1].split()[-1] == "1"
    assert said("drop", "--sounds") == (0, ["nothing to drop"], [])
    assert len(shelf().files()) == 4


def test_nothing_named_is_an_error(kept, said):
    assert said("drop") == (1, [], ["error: nothing to drop is named: give SHELF, --stale or --sounds"])
    assert len(shelf().files()) == 3


def test_another_folder_is_asked_by_its_name(kept, said, tmp_path):
    (tmp_path / "empty").mkdir()
    assert said("--folder", tmp_path / "empty", "show") == (0, [f"{tmp_path / 'empty'} holds no embeddings"], [])
    assert said("--folder", paths.store(), "check")[0] == 0


def test_what_the_disk_refuses_is_one_line(kept, said, monkeypatch):
    def refused(path, **_):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(inventory.shutil, "rmtree", refused)
    status, out, error = said("drop", shelf().folder.name)
    assert (status, out, len(error)) == (1, [], 1)
    assert error[0].startswith("error: ") and "Read-only file system" in error[0] and shelf().folder.name in error[0]


@pytest.mark.parametrize("arguments", [["stor"], ["store"], ["store", "delete"], ["store", "show", "--all"]])
def test_a_command_that_is_not_there_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        command.main(arguments)
    assert raised.value.code == 2
    assert "usage: python -m emocast" in capsys.readouterr().err


def test_without_a_command_the_commands_are_listed(capsys):
    assert command.main([]) == 2
    said = capsys.readouterr().err
    assert all(f"\n    {name} " in said for name in ("forecast", "open", "store"))


def test_it_runs_as_a_module(tmp_path):
    environment = {**os.environ, "EMOCAST_OUTPUTS": str(tmp_path)}
    run = [sys.executable, "-m", "emocast", "store"]
    done = subprocess.run([*run, "show"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'embeddings'} holds no embeddings\n")
    done = subprocess.run([*run, "drop", "nothing"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)

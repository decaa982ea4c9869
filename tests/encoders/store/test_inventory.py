"""What is in the store is told, and only what is of no use is dropped."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from emocast import __main__ as command
from emocast.encoders import store
from emocast.encoders.store import inventory


@pytest.fixture
def kept(tmp_path, checkpoint_folder, monkeypatch):
    """A store with a shelf of hand-crafted features and one of a checkpoint, of two sounds below the data folder."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    root = tmp_path / "data" / "corpus"
    root.mkdir(parents=True)
    for number, name in enumerate("ab"):
        noise = np.random.default_rng(number).normal(0, 0.1, 32_000)
        soundfile.write(root / f"{name}.wav", noise, 16_000)
    for name in "ab":  # a shard each
        windows = pd.DataFrame({"audio": f"{name}.wav", "start_s": [0.0, 1.0], "end_s": [1.0, 2.0]})
        for encoder in ("handcrafted", f"wav2vec2:{checkpoint_folder}"):
            store.embed(encoder, windows, root, precision="fp32", progress=False)
    return root


def states():
    return inventory.table().set_index("encoder")["state"]


def test_a_line_for_each_encoder(kept, checkpoint_folder, capsys):
    table = inventory.table(sounds=True).set_index("encoder")
    assert list(table.index) == ["handcrafted", f"wav2vec2:{checkpoint_folder}"]
    assert list(table["values"]) == [253, 32]
    assert list(table["windows"]) == [4, 4]
    assert list(table["shards"]) == [2, 2]
    assert list(table["state"]) == ["current", "current"]
    assert list(table["unheard"]) == [0, 0]
    assert command.main(["store", "show"]) == 0
    assert "handcrafted" in capsys.readouterr().out


def test_other_weights_make_a_shelf_stale_and_only_that_goes(kept, checkpoint_folder, capsys):
    path = checkpoint_folder / "wav2vec2.ckpt"
    torch.save({key: tensor * 1.1 for key, tensor in torch.load(path, weights_only=True).items()}, path)
    assert states().to_dict() == {"handcrafted": "current", f"wav2vec2:{checkpoint_folder}": "stale: other weights"}
    assert command.main(["store", "drop", "--stale"]) == 0
    assert "dropped" in capsys.readouterr().out
    assert list(inventory.table()["encoder"]) == ["handcrafted"]


def test_a_checkpoint_that_is_not_here_makes_nothing_stale(kept, checkpoint_folder):
    checkpoint_folder.rename(checkpoint_folder.with_name("elsewhere"))
    assert states().iloc[1].startswith("unknown: no checkpoint")
    assert inventory.drop(stale=True) == []


def test_what_was_made_of_sounds_that_are_gone_is_found_and_dropped(kept):
    (kept / "a.wav").unlink()
    assert list(inventory.table(sounds=True)["unheard"]) == [2, 2]
    assert len(inventory.drop(sounds=True)) == 2
    assert list(inventory.table(sounds=True)["windows"]) == [2, 2]
    assert list(inventory.table(sounds=True)["unheard"]) == [0, 0]


def test_damage_is_named(kept, capsys):
    assert command.main(["store", "check"]) == 0
    shard = inventory.shelves()[0].files()[0]
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert command.main(["store", "check"]) == 1
    assert shard.name in capsys.readouterr().out
    record = inventory.shelves()[1].folder / "encoder.json"
    record.write_text("no json")
    assert inventory.table()["state"].iloc[1] == "damaged: no readable encoder.json"


def test_dropping_by_name_needs_the_name(kept, capsys):
    assert command.main(["store", "drop", "nothing"]) == 1
    assert "no shelf 'nothing'" in capsys.readouterr().err
    assert command.main(["store", "drop"]) == 1
    (name,) = [shelf.folder.name for shelf in inventory.shelves() if shelf.folder.name.startswith("handcrafted")]
    assert command.main(["store", "drop", name]) == 0
    assert len(inventory.shelves()) == 1


def test_an_empty_store_says_so(tmp_path, capsys):
    assert command.main(["store", "--folder", str(tmp_path), "show"]) == 0
    assert "holds no embeddings" in capsys.readouterr().out


def test_the_record_says_what_the_shelf_depends_on(kept):
    record = json.loads((inventory.shelves()[1].folder / "encoder.json").read_text())
    assert set(record) == {"name", "precision", "sample_rate", "dimension", "weights", "code", "packages"}
    assert record["precision"] == "fp32" and len(record["weights"]) == 64

"""A shard proves itself: not a byte of it can change unnoticed, and it is there whole or not at all."""

import errno
import os

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from emocast.encoders.store import shards
from emocast.encoders.store.shards import Key

KEYS = [Key("b" * 64, 0, 160), Key("a" * 64, 5, 165), Key("b" * 64, 160, 320)]
SOUNDS = ["x/b.wav", "x/a.wav", "x/b.wav"]
VALUES = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


@pytest.fixture
def shard(tmp_path):
    return shards.write(tmp_path, "plan", KEYS, VALUES, sounds=SOUNDS)


def test_what_is_written_is_read_back(shard):
    found = shards.read(shard)
    assert found.keys == shards.read_keys(shard) == KEYS
    np.testing.assert_array_equal(found.embeddings, VALUES)
    assert shards.sounds(shard) == {"b" * 64: "x/b.wav", "a" * 64: "x/a.wav"}


def test_others_can_read_it(shard):
    with safe_open(shard, framework="pt") as file:
        np.testing.assert_array_equal(file.get_tensor("embeddings").numpy(), VALUES)


def test_the_same_content_gives_the_same_file(shard, tmp_path):
    (tmp_path / "other").mkdir()
    for _ in range(8):
        again = shards.write(tmp_path / "other", "plan", KEYS, VALUES, sounds=SOUNDS)
        assert (again.name, again.read_bytes()) == (shard.name, shard.read_bytes())
    other = shards.write(tmp_path / "other", "plan", KEYS, -VALUES, sounds=SOUNDS)
    assert other.name != shard.name


def test_no_byte_changes_unnoticed(shard):
    content = shard.read_bytes()
    for place in range(len(content)):
        shard.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(shards.DamagedError, match="its content is not what its name says"):
            shards.read(shard)
        for look in (shards.read_keys, shards.sounds):  # these look at less: something else, or that it is no shard
            try:
                look(shard)
            except shards.DamagedError as error:
                assert shard.name in str(error)


@pytest.mark.parametrize("left", [0, 7, 100, -1])
def test_what_is_cut_short_is_damaged(shard, left):
    shard.write_bytes(shard.read_bytes()[:left])
    for look in (shards.read, shards.read_keys, shards.sounds):
        with pytest.raises(shards.DamagedError, match=shard.name):
            look(shard)


def test_another_safetensors_file_is_no_shard_even_under_a_name_that_fits(shard, tmp_path):
    save_file({"weight": VALUES}, tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    path = tmp_path / f"plan-{shards.hashlib.sha256(content).hexdigest()}.safetensors"
    path.write_bytes(content)
    for look in (shards.read, shards.read_keys, shards.sounds):
        with pytest.raises(shards.DamagedError, match="no shard of embeddings"):
            look(path)


def test_a_name_that_changed_is_noticed(shard):
    name = shard.name[:8] + ("0" if shard.name[8] != "0" else "1") + shard.name[9:]
    with pytest.raises(shards.DamagedError, match=name):
        shards.read(shard.rename(shard.with_name(name)))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_takes_no_more_leaves_nothing_half_made(shard, monkeypatch, code):
    def full(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        shards.StoreError, match=f"cannot be written \\({os.strerror(code)}\\).*is kept; make room or"
    ) as raised:
        shards.write(shard.parent, "next", KEYS, VALUES, sounds=SOUNDS)
    assert str(shard.parent) in str(raised.value)
    assert list(shard.parent.iterdir()) == [shard]


def test_a_shard_that_cannot_be_read_is_not_taken_for_damaged(shard):
    shard.unlink()
    shard.mkdir()
    for look in (shards.read, shards.read_keys):
        with pytest.raises(shards.StoreError, match="cannot be read"):
            look(shard)

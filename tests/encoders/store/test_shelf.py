"""Only the shards are the truth: whatever happens to them or to the index, no window gets another's embedding."""

import numpy as np
import pyarrow.parquet as pq
import pytest

import watched
from emocast.encoders import store
from emocast.encoders.store import shards
from emocast.encoders.store.shards import Key
from emocast.encoders.store.shelf import Shelf

OPTIONS = {"precision": "fp32", "progress": False}


@pytest.fixture
def kept(corpus, encoder, folder, log):
    """A complete store: its shelf, and the embeddings as they were given."""
    root, windows = corpus
    found, _ = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    log.unlink()
    (record,) = folder.glob("*/encoder.json")
    return Shelf(record.parent), found


@pytest.fixture
def again(corpus, encoder, folder, log, kept):
    """A function that embeds the same windows; it says how many were computed, and checks that each is right."""

    def embed():
        log.unlink(missing_ok=True)
        found, failed = store.embed(encoder, corpus[1], corpus[0], folder=folder, **OPTIONS)
        assert failed.empty
        np.testing.assert_allclose(found, kept[1], atol=1e-6)  # other neighbours in a batch may change the last digit
        return len(watched.lines(log))

    return embed


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def damages(path):
    """Places in a shard: in its values, in a window's first frame, in a sound's digest, in the format's header."""
    content = path.read_bytes()
    key = next(key for key in shards.read_keys(path) if key.start)
    start = content.index(int(key.start).to_bytes(8, "little"))
    values = content.index(shards.read(path).embeddings[0].tobytes())
    return {"values": values + 3, "frames": start, "digest": content.index(key.audio.encode()) + 5, "header": 9}


def shard_of(shelf, windows):
    """The first shard with so many windows: two of a short sound, or four of the long one."""
    return next(path for path in shelf.files() if len(shards.read_keys(path)) == windows)


@pytest.mark.parametrize("windows", [2, 4])
@pytest.mark.parametrize("index", ["with its index", "without"])
@pytest.mark.parametrize("where", ["values", "frames", "digest", "header", "cut short", "emptied", "name"])
def test_a_damaged_shard_is_put_aside_and_computed_again(kept, again, where, index, windows):
    shelf = kept[0]
    path = shard_of(shelf, windows)
    name, content, keys = path.name, path.read_bytes(), shards.read_keys(path)
    if where == "name":
        path = path.rename(path.with_name(name[:20] + format(int(name[20], 16) ^ 1, "x") + name[21:]))
    elif where in ("cut short", "emptied"):
        path.write_bytes(content[: 300 if where == "cut short" else 0])
    else:
        flip(path, damages(path)[where])
    if index == "without":
        (shelf.folder / "index.parquet").unlink()
    assert again() == windows
    held = {key: shard for shard in shelf.files() for key in shards.read(shard).keys}
    if (
        where == "frames" and index == "without"
    ):  # one window seemed missing at once, the others when the shard was read
        assert len({held[key].name for key in keys}) == 2
    else:
        assert {held[key].name for key in keys} == {name} and (shelf.shards / name).read_bytes() == content
    assert [aside.name for aside in (shelf.folder / "damaged").iterdir()] == [path.name]
    assert again() == 0


def test_a_deleted_shard_is_computed_again(kept, again):
    kept[0].files()[2].unlink()
    assert again() in (2, 4)
    assert again() == 0


def test_a_deleted_index_costs_no_work(kept, again):
    (kept[0].folder / "index.parquet").unlink()
    assert again() == 0
    assert (kept[0].folder / "index.parquet").is_file()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"words that are no table" * 100])
def test_a_file_in_place_of_the_index_costs_no_work(kept, again, content):
    (kept[0].folder / "index.parquet").write_bytes(content)
    assert again() == 0


def test_an_index_with_a_flipped_byte_costs_no_work(kept, again):
    index = kept[0].folder / "index.parquet"
    content = index.read_bytes()
    for place in np.random.default_rng(0).choice(len(content), 25, replace=False):
        index.write_bytes(content)
        flip(index, place)
        assert again() == 0


def test_another_shelfs_index_costs_no_work(kept, again, corpus, encoder, folder):
    store.embed(encoder, corpus[1], corpus[0], folder=folder, precision="bf16", progress=False)
    (foreign,) = folder.glob("*-bf16-*/index.parquet")
    (kept[0].folder / "index.parquet").write_bytes(foreign.read_bytes())
    assert again() == 0


@pytest.mark.parametrize("column", ["shard", "start"])
def test_an_index_that_lies_is_not_believed(kept, again, column):
    """Whole, but its rows name the shards or frames of others."""
    index = kept[0].folder / "index.parquet"
    table = pq.read_table(index)
    values = table.column(column).to_pylist()
    pq.write_table(table.set_column(table.column_names.index(column), column, [values[::-1]]), index)
    again()
    assert not (kept[0].folder / "damaged").exists()  # the shards are sound
    assert again() == 0


def test_an_index_that_says_nothing_of_the_right_shards_costs_no_work(kept, again):
    index = kept[0].folder / "index.parquet"
    table = pq.read_table(index)
    table = table.set_column(2, "start", [[start + 7 for start in table.column("start").to_pylist()]])
    pq.write_table(table, index)
    assert again() == 0


def test_a_shard_that_another_run_takes_away_meanwhile_is_missing(kept, monkeypatch):
    shelf = kept[0]
    keys = list(shelf.places())
    gone = shelf.files()[0]
    lost = {position for position, key in enumerate(keys) if key in shards.read_keys(gone)}
    files = shelf.files()
    monkeypatch.setattr(Shelf, "files", lambda self: files)
    gone.unlink()
    found, missing = shelf.read(keys, 32)
    assert set(missing) == lost
    assert np.isnan(found[missing]).all() and np.isfinite(np.delete(found, missing, axis=0)).all()
    (shelf.folder / "index.parquet").unlink()
    assert set(shelf.missing(keys)) == lost


def test_a_piece_is_one_runs_at_a_time(tmp_path):
    shelf = Shelf(tmp_path / "shelf")
    shelf.create({})
    with shelf.working_on("plan") as ours:
        assert ours
        with Shelf(shelf.folder).working_on("plan") as theirs:
            assert not theirs
        with Shelf(shelf.folder).working_on("another") as theirs:
            assert theirs
    with shelf.working_on("plan") as ours:
        assert ours  # it was not done
    shards.write(shelf.shards, "plan", [Key("a", 0, 1)], np.zeros((1, 2)), sounds=["a.wav"])
    with shelf.working_on("plan", wait=True) as ours:
        assert not ours
    assert list((shelf.folder / "locks").iterdir()) == []

"""Every window gets its own embedding, whoever computes it; what was computed is found by its content, and by nothing else."""

import errno
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from threading import Thread

import dask
import filelock
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from distributed import LocalCluster

import watched
from emocast import audio, compute, encoders, windows
from emocast.encoders import store
from emocast.encoders.store import StoreError
from emocast.encoders.wav2vec2 import Wav2Vec2

RATE = 16_000
OPTIONS = {"precision": "fp32", "progress": False}
PAUSE_S = 0.05
PATIENCE_S = 180.0  # a busy machine starts processes slowly


@pytest.fixture
def corpus(tmp_path):
    """Twelve sounds of 3 s with two windows of 1 s each, and one of 12 s with ten; its root and the window table."""
    root, rng, rows = tmp_path / "corpus", np.random.default_rng(0), []
    root.mkdir()
    for number in range(13):
        name, length_s, starts = (f"{number:02}.wav", 3, (0.0, 1.5)) if number else ("00.wav", 12, np.arange(10.0))
        soundfile.write(root / name, rng.normal(0, 0.1, length_s * RATE), RATE, subtype="PCM_16")
        rows += [(name, start, start + 1.0) for start in starts]
    table = pd.DataFrame(rows, columns=["audio", "start_s", "end_s"])
    table = table.sample(frac=1.0, random_state=1)  # in no order, and with an index of its own
    table.to_parquet(root / "windows.parquet")
    return root, table


@pytest.fixture
def folder(tmp_path):
    """Where the store is."""
    return tmp_path / "store"


@pytest.fixture
def encoder(checkpoint_folder):
    """The name of a small wav2vec 2.0."""
    return f"wav2vec2:{checkpoint_folder}"


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(store, "_CHUNK_S", watched.CHUNK_S)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Where wav2vec 2.0 notes in this process which windows it embeds: `watched.lines` reads it."""
    monkeypatch.setattr(Wav2Vec2, "encode", watched.noting(Wav2Vec2.encode, tmp_path / "log"))
    return tmp_path / "log"


def contents(folder):
    """The name and the bytes of each file of embeddings below a folder."""
    return {path.name: path.read_bytes() for path in folder.glob("*/*.npz")}


def alone(name, table, root):
    """The embedding of each window, computed for itself."""
    made, sounds = encoders.get(name), []
    for row in table.itertuples(index=False):
        options = {"start_s": row.start_s, "end_s": row.end_s, "voice": getattr(row, "voice", None)}
        sounds.append(audio.read(root / row.audio, **options))
    return np.concatenate([made.encode([sound]) for sound in sounds])


def change_weights(checkpoint_folder):
    path = checkpoint_folder / "wav2vec2.ckpt"
    torch.save({key: tensor * 1.1 for key, tensor in torch.load(path, weights_only=True).items()}, path)


def test_rows_stay_beside_their_windows(corpus, encoder, folder):
    root, table = corpus
    found, failed = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert failed.empty
    assert found.dtype == np.float32 and found.shape == (len(table), 32)
    np.testing.assert_allclose(found, alone(encoder, table, root), atol=1e-4)
    again, _ = store.embed(encoder, table.iloc[::-1], root, folder=folder, **OPTIONS)
    np.testing.assert_array_equal(again[::-1], found)
    nothing, failed = store.embed(encoder, table[:0], root, folder=folder, **OPTIONS)
    assert nothing.shape == (0, 32) and list(failed.columns) == ["audio", "windows", "problem"]


@pytest.mark.parametrize("kind", ["wav2vec2", "handcrafted"])  # threads and processes
def test_the_number_of_jobs_changes_no_bit(corpus, encoder, tmp_path, kind):
    root, table = corpus
    name = encoder if kind == "wav2vec2" else kind
    one, _ = store.embed(name, table, root, jobs=1, folder=tmp_path / "store1", **OPTIONS)
    two, failed = store.embed(name, table, root, jobs=2, folder=tmp_path / "store2", **OPTIONS)
    np.testing.assert_array_equal(one, two)
    assert failed.empty
    assert contents(tmp_path / "store1") == contents(tmp_path / "store2")
    assert len(contents(tmp_path / "store1")) == 13  # one a sound


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_embedded_is_listed_and_the_others_go_on(corpus, encoder, folder, jobs):
    root, table = corpus
    (root / "01.wav").unlink()
    (root / "02.wav").write_bytes(b"")
    (root / "03.wav").write_bytes((root / "03.wav").read_bytes()[:50_000])  # a second and a half
    more = [(None, 0.0, 1.0), ("04.wav", 2.5, 3.5), ("05.wav", np.nan, 1.0), ("06.wav", 1.0, 1.01)]
    table = pd.concat([table, pd.DataFrame(more, columns=table.columns)])
    found, failed = store.embed(encoder, table, root, jobs=jobs, folder=folder, **OPTIONS)
    expected = {"01.wav": 2, "02.wav": 2, "03.wav": 1, "04.wav": 1, "05.wav": 1, "06.wav": 1, "None": 1}
    assert failed.groupby("audio")["windows"].sum().to_dict() == expected
    problems = {name: " ".join(some["problem"]) for name, some in failed.groupby("audio")}
    said = {"01": "no such file", "02": "is empty", "03": "ends at 1.5", "04": "ends at 3.000 s", "05": "from nan s to",
            "06": "160 samples are shorter than one frame"}  # fmt: skip
    for name, words in said.items():
        assert f"{name}.wav: " in problems[f"{name}.wav"] and words in problems[f"{name}.wav"]
    bad = np.isnan(found).any(axis=1)
    assert bad.sum() == sum(expected.values())
    np.testing.assert_allclose(found[~bad], alone(encoder, table[~bad], root), atol=1e-4)


@pytest.mark.parametrize(("kind", "rate"), [("wav2vec2", RATE), ("handcrafted", RATE), ("handcrafted", 44_100)])
def test_a_window_without_numbers_or_too_short_stops_no_other(tmp_path, folder, encoder, kind, rate):
    samples = np.random.default_rng(0).normal(0, 0.1, 3 * rate)
    samples[rate + 5] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    table = pd.DataFrame({"audio": "a.wav", "start_s": [0.0, 1.0, 2.0, 2.0], "end_s": [1.0, 2.0, 3.0, 2.01]})
    found, failed = store.embed(encoder if kind == "wav2vec2" else kind, table, tmp_path, folder=folder, **OPTIONS)
    assert list(np.isnan(found).any(axis=1)) == [False, True, False, True] and list(failed["windows"]) == [1, 1]


def test_what_is_there_is_found_by_its_content(corpus, encoder, folder, log):
    """A copied corpus and a renamed sound find it; a changed recording does not; more windows cost only themselves."""
    root, table = corpus
    store.embed(encoder, table[:11], root, folder=folder, **OPTIONS)
    assert len(watched.lines(log)) == 11
    twice, _ = store.embed(encoder, pd.concat([table, table]), root, folder=folder, **OPTIONS)
    first = twice[: len(table)]
    np.testing.assert_array_equal(twice[len(table) :], first)
    assert len(set(watched.lines(log))) == len(watched.lines(log)) == len(table)
    log.unlink()
    copied = shutil.copytree(root, root.with_name("copy"))
    np.testing.assert_array_equal(store.embed(encoder, table, copied, folder=folder, **OPTIONS)[0], first)
    (root / "05.wav").rename(root / "renamed.wav")
    renamed = table.assign(audio=table["audio"].replace("05.wav", "renamed.wav"))
    np.testing.assert_array_equal(store.embed(encoder, renamed, root, folder=folder, **OPTIONS)[0], first)
    assert watched.lines(log) == []
    soundfile.write(copied / "07.wav", np.random.default_rng(9).normal(0, 0.2, 3 * RATE), RATE, subtype="FLOAT")
    after, _ = store.embed(encoder, table, copied, folder=folder, **OPTIONS)
    assert list((first != after).any(axis=1)) == list(table["audio"] == "07.wav")
    assert len(watched.lines(log)) == 2


def test_what_is_there_is_found_by_its_weights(corpus, encoder, folder, checkpoint_folder, log):
    """Other weights, and another number format, are computed anew; the same weights under another name are not."""
    root, table = corpus
    first, _ = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    log.unlink()
    renamed = f"wav2vec2:{shutil.copytree(checkpoint_folder, checkpoint_folder.with_name('copy'))}"
    change_weights(checkpoint_folder)
    np.testing.assert_array_equal(store.embed(renamed, table, root, folder=folder, **OPTIONS)[0], first)
    assert watched.lines(log) == []
    second, failed = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert failed.empty and np.abs(first - second).max(axis=1).min() > 1e-4
    np.testing.assert_allclose(second, alone(encoder, table, root), atol=1e-4)
    half, _ = store.embed(encoder, table, root, folder=folder, precision="bf16", progress=False)
    cosine = (second * half).sum(1) / np.linalg.norm(second, axis=1) / np.linalg.norm(half, axis=1)
    assert cosine.min() > 0.9 and (second != half).any(axis=1).all()
    assert len(list(folder.iterdir())) == 3


def test_weights_that_change_during_a_run_stop_it(corpus, encoder, folder, checkpoint_folder, monkeypatch):
    root, table = corpus
    original = store._embed

    def changing(*arguments):
        result = original(*arguments)
        if len(watched.kept(folder)) == 2:  # while the second chunk is in hand
            change_weights(checkpoint_folder)
        return result

    monkeypatch.setattr(store, "_embed", changing)
    with pytest.raises(RuntimeError, match=r"the weights or the code of wav2vec2:.* changed while they were used"):
        store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert len(watched.kept(folder)) == 4


def test_a_sound_that_changes_during_a_run_is_listed_and_found_by_the_next(corpus, encoder, folder, monkeypatch):
    root, table = corpus
    original, new = store._embed, np.random.default_rng(9).normal(0, 0.2, 3 * RATE)

    def changing(*arguments):
        soundfile.write(root / "08.wav", new, RATE, subtype="FLOAT")
        monkeypatch.setattr(store, "_embed", original)
        return original(*arguments)

    monkeypatch.setattr(store, "_embed", changing)
    found, failed = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert failed[["audio", "windows"]].to_dict("records") == [{"audio": "08.wav", "windows": 2}]
    assert "08.wav: changed while it was read; run again" in failed["problem"][0]
    assert list(np.isnan(found).any(axis=1)) == list(table["audio"] == "08.wav")
    again, failed = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert failed.empty and np.isfinite(again).all()


def test_a_flipped_byte_anywhere_is_noticed_or_harmless(tmp_path, folder):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 2 * RATE), RATE)
    table = pd.DataFrame({"audio": "a.wav", "start_s": [0.0, 1.0], "end_s": [1.0, 2.0]})
    expected, _ = store.embed("handcrafted", table, tmp_path, folder=folder, **OPTIONS)
    (file,) = folder.glob("*/*.npz")
    content, known = file.read_bytes(), store._read(file)
    values = np.stack(list(known.values())).tobytes()
    first = content.index(values)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        file.write_bytes(flipped)
        found = store._read(file)
        same = found.keys() == known.keys() and all((found[span] == known[span]).all() for span in known)
        assert not found or (same and not first <= place < first + len(values))
    for damage in (b"", content[:-1], content[: len(content) // 2], b"no archive"):
        file.write_bytes(damage)
        again, _ = store.embed("handcrafted", table, tmp_path, folder=folder, **OPTIONS)
        np.testing.assert_array_equal(again, expected)
        assert file.read_bytes() == content


def test_a_file_that_cannot_be_read_for_once_keeps_what_it_holds(corpus, encoder, folder, monkeypatch):
    """A disk that stutters is no damage: nothing is written over it."""
    root, table = corpus
    store.embed(encoder, table[:6], root, folder=folder, **OPTIONS)
    kept = contents(folder)

    def stutter(self, own=Path.read_bytes):
        if self.suffix == ".npz":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return own(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", stutter)
        with pytest.raises(StoreError, match="cannot be read"):
            store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert contents(folder) == kept


@pytest.mark.parametrize(("code", "where"), [(errno.ENOSPC, "file"), (errno.EROFS, "lock")])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_disk_that_refuses_stops_the_run_wherever_it_does(corpus, encoder, folder, monkeypatch, code, where, jobs):
    """The calls that write fail as they would on a full or read-only disk, after a first part was kept, which is read."""
    root, table = corpus

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    first, _ = store.embed(encoder, table[:6], root, folder=folder, **OPTIONS)
    kept = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(*((tempfile, "mkdtemp") if where == "file" else (filelock.FileLock, "acquire")), refuse)
        with pytest.raises(StoreError, match=r"cannot be written .*give OUTPUTS=another folder") as raised:
            store.embed(encoder, table, root, folder=folder, jobs=jobs, **OPTIONS)
        np.testing.assert_array_equal(store.embed(encoder, table[:6], root, folder=folder, **OPTIONS)[0], first)
    assert os.strerror(code) in str(raised.value) and str(folder) in str(raised.value)
    assert contents(folder) == kept
    found, failed = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert failed.empty and np.isfinite(found).all()


@pytest.fixture(scope="session")
def processes():
    """Processes that begin with the heavy packages imported: they are forked off one that has done it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["emocast.encoders.store", "emocast.encoders.wav2vec2"])
    first = context.Process()
    first.start()  # now that one is begun, and nobody else's settings (Dask's) change what it imports
    first.join()
    return context


@pytest.fixture
def undisturbed(corpus, encoder, tmp_path, log):
    """What one run makes which nobody disturbs: the files, the vectors, and each window's name in the log."""
    root, table = corpus
    made = store.embed(encoder, table, root, folder=tmp_path / "undisturbed", **OPTIONS)[0]
    names = {name for _, name in watched.lines(log)}
    log.unlink()  # what runs from now on is another matter
    return contents(tmp_path / "undisturbed"), made, names


@pytest.fixture
def started(corpus, encoder, folder, log, processes):
    """A function that starts a run in a process of its own; what is still running at the end is ended."""
    running = []

    def start(most=1000, gate=None):
        given = (encoder, corpus[0], folder, log, PAUSE_S, most, gate)
        running.append(processes.Process(target=watched.run, args=given))
        running[-1].start()
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.join()


def wait_for(condition, process=None):
    """Wait until a condition holds while a run is under way."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process is None or process.is_alive(), f"the run ended too early, with {process.exitcode}"
        assert time.monotonic() < deadline, "the run does not come on"
        time.sleep(0.002)


def test_a_run_that_is_killed_three_times_ends_as_an_undisturbed_one(
    corpus, encoder, folder, log, undisturbed, started
):
    root, table = corpus
    rng = np.random.default_rng(11)
    for _ in range(3):
        before, noted = watched.kept(folder), len(watched.lines(log))
        goal = len(before) + 2 * int(rng.integers(1, 4))
        process = started(goal + 2)
        wait_for(lambda goal=goal: len(watched.kept(folder)) >= goal, process)
        time.sleep(rng.uniform(0, 1.5 * PAUSE_S))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        after = watched.kept(folder)
        assert before < after and len(after) < len(table), "the kill did not fall into the middle"
        assert len(watched.lines(log)) - noted <= len(after - before) + 2  # no more was lost than the chunk in hand
    found, failed = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert failed.empty
    np.testing.assert_array_equal(found, undisturbed[1])
    assert contents(folder) == undisturbed[0]
    counts = Counter(name for _, name in watched.lines(log))
    assert counts.keys() == undisturbed[2] and counts.total() <= len(table) + 3 * 2


def test_runs_beside_each_other_share_the_work(folder, log, undisturbed, started, tmp_path):
    """The long sound's chunks, too: two writers of one file."""
    (gate := tmp_path / "gate").mkdir()
    runs = [started(gate=gate) for _ in range(2)]
    wait_for(lambda: len(list(gate.glob("ready-*"))) == 2, runs[0])
    (gate / "go").touch()
    for run in runs:
        run.join(PATIENCE_S)
    assert [run.exitcode for run in runs] == [0, 0]
    assert contents(folder) == undisturbed[0]
    noted = watched.lines(log)
    assert len({process for process, _ in noted}) == 2, "one run did it all"
    assert Counter(name for _, name in noted) == Counter(undisturbed[2])  # each window once


@pytest.fixture
def cluster(processes, log, folder, tmp_path, monkeypatch):
    """A cluster of two processes that wait, a chunk in hand, once the store has eight windows; runs here use it."""
    quiet = {"distributed.worker.multiprocessing-method": "forkserver", "distributed.logging.distributed": "critical"}
    environment = {watched.LOG: str(log), watched.STORE: str(folder), watched.MOST: "8"}
    options = {"dashboard_address": None, "local_directory": str(tmp_path), "silence_logs": 60, "env": environment}
    with (
        dask.config.set(quiet),
        LocalCluster(n_workers=2, threads_per_worker=1, preload=[watched.__file__], **options) as cluster,
    ):
        monkeypatch.setenv(compute.EXECUTOR, "dask")
        monkeypatch.setenv(compute.SCHEDULER, cluster.scheduler_address)
        yield cluster


def test_a_dask_cluster_computes_the_same_though_a_worker_is_killed(corpus, encoder, folder, log, undisturbed, cluster):
    results, nanny = [], cluster.workers[0]
    victim, given = nanny.pid, (encoder, corpus[1], corpus[0])
    # a daemon: should the run never end, the test does
    run = Thread(target=lambda: results.append(store.embed(*given, folder=folder, **OPTIONS)), daemon=True)
    run.start()
    wait_for(lambda: len(list(folder.glob("held-*"))) == 2)
    before, noted = watched.kept(folder), watched.lines(log)
    assert (folder / f"held-{victim}").exists() and 8 <= len(before) == len(noted) < len(undisturbed[2])
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: nanny.pid != victim)
    (folder / "go").touch()  # now the chunk that it had in hand is another's
    run.join(PATIENCE_S)
    ((found, failed),) = results
    assert failed.empty
    np.testing.assert_array_equal(found, undisturbed[1])
    assert contents(folder) == undisturbed[0]
    assert watched.lines(log)[: len(noted)] == noted and victim not in dict(watched.lines(log)[len(noted) :])
    assert Counter(name for _, name in watched.lines(log)) == Counter(undisturbed[2])  # nothing that was kept, again


@pytest.fixture
def sweep(tmp_path):
    """Two dialogues of 40 s and the windows of three events at shifts of 0 to 20 s."""
    rng = np.random.default_rng(0)
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(0, 0.1, 40 * RATE), RATE, subtype="FLOAT")
    columns = dict.fromkeys(windows.EVENT_COLUMNS, "x")
    onsets = [("a", 31.3), ("b", 33.7), ("b", 39.0)]
    events = pd.DataFrame([{**columns, "audio": f"{n}.wav", "start_s": s, "end_s": s + 1.0} for n, s in onsets])
    return tmp_path, windows.sweep(events, range(0, 21, 2), length_s=10.0)


def test_blocks_are_shared_and_none_reaches_out_of_its_window(sweep):
    _, cut = sweep
    table = store.cut_blocks(cut, block_s=2.0)
    assert len(table) == 5 * len(cut)
    assert len(table.drop_duplicates(["audio", "stop_ms"])) == 3 * 15  # 30 s of sound an event
    table = store.cut_blocks(cut, block_s=2.5)
    ends, starts = cut["end_s"].repeat(4).to_numpy(), cut["start_s"].repeat(4).to_numpy()
    assert (table["end_s"].to_numpy() <= ends + 1e-9).all()
    assert (table["start_s"].to_numpy() >= starts - 1e-9).all()
    for block_s in (3.0, 20.0):
        with pytest.raises(ValueError, match=f"a whole number of blocks of {block_s} s"):
            store.cut_blocks(cut, block_s=block_s)


def test_a_window_is_the_mean_of_its_blocks_and_sound_after_it_changes_nothing(sweep, encoder, folder):
    root, cut = sweep
    found, failed = store.embed_blocks(encoder, cut, root, block_s=2.0, folder=folder, **OPTIONS)
    assert failed.empty
    for row in (0, 17, len(cut) - 1):
        window = cut.iloc[row]
        ends = [window["end_s"] - 2.0 * number for number in range(5)]
        waveforms = [audio.read(root / window["audio"], start_s=end - 2.0, end_s=end) for end in ends]
        np.testing.assert_allclose(found[row], encoders.get(encoder).encode(waveforms).mean(axis=0), atol=1e-4)
    assert store.embed_blocks(encoder, cut[:0], root, block_s=2.0, folder=folder, **OPTIONS)[0].shape == (0, 32)
    damaged = cut.assign(audio=cut["audio"].replace("a.wav", "no.wav"))
    found, failed = store.embed_blocks("handcrafted", damaged, root, block_s=2.0, folder=folder, progress=False)
    assert list(np.isnan(found).any(axis=1)) == list(cut["audio"] == "a.wav")
    assert failed[["audio", "blocks"]].to_dict("records") == [{"audio": "no.wav", "blocks": 15}]
    one = cut.iloc[[4]]
    before, _ = store.embed_blocks(encoder, one, root, block_s=2.0, folder=root / "s1", **OPTIONS)
    path = root / one["audio"].iloc[0]
    samples, rate = soundfile.read(path, dtype="float32")
    samples[int(np.ceil(one["end_s"].iloc[0] * rate)) :] = 0.9
    soundfile.write(path, samples, rate, subtype="FLOAT")
    after, _ = store.embed_blocks(encoder, one, root, block_s=2.0, folder=root / "s2", **OPTIONS)
    np.testing.assert_array_equal(after, before)


WINDOWS = pd.DataFrame(
    {"audio": list("abcabc"), "start_s": np.arange(6.0), "end_s": np.arange(6.0) + 1}, index=range(6, 12)
)
VALUES = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)


def test_what_is_saved_is_read_back_and_what_does_not_belong_together_is_not(tmp_path):
    for values, said in ((VALUES[:5], "6 windows but 5 embeddings"), (np.full((6, 2), np.nan), "is not finite")):
        with pytest.raises(ValueError, match=said):
            store.save(tmp_path / "out", WINDOWS, values)
    assert not (tmp_path / "out").exists()
    store.save(tmp_path / "out", WINDOWS, VALUES.astype(np.float64))
    table, embeddings = store.load(tmp_path / "out")
    pd.testing.assert_frame_equal(table, WINDOWS.reset_index(drop=True))
    np.testing.assert_array_equal(embeddings, VALUES)
    assert embeddings.dtype == np.float32
    store.save(tmp_path / "other", WINDOWS[:4], VALUES[:4])  # as if killed between the two files
    (tmp_path / "other" / "windows.parquet").replace(tmp_path / "out" / "windows.parquet")
    with pytest.raises(ValueError, match="4 windows and 6 embeddings; run 03 again"):
        store.load(tmp_path / "out")
    (tmp_path / "out" / "embeddings.npy").unlink()
    with pytest.raises(FileNotFoundError, match="run notebook 03_embedding_extraction first"):
        store.load(tmp_path / "out")


@pytest.mark.parametrize("kind", ["handcrafted", "wav2vec2"])
def test_a_voice_has_embeddings_of_its_own_and_silence_has_one_too(corpus, folder, encoder, kind):
    (root, table), name = corpus, encoder if kind == "wav2vec2" else kind
    turns, marked = ((0.2, 0.8), (1.5, 3.5)), {}
    marked["voice"] = table.assign(voice=[audio.Voice(turns)] * len(table))
    marked["longer"] = table.assign(voice=[audio.Voice((*turns, (9.0, 9.5)))] * len(table))
    marked["nobody"] = table.assign(voice=[audio.Voice(())] * len(table))
    asked = {"all": table, **marked}
    found = {key: store.embed(name, rows, root, folder=folder, **OPTIONS) for key, rows in asked.items()}
    assert all(problems.empty and np.isfinite(values).all() for values, problems in found.values())
    files = 3 * 13 + 13  # the kept files tell sounds and voices apart
    assert len(contents(folder)) == files
    for key, rows in marked.items():
        again, _ = store.embed(name, rows[::-1], root, folder=folder, **OPTIONS)
        np.testing.assert_array_equal(again[::-1], found[key][0])
        np.testing.assert_allclose(found[key][0], alone(name, rows, root), rtol=1e-4, atol=1e-5)
    same = np.isclose(found["voice"][0], found["longer"][0]).all(axis=1)
    assert same.sum() == len(table) - 1, "only the window from 9 s on has more of the longer voice"
    assert len(np.unique(found["nobody"][0], axis=0)) == 1
    assert len(contents(folder)) == files, "what was computed is found again"

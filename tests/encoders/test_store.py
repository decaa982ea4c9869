"""Every window gets its own embedding, whoever computes it; what was computed is found by its content, and by nothing else."""

import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections import Counter
from threading import Thread

import dask
import filelock
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from distributed import Client, LocalCluster

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
    made = encoders.get(name)
    rows = table.itertuples(index=False)
    return np.concatenate(
        [made.encode([audio.read(root / row.audio, start_s=row.start_s, end_s=row.end_s)]) for row in rows]
    )


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


@pytest.mark.parametrize("kind", ["wav2vec2", "handcrafted"])  # threads and processes
def test_the_number_of_jobs_changes_no_bit(corpus, encoder, tmp_path, kind):
    root, table = corpus
    name = encoder if kind == "wav2vec2" else kind
    results = [
        store.embed(name, table, root, jobs=jobs, folder=tmp_path / f"store{jobs}", **OPTIONS) for jobs in (1, 2)
    ]
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1].empty and results[1][1].empty
    assert contents(tmp_path / "store1") == contents(tmp_path / "store2")
    assert len(contents(tmp_path / "store1")) == 13  # one a sound


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_embedded_is_listed_and_the_others_go_on(corpus, encoder, folder, jobs):
    root, table = corpus
    (root / "01.wav").unlink()
    (root / "02.wav").write_bytes(b"")
    (root / "03.wav").write_bytes((root / "03.wav").read_bytes()[:50_000])  # a second and a half
    nowhere = [(None, 0.0, 1.0), ("04.wav", 2.5, 3.5), ("04.wav", -0.1, 1.0), ("05.wav", 0.0, np.inf)]
    more = [*nowhere, ("05.wav", np.nan, 1.0), ("06.wav", 1.0, 1.01), ("06.wav", 2.0, 1.0)]
    table = pd.concat([table, pd.DataFrame(more, columns=table.columns)])
    found, failed = store.embed(encoder, table, root, jobs=jobs, folder=folder, **OPTIONS)
    expected = {"01.wav": 2, "02.wav": 2, "03.wav": 1, "04.wav": 2, "05.wav": 2, "06.wav": 2, "None": 1}
    assert failed.groupby("audio")["windows"].sum().to_dict() == expected
    problems = {name: " ".join(some["problem"]) for name, some in failed.groupby("audio")}
    said = {"01": "no such file", "02": "is empty", "03": "ends at 1.5", "04": "ends at 3.000 s", "05": "from nan s to",
            "06": "160 samples are shorter than one frame"}  # fmt: skip
    for name, words in said.items():
        assert f"{name}.wav: " in problems[f"{name}.wav"] and words in problems[f"{name}.wav"]
    bad = np.isnan(found).any(axis=1)
    assert bad.sum() == sum(expected.values())
    np.testing.assert_allclose(found[~bad], alone(encoder, table[~bad], root), atol=1e-4)


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_a_window_too_short_for_hand_crafted_features_stops_no_other(tmp_path, folder, rate):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 3 * rate), rate)
    table = pd.DataFrame({"audio": "a.wav", "start_s": [0.0, 1.0, 2.0], "end_s": [1.0, 1.05, 3.0]})
    found, failed = store.embed("handcrafted", table, tmp_path, folder=folder, **OPTIONS)
    assert list(np.isnan(found).any(axis=1)) == [False, True, False]
    assert failed[["audio", "windows"]].to_dict("records") == [{"audio": "a.wav", "windows": 1}]


@pytest.mark.parametrize("kind", ["wav2vec2", "handcrafted"])
def test_samples_that_are_no_numbers_are_a_fault_of_their_window(tmp_path, folder, encoder, kind):
    samples = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    samples[RATE + 5] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    table = pd.DataFrame({"audio": "a.wav", "start_s": [0.0, 1.0, 2.0], "end_s": [1.0, 2.0, 3.0]})
    found, failed = store.embed(encoder if kind == "wav2vec2" else kind, table, tmp_path, folder=folder, **OPTIONS)
    assert list(np.isnan(found).any(axis=1)) == [False, True, False]
    assert list(failed["windows"]) == [1]


def test_a_window_that_stands_twice_is_computed_once(corpus, encoder, folder, log):
    root, table = corpus
    shutil.copy(root / "01.wav", root / "99.wav")  # and a copy of a recording is the same sound
    twice = pd.concat([table, table.iloc[::-1], table[table["audio"] == "01.wav"].assign(audio="99.wav")])
    found, failed = store.embed(encoder, twice, root, folder=folder, **OPTIONS)
    assert failed.empty
    assert len(watched.lines(log)) == len(set(watched.lines(log))) == len(table)
    np.testing.assert_array_equal(found[: len(table)], found[len(table) : 2 * len(table)][::-1])


def test_what_is_there_is_found_by_its_content(corpus, encoder, folder, log):
    """A copied corpus and a renamed sound find it; a changed recording does not; more windows cost only themselves."""
    root, table = corpus
    store.embed(encoder, table[:11], root, folder=folder, **OPTIONS)
    assert len(watched.lines(log)) == 11
    first, _ = store.embed(encoder, table, root, folder=folder, **OPTIONS)
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
    with pytest.raises(RuntimeError, match=r"the weights or the code of wav2vec2:.* changed .*: run again"):
        store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert len(watched.kept(folder)) == 4


@pytest.mark.parametrize("kind", ["wav2vec2", "handcrafted"])
def test_a_sound_that_changes_during_a_run_is_listed_and_found_by_the_next(corpus, encoder, folder, monkeypatch, kind):
    root, table = corpus
    name = encoder if kind == "wav2vec2" else kind
    original, new = store._embed, np.random.default_rng(9).normal(0, 0.2, 3 * RATE)

    def changing(*arguments):
        soundfile.write(root / "08.wav", new, RATE, subtype="FLOAT")
        monkeypatch.setattr(store, "_embed", original)
        return original(*arguments)

    monkeypatch.setattr(store, "_embed", changing)
    found, failed = store.embed(name, table, root, folder=folder, **OPTIONS)
    (problem,) = failed.to_dict("records")
    assert (problem["audio"], problem["windows"]) == ("08.wav", 2)
    assert "08.wav: changed while it was read; run again" in problem["problem"]
    assert list(np.isnan(found).any(axis=1)) == list(table["audio"] == "08.wav")
    again, failed = store.embed(name, table, root, folder=folder, **OPTIONS)
    assert failed.empty and np.isfinite(again).all()


def test_a_warm_store_needs_nobody(corpus, encoder, folder, monkeypatch, log):
    root, table = corpus
    first, _ = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    log.unlink()
    monkeypatch.setenv(compute.EXECUTOR, "dask")  # and there is no scheduler
    again, failed = store.embed(encoder, table, root, folder=folder, **OPTIONS)
    np.testing.assert_array_equal(again, first)
    assert failed.empty and watched.lines(log) == []


def test_sound_in_memory_does_not_grow_with_the_corpus(corpus, encoder, folder, monkeypatch):
    """Waveforms that are held at the same time, in samples; benchmarks measure the memory of the process."""
    root, table = corpus
    original, held, most = audio.read_frames, [], []

    def counted(*arguments, **options):
        waveform = original(*arguments, **options)
        held.append(size := len(waveform))
        most.append(sum(held))
        weakref.finalize(waveform, held.remove, size)
        return waveform

    monkeypatch.setattr(audio, "read_frames", counted)
    store.embed(encoder, table, root, folder=folder, **OPTIONS)
    assert 2 * RATE <= max(most) <= 4 * RATE  # of 34 s: a chunk in hand, one just given back


def test_no_windows_give_no_embeddings(corpus, encoder, folder):
    root, table = corpus
    found, failed = store.embed(encoder, table[:0], root, folder=folder, **OPTIONS)
    assert found.shape == (0, 32)
    assert failed.empty and list(failed.columns) == ["audio", "windows", "problem"]


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
        np.testing.assert_array_equal(
            store.embed("handcrafted", table, tmp_path, folder=folder, **OPTIONS)[0], expected
        )
        assert file.read_bytes() == content


@pytest.fixture
def disk(tmp_path):
    """A disk of its own in memory, 100 kB large; and a function that mounts it anew with other options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True, capture_output=True)

    try:
        mount("size=100k")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a disk in memory cannot be mounted here: {getattr(error, 'stderr', error)}")
    yield place, lambda options: mount(f"remount,{options}")
    subprocess.run(["umount", "--lazy", place], check=True)  # lazy: a failed test may hold a file open


def test_a_read_only_store_may_be_read_and_is_named_where_it_is_not_complete(corpus, encoder, disk, log):
    (root, table), (place, remount) = corpus, disk
    remount("ro")
    with pytest.raises(StoreError, match=r"cannot be written .*Read-only.*give OUTPUTS=another folder"):
        store.embed(encoder, table, root, folder=place, **OPTIONS)
    remount("rw,size=1m")
    first, _ = store.embed(encoder, table[:4], root, folder=place, **OPTIONS)
    remount("ro")
    with pytest.raises(StoreError, match=r"cannot be written .*Read-only.*give OUTPUTS=another folder") as raised:
        store.embed(encoder, table, root, folder=place, **OPTIONS)
    assert str(place) in str(raised.value)
    log.unlink()
    np.testing.assert_array_equal(store.embed(encoder, table[:4], root, folder=place, **OPTIONS)[0], first)
    assert watched.lines(log) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("where", ["file", "lock"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_disk_that_refuses_stops_the_run_wherever_it_does(corpus, encoder, folder, monkeypatch, code, where, jobs):
    """Without a disk of its own: the calls that write fail as they would there, after a first part was kept."""
    root, table = corpus

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    store.embed(encoder, table[:6], root, folder=folder, **OPTIONS)
    kept = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(*((tempfile, "mkdtemp") if where == "file" else (filelock.FileLock, "acquire")), refuse)
        with pytest.raises(StoreError, match="cannot be written") as raised:
            store.embed(encoder, table, root, folder=folder, jobs=jobs, **OPTIONS)
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
    """A cluster of two processes of one thread, whose encoders note what they embed; this process is told its address.

    At half the windows they wait for the file `go` in the store.
    """
    quiet = {"distributed.worker.multiprocessing-method": "forkserver", "distributed.logging.distributed": "critical"}
    environment = {watched.LOG: str(log), watched.PAUSE_S: "0.1", watched.STORE: str(folder), watched.MOST: "16"}
    with (
        dask.config.set(quiet),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path),
            preload=[watched.__file__], env=environment, silence_logs=60,
        ) as cluster,
    ):  # fmt: skip
        monkeypatch.setenv(compute.EXECUTOR, "dask")
        monkeypatch.setenv(compute.SCHEDULER, cluster.scheduler_address)
        yield cluster


def test_a_dask_worker_that_is_killed_costs_nothing_but_the_chunk_in_hand(
    corpus, encoder, folder, log, undisturbed, cluster
):
    root, table = corpus
    results = []
    run = Thread(  # a daemon: should it never end, the test does
        target=lambda: results.append(store.embed(encoder, table, root, folder=folder, **OPTIONS)), daemon=True
    )
    with Client(cluster, set_as_default=False) as client:
        workers = set(client.run(os.getpid).values())
    run.start()
    wait_for(lambda: {process for process, _ in watched.lines(log)} == workers and contents(folder))
    victim = watched.lines(log)[-1][0]  # it has just begun with a chunk
    os.kill(victim, signal.SIGKILL)
    assert 0 < len(watched.kept(folder)) < len(table), "the kill did not fall into the middle"
    (folder / "go").touch()
    run.join(PATIENCE_S)
    ((found, failed),) = results
    assert failed.empty
    np.testing.assert_array_equal(found, undisturbed[1])
    assert contents(folder) == undisturbed[0]
    counts = Counter(name for _, name in watched.lines(log))
    twice = {name for name, count in counts.items() if count > 1}
    assert counts.keys() == undisturbed[2] and max(counts.values()) <= 2
    assert twice <= {name for process, name in watched.lines(log) if process == victim} and len(twice) <= 2


@pytest.fixture
def sweep(tmp_path):
    """Two dialogues of 40 s and the windows of three events at shifts of 0 to 20 s."""
    rng = np.random.default_rng(0)
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(0, 0.1, 40 * RATE), RATE, subtype="FLOAT")
    columns = dict.fromkeys(windows.EVENT_COLUMNS, "x")
    onsets = [("a", 31.3), ("b", 33.7), ("b", 39.0)]
    events = pd.DataFrame([{**columns, "audio": f"{n}.wav", "start_s": s, "end_s": s + 1.0} for n, s in onsets])
    return tmp_path, windows.sweep(events, range(0, 21, 2))


def test_a_window_is_the_mean_of_its_blocks(sweep, encoder, folder):
    root, cut = sweep
    found, failed = store.embed_blocks(encoder, cut, root, block_s=2.0, folder=folder, **OPTIONS)
    assert failed.empty
    for row in (0, 17, len(cut) - 1):
        window = cut.iloc[row]
        ends = [window["end_s"] - 2.0 * number for number in range(5)]
        waveforms = [audio.read(root / window["audio"], start_s=end - 2.0, end_s=end) for end in ends]
        np.testing.assert_allclose(found[row], encoders.get(encoder).encode(waveforms).mean(axis=0), atol=1e-4)
    assert store.embed_blocks(encoder, cut[:0], root, block_s=2.0, folder=folder, **OPTIONS)[0].shape == (0, 32)


def test_blocks_are_shared_and_none_reaches_out_of_its_window(sweep):
    _, cut = sweep
    table = store.cut_blocks(cut, block_s=2.0)
    assert len(table) == 5 * len(cut)
    assert len(table.drop_duplicates(["audio", "stop_ms"])) == 3 * 15  # 30 s of sound an event
    table = store.cut_blocks(cut, block_s=2.5)
    ends, starts = cut["end_s"].repeat(4).to_numpy(), cut["start_s"].repeat(4).to_numpy()
    assert (table["end_s"].to_numpy() <= ends + 1e-9).all()
    assert (table["start_s"].to_numpy() >= starts - 1e-9).all()


def test_sound_after_a_window_changes_nothing_in_its_blocks(sweep, encoder):
    root, cut = sweep
    one = cut.iloc[[4]]
    before, _ = store.embed_blocks(encoder, one, root, block_s=2.0, folder=root / "s1", **OPTIONS)
    path = root / one["audio"].iloc[0]
    samples, rate = soundfile.read(path, dtype="float32")
    samples[int(np.ceil(one["end_s"].iloc[0] * rate)) :] = 0.9
    soundfile.write(path, samples, rate, subtype="FLOAT")
    after, _ = store.embed_blocks(encoder, one, root, block_s=2.0, folder=root / "s2", **OPTIONS)
    np.testing.assert_array_equal(after, before)


def test_a_block_that_cannot_be_embedded_takes_its_window_with_it(sweep, folder):
    root, cut = sweep
    (root / "a.wav").write_bytes(b"")
    found, failed = store.embed_blocks("handcrafted", cut, root, block_s=2.0, folder=folder, progress=False)
    assert list(np.isnan(found).any(axis=1)) == list(cut["audio"] == "a.wav")
    assert failed[["audio", "blocks"]].to_dict("records") == [{"audio": "a.wav", "blocks": 15}]


@pytest.mark.parametrize("block_s", [3.0, 20.0])
def test_a_window_must_be_whole_blocks(sweep, block_s):
    with pytest.raises(ValueError, match=f"a whole number of blocks of {block_s} s"):
        store.cut_blocks(sweep[1], block_s=block_s)


WINDOWS = pd.DataFrame(
    {"audio": list("abcabc"), "start_s": np.arange(6.0), "end_s": np.arange(6.0) + 1}, index=range(6, 12)
)
VALUES = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)


def test_what_is_saved_is_read_back(tmp_path):
    store.save(tmp_path / "out", WINDOWS, VALUES.astype(np.float64))
    table, embeddings = store.load(tmp_path / "out")
    pd.testing.assert_frame_equal(table, WINDOWS.reset_index(drop=True))
    np.testing.assert_array_equal(embeddings, VALUES)
    assert embeddings.dtype == np.float32


def test_what_does_not_belong_together_is_neither_saved_nor_loaded(tmp_path):
    with pytest.raises(ValueError, match="6 windows and 5 embeddings do not belong together"):
        store.save(tmp_path / "out", WINDOWS, VALUES[:5])
    with pytest.raises(ValueError, match="not finite"):
        store.save(tmp_path / "out", WINDOWS, np.full((6, 2), np.nan))
    assert not (tmp_path / "out").exists()
    store.save(tmp_path / "out", WINDOWS, VALUES)
    store.save(tmp_path / "other", WINDOWS[:4], VALUES[:4])  # as if killed between the two files
    (tmp_path / "other" / "windows.parquet").replace(tmp_path / "out" / "windows.parquet")
    with pytest.raises(ValueError, match="4 windows and 6 embeddings; run 03 again"):
        store.load(tmp_path / "out")
    (tmp_path / "out" / "embeddings.npy").unlink()
    with pytest.raises(FileNotFoundError, match="run notebook 03_embedding_extraction first"):
        store.load(tmp_path / "out")

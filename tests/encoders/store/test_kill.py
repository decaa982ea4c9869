"""Runs that are killed in the middle, and runs beside each other: the store of an undisturbed run, and no work twice."""

import signal
import time
from collections import Counter

import numpy as np
import pytest

import watched
from emocast import audio
from emocast.encoders import store
from emocast.encoders.store import shards, spans, work

PAUSE_S = 0.05
PATIENCE_S = 180.0  # a busy machine starts processes slowly


@pytest.fixture
def undisturbed(corpus, encoder, tmp_path, contents):
    """The shards that one run makes which nobody disturbs."""
    root, windows = corpus
    store.embed(encoder, windows, root, precision="fp32", folder=tmp_path / "undisturbed", progress=False)
    return contents(tmp_path / "undisturbed")


@pytest.fixture
def names(corpus):
    """How each window is named in the log, by its key."""
    root, windows = corpus
    waveforms = [
        audio.read(root / row.audio, start_s=row.start_s, end_s=row.end_s) for row in windows.itertuples(index=False)
    ]
    keys = [span.key for span in spans.of(windows, root).rows]
    return {key: watched.digest(waveform) for key, waveform in zip(keys, waveforms, strict=True)}


@pytest.fixture
def started(corpus, encoder, folder, log, processes):
    """A function that starts a run in a process of its own; what is still running at the end is ended."""
    log.unlink(missing_ok=True)  # what ran before, the undisturbed run, is another matter
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


def wait_for(condition, process):
    """Wait until a condition holds while a run is under way."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.is_alive(), f"the run ended too early, with {process.exitcode}"
        assert time.monotonic() < deadline, "the run does not come on"
        time.sleep(0.002)


def there(folder, names):
    """The windows of all shards, by their names in the log, and how many shards there are."""
    files = list(folder.glob("*/shards/*.safetensors"))
    return {names[key] for path in files for key in shards.read_keys(path)}, len(files)


def test_a_run_that_is_killed_three_times_ends_as_an_undisturbed_one(
    corpus, encoder, folder, log, names, undisturbed, started, contents
):
    root, windows = corpus
    pieces = [rows for _, rows in work.cut(spans.of(windows, root).rows)]
    largest = max(map(len, pieces))
    rng = np.random.default_rng(11)
    total, runs = len(undisturbed), []
    assert total == len(pieces) == 15
    for _ in range(3):
        before, count = there(folder, names)
        noted = len(watched.lines(log))
        goal = count + int(rng.integers(1, 4))
        process = started(goal + 1)
        wait_for(lambda goal=goal: there(folder, names)[1] >= goal, process)
        time.sleep(rng.uniform(0, 1.5 * PAUSE_S))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert count < there(folder, names)[1] < total, "the kill did not fall into the middle"
        runs.append((before, watched.lines(log)[noted:]))
    before, noted = there(folder, names)[0], len(watched.lines(log))
    found, failed = store.embed(encoder, windows, root, precision="fp32", folder=folder, progress=False)
    runs.append((before, watched.lines(log)[noted:]))

    assert failed.empty and np.isfinite(found).all()
    assert contents(folder) == undisturbed
    for before, noted in runs:  # what a shard holds was not touched again ...
        assert not before & {name for _, name in noted}
    after = [before for before, _ in runs[1:]]
    for (before, noted), kept in zip(runs, after, strict=False):  # ... and no more was lost than the shard in hand
        assert len({name for _, name in noted} - (kept - before)) <= largest
    assert {name for _, name in watched.lines(log)} == set(names.values())
    assert sum(Counter(name for _, name in watched.lines(log)).values()) <= len(names) + 3 * largest


def test_runs_beside_each_other_share_the_work(folder, log, names, undisturbed, started, contents, tmp_path):
    (gate := tmp_path / "gate").mkdir()
    runs = [started(gate=gate) for _ in range(2)]
    wait_for(lambda: len(list(gate.glob("ready-*"))) == 2, runs[0])
    (gate / "go").touch()
    for run in runs:
        run.join(PATIENCE_S)
    assert [run.exitcode for run in runs] == [0, 0]
    assert contents(folder) == undisturbed
    noted = watched.lines(log)
    assert len({process for process, _ in noted}) == 2, "one run did it all"
    assert Counter(name for _, name in noted) == Counter(names.values())  # each window once

"""Every window gets its own embedding, whoever computes it; what was computed is found by its content, and by nothing else."""

import shutil
import weakref
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

import watched
from emocast import audio, encoders
from emocast.encoders import store
from emocast.encoders.store import shards, work

RATE = 16_000
OPTIONS = {"precision": "fp32", "progress": False}


def heard(name, windows, root):
    """The embedding of each window, heard for itself."""
    made = encoders.get(name)
    rows = windows.itertuples(index=False)
    return np.concatenate(
        [made.encode([audio.read(root / row.audio, start_s=row.start_s, end_s=row.end_s)]) for row in rows]
    )


def test_rows_stay_beside_their_windows(corpus, encoder, folder):
    root, windows = corpus
    found, failed = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    assert failed.empty
    assert found.dtype == np.float32 and found.shape == (len(windows), 32)
    np.testing.assert_allclose(found, heard(encoder, windows, root), atol=1e-4)
    again, _ = store.embed(encoder, windows.iloc[::-1], root, folder=folder, **OPTIONS)
    np.testing.assert_array_equal(again[::-1], found)


@pytest.mark.parametrize("kind", ["wav2vec2", "handcrafted"])  # threads and processes
def test_the_number_of_jobs_changes_no_bit(corpus, encoder, tmp_path, contents, kind):
    root, windows = corpus
    name = encoder if kind == "wav2vec2" else kind
    results = [
        store.embed(name, windows, root, jobs=jobs, folder=tmp_path / f"store{jobs}", **OPTIONS) for jobs in (1, 2)
    ]
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1].empty and results[1][1].empty
    assert contents(tmp_path / "store1") == contents(tmp_path / "store2")


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_embedded_is_listed_and_the_others_go_on(corpus, encoder, folder, jobs):
    root, windows = corpus
    (root / "01.wav").unlink()
    (root / "02.wav").write_bytes(b"")
    (root / "03.wav").write_bytes((root / "03.wav").read_bytes()[:50_000])  # a second and a half
    more = [("04.wav", 2.5, 3.5), ("05.wav", np.nan, 1.0), ("05.wav", 0.0, np.inf), ("06.wav", 1.0, 1.01)]
    windows = pd.concat([windows, pd.DataFrame(more, columns=windows.columns)])
    found, failed = store.embed(encoder, windows, root, jobs=jobs, folder=folder, **OPTIONS)
    expected = {"01.wav": 2, "02.wav": 2, "03.wav": 1, "04.wav": 1, "05.wav": 2, "06.wav": 1}
    assert failed.groupby("audio")["windows"].sum().to_dict() == expected
    problems = {name: " ".join(some["problem"]) for name, some in failed.groupby("audio")}
    said = {"01": "no such file", "02": "is empty", "03": "ends at 1.5", "04": "ends at 3.000 s", "05": "from nan s to",
            "06": "160 samples are shorter than one frame"}  # fmt: skip
    for name, words in said.items():
        assert f"{name}.wav: " in problems[f"{name}.wav"] and words in problems[f"{name}.wav"]
    bad = np.isnan(found).any(axis=1)
    assert bad.sum() == sum(expected.values())
    np.testing.assert_allclose(found[~bad], heard(encoder, windows[~bad], root), atol=1e-4)


def test_a_sound_that_is_not_named_is_listed(corpus, encoder, folder):
    root, windows = corpus
    nameless = pd.DataFrame({"audio": [None], "start_s": [0.0], "end_s": [1.0]})
    found, failed = store.embed(encoder, pd.concat([windows[:2], nameless]), root, folder=folder, **OPTIONS)
    assert list(np.isnan(found).all(axis=1)) == [False, False, True]
    assert list(failed["windows"]) == [1]


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_a_window_too_short_for_hand_crafted_features_stops_no_other(tmp_path, folder, rate):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 3 * rate), rate)
    windows = pd.DataFrame({"audio": "a.wav", "start_s": [0.0, 1.0, 2.0], "end_s": [1.0, 1.05, 3.0]})
    found, failed = store.embed("handcrafted", windows, tmp_path, folder=folder, **OPTIONS)
    assert list(np.isnan(found).any(axis=1)) == [False, True, False]
    assert failed[["audio", "windows"]].to_dict("records") == [{"audio": "a.wav", "windows": 1}]


@pytest.mark.parametrize("kind", ["wav2vec2", "handcrafted"])
def test_samples_that_are_no_numbers_are_a_fault_of_their_window(tmp_path, folder, encoder, kind):
    samples = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    samples[RATE + 5] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    windows = pd.DataFrame({"audio": "a.wav", "start_s": [0.0, 1.0, 2.0], "end_s": [1.0, 2.0, 3.0]})
    found, failed = store.embed(encoder if kind == "wav2vec2" else kind, windows, tmp_path, folder=folder, **OPTIONS)
    assert list(np.isnan(found).any(axis=1)) == [False, True, False]
    assert list(failed["windows"]) == [1]


def test_a_window_that_stands_twice_is_computed_once(corpus, encoder, folder, log):
    root, windows = corpus
    shutil.copy(root / "01.wav", root / "99.wav")  # and a copy of a recording is the same sound
    twice = pd.concat([windows, windows.iloc[::-1], windows[windows["audio"] == "01.wav"].assign(audio="99.wav")])
    found, failed = store.embed(encoder, twice, root, folder=folder, **OPTIONS)
    assert failed.empty
    assert len(watched.lines(log)) == len(set(watched.lines(log))) == len(windows)
    np.testing.assert_array_equal(found[: len(windows)], found[len(windows) : 2 * len(windows)][::-1])


def test_a_renamed_sound_and_a_copied_corpus_find_what_is_there(corpus, encoder, folder, log):
    root, windows = corpus
    first, _ = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    log.unlink()
    shutil.copytree(root, root.with_name("copy"))
    np.testing.assert_array_equal(
        store.embed(encoder, windows, root.with_name("copy"), folder=folder, **OPTIONS)[0], first
    )
    (root / "05.wav").rename(root / "renamed.wav")
    renamed = windows.assign(audio=windows["audio"].replace("05.wav", "renamed.wav"))
    np.testing.assert_array_equal(store.embed(encoder, renamed, root, folder=folder, **OPTIONS)[0], first)
    assert watched.lines(log) == []


def test_a_changed_recording_is_computed_again(corpus, encoder, folder, log):
    root, windows = corpus
    before, _ = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    log.unlink()
    soundfile.write(root / "07.wav", np.random.default_rng(9).normal(0, 0.2, 3 * RATE), RATE, subtype="FLOAT")
    after, _ = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    assert list((before != after).any(axis=1)) == list(windows["audio"] == "07.wav")
    assert len(watched.lines(log)) == 2


def test_more_windows_cost_only_themselves(corpus, encoder, folder, log):
    root, windows = corpus
    store.embed(encoder, windows[:11], root, folder=folder, **OPTIONS)
    assert len(watched.lines(log)) == 11
    store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    assert len(set(watched.lines(log))) == len(watched.lines(log)) == len(windows)


def test_other_weights_under_the_same_name_are_computed_again(corpus, encoder, folder, checkpoint_folder):
    root, windows = corpus
    first, _ = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    change_weights(checkpoint_folder)
    second, failed = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    assert failed.empty
    assert np.abs(first - second).max(axis=1).min() > 1e-4
    np.testing.assert_allclose(second, heard(encoder, windows, root), atol=1e-4)


def change_weights(checkpoint_folder):
    path = checkpoint_folder / "wav2vec2.ckpt"
    torch.save({key: tensor * 1.1 for key, tensor in torch.load(path, weights_only=True).items()}, path)


def test_the_same_weights_under_another_name_are_not(corpus, encoder, folder, checkpoint_folder, log):
    root, windows = corpus
    first, _ = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    log.unlink()
    shutil.copytree(checkpoint_folder, checkpoint_folder.with_name("copy"))
    renamed = f"wav2vec2:{checkpoint_folder.with_name('copy')}"
    shutil.rmtree(checkpoint_folder)
    second, _ = store.embed(renamed, windows, root, folder=folder, **OPTIONS)
    np.testing.assert_array_equal(first, second)
    assert watched.lines(log) == []


def test_each_precision_has_a_shelf_of_its_own(corpus, encoder, folder, log):
    root, windows = corpus
    exact, _ = store.embed(encoder, windows[:2], root, folder=folder, **OPTIONS)
    rough, _ = store.embed(encoder, windows[:2], root, folder=folder, precision="bf16", progress=False)
    assert len(watched.lines(log)) == 4
    assert (exact != rough).any(axis=1).all()
    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert (cosine > 0.9).all()  # a small network of random weights, in bf16 as the processor has it
    assert len(list(folder.iterdir())) == 2


def test_weights_that_change_during_a_run_stop_it(corpus, encoder, folder, checkpoint_folder, monkeypatch):
    root, windows = corpus
    original = work._embed

    def changing(*arguments):
        result = original(*arguments)
        if len(list(folder.glob("*/shards/*.safetensors"))) == 1:  # while the second piece is in hand
            change_weights(checkpoint_folder)
        return result

    monkeypatch.setattr(work, "_embed", changing)
    with pytest.raises(RuntimeError, match=r"the weights or the code of wav2vec2:.* changed .*: run again"):
        store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    assert len(list(folder.glob("*/shards/*.safetensors"))) == 2


def test_a_sound_that_changes_during_a_run_is_listed_and_found_by_the_next(corpus, encoder, folder, monkeypatch):
    root, windows = corpus
    original, new = work._embed, np.random.default_rng(9).normal(0, 0.2, 3 * RATE)

    def changing(*arguments):
        soundfile.write(root / "08.wav", new, RATE, subtype="FLOAT")
        monkeypatch.setattr(work, "_embed", original)
        return original(*arguments)

    monkeypatch.setattr(work, "_embed", changing)
    found, failed = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    (problem,) = failed.to_dict("records")
    assert (problem["audio"], problem["windows"]) == ("08.wav", 2)
    assert "08.wav: changed while it was read; run again" in problem["problem"]
    assert list(np.isnan(found).any(axis=1)) == list(windows["audio"] == "08.wav")
    again, failed = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    assert failed.empty
    np.testing.assert_allclose(again, heard(encoder, windows, root), atol=1e-4)


def test_a_warm_store_opens_each_shard_once_and_needs_nobody(corpus, encoder, folder, monkeypatch, log):
    root, windows = corpus
    first, _ = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    opened = []
    for name in ("read", "read_keys", "sounds"):
        original = getattr(shards, name)
        monkeypatch.setattr(shards, name, lambda path, original=original: opened.append(path.name) or original(path))
    log.unlink()
    monkeypatch.setenv("EMOCAST_EXECUTOR", "dask")  # and there is no scheduler
    again, failed = store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    np.testing.assert_array_equal(again, first)
    assert failed.empty and watched.lines(log) == []
    assert Counter(opened) == Counter(path.name for path in folder.glob("*/shards/*.safetensors"))


def test_sound_in_memory_does_not_grow_with_the_corpus(corpus, encoder, folder, monkeypatch):
    """Waveforms that are held at the same time, in samples; benchmarks measure the memory of the process."""
    root, windows = corpus
    monkeypatch.setattr(work, "_READ_S", 1.5)  # two windows are read at once
    original, held, most = audio.read_frames, [], []

    def counted(*arguments, **options):
        waveform = original(*arguments, **options)
        held.append(size := len(waveform))
        most.append(sum(held))
        weakref.finalize(waveform, held.remove, size)
        return waveform

    monkeypatch.setattr(audio, "read_frames", counted)
    monkeypatch.setattr(work, "_PIECE_S", 900.0)  # all in one piece
    store.embed(encoder, windows, root, folder=folder, **OPTIONS)
    assert 2 * RATE <= max(most) <= 6 * RATE  # of 34 s: a batch in hand, one read ahead, one just given back


def test_a_missing_checkpoint_is_no_fault_of_the_sounds(corpus, folder):
    root, windows = corpus
    with pytest.raises(ValueError, match="no checkpoint /no/such/folder"):
        store.embed("wav2vec2:/no/such/folder", windows, root, folder=folder)


def test_no_windows_give_no_embeddings(corpus, encoder, folder):
    root, windows = corpus
    found, failed = store.embed(encoder, windows[:0], root, folder=folder, **OPTIONS)
    assert found.shape == (0, 32)
    assert failed.empty and list(failed.columns) == ["audio", "windows", "problem"]

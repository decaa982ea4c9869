"""The forecast of a recording is that of its windows' embeddings; nothing after a moment reaches what is said at it."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from emocast import encoders
from emocast.encoders import store
from emocast.forecaster import ForecasterError
from emocast.forecaster.abstention import Familiarity
from emocast.recordings import growing, hearing
from emocast.recordings.reading import RecordingError
from emocast.recordings.sliding import Window


def heard(path, forecaster, **options):
    return hearing.forecast(path, forecaster, progress=False, **options)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_forecasts_are_those_of_the_stores_embeddings(wav, noise, forecaster, tmp_path, rate):
    path = wav(np.stack([noise(14, rate=rate), noise(14, rate=rate, seed=1)], axis=1), rate=rate)
    table = heard(path, forecaster).table
    ends = np.array([10.0, 11.0, 12.0, 13.0, 14.0])
    windows = pd.DataFrame({"audio": path.name, "start_s": ends - 10, "end_s": ends})
    name = forecaster.encoder["name"]
    embeddings, _ = store.embed(name, windows, path.parent, precision="fp32", folder=tmp_path / "store", progress=False)
    votes = forecaster.ask(embeddings)
    for place, shift in enumerate(forecaster.shifts_s):
        some = table[table["shift_s"] == shift]
        np.testing.assert_array_equal(some["second"], ends)
        np.testing.assert_array_equal(some["about_s"], ends + shift + forecaster.guard_s)
        shares = some[[f"p_{emotion}" for emotion in forecaster.classes]].to_numpy()
        np.testing.assert_allclose(shares, votes.mean[place], atol=1e-4)
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
        low = some[[f"low_{emotion}" for emotion in forecaster.classes]].to_numpy()
        np.testing.assert_allclose(low, votes.probabilities[:, place].min(axis=0), atol=1e-4)
        assert list(some["forecast"]) == [forecaster.classes[column] for column in shares.argmax(axis=1)]


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_noise_after_a_moment_moves_no_forecast_before_it_by_a_bit(wav, noise, forecaster, rate):
    samples = noise(16, rate=rate)
    planted = samples.copy()
    planted[13 * rate :] = np.sign(noise(3, rate=rate, seed=5)) * 0.9
    before, after = (
        heard(wav(part, name, rate=rate), forecaster).table
        for part, name in ((samples, "plain.wav"), (planted, "planted.wav"))
    )
    said = before["second"] <= 13
    pd.testing.assert_frame_equal(before[said], after[said], check_exact=True)
    shares = [f"p_{emotion}" for emotion in forecaster.classes]
    assert (before.loc[~said, shares] != after.loc[~said, shares]).any(axis=1).all()


def test_threads_side_by_side_change_nothing(wav, noise, forecaster, monkeypatch):
    monkeypatch.setattr(hearing, "_BATCH", 2)
    path = wav(noise(17))
    one, three = (heard(path, forecaster, jobs=jobs).table for jobs in (1, 3))
    pd.testing.assert_frame_equal(one, three, check_exact=True)


def test_a_window_beside_a_silent_one_is_forecast_alike(wav, noise, forecaster):
    samples = np.concatenate([noise(11), np.zeros(11 * 16_000, np.float32), noise(2, seed=3)])
    found = heard(wav(samples), forecaster)
    table = found.table[found.table["shift_s"] == 0].set_index("second")
    assert list(table.index[table["why"] == "silent"]) == [21, 22]
    silent = table.loc[21:22]
    assert silent["abstains"].all() and silent["p_neutral"].isna().all() and (silent["forecast"] == "").all()
    assert "windows are silent" in found.notes[0]
    alone = heard(wav(samples[: 11 * 16_000], "alone.wav"), forecaster).table
    np.testing.assert_allclose(alone.query("shift_s == 0")["p_neutral"], table.loc[10:11, "p_neutral"], atol=1e-5)


def test_steps_and_the_csv(wav, noise, forecaster, tmp_path):
    target = tmp_path / "out" / "forecast.csv"
    found = heard(wav(noise(15)), forecaster, step_s=2.5, csv=target)
    assert list(found.table["second"].unique()) == [10, 12.5, 15]
    again = pd.read_csv(target, keep_default_na=False, na_values={"agreement": [""]})
    pd.testing.assert_frame_equal(again, found.table, check_dtype=False, atol=1e-6)
    assert [path.name for path in target.parent.iterdir()] == ["forecast.csv"]
    assert set(found.table["why"]) <= {"", "unsure", "unlike the training"}
    assert (found.table["abstains"] == found.table["why"].ne("")).all()


def test_what_is_unlike_the_training_is_not_answered(wav, noise, forecaster):
    """Of networks that know noise each is asked about noise and about a tone."""
    encoder = encoders.get(forecaster.encoder["name"])
    embeddings = encoder.encode([noise(10, seed=seed) for seed in range(40)])
    familiar = Familiarity.fit(embeddings[::2], embeddings[1::2], known_share=1.0)
    members = tuple(replace(member, familiarity=familiar) for member in forecaster.members)
    forecaster = replace(forecaster, members=members)
    tone = (0.5 * np.sin(np.arange(11 * 16_000) / 20)).astype(np.float32)
    odd, known = (heard(wav(sound), forecaster).table for sound in (tone, noise(11, seed=50)))
    assert list(odd["why"]) == ["unlike the training"] * 4 and odd["abstains"].all()
    assert not known["why"].eq("unlike the training").any()


def _problem(path, forecaster, **options):
    with pytest.raises(RecordingError) as raised:
        heard(path, forecaster, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_short_and_silent_recordings_are_refused_and_leave_no_file(wav, noise, forecaster, tmp_path):
    target = tmp_path / "out" / "forecast.csv"
    assert "lasts 5.0 s, but a forecast hears 10 s" in _problem(wav(noise(5)), forecaster, csv=target)
    silent = wav(np.zeros(12 * 16_000, np.float32), "silent.wav")
    assert "silent throughout (nothing above -60 dB" in _problem(silent, forecaster, csv=target)
    assert not target.parent.exists()
    target.parent.mkdir()
    _problem(silent, forecaster, csv=target)
    assert list(target.parent.iterdir()) == [], "a folder that was there stays"


def test_clipping_is_said(wav, noise, forecaster):
    samples = (20 * noise(10)).clip(-1, 1)
    assert "the recording is clipped" in heard(wav(samples, subtype="PCM_16"), forecaster).notes[0]


def test_an_encoder_with_other_weights_is_refused(wav, noise, forecaster, monkeypatch):
    monkeypatch.setitem(forecaster.encoder, "digest", "other")
    with pytest.raises(ForecasterError, match="other weights than the forecaster was trained on"):
        heard(wav(noise(10)), forecaster)


def test_three_minutes_take_no_more_memory_than_one(wav, noise, forecaster, monkeypatch):
    """Batches are what is held: of windows that were read and are not told yet there are never more than a few batches."""
    read, told, original = [], [], hearing.windows

    def counted(*arguments, **options):
        for window in original(*arguments, **options):
            read.append(len(told))
            yield window

    monkeypatch.setattr(hearing, "_BATCH", 2)
    monkeypatch.setattr(hearing, "windows", counted)
    add = growing.Growing.add
    monkeypatch.setattr(
        growing.Growing, "add", lambda rows, batch: told.extend(batch["second"].unique()) or add(rows, batch)
    )
    heard(wav(noise(180, rate=4_000), rate=4_000), forecaster, step_s=10, jobs=2)
    held = [number - gone for number, gone in enumerate(read, start=1)]
    assert len(read) == len(told) == 18
    assert max(held) == (2 + 1) * 2, "a batch a worker, and the one that is being read"


def test_who_is_stopped_waits_for_no_batch_and_none_begins(forecaster, monkeypatch):
    """The signal comes while the main thread waits for a batch that is computed, and the next has not begun."""
    begun, submitted, free = [], [], threading.Event()

    class Workers(ThreadPoolExecutor):
        def submit(self, *arguments):
            submitted.append(super().submit(*arguments))
            return submitted[-1]

    def table(batch, *_):
        begun.append(batch[0].end_s)
        while len(submitted) < 2:
            time.sleep(0.001)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        assert free.wait(30), "somebody waited for the batch in hand"

    monkeypatch.setattr(hearing, "_BATCH", 1)
    monkeypatch.setattr(hearing, "_table", table)
    monkeypatch.setattr(hearing, "ThreadPoolExecutor", Workers)
    before, usual = set(threading.enumerate()), signal.signal(signal.SIGINT, signal.default_int_handler)
    sounds = [Window(float(second), None) for second in range(3)]
    try:
        with pytest.raises(KeyboardInterrupt):
            list(hearing._tables(sounds, forecaster, SimpleNamespace(threaded=True), jobs=1))
    finally:
        signal.signal(signal.SIGINT, usual)  # which a shell lets processes in the background ignore
        free.set()
    for worker in set(threading.enumerate()) - before:
        worker.join()
    assert begun == [0] and submitted[1].cancelled()

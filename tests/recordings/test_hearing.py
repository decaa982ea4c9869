"""The forecast of a recording is that of its windows' embeddings; nothing after a moment reaches what is said at it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emocast import encoders
from emocast.encoders import store
from emocast.forecaster import ForecasterError
from emocast.recordings import hearing
from emocast.recordings.reading import RecordingError


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


def test_what_is_unlike_the_training_is_not_answered(wav, forecaster):
    """The small forecaster was trained on made-up embeddings: what its encoder gives of any sound is unlike them."""
    tone = (0.5 * np.sin(np.arange(11 * 16_000) / 20)).astype(np.float32)
    embedding = encoders.get(forecaster.encoder["name"]).encode([tone[: 10 * 16_000]])
    unlike = forecaster.ask(embedding).unlike.mean() > 0.5
    table = heard(wav(tone), forecaster).table
    assert table["why"].iloc[0] == ("unlike the training" if unlike else table["why"].iloc[0])
    assert unlike == (table["why"].iloc[:2] == "unlike the training").all()


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


@pytest.fixture
def stop_after(monkeypatch):
    """A function that lets so many batches of two windows be computed, and then stops the run; it gives the windows asked."""
    original = hearing._table
    monkeypatch.setattr(hearing, "_BATCH", 2)

    def arm(batches):
        asked = []

        def table(batch, *rest):
            if len(asked) == batches:
                raise KeyboardInterrupt
            asked.append([window.end_s for window in batch])
            return original(batch, *rest)

        monkeypatch.setattr(hearing, "_table", table)
        return asked

    return arm


def test_a_stopped_run_is_gone_on_with_and_ends_as_if_it_had_not_been(wav, noise, forecaster, tmp_path, stop_after):
    path, target, whole = wav(noise(17)), tmp_path / "out" / "forecast.csv", tmp_path / "whole.csv"
    undisturbed = heard(path, forecaster, csv=whole)
    stop_after(2)
    with pytest.raises(KeyboardInterrupt):
        heard(path, forecaster, csv=target)
    assert not target.exists()
    part = pd.read_csv(f"{target}.part", keep_default_na=False)
    assert list(part["second"].unique()) == [10, 11, 12, 13]
    asked = stop_after(None)
    found = heard(path, forecaster, csv=target)
    assert asked == [[14, 15], [16, 17]], "no window is computed twice"
    assert target.read_bytes() == whole.read_bytes()
    pd.testing.assert_frame_equal(found.table, undisturbed.table, atol=1e-6)
    pd.testing.assert_frame_equal(found.outline, undisturbed.outline)
    assert [file.name for file in target.parent.iterdir()] == ["forecast.csv"]


def test_a_line_that_a_kill_cut_off_is_computed_again(wav, noise, forecaster, tmp_path, stop_after):
    path, target = wav(noise(15)), tmp_path / "forecast.csv"
    stop_after(2)
    with pytest.raises(KeyboardInterrupt):
        heard(path, forecaster, csv=target)
    part = tmp_path / "forecast.csv.part"
    part.write_bytes(part.read_bytes()[:-30])
    asked = stop_after(None)
    table = heard(path, forecaster, csv=target).table
    assert asked == [[12, 13], [14, 15]]
    pd.testing.assert_frame_equal(table, heard(path, forecaster).table, atol=1e-6)


@pytest.mark.parametrize("other", ["recording", "step", "forecaster", "nothing said"])
def test_what_was_made_of_something_else_is_not_gone_on_from(wav, noise, forecaster, tmp_path, stop_after, other):
    path, target = wav(noise(15)), tmp_path / "forecast.csv"
    stop_after(1)
    with pytest.raises(KeyboardInterrupt):
        heard(path, forecaster, csv=target)
    if other == "recording":
        wav(noise(15, seed=4))
    if other == "forecaster":
        forecaster = replace(forecaster, guard_s=forecaster.guard_s + 1)
    if other == "nothing said":
        (tmp_path / "forecast.csv.part.json").unlink()
    options = {"step_s": 2.0} if other == "step" else {}
    asked = stop_after(None)
    table = heard(path, forecaster, csv=target, **options).table
    assert asked[0][0] == 10
    pd.testing.assert_frame_equal(table, heard(path, forecaster, **options).table)


def test_two_runs_of_one_table_take_turns(wav, noise, forecaster, tmp_path):
    path, target = wav(noise(12)), tmp_path / "forecast.csv"
    with ThreadPoolExecutor(2) as both:
        tables = [run.result().table for run in [both.submit(heard, path, forecaster, csv=target) for _ in range(2)]]
    pd.testing.assert_frame_equal(*tables)
    assert [file.name for file in tmp_path.iterdir() if "forecast" in file.name] == ["forecast.csv"]


def test_an_encoder_with_other_weights_is_refused(wav, noise, forecaster, monkeypatch):
    monkeypatch.setitem(forecaster.encoder, "digest", "other")
    with pytest.raises(ForecasterError, match="other weights than the forecaster was trained on"):
        heard(wav(noise(10)), forecaster)


def test_three_minutes_take_no_more_memory_than_one(wav, noise, forecaster, monkeypatch):
    """Batches are what is held: as many windows at once, however long the recording."""
    sizes = []
    original = hearing._table
    monkeypatch.setattr(hearing, "_BATCH", 4)
    monkeypatch.setattr(hearing, "_table", lambda batch, *rest: sizes.append(len(batch)) or original(batch, *rest))
    found = heard(wav(noise(180, rate=4_000), rate=4_000), forecaster, step_s=10)
    assert max(sizes) == 4 and sum(sizes) == 18 == found.table["second"].nunique()

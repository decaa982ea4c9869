"""The forecast of a recording is that of its windows' embeddings; nothing after a moment reaches what is said at it.

What a stopped run leaves is gone on with, if it was made of the same; sentences and counts say what is in the table.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from emocast import encoders
from emocast.encoders import store
from emocast.forecaster import inference, training
from emocast.forecaster.recordings import RecordingError
from emocast.forecaster.training import Familiarity, ForecasterError


def forecasts(path, forecaster, **options):
    return inference.forecast(path, forecaster, **options)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_forecasts_are_those_of_the_stores_embeddings(wav, noise, forecaster, tmp_path, rate):
    path = wav(np.stack([noise(14, rate=rate), noise(14, rate=rate, seed=1)], axis=1), rate=rate)
    table = forecasts(path, forecaster).table
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
        low = some[[f"low_{emotion}" for emotion in forecaster.classes]]
        np.testing.assert_allclose(low, votes.probabilities[:, place].min(axis=0), atol=1e-4)
        assert list(some["forecast"]) == [forecaster.classes[column] for column in shares.argmax(axis=1)]


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_noise_after_a_moment_moves_no_forecast_before_it_by_a_bit(wav, noise, forecaster, rate):
    samples = noise(16, rate=rate)
    planted = samples.copy()
    planted[13 * rate :] = np.sign(noise(3, rate=rate, seed=5)) * 0.9
    before, after = (
        forecasts(wav(part, name, rate=rate), forecaster).table
        for part, name in ((samples, "plain.wav"), (planted, "planted.wav"))
    )
    said = before["second"] <= 13
    pd.testing.assert_frame_equal(before[said], after[said], check_exact=True)
    shares = [f"p_{emotion}" for emotion in forecaster.classes]
    assert (before.loc[~said, shares] != after.loc[~said, shares]).any(axis=1).all()


def test_threads_side_by_side_change_nothing(wav, noise, forecaster, monkeypatch):
    monkeypatch.setattr(inference, "_BATCH", 2)
    path = wav(noise(17))
    one, three = (forecasts(path, forecaster, jobs=jobs).table for jobs in (1, 3))
    pd.testing.assert_frame_equal(one, three, check_exact=True)


def test_a_window_beside_a_silent_one_is_forecast_alike(wav, noise, forecaster):
    samples = np.concatenate([noise(11), np.zeros(11 * 16_000, np.float32), noise(2, seed=3)])
    found = forecasts(wav(samples), forecaster)
    table = found.table[found.table["shift_s"] == 0].set_index("second")
    assert list(table.index[table["why"] == "silent"]) == [21, 22]
    silent = table.loc[21:22]
    assert silent["abstains"].all() and silent["p_neutral"].isna().all() and (silent["forecast"] == "").all()
    assert "windows are silent" in found.notes[0]
    alone = forecasts(wav(samples[: 11 * 16_000], "alone.wav"), forecaster).table
    np.testing.assert_allclose(alone.query("shift_s == 0")["p_neutral"], table.loc[10:11, "p_neutral"], atol=1e-5)


def test_what_is_unlike_the_training_is_not_answered(wav, noise, forecaster):
    """Of networks that know noise each is asked about noise and about a tone."""
    encoder = encoders.get(forecaster.encoder["name"])
    embeddings = encoder.encode([noise(10, seed=seed) for seed in range(40)])
    familiar = Familiarity.fit(embeddings[::2], embeddings[1::2], known_share=1.0)
    members = tuple(replace(member, familiarity=familiar) for member in forecaster.members)
    forecaster = replace(forecaster, members=members)
    tone = (0.5 * np.sin(np.arange(11 * 16_000) / 20)).astype(np.float32)
    odd, known = (forecasts(wav(sound), forecaster).table for sound in (tone, noise(11, seed=50)))
    assert list(odd["why"]) == ["unlike the training"] * 4 and odd["abstains"].all()
    assert not known["why"].eq("unlike the training").any()


def test_short_and_silent_recordings_are_refused_and_leave_no_file(wav, noise, forecaster, tmp_path):
    target = tmp_path / "out" / "forecast.csv"
    for samples, problem in (
        (noise(5), "lasts 5.0 s, but"),
        (np.zeros(12 * 16_000), "silent throughout (nothing above -60"),
    ):
        with pytest.raises(RecordingError, match=re.escape(problem)):
            forecasts(wav(samples), forecaster, csv=target)
    assert list(target.parent.iterdir()) == []


def test_clipping_is_said(wav, noise, forecaster):
    samples = (20 * noise(10)).clip(-1, 1)
    assert "at full scale: clipped" in forecasts(wav(samples, subtype="PCM_16"), forecaster).notes[0]


def test_an_encoder_with_other_weights_is_refused(wav, noise, forecaster, monkeypatch):
    monkeypatch.setitem(forecaster.encoder, "digest", "other")
    with pytest.raises(ForecasterError, match="other weights than the forecaster was trained on"):
        forecasts(wav(noise(10)), forecaster)


@pytest.fixture
def stop_after(monkeypatch):
    """A function that lets so many batches of two windows be computed, and then stops the run; it gives the windows asked."""
    original = inference._table
    monkeypatch.setattr(inference, "_BATCH", 2)

    def arm(batches):
        asked = []

        def table(batch, *rest):
            if len(asked) == batches:
                raise KeyboardInterrupt
            asked.append([end_s for end_s, _ in batch])
            return original(batch, *rest)

        monkeypatch.setattr(inference, "_table", table)
        return asked

    return arm


@pytest.mark.parametrize(("cut_off", "missing"), [(0, [[14, 15], [16, 17]]), (30, [[12, 13], [14, 15], [16, 17]])])
def test_a_stopped_run_is_gone_on_with_and_ends_as_if_it_had_not_been(
    wav, noise, forecaster, tmp_path, stop_after, cut_off, missing
):
    """Also where a kill has cut off the last line."""
    path, target, whole = wav(noise(17)), tmp_path / "out" / "forecast.csv", tmp_path / "whole.csv"
    undisturbed = forecasts(path, forecaster, csv=whole)
    stop_after(2)
    with pytest.raises(KeyboardInterrupt):
        forecasts(path, forecaster, csv=target)
    assert not target.exists()
    part = target.with_name("forecast.csv.part")
    assert list(pd.read_csv(part, skiprows=1)["second"].unique()) == [10, 11, 12, 13]
    part.write_bytes(part.read_bytes()[: part.stat().st_size - cut_off])
    asked = stop_after(None)
    found = forecasts(path, forecaster, csv=target)
    assert asked == missing, "no window is computed twice"
    assert target.read_bytes() == whole.read_bytes()
    pd.testing.assert_frame_equal(found.table, undisturbed.table, atol=1e-6)
    pd.testing.assert_frame_equal(found.envelope, undisturbed.envelope)
    assert [file.name for file in target.parent.iterdir()] == ["forecast.csv"]


@pytest.mark.parametrize("other", ["recording", "step", "forecaster"])
def test_what_was_made_of_something_else_is_not_gone_on_from(wav, noise, forecaster, tmp_path, stop_after, other):
    path, target = wav(noise(15)), tmp_path / "forecast.csv"
    stop_after(1)
    with pytest.raises(KeyboardInterrupt):
        forecasts(path, forecaster, csv=target)
    if other == "recording":
        wav(noise(15, seed=4))
    if other == "forecaster":
        forecaster = replace(forecaster, guard_s=forecaster.guard_s + 1)
    options = {"step_s": 2.0} if other == "step" else {}
    asked = stop_after(None)
    table = forecasts(path, forecaster, csv=target, **options).table
    assert asked[0][0] == 10
    pd.testing.assert_frame_equal(table, forecasts(path, forecaster, **options).table)


def test_two_runs_of_one_table_take_turns(wav, noise, forecaster, tmp_path):
    path, target = wav(noise(12)), tmp_path / "forecast.csv"
    with ThreadPoolExecutor(2) as both:
        runs = [both.submit(forecasts, path, forecaster, csv=target) for _ in range(2)]
    pd.testing.assert_frame_equal(*(run.result().table for run in runs))
    assert [file.name for file in tmp_path.iterdir() if "forecast" in file.name] == ["forecast.csv"]


@pytest.fixture
def table():
    """Ten seconds at shift 0: neutral up to 14, then sadness; 18 and 19 are not answered, nothing was forecast at 12."""
    second = np.arange(10.0, 20.0)
    frame = pd.DataFrame({"second": second, "shift_s": 0.0, "about_s": second, "agreement": 0.75})
    frame["forecast"] = np.where(second < 15, "neutral", "sadness")
    for name in ("neutral", "excitement", "sadness"):
        frame[f"p_{name}"] = 0.2 + 0.4 * (frame["forecast"] == name)
    frame["why"] = np.where(second >= 18, "unsure", "")
    frame.loc[2, ["forecast", "why"]] = ["", "silent"]
    return frame.assign(abstains=frame["why"] != "")


def test_answers_are_counted(table):
    row = inference.answers(table).iloc[0]
    assert (row["windows"], row["answered"], row["unsure"], row["silent"], row["unlike"]) == (10, 0.7, 0.2, 0.1, 0)
    assert row["forecast_neutral"] == pytest.approx(4 / 7) and row["forecast_sadness"] == pytest.approx(3 / 7)
    assert row["forecast_excitement"] == 0


def test_nothing_answered_is_said(table, forecaster):
    path = SimpleNamespace(name="talk.wav")
    found = SimpleNamespace(path=path, seconds=20.0, format="wav", notes=["odd"], table=table)
    lines = inference.summary(found, replace(forecaster, shifts_s=[0.0]))
    assert lines[:2] == ["talk.wav: 0:20 (wav); 10 windows of 10 s", "note: odd"]
    assert lines[2].startswith(
        '0 s ahead: "I do not know" 30 % of the time (too unsure 20 %, silent 10 %); of the answers '
    )
    assert lines[2].endswith("neutral 57 %, sadness 43 %; on average 75 % of the networks agree")
    found.table = table.assign(abstains=True, why="unsure")
    assert inference.summary(found, forecaster)[2] == '0 s ahead: "I do not know" 100 % of the time (too unsure 100 %)'


@pytest.mark.parametrize(
    ("knows", "end"),
    [
        (training.LABELS, "; but the encoder was trained on 35 of the 240 events with their labels"),
        (training.UNKNOWN, "; but whether the encoder was trained on these recordings is not known"),
        (training.NOTHING, ""),
    ],
)
def test_what_the_encoder_knows_is_said_where_it_knows_something(table, forecaster, knows, end):
    encoder = {"knows": knows, "learned": 35, "events": 240}
    facts = forecaster.facts | {"data": forecaster.facts["data"] | {"encoder": encoder}}
    found = SimpleNamespace(path=SimpleNamespace(name="talk.wav"), seconds=20.0, format="wav", notes=[], table=table)
    forecaster = replace(forecaster, facts=facts)
    for said in (inference.title(found, forecaster), inference.summary(found, forecaster)[-1]):
        assert said.endswith(end) and ("encoder" in said) == bool(end)

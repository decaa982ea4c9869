"""What a stopped run leaves is gone on with, if it was made of the same; two runs of one table take turns."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest

from emocast.recordings import hearing


def heard(path, forecaster, **options):
    return hearing.forecast(path, forecaster, progress=False, **options)


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

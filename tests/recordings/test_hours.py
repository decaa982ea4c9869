"""A recording of three hours by the command line: little memory, and far less time than it was spoken in."""

import pandas as pd
import pytest
from benchmarks import recordings

import small_models
from emocast import forecaster as forecasters
from emocast.forecaster import card


@pytest.mark.slow
def test_three_hours_take_little_memory_and_a_fraction_of_their_time(tmp_path, monkeypatch, forecaster_through):
    """With a small encoder: what is measured is the way through the recording, imports and picture included.

    Its time is that of the processor, as if it had one core to itself: other tests run beside this one.
    """
    forecaster = forecaster_through(small_models.quick_wav2vec2(tmp_path / "small"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    forecasters.save(forecasters.folder("smoke"), forecaster, card=card.text(forecaster))
    found = recordings.measured(tmp_path, 3.0, profile="smoke")
    table = pd.read_csv(tmp_path / "forecast-3h" / "forecast.csv")
    assert table["second"].max() >= 3 * 3600 and table["second"].nunique() >= 3 * 3600 - 10, "each second of it"
    assert found["peak MB"] < recordings.LIMIT_MB
    assert 3 * 3600 / found["processor seconds"] > recordings.LEAST_SPEED

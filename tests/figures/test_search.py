import numpy as np
import pandas as pd
import pytest

from emocast import figures


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "first": [True, False, False],
            "learning_rate": [1e-5, 1e-5, 1e-3],
            "hidden_layers": [4, 2, 4],
            "parameters": [418_173, 50_000, 2_000_000],
            "accuracy": [60.0, 58.0, 61.0],
            "accuracy_low": [55.0, 50.0, 57.0],
            "accuracy_high": [66.0, 65.0, 66.0],
        }
    )


def bars(ax):
    """The ends of all intervals: place -> (low, high)."""
    segments = [segment for container in ax.containers for segment in container[2][0].get_segments()]
    return {segment[0][0]: (segment[0][1], segment[1][1]) for segment in segments}


def test_settings_stand_at_their_size_with_their_intervals(ax, table):
    figures.search(table, ax, chance=100 / 3)
    assert bars(ax) == {418_173: (55.0, 66.0), 50_000: (50.0, 65.0), 2_000_000: (57.0, 66.0)}
    assert ax.get_xscale() == "log" and "percent" in ax.get_ylabel() and "parameters" in ax.get_xlabel()
    assert ax.get_title(loc="left") or ax.get_title()


def test_the_first_setting_is_ringed(ax, table):
    figures.search(table, ax, chance=100 / 3, marked="the profile's setting")
    (ring,) = [drawn for drawn in ax.collections if drawn.get_label() == "the profile's setting"]
    np.testing.assert_allclose(ring.get_offsets(), [[418_173, 60.0]])


def test_a_legend_tells_learning_rates_and_chance(ax, table):
    figures.search(table, ax, chance=100 / 3)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"learning rate 1e-05", "learning rate 0.001", "chance"} <= set(names)


def test_values_of_a_setting_have_a_place_each(ax, table):
    figures.search(table, ax, chance=100 / 3, x="hidden_layers")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["2", "4"]
    places = sorted(bars(ax))
    assert places[0] == 0 and 0.5 < places[1] < places[2] < 1.5  # two of 4 layers beside each other


def test_no_setting_is_an_error(ax, table):
    with pytest.raises(ValueError, match="no setting"):
        figures.search(table.iloc[:0], ax, chance=100 / 3)

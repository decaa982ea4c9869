import numpy as np
import pandas as pd
import pytest

from emocast import figures

TABLE = pd.DataFrame(
    {"bin": [4, 9], "above": [0.4, 0.9], "up_to": [0.5, 1.0], "confidence": [0.46, 0.97], "accuracy": [0.5, 0.8],
     "n": [30, 90], "low": [0.35, 0.72], "high": [0.65, 0.88]}
)  # fmt: skip


def test_points_intervals_and_shares_stand_at_their_bins(ax):
    figures.reliability(TABLE, ax, title="One model")
    drawn = {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}
    assert drawn["accuracy of the bin"] == [[0.46, 0.5], [0.97, 0.8]]
    assert drawn["as often right as sure"] == [[0, 0], [1, 1]]
    (intervals,) = ax.collections
    np.testing.assert_allclose(intervals.get_segments(), [[[0.46, 0.35], [0.46, 0.65]], [[0.97, 0.72], [0.97, 0.88]]])
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in ax.patches]
    np.testing.assert_allclose(bars, [(0.4, 0.1, 0.25), (0.9, 0.1, 0.75)])


def test_axes_say_what_they_show(ax):
    figures.reliability(TABLE, ax, interval="Wilson's 95 % interval")
    assert (
        "confidence" in ax.get_xlabel() and "accuracy" in ax.get_ylabel() and ax.get_title(loc="left") + ax.get_title()
    )
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "Wilson's 95 % interval" in legend and "share of the 120 events" in legend
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 1))


def test_an_empty_table_is_refused(ax):
    with pytest.raises(ValueError, match="no bin with events"):
        figures.reliability(TABLE.head(0), ax)

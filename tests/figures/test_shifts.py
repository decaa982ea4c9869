import numpy as np
import pandas as pd

from emocast import figures


def test_sweep_draws_lines_intervals_and_published_ends(ax):
    summary = pd.DataFrame(
        {
            "event_set": "fixed",
            "shift_s": [0.0, 2.0],
            "accuracy": [60.0, 50.0],
            "accuracy_low": [55.0, 45.0],
            "accuracy_high": [65.0, 55.0],
        }
    )
    figures.sweep(summary, {0: 78.0, 20: 74.0}, ax, chance=100 / 3, names={"fixed": "the same events"})
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), [60, 50])
    np.testing.assert_allclose(ax.collections[-1].get_offsets(), [[0, 78], [20, 74]])
    assert "percent" in ax.get_ylabel()


def test_differences_stand_at_their_shifts_with_their_intervals():
    table = pd.DataFrame({"shift_s": [0.0, 10.0], "difference": [-2.0, 1.0], "low": [-5.0, -1.0], "high": [0.5, 4.0]})
    ax = figures.differences(table)
    (points, _, (bars,)) = ax.containers[0]
    assert list(points.get_ydata()) == [-2.0, 1.0]
    assert [[tuple(end) for end in segment] for segment in bars.get_segments()] == [
        [(0.0, -5.0), (0.0, 0.5)],
        [(10.0, -1.0), (10.0, 4.0)],
    ]
    assert "points" in ax.get_ylabel() and "seconds" in ax.get_xlabel()


def test_a_rung_has_a_line_and_a_band_for_each_model_that_is_known(ax):
    names = ["ceiling", "FC-DNN", "persistence", "a stranger"]
    points = pd.DataFrame([(name, shift, place + shift) for place, name in enumerate(names) for shift in (0.0, 2.0)])
    points.columns = ["model", "shift_s", "accuracy"]
    points = points.assign(accuracy_low=points["accuracy"] - 5, accuracy_high=points["accuracy"] + 5)
    figures.rung(points.iloc[::-1], ax, chance=33.3, title="dialogue")
    lines = {line.get_label(): list(line.get_ydata()) for line in ax.get_lines()}
    assert lines == {"FC-DNN": [1, 3], "persistence": [2, 4], "ceiling": [0, 2], "chance": [33.3, 33.3]}
    assert len(ax.collections) == 3
    assert len({line.get_color() for line in ax.get_lines()}) == 4
    assert "percent" in ax.get_ylabel() and "dialogue" in (ax.get_title(), ax.get_title(loc="left"))

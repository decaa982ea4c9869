import numpy as np
import pandas as pd
import pytest

from emocast import figures

LADDER = pd.DataFrame(
    [(protocol, model, value, value - 5, value + 5)
     for protocol, values in {"random": (70, 60, 65), "dialogue": (50, 58, 33)}.items()
     for model, value in zip(("FC-DNN", "persistence", "dialogue mode"), values, strict=True)],
    columns=["protocol", "model", "accuracy", "accuracy_low", "accuracy_high"],
)  # fmt: skip


def lines(ax):
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def test_a_forecaster_stands_at_its_rung_with_its_interval(ax):
    figures.ladder(LADDER, ax, models=["persistence", "not there"], main="FC-DNN", chance=100 / 3, title="At 0 s")
    drawn = lines(ax)
    assert "dialogue mode" not in drawn and "not there" not in drawn
    np.testing.assert_allclose(drawn["FC-DNN"][:, 1], [70, 50])
    assert (np.abs(drawn["FC-DNN"][:, 0] - [0, 1]) < 0.4).all() and "chance" in drawn
    assert [text.get_text() for text in ax.get_xticklabels()] == ["random", "dialogue"]
    spans = [segment[:, 1].tolist() for part in ax.collections for segment in part.get_segments()]
    assert [65, 75] in spans and [53, 63] in spans


def test_no_forecaster_is_lost_where_there_are_many(ax):
    names = [f"model {number}" for number in range(9)]
    table = pd.concat([LADDER[LADDER["model"] == "FC-DNN"].assign(model=name) for name in names])
    figures.ladder(table, ax, models=names[1:], main=names[0], chance=100 / 3)
    assert set(names) <= set(lines(ax))
    assert len({line.get_color() for line in ax.get_lines()[:9]}) == 9


@pytest.fixture
def gained():
    return pd.DataFrame(
        {"protocol": ["random", "random", "dialogue", "dialogue"], "shift_s": [0.0, 10.0] * 2,
         "difference": [5.0, 3.0, -2.0, np.nan], "low": [1.0, -2.0, -np.inf, np.nan], "high": [9.0, 8.0, np.inf, np.nan],
         "sure": [True, False, False, False]}
    )  # fmt: skip


def test_gains_are_filled_where_a_test_is_passed_and_clipped_at_the_edge(ax, gained):
    figures.gains(gained, ax, sure="sure", limits=(-10, 10))
    points = [part for part in ax.collections if len(part.get_offsets()) and not hasattr(part, "get_segments")]
    below, above, at_once = points[:3]
    assert [arrow.get_offsets()[:, 1].tolist() for arrow in (below, above)] == [[-10], [10]], "arrows beyond the edge"
    assert at_once.get_offsets()[:, 1].tolist() == [5, -2]
    white = [colour[:3].tolist() == [1, 1, 1] for colour in at_once.get_facecolors()]
    assert white == [False, True]
    spans = [part.get_segments() for part in ax.collections if hasattr(part, "get_segments")]
    spans = [segment[:, 1].tolist() for part in spans for segment in part]
    assert [-10, 10] in spans and [1, 9] in spans
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["0 s before", "10 s before"]


def test_changes_and_the_rest_stand_in_one_row(ax):
    rows = [("FC-DNN", "all", 50), ("FC-DNN", "shift", 40), ("FC-DNN", "stay", 60), ("persistence", "shift", 0)]
    table = pd.DataFrame(rows, columns=["model", "events", "accuracy"]).assign(n=120)
    table = table.assign(accuracy_low=table["accuracy"] - 4, accuracy_high=table["accuracy"] + 4)
    figures.changes(table, ax, chance=100 / 3)
    drawn = lines(ax)
    np.testing.assert_allclose(drawn["the emotion changed (120 events)"], [[40, -0.14], [0, 0.86]])
    np.testing.assert_allclose(drawn["it stayed (120 events)"], [[60, 0.14]])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["FC-DNN", "persistence"]


def test_a_learning_curve_has_its_sizes_and_levels(ax):
    table = pd.DataFrame({"train_dialogues": [6.0, 48.0], "accuracy": [40.0, 50.0], "accuracy_low": [35.0, 44.0],
                          "accuracy_high": [45.0, 56.0]})  # fmt: skip
    figures.learning_curve(table, ax, chance=100 / 3, levels={"persistence": 55.0})
    drawn = lines(ax)
    np.testing.assert_allclose(drawn["FC-DNN"], [[6, 40], [48, 50]])
    assert drawn["persistence"][0, 1] == 55 and ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_xticklabels()] == ["6", "48"]

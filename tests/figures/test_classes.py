import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from emocast import figures, labels, metrics


def test_confusion_shows_counts_and_colours_by_row_share(ax):
    matrix = pd.DataFrame([[3, 1], [0, 0]], index=["anger", "sadness"], columns=["anger", "sadness"])
    figures.confusion(matrix, ax)
    assert [text.get_text() for text in ax.texts] == ["3", "1", "0", "0"]
    np.testing.assert_allclose(ax.images[0].get_array().ravel(), [0.75, 0.25, 0, 0])


def test_accuracies_draws_values_with_their_intervals(ax):
    table = pd.DataFrame(
        {"task": ["2 classes", "2 classes"], "series": ["model", "published: preprint"], "value": [0.7, 0.95],
         "low": [0.6, np.nan], "high": [0.8, np.nan], "chance": 0.5}
    )  # fmt: skip
    figures.accuracies(table, ax)
    assert ax.containers[0].lines[0].get_xdata() == [0.7]
    segment = ax.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(segment[:, 0], [0.6, 0.8])


def test_confusion_in_percent_of_the_row_without_a_colour_bar(ax):
    matrix = pd.DataFrame([[3, 1], [5, 0]], index=["anger", "sadness"], columns=["anger", "sadness"])
    figures.confusion(matrix, ax, show="percent", predicted="recognised", colour_bar=False)
    assert [text.get_text() for text in ax.texts] == ["75%", "25%", "100%", "0%"]
    assert ax.get_xlabel() == "recognised"
    assert ax.figure.axes == [ax]
    with pytest.raises(ValueError, match="show is 'shares'"):
        figures.confusion(matrix, ax, show="shares")


@pytest.fixture
def leaning():
    """Two test sets: all is taken for neutral in the first, all is right in the second."""
    true = ["neutral", "sadness", "anger", "anger"]
    tables = {"English": ["neutral"] * 4, "German": true}
    rows = {name: metrics.class_shares(true, guess, labels=labels.FOUR) for name, guess in tables.items()}
    return pd.concat(rows, names=["test_set"]).reset_index()


def test_shares_draw_a_dot_and_a_tick_a_class(leaning, ax):
    figures.shares(leaning, ax)
    lines = {line.get_label(): line for line in ax.get_lines()}
    neutral = lines["neutral, predicted"]
    np.testing.assert_allclose(neutral.get_xdata(), [1, 0.25])
    np.testing.assert_array_equal(np.round(neutral.get_ydata()), [0, 1])  # English above German
    assert mpl.colors.to_hex(neutral.get_mfc()).upper() == labels.COLOURS["neutral"]
    ticks = [line.get_xdata() for line in ax.get_lines() if line.get_marker() == "|" and len(line.get_xdata())]
    np.testing.assert_allclose(ticks, [[0.25, 0.25], [0, 0], [0.25, 0.25], [0.5, 0.5]])
    np.testing.assert_allclose(lines["one of 4"].get_xdata(), 0.25)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["English", "German"]


def test_shares_of_several_models_need_several_axes(leaning, ax):
    with pytest.raises(ValueError, match="one model an axes"):
        figures.shares(pd.concat([leaning, leaning]), ax)


@pytest.fixture
def scored():
    return pd.DataFrame(
        {"test_set": ["English", "German", "English", "German"], "model": ["a", "a", "b", "b"],
         "value": [0.5, 0.6, 0.4, np.nan], "low": [0.4, 0.65, np.nan, np.nan], "high": [0.55, 0.8, np.nan, np.nan],
         "published": [0.52, np.nan, np.nan, 0.7]}
    )  # fmt: skip


def test_scores_draw_values_intervals_and_what_was_published(scored, ax):
    figures.scores(scored, ax, chance=0.25)
    drawn = {line.get_label(): line.get_xydata() for line in ax.get_lines()}
    np.testing.assert_allclose(drawn["a"][:, 0], [0.5, 0.6])
    segments = ax.collections[0].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in segments], [[0.4, 0.55], [0.65, 0.8]])
    np.testing.assert_allclose([segment[0, 1] for segment in segments], drawn["a"][:, 1])
    squares = [line for line in ax.get_lines() if line.get_marker() == "s" and len(line.get_xdata())]
    np.testing.assert_allclose(squares[0].get_xdata(), [0.52, np.nan])
    for square, model in zip(squares, "ab", strict=True):  # in the row of its model
        np.testing.assert_allclose(square.get_xydata()[:, 1], drawn[model][:, 1])
    assert {line.get_mfc() for line in squares} == {"none"}
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["a", "b", "published, same model", "chance, 25%"]


def test_scores_name_no_published_value_where_there_is_none(scored, ax):
    figures.scores(scored.assign(published=np.nan), ax)
    assert "published" not in " ".join(text.get_text() for text in ax.get_legend().get_texts())

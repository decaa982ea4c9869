"""Figures draw what they are given: the values are read back from the axes."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from emocast import figures, labels

mpl.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.fixture
def utterances():
    return pd.DataFrame(
        {
            "dialogue": "d",
            "session": ["s1", "s1", "s2", "s2"] * 6,
            "speaker": ["a", "b"] * 12,
            "emotion": ["anger", "sadness", "anger", pd.NA] * 6,
            "start_s": np.arange(24.0),
            "end_s": np.arange(24.0) + 0.9,
            "valence": np.linspace(1, 5, 24),
            "arousal": np.linspace(5, 1, 24),
        }
    )


def test_emotion_counts_stacks_the_counts_in_the_emotions_colours(utterances, ax):
    figures.emotion_counts(utterances, ax)
    heights = {container.get_label(): [bar.get_height() for bar in container] for container in ax.containers}
    assert heights == {"sadness": [6, 0], "anger": [6, 6], "no majority": [0, 6]}
    anger = next(container for container in ax.containers if container.get_label() == "anger")
    assert mpl.colors.to_hex(anger[0].get_facecolor()).upper() == labels.COLOURS["anger"]


def test_timeline_has_a_bar_a_turn_where_it_was(utterances, ax):
    figures.timeline(utterances, ax)
    bars = [patch for patch in ax.patches if isinstance(patch, mpl.patches.Rectangle)]
    assert sorted(bar.get_x() for bar in bars) == list(range(24))
    assert "seconds" in ax.get_xlabel()


def test_valence_arousal_draws_the_means(utterances, ax):
    figures.valence_arousal(utterances, ax)
    anger = utterances[utterances["emotion"] == "anger"]
    drawn = [line.get_xydata()[0] for line in ax.get_lines() if len(line.get_xydata()) == 1]
    assert any(np.allclose(point, anger[["valence", "arousal"]].mean()) for point in drawn)


def test_confusion_shows_counts_and_colours_by_row_share(ax):
    matrix = pd.DataFrame([[3, 1], [0, 0]], index=["anger", "sadness"], columns=["anger", "sadness"])
    figures.confusion(matrix, ax)
    assert [text.get_text() for text in ax.texts] == ["3", "1", "0", "0"]
    np.testing.assert_allclose(ax.collections[0].get_array().ravel(), [0.75, 0.25, 0, 0])


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


def test_losses_say_what_knowing_nothing_costs(ax):
    curves = pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.5], "validation_loss": [1.1, 0.9]})
    figures.losses(curves, ax, classes=3)
    np.testing.assert_allclose(ax.get_lines()[2].get_ydata(), np.log(3))


def test_accuracies_draws_values_with_their_intervals(ax):
    table = pd.DataFrame(
        {"task": ["2 classes", "2 classes"], "series": ["model", "published: preprint"], "value": [0.7, 0.95],
         "low": [0.6, np.nan], "high": [0.8, np.nan], "chance": 0.5}
    )  # fmt: skip
    figures.accuracies(table, ax)
    assert ax.containers[0].lines[0].get_xdata() == [0.7]
    segment = ax.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(segment[:, 0], [0.6, 0.8])


def test_embedding_gives_each_emotion_its_colour(ax):
    hue = pd.Series(["anger", "sadness"], name="emotion")
    figures.embedding(np.array([[0.0, 1.0], [1.0, 0.0]]), hue, ax, title="t", axis="component")
    colours = [mpl.colors.to_hex(colour).upper() for colour in ax.collections[0].get_facecolors()]
    assert colours == [labels.COLOURS["anger"], labels.COLOURS["sadness"]]

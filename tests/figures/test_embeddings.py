import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from emocast import figures, labels


def points(count):
    return np.random.default_rng(0).normal(size=(count, 2))


def colours_of(ax):
    return [mpl.colors.to_hex(colour).upper() for colour in ax.collections[0].get_facecolors()]


def title(ax):
    return ax.get_title("left") or ax.get_title()  # the project's style puts it to the left


def markers_in_legend(ax):
    return {text.get_text(): handle.get_marker() for text, handle in
            zip(ax.get_legend().get_texts(), ax.get_legend().legend_handles, strict=True)}  # fmt: skip


def test_embedding_gives_each_emotion_its_colour(ax):
    hue = pd.Series(["anger", "sadness"], name="emotion")
    figures.embedding(np.array([[0.0, 1.0], [1.0, 0.0]]), hue, ax, title="t", axis="component")
    assert colours_of(ax) == [labels.COLOURS["anger"], labels.COLOURS["sadness"]]
    assert title(ax) == "t"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sadness", "anger"]


def test_ten_speakers_are_told_apart_by_colour_and_marker(ax):
    hue = pd.Series([f"speaker{number}" for number in range(10)], name="speaker")
    figures.embedding(points(10), hue, ax, title="t", axis="component")
    markers = markers_in_legend(ax)
    assert list(markers) == hue.tolist()
    assert len(set(zip(colours_of(ax), markers.values(), strict=True))) == 10
    assert set(colours_of(ax)) <= set(figures.SERIES_COLOURS)


def test_few_groups_have_colours_of_their_own(ax):
    figures.embedding(points(3), pd.Series(["a", "b", "c"], name="session"), ax, title="t", axis="component")
    assert colours_of(ax) == list(figures.SERIES_COLOURS[:3])


def test_many_groups_are_counted_in_the_title_and_have_no_legend(ax):
    hue = pd.Series([f"d{number:02d}" for number in range(11)], name="dialogue")
    figures.embedding(points(11), hue, ax, title="PCA by dialogue", axis="component")
    assert ax.get_legend() is None
    assert title(ax).startswith("PCA by dialogue (11 dialogues")
    assert len(set(colours_of(ax))) == 11


@pytest.fixture
def probed():
    return pd.DataFrame(
        {"encoder": ["a", "a", "b", "b"], "label": ["emotion", "dialogue"] * 2, "groups": [4, 60, 4, 60],
         "chance": [0.25, 1 / 60] * 2, "uar": [0.5, 0.3, 0.4, np.nan], "low": [0.45, 0.2, 0.3, np.nan],
         "high": [0.55, 0.4, 0.5, np.nan], "above_chance": [0.33, 0.29, 0.2, np.nan],
         "above_low": [0.27, 0.19, -0.05, np.nan], "above_high": [0.4, 0.39, 0.33, np.nan]}
    )  # fmt: skip


def drawn(ax):
    return {line.get_label(): line.get_xydata() for line in ax.get_lines() if line.get_label() in ("a", "b")}


def test_probes_draw_scores_intervals_and_the_chance_of_each_label(probed, ax):
    figures.probes(probed, ax)
    np.testing.assert_allclose(drawn(ax)["a"][:, 0], [0.5, 0.3])
    np.testing.assert_allclose(np.round(drawn(ax)["a"][:, 1]), [0, 1])
    first, second, chance = ax.collections
    np.testing.assert_allclose([segment[:, 0] for segment in first.get_segments()], [[0.45, 0.55], [0.2, 0.4]])
    assert [segment[0, 1] for segment in first.get_segments()] == pytest.approx(drawn(ax)["a"][:, 1])
    np.testing.assert_allclose(second.get_segments()[0][:, 0], [0.3, 0.5])
    np.testing.assert_allclose([segment[0, 0] for segment in chance.get_segments()], [0.25, 1 / 60])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["emotion\n4 groups", "dialogue\n60 groups"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "chance"]
    assert "percent" in ax.get_xlabel()


def test_probes_above_chance_have_chance_at_zero_and_show_what_lies_below(probed, ax):
    columns = {"score": "above_chance", "ends": ("above_low", "above_high")}
    figures.probes(probed, ax, **columns, label="above chance", legend=False)
    np.testing.assert_allclose([segment[0, 0] for segment in ax.collections[2].get_segments()], [0, 0])
    np.testing.assert_allclose(drawn(ax)["b"][0, 0], 0.2)
    assert ax.get_xlim()[0] < -0.05
    assert ax.get_legend() is None

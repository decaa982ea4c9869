import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from emocast import figures, labels


def points(count):
    return np.random.default_rng(0).normal(size=(count, 2))


def hexes(collection, *, edge=False):
    colours = collection.get_edgecolors() if edge else collection.get_facecolors()
    return [mpl.colors.to_hex(colour).upper() for colour in colours]


def colours_of(ax):
    return hexes(ax.collections[0])


def test_embedding_gives_each_emotion_its_colour(ax):
    hue = pd.Series(["anger", "sadness"], name="emotion")
    figures.embedding(np.array([[0.0, 1.0], [1.0, 0.0]]), hue, ax, title="t", axis="component")
    assert colours_of(ax) == [labels.COLOURS["anger"], labels.COLOURS["sadness"]]
    assert ax.get_title() == "t"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sadness", "anger"]


def test_ten_speakers_are_told_apart_by_colour_and_marker(ax):
    hue = pd.Series([f"speaker{number}" for number in range(10)], name="speaker")
    figures.embedding(points(10), hue, ax, title="t", axis="component")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == hue.tolist()
    markers = [handle.get_marker() for handle in ax.get_legend().legend_handles]
    assert len(set(zip(colours_of(ax), markers, strict=True))) == 10
    assert set(colours_of(ax)) <= set(figures.SERIES_COLOURS)


def test_many_groups_are_counted_in_the_title_and_have_no_legend(ax):
    hue = pd.Series([f"d{number:02d}" for number in range(11)], name="dialogue")
    figures.embedding(points(11), hue, ax, title="PCA by dialogue", axis="component")
    assert ax.get_legend() is None
    assert ax.get_title().startswith("PCA by dialogue (11 dialogues")
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


def test_probes_above_chance_have_chance_at_zero_and_show_what_lies_below(probed, ax):
    figures.probes(probed, ax, above_chance=True)
    np.testing.assert_allclose([segment[0, 0] for segment in ax.collections[2].get_segments()], [0, 0])
    np.testing.assert_allclose(drawn(ax)["b"][0, 0], 0.2)
    assert ax.get_xlim()[0] < -0.05
    assert not ax.get_legend().get_visible()


def test_texts_are_diamonds_with_a_black_edge_and_their_names_do_not_cover_each_other(ax):
    """Two ensembles that lie on nearly the same place, and a single prompt."""
    table = pd.DataFrame({"emotion": ["anger", "anger", "sadness"], "label": ["", "anger", "sadness"]})
    places = np.array([[0.0, 0.0], [0.95, 0.5], [0.95, 0.501]])
    ax.plot([0, 1], [0, 1], "o")
    figures.texts(places, table, ax)
    single, ensembles = ax.collections
    assert hexes(single) == [labels.COLOURS["anger"]]
    assert hexes(ensembles) == [labels.COLOURS["anger"], labels.COLOURS["sadness"]]
    assert set(hexes(ensembles, edge=True)) == {"#000000"}
    assert ensembles.get_sizes()[0] > 3 * single.get_sizes()[0]
    np.testing.assert_allclose(ensembles.get_offsets(), places[1:])
    ax.figure.draw_without_rendering()
    assert [text.get_text() for text in ax.texts] == ["anger", "sadness"]
    first, second = (text.get_window_extent() for text in ax.texts)
    assert min(first.y1, second.y1) <= max(first.y0, second.y0) + 1
    assert all(text.xy == tuple(place) for text, place in zip(ax.texts, places[1:], strict=True))
    assert max(first.x1, second.x1) < ax.get_window_extent().x1

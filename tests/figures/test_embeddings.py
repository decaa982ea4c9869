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


def test_alignment_draws_what_is_found_beside_its_null(ax):
    held = pd.DataFrame(
        {"label": ["emotion", "language", "emotion"], "shuffled": ["", "", "within dialogue"], "measure": "nmi",
         "value": [0.3, np.nan, 0.3], "null_mean": [0.1, np.nan, 0.12], "null_95": [0.15, np.nan, 0.18],
         "p": [0.005, np.nan, 0.01]}
    )  # fmt: skip
    other = held.assign(measure="ari", value=0.9)
    figures.alignment(pd.concat([other, held]), ax, measure="nmi")
    np.testing.assert_allclose([bar.get_x() for bar in ax.patches], [0.1, np.nan, 0.12])
    np.testing.assert_allclose([bar.get_x() + bar.get_width() for bar in ax.patches], [0.15, np.nan, 0.18])
    drawn = {line.get_label(): line.get_xdata() for line in ax.get_lines()}
    np.testing.assert_allclose(drawn["as they are"], [0.3, np.nan, 0.3])
    np.testing.assert_allclose(drawn["shuffled labels: mean"], [0.1, np.nan, 0.12])
    assert [text.get_text() for text in ax.texts] == ["p = 0.005", "one group only", "p = 0.01"]
    assert [tick.get_text() for tick in ax.get_yticklabels()][2] == "emotion\n(within dialogue)"
    assert ax.get_xlabel() == "normalised mutual information"


def test_a_sweep_has_a_line_a_label_and_its_null_dotted(ax):
    table = pd.DataFrame(
        {"label": ["emotion"] * 2 + ["sex"] * 2 + ["language"], "measure": "ari", "clusters": [2, 4, 2, 4, 2],
         "value": [0.1, 0.2, 0.3, 0.1, np.nan], "null_95": [0.01, 0.02, 0.03, 0.04, np.nan]}
    )  # fmt: skip
    figures.cluster_sweep(table, ax, measure="ari")
    drawn = {line.get_label(): line for line in ax.get_lines()}
    assert {"emotion", "sex", "95 % of shuffles"} <= set(drawn) and "language" not in drawn
    np.testing.assert_allclose(drawn["sex"].get_xydata(), [[2, 0.3], [4, 0.1]])
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == ":" and len(line.get_xdata())]
    np.testing.assert_allclose([line.get_ydata() for line in dotted], [[0.01, 0.02], [0.03, 0.04]])
    assert [line.get_color() for line in dotted] == [drawn[name].get_color() for name in ("emotion", "sex")]

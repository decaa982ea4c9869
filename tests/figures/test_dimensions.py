import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from emocast import figures


def _heights(ax):
    """Middle of each bar that is not empty -> its height."""
    bars = [patch for patch in ax.patches if isinstance(patch, mpl.patches.Rectangle)]
    return {round(bar.get_x() + bar.get_width() / 2, 6): bar.get_height() for bar in bars if bar.get_height()}


def _many(n):
    generator = np.random.default_rng(0)
    true = np.clip(generator.normal(3, 1, size=n), 1, 5)
    return true, true + generator.normal(0, 0.5, size=n)


def test_distribution_counts_quarters_of_points(ax):
    """Thirds fall to the nearest quarter, so that no bin collects more of the possible mean ratings than its neighbour."""
    figures.distribution([1, 2, 2, 2 + 1 / 3, 5], [2.5, 2.5, 2.6, 3, 5.5], ax, dimension="valence")
    assert _heights(ax) == {1: 1, 2: 2, 2.25: 1, 5: 1}
    outline = next(patch for patch in ax.patches if isinstance(patch, mpl.patches.Polygon))
    assert outline.get_xy()[:, 1].max() == 3
    assert outline.get_xy()[:, 0].max() == pytest.approx(5.625)  # what leaves the scale is shown
    assert "valence (1 negative to 5 positive)" in ax.get_xlabel()
    assert "true (mean 2.47, sd 1.34)" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_distributions_of_one_scale_are_all_inside_it():
    figure, axes = plt.subplots(1, 2, sharey=True)
    for ax, n in zip(axes, (10, 1000), strict=True):
        figures.distribution(*_many(n), ax, dimension="arousal")
    assert axes[1].get_ylim()[1] > max(_heights(axes[1]).values())
    plt.close(figure)


def test_scatter_of_few_draws_every_point_and_the_line_of_identity(ax):
    figures.scatter([1, 2, 3], [2, 3, 4], ax, dimension="arousal")
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[1, 2], [2, 3], [3, 4]])
    line = ax.get_lines()[0]
    np.testing.assert_allclose(line.get_xdata(), line.get_ydata())
    assert ax.texts[0].get_text() == "correlation 1.00\nCCC 0.57\nn = 3"  # 2 (2/3) / (4/3 + 1)
    assert ax.get_xlim() == ax.get_ylim()


def test_scatter_of_many_counts_each_once(ax):
    true, predicted = _many(5000)
    figures.scatter(true, predicted, ax, dimension="valence")
    mesh = ax.collections[0]
    assert np.nansum(mesh.get_array()) == 5000
    low, high = ax.get_ylim()
    assert low < predicted.min() and predicted.max() < high
    assert "n = 5,000" in ax.texts[0].get_text()


def test_scatter_of_a_constant_prediction(ax):
    figures.scatter([1, 2, 3], [3, 3, 3], ax, dimension="valence")
    assert ax.texts[0].get_text() == "correlation not defined\nCCC 0.00\nn = 3"


def test_errors_are_predicted_minus_true_with_their_normal_curve(ax):
    figures.errors([1, 2, 3, 4], [2, 3, 4, 4], ax, dimension="arousal")  # mean 3/4, deviation sqrt(3)/4
    assert _heights(ax) == {0: 1, 1: 3}
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_allclose(lines["mean +0.75"].get_xdata(), 0.75)
    curve = lines["normal, sd 0.43"]
    x, y = curve.get_data()
    assert x[np.argmax(y)] == pytest.approx(0.75, abs=0.02)
    assert y.max() == pytest.approx(4 * 0.25 / (np.sqrt(3) / 4 * np.sqrt(2 * np.pi)), rel=0.01)
    assert "in points" in ax.get_xlabel()


def test_errors_that_are_all_alike_have_no_normal_curve(ax):
    figures.errors([1, 2], [1, 2], ax, dimension="valence")
    assert _heights(ax) == {0: 2}
    assert not any("normal" in line.get_label() for line in ax.get_lines())

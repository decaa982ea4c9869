import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from emocast import figures, labels

PROTOCOLS = pd.DataFrame(
    [(protocol, model, value, value - 5, value + 5)
     for protocol, values in {"random": (70, 60, 65), "dialogue": (50, 58, 33)}.items()
     for model, value in zip(("FC-DNN", "persistence", "dialogue mode"), values, strict=True)],
    columns=["protocol", "model", "accuracy", "accuracy_low", "accuracy_high"]
)  # fmt: skip


def lines(ax):
    """Label -> points of each line that is named."""
    return {line.get_label(): line.get_xydata() for line in ax.get_lines() if not line.get_label().startswith("_")}


def spans(ax, axis):
    """The ends of all intervals."""
    parts = [part for part in ax.collections if hasattr(part, "get_segments")]
    return [sorted(segment[:, axis].tolist()) for part in parts for segment in part.get_segments() if len(segment)]


def ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_intervals_stand_at_numbers_and_beside_each_other_at_names(ax):
    table = pd.DataFrame({"x": [0.0, 10.0], "y": [-2.0, 1.0], "low": [-5.0, np.nan], "high": [0.5, np.nan]})
    np.testing.assert_array_equal(figures.intervals(ax, table, "x", "y"), [0, 10])
    assert [-5.0, 0.5] in spans(ax, 1)
    named = pd.concat([table.assign(x=["a", "b"], s="one"), table.assign(x=["b", "c"], s="two")])
    at = figures.intervals(ax, named.reset_index(drop=True), "x", "y", "s", series=["two", "one", "none"], flat=True)
    np.testing.assert_allclose(at, [0.175, 1.175, 0.825, 1.825])
    assert ticks(ax.yaxis) == ["a", "b", "c"] and list(lines(ax)) == ["two", "one"]


def test_a_forecaster_stands_at_its_protocol_with_its_interval(ax):
    names = ["persistence", "not there"]
    figures.by_protocol(PROTOCOLS, ax, models=names, main="FC-DNN", chance=100 / 3, title="At 0 s")
    drawn = lines(ax)
    assert "dialogue mode" not in drawn and "not there" not in drawn and "chance" in drawn
    np.testing.assert_allclose(drawn["FC-DNN"][:, 1], [70, 50])
    assert (np.abs(drawn["FC-DNN"][:, 0] - [0, 1]) < 0.4).all()
    assert ticks(ax.xaxis) == ["random", "dialogue"]
    assert [65, 75] in spans(ax, 1) and [53, 63] in spans(ax, 1)


def test_gains_are_filled_where_a_test_is_passed_and_clipped_at_the_edge(ax):
    table = pd.DataFrame(
        {"protocol": ["random", "random", "dialogue", "dialogue"], "shift_s": [0.0, 10.0] * 2,
         "difference": [5.0, 3.0, -2.0, np.nan], "low": [1.0, -2.0, -np.inf, np.nan], "high": [9.0, 8.0, np.inf, np.nan],
         "sure": [True, False, False, False]}
    )  # fmt: skip
    figures.gains(table, ax, sure="sure", limits=(-10, 10))
    arrows = [part.get_offsets()[:, 1].tolist() for part in ax.collections if not hasattr(part, "get_segments")]
    assert arrows == [[-10], [10]], "arrows beyond the edge"
    assert [-10, 10] in spans(ax, 1) and [1, 9] in spans(ax, 1)
    hollow = [line.get_ydata() for line in ax.get_lines() if line.get_mfc() == "white" and len(line.get_ydata())]
    assert hollow[0] == [-2] and hollow[1][0] == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0 s before", "10 s before"]


def test_changes_and_the_rest_stand_in_one_row(ax):
    rows = [("FC-DNN", "all", 50), ("FC-DNN", "shift", 40), ("FC-DNN", "stay", 60), ("persistence", "shift", 0)]
    table = pd.DataFrame(rows, columns=["model", "events", "accuracy"]).assign(n=120)
    table = table.assign(accuracy_low=table["accuracy"] - 4, accuracy_high=table["accuracy"] + 4)
    figures.changes(table, ax, chance=100 / 3)
    drawn = lines(ax)
    np.testing.assert_allclose(drawn["the emotion changed (120 events)"], [[40, -0.175], [0, 0.825]])
    np.testing.assert_allclose(drawn["it stayed (120 events)"], [[60, 0.175]])
    assert ticks(ax.yaxis) == ["FC-DNN", "persistence"]


def test_a_learning_curve_has_its_sizes_and_levels(ax):
    table = pd.DataFrame({"train_dialogues": [6.0, 48.0], "accuracy": [40.0, 50.0], "accuracy_low": [35.0, 44.0],
                          "accuracy_high": [45.0, 56.0]})  # fmt: skip
    figures.learning_curve(table, ax, chance=100 / 3, levels={"persistence": 55.0})
    np.testing.assert_allclose(lines(ax)["FC-DNN"], [[6, 40], [48, 50]])
    assert lines(ax)["persistence"][0, 1] == 55 and ax.get_xscale() == "log" and ticks(ax.xaxis) == ["6", "48"]


def test_a_shift_has_a_line_and_a_band_for_each_model_that_is_known(ax):
    names = ["ceiling", "FC-DNN", "persistence", "a stranger"]
    points = pd.DataFrame([(name, shift, place + shift) for place, name in enumerate(names) for shift in (0.0, 2.0)])
    points.columns = ["model", "shift_s", "accuracy"]
    points = points.assign(accuracy_low=points["accuracy"] - 5, accuracy_high=points["accuracy"] + 5)
    figures.by_shift(points.iloc[::-1], ax, chance=33.3)
    drawn = {name: line[:, 1].tolist() for name, line in lines(ax).items()}
    assert drawn == {"FC-DNN": [1, 3], "persistence": [2, 4], "ceiling": [0, 2], "chance": [33.3, 33.3]}
    assert len(ax.collections) == 3 and len({line.get_color() for line in ax.get_lines()}) == 4
    assert "percent" in ax.get_ylabel()


def test_a_sweep_has_its_event_sets_and_the_published_ends(ax):
    summary = pd.DataFrame({"event_set": "fixed", "shift_s": [0.0, 2.0], "accuracy": [60.0, 50.0]})
    summary = summary.assign(accuracy_low=summary["accuracy"] - 5, accuracy_high=summary["accuracy"] + 5)
    figures.sweep(summary, {0: 78.0, 20: 74.0}, ax, chance=100 / 3, names={"fixed": "the same events"})
    np.testing.assert_allclose(lines(ax)["the same events"][:, 1], [60, 50])
    assert [line.tolist() for name, line in lines(ax).items() if "preprint" in name] == [[[0, 78], [20, 74]]]


def test_recalls_and_events_have_the_emotions_colours(ax):
    table = pd.DataFrame({"emotion": ["anger"] * 2, "shift_s": [0.0, 2.0], "recall": [60.0, 50.0], "events": [9, 4]})
    figures.recalls(table.assign(recall_low=40.0, recall_high=70.0), ax, chance=25)
    figures.eligible_events(table, ax)
    assert [line.get_color() for line in ax.get_lines() if line.get_label() == "anger"] == [labels.COLOURS["anger"]] * 2


def test_confusion_shows_counts_or_percent_and_colours_by_row_share(ax):
    matrix = pd.DataFrame([[3, 1], [0, 0]], index=["anger", "sadness"], columns=["anger", "sadness"])
    figures.confusion(matrix, ax, percent=True, predicted="recognised")
    assert [text.get_text() for text in ax.texts] == ["75%", "25%", "0%", "0%"]
    np.testing.assert_allclose(ax.images[0].get_array().ravel(), [0.75, 0.25, 0, 0])
    assert ax.get_xlabel() == "recognised" and ax.figure.axes == [ax]
    figures.confusion(matrix, ax)
    assert [text.get_text() for text in ax.texts][4:] == ["3", "1", "0", "0"]


def test_accuracies_draw_values_with_their_intervals_and_the_chance_of_each_task(ax):
    table = pd.DataFrame(
        {"task": ["2 classes", "2 classes"], "series": ["model", "published: preprint"], "value": [0.7, 0.95],
         "low": [0.6, np.nan], "high": [0.8, np.nan], "chance": 0.5}
    )  # fmt: skip
    figures.accuracies(table, ax)
    assert lines(ax)["model"][0, 0] == 0.7 and [0.6, 0.8] in spans(ax, 0) and [0.5, 0.5] in spans(ax, 0)
    (published,) = [line for line in ax.get_lines() if line.get_label() == "published: preprint"]
    assert published.get_color() == figures.PUBLISHED_COLOUR


def test_scores_draw_values_intervals_and_what_was_published(ax):
    table = pd.DataFrame(
        {"test_set": ["English", "German", "English", "German"], "model": ["a", "a", "b", "b"],
         "value": [0.5, 0.6, 0.4, np.nan], "low": [0.4, 0.65, np.nan, np.nan], "high": [0.55, 0.8, np.nan, np.nan],
         "published": [0.52, np.nan, np.nan, 0.7]}
    )  # fmt: skip
    figures.scores(table, ax, chance=0.25)
    drawn = lines(ax)
    np.testing.assert_allclose(drawn["a"][:, 0], [0.5, 0.6])
    assert [0.4, 0.55] in spans(ax, 0) and [0.65, 0.8] in spans(ax, 0)
    published = drawn["published, same model"]
    rows = drawn["a"][0, 1], drawn["b"][1, 1]  # each in its model's row
    np.testing.assert_allclose(published[[0, 3]], [[0.52, rows[0]], [0.7, rows[1]]])
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["a", "b", "published, same model", "chance, 25%"]


def test_shares_draw_a_dot_and_a_tick_a_class(ax):
    counts = {"English": [4, 0, 0, 0], "German": [1, 0, 1, 2]}
    shares = {name: {"predicted_share": np.array(number) / 4} for name, number in counts.items()}
    true = {"emotion": ["neutral", "happiness", "sadness", "anger"], "true_share": [0.25, 0, 0.25, 0.5]}
    leaning = pd.concat([pd.DataFrame({"test_set": name, **true, **share}) for name, share in shares.items()])
    figures.shares(leaning, ax)
    neutral = lines(ax)["neutral, predicted"]
    np.testing.assert_allclose(neutral[:, 0], [1, 0.25])
    np.testing.assert_array_equal(np.round(neutral[:, 1]), [0, 1])  # English above German
    np.testing.assert_allclose(lines(ax)["true share"][:, 0], leaning["true_share"])
    np.testing.assert_allclose(lines(ax)["one of 4"][:, 0], 0.25)


def test_reliability_has_points_intervals_and_shares_at_their_bins(ax):
    bins = pd.DataFrame(
        {"bin": [4, 9], "above": [0.4, 0.9], "up_to": [0.5, 1.0], "confidence": [0.46, 0.97], "accuracy": [0.5, 0.8],
         "n": [30, 90], "low": [0.35, 0.72], "high": [0.65, 0.88]}
    )  # fmt: skip
    figures.reliability_diagram(bins, ax, interval="Wilson's 95 % interval")
    assert lines(ax)["accuracy of the bin, Wilson's 95 % interval"].tolist() == [[0.46, 0.5], [0.97, 0.8]]
    assert lines(ax)["as often right as sure"].tolist() == [[0, 0], [1, 1]]
    np.testing.assert_allclose(spans(ax, 1), [[0.35, 0.65], [0.72, 0.88]])
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in ax.patches]
    np.testing.assert_allclose(bars, [(0.4, 0.1, 0.25), (0.9, 0.1, 0.75)])


def test_settings_stand_at_their_size_with_their_intervals_and_the_first_is_ringed(ax):
    table = pd.DataFrame({"first": [True, False], "learning_rate": [1e-5, 1e-3], "parameters": [418_173, 50_000],
                          "accuracy": [60.0, 58.0], "accuracy_low": [55.0, 50.0], "accuracy_high": [66.0, 65.0]})  # fmt: skip
    figures.hyperparameters(table, ax, chance=100 / 3, marked="the profile's setting")
    assert spans(ax, 1) == [[55.0, 66.0], [50.0, 65.0]] and spans(ax, 0)[0] == [418_173] * 2
    assert ax.get_xscale() == "log" and "percent" in ax.get_ylabel() and "parameters" in ax.get_xlabel()
    (ring,) = [drawn for drawn in ax.collections if drawn.get_label() == "the profile's setting"]
    np.testing.assert_allclose(ring.get_offsets(), [[418_173, 60.0]])
    assert {"learning rate 1e-05", "learning rate 0.001", "chance"} <= set(lines(ax))


def test_losses_say_what_knowing_nothing_costs(ax):
    curves = pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.5], "validation_loss": [1.1, 0.9]})
    figures.losses(curves, ax, classes=3)
    np.testing.assert_allclose(lines(ax)["knowing nothing, ln 3"][:, 1], np.log(3))
    assert lines(ax)["held-out part"].tolist() == [[1, 1.1], [2, 0.9]]


@pytest.fixture
def log():
    """As SpeechBrain logs: a loss of both stages, an error of the held-out part only; rows in no order."""
    return pd.DataFrame(
        {"epoch": [2, 1, 1, 2, 3, 3], "stage": ["train", "train", "valid", "valid", "train", "valid"],
         "loss": [0.7, 1.2, 1.3, 1.0, 0.4, 1.1], "error": [np.nan, np.nan, 0.6, 0.4, np.nan, 0.5]}
    )  # fmt: skip


def test_training_curves_draw_both_stages_by_epoch_and_ring_the_kept_one(log, ax):
    figures.training_curves(log, ax, label="loss (nats)", kept=2)
    assert lines(ax)["training part"].tolist() == [[1, 1.2], [2, 0.7], [3, 0.4]]
    assert lines(ax)["held-out part"].tolist() == [[1, 1.3], [2, 1.0], [3, 1.1]]
    assert ax.get_ylabel() == "loss (nats)" and lines(ax)["kept: epoch 2"][:, 0].tolist() == [2, 2]
    assert ax.get_lines()[-1].get_xydata().tolist() == [[2, 1.0]]


@pytest.fixture
def three():
    figure, axes = plt.subplots(1, 3)
    yield axes
    plt.close(figure)


def _heights(ax):
    """Middle of each bar that is not empty -> its height."""
    bars = (patch for patch in ax.patches if isinstance(patch, mpl.patches.Rectangle))
    return {round(bar.get_x() + bar.get_width() / 2, 6): bar.get_height() for bar in bars if bar.get_height()}


def test_distributions_count_quarters_of_points(three):
    """Thirds fall to the nearest quarter, so that no bin collects more of the possible mean ratings than its neighbour."""
    figures.dimensions([1, 2, 2, 2 + 1 / 3, 5], [2.5, 2.5, 2.6, 3, 5.5], three, dimension="valence")
    assert _heights(three[0]) == {1: 1, 2: 2, 2.25: 1, 5: 1}
    outline = next(patch for patch in three[0].patches if isinstance(patch, mpl.patches.Polygon))
    assert outline.get_xy()[:, 1].max() == 3
    assert outline.get_xy()[:, 0].max() == pytest.approx(5.625)  # what leaves the scale is shown
    assert "valence (1 negative to 5 positive)" in three[0].get_xlabel()
    assert "true (mean 2.47, sd 1.34)" in [text.get_text() for text in three[0].get_legend().get_texts()]


def test_a_scatter_has_the_line_of_identity_and_the_errors_their_normal_curve(three):
    figures.dimensions([1, 2, 3, 4], [2, 3, 4, 4], three, dimension="arousal")  # mean error 3/4, deviation sqrt(3)/4
    np.testing.assert_allclose(three[1].collections[0].get_offsets(), [[1, 2], [2, 3], [3, 4], [4, 4]])
    np.testing.assert_allclose(*three[1].get_lines()[0].get_data())
    assert three[1].texts[0].get_text().endswith("n = 4") and three[1].get_xlim() == three[1].get_ylim()
    assert _heights(three[2]) == {0: 1, 1: 3}
    np.testing.assert_allclose(lines(three[2])["mean +0.75"][:, 0], 0.75)
    x, y = lines(three[2])["normal, sd 0.43"].T
    assert x[np.argmax(y)] == pytest.approx(0.75, abs=0.02)
    assert y.max() == pytest.approx(4 * 0.25 / (np.sqrt(3) / 4 * np.sqrt(2 * np.pi)), rel=0.01)


def test_many_points_are_counted_each_once_and_constants_have_no_correlation(three):
    true = np.clip(np.random.default_rng(0).normal(3, 1, size=5000), 1, 5)
    figures.dimensions(true, true + np.random.default_rng(1).normal(0, 0.5, 5000), three, dimension="valence")
    assert np.nansum(three[1].collections[0].get_array()) == 5000 and "n = 5,000" in three[1].texts[0].get_text()
    figures.dimensions([1, 2, 3], [3, 3, 3], three, dimension="valence")
    assert three[1].texts[1].get_text() == "correlation not defined\nCCC 0.00\nn = 3"


def test_held_out_scores_stand_in_percent_and_none_without_an_interval(ax):
    scores = pd.DataFrame(
        {"shift_s": [0.0, 10.0], "accuracy": [0.5, 0.4], "accuracy_low": [0.4, 0.3], "accuracy_high": [0.6, 0.5]}
    )
    scores = scores.assign(
        answered=[0.7, 0.002], answered_accuracy=[0.6, 0.0], answered_low=[0.5, np.nan], answered_high=[0.7, np.nan],
        persistence=0.45, chance=1 / 3
    )  # fmt: skip
    figures.held_out_scores(scores, ax, level=0.95)
    assert ax.get_ylabel() == "accuracy in percent"
    drawn = {line.get_label().partition(",")[0]: list(line.get_ydata()) for line in ax.get_lines()}
    assert drawn["all events"] == [50, 40] and drawn["those answered"] == [60]
    assert {"70 %", "0 %"} <= {text.get_text() for text in ax.texts}
    without = scores.assign(answered_low=None, answered_high=None)  # as JSON gives what no shift has
    before = len(ax.get_lines())
    figures.held_out_scores(without, ax, level=0.95)
    assert not [line for line in ax.get_lines()[before:] if "answered" in line.get_label()]

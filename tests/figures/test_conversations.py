import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from emocast import figures, labels

ORDER = ["neutral", "sadness", "fear"]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def bars(ax):
    return [patch for patch in ax.patches if isinstance(patch, mpl.patches.Rectangle)]


def test_transitions_normalises_rows_and_leaves_out_the_rare(ax):
    counts = pd.DataFrame([[30, 10, 0], [5, 14, 1], [1, 0, 0]], ORDER, ORDER)
    figures.transitions(counts, ax)
    assert np.allclose(ax.images[0].get_array(), [[0.75, 0.25], [0.25, 0.7]])  # 14 of all 20 that follow sadness
    assert texts(ax) == ["75 %\n30", "25 %\n10", "25 %\n5", "70 %\n14"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["neutral", "sadness"]


def test_repeats_draws_observed_interval_and_both_chances(ax):
    table = pd.DataFrame(
        {"pairs": [1200], "p_same": [0.5], "low": [0.4], "high": [0.7], "independent": [0.2], "shuffled": [0.3]},
        index=["any turn before"],
    )
    figures.repeats(table, ax, level=0.9)
    (_, _, (interval,)) = ax.containers[0]
    assert np.allclose(interval.get_segments()[0][:, 0], [0.4, 0.7])
    drawn = {
        entry.get_label(): entry.get_offsets()[0, 0]
        for entry in ax.collections
        if not entry.get_label().startswith("_")
    }
    assert drawn == {"each dialogue's emotions in another order": 0.3, "independent turns": 0.2}
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "observed, 90 % interval by dialogues" in said
    assert ax.get_yticklabels()[0].get_text() == "any turn before\n(1,200 pairs)"


def test_history_stacks_the_emotions_and_says_the_share(ax):
    table = pd.DataFrame(
        {"seconds": [10.0, 10.0, 20.0, 20.0], "emotion": ["sadness", "anger"] * 2, "events": [60, 40, 60, 40],
         "enough": [50, 40, 30, 20]}
    )  # fmt: skip
    figures.history(table, ax)
    widths = {container.get_label(): [bar.get_width() for bar in container] for container in ax.containers}
    assert widths == {"sadness": [50, 30], "anger": [40, 20]}
    assert texts(ax) == [" 90 (90 %)", " 50 (50 %)"]
    assert "seconds" in ax.get_ylabel()


def test_speech_marks_the_mean_of_each_part(ax):
    shares = pd.DataFrame(
        [[0.2, 0.5, 0.1, 0.2], [0.4, 0.3, 0.0, 0.3]], columns=["speaker to come", "others", "both at once", "silence"]
    )
    figures.speech(shares, ax, length_s=10)
    diamonds = ax.collections[-1].get_offsets()
    assert np.allclose(diamonds[:, 0], [30, 40, 5, 25])
    assert ax.get_yticklabels()[0].get_text() == "speaker to come\nmean 30 %"
    assert "10 s" in ax.get_title() and "percent" in ax.get_xlabel()


def test_balance_draws_before_dashed_and_after_filled(ax):
    table = pd.DataFrame(
        {"task": ["2 classes"] * 2, "emotion": ["sadness", "anger"], "before": [90, 60], "after": [60, 60]}
    )
    figures.balance(table, ax)
    filled = [bar for bar in bars(ax) if bar.get_facecolor()[3] > 0]
    assert [bar.get_height() for bar in filled] == [60, 60]
    assert [bar.get_height() for bar in bars(ax) if bar not in filled] == [90, 60]
    assert mpl.colors.to_hex(filled[0].get_facecolor()).upper() == labels.COLOURS["sadness"]
    assert "2 classes\n120 events left" in texts(ax)


@pytest.mark.parametrize("name", ["valence", "arousal"])
def test_the_plane_shows_how_far_raters_lie_apart(ax, name):
    table = pd.DataFrame({"emotion": ["anger"] * 6, "valence": [1.0, 2.0] * 3, "arousal": [4.0, 5.0] * 3})
    raters = pd.DataFrame({"valence": [0.25], "arousal": [0.75]}, index=["anger"])
    figures.valence_arousal(table, ax, raters=raters)
    thick = [entry for entry in ax.collections if entry.get_linewidth()[0] == 9]
    across = 0 if name == "valence" else 1
    segment = thick[across].get_segments()[0][:, across]
    assert np.ptp(segment) / 2 == pytest.approx(raters.loc["anger", name])

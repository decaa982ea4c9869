import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from emocast import audit, figures, labels
from emocast.figures.corpora import MARKS


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
    assert np.allclose(ax.collections[0].get_segments()[0][:, 0], [0.4, 0.7])
    drawn = {line.get_label(): line.get_xdata()[0] for line in ax.get_lines() if len(line.get_xdata()) == 1}
    assert drawn["each dialogue's emotions in another order"] == 0.3 and drawn["independent turns"] == 0.2
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


@pytest.fixture
def facts():
    return audit.catalogue()


def test_sizes_draws_every_corpus_where_its_utterances_are(facts, ax):
    kept = audit.verdicts(facts)["fits"]
    figures.sizes(facts, kept, ax, needed=2000)
    points = ax.collections[-1].get_offsets()
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert dict(zip(names, points[:, 0], strict=True)) == facts["utterances"].to_dict()
    bold = {tick.get_text() for tick in ax.get_yticklabels() if tick.get_fontweight() == "bold"}
    assert bold == {"IEMOCAP", "MELD"}
    assert set(facts["language"]) <= set(texts(ax)), "each language stands beside its rows"
    assert any(list(line.get_xdata()) == [2000, 2000] for line in ax.get_lines())
    assert "13,706  (12.1 h)" in texts(ax)


def test_the_matrix_has_a_cell_a_score_in_its_colour(facts, ax):
    scored = audit.criteria(facts)
    figures.criteria_matrix(scored, ax, asked_by=audit.ASKED_BY)
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    columns = [tick.get_text().partition("\n")[0] for tick in ax.get_xticklabels()]
    assert columns == list(audit.CRITERIA)
    cells = [patch for patch in ax.patches if isinstance(patch, mpl.patches.Rectangle)]
    assert len(cells) == scored.size
    for cell in cells:
        (column, row) = cell.get_center().round().astype(int)
        fill = MARKS[scored.loc[names[row], columns[column]]][0]
        assert mpl.colors.to_hex(cell.get_facecolor()).upper() == fill
    assert names[:3] == ["IEMOCAP", "MELD", "M3ED"], "those that meet most stand above"
    assert "5 of 6" in texts(ax)

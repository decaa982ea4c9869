import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from emocast import audit, figures, labels
from emocast.figures import corpora

CLASSES = ["neutral", "excitement", "sadness"]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def bars(ax):
    return [patch for patch in ax.patches if isinstance(patch, mpl.patches.Rectangle)]


def heights(ax, size):
    """Label -> the sizes of its stacked bars."""
    return {stack.get_label(): [getattr(bar, size)() for bar in stack] for stack in ax.containers}


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
    figures.emotion_counts(utterances, ax, by="session")
    assert heights(ax, "get_height") == {"sadness": [6, 0], "anger": [6, 6], "no majority": [0, 6]}
    assert mpl.colors.to_hex(ax.containers[1][0].get_facecolor()).upper() == labels.COLOURS["anger"]


def test_valence_arousal_draws_the_means(utterances, ax):
    figures.valence_arousal(utterances, ax)
    anger = utterances[utterances["emotion"] == "anger"]
    drawn = [line.get_xydata()[0] for line in ax.get_lines() if len(line.get_xydata()) == 1]
    assert any(np.allclose(point, anger[["valence", "arousal"]].mean()) for point in drawn)


def test_transitions_normalises_rows_and_leaves_out_the_rare(ax):
    order = ["neutral", "sadness", "fear"]
    counts = pd.DataFrame([[30, 10, 0], [5, 14, 1], [1, 0, 0]], order, order)
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
    assert heights(ax, "get_width") == {"sadness": [50, 30], "anger": [40, 20]}
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


def test_sizes_draws_every_corpus_where_its_utterances_are(ax):
    facts = audit.catalogue()
    figures.sizes(facts, audit.verdicts(facts)["fits"], ax, needed=2000)
    points = ax.collections[-1].get_offsets()
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert dict(zip(names, points[:, 0], strict=True)) == facts["utterances"].to_dict()
    bold = {tick.get_text() for tick in ax.get_yticklabels() if tick.get_fontweight() == "bold"}
    assert bold == {"IEMOCAP", "MELD"}
    assert set(facts["language"]) <= set(texts(ax)), "each language stands beside its rows"
    assert any(list(line.get_xdata()) == [2000, 2000] for line in ax.get_lines())
    assert "13,706  (12.1 h)" in texts(ax)


def test_the_matrix_has_a_cell_a_score_in_its_colour(ax):
    scored = audit.criteria(audit.catalogue())
    figures.criteria_matrix(scored, ax, asked_by=audit.ASKED_BY)
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    columns = [tick.get_text().partition("\n")[0] for tick in ax.get_xticklabels()]
    assert columns == list(audit.CRITERIA)
    assert len(bars(ax)) == scored.size
    for cell in bars(ax):
        column, row = cell.get_center().round().astype(int)
        fill = corpora.MARKS[scored.loc[names[row], columns[column]]][0]
        assert mpl.colors.to_hex(cell.get_facecolor()).upper() == fill
    assert names[:3] == ["IEMOCAP", "MELD", "M3ED"], "those that meet most stand above"
    assert "5 of 6" in texts(ax)


@pytest.fixture
def table():
    """Forecasts of 30 seconds at two shifts; seconds 15 to 19 are not answered, 25 is silent."""
    rng = np.random.default_rng(0)
    rows = []
    for second in range(10, 40):
        for shift in (0.0, 10.0):
            shares = dict(zip(CLASSES, rng.dirichlet([1, 1, 1]), strict=True))
            why = "silent" if second == 25 else "unsure" if 15 <= second < 20 else ""
            row = {"second": float(second), "shift_s": shift, "about_s": second + shift, "abstains": why != ""}
            known = why != "silent"
            row |= {"forecast": max(shares, key=shares.get) if known else "", "agreement": 0.8 if known else np.nan}
            for name, share in shares.items():
                ends = (share, share / 2, (1 + share) / 2) if known else (np.nan,) * 3
                row |= dict(zip((f"p_{name}", f"low_{name}", f"high_{name}"), ends, strict=True))
            rows.append(row)
    return pd.DataFrame(rows)


def test_the_picture_of_a_recording_has_its_parts_bands_and_hatched_stretches_without_an_answer(table):
    figure = plt.figure(layout="constrained")
    turns = pd.DataFrame({"speaker": ["F", "M"], "start_s": [1, 5], "end_s": [4, 9], "emotion": ["anger", "sadness"]})
    outline = pd.DataFrame({"start_s": np.arange(0, 40, 0.05), "low": -0.1, "high": 0.2})
    figures.recording(figure, table, outline, shifts_s=[0.0, 10.0], turns=turns, title="a talk")
    axes = figure.axes
    assert (
        len(axes) == 6
        and "a talk" in (axes[0].get_title(), axes[0].get_title("left"))
        and all(ax.get_xlim() == (0, 49) for ax in axes)
    )
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said[:4] == [*CLASSES, "anger (cannot be forecast)"] and "I do not know" in said
    near, lines = table[table["shift_s"] == 0], {line.get_color(): line.get_ydata() for line in axes[2].lines}
    for name in CLASSES:
        np.testing.assert_array_equal(lines[labels.COLOURS[name]], near[f"p_{name}"])
    (hatched,) = [part for part in axes[2].collections if part.get_hatch()]
    ends = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in hatched.get_paths()]
    assert ends == [(14.5, 19.5), (24.5, 25.5)]
    plt.close(figure)


@pytest.mark.parametrize(
    ("length_s", "tick_s"), [(12, 1), (49, 5), (600, 60), (3 * 3600, 900), (20 * 3600, 7200), (100 * 3600, 9 * 3600)]
)
def test_ticks_are_round_on_a_clock(length_s, tick_s):
    assert corpora.tick_s(length_s) == tick_s


def test_the_map_is_stronger_where_the_forecast_is_surer():
    rows = pd.DataFrame(
        {"p_neutral": [0.4, 1.0, np.nan], "p_sadness": [0.6, 0.0, np.nan], "forecast": ["sadness", "neutral", ""]}
    )
    colours = corpora.map_colours(rows, 0.5)
    np.testing.assert_allclose(colours[1], mpl.colors.to_rgb(labels.COLOURS["neutral"]))
    assert colours[0].min() > mpl.colors.to_rgb(labels.COLOURS["sadness"])[0]
    assert colours[2].min() > 0.9


def test_a_long_recording_is_drawn_as_means(table):
    long = pd.concat([table.assign(second=table["second"] + 30 * n) for n in range(100)])
    thin = corpora.thinned(long)
    assert thin.groupby("shift_s")["second"].nunique().max() <= 900
    first = long[(long["shift_s"] == 0)].sort_values("second").head(4)
    row = thin[thin["shift_s"] == 0].iloc[0]
    assert row["p_neutral"] == pytest.approx(first["p_neutral"].mean()) and row["second"] == first["second"].mean()
    assert corpora.thinned(table) is table

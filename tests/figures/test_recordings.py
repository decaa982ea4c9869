"""The picture of a recording: what stands where."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from emocast import figures, labels
from emocast.figures import recordings

CLASSES = ["neutral", "excitement", "sadness"]


@pytest.fixture
def table():
    """Forecasts of 30 seconds at two shifts; seconds 15 to 19 are not answered, 25 is silent."""
    rng = np.random.default_rng(0)
    rows = []
    for second in range(10, 40):
        for shift in (0.0, 10.0):
            shares = dict(zip(CLASSES, rng.dirichlet([1, 1, 1]), strict=True))
            why = "silent" if second == 25 else "unsure" if 15 <= second < 20 else ""
            row = {
                "second": float(second),
                "shift_s": shift,
                "about_s": second + shift,
                "why": why,
                "abstains": why != "",
            }
            known = why != "silent"
            row |= {"forecast": max(shares, key=shares.get) if known else "", "agreement": 0.8 if known else np.nan}
            for name, share in shares.items():
                ends = (share, share / 2, (1 + share) / 2) if known else (np.nan,) * 3
                row |= dict(zip((f"p_{name}", f"low_{name}", f"high_{name}"), ends, strict=True))
            rows.append(row)
    return pd.DataFrame(rows)


@pytest.fixture
def outline():
    return pd.DataFrame({"start_s": np.arange(0, 40, 0.05), "low": -0.1, "high": 0.2})


def test_the_whole_picture(table, outline):
    turns = pd.DataFrame({"speaker": ["F", "M"], "start_s": [1, 5], "end_s": [4, 9], "emotion": ["anger", "sadness"]})
    figure = plt.figure(figsize=(8, 8), layout="constrained")
    axes = figures.recording(figure, table, outline, shifts_s=[0.0, 10.0], turns=turns, title="a talk")
    figure.draw_without_rendering()
    assert len(axes) == 6 and axes[0].get_title() + axes[0].get_title(loc="left") == "a talk"
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said[:4] == [*CLASSES, "anger (cannot be forecast)"] and "I do not know" in said
    assert all(ax.get_xlim() == (0, 49) for ax in axes)
    plt.close(figure)


@pytest.mark.parametrize(
    ("length_s", "tick_s"), [(12, 1), (49, 5), (600, 60), (3 * 3600, 900), (20 * 3600, 7200), (100 * 3600, 9 * 3600)]
)
def test_ticks_are_round_on_a_clock(length_s, tick_s):
    assert recordings.tick_s(length_s) == tick_s


def test_stretches_without_an_answer_are_hatched(table):
    near = table[table["shift_s"] == 0]
    assert recordings.abstentions(near) == [(14.5, 5.0), (24.5, 1.0)]
    ax = plt.figure().gca()
    recordings._bands(near, ax)
    lines = {line.get_color(): line.get_ydata() for line in ax.lines[:3]}
    for name in CLASSES:
        np.testing.assert_array_equal(lines[labels.COLOURS[name]], near[f"p_{name}"])
    (hatched,) = [part for part in ax.collections if part.get_hatch()]
    assert len(hatched.get_paths()) == 2
    plt.close()


def test_the_map_is_stronger_where_the_forecast_is_surer():
    rows = pd.DataFrame(
        {"p_neutral": [0.4, 1.0, np.nan], "p_sadness": [0.6, 0.0, np.nan], "forecast": ["sadness", "neutral", ""]}
    )
    colours = recordings.map_colours(rows, 0.5)
    np.testing.assert_allclose(colours[1], plt.matplotlib.colors.to_rgb(labels.COLOURS["neutral"]))
    assert colours[0].min() > plt.matplotlib.colors.to_rgb(labels.COLOURS["sadness"])[0]
    assert colours[2].min() > 0.9


def test_a_long_recording_is_drawn_as_means(table):
    long = pd.concat(
        [table.assign(second=table["second"] + 30 * n, about_s=table["about_s"] + 30 * n) for n in range(100)]
    )
    thin = recordings.thinned(long, columns=500)
    assert thin.groupby("shift_s")["second"].nunique().max() <= 500
    first = long[(long["shift_s"] == 0)].sort_values("second").head(6)
    row = thin[thin["shift_s"] == 0].iloc[0]
    assert row["p_neutral"] == pytest.approx(first["p_neutral"].mean()) and row["second"] == first["second"].mean()
    assert recordings.thinned(table) is table


def test_scores_stand_in_percent():
    scores = pd.DataFrame(
        {"shift_s": [0.0, 10.0], "accuracy": [0.5, 0.4], "accuracy_low": [0.4, 0.3], "accuracy_high": [0.6, 0.5]}
    )
    scores = scores.assign(
        answered=[0.7, 0.002], answered_accuracy=[0.6, 0.0], answered_low=[0.5, np.nan], answered_high=[0.7, np.nan],
        persistence=0.45, chance=1 / 3
    )  # fmt: skip
    ax = plt.figure().gca()
    figures.held_out_scores(scores, ax, level=0.95)
    assert ax.get_ylabel() == "accuracy in percent"
    drawn = {line.get_label().partition(",")[0]: list(line.get_ydata()) for line in ax.get_lines()}
    assert drawn["all events"] == [50, 40] and drawn["those answered"] == [60], (
        "a rate without an interval is not drawn"
    )
    assert {"70 %", "0 %"} <= {text.get_text() for text in ax.texts}
    without = scores.assign(answered_low=None, answered_high=None)  # as JSON gives what no shift has
    ax = plt.figure().gca()
    figures.held_out_scores(without, ax, level=0.95)
    assert not [line for line in ax.get_lines() if "answered" in line.get_label()]
    plt.close("all")

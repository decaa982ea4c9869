import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from emocast import figures, labels


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

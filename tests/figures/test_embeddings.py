import matplotlib as mpl
import numpy as np
import pandas as pd

from emocast import figures, labels


def test_embedding_gives_each_emotion_its_colour(ax):
    hue = pd.Series(["anger", "sadness"], name="emotion")
    figures.embedding(np.array([[0.0, 1.0], [1.0, 0.0]]), hue, ax, title="t", axis="component")
    colours = [mpl.colors.to_hex(colour).upper() for colour in ax.collections[0].get_facecolors()]
    assert colours == [labels.COLOURS["anger"], labels.COLOURS["sadness"]]

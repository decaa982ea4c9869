import warnings

import numpy as np
import pandas as pd
import pytest

from emocast.corpora import iemocap, iemocap_raters
from emocast.corpora.table import CorpusWarning

LABELS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-F1:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom  ;\t(a comment)
A-F1:\tval 5; act 5; dom  5;\t()

[10.0100 - 11.3925]\tSes01F_impro01_F001\tang\t[1.0000, 4.0000, 4.0000]
A-E1:\tval 1; act 4; dom  4;\t()

[12.0100 - 13.3925]\tSes01F_impro01_M001\tneu\t[3.0000, 3.0000, 3.0000]
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 3; act 4; dom  3;\t()
"""


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "Session1" / "dialog" / "EmoEvaluation"
    folder.mkdir(parents=True)
    (folder / "Ses01F_impro01.txt").write_text(LABELS)
    (folder / "._Ses01F_impro01.txt").write_text(LABELS)  # macOS leaves such beside real files
    return tmp_path


def test_each_raters_scores_are_read_and_the_actors_own_are_not(root):
    ratings = iemocap_raters.load(root)
    assert ratings["rater"].tolist() == ["E3", "E4", "E1", "E3", "E4"]
    assert ratings.loc[0, ["valence", "arousal", "dominance"]].tolist() == [3, 2, 2]
    assert np.isnan(ratings.loc[1, "dominance"])
    assert ratings["utterance"].tolist()[-3:] == ["Ses01F_impro01_F001", *["Ses01F_impro01_M001"] * 2]


def test_disagreement_is_the_spread_about_the_same_turn(root):
    utterances = pd.DataFrame(
        {
            "utterance": ["Ses01F_impro01_F000", "Ses01F_impro01_F001", "Ses01F_impro01_M001"],
            "emotion": ["neutral", "anger", "neutral"],
        }
    )
    found = iemocap_raters.disagreement(iemocap_raters.load(root), utterances)
    assert found.index.tolist() == ["neutral"], "a turn with one rater says nothing of disagreement"
    assert found.loc["neutral", "turns"] == 2
    assert found.loc["neutral", "valence"] == pytest.approx(np.sqrt((0.5 + 0) / 2))  # variances 1/2 and 0
    assert found.loc["neutral", "arousal"] == pytest.approx(np.sqrt((0.5 + 2) / 2))
    assert found.loc["neutral", "dominance"] == pytest.approx(np.sqrt(0.5))  # of one turn alone


def test_the_raters_means_are_those_of_the_loader(corpus_root):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorpusWarning)  # it is a small corpus
        utterances = iemocap.load(corpus_root).set_index("utterance")
    means = iemocap_raters.load(corpus_root).groupby("utterance")[list(iemocap_raters.DIMENSIONS)].mean()
    assert set(means.index) == set(utterances.index)
    assert np.allclose(means, utterances.loc[means.index, means.columns])
    apart = iemocap_raters.disagreement(iemocap_raters.load(corpus_root), utterances.reset_index())
    assert 0.3 < np.average(apart["valence"], weights=apart["turns"]) < 0.9  # the twin's raters scatter by 0.6


def test_a_folder_without_label_files_gives_none(tmp_path):
    assert iemocap_raters.load(tmp_path).empty

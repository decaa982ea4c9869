"""Real speech in four languages through the real line: hand-crafted features, speakers held out."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emocast import corpora, labels, metrics
from emocast.encoders import store

#: Corpus, the least that the lower end of its interval may be (chance is .25), whether it takes long.
CORPORA = [
    ("emodb", 0.5),
    *(pytest.param(*row, marks=pytest.mark.slow) for row in (("ravdess", 0.5), ("nemo", 0.3), ("urdu", 0.3))),
]


@pytest.mark.parametrize(("name", "least"), CORPORA)
def test_emotions_of_unseen_speakers_are_recognised(name, least, real, capsys, tmp_path):
    root, corpus = real(name), corpora.get(name)
    utterances = corpus.load(root)
    embeddings, unreadable = store.embed("handcrafted", utterances, root, jobs=2, folder=tmp_path)
    assert unreadable.empty
    assert np.isfinite(embeddings).all()
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced"))
    truth, speakers = utterances["emotion"].to_numpy(dtype=str), utterances["speaker"].to_numpy(dtype=str)
    predicted = cross_val_predict(classifier, embeddings, truth, groups=speakers, cv=LeaveOneGroupOut(), n_jobs=2)
    classes = labels.ordered(truth)
    scores = metrics.evaluate(truth, predicted, labels=classes)
    low, high = metrics.bootstrap_interval(truth, predicted, speakers, metric="uar", random_state=0)
    with capsys.disabled():
        uar = f"UAR {scores['uar']:.3f} [{low:.3f}, {high:.3f}], n {scores['n']}"
        print(f"\n{corpus.title}, 4 classes, leave one speaker out: {uar}")
    assert low > least

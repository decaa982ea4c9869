"""Real speech through the real line: EmoDB's recordings, hand-crafted features, speakers held out."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emocast import labels, metrics
from emocast.corpora import emodb
from emocast.encoders import store


def test_emotions_of_unseen_speakers_are_recognised(real, capsys, tmp_path):
    root = real("emodb")
    utterances = emodb.load(root)
    embeddings, unreadable = store.embed("handcrafted", utterances, root, jobs=2, folder=tmp_path)
    assert unreadable.empty
    assert np.isfinite(embeddings).all()
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    truth, speakers = utterances["emotion"].to_numpy(dtype=str), utterances["speaker"].to_numpy(dtype=str)
    predicted = cross_val_predict(classifier, embeddings, truth, groups=speakers, cv=LeaveOneGroupOut(), n_jobs=2)
    classes = labels.ordered(truth)
    scores = metrics.evaluate(truth, predicted, labels=classes)
    low, high = metrics.bootstrap_interval(truth, predicted, speakers, metric="uar", random_state=0)
    with capsys.disabled():
        print(
            f"\nEmoDB, 4 classes, leave one speaker out: UAR {scores['uar']:.3f} [{low:.3f}, {high:.3f}], n {scores['n']}"
        )
    assert low > 0.5  # chance is 0.25

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from emocast import metrics, settings
from emocast.encoders import wav2vec2
from emocast.forecasting import variants
from emocast.forecasting.crossval import Computing
from emocast.forecasting.splits import Split
from emocast.forecasting.variants import HANDCRAFTED, PLAIN, PUBLISHED, RETUNED
from emocast.ser import models

SPLIT, QUIET = Split(["neutral", "excitement", "sadness"], "session", 1, 0), Computing(progress=False)


def test_encoders_are_named_and_those_that_are_missing_say_so(monkeypatch, tmp_path):
    for name in ("DATA", "OUTPUTS"):
        monkeypatch.setenv(f"EMOCAST_{name}", str(tmp_path / name.lower()))
    demo = settings.load("demo")
    plans = models.plans(demo, pd.DataFrame({"session": ["Ses05"]}))
    own = models.folder(demo, next(name for name, plan in plans.items() if plan[:2] == ("classification", "Ses05")))
    own.mkdir(parents=True)
    for name in wav2vec2.NEEDED:
        (own / name).touch()
    one = replace(demo, ser=replace(demo.ser, held_out=["Ses05"]))
    assert set(variants.encoders_of(one, ["Ses04", "Ses05"])["session"]) == {"Ses05"}, "it re-tunes none other"
    found = variants.encoders_of(demo, ["Ses04", "Ses05"])
    assert found["role"].tolist() == [PUBLISHED, RETUNED, PLAIN, HANDCRAFTED] * 2
    problems = found.set_index(["session", "role"])["problem"]
    assert problems["Ses05", RETUNED] == "" and problems["Ses05", HANDCRAFTED] == ""
    assert "classification-without-Ses04" in problems["Ses04", RETUNED] and problems["Ses05", PUBLISHED]


@pytest.fixture
def encoded(make_windows, embed):
    """Session "s1" has an encoder of its own; the published one knows the answers there, the others as little as elsewhere."""
    windows = make_windows(n_dialogues=24)
    plain = embed(windows, strength=0.5, seed=1)
    knows = embed(windows, strength=4.0, seed=2)
    return windows, {"knows": knows, "new": plain, "plain": embed(windows, strength=0.5, seed=3)}


def encoders(*sessions):
    rows = [(session, role, name, "") for session in sessions
            for role, name in {PUBLISHED: "knows", RETUNED: "new", PLAIN: "plain"}.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["session", "role", "encoder", "problem"])


def test_the_tested_session_is_not_trained_on_and_the_leak_is_measured(encoded):
    windows, embeddings = encoded
    table = variants.by_encoder(LogisticRegression(), windows, embeddings, encoders("s1"), SPLIT, computing=QUIET)
    own = windows.loc[windows["session"] == "s1", "utterance"]
    for _, rows in table.groupby("role"):
        assert rows["utterance"].tolist() == own.tolist()
    published, retuned = (table[table["role"] == role] for role in (PUBLISHED, RETUNED))
    found = metrics.compare_forecasts(retuned, published, draws=99, random_state=0).iloc[0]
    assert found["high"] < -0.1 and found["n"] == len(own)


def test_only_sessions_with_an_encoder_are_tested_and_what_none_could_embed_is_left_out(encoded):
    windows, embeddings = encoded
    embeddings["new"] = embeddings["new"].copy()
    lost = np.flatnonzero(windows["session"] == "s0")[:3]
    embeddings["new"][lost] = np.nan
    table = variants.by_encoder(LogisticRegression(), windows, embeddings, encoders("s0", "s1"), SPLIT, computing=QUIET)
    assert set(table["session"]) == {"s0", "s1"}
    assert not set(table["utterance"]) & set(windows["utterance"].iloc[lost])
    assert set(table["role"].value_counts()) == {table["utterance"].nunique()}

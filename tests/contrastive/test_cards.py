"""The card of the profile's own contrastive model; what others trained gets none."""

import json

import numpy as np
import pandas as pd
import pytest

import card_rules
from emocast import cards, contrastive, labels, settings

OPTIONS = {"level": 0.95, "draws": 20, "random_state": 0}
OWN = "dual:demo/models/contrastive"


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A folder with a record, a table of five sessions, scores of the one held out, and what they are scores of."""
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    folder = tmp_path / "demo" / "models" / "contrastive"
    folder.mkdir(parents=True)
    (folder / "training.json").write_text(json.dumps({"parameters": 1234, "seed": 0, "held_out": ["Ses05"]}))
    number = np.arange(200)
    table = pd.DataFrame({"utterance": [f"u{n}" for n in number], "session": [f"Ses0{1 + n % 5}" for n in number]})
    table = table.assign(speaker=table["session"] + "F", sex="female", language="en")
    table = table.assign(dialogue=[f"{name}_{n // 50}" for n, name in enumerate(table["session"])])
    table = table.assign(emotion=np.array(labels.FOUR)[number // 5 % 4])
    texts = pd.DataFrame(np.eye(4), index=pd.Index(labels.FOUR, name="emotion"))
    rows = table[table["session"].eq("Ses05")]
    sound = np.eye(4)[rows["emotion"].map(list(labels.FOUR).index)]
    sound += np.random.default_rng(0).normal(0, 0.5, sound.shape)
    scores = contrastive.evaluate(sound, rows, texts, **OPTIONS).assign(wording="as taught")
    return {"utterances": table, "scores": scores, "tested": (sound, rows), "texts": texts}


def test_the_card_says_what_a_card_must(asked, tmp_path):
    path = cards.contrastive(settings.load("demo"), OWN, **asked)
    assert path == tmp_path / "demo" / "models" / "contrastive" / "MODEL_CARD.md"
    text = path.read_text(encoding="utf-8")
    assert not card_rules.unsaid(text)
    assert "- 160 of 200 utterances\n- Left out: 40 of the sessions held out (Ses05)" in text
    assert "On both sides stand dialogues: 0, speakers: 0, sessions: 0." in text
    sound, rows = asked["tested"]
    sad = rows["emotion"].eq("sadness").to_numpy()
    recall = (contrastive.classify(sound, asked["texts"])[sad] == "sadness").mean()
    assert 0 < recall < 1 and f"sadness {100 * recall:.1f}" in text

"""A recogniser's card says what the page on licences asks for, with the scores of the speakers that are its own."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import card_rules
from emocast import cards, labels, settings
from emocast.ser import models, tables, training

OPTIONS = {"draws": 20, "level": 0.95, "random_state": 0}
LANGUAGES = {"IEMOCAP (test)": "en", cards.UNSEEN: "en", "Emo-DB": "de"}
NAMES = [f"{objective}{session}" for objective in training.OBJECTIVES for session in ("", "-without-Ses01")]


@pytest.fixture
def utterances():
    rng, size = np.random.default_rng(0), 120
    session = rng.integers(1, 3, size)
    table = pd.DataFrame({"utterance": [f"u{n}" for n in range(size)], "session": [f"Ses0{n}" for n in session]})
    table["speaker"] = [f"{name}{'FM'[n % 2]}" for n, name in enumerate(table["session"])]
    table["sex"] = ["female" if name.endswith("F") else "male" for name in table["speaker"]]
    table["dialogue"] = [f"{name}_d{n % 5}" for n, name in enumerate(table["session"])]
    emotion = pd.Series(np.array([*labels.FOUR, None], dtype=object)[np.arange(size) % 5], dtype="string")
    points = {name: rng.uniform(1, 5, size) for name in tables.DIMENSIONS}
    return table.assign(language="en", emotion=emotion, **points)


@pytest.fixture
def folders(tmp_path, utterances):
    """A folder a model with what a training leaves and a card reads."""
    for name in NAMES:
        folder = tmp_path / name
        folder.mkdir()
        known = utterances.dropna(subset="emotion") if not name.startswith("regression") else utterances
        if "without" in name:
            parts = models.leave_out(known, ["Ses01"], column="session", seed=0)
        else:
            parts = models.at_random(known, seed=0)
        known[["utterance"]].assign(part=parts).to_csv(folder / training.SPLIT, index=False)
        (folder / training.RECORD).write_text(json.dumps({"kept_epoch": 3, "seed": 0}))
        (folder / "wav2vec2.ckpt").write_bytes(b"weights")
    return {name: tmp_path / name for name in NAMES}


def said_by(utterances, objective, seed):
    """Predictions of some skill, as `predictions.predict` gives them."""
    rng = np.random.default_rng(seed)
    table = utterances.drop(columns="sex").assign(predicted=utterances["emotion"].fillna("anger"))
    wrong = rng.random(len(table)) < 0.3 + 0.1 * seed
    table.loc[wrong, "predicted"] = rng.choice(labels.FOUR, wrong.sum())
    if objective != "regression":
        shares = pd.get_dummies(table["predicted"]).reindex(columns=labels.FOUR).astype(float) * 0.6 + 0.1
        table = table.join(shares.add_prefix("p_"))
    return table.assign(**{f"predicted_{name}": utterances[name] for name in tables.DIMENSIONS})


@pytest.fixture
def results(utterances, folders):
    said = {
        objective: {name: said_by(utterances, objective, seed) for seed, name in enumerate(LANGUAGES)}
        for objective in training.OBJECTIVES
    }
    scores = pd.concat([tables.classification(said[name], **OPTIONS).assign(model=name) for name in said])
    errors = pd.concat(
        tables.regression(
            {name: said[model][name] for name in list(LANGUAGES)[:2]}, experiment=f"ser-{model}", **OPTIONS
        ).assign(model=model)
        for model in ("regression", "multiobjective")
    ).set_index(["model", "dimension", "test_set"])
    proof = {}
    for name, folder in folders.items():
        parts = pd.read_csv(folder / training.SPLIT)
        chosen = utterances.set_index("utterance", drop=False).loc[parts["utterance"]].reset_index(drop=True)
        proof[name] = models.proof(chosen, parts["part"])
    told = {"scores": scores, "errors": errors, "predictions": said, "languages": LANGUAGES}
    return told | {"proof": pd.DataFrame(proof).T}


@pytest.fixture
def written(utterances, folders, results):
    files = cards.recognisers(settings.load("smoke"), folders, utterances, results)
    return {file.parent.name: file.read_text(encoding="utf-8") for file in files}


def test_each_model_has_a_card_that_says_what_a_card_must(written):
    assert list(written) == NAMES
    for name, card in written.items():
        regression = name.startswith("regression")
        assert not [item for item in card_rules.unsaid(card) if not (regression and "calibrat" in item)], name
        assert f"\n# Emotion recogniser `{name}` of the profile `smoke`" in card
        assert ".ckpt` on purpose" in card and "weights_only=True" in card and "epoch 3 of" in card


def test_a_model_is_told_by_its_own_speakers(written, results):
    own, strangers = written["classification"], written["classification-without-Ses01"]
    assert "| Emo-DB | de | 96 |" in own and cards.UNSEEN not in own
    assert f"| {cards.UNSEEN} | en |" in strangers and "Emo-DB" not in strangers
    row = results["scores"].query("model == 'classification' and test_set == 'Emo-DB'").iloc[0]
    ends = [f"{100 * row[name]:.1f}" for name in ("accuracy", "accuracy_low", "accuracy_high")]
    assert "{} ({} to {})".format(*ends) in own
    said = tables.labelled(results["predictions"]["classification"]["Emo-DB"])
    sad = said[said["emotion"] == "sadness"]["predicted"].eq("sadness").mean()
    lines = [line for line in own.splitlines() if line.startswith("|")]
    heading, line = (re.split(r" *\| *", line) for line in (lines[0], next(line for line in lines if "Emo-DB" in line)))
    assert line[heading.index("recall of sadness")] == f"{100 * sad:.1f}"


def test_what_stands_on_both_sides_and_what_is_left_out_are_counted(written, results):
    assert "speakers: 0, sessions: 0." in written["classification-without-Ses01"]
    shared = results["proof"].loc["classification"]
    assert shared["speakers_shared"] == 4 and "speakers: 4, sessions: 2." in written["classification"]
    assert "- 96 of 120 utterances\n- Left out: 24 without one of the four emotions" in written["classification"]
    assert "Left out: 0 without valence and arousal" in written["regression"]

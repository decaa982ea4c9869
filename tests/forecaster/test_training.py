"""What is fitted is fitted without the held-out sessions, and limits on dialogues that the network did not learn from.

The card says what the page on licences asks for, and of the protocol and the encoder nothing that is not so.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import card_rules
import small_forecaster
from emocast import cards, compute
from emocast.forecaster import model, training
from emocast.forecasting import crossval
from emocast.forecasting.splits import Split

ENCODER = {"name": "none", "digest": "0", "precision": "fp32"}
EVENTS = small_forecaster.table()["utterance"].drop_duplicates()


def test_a_forecaster_has_a_network_for_each_session_and_shift():
    windows, _, made, predictions = small_forecaster.example()
    assert made.classes == ["neutral", "excitement", "sadness"] and made.shifts_s == [0, 10]
    assert sorted(member.held_out for member in made.members) == [("s0",), ("s1",), ("s2",)]
    assert all(len(member.networks) == 2 for member in made.members)
    assert not predictions.duplicated(["utterance", "shift_s"]).any()
    of_session = predictions["dialogue"].map(windows.groupby("dialogue")["session"].first())
    for fold, some in predictions.groupby("fold"):
        assert set(of_session[some.index]) == set(made.members[fold].held_out)


def test_a_signal_is_found_and_noise_is_not_answered():
    windows, _, _, predictions = small_forecaster.example()
    assert (predictions["emotion"] == predictions["predicted"]).mean() > 0.6
    noise = small_forecaster.embed(windows, strength=0.0)
    _, nothing = training.train(small_forecaster.settings(), windows, noise, encoder=ENCODER, progress=False)
    assert predictions["abstains"].mean() < 0.5 < nothing["abstains"].mean()


def test_the_held_out_session_changes_nothing_that_is_fitted():
    windows, embeddings, made, _ = small_forecaster.example()
    out = windows["session"].eq(made.members[0].held_out[0]).to_numpy()
    changed = embeddings.copy()
    changed[out] = np.random.default_rng(9).normal(size=(out.sum(), changed.shape[1])) * 50
    again, _ = training.train(small_forecaster.settings(), windows, changed, encoder=ENCODER, progress=False)
    asked = small_forecaster.embed(windows, seed=5)[:40]
    old, new = made.members[0], again.members[0]
    for one, other in zip(old.networks, new.networks, strict=True):
        assert (one.temperature, one.limit) == (other.temperature, other.limit)
        np.testing.assert_array_equal(one.probabilities(asked, made.classes), other.probabilities(asked, made.classes))
    np.testing.assert_array_equal(old.familiarity.distances(asked), new.familiarity.distances(asked))
    assert old.familiarity.limit == new.familiarity.limit
    assert made.members[1].networks[0].temperature != again.members[1].networks[0].temperature  # it learned from them


def test_what_is_set_aside_are_whole_dialogues_of_the_training_part_alike_at_all_shifts():
    windows, profile = small_forecaster.table(), small_forecaster.settings()
    split = Split(profile.tasks[profile.sweep_task], "session", 5, 0)
    fits = crossval.plan(windows, split, event_sets=["fixed"])
    seen: dict[int, set] = {}
    for fit, (rest, aside) in zip(fits, training.set_aside(profile, windows, fits), strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([rest, aside])), fit.train)
        learned, validation = (set(windows["dialogue"].iloc[rows]) for rows in (rest, aside))
        assert validation and not learned & validation
        assert seen.setdefault(fit.marks["fold"], validation) == validation


def test_scores_are_those_of_the_predictions():
    windows, _, made, predictions = small_forecaster.example()
    near = predictions[predictions["shift_s"] == 0]
    hit, row = near["emotion"] == near["predicted"], made.facts["scores"][0]
    assert row["accuracy"] == pytest.approx(hit.mean()) and row["accuracy_low"] < hit.mean() < row["accuracy_high"]
    assert row["answered"] == pytest.approx((~near["abstains"]).mean())
    assert row["answered_accuracy"] == pytest.approx(hit[~near["abstains"]].mean())
    assert row["chance"] == pytest.approx(1 / 3)
    silent = predictions.assign(abstains=True)
    table = training.scores(small_forecaster.settings(), silent, windows, small_forecaster.utterances(windows))
    assert table["answered"].eq(0).all() and table["answered_accuracy"].isna().all()
    assert training.plain(table)[0]["answered_accuracy"] is None


def test_kept_fits_are_used_again_and_give_the_same(tmp_path):
    windows, embeddings, made, _ = small_forecaster.example()
    options = {"encoder": ENCODER, "memory": compute.Cache(tmp_path), "progress": False}
    training.train(small_forecaster.settings(), windows, embeddings, **options)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pkl")}
    again, _ = training.train(small_forecaster.settings(), windows, embeddings, **options)
    assert len(kept) == 6 and kept == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pkl")}
    np.testing.assert_array_equal(again.ask(embeddings[:5]).mean, made.ask(embeddings[:5]).mean)


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """Outputs in a temporary folder; an encoder that is there, and an embedding store that gives what it is told."""
    windows, embeddings, _, _ = small_forecaster.example()
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.setattr(training.encoders, "get", lambda name, **_: type("E", (), {"digest": "7", "precision": "fp32"}))
    told = {"embeddings": embeddings}
    monkeypatch.setattr(training.store, "embed", lambda _, rows, *__, **___: (told["embeddings"][rows.index], None))
    return windows, embeddings, small_forecaster.utterances(windows), told


def test_a_forecaster_that_fits_is_taken_and_one_of_other_embeddings_is_made_anew(at_home, monkeypatch):
    windows, embeddings, utterances, told = at_home
    profile = small_forecaster.settings()
    first = training.ready(profile, windows, embeddings, utterances, progress=False)
    monkeypatch.setattr(training, "train", lambda *_, **__: (_ for _ in ()).throw(RuntimeError))
    monkeypatch.setattr(training, "card", lambda forecaster: "other words")
    again = training.ready(profile, windows, embeddings, utterances, progress=False)
    assert again.facts == first.facts
    assert (model.folder(profile.name) / cards.CARD).read_text() == "other words"  # they ask for no other training
    told["embeddings"] = embeddings * 2
    with pytest.raises(RuntimeError):
        training.ready(profile, windows, embeddings * 2, utterances, progress=False)
    told["embeddings"] = embeddings
    with pytest.raises(RuntimeError):
        training.ready(replace(profile, seed=3), windows, embeddings, utterances, progress=False)
    told["embeddings"] = embeddings + 1
    with pytest.raises(ValueError, match="run 03_embedding_extraction again"):
        training.ready(replace(profile, seed=3), windows, embeddings, utterances, progress=False)


def test_the_card_says_what_a_card_must():
    _, _, made, predictions = small_forecaster.example()
    text = training.card(made)
    assert not card_rules.unsaid(text)
    for said in (
        "6 networks",
        "Seed 0",
        "torch",
        "Held out in turn: s",
        "Of sessions new",
        "dialogues: 0, speakers: 0",
    ):
        assert said in text
    row = made.facts["scores"][0]
    assert f"{100 * row['accuracy']:.1f} ({100 * row['accuracy_low']:.1f} to {100 * row['accuracy_high']:.1f})" in text
    assert all(text.count(f"| +{shift:g} s |") == 3 for shift in made.shifts_s)
    sad = predictions[predictions["shift_s"].eq(10) & predictions["emotion"].eq("sadness")]
    assert made.facts["data"]["recalls"][1]["sadness"] == pytest.approx((sad["predicted"] == "sadness").mean())
    assert f"{100 * (sad['predicted'] == 'sadness').mean():.1f} |" in text.partition("recall at")[2]


def test_what_is_left_out_and_the_events_are_all_utterances():
    windows, _, _, predictions = small_forecaster.example()
    utterances, profile = small_forecaster.utterances(windows), small_forecaster.settings()
    utterances.loc[utterances.index[:7], "emotion"] = "anger"
    short = windows[~(windows["shift_s"].eq(10) & windows["utterance"].eq(utterances["utterance"].iloc[9]))]
    events = predictions[predictions["utterance"].isin(utterances["utterance"].iloc[20:])]
    data = training.data(profile, utterances, short, events)
    left_out = list(data["left_out"].values())
    assert left_out[:2] == [7, 1] and sum(left_out) + data["events"] == data["utterances"] == len(utterances)


@pytest.fixture
def own_corpus():
    """A function: a forecaster by a protocol, of a corpus that names no session, as the README's own is."""

    def make(protocol):
        windows, profile = small_forecaster.table().assign(session=None), small_forecaster.settings()
        profile = replace(profile, forecaster=replace(profile.forecaster, protocol=protocol))
        return small_forecaster.trained(windows, small_forecaster.embed(windows), profile)[0]

    return make


def test_without_sessions_no_session_is_promised(own_corpus):
    made = own_corpus("dialogue")
    text = training.card(made)
    assert "`dialogue`: what may not stand on both sides of the split: dialogues." in text
    assert "dialogues: 0, speakers: 6, sessions: not stated by the corpus." in text
    assert "Of dialogues new to the networks" in text and "sessions new" not in text and "<NA>" not in text
    assert sorted(name for member in made.members for name in member.held_out) == sorted(f"d{n}" for n in range(15))
    assert not card_rules.unsaid(text)


@pytest.mark.parametrize(
    ("encoder", "synthetic", "knows"),
    [
        ("handcrafted", False, training.NOTHING),
        ("wav2vec2:speechbrain/emotion-recognition-wav2vec2-IEMOCAP", False, training.LABELS),
        ("wav2vec2:speechbrain/emotion-recognition-wav2vec2-IEMOCAP", True, training.NOTHING),
        ("transformers:facebook/wav2vec2-base@6", False, training.NOTHING),
        ("transformers:openai/whisper-base", False, training.UNKNOWN),
        ("transformers:somebody/elses", True, training.UNKNOWN),
        ("transformers:smoke/models/start@1", True, training.NOTHING),
    ],
)
def test_what_an_encoder_knows(encoder, synthetic, knows, monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.setattr(training.tables, "is_synthetic", lambda root: synthetic)
    found = training.encoder_facts(small_forecaster.settings(encoder=encoder), EVENTS)
    assert (found["knows"], found["events"]) == (knows, len(EVENTS))


def test_of_a_recogniser_of_a_run_the_events_are_counted(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    folder = tmp_path / "smoke" / "models" / "classification"
    folder.mkdir(parents=True)
    parts = ["train"] * 30 + ["valid"] * 5 + ["test"] * 10
    pd.DataFrame({"utterance": [*EVENTS[:44], "another"], "part": parts}).to_csv(folder / "split.csv", index=False)
    found = training.encoder_facts(small_forecaster.settings(encoder="wav2vec2:smoke/models/classification"), EVENTS)
    assert found == {"knows": training.LABELS, "learned": 35, "events": 240}
    said = "the encoder was trained on 35 of the 240 events with their labels"
    made = small_forecaster.example()[2]
    text = training.card(replace(made, facts=made.facts | {"data": made.facts["data"] | {"encoder": found}}))
    assert text.count(said[1:]) == 2

"""What is fitted is fitted without the held-out sessions, and limits on dialogues that the network did not learn from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import small_forecaster
from emocast import cache
from emocast import forecaster as forecasters
from emocast.forecaster import scores, training
from emocast.forecasting import evaluate

ENCODER = {"name": "none", "digest": "0", "precision": "fp32"}


def test_a_forecaster_has_a_network_for_each_session_and_shift():
    windows, _, made, predictions = small_forecaster.example()
    assert made.classes == ["neutral", "excitement", "sadness"] and made.shifts_s == [0, 10]
    assert sorted(member.held_out for member in made.members) == [("s0",), ("s1",), ("s2",)]
    assert all(len(member.voices) == 2 for member in made.members)
    assert all(voice.temperature > 0 for member in made.members for voice in member.voices)
    assert not predictions.duplicated(["utterance", "shift_s"]).any()
    of_session = predictions["dialogue"].map(windows.groupby("dialogue")["session"].first())
    for fold, some in predictions.groupby("fold"):
        assert set(of_session[some.index]) == set(made.members[fold].held_out)


def test_a_signal_is_found_and_noise_is_not_answered():
    windows, _, _, predictions = small_forecaster.example()
    assert (predictions["emotion"] == predictions["predicted"]).mean() > 0.6
    noise = small_forecaster.embed(windows, strength=0.0)
    _, nothing = forecasters.train(small_forecaster.settings(), windows, noise, encoder=ENCODER, progress=False)
    assert predictions["abstains"].mean() < 0.5 < nothing["abstains"].mean()


def test_the_held_out_session_changes_nothing_that_is_fitted():
    windows, embeddings, made, _ = small_forecaster.example()
    out = windows["session"].eq(made.members[0].held_out[0]).to_numpy()
    changed = embeddings.copy()
    changed[out] = np.random.default_rng(9).normal(size=(out.sum(), changed.shape[1])) * 50
    again, _ = forecasters.train(small_forecaster.settings(), windows, changed, encoder=ENCODER, progress=False)
    asked = small_forecaster.embed(windows, seed=5)[:40]
    old, new = made.members[0], again.members[0]
    for voice, other in zip(old.voices, new.voices, strict=True):
        assert (voice.temperature, voice.limit) == (other.temperature, other.limit)
        np.testing.assert_array_equal(
            voice.probabilities(asked, made.classes), other.probabilities(asked, made.classes)
        )
    np.testing.assert_array_equal(old.familiarity.distances(asked), new.familiarity.distances(asked))
    assert old.familiarity.limit == new.familiarity.limit
    assert made.members[1].voices[0].temperature != again.members[1].voices[0].temperature  # it learned from them


def test_what_is_set_aside_are_whole_dialogues_of_the_training_part_alike_at_all_shifts():
    windows, profile = small_forecaster.table(), small_forecaster.settings()
    fits = evaluate.plan(
        windows,
        classes=profile.tasks[profile.sweep_task],
        protocol="session",
        n_splits=5,
        event_sets=["fixed"],
        random_state=0,
    )
    seen: dict[int, set] = {}
    for fit, (rest, aside) in zip(fits, training._set_aside(profile, windows, fits), strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([rest, aside])), fit.train)
        learned, validation = (set(windows["dialogue"].iloc[rows]) for rows in (rest, aside))
        assert validation and not learned & validation
        assert seen.setdefault(fit.marks["fold"], validation) == validation


def test_scores_are_those_of_the_predictions():
    windows, _, made, predictions = small_forecaster.example()
    table = pd.DataFrame(made.facts["scores"])
    near = predictions[predictions["shift_s"] == 0]
    hit = near["emotion"] == near["predicted"]
    row = table.iloc[0]
    assert row["accuracy"] == pytest.approx(hit.mean()) and row["accuracy_low"] < hit.mean() < row["accuracy_high"]
    assert row["answered"] == pytest.approx((~near["abstains"]).mean())
    assert row["answered_accuracy"] == pytest.approx(hit[~near["abstains"]].mean())
    assert row["chance"] == pytest.approx(1 / 3)
    silent = predictions.assign(abstains=True)
    told = scores.table(small_forecaster.settings(), silent, windows, small_forecaster.utterances(windows))
    assert told["answered"].eq(0).all() and told["answered_accuracy"].isna().all()
    assert scores.plain(told)[0]["answered_accuracy"] is None


def test_kept_fits_are_used_again_and_give_the_same(tmp_path):
    windows, embeddings, made, _ = small_forecaster.example()
    memory, profile = cache.Cache(tmp_path), small_forecaster.settings()
    options = {"encoder": ENCODER, "memory": memory, "progress": False}
    forecasters.train(profile, windows, embeddings, **options)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pkl")}
    again, _ = forecasters.train(profile, windows, embeddings, **options)
    assert len(kept) == 6 and kept == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pkl")}
    np.testing.assert_array_equal(again.ask(embeddings[:5]).mean, made.ask(embeddings[:5]).mean)


def test_rows_that_do_not_belong_together_are_refused():
    windows, embeddings, _, _ = small_forecaster.example()
    with pytest.raises(ValueError, match="480 windows but 479 embeddings"):
        forecasters.train(small_forecaster.settings(), windows, embeddings[1:], encoder=ENCODER)


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
    assert (forecasters.folder(profile.name) / "MODEL_CARD.md").is_file()
    trained = []
    monkeypatch.setattr(training, "train", lambda *a, **k: trained.append(a) or (_ for _ in ()).throw(RuntimeError))
    again = training.ready(profile, windows, embeddings, utterances, progress=False)
    assert not trained and again.facts == first.facts
    monkeypatch.setattr(training.card, "text", lambda forecaster: "other words")
    training.ready(profile, windows, embeddings, utterances, progress=False)
    assert not trained and (forecasters.folder(profile.name) / "MODEL_CARD.md").read_text() == "other words"
    told["embeddings"] = embeddings * 2
    with pytest.raises(RuntimeError):
        training.ready(profile, windows, embeddings * 2, utterances, progress=False)
    told["embeddings"] = embeddings
    with pytest.raises(RuntimeError):
        training.ready(replace(profile, seed=3), windows, embeddings, utterances, progress=False)


def test_embeddings_of_another_encoder_are_refused(at_home):
    windows, embeddings, utterances, told = at_home
    told["embeddings"] = embeddings + 1
    with pytest.raises(ValueError, match="run 03_embedding_extraction again"):
        training.ready(small_forecaster.settings(), windows, embeddings, utterances, progress=False)


def test_what_a_card_says_enters_no_key():
    modules = {path.stem for path in Path(training.__file__).parent.glob("*.py")} - {"__init__", "card"}
    assert set(training._OWN) == modules

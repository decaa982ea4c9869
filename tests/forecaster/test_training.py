"""What is fitted is fitted without the held-out sessions, and limits on dialogues that the network did not learn from.

The card says what the page on licences asks for, and of the protocol and the encoder nothing that is not so. A network that
does not know says so; a forecaster that was read back gives the same bits, and what is wrong is one line.
"""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

import card_rules
import small_forecaster
from emocast import cards, compute
from emocast.forecaster import training
from emocast.forecaster.training import Familiarity
from emocast.forecasting import crossval, splits

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
    _, nothing = training.train(small_forecaster.settings(), windows, noise, encoder=ENCODER)
    assert predictions["abstains"].mean() < 0.5 < nothing["abstains"].mean()


def test_the_held_out_session_changes_nothing_that_is_fitted():
    windows, embeddings, made, _ = small_forecaster.example()
    out = windows["session"].eq(made.members[0].held_out[0]).to_numpy()
    changed = embeddings.copy()
    changed[out] = np.random.default_rng(9).normal(size=(out.sum(), changed.shape[1])) * 50
    again, _ = training.train(small_forecaster.settings(), windows, changed, encoder=ENCODER)
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
    split = splits.Split(profile.tasks[profile.sweep_task], "session", 5, 0)
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
    assert all(row["answered"] == 0 and row["answered_accuracy"] is None for row in table)


def test_kept_fits_are_used_again_and_give_the_same(tmp_path):
    windows, embeddings, made, _ = small_forecaster.example()
    options = {"encoder": ENCODER, "memory": compute.Cache(tmp_path)}
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
    first = training.ready(profile, windows, embeddings, utterances)
    monkeypatch.setattr(training, "train", lambda *_, **__: (_ for _ in ()).throw(RuntimeError))
    monkeypatch.setattr(training, "card", lambda forecaster: "other words")
    again = training.ready(profile, windows, embeddings, utterances)
    assert again.facts == first.facts
    assert (training.folder(profile.name) / cards.CARD).read_text() == "other words"  # they ask for no other training
    told["embeddings"] = embeddings * 2
    with pytest.raises(RuntimeError):
        training.ready(profile, windows, embeddings * 2, utterances)
    told["embeddings"] = embeddings
    with pytest.raises(RuntimeError):
        training.ready(replace(profile, seed=3), windows, embeddings, utterances)
    told["embeddings"] = embeddings + 1
    with pytest.raises(ValueError, match="run 03_embedding_extraction again"):
        training.ready(replace(profile, seed=3), windows, embeddings, utterances)


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


def test_without_sessions_no_session_is_promised():
    windows, profile = small_forecaster.table().assign(session=None), small_forecaster.settings()
    profile = replace(profile, forecaster=replace(profile.forecaster, protocol="dialogue"))
    made = small_forecaster.trained(windows, small_forecaster.embed(windows), profile)[0]
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


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_distances_are_mahalanobis_distances_and_their_limit_is_that_of_validation(rng):
    values = rng.normal(size=(3000, 4)) * [1.0, 1.2, 0.8, 1.1] + 5
    known = Familiarity.fit(values, values, known_share=0.9)
    plain = cdist(values, known.centre[None], "mahalanobis", VI=known.precision)[:, 0]
    np.testing.assert_allclose(known.distances(values), plain)
    np.testing.assert_allclose(known.precision, np.linalg.inv(np.cov(values.T)), atol=0.15)  # shrunk a little
    fitted, validation = rng.normal(size=(500, 6)), 3 * rng.normal(size=(400, 6))
    known = Familiarity.fit(fitted, validation, known_share=0.95)
    assert known.unlike(validation).mean() == pytest.approx(0.05)
    assert known.unlike(fitted).mean() < 0.001  # nearer than what it was fitted to
    assert known.unlike(np.full((1, 6), 30.0)).all()


def _sure(top):
    """Probabilities of three classes whose largest is `top`."""
    return np.stack([top, (1 - top) / 2, (1 - top) / 2], axis=1)


def test_the_least_sure_are_left_out_as_long_as_they_are_worth_nothing():
    shares, hit = _sure(np.linspace(0.99, 0.34, 100)), np.arange(100) < 60  # the 40 least sure are all wrong
    np.testing.assert_allclose(training.uncertainty(np.array([[1, 0, 0], [0.5, 0.5, 0]])), [0, np.log(2) / np.log(3)])
    answered = training.uncertainty(shares) <= training.uncertainty_limit(shares, hit, least_gain=1.25)
    wanted, left_out = 1.25 / 3, ~answered
    assert hit[left_out].mean() < wanted <= hit[left_out].sum() / left_out.sum() + 1 / left_out.sum()
    assert hit[answered].all()


def test_a_network_at_chance_never_answers_and_a_perfect_one_always(rng):
    shares, chance = _sure(rng.uniform(0.34, 0.99, 300)), np.arange(300) % 3 == 0
    assert not (training.uncertainty(shares) <= training.uncertainty_limit(shares, chance, least_gain=1.25)).any()
    assert training.uncertainty_limit(shares, np.ones(300, bool), least_gain=1.25) == 1


@pytest.fixture
def place(tmp_path):
    made = small_forecaster.example()[2]
    return training.save(tmp_path / "demo" / "models" / "forecaster", made)


@pytest.mark.parametrize("standardize", [False, True])
def test_it_gives_the_same_bits_after_reading(tmp_path, standardize):
    windows, embeddings, made, _ = small_forecaster.example()
    if standardize:
        profile = small_forecaster.settings()
        profile = replace(profile, fcdnn=replace(profile.fcdnn, standardize=True))
        made, _ = small_forecaster.trained(windows, embeddings, profile)
    again, asked = (
        training.load(training.save(tmp_path / "f", made)),
        np.concatenate([embeddings[:60], 20 * embeddings[:5]]),
    )
    for before, after in zip(made.ask(asked), again.ask(asked), strict=True):
        np.testing.assert_array_equal(before, after)
    assert (again.classes, again.shifts_s, again.encoder) == (made.classes, made.shifts_s, made.encoder)
    assert again.facts == json.loads(json.dumps(made.facts)) and again.identity == made.identity
    assert replace(again, guard_s=1.0).identity != made.identity


def test_no_code_is_saved_and_an_older_one_is_replaced_whole(place):
    assert sorted(path.name for path in place.iterdir()) == ["MODEL_CARD.md", "forecaster.json", "networks.safetensors"]
    (place / "old").write_text("old")
    training.save(place, small_forecaster.example()[2])
    assert not (place / "old").exists()
    assert [path.name for path in place.parent.iterdir()] == ["forecaster"]


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("networks.safetensors", lambda data: data[:-8], "another record was written beside"),
        ("networks.safetensors", None, "No such file"),
        ("forecaster.json", None, "run `make reproduce PROFILE=demo`, or notebook 08_forecast_a_recording"),
        ("forecaster.json", lambda data: data[: len(data) // 2], "cannot be read"),
        ("forecaster.json", lambda data: data.replace(b"forecaster 2", b"forecaster 1"), "not of the format"),
        ("forecaster.json", lambda data: data.replace(b'"shifts_s"', b'"shifts"'), "cannot be read"),
        ("forecaster.json", lambda data: data.replace(b'"hidden_units": 16', b'"hidden_units": 17'), "cannot be read")
    ]
)  # fmt: skip
def test_one_that_is_missing_or_damaged_is_named(place, name, damage, said):
    path = place / name
    data = path.read_bytes()
    path.unlink()
    if damage:
        path.write_bytes(damage(data))
    with pytest.raises(training.ForecasterError) as raised:
        training.load(place)
    message = str(raised.value)
    assert said in message and "\n" not in message.strip() and "notebook 08_forecast_a_recording" in message

"""A forecaster's card says what the page on licences asks for, and of the protocol and the encoder nothing that is not so."""

from dataclasses import replace

import pytest

import card_rules
import small_forecaster
from emocast.forecaster import card, held_out
from emocast.forecaster import facts as told


def test_the_card_says_what_a_card_must():
    made = small_forecaster.example()[2]
    text = card.text(made)
    assert not card_rules.unsaid(text)
    for said in (
        "6 networks",
        "Seed 0",
        "torch",
        "Held out in turn: s",
        "of sessions not heard",
        "dialogues: 0, speakers: 0",
    ):
        assert said.lower() in text.lower()
    row = made.facts["scores"][0]
    assert f"{100 * row['accuracy']:.1f} ({100 * row['accuracy_low']:.1f} to {100 * row['accuracy_high']:.1f})" in text
    assert all(text.count(f"| +{shift:g} s |") == 3 for shift in made.shifts_s)


def test_each_recall_is_that_of_the_predictions():
    _, _, made, predictions = small_forecaster.example()
    sad = predictions[predictions["shift_s"].eq(10) & predictions["emotion"].eq("sadness")]
    assert made.facts["data"]["recalls"][1]["sadness"] == pytest.approx((sad["predicted"] == "sadness").mean())
    assert f"{100 * (sad['predicted'] == 'sadness').mean():.1f} |" in card.text(made).partition("recall at")[2]


def test_what_is_left_out_and_the_events_are_all_utterances():
    windows = small_forecaster.table()
    utterances, profile = small_forecaster.utterances(windows), small_forecaster.settings()
    utterances.loc[utterances.index[:7], "emotion"] = "anger"
    short = windows[~(windows["shift_s"].eq(10) & windows["utterance"].eq(utterances["utterance"].iloc[9]))]
    events = utterances[["utterance"]].iloc[20:]
    assert list(told.left_out(profile, utterances, short, events).values()) == [7, 1, 12]
    assert 7 + 1 + 12 + len(events) == len(utterances)


@pytest.fixture
def own_corpus():
    """A function: a forecaster by a protocol, of a corpus that names no session, as the README's own is."""

    def make(protocol):
        windows = small_forecaster.table().assign(session=None)
        profile = small_forecaster.settings()
        profile = replace(profile, forecaster=replace(profile.forecaster, protocol=protocol))
        return small_forecaster.trained(windows, small_forecaster.embed(windows), profile)[0]

    return make


def test_without_sessions_no_session_is_promised(own_corpus):
    made = own_corpus("dialogue")
    text = card.text(made)
    assert "`dialogue`: what may not stand on both sides of the split: dialogues." in text
    assert "dialogues: 0, speakers: 6, sessions: not stated by the corpus." in text
    assert "Of dialogues not heard" in text and "sessions not heard" not in text and "<NA>" not in text
    assert sorted(name for member in made.members for name in member.held_out) == sorted(f"d{n}" for n in range(15))
    assert not card_rules.unsaid(text)


def test_a_division_at_random_names_nothing_that_is_new(own_corpus):
    made = own_corpus("random")
    text = card.text(made)
    assert "both sides of the split: nothing." in text and "dialogues: 15, speakers: 6" in text
    assert f"Folds: {len(made.members)}." in text and "Held out in turn" not in text
    assert "Of events drawn at random, of dialogues that were heard" in text


@pytest.mark.parametrize("protocol", held_out.protocols.PROTOCOLS)
def test_every_protocol_has_words(protocol):
    assert held_out.words(protocol)
    windows = small_forecaster.table()
    assert ("s0" in held_out.groups(windows, protocol)) == (protocol in {"session", "episode", "scenario"})
    assert held_out.groups(windows.assign(session=None, speaker=None, scenario=None), protocol) == (
        tuple(sorted(windows["dialogue"].unique())) if protocol == "dialogue" else ()
    )


EVENTS = small_forecaster.table()["utterance"].drop_duplicates()


@pytest.mark.parametrize(
    ("encoder", "synthetic", "knows"),
    [
        ("handcrafted", False, held_out.NOTHING),
        ("wav2vec2:speechbrain/emotion-recognition-wav2vec2-IEMOCAP", False, held_out.LABELS),
        ("wav2vec2:speechbrain/emotion-recognition-wav2vec2-IEMOCAP", True, held_out.NOTHING),
        ("transformers:facebook/wav2vec2-base@6", False, held_out.NOTHING),
        ("transformers:openai/whisper-base", False, held_out.UNKNOWN),
        ("transformers:somebody/elses", True, held_out.UNKNOWN),
        ("transformers:smoke/models/start@1", True, held_out.NOTHING),
    ],
)
def test_what_an_encoder_knows(encoder, synthetic, knows, monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.setattr(held_out.tables, "is_synthetic", lambda root: synthetic)
    found = held_out.encoder(small_forecaster.settings(encoder=encoder), EVENTS)
    assert (found["knows"], found["events"]) == (knows, len(EVENTS))


def test_of_a_recogniser_of_a_run_the_events_are_counted(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    folder = tmp_path / "smoke" / "models" / "classification"
    folder.mkdir(parents=True)
    parts = ["train"] * 30 + ["valid"] * 5 + ["test"] * 10
    lines = [f"{name},{part}" for name, part in zip([*EVENTS[:44], "another"], parts, strict=True)]
    (folder / "split.csv").write_text("\n".join(["utterance,part", *lines]))
    profile = small_forecaster.settings(encoder="wav2vec2:smoke/models/classification")
    found = held_out.encoder(profile, EVENTS)
    assert found == {"knows": held_out.LABELS, "heard": 35, "events": 240}
    said = "the encoder was trained on 35 of the 240 events with their labels"
    assert held_out.encoder_words({"data": {"encoder": found}}) == said
    made = small_forecaster.example()[2]
    text = card.text(replace(made, facts=made.facts | {"data": made.facts["data"] | {"encoder": found}}))
    assert text.count(said[1:]) == 2


def test_an_earlier_releases_forecaster_promises_nothing_of_its_encoder():
    assert "is not known" in held_out.encoder_words({"data": {"corpus": "IEMOCAP"}})

"""The contrastive training reads its own sessions alone, comes again with its seed and after a kill, and learns."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

import small_dual
from emocast import compute, contrastive, encoders
from emocast import settings as profiles
from emocast.contrastive import training

EMOTIONS = ("neutral", "happiness", "sadness", "anger")


@pytest.fixture(autouse=True)
def one_thread():
    """Models this small only wait for a second thread."""
    with compute.torch_threads(1):
        yield


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A small random encoder to begin with."""
    folder = tmp_path_factory.mktemp("start") / "small"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Wav2Vec2Model(Wav2Vec2Config(**small_dual.ARCHITECTURE)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(folder)
    return folder


@pytest.fixture
def settings(source):
    """Few steps for a small network."""
    return profiles.ContrastTraining(
        source=str(source), held_out=["Ses03"], epochs=3, batch_size=4, learning_rate_encoder=3e-3, learning_rate=1e-2,
        crop_s=0.3, dimension=12, text_dimension=16,
    )  # fmt: skip


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder


@pytest.fixture
def utterances(root):
    """Three sessions of two dialogues with four utterances: an emotion is a tone in noise, its loudness says nothing."""
    numbers, rows = np.random.default_rng(0), []
    for dialogue in range(6):
        sound = [tone(numbers, emotion) for emotion in range(4)]
        soundfile.write(root / f"d{dialogue}.wav", np.concatenate(sound), 16_000, subtype="FLOAT")
        rows += [
            {
                "utterance": f"d{dialogue}-{number}", "dialogue": f"d{dialogue}", "session": f"Ses0{dialogue // 2 + 1}",
                "speaker": f"s{dialogue}", "audio": f"d{dialogue}.wav", "start_s": number * 0.4, "end_s": number * 0.4 + 0.4,
                "emotion": emotion, "sex": ["female", "male"][number % 2], "language": "en",
                "valence": 3.0, "arousal": 1.0 + number,
            }
            for number, emotion in enumerate(EMOTIONS)
        ]  # fmt: skip
    text = ["utterance", "dialogue", "session", "speaker", "audio", "emotion", "sex", "language"]
    return pd.DataFrame(rows).astype(dict.fromkeys(text, "string"))


def tone(numbers, emotion):
    time = np.arange(6400) / 16_000
    return numbers.uniform(0.05, 0.3) * (np.sin(2 * np.pi * 150 * 2**emotion * time) + numbers.normal(0, 0.2, 6400))


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(first, second):
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns_to_find_a_sound_by_words(utterances, root, settings, tmp_path):
    """Emotions of the training are found by the taught words; the log falls below guessing."""
    longer = replace(settings, epochs=40, batch_size=8)
    folder = training.train(tmp_path / "model", utterances, root, settings=longer, seed=0)
    log = pd.read_csv(folder / "log.csv")
    losses = log.loc[log["stage"].eq("train"), "loss"]
    assert len(losses) == 40 and losses.tail(5).mean() < np.log(8) - 0.2
    model = encoders.get(f"dual:{folder}")
    own = utterances[~utterances["session"].isin(settings.held_out)]
    sounds = [
        soundfile.read(root / row.audio, dtype="float32")[0][round(row.start_s * 16_000) :][:6400]
        for row in own.itertuples()
    ]
    texts = model.embed_text([contrastive.words(emotion)[0] for emotion in EMOTIONS])
    found = np.array(EMOTIONS)[(model.encode(sounds) @ texts.T).argmax(axis=1)]
    assert (found == own["emotion"]).mean() > 0.6, "chance is 0.25"


def test_what_is_held_out_is_not_read(utterances, root, settings, tmp_path):
    held = utterances["session"].eq("Ses03")
    first = training.train(tmp_path / "a", utterances, root, settings=settings, seed=0)
    torch.manual_seed(99)  # what others draw does not matter
    for name in utterances.loc[held, "audio"].unique():
        soundfile.write(root / name, np.random.default_rng(1).normal(0, 1, 40_000), 16_000)
    other = {"emotion": "fear", "sex": "male", "language": "fa", "arousal": 99.0}
    changed = utterances.assign(**{name: utterances[name].mask(held, value) for name, value in other.items()})
    assert same(first, training.train(tmp_path / "b", changed, root, settings=settings, seed=0))
    told = []
    training.train(tmp_path / "a", changed, root, settings=settings, seed=0, report=lambda *step: told.append(step))
    assert not told, "nothing that matters has changed"


@pytest.mark.parametrize("column", ["emotion", "sex", "arousal", "audio"])
def test_what_is_read_decides(utterances, root, settings, tmp_path, column):
    """Of the training sessions, unlike of the held-out one, everything matters: of the same names another model."""
    settings = replace(settings, epochs=1)
    first = training.train(tmp_path / "a", utterances, root, settings=settings, seed=0)
    before = weights(first)
    if column == "audio":
        for name in ("d0.wav", "d1.wav", "d2.wav", "d3.wav"):
            shutil.copyfile(root / "d4.wav", root / name)
    other = {"emotion": "fear", "sex": "male", "arousal": np.nan}
    changed = utterances.assign(**({column: other[column]} if column in other else {}))
    after = weights(training.train(tmp_path / "a", changed, root, settings=settings, seed=0))
    assert not all(torch.equal(before[name], after[name]) for name in before)


def test_a_session_that_is_not_there_is_named(utterances, root, settings, tmp_path):
    for sessions, says in ((["Ses09"], r"no session 'Ses09' to hold out; there are Ses01"), ([], "is left for test")):
        wrong = replace(settings, held_out=sessions)
        with pytest.raises(ValueError, match=says):
            training.train(tmp_path / "model", utterances, root, settings=wrong, seed=0)


def test_validation_asks_the_same_each_time(utterances, root, settings, tmp_path):
    """Where nothing is learned, the validation's loss stays: its captions and sounds are not drawn anew."""
    still = replace(settings, learning_rate=1e-12, learning_rate_encoder=1e-12)
    log = pd.read_csv(training.train(tmp_path / "model", utterances, root, settings=still, seed=0) / "log.csv")
    valid, train = (log.loc[log["stage"].eq(stage), "loss"] for stage in ("valid", "train"))
    assert valid.max() - valid.min() < 1e-3 < 0.01 < train.max() - train.min()


def units(seed, count=5, width=7):
    values = np.random.default_rng(seed).normal(size=(count, width))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_the_loss_is_the_mean_of_two_cross_entropies():
    audio, text, scale = units(0), units(1), 14.0
    likeness = scale * audio @ text.T
    for_audio = [-np.log(np.exp(row[own]) / np.exp(row).sum()) for own, row in enumerate(likeness)]
    for_text = [-np.log(np.exp(row[own]) / np.exp(row).sum()) for own, row in enumerate(likeness.T)]
    assert abs(np.mean(for_audio) - np.mean(for_text)) > 0.01, "both directions count"
    found = training.contrastive_loss(torch.from_numpy(audio), torch.from_numpy(text), torch.tensor(scale))
    assert float(found) == pytest.approx((np.mean(for_audio) + np.mean(for_text)) / 2)


def test_the_convolutions_are_frozen_and_the_rest_learns(utterances, root, settings, source, tmp_path):
    before, after = (
        weights(source),
        weights(training.train(tmp_path / "a", utterances, root, settings=settings, seed=0)),
    )
    same_as_before = {name: torch.equal(value, after[f"audio.wav2vec2.{name}"]) for name, value in before.items()}
    assert all(same_as_before[name] for name in before if name.startswith("feature_extractor."))
    assert not same_as_before["encoder.layers.0.attention.v_proj.weight"]


OWN = "dual:demo/models/contrastive"


@pytest.fixture
def asked(monkeypatch, tmp_path, corpus_root):
    """What training was called with; nothing is trained."""
    calls = []
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.setattr(profiles.Profile, "corpus_root", lambda self, corpus=None: corpus_root)
    monkeypatch.setattr(
        training, "train", lambda *given, **options: calls.append((given, options, torch.get_num_threads()))
    )
    return calls


def test_a_profiles_own_model_is_trained_when_asked_for(asked, tmp_path):
    demo = profiles.load("demo")
    assert training.ready(demo) == training.ready(demo, "demo") == OWN
    (folder, utterances, _), options, threads = asked[0]
    assert folder == tmp_path / "demo" / "models" / "contrastive"
    assert {"Ses01", "Ses02"} == set(utterances["session"])
    assert (options["settings"], options["seed"]) == (demo.contrastive.dual, demo.seed)
    assert options["report"].name == "contrastive"
    assert threads == 1  # the same numbers on every machine


def test_others_are_named_and_not_trained(asked):
    demo, whole = profiles.load("demo"), ["transformers:laion/clap-htsat-unfused", "dual:somewhere/else"]
    assert training.ready(demo, "laion") == "laion-clap:lukewys/laion_clap/630k-audioset-best.pt"
    assert [training.ready(demo, name) for name in whole] == whole
    assert training.ready(profiles.load("paper")) == "msclap:microsoft/msclap/CLAP_weights_2023.pth"
    assert not asked


def test_an_unknown_short_name_is_one_clear_error(asked):
    with pytest.raises(
        ValueError, match="no contrastive model 'clap'; the profile 'demo' has microsoft, laion, audioclip, demo"
    ):
        training.ready(profiles.load("demo"), "clap")


def test_what_a_model_was_trained_on_and_is_tested_on(tmp_path):
    demo, sessions = profiles.load("demo"), [f"Ses0{number}" for number in (1, 2, 3, 4, 5, 5)]
    names = {"utterance": list("abcdef"), "dialogue": list("uvwxyz"), "speaker": list("stuvwx"), "session": sessions}
    table = pd.DataFrame(names, index=range(10, 16))
    found = training.trained_on(demo, OWN, table)
    assert found.tolist() == [True] * 4 + [False] * 2 and found.index.tolist() == table.index.tolist()
    (tmp_path / "training.json").write_text(json.dumps({"held_out": ["Ses01"]}))
    assert training.trained_on(demo, f"dual:{tmp_path}", table).tolist() == [False] + [True] * 5
    parts = training.parts(found)
    assert list(parts) == ["unseen speakers", "speakers of the training", "all speakers"]
    assert [part.sum() for part in parts.values()] == [2, 4, 6]
    published = training.parts(training.trained_on(demo, "msclap:x", table))
    assert [(name, part.sum()) for name, part in published.items()] == [("all speakers, none in training", 6)]

"""The contrastive training hears its own sessions alone, comes again with its seed and after a kill, and learns."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

import small_dual
from emocast import encoders, profile
from emocast.contrastive import captions, training

EMOTIONS = ("neutral", "happiness", "sadness", "anger")


@pytest.fixture(autouse=True)
def one_thread():
    """Models this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
    return profile.ContrastTraining(
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


class Killed(BaseException):
    """Stands for the end of the process."""


def test_it_learns_to_find_a_sound_by_words(utterances, root, settings, tmp_path):
    """Emotions of the training are found by the taught words; the log falls below guessing."""
    longer = dataclasses.replace(settings, epochs=40, batch_size=8)
    folder = training.train(tmp_path / "model", utterances, root, settings=longer, seed=0)
    log = pd.read_csv(folder / "log.csv")
    losses = log.loc[log["stage"].eq("train"), "loss"]
    assert len(losses) == 40 and losses.tail(5).mean() < np.log(8) - 0.2
    model = encoders.get(f"dual:{folder}")
    heard = utterances[~training.held_out(utterances, settings)]
    sounds = [
        soundfile.read(root / row.audio, dtype="float32")[0][round(row.start_s * 16_000) :][:6400]
        for row in heard.itertuples()
    ]
    texts = model.embed_text([captions.words(emotion)[0] for emotion in EMOTIONS])
    found = np.array(EMOTIONS)[(model.encode(sounds) @ texts.T).argmax(axis=1)]
    assert (found == heard["emotion"]).mean() > 0.6, "chance is 0.25"


def test_the_source_hears_and_its_convolutions_stay(utterances, root, settings, source, tmp_path):
    learned = weights(training.train(tmp_path / "model", utterances, root, settings=settings, seed=0))
    began = load_file(source / "model.safetensors")
    same_after = {name for name, tensor in began.items() if torch.equal(tensor, learned[f"audio.wav2vec2.{name}"])}
    cnn = {name for name in began if name.startswith("feature_extractor.")}
    assert cnn and cnn <= same_after
    assert not {name for name in same_after if name.startswith("encoder.layers.") and name.endswith("weight")}
    slow = dataclasses.replace(settings, epochs=1, learning_rate_encoder=1e-9)
    learned = weights(training.train(tmp_path / "slow", utterances, root, settings=slow, seed=0))
    assert all(torch.allclose(tensor, learned[f"audio.wav2vec2.{name}"], atol=1e-4) for name, tensor in began.items())


def test_what_is_held_out_is_neither_heard_nor_read(utterances, root, settings, tmp_path):
    held = training.held_out(utterances, settings)
    assert held.tolist() == utterances["session"].eq("Ses03").tolist() and held.sum() == 8
    first = training.train(tmp_path / "a", utterances, root, settings=settings, seed=0)
    for name in utterances.loc[held, "audio"].unique():
        soundfile.write(root / name, np.random.default_rng(1).normal(0, 1, 40_000), 16_000)
    other = {"emotion": "fear", "sex": "male", "language": "fa", "arousal": 99.0}
    changed = utterances.assign(**{name: utterances[name].mask(held, value) for name, value in other.items()})
    assert same(first, training.train(tmp_path / "b", changed, root, settings=settings, seed=0))
    told = []
    training.train(tmp_path / "a", changed, root, settings=settings, seed=0, report=lambda *step: told.append(step))
    assert not told, "nothing that matters has changed"


@pytest.mark.parametrize("column", ["emotion", "sex", "language", "arousal", "audio"])
def test_what_is_heard_and_read_decides(utterances, root, settings, tmp_path, column):
    """Of the training sessions, unlike of the held-out one, everything matters: of the same names another model."""
    settings = dataclasses.replace(settings, epochs=1)
    first = training.train(tmp_path / "a", utterances, root, settings=settings, seed=0)
    before = weights(first)
    if column == "audio":
        for name in ("d0.wav", "d1.wav", "d2.wav", "d3.wav"):
            shutil.copyfile(root / "d4.wav", root / name)
    other = {"emotion": "fear", "sex": "male", "language": "fa", "arousal": np.nan}
    changed = utterances.assign(**({column: other[column]} if column in other else {}))
    after = weights(training.train(tmp_path / "a", changed, root, settings=settings, seed=0))
    assert not all(torch.equal(before[name], after[name]) for name in before)


def test_a_session_that_is_not_there_is_named(utterances, root, settings, tmp_path):
    for sessions, says in ((["Ses09"], r"no session 'Ses09' to hold out; there are Ses01"), ([], "names no session")):
        wrong = dataclasses.replace(settings, held_out=sessions)
        with pytest.raises(ValueError, match=says):
            training.train(tmp_path / "model", utterances, root, settings=wrong, seed=0)
        with pytest.raises(ValueError, match=says):
            training.held_out(utterances, wrong)


def test_the_same_seed_gives_the_same_weights(utterances, root, settings, tmp_path):
    first = training.train(tmp_path / "a", utterances, root, settings=settings, seed=0)
    torch.manual_seed(99)  # what others draw does not matter
    assert same(first, training.train(tmp_path / "b", utterances, root, settings=settings, seed=0))
    assert not same(first, training.train(tmp_path / "c", utterances, root, settings=settings, seed=1))


def test_a_killed_training_goes_on_to_the_same_weights(utterances, root, settings, tmp_path):
    def kill(done, total, text):
        if done == 5:  # in the second of three epochs
            raise Killed

    whole = training.train(tmp_path / "whole", utterances, root, settings=settings, seed=0)
    with pytest.raises(Killed):
        training.train(tmp_path / "killed", utterances, root, settings=settings, seed=0, report=kill)
    assert not (tmp_path / "killed").exists(), "what is not finished cannot be taken for a model"
    told = []
    resumed = training.train(
        tmp_path / "killed", utterances, root, settings=settings, seed=0, report=lambda *step: told.append(step[:2])
    )
    assert told == [(step, 9) for step in range(4, 10)], "it did not begin anew"
    logs = [pd.read_csv(folder / "log.csv").drop(columns="seconds") for folder in (whole, resumed)]
    pd.testing.assert_frame_equal(*logs)
    valid = logs[0].query("stage == 'valid'").set_index("epoch")["error"]
    assert valid.idxmin() > 1, "the weights that are kept came after the kill"
    assert same(whole, resumed)


def test_validation_asks_the_same_each_time(utterances, root, settings, tmp_path):
    """Where nothing is learned, the validation's loss stays: its captions and sounds are not drawn anew."""
    still = dataclasses.replace(settings, learning_rate=1e-12, learning_rate_encoder=1e-12)
    log = pd.read_csv(training.train(tmp_path / "model", utterances, root, settings=still, seed=0) / "log.csv")
    valid, train = (log.loc[log["stage"].eq(stage), "loss"] for stage in ("valid", "train"))
    assert valid.max() - valid.min() < 1e-3 < 0.01 < train.max() - train.min()


def test_captions_of_the_training_are_never_held_out_ones(utterances, root, settings, tmp_path, monkeypatch):
    said = []
    compose = captions.compose
    monkeypatch.setattr(captions, "compose", lambda *known: said.append(compose(*known)) or said[-1])
    training.train(tmp_path / "model", utterances, root, settings=settings, seed=0)
    assert len(said) == 3 * 16, "each epoch says each of its utterances once, whether it trains or validates"
    held = {
        word for emotion in EMOTIONS for word in [*captions.forms(emotion), *captions.words(emotion, held_out=True)]
    }
    assert not held & {word for caption in said for word in caption.replace(",", "").split()}
    assert len(set(said)) > 20, "they are drawn anew"

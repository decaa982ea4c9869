"""The small encoder learns from sound alone, comes again with its seed and after a kill, and is a source to begin with."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_pre_hook
from transformers import Wav2Vec2Model

from emocast import audio, profile
from emocast.ser import splits, start, training
from emocast.ser.data import usable


@pytest.fixture
def files(corpus_root):
    """Real sound files: the dialogues of the small synthetic IEMOCAP."""
    return sorted(corpus_root.rglob("dialog/wav/*.wav"))


@pytest.fixture
def settings(architecture):
    """Few steps for a small network."""
    return profile.Start("librispeech", 4, 2, 5e-3, 1.0, architecture)


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(first, second):
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Killed(BaseException):
    """Stands for the end of the process."""


def test_it_learns_and_is_read_as_a_source(files, settings, tmp_path):
    folder = start.train(tmp_path / "start", files, settings=settings, seed=0)
    valid = pd.read_csv(folder / "log.csv").query("stage == 'valid'")["loss"]
    assert valid.iloc[-1] < valid.iloc[0]
    assert training.find_source(str(folder)) == folder
    model, info = Wav2Vec2Model.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    written, read = weights(folder), model.state_dict()
    assert read.keys() == written.keys() and all(torch.equal(read[name], written[name]) for name in written)


def test_a_recogniser_begins_with_it(files, settings, utterances, corpus_root, tmp_path):
    source = start.train(tmp_path / "start", files, settings=settings, seed=0)
    table = usable(utterances, objective="classification").groupby("session").head(20)
    folder = training.train(
        tmp_path / "model", table, corpus_root, splits.leave_out(table, ["Ses02"], column="session", seed=0),
        objective="classification", settings=recogniser(source), seed=0,
    )  # fmt: skip
    learned = torch.load(folder / "wav2vec2.ckpt", weights_only=True)
    cnn = {name: tensor for name, tensor in weights(source).items() if name.startswith("feature_extractor")}
    assert cnn and all(torch.equal(tensor, learned[f"model.{name}"]) for name, tensor in cnn.items()), "it is frozen"


def recogniser(source):
    """The demo's settings of the recognisers, one short epoch from this source."""
    return dataclasses.replace(profile.load("demo").ser, source=str(source), epochs=1, batch_size=8, crop_s=0.5)


def test_the_sounds_are_all_that_is_read(files, settings, tmp_path):
    """Copies alone in a folder, without the corpus and its labels: the same weights."""
    (tmp_path / "bare").mkdir()
    bare = [shutil.copyfile(file, tmp_path / "bare" / file.name) for file in files]
    assert len({file.name for file in files}) == len(files)
    first = start.train(tmp_path / "a", files, settings=settings, seed=0)
    assert same(first, start.train(tmp_path / "b", bare[::-1], settings=settings, seed=0))


def test_the_same_seed_gives_the_same_weights_and_what_is_there_stays(files, settings, tmp_path):
    told = []
    first = start.train(tmp_path / "a", files, settings=settings, seed=0)
    assert same(first, start.train(tmp_path / "b", files, settings=settings, seed=0))
    start.train(tmp_path / "a", files, settings=settings, seed=0, report=lambda *step: told.append(step))
    assert not told
    assert not same(tmp_path / "b", start.train(tmp_path / "a", files, settings=settings, seed=1))


def test_other_settings_or_other_sounds_are_another_training(files, settings, tmp_path):
    def steps(files, settings):
        told = []
        start.train(tmp_path / "start", files, settings=settings, seed=0, report=lambda *step: told.append(step))
        return len(told)

    short = dataclasses.replace(settings, epochs=1)
    assert steps(files, settings) == 4 * steps(files, short) > 0
    assert steps(files[1:], short) > 0
    assert len(pd.read_csv(tmp_path / "start" / "log.csv")) == 2, "the folder holds the last of them: train and valid"
    assert not any(path.is_dir() for path in (tmp_path / ".training").iterdir()), "no state is left of any"


def test_a_killed_training_goes_on_to_the_same_weights(files, settings, tmp_path):
    def kill(done, total, text):
        if done > total / 2:
            raise Killed

    whole = start.train(tmp_path / "whole", files, settings=settings, seed=0)
    with pytest.raises(Killed):
        start.train(tmp_path / "killed", files, settings=settings, seed=0, report=kill)
    told = []
    resumed = start.train(tmp_path / "killed", files, settings=settings, seed=0, report=lambda *step: told.append(step))
    assert told[0][0] > 1, "it did not begin anew"
    assert same(whole, resumed)


def test_targets_are_log_power_of_low_bins_and_mel_bands():
    waveform = np.random.default_rng(0).normal(size=4096).astype(np.float32)
    found = start.Spectrogram(hop=640)(torch.from_numpy(waveform)[None])[0].numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.stack([waveform[first : first + 1024] * window for first in range(0, 4096 - 1023, 640)])
    power = np.abs(np.fft.rfft(frames)) ** 2
    rows = np.log(np.hstack([power[:, 3:64], power @ mel_bands(32).T]) + 1e-2)
    assert found.shape == (len(frames), 61 + 32)
    scaled = (rows - rows.mean(axis=0)) / (rows.std(axis=0, ddof=1) + 1e-3)
    np.testing.assert_allclose(found, scaled, atol=2e-3)


def mel_bands(number):
    """Triangles of area 1 Hz on Slaney's scale, from 0 to 8 kHz: (bands, 513). The scale is linear below 1 kHz."""
    highest = 15 + 27 * np.log(8) / np.log(6.4)
    mels = np.linspace(0, highest, number + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
    bins = np.arange(513) * 16_000 / 1024
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clip(0)
    return triangles * 2 / (high - low)


def test_targets_of_a_batch_share_one_scale_for_each_band():
    waveforms = torch.randn(3, 8000, generator=torch.Generator().manual_seed(0)) * torch.tensor([[0.1], [1.0], [3.0]])
    found = start.Spectrogram(hop=640)(waveforms)
    assert torch.allclose(found.mean(dim=(0, 1)), torch.zeros(93), atol=1e-4)
    assert torch.allclose(found.std(dim=(0, 1)), torch.ones(93), atol=5e-3)
    assert bool((found.mean(dim=(1, 2)).diff() > 0).all()), "the louder waveform keeps the larger values"


def test_the_rate_rises_and_falls(files, settings, tmp_path):
    rates = []
    listening = register_optimizer_step_pre_hook(lambda adam, *_: rates.append(adam.param_groups[0]["lr"]))
    start.train(tmp_path / "start", files, settings=dataclasses.replace(settings, epochs=10), seed=0)
    listening.remove()
    highest = int(np.argmax(rates))
    assert rates[0] < 1e-6 and max(rates) == pytest.approx(5e-3, rel=0.01) and rates[-1] < 0.02 * max(rates)
    assert highest == pytest.approx(0.3 * len(rates), abs=1)
    assert np.diff(rates[: highest + 1]) == pytest.approx(5e-3 / (0.3 * len(rates)), rel=0.01), "a straight line"
    half = highest + (len(rates) - highest) // 2
    assert rates[half] == pytest.approx(2.5e-3, rel=0.15) and (np.diff(rates[highest:]) < 0).all(), "half a cosine"


def test_what_cannot_be_trained_says_why(files, settings, tmp_path):
    with pytest.raises(ValueError, match="1 sound files are too few to train an encoder on"):
        start.train(tmp_path / "start", files[:1], settings=settings, seed=0)
    odd = profile.Start("librispeech", 1, 2, 1e-3, 1.0, {"conv_dim": [8], "conv_stride": [2, 2]})
    with pytest.raises(ValueError, match=r"ser\.start\.architecture: no wav2vec 2\.0 can have these settings"):
        start.train(tmp_path / "start", files, settings=odd, seed=0)


def test_a_file_that_is_no_sound_is_named(files, settings, tmp_path):
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"no sound")
    with pytest.raises(audio.AudioError, match=r"broken\.flac"):
        start.train(tmp_path / "start", [*files, broken], settings=settings, seed=0)
    assert not (tmp_path / "start").exists()

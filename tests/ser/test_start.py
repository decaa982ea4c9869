"""The small encoder learns from sound alone, comes again with its seed and after a kill, and is a source to begin with."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2Model

from emocast import profile
from emocast.ser import start, training


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
    model = Wav2Vec2Model.from_pretrained(folder)
    assert torch.equal(model.state_dict()["encoder.layer_norm.weight"], weights(folder)["encoder.layer_norm.weight"])


def test_the_same_seed_gives_the_same_weights_and_what_is_there_stays(files, settings, tmp_path):
    told = []
    first = start.train(tmp_path / "a", files, settings=settings, seed=0)
    assert same(first, start.train(tmp_path / "b", files, settings=settings, seed=0))
    start.train(tmp_path / "a", files, settings=settings, seed=0, report=lambda *step: told.append(step))
    assert not told
    assert not same(tmp_path / "b", start.train(tmp_path / "a", files, settings=settings, seed=1))


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
    low = np.log(np.abs(np.fft.rfft(frames)[:, 3:64]) ** 2 + 1e-2)
    assert found.shape == (len(frames), 61 + 32)
    scaled = (low - low.mean(axis=0)) / (low.std(axis=0, ddof=1) + 1e-3)
    np.testing.assert_allclose(found[:, :61], scaled, atol=2e-3)


def test_the_rate_rises_and_falls(files, settings, tmp_path, monkeypatch):
    rates = []
    plain = start.StartBrain.optimizers_step
    monkeypatch.setattr(
        start.StartBrain,
        "optimizers_step",
        lambda brain: (rates.append(brain.optimizer.param_groups[0]["lr"]), plain(brain)),
    )
    start.train(tmp_path / "start", files, settings=settings, seed=0)
    highest = int(np.argmax(rates))
    assert rates[0] < 1e-6 and rates[-1] < 0.2 * max(rates) and max(rates) == pytest.approx(5e-3, rel=0.1)
    assert highest == pytest.approx(0.3 * len(rates), abs=1)
    assert rates[: highest + 1] == sorted(rates[: highest + 1]) and rates[highest:] == sorted(rates[highest:])[::-1]


def test_what_cannot_be_trained_says_why(files, settings, tmp_path):
    with pytest.raises(ValueError, match="1 sound files are too few to train an encoder on"):
        start.train(tmp_path / "start", files[:1], settings=settings, seed=0)
    odd = profile.Start("librispeech", 1, 2, 1e-3, 1.0, {"conv_dim": [8], "conv_stride": [2, 2]})
    with pytest.raises(ValueError, match=r"ser\.start\.architecture: no wav2vec 2\.0 can have these settings"):
        start.train(tmp_path / "start", files, settings=odd, seed=0)

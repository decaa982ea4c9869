"""The small encoder learns from sound alone, comes again with its seed and after a kill, and is a source to begin with."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_pre_hook
from transformers import Wav2Vec2Model

from emocast import settings as profiles
from emocast.ser import initial, training
from said import with_values


@pytest.fixture
def files(corpus_root):
    """Real sound files: the dialogues of the small synthetic IEMOCAP."""
    return sorted(corpus_root.rglob("dialog/wav/*.wav"))


@pytest.fixture
def settings(architecture):
    """Few steps for a small network."""
    return profiles.Start(
        corpus="librispeech", epochs=4, batch_size=2, learning_rate=5e-3, crop_s=1.0, architecture=architecture
    )


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(first, second):
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Killed(BaseException):
    """Stands for the end of the process."""


def test_it_learns_and_is_read_as_a_source(files, settings, tmp_path):
    folder = initial.train(tmp_path / "start", files, settings=with_values(settings, epochs=12), seed=0)
    log = pd.read_csv(folder / "log.csv")
    for stage in ("train", "valid"):
        losses = log.loc[log["stage"].eq(stage), "loss"]
        assert len(losses) == 12 and losses.tail(3).mean() < 0.95 * losses.head(3).mean(), stage
    assert training.find_source(str(folder)) == folder
    model = Wav2Vec2Model.from_pretrained(folder)
    assert torch.equal(model.state_dict()["encoder.layer_norm.weight"], weights(folder)["encoder.layer_norm.weight"])


def test_what_is_there_is_not_trained_again(files, settings, tmp_path):
    told = []

    def run(some=files, **changed):
        told.clear()
        chosen = with_values(settings, **changed)
        initial.train(tmp_path / "a", some, settings=chosen, seed=0, report=lambda *step: told.append(step))
        return len(told)

    steps = 4 * 2  # epochs, and batches of two out of the three files that do not validate
    assert len(files) == 4 and run() == steps and run() == 0
    before = weights(tmp_path / "a")
    assert run(learning_rate=1e-3) == steps, "other settings, another training"
    assert not torch.equal(before["encoder.layer_norm.weight"], weights(tmp_path / "a")["encoder.layer_norm.weight"])
    assert run(files[:3], learning_rate=1e-3) == 4 and run(files[:3], learning_rate=1e-3) == 0, "other files, another"


def test_a_killed_training_goes_on_to_the_same_weights(files, settings, tmp_path):
    def kill(done, total, text):
        if done == 3:  # in the second of four epochs
            raise Killed

    whole = initial.train(tmp_path / "whole", files, settings=settings, seed=0)
    with pytest.raises(Killed):
        initial.train(tmp_path / "killed", files, settings=settings, seed=0, report=kill)
    assert not (tmp_path / "killed").exists(), "what is not finished cannot be taken for a source"
    told = []
    resumed = initial.train(
        tmp_path / "killed", files, settings=settings, seed=0, report=lambda *step: told.append(step)
    )
    assert [step[0] for step in told] == [3, 4, 5, 6, 7, 8], "it did not begin anew"
    log = pd.read_csv(whole / "log.csv").drop(columns="seconds")
    pd.testing.assert_frame_equal(pd.read_csv(resumed / "log.csv").drop(columns="seconds"), log)
    valid = log.query("stage == 'valid'").set_index("epoch")["error"]
    assert valid.idxmin() > 1, "the weights that are kept came after the kill"
    assert same(whole, resumed)


def mel_bands():
    """32 triangles from 0 to 8 kHz, each of area 1, on Slaney's scale: even below 1 kHz, then 27 steps to a factor of 6.4."""
    highest = 15 + 27 * np.log(8000 / 1000) / np.log(6.4)
    marks = np.linspace(0, highest, 34)
    marks = np.where(marks < 15, marks * 200 / 3, 1000 * 6.4 ** ((marks - 15) / 27))
    bins = np.arange(513) * 16_000 / 1024
    return np.stack([
        np.interp(bins, marks[band : band + 3], [0, 2 / (marks[band + 2] - marks[band]), 0]) for band in range(32)
    ])  # fmt: skip


def test_targets_are_log_power_of_low_bins_and_mel_bands():
    """Of a loud and a soft waveform, so that scaling each alone would show."""
    waveforms = np.random.default_rng(0).normal(size=(2, 4096)) * [[1.0], [0.1]]
    found = initial.Spectrogram(hop=640)(torch.from_numpy(waveforms.astype(np.float32))).numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.stack([waveforms[:, first : first + 1024] * window for first in range(0, 4096 - 1023, 640)], axis=1)
    power = np.abs(np.fft.rfft(frames)) ** 2
    expected = np.log(np.concatenate([power[..., 3:64], power @ mel_bands().T], axis=-1) + 1e-2)
    expected = (expected - expected.mean(axis=(0, 1))) / (expected.std(axis=(0, 1), ddof=1) + 1e-3)
    assert found.shape == (2, 5, 61 + 32)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_rate_rises_to_the_asked_one_and_falls_to_zero(files, settings, tmp_path):
    rates = []
    hook = register_optimizer_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    try:
        long = with_values(settings, epochs=10, batch_size=1)
        initial.train(tmp_path / "start", files, settings=long, seed=0)
    finally:
        hook.remove()
    falling = [5e-3 * np.cos(np.pi / 2 * step / 21) ** 2 for step in range(21)]
    assert rates == pytest.approx([*np.linspace(0, 5e-3, 10), *falling[1:]], abs=1e-7)
    assert int(np.argmax(rates)) == 9 == 0.3 * len(rates) and rates[-1] < 0.01 * 5e-3


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ({"conv_dim": [8], "conv_stride": [2, 2]}, r"no wav2vec 2\.0 can have these settings"),
        ({"hidden_size": 10, "num_attention_heads": 4}, r"no wav2vec 2\.0 can have these settings"),
        ({"hiden_size": 16}, "unknown setting 'hiden_size'; take the names of transformers' Wav2Vec2Config"),
    ],
)
def test_settings_and_files_that_cannot_be_are_named(files, settings, tmp_path, architecture, says):
    with pytest.raises(ValueError, match=rf"ser\.start\.architecture: {says}"):
        initial.train(tmp_path / "start", files, settings=with_values(settings, architecture=architecture), seed=0)
    with pytest.raises(ValueError, match=r"1 sound files are too few to train an encoder on; see data/README\.md"):
        initial.train(tmp_path / "start", files[:1], settings=settings, seed=0)
    assert not (tmp_path / "start").exists()

"""The small encoder learns from sound alone, comes again with its seed and after a kill, and is a source to begin with."""

import dataclasses

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
    folder = start.train(tmp_path / "start", files, settings=dataclasses.replace(settings, epochs=12), seed=0)
    log = pd.read_csv(folder / "log.csv")
    for stage in ("train", "valid"):
        losses = log.loc[log["stage"].eq(stage), "loss"]
        assert len(losses) == 12 and losses.tail(3).mean() < 0.95 * losses.head(3).mean(), stage
    assert training.find_source(str(folder)) == folder
    model = Wav2Vec2Model.from_pretrained(folder)
    assert torch.equal(model.state_dict()["encoder.layer_norm.weight"], weights(folder)["encoder.layer_norm.weight"])


def test_the_same_seed_gives_the_same_weights_in_whatever_order_the_files_come(files, settings, tmp_path):
    first = start.train(tmp_path / "a", files, settings=settings, seed=0)
    assert same(first, start.train(tmp_path / "b", files[::-1], settings=settings, seed=0))
    assert not same(first, start.train(tmp_path / "c", files, settings=settings, seed=1))


def test_what_is_there_is_not_trained_again(files, settings, tmp_path):
    told = []

    def run(some=files, **changed):
        told.clear()
        chosen = dataclasses.replace(settings, **changed)
        start.train(tmp_path / "a", some, settings=chosen, seed=0, report=lambda *step: told.append(step))
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

    whole = start.train(tmp_path / "whole", files, settings=settings, seed=0)
    with pytest.raises(Killed):
        start.train(tmp_path / "killed", files, settings=settings, seed=0, report=kill)
    assert not (tmp_path / "killed").exists(), "what is not finished cannot be taken for a source"
    told = []
    resumed = start.train(tmp_path / "killed", files, settings=settings, seed=0, report=lambda *step: told.append(step))
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
    found = start.Spectrogram(hop=640)(torch.from_numpy(waveforms.astype(np.float32))).numpy()
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
        long = dataclasses.replace(settings, epochs=10, batch_size=1)
        start.train(tmp_path / "start", files, settings=long, seed=0)
    finally:
        hook.remove()
    falling = [5e-3 * np.cos(np.pi / 2 * step / 21) ** 2 for step in range(21)]
    assert rates == pytest.approx([*np.linspace(0, 5e-3, 10), *falling[1:]], abs=1e-7)
    assert int(np.argmax(rates)) == 9 == 0.3 * len(rates) and rates[-1] < 0.01 * 5e-3


def test_too_few_files_say_where_to_get_more(files, settings, tmp_path):
    with pytest.raises(ValueError, match=r"1 sound files are too few to train an encoder on; see data/README\.md"):
        start.train(tmp_path / "start", files[:1], settings=settings, seed=0)
    assert not (tmp_path / "start").exists()


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ({"conv_dim": [8], "conv_stride": [2, 2]}, r"no wav2vec 2\.0 can have these settings"),
        ({"hidden_size": 10, "num_attention_heads": 4}, r"no wav2vec 2\.0 can have these settings"),
        ({"hiden_size": 16}, "unknown setting 'hiden_size'; take the names of transformers' Wav2Vec2Config"),
    ],
)
def test_an_architecture_that_cannot_be_is_named(files, settings, tmp_path, architecture, says):
    with pytest.raises(ValueError, match=rf"ser\.start\.architecture: {says}"):
        start.train(
            tmp_path / "start", files, settings=dataclasses.replace(settings, architecture=architecture), seed=0
        )


def test_a_file_that_is_no_sound_is_named(files, settings, tmp_path):
    (tmp_path / "odd.wav").write_text("no sound")
    with pytest.raises(audio.AudioError, match=r"odd\.wav"):
        start.train(tmp_path / "start", [*files, tmp_path / "odd.wav"], settings=settings, seed=0)


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


def test_targets_of_a_batch_share_one_scale_for_each_band():
    waveforms = torch.randn(3, 8000, generator=torch.Generator().manual_seed(0)) * torch.tensor([[0.1], [1.0], [3.0]])
    found = start.Spectrogram(hop=640)(waveforms)
    assert torch.allclose(found.mean(dim=(0, 1)), torch.zeros(93), atol=1e-4)
    assert torch.allclose(found.std(dim=(0, 1)), torch.ones(93), atol=5e-3)
    assert bool((found.mean(dim=(1, 2)).diff() > 0).all()), "the louder waveform keeps the larger values"

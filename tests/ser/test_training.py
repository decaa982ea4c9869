"""Trainings are real: weights move where they should, numbers come again, a kill costs nothing, test is never touched."""

import dataclasses
import itertools
import json

import numpy as np
import pandas as pd
import pytest
import speechbrain as sb
import torch
from safetensors.torch import load_file

from emocast import labels, profile
from emocast.encoders import checkpoint, hub
from emocast.ser import splits, training
from emocast.ser.data import usable


@pytest.fixture
def rows(utterances):
    """Some utterances of both sessions, the second held out."""
    return utterances.groupby("session").head(40).reset_index(drop=True)


@pytest.fixture
def train(rows, corpus_root, settings, tmp_path):
    """A function that trains a model below `tmp_path`: its name, its objective, other settings."""

    def run(name, objective, *, table=rows, seed=0, report=None, **changed):
        chosen = usable(table, objective=objective)
        return training.train(
            tmp_path / name, chosen, corpus_root, splits.leave_out(chosen, ["Ses02"], column="session", seed=0),
            objective=objective, settings=dataclasses.replace(settings, **changed), seed=seed, report=report,
        )  # fmt: skip

    return run


def weights(folder) -> dict[str, torch.Tensor]:
    return {
        **torch.load(folder / "wav2vec2.ckpt", weights_only=True),
        **torch.load(folder / "model.ckpt", weights_only=True),
    }


def same(first, second) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("objective", "heads"),
    [
        ("classification", {"0.w.weight": (4, 32)}),
        ("regression", {"0.w.weight": (2, 32)}),
        ("multiobjective", {"0.w.weight": (4, 32), "0.w.bias": (4,), "1.w.weight": (2, 32)}),
    ],
)
def test_each_objective_leaves_a_checkpoint_with_its_heads(train, rows, source, objective, heads):
    folder = train("model", objective)
    read = torch.load(folder / "model.ckpt", weights_only=True)
    assert {name: tuple(tensor.shape) for name, tensor in read.items()} == heads
    model = checkpoint.load(folder)
    assert model.objective == objective
    outputs = model.outputs([np.random.default_rng(0).normal(size=8000).astype(np.float32)])
    assert set(outputs) == {"classification", "regression"} - (
        {"regression"} if objective == "classification" else {"classification"} if objective == "regression" else set()
    )
    log, before, after = training.log(folder), load_file(source / "model.safetensors"), weights(folder)
    assert list(log["epoch"]) == [1, 1, 2, 2] and list(log["stage"]) == ["train", "valid"] * 2
    moved = {
        name: not torch.equal(tensor, after[f"model.{name}"]) for name, tensor in before.items() if name in known(after)
    }
    assert not any(moved[name] for name in moved if name.startswith("feature_extractor")), "the CNN is frozen"
    assert moved["encoder.layers.0.attention.q_proj.weight"] and moved["feature_projection.projection.weight"]


def known(after) -> set[str]:
    return {name.removeprefix("model.") for name in after}


def test_the_losses_are_those_of_the_thesis(train, rows, corpus_root):
    folder = train("both", "multiobjective", epochs=1)
    valid = training.split(folder).query("part == 'valid'")["utterance"]
    held = rows[rows["utterance"].isin(valid)]
    model = checkpoint.load(folder)
    from emocast import audio

    sounds = [
        audio.read(corpus_root / row.audio, start_s=row.start_s, end_s=row.end_s, sample_rate=16_000)
        for row in held.itertuples()
    ]
    outputs = model.outputs(sounds)
    numbers = [labels.FOUR.index(emotion) for emotion in held["emotion"]]
    nll = -np.log(outputs["classification"].numpy()[np.arange(len(held)), numbers]).mean()
    mse = ((outputs["regression"].numpy() - held[["valence", "arousal"]].to_numpy()) ** 2).mean()
    last = training.log(folder).iloc[-1]
    assert last["nll"] == pytest.approx(nll, abs=2e-3) and last["mse"] == pytest.approx(mse, abs=2e-3)
    assert last["error"] == pytest.approx(nll + mse, abs=4e-3)  # SpeechBrain's pooling adds noise of 1e-5


def test_the_same_seed_gives_the_same_weights(train):
    first, again, other = (
        train("a", "classification"),
        train("b", "classification"),
        train("c", "classification", seed=1),
    )
    assert same(first, again) and not same(first, other)


def test_the_callers_random_numbers_are_left_alone(train):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train("model", "classification", epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_what_is_there_is_not_trained_again(train):
    folder = train("model", "regression")
    steps = []
    assert train("model", "regression", report=lambda *told: steps.append(told)) == folder and not steps
    train("model", "regression", epochs=1, report=lambda *told: steps.append(told))
    assert steps, "other settings, another training"


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_killed_training_goes_on_to_the_same_numbers(train, tmp_path):
    def kill(done, total, text):
        if done > total * 0.7:
            raise Killed

    whole = train("whole", "classification", epochs=3)
    with pytest.raises(Killed):
        train("killed", "classification", epochs=3, report=kill)
    (state,) = (path for path in (tmp_path / ".training").glob("killed-*") if path.is_dir())
    torn = state / "CKPT+2099-01-01+00-00-00+00"  # a checkpoint that a kill interrupted: newest and of no error
    torn.mkdir()
    (torn / "CKPT.yaml").write_text("end-of-epoch: true\nerror: -1.0\nepoch: 9\nunixtime: 4000000000.0\n")
    steps = []
    resumed = train("killed", "classification", epochs=3, report=lambda done, *rest: steps.append(done))
    assert 0 < len(steps) < steps[-1], "it did not begin anew"
    assert same(whole, resumed)
    log = training.log(resumed).drop(columns="seconds")
    pd.testing.assert_frame_equal(log, training.log(whole).drop(columns="seconds"))
    assert not state.exists()


def test_nothing_of_the_test_part_reaches_the_training(train, rows, corpus_root, monkeypatch):
    """Other labels in test, and sound that cannot be read: the training is the same one, and never notices."""
    folder = train("model", "classification")
    tested = rows["session"].eq("Ses02")
    other = rows.assign(
        emotion=rows["emotion"].where(~tested | rows["emotion"].isna(), "anger"),
        audio=rows["audio"].where(~tested, "not/there.wav"),
    )
    again = train("again", "classification", table=other)
    assert same(folder, again)
    keys = [json.loads((path / "training.json").read_text())["key"] for path in (folder, again)]
    assert keys[0] == keys[1]


def test_the_kept_epoch_is_the_one_with_the_least_error(train):
    folder = train("model", "classification", epochs=4)
    valid = training.log(folder).query("stage == 'valid'")
    kept = json.loads((folder / "training.json").read_text())["kept_epoch"]
    assert kept == valid.loc[valid["error"].idxmin(), "epoch"]


def test_the_stored_list_is_that_of_the_utterances_given(train, rows):
    """Fewer test utterances change no weight, but the list beside the model must not name what was not there."""
    first = train("model", "classification")
    fewer = rows.drop(rows.index[rows["session"].eq("Ses02") & rows["emotion"].notna()][0])
    kept = weights(first)
    again = train("model", "classification", table=fewer)
    assert set(training.split(again)["utterance"]) == set(usable(fewer, objective="classification")["utterance"])
    assert all(torch.equal(tensor, weights(again)[name]) for name, tensor in kept.items())


@pytest.mark.parametrize("objective", training.OBJECTIVES)
def test_the_paper_profile_trains_exactly_as_published(objective, source, tmp_path):
    """Thesis 4.2.1: batch 4, 30 epochs, Adam at 1e-5 and 1e-4, CNN frozen, transformer trainable, 80/10/10."""
    paper = profile.load("paper").ser
    made = training._hparams(objective, source, tmp_path, paper, 0)
    assert (paper.source, paper.batch_size, paper.crop_s) == ("facebook/wav2vec2-base", 4, None)
    assert paper.fractions == [0.8, 0.1, 0.1] and made["epoch_counter"].limit == 30
    brain = training.EmotionBrain(made["modules"], hparams=made, checkpointer=made["checkpointer"])
    brain.modules.wav2vec2.model.freeze_feature_encoder()
    brain.init_optimizers()
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (brain.wav2vec2_optimizer, brain.optimizer)]
    assert rates == [1e-5, 1e-4] and type(brain.optimizer) is type(brain.wav2vec2_optimizer) is torch.optim.Adam
    for name in ("lr_annealing", "lr_annealing_wav2vec2"):
        assert isinstance(made[name], sb.nnet.schedulers.NewBobScheduler)
        assert (made[name].annealing_factor, made[name].improvement_threshold) == (0.9, 0.0025)
    trained = {name for name, value in brain.modules.wav2vec2.named_parameters() if value.requires_grad}
    assert not any("feature_extractor" in name for name in trained) and any(
        "encoder.layers" in name for name in trained
    )
    assert made["wav2vec2"].output_norm and made["avg_pool"].return_std is False


def test_newbob_lowers_the_rate_when_validation_does_not_improve(train):
    log = training.log(train("model", "classification", epochs=5)).query("stage == 'valid'")
    errors, rates = log["error"].to_numpy(), log["lr"].to_numpy()
    expected = [rates[0]]
    for before, now in itertools.pairwise(errors):
        improved = before and (before - now) / before >= 0.0025
        expected.append(expected[-1] * (1 if improved else 0.5))
    assert rates[1:] == pytest.approx(expected[:-1]) and expected[-1] < rates[0]


def test_what_cannot_be_trained_says_why(train, rows, tmp_path):
    with pytest.raises(
        ValueError, match="no objective 'ranking'; there are classification, regression, multiobjective"
    ):
        training.train(tmp_path, rows, tmp_path, rows["session"], objective="ranking", settings=None, seed=0)
    with pytest.raises(hub.CheckpointError, match="no checkpoint nowhere/to-be-found"):
        train("model", "classification", source="nowhere/to-be-found")

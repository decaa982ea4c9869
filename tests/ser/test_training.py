"""Trainings are real: weights move where they should, numbers come again, a kill costs nothing, test is never touched."""

import itertools
import json
import os
import time

import joblib
import numpy as np
import pandas as pd
import pytest
import speechbrain as sb
import torch
from safetensors.torch import load_file

from emocast import audio, labels
from emocast import settings as profiles
from emocast.encoders import hub, wav2vec2
from emocast.ser import models, training
from said import with_values


@pytest.fixture
def rows(utterances):
    """Some utterances of both sessions, the second held out."""
    return utterances.groupby("session").head(40).reset_index(drop=True)


@pytest.fixture
def train(rows, corpus_root, settings, tmp_path):
    """A function that trains a model below `tmp_path`: its name, its objective, other settings."""

    def run(name, objective, *, table=rows, seed=0, report=None, **changed):
        chosen = training.usable(table, objective=objective)
        return training.train(
            tmp_path / name, chosen, corpus_root, models.leave_out(chosen, ["Ses02"], column="session", seed=0),
            objective=objective, settings=with_values(settings, **changed), seed=seed, report=report,
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
    model = wav2vec2.load(folder)
    assert model.objective == objective
    outputs = model.outputs([np.random.default_rng(0).normal(size=8000).astype(np.float32)])
    assert set(outputs) == {"classification", "regression"} - (
        {"regression"} if objective == "classification" else {"classification"} if objective == "regression" else set()
    )
    log, before, after = training.log(folder), load_file(source / "model.safetensors"), weights(folder)
    assert list(log["epoch"]) == [1, 1, 2, 2] and list(log["stage"]) == ["train", "valid"] * 2
    moved = {
        name: not torch.equal(tensor, after[f"model.{name}"])
        for name, tensor in before.items()
        if f"model.{name}" in after
    }
    assert not any(moved[name] for name in moved if name.startswith("feature_extractor")), "the CNN is frozen"
    assert moved["encoder.layers.0.attention.q_proj.weight"] and moved["feature_projection.projection.weight"]


def test_the_losses_are_those_of_the_thesis(train, rows, corpus_root):
    folder = train("both", "multiobjective", epochs=1)
    valid = training.split(folder).query("part == 'valid'")["utterance"]
    held = rows[rows["utterance"].isin(valid)]
    model = wav2vec2.load(folder)
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


@pytest.mark.parametrize("objective", training.OBJECTIVES)
def test_the_paper_profile_trains_exactly_as_published(objective, source, tmp_path):
    """Thesis 4.2.1: batch 4, 30 epochs, Adam at 1e-5 and 1e-4, CNN frozen, transformer trainable, 80/10/10."""
    paper = profiles.load("paper").ser
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


def test_a_key_depends_on_every_part(rows, corpus_root, source):
    rows, columns = rows.head(3), ["utterance", "emotion"]
    first = training.key(rows, corpus_root, columns, source, {"epochs": 2, "lr": 1e-3})
    assert first == training.key(rows, corpus_root, columns, source, {"lr": 1e-3, "epochs": 2})
    others = [(rows.head(2), columns, source, 2), (rows, columns[:1], source, 2), (rows, columns, None, 2)]
    keys = {training.key(some, corpus_root, *rest) for some, *rest in [*others, (rows, columns, source, 2)]}
    assert len({first, *keys}) == 5


def learn(work):
    """A training that only leaves a log."""
    work.mkdir(exist_ok=True)
    (work / training.LOG).touch()
    return work


def test_what_is_there_stays_and_a_folder_holds_the_last_training_only(tmp_path):
    made = []

    def run(key):
        before = len(made)
        training.once(tmp_path / "model", key, lambda work: made.append(key) or learn(work), lambda *_: {"seed": 0})
        return len(made) > before

    assert not training.is_trained(tmp_path / "model")
    assert run("first") and not run("first")
    assert training.is_trained(tmp_path / "model", "first") and not training.is_trained(tmp_path / "model", "other")
    assert run("other") and run("first")


def test_the_work_folder_outlives_an_error_and_no_success(tmp_path):
    works = []

    def fail(work):
        works.append(learn(work))
        raise RuntimeError("oops")

    with pytest.raises(RuntimeError, match="oops"):
        training.once(tmp_path / "model", "a" * 64, fail, lambda *_: {})
    assert works[0].is_dir() and not (tmp_path / "model").exists()
    training.once(tmp_path / "model", "b" * 64, lambda work: works.append(learn(work)), lambda *_: {})
    assert works[1] != works[0], "trainings of other keys do not share a folder"
    training.once(tmp_path / "model", "a" * 64, lambda work: works.append(learn(work)), lambda *_: {})
    assert works[2] == works[0] and not works[2].exists()


def test_of_two_processes_one_makes_and_the_other_waits_for_it(tmp_path):
    def make():
        (tmp_path / f"came-{os.getpid()}").touch()
        made = []

        def slowly(work):
            while len(list(tmp_path.glob("came-*"))) < 2:
                time.sleep(0.01)
            work.mkdir()
            (work / training.LOG).touch()
            made.append(work)

        training.once(tmp_path / "model", "key", slowly, lambda *_: {})
        return os.getpid(), bool(made), training.is_trained(tmp_path / "model", "key")

    (one, made, _), (other, made_too, _) = told = joblib.Parallel(n_jobs=2)(joblib.delayed(make)() for _ in range(2))
    assert one != other and made != made_too and all(there for *_, there in told)


def test_items_are_the_utterances_sound_and_targets_and_crops_of_it(utterances, corpus_root):
    def items(table, crop_s=None):
        options = {"batch_size": 1, "shuffle": False, "seed": 0}
        return training.loader(table, corpus_root, crop_s=crop_s, **options).dataset

    row = utterances.dropna(subset="emotion").iloc[1]
    item = items(utterances.dropna(subset="emotion").head(3))[1]
    sound = audio.read(corpus_root / row.audio, start_s=row.start_s, end_s=row.end_s, sample_rate=16_000)
    np.testing.assert_array_equal(item["sig"].numpy(), sound)
    assert labels.FOUR[item["emotion"]] == row.emotion
    np.testing.assert_allclose(item["dimensions"].numpy(), [row.valence, row.arousal])
    assert items(utterances[utterances["emotion"].isna()].head(1))[0]["emotion"] == -1
    whole, crops = items(utterances.head(1))[0]["sig"], []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        crops.append(items(utterances.head(1), 0.5)[0]["sig"])
    assert len(crops[0]) == 8000 and torch.equal(crops[0], crops[1]) and not torch.equal(crops[0], crops[2])
    assert any(torch.equal(whole[start : start + 8000], crops[0]) for start in range(len(whole) - 7999))
    assert torch.equal(items(utterances.head(1), 100.0)[0]["sig"], whole), "what is shorter stays whole"


def test_each_objective_uses_what_it_can(utterances):
    table = utterances.copy()
    table.loc[0, "valence"] = np.nan
    four, rated = table["emotion"].notna(), table[["valence", "arousal"]].notna().all(axis=1)
    for objective, rows in {"classification": four, "regression": rated, "multiobjective": four & rated}.items():
        assert set(training.usable(table, objective=objective)["utterance"]) == set(table.loc[rows, "utterance"])
    assert rated.sum() > (four & rated).sum(), "regression learns from utterances of other categories too"

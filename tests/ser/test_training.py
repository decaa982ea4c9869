"""Trainings are real: weights move where they should, numbers come again, a kill costs nothing, test is never touched."""

import itertools
import json
import os
import time
from dataclasses import replace

import joblib
import librosa
import numpy as np
import pandas as pd
import pytest
import speechbrain as sb
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_pre_hook
from transformers import Wav2Vec2Model

from emocast import audio, labels
from emocast import settings as profiles
from emocast.encoders import wav2vec2
from emocast.ser import models, training


@pytest.fixture
def rows(utterances):
    """Some utterances of both sessions, the second held out."""
    return utterances.groupby("session").head(40).reset_index(drop=True)


@pytest.fixture
def train(rows, corpus_root, settings, tmp_path):
    """A function that trains a model below `tmp_path`: its name, its objective, other settings."""

    def run(name, objective="classification", *, table=rows, seed=0, report=None, **changed):
        chosen = training.usable(table, objective=objective)
        return training.train(
            tmp_path / name, chosen, corpus_root, models.leave_out(chosen, ["Ses02"], column="session", seed=0),
            objective=objective, settings=replace(settings, **changed), seed=seed, report=report,
        )  # fmt: skip

    return run


@pytest.fixture
def files(corpus_root):
    """Real sound files: the dialogues of the small synthetic IEMOCAP."""
    return sorted(corpus_root.rglob("dialog/wav/*.wav"))


@pytest.fixture
def start(files, architecture, tmp_path):
    """A function that trains the small encoder, in few steps, below `tmp_path`: its name, other settings."""
    few = {"epochs": 4, "batch_size": 2, "learning_rate": 5e-3, "crop_s": 1.0, "architecture": architecture}

    def run(name, *, files=files, report=None, **changed):
        settings = profiles.Start(corpus="librispeech", **few | changed)
        return training.train_start(tmp_path / name, files, settings=settings, seed=0, report=report)

    return run


def weights(folder) -> dict[str, torch.Tensor]:
    if (folder / "model.safetensors").is_file():
        return load_file(folder / "model.safetensors")
    parts = (torch.load(folder / name, weights_only=True) for name in ("wav2vec2.ckpt", "model.ckpt"))
    return {name: tensor for part in parts for name, tensor in part.items()}


def same(first, second) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def log(folder) -> pd.DataFrame:
    return pd.read_csv(folder / "log.csv")


@pytest.mark.parametrize(
    ("objective", "heads"),
    [
        ("classification", {"0.w.weight": (4, 32)}),
        ("regression", {"0.w.weight": (2, 32)}),
        ("multiobjective", {"0.w.weight": (4, 32), "0.w.bias": (4,), "1.w.weight": (2, 32)}),
    ],
)
def test_each_objective_leaves_a_checkpoint_with_its_heads(train, source, objective, heads):
    folder = train("model", objective)
    read = torch.load(folder / "model.ckpt", weights_only=True)
    assert {name: tuple(tensor.shape) for name, tensor in read.items()} == heads
    model = wav2vec2.load(folder)
    assert model.objective == objective and set(model.heads) == set(wav2vec2.OBJECTIVES[objective])
    assert list(log(folder)["epoch"]) == [1, 1, 2, 2] and list(log(folder)["stage"]) == ["train", "valid"] * 2
    before, after = load_file(source / "model.safetensors"), weights(folder)
    moved = {name: not torch.equal(tensor, after[f"model.{name}"]) for name, tensor in before.items()}
    assert not any(moved[name] for name in moved if name.startswith("feature_extractor")), "the CNN is frozen"
    assert moved["encoder.layers.0.attention.q_proj.weight"] and moved["feature_projection.projection.weight"]


def test_the_losses_are_those_of_the_thesis(train, rows, corpus_root):
    folder = train("both", "multiobjective", epochs=1)
    valid = pd.read_csv(folder / "split.csv").query("part == 'valid'")["utterance"]
    held = rows[rows["utterance"].isin(valid)]
    sounds = [
        audio.read(corpus_root / row.audio, start_s=row.start_s, end_s=row.end_s, sample_rate=16_000)
        for row in held.itertuples()
    ]
    outputs = wav2vec2.load(folder).outputs(sounds)
    numbers = [labels.FOUR.index(emotion) for emotion in held["emotion"]]
    nll = -np.log(outputs["classification"].numpy()[np.arange(len(held)), numbers]).mean()
    mse = ((outputs["regression"].numpy() - held[["valence", "arousal"]].to_numpy()) ** 2).mean()
    last = log(folder).iloc[-1]
    assert last["nll"] == pytest.approx(nll, abs=2e-3) and last["mse"] == pytest.approx(mse, abs=2e-3)
    assert last["error"] == pytest.approx(nll + mse, abs=4e-3)  # SpeechBrain's pooling adds noise of 1e-5


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("kind", ["recogniser", "start"])
def test_a_killed_training_goes_on_to_the_same_numbers(train, start, tmp_path, kind):
    def kill(done, total, text):
        if done > total * 0.7:
            raise Killed

    run, steps = {"recogniser": train, "start": start}[kind], []
    whole = run("whole", epochs=3)
    with pytest.raises(Killed):
        run("killed", epochs=3, report=kill)
    assert not (tmp_path / "killed").exists(), "what is not finished cannot be taken for a model"
    (state,) = (path for path in (tmp_path / ".training").glob("killed-*") if path.is_dir())
    torn = state / "CKPT+2099-01-01+00-00-00+00"  # a checkpoint that a kill interrupted: newest and of no error
    torn.mkdir()
    (torn / "CKPT.yaml").write_text("end-of-epoch: true\nerror: -1.0\nepoch: 9\nunixtime: 4000000000.0\n")
    resumed = run("killed", epochs=3, report=lambda done, *rest: steps.append(done))
    assert 0 < len(steps) < steps[-1], "it did not begin anew"
    assert same(whole, resumed) and (kind == "start" or not same(whole, run("other", epochs=3, seed=1)))
    pd.testing.assert_frame_equal(log(resumed).drop(columns="seconds"), log(whole).drop(columns="seconds"))
    assert not state.exists()


def test_nothing_of_the_test_part_reaches_the_training(train, rows):
    """Other labels in test, and sound that cannot be read: the training is the same one, and never notices."""
    folder, tested = train("model"), rows["session"].eq("Ses02")
    other = rows.assign(
        emotion=rows["emotion"].where(~tested | rows["emotion"].isna(), "anger"),
        audio=rows["audio"].where(~tested, "not/there.wav"),
    )
    again = train("again", table=other)
    assert same(folder, again)
    keys = [json.loads((path / "training.json").read_text())["key"] for path in (folder, again)]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("objective", training.OBJECTIVES)
def test_the_paper_profile_trains_exactly_as_published(objective, source, tmp_path):
    """Thesis 4.2.1: batch 4, 30 epochs, Adam at 1e-5 and 1e-4, CNN frozen, transformer trainable, 80/10/10."""
    paper = profiles.load("paper").ser
    made = training.hparams(objective, source, tmp_path, paper, 0)
    assert (paper.source, paper.batch_size, paper.crop_s) == ("facebook/wav2vec2-base", 4, None)
    assert paper.fractions == [0.8, 0.1, 0.1] and made["epoch_counter"].limit == 30
    brain = training.EmotionBrain(made["modules"], hparams=made, checkpointer=made["checkpointer"])
    optimizers = brain.optimizers()
    rates = [optimizers[name].param_groups[0]["lr"] for name in ("wav2vec2_optimizer", "optimizer")]
    assert rates == [1e-5, 1e-4] and {type(optimizer) for optimizer in optimizers.values()} == {torch.optim.Adam}
    for name in ("lr_annealing", "lr_annealing_wav2vec2"):
        assert isinstance(made[name], sb.nnet.schedulers.NewBobScheduler)
        assert (made[name].annealing_factor, made[name].improvement_threshold) == (0.9, 0.0025)
    trained = [name for name, value in brain.modules.wav2vec2.named_parameters() if value.requires_grad]
    assert not any("feature_extractor" in name for name in trained)
    assert any("encoder.layers" in name for name in trained)
    assert made["wav2vec2"].output_norm and made["avg_pool"].return_std is False


def test_newbob_lowers_the_rate_without_an_improvement_and_the_least_error_is_kept(train):
    folder = train("model", epochs=5)
    valid = log(folder).query("stage == 'valid'")
    errors, rates = valid["error"].to_numpy(), valid["lr"].to_numpy()
    expected = [rates[0]]
    for before, now in itertools.pairwise(errors):
        improved = before and (before - now) / before >= 0.0025
        expected.append(expected[-1] * (1 if improved else 0.5))
    assert rates[1:] == pytest.approx(expected[:-1]) and expected[-1] < rates[0]
    kept = json.loads((folder / "training.json").read_text())["kept_epoch"]
    assert kept == valid.loc[valid["error"].idxmin(), "epoch"]


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


@pytest.fixture
def brain(source, settings, tmp_path):
    made = training.hparams("classification", source, tmp_path, settings, 0)
    brain = training.EmotionBrain(made["modules"], hparams=made)
    brain.modules.eval()
    return brain


def test_a_frozen_cnn_that_hears_once_changes_nothing_but_time(rows, corpus_root, source, brain):
    """Of a whole utterance the encoder makes the same of its CNN's frames as of its sound; crops are crops of the frames."""
    table = training.usable(rows, objective="classification").head(4)
    heard = training.hear(source, table, corpus_root)
    options = {"crop_s": None, "batch_size": 1, "shuffle": False, "seed": 0}
    both = [training.loader(table, corpus_root, heard=known, **options) for known in (None, heard)]
    for sound, frames in zip(*both, strict=True):
        with torch.inference_mode():
            one, other = (brain.compute_forward(batch, sb.Stage.VALID)["emotion"] for batch in (sound, frames))
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    item = training.loader(table, corpus_root, heard=heard, **options | {"crop_s": 0.5}).dataset[0]["sig"]
    start, stop = heard.spans[table["utterance"].iloc[0]]
    whole, size = heard.frames[start:stop], round(0.5 * heard.rate)
    assert len(item) == size and any(np.array_equal(whole[n : n + size], item) for n in range(len(whole) - size + 1))


def test_padding_of_frames_changes_no_hidden_value(brain):
    """Beside a longer one an utterance's frames attend to nothing of the padding (before the last normalisation)."""
    frames = torch.randn(1, 30, brain.modules.wav2vec2.model.config.conv_dim[-1])
    padded = torch.cat([frames, torch.full((1, 20, frames.shape[2]), 9.0)], dim=1)
    other = torch.cat([frames, torch.full((1, 20, frames.shape[2]), -5.0)], dim=1)
    with torch.inference_mode():
        one, two = (brain.after_cnn(values, torch.tensor([0.6]))[:, :30] for values in (padded, other))
    torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)


def test_each_objective_uses_what_it_can(utterances):
    table = utterances.copy()
    table.loc[0, "valence"] = np.nan
    four, rated = table["emotion"].notna(), table[["valence", "arousal"]].notna().all(axis=1)
    for objective, rows in {"classification": four, "regression": rated, "multiobjective": four & rated}.items():
        assert set(training.usable(table, objective=objective)["utterance"]) == set(table.loc[rows, "utterance"])
    assert rated.sum() > (four & rated).sum(), "regression learns from utterances of other categories too"


# the small encoder to begin with


def test_the_small_encoder_learns_and_is_read_as_a_source(start):
    folder = start("start", epochs=12)
    for stage, rows in log(folder).groupby("stage"):
        losses = rows["loss"]
        assert len(losses) == 12 and losses.tail(3).mean() < 0.95 * losses.head(3).mean(), stage
    assert training.find_source(str(folder)) == folder
    model = Wav2Vec2Model.from_pretrained(folder)
    assert torch.equal(model.state_dict()["encoder.layer_norm.weight"], weights(folder)["encoder.layer_norm.weight"])


def test_a_small_encoder_that_is_there_is_not_trained_again(start, files):
    told = []

    def steps(**changed):
        told.clear()
        start("a", report=lambda *step: told.append(step), **changed)
        return len(told)

    whole = 4 * 2  # epochs, and batches of two out of the three files that do not validate
    assert len(files) == 4 and steps() == whole and steps() == 0
    assert steps(learning_rate=1e-3) == whole, "other settings, another training"
    assert steps(files=files[:3]) == 4, "other files, another"


def test_targets_are_log_power_of_low_bins_and_mel_bands():
    """Of a loud and a soft waveform, so that scaling each alone would show."""
    waveforms = np.random.default_rng(0).normal(size=(2, 4096)) * [[1.0], [0.1]]
    found = training.spectrogram(torch.from_numpy(waveforms.astype(np.float32)), 640).numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.stack([waveforms[:, first : first + 1024] * window for first in range(0, 4096 - 1023, 640)], axis=1)
    power, mel = np.abs(np.fft.rfft(frames)) ** 2, librosa.filters.mel(sr=16_000, n_fft=1024, n_mels=32)
    expected = np.log(np.concatenate([power[..., 3:64], power @ mel.T], axis=-1) + 1e-2)
    expected = (expected - expected.mean(axis=(0, 1))) / (expected.std(axis=(0, 1), ddof=1) + 1e-3)
    assert found.shape == (2, 5, 61 + 32)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_rate_rises_to_the_asked_one_and_falls_to_zero(start):
    rates = []
    hook = register_optimizer_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    try:
        start("start", epochs=10, batch_size=1)
    finally:
        hook.remove()
    falling = [5e-3 * np.cos(np.pi / 2 * step / 21) ** 2 for step in range(21)]
    assert rates == pytest.approx([*np.linspace(0, 5e-3, 10), *falling[1:]], abs=1e-7)


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ({"hidden_size": 10, "num_attention_heads": 4}, r"no wav2vec 2\.0 can have these settings"),
        ({"hiden_size": 16}, "unknown setting 'hiden_size'; take the names of transformers' Wav2Vec2Config"),
    ],
)
def test_settings_and_files_that_cannot_be_are_named(start, files, tmp_path, architecture, says):
    with pytest.raises(ValueError, match=rf"ser\.start\.architecture: .*{says}"):
        start("start", architecture=architecture)
    with pytest.raises(ValueError, match=r"1 sound files are too few to train an encoder on; see data/README\.md"):
        start("start", files=files[:1])
    assert not (tmp_path / "start").exists()

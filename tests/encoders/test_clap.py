"""The CLAP packages: what they embed, without what they do to the process; their checkpoints, read as data; tokenizers."""

import pickle

import numpy as np
import pytest
import torch

import hub as small_hub
import small_clap
import small_models
from emocast import encoders
from emocast.encoders import clap, hub

KINDS = {"laion": ("laion-clap", 10), "microsoft": ("msclap", 7)}  # name, and the seconds that are embedded at once
EXPECTED = {"laion": "expected is an unfused LAION-CLAP", "microsoft": "expected is Microsoft CLAP of 2023"}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def checkpoint(kind, shared_folder):
    return getattr(small_clap, kind)(shared_folder / kind)


@pytest.fixture
def encoder(kind, checkpoint):
    return encoders.get(f"{KINDS[kind][0]}:{checkpoint}")


def noise(seconds, rate, seed=1):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate)).astype(np.float32)


def test_it_gives_what_the_package_gives(encoder, checkpoint):
    clips, expected = small_clap.embedded(checkpoint)
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    np.testing.assert_allclose(encoder.encode(clips), expected, atol=1e-4)


def test_a_longer_clip_is_the_mean_of_its_pieces_by_their_length(encoder, kind):
    rate, seconds = encoder.sample_rate, KINDS[kind][1]
    clip = np.concatenate([noise(seconds, rate), 3 * noise(2, rate, seed=2)])
    first, rest = encoder.encode([clip[: seconds * rate], clip[seconds * rate :]])
    assert np.abs(first - rest).max() > 0.01
    found = encoder.encode([clip])[0]
    np.testing.assert_allclose(found, (seconds * first + 2 * rest) / (seconds + 2), atol=1e-5)
    np.testing.assert_array_equal(encoder.encode([clip])[0], found)


def test_laions_sound_is_rounded_to_16_bits_and_of_length_one(shared_folder):
    encoder = encoders.get(f"laion-clap:{small_clap.laion(shared_folder / 'laion')}")
    within_a_step = np.random.default_rng(3).uniform(-0.95, 0.95, 48_000).astype(np.float32) / 32_767
    silence = encoder.encode([np.zeros(48_000, np.float32)])
    np.testing.assert_array_equal(encoder.encode([within_a_step]), silence)
    louder = encoder.encode([3 * within_a_step])
    assert np.abs(louder - silence).max() > 1e-4
    np.testing.assert_allclose(np.linalg.norm(louder, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "surplus", "lost"),
    [
        ("laion", "module.audio_branch.patch_embed.mel_conv2d.bias", "module.audio_projection.2.bias"),
        ("microsoft", "audio_encoder.base.fc1.bias", "audio_encoder.projection.linear2.weight"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_what_does_not(kind, checkpoint, tmp_path, surplus, lost):
    content, path, name = hub.read_training(checkpoint), tmp_path / "wrong.pt", KINDS[kind][0]
    weights = content["state_dict" if kind == "laion" else "model"]
    for key, problem in ((surplus, "has an unknown key"), (lost, "has no key")):
        weights.pop(key) if key == lost else weights.update({key: torch.zeros(2)})
        torch.save(content, path)
        plain = key.removeprefix("module.")
        with pytest.raises(hub.CheckpointError, match=rf"wrong\.pt: {problem} {plain} \(1 in all\): {EXPECTED[kind]}"):
            encoders.get(f"{name}:{path}")
        path.unlink()


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("laion", {"model": {}}),
        ("laion", {"state_dict": {"module.audio_branch.patch_embed.proj.weight": torch.zeros(64, 1, 4, 4)}}),
        ("microsoft", {"model": {"x": torch.zeros(1)}}),
    ],
)
def test_another_kind_of_checkpoint_is_refused(tmp_path, kind, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(hub.CheckpointError, match=rf"other\.pt: .*{EXPECTED[kind]}"):
        encoders.get(f"{KINDS[kind][0]}:{tmp_path / 'other.pt'}")


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    content = {"state_dict": {"module.x": torch.zeros(1)}, "name": small_models.Code(tmp_path / "ran")}
    torch.save(content, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(content["name"], protocol=2))
    for name in ("a.pt", "b.pt"):
        with pytest.raises(hub.CheckpointError, match=rf"{name}: not read as weights: damaged, or it holds more"):
            hub.read_training(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    rates = {"a": np.float64(1e-4), "b": np.float32(2), "c": np.int64(3)}  # a training's numbers are read
    torch.save({"optimizer": rates}, tmp_path / "a.pt")
    assert hub.read_training(tmp_path / "a.pt")["optimizer"] == rates


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A machine without network, whose data and whose hub's cache lie in an empty folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.mark.parametrize("name", ["roberta-base", "gpt2"])
def test_a_tokenizer_lies_below_data_or_in_the_hubs_cache(offline, name):
    small_hub.make(offline)
    small_hub.make_towers(offline)
    vocabulary, merges = clap.tokenizer_files(name)
    assert vocabulary.parent == merges.parent
    assert vocabulary.parent.parts[-4:-2] == ("hub", f"models--{name}")
    small_hub.tokenizers(offline / "data" / "checkpoints")
    with pytest.raises(hub.CheckpointError, match=r"no checkpoint some-folder: there is no such folder\. Put "):
        clap.tokenizer_files("some-folder")  # without an owner: the hub is not asked
    place = offline / "data" / "checkpoints" / name
    assert clap.tokenizer_files(name) == (place / "vocab.json", place / "merges.txt")

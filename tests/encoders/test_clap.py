"""The CLAP packages: what they embed, without what they do to the process; their checkpoints, read as data; tokenizers."""

import os
import pickle

import numpy as np
import pytest
import torch
import transformers

import hub as small_hub
import small_clap
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
    clips, expected = small_clap.heard(checkpoint)
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


def test_nothing_of_the_process_changes_and_nobody_is_asked(kind, checkpoint):
    assert small_clap.visit(f"{KINDS[kind][0]}:{checkpoint}") == {"changed": [], "asked": [], "compiled": []}


def test_laions_sound_is_rounded_to_16_bits_and_of_length_one(shared_folder):
    encoder = encoders.get(f"laion-clap:{small_clap.laion(shared_folder / 'laion')}")
    within_a_step = np.random.default_rng(3).uniform(-0.95, 0.95, 48_000).astype(np.float32) / 32_767
    silence = encoder.encode([np.zeros(48_000, np.float32)])
    np.testing.assert_array_equal(encoder.encode([within_a_step]), silence)
    louder = encoder.encode([3 * within_a_step])
    assert np.abs(louder - silence).max() > 1e-4
    np.testing.assert_allclose(np.linalg.norm(louder, axis=1), 1, atol=1e-5)


def test_laions_larger_network_is_known_by_its_shapes(tmp_path, monkeypatch):
    with clap.guarded():
        made = {"HTSAT-base": clap._LaionTower("HTSAT-base")}
    path = tmp_path / "base.pt"
    torch.save({"state_dict": made["HTSAT-base"].state_dict()}, path)
    monkeypatch.setattr(clap, "_LaionTower", made.get)  # making it takes longer than all else here
    encoder = encoders.get(f"laion-clap:{path}")
    path.unlink()  # 0.3 GB
    assert len(encoder._tower.audio_branch.layers[2].blocks) == 12
    assert encoder.encode([noise(1, 48_000)]).shape == (1, 512)


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
        plain = key.removeprefix("module.").removeprefix("audio_encoder.")
        with pytest.raises(hub.CheckpointError, match=rf"wrong\.pt: {problem} {plain} \(1 in all\): {EXPECTED[kind]}"):
            encoders.get(f"{name}:{path}")
        path.unlink()


_FIRST = "module.audio_branch.patch_embed.proj.weight"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("laion", {"model": {}}),
        ("laion", {"state_dict": [1]}),
        ("laion", {"state_dict": {"module.x": torch.zeros(1)}}),
        ("laion", {"state_dict": {_FIRST: torch.zeros(64, 1, 4, 4)}}),
        ("laion", {"state_dict": {_FIRST: 96}}),
        ("microsoft", {"state_dict": {}}),
        ("microsoft", {"model": torch.zeros(1)}),
        ("microsoft", {"model": {"x": torch.zeros(1)}}),
    ],
)
def test_another_kind_of_checkpoint_is_refused(tmp_path, kind, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(hub.CheckpointError, match=rf"other\.pt: .*{EXPECTED[kind]}"):
        encoders.get(f"{KINDS[kind][0]}:{tmp_path / 'other.pt'}")


@pytest.mark.parametrize("name", ["laion-clap:nobody/has-this/best.pt", "msclap:nobody/has-this/best.pt"])
def test_a_missing_file_is_asked_for_by_its_name(monkeypatch, name):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(hub.CheckpointError, match=r"Put best\.pt into .*nobody/has-this"):
        encoders.get(name)


def in_pieces(waveforms, batches=None):
    """The sum over each piece of at most 10 samples, filled up with ones; `batches` takes the sizes of what is embedded."""

    def embed(batch):
        assert batch.shape[1] == 10
        if batches is not None:
            batches.append(len(batch))
        return batch.sum(dim=1, keepdim=True)

    def fill(piece):
        return torch.cat([piece, torch.ones(10 - len(piece))])

    return clap.embed_pieces(waveforms, embed, longest=10, fill=fill, dimension=1)


def test_every_sample_counts_once_and_as_much_as_any_other():
    waveform = np.arange(24, dtype=np.float32)
    sums = [waveform[:10].sum(), waveform[10:20].sum(), waveform[20:].sum() + 6]
    assert in_pieces([waveform])[0, 0] == pytest.approx((10 * sums[0] + 10 * sums[1] + 4 * sums[2]) / 24)
    waveforms = [np.full(length, value, np.float32) for value, length in enumerate((3, 35, 10, 1, 20, 11))]
    alone, batches = np.concatenate([in_pieces([waveform]) for waveform in waveforms]), []
    assert len(np.unique(alone)) == len(waveforms)
    np.testing.assert_allclose(in_pieces(waveforms, batches), alone)
    assert sum(batches) == 11 and max(batches) == 4  # few pieces at once
    with pytest.raises(ValueError, match="waveform 1: 0 samples"):
        in_pieces([np.zeros(5, np.float32), np.zeros(0, np.float32)])


def test_a_trainings_numbers_are_read(tmp_path):
    rates = {"a": np.float64(1e-4), "b": np.float32(2), "c": np.int64(3)}
    torch.save({"optimizer": rates, "state_dict": {"x": torch.ones(2)}}, tmp_path / "a.pt")
    content = hub.read_training(tmp_path / "a.pt")
    assert content["optimizer"] == rates
    assert content["state_dict"]["x"].tolist() == [1, 1]


class Code:
    """Runs when it is unpickled in the usual way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    content = {"state_dict": {"module.x": torch.zeros(1)}, "name": Code(tmp_path / "ran")}
    torch.save(content, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(content["name"], protocol=2))
    (tmp_path / "c.pt").write_bytes(b"no checkpoint")
    for name in ("a.pt", "b.pt", "c.pt"):
        with pytest.raises(hub.CheckpointError, match=rf"{name}: not read as weights: damaged, or it holds more"):
            hub.read_training(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    torch.save([torch.zeros(1)], tmp_path / "a.pt")
    with pytest.raises(hub.CheckpointError, match=r"a\.pt: expected a checkpoint with named parts, found a list"):
        hub.read_training(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bias": 1.0}, r"bias has the shape \('no tensor',\), not \(2,\)"),
        ({"bias": torch.zeros(3)}, r"bias has the shape \(3,\), not \(2,\)"),
        ({"more": torch.zeros(3)}, r"has an unknown key more \(1 in all\)"),
    ],
)
def test_weights_must_fit(tmp_path, change, problem):
    weights = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2), **change}
    with pytest.raises(hub.CheckpointError, match=rf"a\.pt: {problem}: expected is another"):
        hub.fill(torch.nn.Linear(3, 2), weights, tmp_path / "a.pt", expected="another")


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A machine without network, whose data and whose hub's cache lie in an empty folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    hub._download.cache_clear()
    return tmp_path


@pytest.mark.parametrize("name", ["roberta-base", "gpt2"])
def test_a_tokenizer_lies_below_data_or_in_the_hubs_cache(offline, name):
    small_hub.make(offline)
    small_hub.make_towers(offline)
    vocabulary, merges = clap.tokenizer_files(name)
    assert vocabulary.parent == merges.parent
    assert vocabulary.parent.parts[-4:-2] == ("hub", f"models--{name}")
    small_hub.tokenizers(offline / "data" / "checkpoints")
    place = offline / "data" / "checkpoints" / name
    assert clap.tokenizer_files(name) == (place / "vocab.json", place / "merges.txt")


def test_a_folder_without_an_owner_is_not_asked_of_the_hub(offline):
    with pytest.raises(hub.CheckpointError, match=r"no checkpoint some-folder: there is no such folder\. Put "):
        clap.tokenizer_files("some-folder")


def test_a_damaged_tokenizer_is_refused_with_its_files(tmp_path):
    small_hub.gpt2_tokenizer(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": ')
    with pytest.raises(hub.CheckpointError, match=r"vocab\.json and .*merges\.txt: no tokenizer can be made of them"):
        clap.tokenizer(transformers.GPT2TokenizerFast, 263, *clap.tokenizer_files(str(tmp_path)))

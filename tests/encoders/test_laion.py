"""LAION-CLAP: what its makers' package hears, without what that package does to the process."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import small_clap
from emocast import encoders
from emocast.encoders import foreign, hub, laion

RATE = small_clap.RATES["laion"]


@pytest.fixture(scope="session")
def checkpoint(shared_folder):
    return small_clap.laion(shared_folder / "laion")


@pytest.fixture
def encoder(checkpoint):
    return encoders.get(f"laion-clap:{checkpoint}")


def noise(seconds, seed=1):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def test_it_hears_what_the_package_hears(encoder, checkpoint):
    clips, expected = small_clap.heard(checkpoint)
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    np.testing.assert_allclose(encoder.encode(clips), expected, atol=1e-4)


def test_sound_is_rounded_to_16_bits(encoder):
    within_a_step = np.random.default_rng(3).uniform(-0.95, 0.95, RATE).astype(np.float32) / 32_767
    silence = encoder.encode([np.zeros(RATE, np.float32)])
    np.testing.assert_array_equal(encoder.encode([within_a_step]), silence)
    assert np.abs(encoder.encode([3 * within_a_step]) - silence).max() > 1e-4


def test_a_longer_clip_is_the_mean_of_its_pieces_by_their_length(encoder):
    clip = np.concatenate([noise(10), 3 * noise(2, seed=2)])
    first, rest = encoder.encode([clip[: 10 * RATE], clip[10 * RATE :]])
    assert np.abs(first - rest).max() > 0.01
    found = encoder.encode([clip])[0]
    np.testing.assert_allclose(found, (10 * first + 2 * rest) / 12, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode([clip])[0], found)


def test_embeddings_have_the_length_one(encoder):
    np.testing.assert_allclose(np.linalg.norm(encoder.encode([noise(2)]), axis=1), 1, atol=1e-5)


def test_nothing_of_the_process_changes_and_nobody_is_asked(checkpoint):
    assert small_clap.visit(f"laion-clap:{checkpoint}") == {"changed": [], "asked": [], "compiled": []}


def test_two_threads_load_one_network(checkpoint):
    laion._load.cache_clear()
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: encoders.get(f"laion-clap:{checkpoint}"), range(2))
    assert one._tower is other._tower


def test_the_larger_network_is_known_by_its_shapes(tmp_path, monkeypatch):
    with foreign.guarded():
        made = {"HTSAT-base": laion._Tower("HTSAT-base")}
    path = tmp_path / "base.pt"
    torch.save({"state_dict": made["HTSAT-base"].state_dict()}, path)
    monkeypatch.setattr(laion, "_Tower", made.get)  # making it takes longer than all else here
    encoder = encoders.get(f"laion-clap:{path}")
    path.unlink()  # 0.3 GB
    assert len(encoder._tower.audio_branch.layers[2].blocks) == 12
    assert encoder.encode([noise(1)]).shape == (1, 512)


def test_a_file_that_does_not_fit_is_refused_with_what_does_not(checkpoint, tmp_path):
    content = foreign.read(checkpoint)
    weights, path = content["state_dict"], tmp_path / "wrong.pt"
    weights["module.audio_branch.patch_embed.mel_conv2d.bias"] = torch.zeros(96)
    torch.save(content, path)
    expected = "expected is an unfused LAION-CLAP"
    with pytest.raises(
        hub.CheckpointError, match=rf"wrong\.pt: has an unknown key .*mel_conv2d.bias \(1 in all\): {expected}"
    ):
        encoders.get(f"laion-clap:{path}")
    del weights["module.audio_projection.2.bias"]
    torch.save(content, path)
    with pytest.raises(
        hub.CheckpointError, match=rf"wrong\.pt: has no key audio_projection\.2\.bias \(1 in all\): {expected}"
    ):
        encoders.get(f"laion-clap:{path}")
    path.unlink()


@pytest.mark.parametrize(
    "content",
    [
        {"model": {}},
        {"state_dict": [1]},
        {"state_dict": {"module.x": torch.zeros(1)}},
        {"state_dict": {"module.audio_branch.patch_embed.proj.weight": torch.zeros(64, 1, 4, 4)}},
        {"state_dict": {"module.audio_branch.patch_embed.proj.weight": 96}},
    ],
)
def test_another_kind_of_checkpoint_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(hub.CheckpointError, match=r"other\.pt: .*expected is an unfused LAION-CLAP"):
        encoders.get(f"laion-clap:{tmp_path / 'other.pt'}")


def test_a_missing_file_is_asked_for_by_its_name(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(hub.CheckpointError, match=r"Put 630k-audioset-best\.pt into .*nobody/has-this"):
        encoders.get("laion-clap:nobody/has-this/630k-audioset-best.pt")

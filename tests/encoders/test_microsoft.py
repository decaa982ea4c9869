"""Microsoft CLAP: what its makers' package hears, with a checkpoint that is checked."""

import numpy as np
import pytest
import torch

import small_clap
from emocast import encoders
from emocast.encoders import foreign, hub

RATE = small_clap.RATES["microsoft"]


@pytest.fixture(scope="session")
def checkpoint(shared_folder):
    return small_clap.microsoft(shared_folder / "microsoft")


@pytest.fixture
def encoder(checkpoint):
    return encoders.get(f"msclap:{checkpoint}")


def noise(seconds, seed=1):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def test_it_hears_what_the_package_hears(encoder, checkpoint):
    clips, expected = small_clap.heard(checkpoint)
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    np.testing.assert_allclose(encoder.encode(clips), expected, atol=1e-4)


def test_a_longer_clip_is_the_mean_of_its_pieces_by_their_length(encoder):
    clip = np.concatenate([noise(7), 3 * noise(5, seed=2)])
    first, rest = encoder.encode([clip[: 7 * RATE], clip[7 * RATE :]])
    assert np.abs(first - rest).max() > 0.01
    found = encoder.encode([clip])[0]
    np.testing.assert_allclose(found, (7 * first + 5 * rest) / 12, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode([clip])[0], found)


def test_nothing_of_the_process_changes_and_nobody_is_asked(checkpoint):
    assert small_clap.visit(f"msclap:{checkpoint}") == {"changed": [], "asked": [], "compiled": []}


def test_a_file_that_does_not_fit_is_refused_with_what_does_not(checkpoint, tmp_path):
    content = foreign.read(checkpoint)
    weights, path = content["model"], tmp_path / "wrong.pth"
    weights["audio_encoder.base.fc1.bias"] = torch.zeros(2)
    torch.save(content, path)
    expected = "expected is Microsoft CLAP of 2023"
    with pytest.raises(
        hub.CheckpointError, match=rf"wrong\.pth: has an unknown key base\.fc1\.bias \(1 in all\): {expected}"
    ):
        encoders.get(f"msclap:{path}")
    del weights["audio_encoder.projection.linear2.weight"]
    torch.save(content, path)
    with pytest.raises(
        hub.CheckpointError, match=rf"wrong\.pth: has no key projection\.linear2\.weight .*: {expected}"
    ):
        encoders.get(f"msclap:{path}")
    path.unlink()


def test_another_kind_of_checkpoint_is_refused(tmp_path):
    for content in ({"state_dict": {}}, {"model": torch.zeros(1)}, {"model": {"x": torch.zeros(1)}}):
        torch.save(content, tmp_path / "other.pth")
        with pytest.raises(hub.CheckpointError, match=r"other\.pth: .*expected is Microsoft CLAP of 2023"):
            encoders.get(f"msclap:{tmp_path / 'other.pth'}")


def test_a_missing_file_is_asked_for_by_its_name(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(hub.CheckpointError, match=r"Put CLAP_weights_2023\.pth into .*nobody/has-this"):
        encoders.get("msclap:nobody/has-this/CLAP_weights_2023.pth")

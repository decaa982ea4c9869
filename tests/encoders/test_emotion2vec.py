"""emotion2vec: through a stand-in for funasr that looks at what it is given, and without funasr."""

import copy
import sys

import numpy as np
import pytest
import torch

import small_emotion2vec
from emocast import encoders
from emocast.encoders import hub, speech


@pytest.fixture
def folder(tmp_path, monkeypatch):
    small_emotion2vec.install(monkeypatch, tmp_path / "packages")
    return small_emotion2vec.checkpoint(tmp_path / "checkpoint")


def noise(samples, seed=1):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_an_embedding_is_what_funasr_gives_with_these_weights(folder):
    encoder = encoders.get(f"emotion2vec:{folder}")
    assert (encoder.sample_rate, encoder.dimension) == (16_000, small_emotion2vec.DIMENSION)
    sound = noise(8000)
    weights = torch.load(folder / "model.pt", weights_only=True)["model"]
    shape = [sound.mean(), sound.std(), np.abs(sound).max(), 0.5]
    mix, bias = (weights[f"d2v_model.mix.{name}"].numpy() for name in ("weight", "bias"))
    np.testing.assert_allclose(encoder.encode([sound])[0], mix @ shape + bias, atol=1e-5)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("normalize: true", "normalize: false"))
    assert encoders.get(f"emotion2vec:{folder}").digest != encoder.digest
    small_emotion2vec.checkpoint(folder, seed=1)
    (folder / "model.pt").rename(folder / "emotion2vec_base.pt")  # the older name of the weights
    assert np.abs(encoders.get(f"emotion2vec:{folder}").encode([sound]) - encoder.encode([sound])).max() > 0.01


def test_without_funasr_the_error_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "funasr", None)
    speech._load_funasr.cache_clear()
    with pytest.raises(hub.CheckpointError, match=r"pip install -e \"\.\[emotion2vec\]\""):
        encoders.get(f"emotion2vec:{folder}")


def test_python_in_the_settings_is_refused(folder, tmp_path):
    settings = copy.deepcopy(small_emotion2vec.SETTINGS)
    code = f"__import__('os').mkdir({str(tmp_path / 'ran')!r})"
    settings["model_conf"]["modalities"]["audio"]["feature_encoder_spec"] = code
    remote = {"trust_remote_code": True, "remote_code": str(folder / "model.py"), "vad_model": "other"}
    small_emotion2vec.checkpoint(folder, settings=small_emotion2vec.SETTINGS | remote)
    encoders.get(f"emotion2vec:{folder}")  # they do not reach funasr: the stand-in takes no argument of another name
    small_emotion2vec.checkpoint(folder, settings=settings)
    with pytest.raises(hub.CheckpointError, match=r"config\.yaml: .*feature_encoder_spec is .*__import__"):
        encoders.get(f"emotion2vec:{folder}")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ["model: [", "model: Emotion2vec", "\xff"])
def test_other_settings_are_refused(folder, text):
    (folder / "config.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(hub.CheckpointError, match=r"config\.yaml: not the settings of a network"):
        encoders.get(f"emotion2vec:{folder}")
    small_emotion2vec.checkpoint(folder, settings=small_emotion2vec.SETTINGS | {"model": "Paraformer"})
    with pytest.raises(hub.CheckpointError, match=r"config\.yaml: the model is 'Paraformer'"):
        encoders.get(f"emotion2vec:{folder}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            {"model": {"mix.weight": torch.zeros(12, 4)}},
            r"has no key mix\.bias \(1 in all\): expected is an emotion2vec",
        ),
        ({"model": [1]}, "model does not hold named weights"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, content, problem):
    torch.save(content, folder / "model.pt")
    with pytest.raises(hub.CheckpointError, match=rf"model\.pt: {problem}"):
        encoders.get(f"emotion2vec:{folder}")


def test_what_is_missing_is_named(folder, tmp_path):
    (folder / "model.pt").unlink()
    with pytest.raises(hub.CheckpointError, match=r"put model\.pt or emotion2vec_base\.pt into .*checkpoint"):
        encoders.get(f"emotion2vec:{folder}")
    with pytest.raises(hub.CheckpointError, match=r"Put config\.yaml into .*elsewhere"):
        encoders.get(f"emotion2vec:{tmp_path / 'elsewhere'}")

"""What every encoder must do, whichever it is; and encoders side by side."""

import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile

import small_audioclip
import small_clap
import small_dual
import small_emotion2vec
import small_models
import small_opensmile
from emocast import encoders, paths
from emocast.encoders import egemaps, store

#: One encoder of each kind at least: how its name begins, and after a blank what it is.
CASES = [
    "handcrafted", "egemaps", "wav2vec2:", "transformers: wav2vec2", "transformers: whisper", "transformers: clap",
    "laion-clap:", "msclap:", "audioclip:", "emotion2vec:", "dual:",
]  # fmt: skip


@pytest.fixture(params=CASES)
def name(request, tmp_path, shared_folder, monkeypatch):
    """The name of an encoder of each kind; those with a checkpoint get a small random one."""
    kind, _, family = request.param.partition(" ")
    made = {
        "handcrafted": lambda: "",
        "egemaps": lambda: "",
        "wav2vec2:": lambda: request.getfixturevalue("checkpoint_folder"),
        "transformers:": lambda: getattr(small_models, family)(tmp_path / "model"),
        "laion-clap:": lambda: small_clap.laion(shared_folder / "laion"),
        "msclap:": lambda: small_clap.microsoft(shared_folder / "microsoft"),
        "audioclip:": lambda: small_audioclip.checkpoint(shared_folder / "audioclip"),
        "emotion2vec:": lambda: small_emotion2vec.checkpoint(tmp_path / "model"),
        "dual:": lambda: small_dual.folder(tmp_path / "model"),
    }
    if kind == "emotion2vec:":
        small_emotion2vec.install(monkeypatch, tmp_path / "packages")
    if kind == "egemaps":
        small_opensmile.install(monkeypatch, tmp_path / "packages")
        egemaps._smile.cache_clear()
    return f"{kind}{made[kind]()}"


@pytest.fixture
def encoder(name):
    return encoders.get(name)


def noise(encoder, seconds, seed=0):
    samples = round(seconds * encoder.sample_rate)
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_every_kind_of_encoder_is_held_to_the_contract():
    of_turns = {"features:"}  # it embeds no sound: test_features.py holds it to a contract of its own
    assert {case.partition(" ")[0] for case in CASES} == set(encoders.NAMES) - of_turns


def test_an_encoder_says_what_it_is(name, encoder):
    assert encoder.name == name
    assert isinstance(encoder.sample_rate, int) and encoder.sample_rate > 0
    assert isinstance(encoder.dimension, int) and encoder.dimension > 0
    assert encoder.precision == "fp32"
    assert isinstance(encoder.threaded, bool)
    assert re.fullmatch("[0-9a-f]{64}" if ":" in name else "", encoder.digest)
    assert encoders.get(name).digest == encoder.digest
    assert (encoders.weights_bytes(name) > 0) == (":" in name)
    modules = encoders.modules(name)
    assert f"encoders/{type(encoder).__module__.rpartition('.')[2]}.py" in modules
    assert all((paths.ROOT / "lib" / "emocast" / module).is_file() for module in modules)


def test_an_embedding_is_a_row_of_finite_numbers(encoder):
    sounds = [noise(encoder, 1), noise(encoder, 0.5, seed=1), np.zeros(encoder.sample_rate, np.float32)]
    embeddings = encoder.encode(sounds)
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (3, encoder.dimension)
    assert np.isfinite(embeddings).all()
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-3
    np.testing.assert_array_equal(encoder.encode(sounds), embeddings)
    empty = encoder.encode([])
    assert (empty.dtype, empty.shape) == (np.float32, (0, encoder.dimension))


def test_what_stands_beside_a_sound_does_not_change_it(encoder):
    sound, same, longer = noise(encoder, 1), noise(encoder, 1, seed=1), 9 * noise(encoder, 1.5, seed=2)
    alone = encoder.encode([sound])[0]
    for beside in ([sound, same], [longer, sound], [same, sound, longer]):
        row = next(row for row, one in enumerate(beside) if one is sound)
        np.testing.assert_allclose(encoder.encode(beside)[row], alone, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, -1), (2, -1), (-1, 2)])
def test_more_than_one_channel_is_refused(encoder, shape):
    with pytest.raises(ValueError, match=r"shape|samples"):
        encoder.encode([noise(encoder, 1), noise(encoder, 1).reshape(shape)])


@pytest.mark.parametrize("samples", [0, 50])
def test_too_short_a_sound_is_refused_or_embedded(encoder, samples):
    try:
        embeddings = encoder.encode([noise(encoder, 1)[:samples]])
    except ValueError as error:
        assert f"{samples} samples" in str(error)
    else:
        assert samples and np.isfinite(embeddings).all()


def test_the_store_computes_a_window_once(name, encoder, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 48_000), 16_000, subtype="FLOAT")
    windows = pd.DataFrame({"audio": ["a.wav"] * 2, "start_s": [0.0, 1.5], "end_s": [1.0, 2.5]})
    options = {"precision": "fp32", "folder": tmp_path / "store", "progress": False}
    first, failed = store.embed(name, windows, tmp_path, **options)
    assert failed.empty and np.isfinite(first).all()
    assert first.shape == (2, encoder.dimension)
    for method in ("encode", "encode_spans"):
        monkeypatch.setattr(type(encoder), method, None, raising=False)  # what is called now fails
    second, _ = store.embed(name, windows, tmp_path, **options)
    np.testing.assert_array_equal(second, first)


@pytest.mark.parametrize("wrong", ["clap", "wav2vec2", "wav2vec2:", "handcrafted:x", "msclap", ""])
def test_an_unknown_encoder_is_refused_with_those_there_are(wrong):
    with pytest.raises(ValueError, match=re.escape(f"no encoder {wrong!r}; there is ")) as refused:
        encoders.get(wrong)
    assert all(known in str(refused.value) for known in encoders.NAMES)


def test_importing_the_encoders_imports_no_heavy_package():
    code = "import sys, emocast.encoders.store; print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT / "lib")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_is_missing_is_told_by_its_files(tmp_path, monkeypatch, checkpoint_folder):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    assert encoders.missing("handcrafted") == encoders.missing(f"wav2vec2:{checkpoint_folder}") == ""
    assert encoders.missing("dual:demo/models/none") == ""  # nobody must bring it: a run trains it
    both = encoders.missing("msclap:nobody/model/a.pth", texts=True)
    assert re.fullmatch(r"put a\.pth into .*nobody/model/; put vocab\.json, merges\.txt into .*gpt2/", both)
    assert "model.safetensors" in encoders.missing("transformers:nobody/model@6")
    (checkpoint_folder / "model.ckpt").unlink()
    assert "model.ckpt beside the others" in encoders.missing(f"wav2vec2:{checkpoint_folder}")

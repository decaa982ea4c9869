"""What every encoder must do, whichever it is."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from emocast import encoders, paths

KINDS = ("handcrafted", "wav2vec2")


@pytest.fixture(params=KINDS)
def name(request):
    """The name of an encoder of each kind; those with a checkpoint get a small random one."""
    if request.param == "handcrafted":
        return request.param
    return f"{request.param}:{request.getfixturevalue('checkpoint_folder')}"


def test_an_encoder_has_the_common_face(name, tmp_path):
    encoder = encoders.get(name)
    samples = np.random.default_rng(0).normal(0, 0.1, 3 * encoder.sample_rate).astype(np.float32)
    embeddings = encoder.encode(np.stack([samples[: encoder.sample_rate], samples[-encoder.sample_rate :]]))
    assert encoder.name == name
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (2, encoder.dimension)
    assert np.isfinite(embeddings).all()
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, encoder.sample_rate, subtype="FLOAT")
    spans = encoder.encode_spans(path, [0.0, 2.0], [1.0, 3.0])
    np.testing.assert_allclose(spans, embeddings, atol=1e-4)
    assert encoder.encode_spans(path, [], []).shape == (0, encoder.dimension)


def test_an_unknown_encoder_is_refused_with_those_there_are():
    for wrong in ("clap", "wav2vec2", "wav2vec2:", "handcrafted:x"):
        with pytest.raises(ValueError, match=f"no encoder '{wrong}'; there is handcrafted, and wav2vec2:<folder"):
            encoders.get(wrong)


def test_importing_the_encoders_imports_no_heavy_package():
    code = "import sys, emocast.encoders.store; print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT / "lib")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

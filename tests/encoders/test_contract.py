"""What every encoder must do, whichever it is."""

import numpy as np
import pytest
import soundfile

from emocast import encoders

NAMES = ("handcrafted",)


@pytest.mark.parametrize("name", NAMES)
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
    with pytest.raises(ValueError, match="no encoder 'clap'; there is handcrafted"):
        encoders.get("clap")

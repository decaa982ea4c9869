import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from emocast import audio, encoders
from emocast.cache import Cache
from emocast.encoders import checkpoint, store


@pytest.fixture
def sound(tmp_path):
    """Six seconds of noise at 16 kHz."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 6 * 16_000), 16_000, subtype="FLOAT")
    return path


def test_an_encoder_is_named_by_its_checkpoint_and_knows_its_weights(checkpoint_folder):
    encoder = encoders.get(f"wav2vec2:{checkpoint_folder}")
    assert encoder.name == f"wav2vec2:{checkpoint_folder}"
    assert (encoder.sample_rate, encoder.dimension) == (16_000, 32)
    assert encoder.digest == checkpoint.load(checkpoint_folder).digest


def test_many_spans_of_several_lengths_are_those_of_the_checkpoint(checkpoint_folder, sound):
    encoder = encoders.get(f"wav2vec2:{checkpoint_folder}")
    starts = np.linspace(0, 4, 40)
    ends = starts + np.tile([1.0, 1.5], 20)
    waveforms = [audio.read(sound, start_s=start, end_s=end) for start, end in zip(starts, ends, strict=True)]
    expected = np.stack([checkpoint.load(checkpoint_folder).embed([waveform])[0].numpy() for waveform in waveforms])
    np.testing.assert_allclose(encoder.encode_spans(sound, starts, ends), expected, atol=1e-4)


def test_nothing_outside_a_span_reaches_its_embedding(checkpoint_folder, sound):
    encoder = encoders.get(f"wav2vec2:{checkpoint_folder}")
    before = encoder.encode_spans(sound, [1.0], [3.0])
    samples, rate = soundfile.read(sound, dtype="float32")
    samples[:rate], samples[3 * rate :] = 0.9, -0.9
    soundfile.write(sound, samples, rate, subtype="FLOAT")
    np.testing.assert_array_equal(encoder.encode_spans(sound, [1.0], [3.0]), before)


def test_a_span_that_cannot_be_heard_is_the_files_fault(checkpoint_folder, sound):
    encoder = encoders.get(f"wav2vec2:{checkpoint_folder}")
    with pytest.raises(audio.AudioError, match=r"a.wav: waveform 0: 160 samples are shorter than one frame"):
        encoder.encode_spans(sound, [1.0], [1.01])
    with pytest.raises(audio.AudioError, match=r"a.wav: ends at 6.000 s"):
        encoder.encode_spans(sound, [5.0], [7.0])


def test_other_weights_under_the_same_name_are_computed_again(checkpoint_folder, sound, tmp_path):
    name = f"wav2vec2:{checkpoint_folder}"
    windows = pd.DataFrame({"audio": ["a.wav"] * 2, "start_s": [0.0, 2.0], "end_s": [2.0, 4.0]})
    memory = Cache(tmp_path / "cache")
    first, failed = store.embed(name, windows, tmp_path, memory=memory)
    assert failed.empty
    path = checkpoint_folder / "wav2vec2.ckpt"
    torch.save({key: tensor * 1.1 for key, tensor in torch.load(path, weights_only=True).items()}, path)
    second, _ = store.embed(name, windows, tmp_path, memory=memory)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_allclose(second, encoders.get(name).encode_spans(sound, [0.0, 2.0], [2.0, 4.0]), atol=1e-4)


def test_a_missing_checkpoint_stops_the_store_and_is_no_fault_of_the_sound(sound, tmp_path):
    windows = pd.DataFrame({"audio": ["a.wav"], "start_s": [0.0], "end_s": [2.0]})
    with pytest.raises(ValueError, match="no checkpoint /no/such/folder"):
        store.embed("wav2vec2:/no/such/folder", windows, tmp_path)

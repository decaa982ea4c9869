"""eGeMAPS: through a stand-in for openSMILE, without it, and (where somebody has installed it) as it is."""

import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

import small_opensmile
from emocast import encoders
from emocast.encoders import egemaps, hub


@pytest.fixture(autouse=True)
def _anew():
    egemaps._smile.cache_clear()
    yield
    egemaps._smile.cache_clear()


def noise(samples, seed=1):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_an_embedding_is_what_opensmile_gives_of_that_sound(monkeypatch, tmp_path):
    small_opensmile.install(monkeypatch, tmp_path / "packages")
    encoder, sound = encoders.get("egemaps"), noise(8000)
    found = encoder.encode([noise(1600), sound])
    assert found.shape == (2, 88) and encoders.missing("egemaps") == ""
    np.testing.assert_allclose(found[1, :4], [sound.mean(), sound.std(), np.abs(sound).max(), 8000], rtol=1e-5)
    with pytest.raises(ValueError, match="959 samples"):
        encoder.encode([noise(959)])


def test_without_the_package_the_error_tells_its_licence(monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(hub.CheckpointError, match=r'pip install -e "\.\[egemaps\]".*not for a commercial product'):
        encoders.get("egemaps")


def test_a_missing_package_is_told_before_any_weights_are_asked_for(monkeypatch):
    def lacking(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(encoders, "version", lacking)
    assert encoders.missing("egemaps") == 'install the package opensmile: `pip install -e ".[egemaps]"`'
    assert "package funasr" in encoders.missing("emotion2vec:emotion2vec/emotion2vec_base")


def test_the_real_one_tells_a_high_voice_from_a_low_one():
    try:
        version("opensmile")
    except PackageNotFoundError:
        pytest.skip("openSMILE is not installed: an optional extra with a licence of its own")
    time_s, encoder = np.arange(16_000) / 16_000, encoders.get("egemaps")
    low, high = (
        sum(np.sin(2 * np.pi * pitch * step * time_s) / step for step in range(1, 8)).astype(np.float32) * 0.2
        for pitch in (110.0, 220.0)
    )
    semitones = encoder.encode([low, high])[:, 0]  # F0semitoneFrom27.5Hz_sma3nz_amean
    np.testing.assert_allclose(semitones, [24, 36], atol=0.5)

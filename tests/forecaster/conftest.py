"""A small encoder and a forecaster on it, and recordings in the formats that people have."""

import av
import numpy as np
import pytest
import soundfile

import small_forecaster
import small_models
from emocast import encoders


@pytest.fixture(scope="session")
def forecaster_through():
    """A function that trains a forecaster on the encoder in a folder."""

    def make(folder):
        made = encoders.get(f"transformers:{folder}")
        identity = (("name", made.name), ("digest", made.digest), ("precision", made.precision))
        return small_forecaster.example(identity)[2]

    return make


@pytest.fixture(scope="session")
def forecaster(tmp_path_factory, forecaster_through):
    """A forecaster on a small random wav2vec 2.0."""
    return forecaster_through(small_models.wav2vec2(tmp_path_factory.mktemp("model") / "small"))


@pytest.fixture
def noise():
    """A function that makes seconds of loud and quiet noise: (n,) float32."""

    def make(seconds, *, rate=16_000, seed=0):
        rng = np.random.default_rng(seed)
        size = round(seconds * rate)
        swell = 0.05 + 0.1 * np.abs(np.sin(np.arange(size) / rate))
        return (swell * rng.normal(size=size)).clip(-0.9, 0.9).astype(np.float32)

    return make


@pytest.fixture
def encoded():
    """A function that writes samples, (n,) or (n, channels), by FFmpeg: encoder, container and whether there is a picture."""

    def write(path, samples, *, codec, rate=16_000, picture=False, sound=True):
        channels = np.atleast_2d(samples.T).astype(np.float32)
        with av.open(str(path), "w") as container:
            layout = "mono" if len(channels) == 1 else "stereo"
            film = container.add_stream("mpeg4", rate=5) if picture else None  # all streams before the first packet
            voice = container.add_stream(codec, rate=rate, layout=layout) if sound else None
            if film:
                film.width, film.height, film.pix_fmt = 32, 32, "yuv420p"
                still = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                container.mux([*film.encode(still), *film.encode(None)])
            if voice:
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout=layout)
                frame.sample_rate, frame.pts = rate, 0
                resampler = av.AudioResampler(format=voice.format, layout=layout, rate=rate)
                for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
                    container.mux(voice.encode(piece))
        return path

    return write


@pytest.fixture
def wav(tmp_path):
    """A function that writes a wav file."""

    def write(samples, name="talk.wav", *, rate=16_000, subtype="FLOAT"):
        soundfile.write(tmp_path / name, samples, rate, subtype=subtype)
        return tmp_path / name

    return write

import shutil

import av
import numpy as np
import pytest

from emocast.corpora import meld_clips
from emocast.corpora.meld_clips import ClipError
from emocast.corpora.synthetic import meld_video

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b25\nsize 72862\n"


def tones(*frequencies, seconds=1.0):
    """One tone a channel; silence where the frequency is 0."""
    time = np.arange(int(seconds * meld_video.SAMPLE_RATE)) / meld_video.SAMPLE_RATE
    return np.stack([0.3 * np.sin(2 * np.pi * frequency * time) for frequency in frequencies]).astype(np.float32)


def write(path, sound, layout):
    meld_video.write(path, sound, layout=layout, corpus="MELD")
    return path


def heard(samples):
    """The amplitude of each whole frequency in the middle half second."""
    middle = samples[4000:12000]
    spectrum = np.abs(np.fft.rfft(middle)) / (middle.size / 2)
    return {round(frequency * 2): amplitude for frequency, amplitude in enumerate(spectrum) if amplitude > 0.02}


@pytest.fixture
def clip(tmp_path):
    return write(tmp_path / "dia0_utt0.mp4", tones(400, 400), "stereo")


def test_of_six_channels_the_front_centre_alone_is_heard(tmp_path):
    sound = meld_clips.decode(write(tmp_path / "a.mp4", tones(300, 500, 1000, 0, 700, 1500), "5.1"))
    assert (sound.layout, sound.used) == ("5.1", "front centre alone")
    assert list(heard(sound.samples)) == [1000]


def test_of_two_channels_the_mean_is_heard(tmp_path):
    sound = meld_clips.decode(write(tmp_path / "a.mp4", tones(300, 500), "stereo"))
    assert (sound.layout, sound.used) == ("stereo", "mean of both")
    amplitudes = heard(sound.samples)
    assert list(amplitudes) == [300, 500]
    np.testing.assert_allclose(list(amplitudes.values()), 0.15, atol=0.02)


def test_one_channel_is_heard_as_it_is(tmp_path):
    sound = meld_clips.decode(write(tmp_path / "a.mp4", tones(300), "mono"))
    assert (sound.layout, sound.used) == ("mono", "mono as it is")
    np.testing.assert_allclose(list(heard(sound.samples).values()), 0.3, atol=0.02)


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (["FL", "FR", "FC", "LFE", "SL", "SR"], [2]),
        (["FC"], [0]),
        (["FL", "FR"], [0, 1]),
        (["FL", "FR", "LFE"], [0, 1]),
        (["FL", "FR", "BL", "BR"], [0, 1, 2, 3]),
    ],
)
def test_channels_are_chosen_by_their_names(names, places):
    assert meld_clips.channels_used(names)[0] == places


def test_the_sound_is_16_khz_and_lies_where_it_lies_in_the_clip(tmp_path):
    """A burst of noise half a second into the clip: neither the encoder's delay nor resampling moves it."""
    samples = np.zeros((1, meld_video.SAMPLE_RATE), dtype=np.float32)
    burst = np.random.default_rng(0).normal(0, 0.2, 2_400).astype(np.float32)
    samples[0, 12_000:14_400] = burst
    decoded = meld_clips.decode(write(tmp_path / "a.mp4", samples, "mono")).samples
    assert decoded.dtype == np.float32
    assert decoded.size == 16_000  # and not the encoder's last frame filled up
    power = np.convolve(decoded**2, np.ones(80), "same")
    loud = np.flatnonzero(power > 0.1 * power.max())
    assert abs(loud[0] - 8_000) < 100 and abs(loud[-1] - 9_600) < 100
    expected = np.interp(np.arange(16_000) / 16_000, np.arange(24_000) / 24_000, samples[0])
    shifts = range(-40, 41)
    products = [float(decoded[7_000:11_000] @ np.roll(expected, shift)[7_000:11_000]) for shift in shifts]
    assert shifts[int(np.argmax(products))] == 0


def test_sound_that_begins_late_or_early_keeps_its_place():
    samples = np.arange(1, 5)
    assert list(meld_clips._from_the_beginning(samples, 2)) == [0, 0, 1, 2, 3, 4]
    assert list(meld_clips._from_the_beginning(samples, -3)) == [4]
    assert list(meld_clips._from_the_beginning(samples, 0)) == [1, 2, 3, 4]


def test_a_sound_stream_that_begins_late_keeps_its_place(tmp_path):
    path = tmp_path / "late.mp4"
    sound = tones(400, seconds=0.5)
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p")
        voice = container.add_stream("aac", rate=24_000, layout="mono", format="fltp")
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 32), dtype=np.uint8), format="yuv420p")
            frame.pts = number
            container.mux(picture.encode(frame))
        for start in range(0, sound.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[:, start : start + 1024]), "fltp", "mono")
            frame.sample_rate, frame.pts = 24_000, start + 12_000
            container.mux(voice.encode(frame))
        container.mux(picture.encode())
        container.mux(voice.encode())
    samples = meld_clips.decode(path).samples
    assert np.abs(samples[:7_000]).max() < 0.01
    assert np.abs(samples[8_500:15_000]).max() > 0.2


def write_without_sound(path):
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p")
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 32), dtype=np.uint8), format="yuv420p")
        container.mux(picture.encode(frame))
        container.mux(picture.encode())


def write_index_first(source, target):
    with av.open(str(source)) as whole, av.open(str(target), "w", options={"movflags": "faststart"}) as container:
        streams = {stream: container.add_stream_from_template(stream) for stream in whole.streams}
        for packet in whole.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                container.mux(packet)


@pytest.mark.parametrize("look", [meld_clips.check, meld_clips.decode])
def test_a_whole_clip_has_no_problem(clip, tmp_path, look):
    look(clip)
    write_index_first(clip, tmp_path / "first.mp4")
    look(tmp_path / "first.mp4")


@pytest.mark.parametrize("look", [meld_clips.check, meld_clips.decode])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("index_first", [False, True])
def test_a_clip_that_was_cut_short_is_found_so(clip, tmp_path, look, share, index_first):
    """With the index in front, a decoder takes such a clip for a shorter one and says nothing."""
    path = tmp_path / "cut.mp4"
    (write_index_first if index_first else shutil.copy)(clip, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ClipError, match="cut short"):
        look(path)


@pytest.mark.parametrize("look", [meld_clips.check, meld_clips.decode])
def test_each_other_damage_is_said(tmp_path, look):
    path = tmp_path / "dia0_utt0.mp4"
    with pytest.raises(ClipError, match="no such file"):
        look(path)
    for content, said in (
        (b"", "the file is empty"),
        (POINTER, "git-LFS pointer"),
        (b"<html>" + b"not here " * 20, "cut short|no mp4"),
        (b"\0" * 500, "no mp4 file|no index"),
    ):
        path.write_bytes(content)
        with pytest.raises(ClipError, match=said):
            look(path)
    path.unlink()
    write_without_sound(path)
    with pytest.raises(ClipError, match="no sound stream"):
        look(path)


def test_sound_that_cannot_be_decoded_is_said(clip):
    content = bytearray(clip.read_bytes())
    start = content.index(b"mdat") + 4
    content[start : start + 4_000] = np.random.default_rng(0).bytes(4_000)
    clip.write_bytes(content)
    meld_clips.check(clip)
    with pytest.raises(ClipError, match="cannot be decoded"):
        meld_clips.decode(clip)


@pytest.mark.parametrize("nested", [False, True])
def test_clips_are_found_and_what_lies_between_them_is_not(tmp_path, nested):
    folder = tmp_path / ("test" if nested else "") / "output_repeated_splits_test"
    folder.mkdir(parents=True)
    for name in ("dia1_utt0.mp4", "._dia1_utt0.mp4", "final_videos_testdia1_utt1.mp4", "dia1_utt0.txt"):
        (folder / name).write_bytes(b"")
    assert meld_clips.find(tmp_path, "test") == {"test_dia1_utt0": folder / "dia1_utt0.mp4"}
    assert meld_clips.find(tmp_path, "dev") == {}

"""MELD's sound: clips whole and damaged, how they are laid on one clock, and the recordings that are rendered of them."""

import json
import os
import shutil

import av
import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast.corpora import meld, meld_sound
from emocast.corpora.meld_sound import ClipError
from emocast.corpora.table import CorpusError
from emocast_twins import meld as twin


def tones(*frequencies, seconds=1.0):
    """One tone a channel; silence where the frequency is 0."""
    time = np.arange(int(seconds * twin.CLIP_RATE)) / twin.CLIP_RATE
    return np.stack([0.3 * np.sin(2 * np.pi * frequency * time) for frequency in frequencies]).astype(np.float32)


def write(path, sound, layout):
    twin.write_clip(path, sound, layout=layout, corpus="MELD")
    return path


def spectrum(samples):
    """The amplitude of each whole frequency in the middle half second."""
    middle = samples[4000:12000]
    amplitudes = np.abs(np.fft.rfft(middle)) / (middle.size / 2)
    return {round(frequency * 2): amplitude for frequency, amplitude in enumerate(amplitudes) if amplitude > 0.02}


def look_at(path):
    if said := meld_sound.problem(path):
        raise ClipError(said)


@pytest.fixture
def clip(tmp_path):
    return write(tmp_path / "dia0_utt0.mp4", tones(400, 400), "stereo")


@pytest.mark.parametrize(
    ("layout", "frequencies", "found"),
    [
        ("5.1", (300, 500, 1000, 0, 700, 1500), {1000: 0.3}),
        ("stereo", (300, 500), {300: 0.15, 500: 0.15}),
        ("mono", (300,), {300: 0.3}),
        ("2.1", (300, 500, 0), {300: 0.15, 500: 0.15}),
    ],
)
def test_channels_are_chosen_by_their_names(tmp_path, layout, frequencies, found):
    sound = meld_sound.decode(write(tmp_path / "a.mp4", tones(*frequencies), layout))
    assert spectrum(sound) == pytest.approx(found, abs=0.02)


def test_the_sound_is_16_khz_and_lies_where_it_lies_in_the_clip(tmp_path):
    """A burst of noise half a second into the clip: neither the encoder's delay nor resampling moves it."""
    samples = np.zeros((1, twin.CLIP_RATE), dtype=np.float32)
    burst = np.random.default_rng(0).normal(0, 0.2, 2_400).astype(np.float32)
    samples[0, 12_000:14_400] = burst
    decoded = meld_sound.decode(write(tmp_path / "a.mp4", samples, "mono"))
    assert decoded.dtype == np.float32
    assert decoded.size == 16_000  # and not the encoder's last frame filled up
    power = np.convolve(decoded**2, np.ones(80), "same")
    loud = np.flatnonzero(power > 0.1 * power.max())
    assert abs(loud[0] - 8_000) < 100 and abs(loud[-1] - 9_600) < 100
    expected = np.interp(np.arange(16_000) / 16_000, np.arange(24_000) / 24_000, samples[0])
    shifts = range(-40, 41)
    products = [float(decoded[7_000:11_000] @ np.roll(expected, shift)[7_000:11_000]) for shift in shifts]
    assert shifts[int(np.argmax(products))] == 0


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
    samples = meld_sound.decode(path)
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


@pytest.mark.parametrize("look", [look_at, meld_sound.decode])
@pytest.mark.parametrize("share", [0.1, 0.9])
@pytest.mark.parametrize("index_first", [False, True])
def test_a_clip_that_was_cut_short_is_found_so(clip, tmp_path, look, share, index_first):
    """With the index in front, a decoder takes such a clip for a shorter one and says nothing."""
    path = tmp_path / "cut.mp4"
    (write_index_first if index_first else shutil.copy)(clip, path)
    look(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ClipError, match="cut short"):
        look(path)


@pytest.mark.parametrize("look", [look_at, meld_sound.decode])
def test_a_clip_without_sound_is_said(tmp_path, look):
    write_without_sound(tmp_path / "a.mp4")
    with pytest.raises(ClipError, match="no sound stream"):
        look(tmp_path / "a.mp4")


def test_sound_that_cannot_be_decoded_is_said(clip):
    content = bytearray(clip.read_bytes())
    start = content.index(b"mdat") + 4
    content[start : start + 4_000] = np.random.default_rng(0).bytes(4_000)
    clip.write_bytes(content)
    look_at(clip)
    with pytest.raises(ClipError, match="cannot be decoded"):
        meld_sound.decode(clip)


@pytest.mark.parametrize("nested", [False, True])
def test_clips_are_found_and_what_lies_between_them_is_not(tmp_path, nested):
    folder = tmp_path / ("test" if nested else "") / "output_repeated_splits_test"
    folder.mkdir(parents=True)
    for name in ("dia1_utt0.mp4", "._dia1_utt0.mp4", "final_videos_testdia1_utt1.mp4", "dia1_utt0.txt"):
        (folder / name).write_bytes(b"")
    assert meld_sound.clips(tmp_path) == {"train": {}, "dev": {}, "test": {"test_dia1_utt0": folder / "dia1_utt0.mp4"}}


# --- on one clock

RATE = 16_000


def laid(*parts):
    """Lay sounds at (from, to, length in seconds): sound k is k + 1 hundredths. Gives it in hundredths, and where it sounds."""
    sounds = [np.full(round(part[2] * RATE), (number + 1) / 100, np.float32) for number, part in enumerate(parts)]
    line, spans = meld_sound.lay([{"from_s": start, "to_s": end} for start, end, _ in parts], sounds)
    return np.rint(line / 32768 * 100).astype(int), spans


@pytest.mark.parametrize(
    ("parts", "halves", "expected"),
    [
        (((0, 1, 3), (2, 3, 1)), [1, 1, 0, 0, 2, 2], [[0.0, 1.0], [2.0, 3.0]]),  # cut at its end; gaps are silence
        (((0, 2, 2), (1, 1.5, 0.5), (1, 3, 2)), [1, 1, 1, 1, 3, 3], [[0.0, 3.0]]),  # the first keeps a moment
        (((0, 2, 1), (1.5, 3, 1.5)), [1, 1, 0, 2, 2, 2], [[0.0, 1.0], [1.5, 3.0]]),  # shorter than its label
        (((0, 1, 1), (1, 2, 0)), [1, 1, 0, 0], [[0.0, 1.0]]),  # without sound
        (((0, None, 1.5),), [1, 1, 1], [[0.0, 1.5]]),  # a label without length takes its clip's
    ],
)
def test_clips_are_laid_on_one_clock(parts, halves, expected):
    line, spans = laid(*parts)
    assert [set(line[half : half + RATE // 2]) for half in range(0, line.size, RATE // 2)] == [{one} for one in halves]
    assert spans == expected


@pytest.mark.parametrize("seed", range(5))
def test_nothing_of_an_event_lies_before_it_begins(seed):
    """Whatever the labels, a sound of utterance k lies at or after its own start."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum(rng.uniform(-3, 8, 12)) + 100
    rows = pd.DataFrame({"number": range(12), "start_s": starts, "end_s": starts + rng.uniform(0.2, 6, 12)}).round(3)
    placed = meld.place(rows.assign(dialogue="train_dia0", odd=[()] * 12))
    plan = placed[["number", "from_s", "to_s"]].to_dict("records")
    line, _ = meld_sound.lay(plan, [np.full(8 * RATE, (part["number"] + 1) / 100, np.float32) for part in plan])
    laid = np.rint(line / 32768 * 100).astype(int)
    for part in plan:
        at = np.flatnonzero(laid == part["number"] + 1)
        assert at.size == 0 or (round(part["from_s"] * RATE) <= at[0] and at[-1] < round(part["to_s"] * RATE))


# --- recordings of dialogues


def stamps(copy):
    return {path.name: path.stat().st_mtime_ns for path in (copy / "timelines").glob("*.wav")}


def changed(before, after):
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def test_a_recording_is_rendered_anew_when_a_clip_or_a_label_or_the_rules_change(copy, monkeypatch):
    meld.load(copy)
    info = soundfile.info(copy / "timelines" / "train_dia0.wav")
    assert (info.samplerate, info.channels, info.subtype, info.format) == (16_000, 1, "PCM_16", "WAV")
    before = stamps(copy)
    os.utime(copy / "train_splits" / "dia1_utt2.mp4", ns=(1, 1))
    meld.load(copy)
    between = stamps(copy)
    assert changed(before, between) == {"train_dia1.wav"}

    labels = copy / "dev_sent_emo.csv"
    first = meld.annotations(copy).query("utterance == 'dev_dia0_utt0'").iloc[0]
    ends = f"00:{int(first['end_s'] // 60):02d}:{first['end_s'] % 60:06.3f}".replace(".", ",")
    later = f"00:{int(first['end_s'] // 60):02d}:{first['end_s'] % 60 + 0.05:06.3f}".replace(".", ",")
    assert ends in labels.read_text()
    labels.write_text(labels.read_text().replace(ends, later, 1))
    meld.load(copy)
    assert changed(between, stamps(copy)) == {"dev_dia0.wav"}

    before = stamps(copy)
    monkeypatch.setattr(meld_sound, "VERSION", meld_sound.VERSION + 1)
    meld.load(copy)
    assert changed(before, stamps(copy)) == before.keys()


@pytest.mark.parametrize("damage", ["cut", "unlink", "record"])
def test_a_recording_that_is_no_longer_whole_is_rendered_anew(copy, damage):
    meld.load(copy)
    recording = copy / "timelines" / "train_dia0.wav"
    content = recording.read_bytes()
    if damage == "cut":
        recording.write_bytes(content[:1000])
    elif damage == "unlink":
        recording.unlink()
    else:
        recording.with_suffix(".json").write_text('{"version"')
    meld.load(copy)
    assert recording.read_bytes() == content


def test_a_run_that_is_killed_between_recording_and_record_is_made_good(copy, monkeypatch):
    """The record comes last: a recording without it is not taken for up to date."""
    with monkeypatch.context() as patch:
        patch.setattr(meld_sound.json, "dumps", lambda record: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            meld.load(copy)
    assert not list((copy / "timelines").glob("*.json"))
    meld.load(copy)
    assert len(list((copy / "timelines").glob("*.json"))) == 5
    assert not list((copy / "timelines").glob(".writing-*"))


def test_a_folder_that_cannot_be_written_is_one_clear_error(copy):
    (copy / "timelines").write_text("in the way")
    with pytest.raises(
        CorpusError, match=r"cannot be rendered into .*timelines.*link to a folder.*data/README\.md#meld"
    ):
        meld.load(copy)


def test_a_corpus_that_is_rendered_needs_no_more_writing(copy, monkeypatch):
    meld.load(copy)
    monkeypatch.setattr("filelock.FileLock", lambda path: pytest.fail("a lock was taken"))
    meld.load(copy)


def test_the_share_of_silence_is_that_of_the_samples_that_no_clip_covers(copy):
    rows = meld.load(copy)
    record = json.loads((copy / "timelines" / "train_dia0.json").read_text())
    size = soundfile.info(copy / "timelines" / "train_dia0.wav").frames
    covered = np.zeros(size, dtype=bool)
    for start, end in record["spans"]:
        covered[round(start * 16_000) : round(end * 16_000)] = True
    gaps = [end for _, end in record["spans"][:-1]]
    starts = [max(0.0, gaps[0] - 1.9), gaps[-1] - 1.0, gaps[-1] - 1.95, 0.0]
    windows = pd.DataFrame({"audio": "timelines/train_dia0.wav", "start_s": starts}, index=[5, 3, 9, 1])
    windows["end_s"] = windows["start_s"] + 2.0
    shares = meld_sound.silence(copy, windows)
    expected = [1 - covered[round(start * 16_000) : round((start + 2) * 16_000)].mean() for start in starts]
    assert list(shares.index) == [5, 3, 9, 1]
    np.testing.assert_allclose(shares, expected, atol=1e-4)
    assert (shares.iloc[:3] > 0.001).all()
    assert meld_sound.silence(copy, rows.head(8)).max() < 0.01  # none within an utterance

import numpy as np
import pytest

from emocast_twins import room, voices


def _turns(count, seconds=2.0, level=0.0):
    """Noise bursts that alternate between the microphones."""
    rng = np.random.default_rng(1)
    clips = rng.normal(0, 3000, size=(count, int(seconds * voices.SAMPLE_RATE))).astype(np.int16)
    delivery = voices.Delivery(1.0, 50, 50, 140, level=level, tilt=0.0, pause=1.0)
    return [room.turn(clip, delivery, channel=number % 2) for number, clip in enumerate(clips)]


def _decibel(samples):
    return 10 * np.log10(np.mean((samples / 32768.0) ** 2))


def test_a_turn_has_its_level_and_fits_the_grid():
    turn = _turns(1, level=3.0)[0]
    assert turn.samples.size % room.GRID == 0
    assert 10 * np.log10(np.mean(turn.samples**2)) == pytest.approx(room.SPEECH_LEVEL + 3.0)
    assert turn.samples.size / room.SAMPLE_RATE == pytest.approx(2.0, abs=0.01)


def test_tilt_raises_the_upper_band_by_its_decibels_an_octave():
    time = np.arange(room.SAMPLE_RATE) / room.SAMPLE_RATE
    for frequency, octaves in ((500, 0), (1000, 1), (4000, 3), (250, -1)):
        tone = np.sin(2 * np.pi * frequency * time)
        gain = 20 * np.log10(np.std(room.tilted(tone, 2.0)) / np.std(tone))
        assert gain == pytest.approx(2.0 * octaves, abs=0.1)


def test_trim_keeps_the_speech_only():
    speech = np.r_[np.zeros(5000), np.full(1000, 900), np.zeros(7000)].astype(np.int16)
    assert room.trim(speech, margin=10).size == 1020
    with pytest.raises(ValueError, match="only silence"):
        room.trim(np.zeros(100, dtype=np.int16))


def test_turns_are_placed_in_order_and_nobody_overlaps_with_themselves():
    turns = _turns(200, seconds=0.7)
    starts = room.place(turns, np.random.default_rng(2))
    ends = starts + [turn.samples.size for turn in turns]
    assert 1.0 <= starts[0] / room.SAMPLE_RATE <= 12.0
    assert (starts % room.GRID == 0).all()
    assert (np.diff(starts) > 0).all()
    assert (starts[2:] >= ends[:-2]).all()
    gaps = (starts[1:] - ends[:-1]) / room.SAMPLE_RATE
    assert gaps.min() >= -0.61
    assert 0.04 < (gaps < 0).mean() < 0.18  # 0.1 with a standard error of 0.02
    assert 0.2 < np.median(gaps) < 0.45


def test_the_partner_is_softer_and_later():
    turns = _turns(1)
    recording = room.mix(turns, np.array([room.SAMPLE_RATE]), np.random.default_rng(3))
    spoken = recording[room.SAMPLE_RATE : room.SAMPLE_RATE + turns[0].samples.size]
    difference = _decibel(spoken[:, room.LEFT]) - _decibel(spoken[:, room.RIGHT])
    assert 6 < difference < 24  # 12 to 18 dB of crosstalk, and microphones up to 5 dB apart
    correlation = np.correlate(spoken[:4100, 1].astype(float), spoken[:4000, 0].astype(float))
    assert 30 <= np.argmax(correlation) <= 90


def test_a_recording_has_a_tail_noise_and_no_clipping():
    turns = _turns(4, level=30.0)
    starts = room.place(turns, np.random.default_rng(4))
    recording = room.mix(turns, starts, np.random.default_rng(5))
    assert recording.shape[0] == starts[-1] + turns[-1].samples.size + room.SAMPLE_RATE
    assert np.abs(recording.astype(int)).max() <= 0.95 * 32767 + 1
    quiet = room.mix(_turns(1), np.array([16000]), np.random.default_rng(6))[:16000]
    assert _decibel(quiet) == pytest.approx(room.NOISE_LEVEL, abs=0.5)

import dataclasses
from itertools import combinations

import numpy as np
import pytest
import scipy.signal

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
    """Gaps between the turns of two are those asked for, but where a speaker's own last turn has not ended."""
    turns = _turns(400, seconds=3.0)
    starts = room.place(turns, np.random.default_rng(2))
    ends = starts + [turn.samples.size for turn in turns]
    assert 2.0 <= starts[0] / room.SAMPLE_RATE <= 9.5
    assert (starts % room.GRID == 0).all()
    assert (np.diff(starts) > 0).all()
    assert (starts[2:] >= ends[:-2]).all()
    gaps = (starts[1:] - ends[:-1]) / room.SAMPLE_RATE
    assert np.percentile(gaps, [25, 50, 75]) == pytest.approx(
        np.interp([25, 50, 75], room.GAPS_AT, room.GAPS_S["partner"]), abs=0.12
    )
    alone = [dataclasses.replace(turn, channel=room.LEFT) for turn in turns]
    starts = room.place(alone, np.random.default_rng(2))
    gaps = (starts[1:] - starts[:-1]) / room.SAMPLE_RATE - turns[0].samples.size / room.SAMPLE_RATE
    assert gaps.min() >= 0 and np.percentile(gaps, [50, 75]) == pytest.approx(
        np.interp([50, 75], room.GAPS_AT, room.GAPS_S["own"]), abs=0.1
    )


def test_silence_around_a_turn_is_part_of_it():
    clip = np.random.default_rng(1).normal(0, 3000, size=voices.SAMPLE_RATE).astype(np.int16)
    delivery = voices.Delivery(1.0, 50, 50, 140, level=0.0, tilt=0.0, pause=1.0)
    plain, padded = (room.turn(clip, delivery, around_s=around) for around in ((0, 0), (0.25, 0.35)))
    assert padded.samples.size - plain.samples.size == round(0.6 * room.SAMPLE_RATE)
    np.testing.assert_array_equal(padded.samples[4000:-5600], plain.samples)
    assert not padded.samples[:4000].any() and not padded.samples[-5600:].any()


def test_each_dialogue_has_a_sound_of_its_own():
    """The same turns in several rooms: the spectra differ by more than two halves of one recording do."""
    turns = _turns(40)
    starts, spectra = room.place(turns, np.random.default_rng(7)), []
    for seed in range(4):
        recording = room.mix(turns, starts, np.random.default_rng(seed)).astype(float)[:, 0]
        halves = np.array_split(recording[starts[2] : starts[-2]], 2)
        levels = [10 * np.log10(scipy.signal.welch(half, nperseg=256)[1][3:100]) for half in halves]
        spectra.append([level - level.mean() for level in levels])
    within = np.mean([np.std(first - second) for first, second in spectra])
    between = np.mean([np.std(one[0] - other[0]) for one, other in combinations(spectra, 2)])
    assert between > 2 * within


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
    low, high = room.NOISE_LEVEL + np.array(room.NOISE_DB)
    assert low - 0.5 < _decibel(quiet) < high + 0.5

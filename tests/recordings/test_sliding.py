"""Windows are those of `audio.read`, however the recording came in blocks, and nothing after their end is in them."""

import numpy as np
import pytest

from emocast import audio
from emocast.recordings import sliding
from emocast.recordings.outline import Outline


def slide(samples, *, rate, block, length_s=2.0, step_s=0.5, sample_rate=16_000):
    blocks = [samples[first : first + block] for first in range(0, len(samples), block)]
    return list(sliding.windows(blocks, rate=rate, length_s=length_s, step_s=step_s, sample_rate=sample_rate))


@pytest.mark.parametrize("rate", [8_000, 16_000, 11_025, 44_100])
@pytest.mark.parametrize("block", [333, 5_000, 10**6])
def test_windows_are_what_the_store_reads(wav, noise, rate, block):
    samples = noise(4.3, rate=rate)
    path = wav(samples, rate=rate)
    found = slide(samples, rate=rate, block=block)
    assert [window.end_s for window in found] == [2.0, 2.5, 3.0, 3.5, 4.0]
    for window in found:
        np.testing.assert_array_equal(window.samples, audio.read(path, start_s=window.end_s - 2, end_s=window.end_s))


def test_nothing_after_the_end_is_heard(noise):
    samples = noise(6, rate=44_100)
    changed = samples.copy()
    changed[3 * 44_100 :] = noise(3, rate=44_100, seed=8)
    pairs = zip(slide(samples, rate=44_100, block=7_000), slide(changed, rate=44_100, block=7_000), strict=True)
    same = {one.end_s: np.array_equal(one.samples, other.samples) for one, other in pairs}
    assert all(equal == (end_s <= 3) for end_s, equal in same.items())


def test_a_silent_window_has_no_samples(noise):
    samples = np.concatenate([np.full(3 * 16_000, 5e-4, np.float32), noise(2)])
    silent = [window.samples is None for window in slide(samples, rate=16_000, block=4_000, step_s=1.0)]
    assert silent == [True, True, False, False]


def test_long_steps_and_short_recordings(noise):
    assert [window.end_s for window in slide(noise(9), rate=16_000, block=1_000, step_s=3.0)] == [2, 5, 8]
    assert slide(noise(1.9), rate=16_000, block=1_000) == []
    with pytest.raises(ValueError, match="both must be positive"):
        slide(noise(3), rate=16_000, block=1_000, step_s=0)


def test_what_is_held_does_not_grow():
    blocks = (np.ones(8_000, np.float32) for _ in range(300))  # five minutes at 800 Hz
    sliding_over = sliding.windows(blocks, rate=800, length_s=10, step_s=1, sample_rate=800)
    held = [sliding_over.gi_frame.f_locals["held"].size for _ in sliding_over]
    assert len(held) == 2991 and max(held) <= (10 + 10) * 800


def test_an_outline_is_the_lowest_and_the_highest(noise):
    samples = noise(2.02)
    outline = Outline(16_000, bin_s=0.1)
    for first in range(0, len(samples), 777):
        outline.add(samples[first : first + 777])
    table = outline.table()
    bins = samples[: 20 * 1600].reshape(20, 1600)
    np.testing.assert_array_equal(table[["low", "high"]], np.stack([bins.min(1), bins.max(1)], axis=1))
    np.testing.assert_allclose(table["start_s"], 0.1 * np.arange(20))
    few = outline.table(rows=7)
    assert len(few) == 7 and few["low"].min() == bins.min() and few["high"].max() == bins.max()
    assert Outline(16_000).table().empty

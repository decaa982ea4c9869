"""Pieces are cut the same way whatever is done already, and one bad window harms no other of its piece."""

import os

import numpy as np
import pytest
import soundfile

from emocast import audio
from emocast.encoders.store import spans, work
from emocast.encoders.store.shards import Key
from emocast.encoders.store.spans import Span

RATE = 100


def corpus_of(lengths):
    """Windows of 1 s, so many for each file."""
    return [
        Span(Key(f"digest{file}", RATE * row, RATE * (row + 1)), f"{file:02}.wav", RATE, (0, 0))
        for file, count in enumerate(lengths)
        for row in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_left_is_cut_as_it_was(seed):
    rng = np.random.default_rng(seed)
    everything = corpus_of(rng.integers(1, 12, size=40))
    pieces = list(work.cut(everything))
    left = [piece for piece in pieces if rng.random() < 0.5]
    wanted = [Span(*window) for _, rows in left for window in rows]
    assert list(work.cut([wanted[row] for row in rng.permutation(len(wanted))])) == left


def test_every_window_is_in_one_piece_and_none_is_large():
    everything = corpus_of([1, 1, 1, 30, 2, 1])
    pieces = list(work.cut(reversed(everything)))
    assert [tuple(window) for _, rows in pieces for window in rows] == [tuple(window) for window in everything]
    assert [len(rows) for _, rows in pieces] == [2, 4, 4, 4, 4, 4, 4, 4, 3, 2, 1]  # the long file is cut too
    assert len({name for name, _ in pieces}) == len(pieces)


class Fussy:
    """An encoder that refuses waveforms shorter than 10 samples, and says nothing finite of those that are silent."""

    sample_rate = RATE

    def encode(self, waveforms):
        if any(len(waveform) < 10 for waveform in waveforms):
            raise ValueError("too short")
        sums = [[waveform.sum(), 1.0] for waveform in waveforms]
        return np.array([[np.nan, 1.0] if pair[0] == 0 else pair for pair in sums], np.float32).reshape(-1, 2)


@pytest.fixture
def sound(tmp_path):
    samples = np.full(10 * RATE, 0.5, np.float32)
    samples[5 * RATE : 6 * RATE] = 0
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    return tmp_path / "a.wav"


def asked(sound, *frames, name="a.wav"):
    path = sound.parent / name
    return [Span(Key("digest", *pair), str(path), RATE, spans.stamp_of(sound)) for pair in frames]


@pytest.mark.parametrize("read_s", [80.0, 0.5])  # all in one batch, each in its own
def test_each_bad_window_is_named_and_the_others_are_embedded(sound, monkeypatch, read_s):
    monkeypatch.setattr(work, "_READ_S", read_s)
    good, short, silent = (0, RATE), (100, 105), (5 * RATE, 6 * RATE)
    wanted = [*asked(sound, short, good, silent), *asked(sound, good, name="b.wav"), *asked(sound, (RATE, 3 * RATE))]
    done, problems = work._embed(Fussy(), wanted)
    assert [(span, embedding.tolist()) for span, embedding in done] == [
        (wanted[1], [50.0, 1.0]),
        (wanted[4], [100.0, 1.0]),
    ]
    by_key = dict(zip([key for key, _ in problems], [problem for _, problem in problems], strict=True))
    assert by_key[Key("digest", *short)] == f"{sound}: too short"
    assert "a value that is not finite" in by_key[Key("digest", *silent)]
    assert any("b.wav: no such file" in problem or "b.wav" in problem for _, problem in problems)
    assert len(problems) == 3


def test_a_short_window_beside_one_that_cannot_be_read(sound):
    wanted = [*asked(sound, (0, RATE), name="b.wav"), *asked(sound, (100, 105))]
    done, problems = work._embed(Fussy(), wanted)
    assert done == []
    assert "b.wav" in problems[0][1] and problems[1][1] == f"{sound}: too short"


@pytest.mark.parametrize("when", ["before", "while"])
def test_sound_that_changes_is_not_embedded_as_what_it_was(sound, monkeypatch, when):
    original, (span,) = audio.read_frames, asked(sound, (0, RATE))

    def changing(*arguments, **options):
        os.utime(sound, ns=(1, 1))
        return original(*arguments, **options)

    if when == "before":
        os.utime(sound, ns=(1, 1))
    else:
        monkeypatch.setattr(audio, "read_frames", changing)
    assert work._embed(Fussy(), [span]) == ([], [(span.key, f"{sound}: changed while it was read; run again")])


class Sharing(Fussy):
    """One that does once what the windows of a file share; it fails at a file in which one window is too short."""

    def encode_spans(self, path, frames):
        self.called = [*getattr(self, "called", []), path.name]
        return self.encode([audio.read_frames(path, *pair, sample_rate=RATE) for pair in frames])


def test_an_encoder_that_shares_work_is_given_whole_files(sound):
    wanted, encoder = asked(sound, (0, RATE), (RATE, 2 * RATE)), Sharing()
    done, problems = work._embed(encoder, wanted)
    assert ([span for span, _ in done], problems, encoder.called) == (wanted, [], ["a.wav"])


def test_one_that_shares_work_goes_on_beside_bad_windows(sound):
    good, short, silent = asked(sound, (0, RATE), (100, 105), (5 * RATE, 6 * RATE))
    done, problems = work._embed(Sharing(), [good, short, silent])
    assert [span for span, _ in done] == [good]
    assert [key for key, _ in problems] == [short.key, silent.key]
    done, problems = work._embed(Sharing(), [good, silent])  # nothing is raised here
    assert [span for span, _ in done] == [good]
    assert [key for key, _ in problems] == [silent.key]


@pytest.mark.parametrize("when", ["before", "while"])
def test_shared_sound_that_changes_is_not_embedded_as_what_it_was(sound, monkeypatch, when):
    original, (span,) = Sharing.encode_spans, asked(sound, (0, RATE))

    def changing(self, *arguments):
        os.utime(sound, ns=(1, 1))
        return original(self, *arguments)

    if when == "before":
        os.utime(sound, ns=(1, 1))
    else:
        monkeypatch.setattr(Sharing, "encode_spans", changing)
    assert work._embed(Sharing(), [span]) == ([], [(span.key, f"{sound}: changed while it was read; run again")])


def test_a_piece_is_computed_by_one_thread(monkeypatch):
    import torch

    torch.set_num_threads(2)

    class Threaded:
        threaded = True

    with work._one_thread(Threaded()):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2

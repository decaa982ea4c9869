"""Every sample is heard once, and counts as much as any other."""

import numpy as np
import pytest
import torch

from emocast.encoders import pieces


def embed(waveforms, batches=None):
    """The sum over each piece of at most 10 samples, filled up with ones; `batches` takes the sizes of what is heard."""

    def hear(batch):
        assert batch.shape[1] == 10
        if batches is not None:
            batches.append(len(batch))
        return batch.sum(dim=1, keepdim=True)

    def fill(piece):
        return torch.cat([piece, torch.ones(10 - len(piece))])

    return pieces.embed(waveforms, hear, longest=10, fill=fill, dimension=1)


def test_a_waveform_is_the_mean_of_its_pieces_by_their_length():
    waveform = np.arange(24, dtype=np.float32)
    sums = [waveform[:10].sum(), waveform[10:20].sum(), waveform[20:].sum() + 6]
    expected = (10 * sums[0] + 10 * sums[1] + 4 * sums[2]) / 24
    assert embed([waveform])[0, 0] == pytest.approx(expected)


def test_each_waveform_keeps_its_own_pieces():
    waveforms = [np.full(length, value, np.float32) for value, length in enumerate((3, 35, 10, 1, 20, 11))]
    alone = np.concatenate([embed([waveform]) for waveform in waveforms])
    assert len(np.unique(alone)) == len(waveforms)
    np.testing.assert_allclose(embed(waveforms), alone)


def test_few_pieces_are_heard_at_once():
    batches = []
    embed([np.zeros(95, np.float32)] * 2, batches)
    assert sum(batches) == 20
    assert max(batches) == 4


def test_no_sample_is_no_sound():
    assert embed([]).shape == (0, 1)
    with pytest.raises(ValueError, match="waveform 1: 0 samples"):
        embed([np.zeros(5, np.float32), np.zeros(0, np.float32)])

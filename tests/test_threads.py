"""Threads are held inside the block and given back after it, whatever happens in it."""

import pytest
import torch

from emocast import threads


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("hold", "inside"), [(threads.one, 1), (lambda: threads.of_torch(1), 1), (lambda: threads.of_torch(None), 2)]
)
def test_threads_are_held_and_given_back(hold, inside):
    with hold():
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError, match="oops"), hold():
        raise RuntimeError("oops")
    assert torch.get_num_threads() == 2

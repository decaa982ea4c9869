"""Slope and bend of notebook 05, as its cell defines them, on curves of which it is known what they are."""

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from emocast import paths
from emocast.metrics import Resampling


@pytest.fixture(scope="module")
def cell():
    """The functions of the notebook's cell."""
    notebook = nbformat.read(paths.NOTEBOOKS / "05_time_shift_sweep.ipynb", as_version=4)
    found = {"np": np, "pd": pd}
    exec(next(cell.source for cell in notebook.cells if cell.id == "slope-by-hand"), found)
    return found


def _study(generator, truth, *, dialogues=60, events=8):
    """Hits by dialogue and shift: dialogues differ, and an event is as hard at one shift as at another."""
    sizes = {(dialogues, 1, 1): 0.15, (dialogues, events, 1): 0.4, (dialogues, events, len(truth)): 0.45}
    drawn = sum(np.sqrt(share) * generator.normal(size=size) for size, share in sizes.items())
    return (drawn < norm.ppf(truth)).sum(axis=1).astype(float), np.full((dialogues, len(truth)), float(events))


def test_slope_and_bend_by_hand(cell):
    times = np.array([0.0, 5.0, 10.0, 15.0, 20.0])
    weights = cell["contrasts"](times)
    line, decay = 70 - 0.3 * times, 60 + 12 * np.exp(-times / 5)
    assert line @ weights["points_a_second"] == pytest.approx(-0.3)
    assert [line @ weights["bend"], decay @ weights["bend"]] == [pytest.approx(0, abs=1e-9), pytest.approx(12)]
    assert not cell["contrasts"](times[:2])["bend"].any(), "two points have no bend"
    fits = cell["fitted"](np.stack([line, decay]), [times, np.exp(-times / 5)])
    assert np.allclose(fits, [line, decay])


def test_right_forecasts_are_counted_by_dialogue_and_seed_and_shift(cell):
    rows = [("a", 0, 0.0, "x", "x"), ("a", 0, 0.0, "x", "y"), ("a", 1, 2.0, "x", "x"), ("b", 1, 0.0, "x", "x")]
    table = pd.DataFrame(rows, columns=["dialogue", "seed", "shift_s", "emotion", "predicted"])
    hits, every = cell["counted"](table)
    assert hits.tolist() == [[1, 0], [0, 1], [0, 0], [1, 0]] and every.tolist() == [[2, 0], [0, 1], [0, 0], [1, 0]]


@pytest.mark.parametrize(
    ("fall", "found"), [(lambda d: 0.78 - 0.002 * d, (0, 0.12)), (lambda d: 0.68 + 0.12 * np.exp(-d / 3), (0.8, 1))]
)
def test_a_line_is_seldom_taken_for_bent_and_a_decay_mostly(cell, fall, found):
    generator, times, bent, studies = np.random.default_rng(0), np.arange(0, 21, 5.0), 0, 100
    weights = cell["contrasts"](times)["bend"]
    for study in range(studies):
        hits, every = _study(generator, fall(times))
        how = Resampling(draws=300, random_state=study)
        drawn = how.weights(len(hits))
        low, high = how.ends(100 * (drawn @ hits) / (drawn @ every) @ weights, len(hits))
        bent += not low <= 0 <= high
    assert found[0] <= bent / studies <= found[1]

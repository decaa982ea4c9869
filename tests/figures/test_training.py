import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from emocast import figures


def test_losses_say_what_knowing_nothing_costs(ax):
    curves = pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.5], "validation_loss": [1.1, 0.9]})
    figures.losses(curves, ax, classes=3)
    np.testing.assert_allclose(ax.get_lines()[2].get_ydata(), np.log(3))


@pytest.fixture
def log():
    """As SpeechBrain logs: a loss of both stages, an error of the held-out part only; rows in no order."""
    return pd.DataFrame(
        {"epoch": [2, 1, 1, 2, 3, 3], "stage": ["train", "train", "valid", "valid", "train", "valid"],
         "loss": [0.7, 1.2, 1.3, 1.0, 0.4, 1.1], "error": [np.nan, np.nan, 0.6, 0.4, np.nan, 0.5]}
    )  # fmt: skip


def test_training_curves_draw_both_stages_by_epoch(log, ax):
    figures.training_curves(log, ax, label="loss (nats)")
    drawn = {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}
    assert drawn == {
        "training part": [[1, 1.2], [2, 0.7], [3, 0.4]],
        "held-out part": [[1, 1.3], [2, 1.0], [3, 1.1]],
    }
    assert ax.get_ylabel() == "loss (nats)"


def test_the_kept_epoch_is_ringed_on_the_held_out_part(log, ax):
    figures.training_curves(log, ax, value="error", kept=2)
    assert [line.get_label() for line in ax.get_lines()][:2] == ["held-out part", "kept: epoch 2"]
    assert ax.get_lines()[1].get_xdata() == [2, 2]
    assert ax.get_lines()[2].get_xydata().tolist() == [[2, 0.4]]


def test_curves_of_one_scale_are_all_inside_it(log):
    """Axes that share their scale must not keep the first one's upper end."""
    figure, axes = plt.subplots(1, 2, sharey=True)
    figures.training_curves(log, axes[0], value="error")
    figures.training_curves(log, axes[1], value="loss")
    assert axes[1].get_ylim()[1] > 1.3 and axes[0].get_ylim()[0] == 0
    plt.close(figure)


def test_a_log_without_the_value_is_refused(log, ax):
    with pytest.raises(ValueError, match="'error'; it holds 3 rows"):
        figures.training_curves(log[log["stage"] == "train"], ax, value="error")

"""No result of the tracked run may become another one without a word; what networks decide there may move a little."""

import pandas as pd
import pytest

from emocast import paths, verify


@pytest.fixture
def copied(tmp_path):
    """Copy one table of the tracked reference into a reference, and, changed, into a run."""

    def copy(name, changed):
        run, reference = tmp_path / "run", tmp_path / "reference"
        table = pd.read_csv(paths.ROOT / "outputs" / "reference" / "demo" / f"{name}.csv")
        for folder, rows in ((reference, table), (run, changed(table.copy()))):
            (folder / name).parent.mkdir(parents=True)
            rows.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
        return run, reference

    return copy


def moved(column, by, *models):
    """Move a column: by points in all rows, or in those of some models."""

    def change(table):
        rows = table["model"].str.startswith(models) if models else slice(None)
        table.loc[rows, column] += by
        return table

    return change


def supported(table):
    """A prettier closing table: all is supported, and the numbers say so."""
    return table.assign(verdict="supported", evidence="+9.9 points (5.0 to 14.8), p = 0.001", value=9.9, p_holm=0.001)


@pytest.mark.parametrize(
    ("name", "changed", "columns"),
    [
        ("07_is_it_forecasting/ladder", moved("accuracy", -9, "persistence", "ceiling"), {"accuracy"}),
        ("07_is_it_forecasting/scores", moved("ece", 0.01, "Markov chain", "majority"), {"ece"}),
        ("07_is_it_forecasting/ladder", moved("accuracy", -4, "FC-DNN", "audio", "logistic", "gradient"), {"accuracy"}),
        ("07_is_it_forecasting/claims", supported, {"verdict", "evidence", "meaning", "value"}),
        ("07_is_it_forecasting/claims", lambda table: table.assign(verdict="supported"), {"verdict", "meaning"}),
        ("08_forecast_a_recording/scores", lambda table: table.assign(answered=0), {"answered"}),
        ("08_forecast_a_recording/answers", lambda table: table.assign(answered=1, unsure=0), {"answered", "unsure"}),
        ("08_forecast_a_recording/scores", moved("persistence", -0.05), {"persistence"}),
        ("07_is_it_forecasting/skill", moved("persistence", -0.05), {"persistence"}),
        ("07_is_it_forecasting/against_persistence", moved("reference", -0.05), {"reference"}),
        (
            "07_is_it_forecasting/search",
            lambda table: table.assign(dropout=0.9, learning_rate=1, hidden_layers=1),
            {"dropout", "learning_rate", "hidden_layers"},
        ),
        ("07_is_it_forecasting/learning_curve", moved("train_events", 1), {"train_events"}),
        ("07_is_it_forecasting/meld_ladder", moved("uar", 0.3), {"uar"}),
        ("08_forecast_a_recording/against_truth", lambda table: table.assign(answered=0), {"answered"}),
        (
            "05_time_shift_sweep/ladder_differences",
            lambda table: table.assign(reference=table["reference"] - (table["baseline"] == "persistence")),
            {"reference"},
        ),
        ("05_time_shift_sweep/blocks_cost", lambda table: table.assign(value=table["value"] * 1.001), {"value"}),
        ("05_time_shift_sweep/slope", lambda table: table.replace(-0.2, -0.1), {"points_a_second"}),
    ],
)  # fmt: skip
def test_no_result_of_the_tracked_run_may_become_another(copied, name, changed, columns):
    found = [finding for finding in verify.compare(*copied(name, changed)) if finding.fails]
    assert {finding.column for finding in found} == columns


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("07_is_it_forecasting/ladder", moved("accuracy", -2, "FC-DNN", "audio", "logistic", "gradient")),
        ("07_is_it_forecasting/search", moved("accuracy", 3)),
        ("08_forecast_a_recording/scores", lambda table: table.assign(answered=(table["answered"] - 0.1).clip(0))),
        ("08_forecast_a_recording/scores", lambda table: table.assign(answered_accuracy=None, answered_low=None)),
    ],
)
def test_what_networks_decide_in_the_tracked_run_may_move_a_little(copied, name, changed):
    assert not [str(finding) for finding in verify.compare(*copied(name, changed)) if finding.fails]

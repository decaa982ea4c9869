"""What may move between machines, and what may not, by table, column and row."""

import fnmatch

import pandas as pd

from emocast import paths, tolerances
from emocast.forecasting import baselines, ceiling, given_change, rungs


def test_each_tolerance_of_the_tracked_reference_is_in_use():
    """A rule that fits no column of any table is a slip of the pen, and would leave those that it means to the next."""
    reference = paths.ROOT / "outputs" / "reference" / "demo"
    used = set()
    for path in reference.glob("*/*.csv"):
        table, name = pd.read_csv(path, dtype=str, keep_default_na=False), f"{path.parent.name}/{path.stem}"
        conditions = {rule.rows[0] for rule in tolerances.DECLARED if rule.rows} & set(table)
        kinds = table[sorted(conditions)].drop_duplicates().to_dict("records") or [{}]
        used |= {tolerances.of(name, column, row) for column in table for row in kinds}
    notebooks = [path.name for path in reference.iterdir()]
    asked = [
        row for row in tolerances.DECLARED if all(fnmatch.filter(notebooks, name.split("/")[0]) for name in row.tables)
    ]
    assert len(asked) > 10 and not [row for row in asked if row not in used]


def test_counts_and_design_are_exact_and_scores_are_not():
    def allowed(table, column):
        return tolerances.of(table, column, {}).allows(0.5)

    assert allowed("01_dataset_audit/history", "seconds") == allowed("01_dataset_audit/repeats", "p_same") == 0
    assert allowed("04_forecasting_fcdnn/shared", "seconds_shared") == allowed("05_time_shift_sweep/sweep", "n") == 0
    assert allowed("06_cross_lingual_ser/scores", "accuracy_published") == 0
    assert 0.1 < allowed("06_cross_lingual_ser/scores", "accuracy") < 0.2
    assert not tolerances.of("06_cross_lingual_ser/training_log", "seconds", {}).compared


def test_in_one_table_labels_alone_are_exact_and_whoever_hears_is_not():
    def allowed(model):
        return tolerances.of("07_is_it_forecasting/ladder", "accuracy", {"model": model}).allows(50)

    deaf = [name for name in baselines.of_labels() if allowed(name) == 0]
    assert deaf == list(baselines.of_labels()) and not any(
        map(allowed, (*ceiling.BOUNDS, given_change.CHAIN, given_change.GUESS))
    )
    hearing = [rungs.MODEL, *baselines.of_sound(), *baselines.of_embeddings()]
    assert [allowed(name) for name in hearing] == [10] * 4


def test_a_rule_for_some_rows_leaves_the_others_to_the_next():
    fitting = tolerances.fitting("08_forecast_a_recording/scores", "answered_accuracy")
    assert [rule.rows is None for rule in fitting] == [False, True]
    few, many = ({"answered": share} for share in ("0.00196078", "0.3"))
    assert not tolerances.of("08_forecast_a_recording/scores", "answered_accuracy", few).compared
    assert tolerances.of("08_forecast_a_recording/scores", "answered_accuracy", many).compared

import numpy as np
import pytest

from emocast.forecasting import ladder, protocols


def test_a_row_a_rung_with_what_it_shares(make_windows):
    windows = make_windows(n_dialogues=24)
    table = ladder.ladder_table(windows, n_splits=3, random_state=0).set_index("protocol")
    assert list(table.index) == list(protocols.LADDER)
    assert (table["n_test"] == len(windows)).all()
    assert table.loc["random", "seconds_shared"] > 100
    assert table.loc["random", "test_windows_overlapping"] > 0.9 * len(windows)
    assert (table["seconds_shared"].drop("random") == 0).all()
    assert table.loc["purged", "rows_dropped"] > 0.5 * len(windows)  # windows lie close: few share nothing
    assert table.loc["purged", "dialogues_shared"] > 0 and table.loc["dialogue", "dialogues_shared"] == 0
    assert table.loc["dialogue", "speakers_shared"] > 0 and table.loc["speaker", "speakers_shared"] == 0
    assert table.loc["session", "scenarios_shared"] > 0 and table.loc["scenario", "scenarios_shared"] == 0
    assert table.loc["scenario", "folds"] == 9
    assert table.loc["scenario", "train_share"] == pytest.approx(4 / 9, abs=0.05)


def test_numbers_are_those_of_the_worst_fold_and_of_all(make_windows):
    windows = make_windows()
    row = ladder.ladder_table(windows, ["random"], n_splits=4, random_state=2).iloc[0]
    proofs = [
        protocols.proof(windows, *split)
        for split in protocols.folds(windows, protocol="random", n_splits=4, random_state=2)
    ]
    assert row["seconds_shared"] == max(proof["seconds_shared"] for proof in proofs)
    assert row["test_windows_overlapping"] == sum(proof["test_windows_overlapping"] for proof in proofs)


def test_what_is_not_known_is_not_shown_as_clean(make_windows):
    windows = make_windows().drop(columns=["utterance_end_s", "scenario"])
    row = ladder.ladder_table(windows, ["dialogue"], random_state=0).iloc[0]
    assert np.isnan(row["test_utterances_heard"]) and np.isnan(row["scenarios_shared"])

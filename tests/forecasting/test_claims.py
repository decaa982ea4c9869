"""Verdicts on made-up predictions, of which it is known what they are."""

import numpy as np
import pandas as pd
import pytest

from emocast.forecasting import baselines, claims, contamination, contests, given_change
from emocast.forecasting.verdicts import CONTRADICTED, NOT_SHOWN, SUPPORTED
from made_predictions import CLASSES, JUDGE, predictions


def judged(table, **options):
    """Verdict by the claim's first words and the rung."""
    found = claims.table(table, strict="dialogue", judge=JUDGE, shifts_s=[0.0, 20.0], **options)
    assert found["meaning"].str.len().min() > 20 and found["evidence"].str.len().min() > 5
    names = found["claim"].str.partition(";")[0].str.partition(",")[0] + " @ " + found["protocol"]
    return dict(zip(names, found["verdict"], strict=True)), found


def test_a_model_that_knows_the_dialogue_alone_is_exposed():
    right = {"FC-DNN": 0.8, "persistence": 0.55, "audio persistence": 0.5, "dialogue mode": 0.8}
    right["Markov chain, order 1"] = 0.5
    at_dialogue = [("FC-DNN", "protocol", "dialogue", 1 / 3), ("dialogue mode", "protocol", "dialogue", 1 / 3)]
    verdict, table = judged(predictions(right, where=at_dialogue))
    assert verdict["It scores above chance @ random"] == SUPPORTED
    assert verdict["It scores above chance @ dialogue"] == NOT_SHOWN
    assert verdict["It beats knowing which dialogue it is @ random"] == NOT_SHOWN
    assert verdict["It beats repeating the last true emotion @ random"] == SUPPORTED
    assert verdict["It beats repeating the last true emotion @ dialogue"] == CONTRADICTED
    assert verdict["It beats recognising the last utterance @ dialogue"] == CONTRADICTED
    assert verdict["How far ahead it scores above chance @ dialogue"] == NOT_SHOWN
    ahead = table[table["claim"].str.startswith("How far ahead")]
    assert ahead["evidence"].tolist() == [
        f"at no shift; asked at {asked} s" for asked in ("0, 10, 20", "0, 20", "0, 20")
    ]


def test_a_forecast_is_kept():
    right = {"FC-DNN": 0.75, "persistence": 0.5, "audio persistence": 0.45, "dialogue mode": 0.4}
    right["Markov chain, order 1"] = 0.5
    table = predictions(right, where=[("FC-DNN", "shift_s", 20.0, 1 / 3)])
    verdict, found = judged(table)
    for claim in ("It scores above chance", "It beats repeating the last true emotion", "It forecasts changes"):
        assert verdict[f"{claim} @ dialogue"] == SUPPORTED
    assert verdict["It forecasts changes better than label statistics @ dialogue"] == SUPPORTED
    assert verdict["It beats knowing which dialogue it is @ random"] == SUPPORTED
    ahead = found[found["claim"].str.startswith("How far ahead")]
    assert ahead["value"].tolist() == [10.0, 0.0, 0.0], (
        "chance at every shift, the others at those of one family of tests"
    )
    assert ahead["evidence"].str.startswith("up to ").all()


def test_anything_but_the_last_emotion_forecasts_no_change():
    """Who names another emotion than the last, at random, knows nothing and is right on half of the changes of three."""
    table = predictions({"FC-DNN": 0.5, "Markov chain, order 1": 0.3, "majority": 1 / 3})
    other = np.random.default_rng(3).integers(1, 3, size=len(table))
    last = table["last_emotion"].map({name: place for place, name in enumerate(CLASSES)})
    of_model = table["model"] == "FC-DNN"
    table.loc[of_model, "predicted"] = CLASSES[(last + other)[of_model] % 3]
    verdict, found = judged(table)
    assert verdict["It forecasts changes @ dialogue"] == NOT_SHOWN
    assert verdict["It forecasts changes better than label statistics @ dialogue"] == NOT_SHOWN
    rows = found[found["claim"].str.startswith("It forecasts changes")]
    assert rows["limit"].tolist() == pytest.approx([50, 0])
    assert rows["evidence"].str.endswith(f"; against {given_change.GUESS}").all()


def test_changes_are_held_against_the_best_of_what_is_told_of_them():
    right = {"FC-DNN": 0.65, given_change.CHAIN: 0.65, "majority": 0.4}
    table = predictions(right)
    verdict, found = judged(table)
    assert verdict["It forecasts changes @ dialogue"] == NOT_SHOWN
    rows = found[found["claim"].str.startswith("It forecasts changes")]
    assert rows["evidence"].str.endswith(f"; against {given_change.CHAIN}").all()
    on_changes = table[table["changed"] & (table["shift_s"] == 0) & (table["protocol"] == "dialogue")]
    accuracy = on_changes["emotion"].eq(on_changes["predicted"]).groupby(on_changes["model"]).mean()
    assert rows["limit"].iloc[0] == pytest.approx(100 * accuracy[given_change.CHAIN])
    assert rows["value"].tolist() == pytest.approx(
        [100 * accuracy["FC-DNN"], 100 * (accuracy["FC-DNN"] - accuracy[given_change.CHAIN])]
    )
    verdict, _ = judged(table[table["model"] != given_change.CHAIN])
    assert verdict["It forecasts changes @ dialogue"] == SUPPORTED


def test_changes_are_held_against_statistics_that_are_told_nothing_too():
    table = predictions({"FC-DNN": 0.65, given_change.CHAIN: 0.4, "majority": 0.65}, seed=1)
    verdict, found = judged(table)
    assert verdict["It forecasts changes @ dialogue"] == SUPPORTED
    assert verdict["It forecasts changes better than label statistics @ dialogue"] == NOT_SHOWN
    row = found[found["claim"].str.startswith("It forecasts changes better")].iloc[0]
    assert row["evidence"].endswith("; against majority")


def test_the_better_persistence_is_the_rival_at_each_rung_and_shift():
    """Anyone's last emotion may be none of the classes in play; then the last one that is does better, and counts."""
    in_play = contests.PERSISTENCES[1]
    at_random = [(in_play, "protocol", "random", 0.3)]
    table = predictions({"FC-DNN": 0.65, "persistence": 0.5, in_play: 0.65}, where=at_random)
    verdict, found = judged(table)
    assert verdict["It beats repeating the last true emotion @ random"] == SUPPORTED
    assert verdict["It beats repeating the last true emotion @ dialogue"] == NOT_SHOWN
    rows = found[found["claim"].str.startswith("It beats repeating")].set_index("protocol")
    assert rows.loc["dialogue", "evidence"].endswith(f"; against {in_play}")
    assert "against" not in rows.loc["random", "evidence"]
    ahead = found[found["claim"].str.startswith("How far ahead it beats repeating")]
    assert ahead["verdict"].tolist() == [NOT_SHOWN]


def test_the_references_are_baselines_by_name():
    assert {*contests.PERSISTENCES, *claims.STATISTICS} - {*claims.TOLD} <= {*baselines.of_labels()}


def test_the_dialogue_mode_is_tested_in_the_family_of_all_rungs_and_shifts():
    table = predictions({"FC-DNN": 0.6, "dialogue mode": 0.52})
    _, found = judged(table)
    rows = found[found["claim"].str.startswith("It beats knowing")]
    assert rows["protocol"].tolist() == ["random"], "the published rung alone is shown"
    family = contests.tests(table[table["shift_s"].isin([0.0, 20.0])], "dialogue mode", JUDGE)
    own = family[(family["protocol"] == "random") & (family["shift_s"] == 0)]
    assert len(family) == 4 and rows["p_holm"].tolist() == own["p_holm"].tolist()


def test_a_guess_among_unbalanced_events_is_the_commonest_emotion():
    """One session, or an official part, is not balanced: who always names its commonest emotion has learnt nothing."""
    table = predictions({"FC-DNN": 0.5, "other": 0.5})
    table = table[(table["emotion"] == "neutral") | (table["utterance"].str[-1].astype(int) < 5)]
    table = table.assign(predicted=np.where(table["model"] == "FC-DNN", "neutral", table["predicted"]))
    share = 100 * (table["emotion"] == "neutral").mean()
    heard = [
        table[table["model"] == "FC-DNN"].assign(role=role) for role in (contamination.PUBLISHED, contamination.RETUNED)
    ]
    heard = pd.concat(heard).query("protocol == 'random' and shift_s == 0")
    verdict, found = judged(table, encoders=heard)
    rows = found[found["claim"].str.startswith("It scores above chance")]
    assert len(rows) == 3 and rows["limit"].tolist() == pytest.approx([share] * 3, abs=0.01) and share > 45
    assert set(rows["verdict"]) == {NOT_SHOWN}
    assert verdict["How far ahead it scores above chance @ dialogue"] == NOT_SHOWN


def test_a_model_that_only_repeats_forecasts_no_change():
    right = {"FC-DNN": 0.9, "persistence": 0.9}
    repeats = [(name, "changed", True, 0.02) for name in right]
    verdict, _ = judged(predictions(right, where=repeats))
    assert verdict["It scores above chance @ dialogue"] == SUPPORTED
    assert verdict["It forecasts changes @ dialogue"] == CONTRADICTED
    assert not any(claim.startswith(("It beats recognising", "It beats knowing")) for claim in verdict), "not asked"


def test_a_gain_that_comes_late_is_told():
    late = [("FC-DNN", "shift_s", 20.0, 0.75)]
    _, found = judged(predictions({"FC-DNN": 0.5, "persistence": 0.5}, where=late))
    row = found[found["claim"].str.startswith("How far ahead it beats repeating")].iloc[0]
    assert row["evidence"] == "not at 0 s, but at 20 s; asked at 0, 20 s"
    assert row["verdict"] == NOT_SHOWN and np.isnan(row["value"])


def test_tests_are_one_family_of_all_rungs_and_shifts():
    found = contests.tests(predictions({"FC-DNN": 0.6, "persistence": 0.5}), "persistence", JUDGE)
    assert len(found) == 6 and (found["p_holm"] >= found["p_value"]).all()
    assert found["p_holm"].min() == pytest.approx(6 * found["p_value"].min())
    assert (found["only_model"] > found["only_reference"]).all() and found["p_mcnemar"].between(0, 1).all()


def test_a_shift_that_the_reference_lacks_is_not_tested():
    table = predictions({"FC-DNN": 0.6, "dialogue mode": 0.5})
    table = table[(table["model"] == "FC-DNN") | (table["shift_s"] == 0)]
    assert contests.tests(table, "dialogue mode", JUDGE)["shift_s"].unique().tolist() == [0.0]


def test_skill_lies_between_persistence_and_the_ceiling():
    table = predictions({"FC-DNN": 0.6, "persistence": 0.5, "ceiling": 0.7})
    found = contests.skills(table, JUDGE)
    assert (found["best"] == "ceiling").all() and found["skill"].between(0.2, 0.8).all()
    without = contests.skills(table[table["model"] != "ceiling"], JUDGE)
    assert (without["best"] == "no mistake").all() and (without["ceiling"] == 1).all()


def test_calibration_is_judged_by_what_is_tolerated():
    rows = {"scaled": ["as trained", "temperature scaled"], "ece": [0.2, 0.02]}
    rows |= {"ece_low": [0.15, 0.0], "ece_high": [0.25, 0.04]}
    _, found = judged(predictions({"FC-DNN": 0.6}), calibration=pd.DataFrame(rows))
    of_calibration = found[found["measure"] == "expected calibration error"]
    assert of_calibration["verdict"].tolist() == [CONTRADICTED, SUPPORTED]
    assert "temperature scaled" in of_calibration["claim"].iloc[1]


@pytest.mark.parametrize(
    ("published", "retuned", "verdict", "left"),
    [(0.9, 0.4, CONTRADICTED, SUPPORTED), (0.9, 1 / 3, CONTRADICTED, NOT_SHOWN), (0.6, 0.75, SUPPORTED, SUPPORTED)],
)
def test_the_encoders_memory_is_seen(published, retuned, verdict, left):
    table = predictions({"FC-DNN": 0.6, "other": 0.5}, seed=1)
    named = {contamination.PUBLISHED: published, contamination.RETUNED: retuned}
    heard = predictions(named, shifts=(0.0,), seed=2)
    heard = heard[heard["protocol"] == "random"].rename(columns={"model": "role"})
    found, _ = judged(table, encoders=heard)
    assert found["Its score does not come from an encoder that knew the answers @ session"] == verdict
    assert found["It scores above chance with an encoder that never heard the test session @ session"] == left


def test_a_larger_network_is_judged_where_one_was_searched():
    gain = {"protocol": "random", "difference": 0.01, "low": -0.02, "high": 0.03}
    found, _ = judged(predictions({"FC-DNN": 0.6}), networks=gain)
    assert found["A larger network forecasts better @ random"] == NOT_SHOWN

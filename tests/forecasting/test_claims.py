"""Verdicts on made-up predictions, of which it is known what they are."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emocast import metrics
from emocast.forecasting import baselines, claims, experiments, variants
from emocast.forecasting.claims import CONTRADICTED, NOT_SHOWN, SUPPORTED
from made_predictions import CLASSES, CRITERIA, predictions


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (0.1, 3, None, SUPPORTED), (-1, 3, None, NOT_SHOWN), (-3, -0.1, None, CONTRADICTED),
        (0.1, 3, 0.05, SUPPORTED), (0.1, 3, 0.06, NOT_SHOWN), (-3, -0.1, 0.06, NOT_SHOWN), (-3, -0.1, 0.01, CONTRADICTED),
        (0, 3, None, NOT_SHOWN), (math.nan, math.nan, None, NOT_SHOWN),
    ],
)  # fmt: skip
def test_above_needs_the_whole_interval_and_the_test(low, high, p_value, verdict):
    assert claims.above(low, high, p_value=p_value) == verdict
    assert claims.above(low + 50, high + 50, limit=50, p_value=p_value) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0, 5, SUPPORTED), (0, 6, NOT_SHOWN), (5.1, 9, CONTRADICTED), (math.nan, math.nan, NOT_SHOWN)],
)
def test_within_needs_the_whole_interval_below_the_limit(low, high, verdict):
    assert claims.within(low, high, limit=5) == verdict


def test_evidence_in_words():
    assert claims.in_words(3.14, -1, 7.2, p_value=0.21, unit="points") == "+3.1 points (-1.0 to 7.2), p = 0.210"
    assert claims.in_words(45.678, 40, 50) == "45.7 % (40.0 to 50.0)"
    assert claims.in_words(1, math.nan, math.nan, p_value=0.0002) == "1.0 % (no interval), p < 0.001"


def judged(table, **options):
    """Verdict by the claim's id and protocol."""
    found = claims.table(table, strict="dialogue", criteria=CRITERIA, shifts_s=[0.0, 20.0], **options)
    assert found["meaning"].str.len().min() > 20 and found["evidence"].str.len().min() > 5
    return _by_id(found), found.set_index("id")


def _by_id(found):
    return dict(zip(found["id"] + " @ " + found["protocol"], found["verdict"], strict=True))


AHEAD = ["ahead_of_chance", "ahead_of_persistence", "ahead_of_audio_persistence"]


def test_every_claim_has_its_texts():
    for key, claim in claims.texts().items():
        assert claim["kind"] in ("above", "within", "ahead")
        assert len({claim[verdict] for verdict in claims.VERDICTS}) == 3 and claim["measure"]
        assert "{apart}" in claim["claim"] and ("{model}" in claim["claim"]) == (
            key in ("label_chain", "label_changes")
        )


def test_a_model_that_knows_the_dialogue_alone_is_exposed():
    right = {"FC-DNN": 0.8, "persistence": 0.55, "audio persistence": 0.5, "dialogue mode": 0.8}
    at_dialogue = [("FC-DNN", "protocol", "dialogue", 1 / 3), ("dialogue mode", "protocol", "dialogue", 1 / 3)]
    verdict, table = judged(predictions({**right, "Markov chain, order 1": 0.5}, where=at_dialogue))
    assert verdict["chance @ random"] == SUPPORTED and verdict["chance @ dialogue"] == NOT_SHOWN
    assert verdict["moment @ random"] == NOT_SHOWN
    assert verdict["persistence @ random"] == SUPPORTED and verdict["persistence @ dialogue"] == CONTRADICTED
    assert verdict["audio_persistence @ dialogue"] == CONTRADICTED
    assert verdict["ahead_of_chance @ dialogue"] == NOT_SHOWN
    asked = ("0, 10, 20", "0, 20", "0, 20")
    assert table.loc[AHEAD, "evidence"].tolist() == [f"at no shift; asked at {shifts} s" for shifts in asked]


def test_a_forecast_is_kept():
    right = {"FC-DNN": 0.75, "persistence": 0.5, "audio persistence": 0.45, "dialogue mode": 0.4}
    table = predictions({**right, "Markov chain, order 1": 0.5}, where=[("FC-DNN", "shift_s", 20.0, 1 / 3)])
    verdict, found = judged(table)
    for claim in ("chance", "persistence", "changes", "changes_statistics"):
        assert verdict[f"{claim} @ dialogue"] == SUPPORTED
    assert verdict["moment @ random"] == SUPPORTED
    # Chance is asked at every shift, the others at those of one family of tests.
    assert found.loc[AHEAD, "value"].tolist() == [10.0, 0.0, 0.0]
    assert found.loc[AHEAD, "evidence"].str.startswith("up to ").all()


def test_the_moment_is_asked_only_where_dialogues_are_shared():
    """And the better of two that know it is the rival: the commonest emotion of the dialogue, and the nearest event's."""
    right = {"FC-DNN": 0.6, "dialogue mode": 0.4, baselines.NEAREST: 0.58}
    table = predictions(right, protocols=("random", "purged", "dialogue"))
    rows = judged(table)[1].loc["moment"]
    assert rows["protocol"].tolist() == ["random", "purged"]
    row = rows.iloc[0]
    assert row["verdict"] == NOT_SHOWN and row["evidence"].endswith(f"against {baselines.NEAREST}")
    sharing = table[(table["protocol"] != "dialogue") & (table["shift_s"] != 10)]
    family = claims.comparisons(sharing, claims.MOMENT, CRITERIA)
    assert len(family) == 2 * 2 and row["p_holm"] == family["p_holm"].iloc[0] > family["p_value"].iloc[0]
    assert "moment" not in set(judged(table[table["protocol"] == "dialogue"])[1].index)


def test_anything_but_the_last_emotion_forecasts_no_change():
    """Who names another emotion than the last, at random, knows nothing and is right on half of the changes of three."""
    table = predictions({"FC-DNN": 0.5, "Markov chain, order 1": 0.3, "majority": 1 / 3})
    other = np.random.default_rng(3).integers(1, 3, size=len(table))
    last = table["last_emotion"].map({name: place for place, name in enumerate(CLASSES)})
    of_model = table["model"] == "FC-DNN"
    table.loc[of_model, "predicted"] = CLASSES[(last + other)[of_model] % 3]
    _, found = judged(table)
    rows = found.loc[["changes", "changes_statistics"]]
    assert rows["verdict"].tolist() == [NOT_SHOWN] * 2 and rows["limit"].tolist() == [0, 0]
    assert rows["evidence"].str.endswith(f"; against {baselines.GUESS}").all()


def test_changes_are_held_against_the_best_of_what_is_told_of_them():
    table = predictions({"FC-DNN": 0.65, baselines.CHAIN: 0.65, "majority": 0.4})
    verdict, found = judged(table)
    rows = found.loc[["changes", "changes_statistics"]]
    assert rows["verdict"].iloc[0] == NOT_SHOWN
    assert rows["evidence"].str.endswith(f"; against {baselines.CHAIN}").all()
    on_changes = table[table["changed"] & (table["shift_s"] == 0) & (table["protocol"] == "dialogue")]
    accuracy = 100 * on_changes["emotion"].eq(on_changes["predicted"]).groupby(on_changes["model"]).mean()
    assert rows["value"].tolist() == pytest.approx([accuracy["FC-DNN"] - accuracy[baselines.CHAIN]] * 2)
    verdict, found = judged(table[table["model"] != baselines.CHAIN])
    assert verdict["changes @ dialogue"] == SUPPORTED
    # Both are one family: of 999 draws no p-value is below 0.001, adjusted for two 0.002.
    assert found.loc["changes", "p_holm"] == 0.002 <= found.loc["changes_statistics", "p_holm"]


def test_the_better_persistence_is_the_rival_at_each_protocol_and_shift():
    """Anyone's last emotion may be none of the classes in play; then the last one that is does better, and counts."""
    in_play = claims.PERSISTENCES[1]
    at_random = [(in_play, "protocol", "random", 0.3)]
    verdict, found = judged(predictions({"FC-DNN": 0.65, "persistence": 0.5, in_play: 0.65}, where=at_random))
    assert verdict["persistence @ random"] == SUPPORTED and verdict["persistence @ dialogue"] == NOT_SHOWN
    rows = found.loc["persistence"].set_index("protocol")
    assert rows.loc["dialogue", "evidence"].endswith(f"; against {in_play}")
    assert "against" not in rows.loc["random", "evidence"]
    assert found.loc["ahead_of_persistence", "verdict"] == NOT_SHOWN


def test_a_verdict_needs_every_reference():
    """Below the better of two and above the other, a model is neither: which one is the better was seen on these events."""
    rivals = {"persistence": 0.5, claims.PERSISTENCES[1]: 0.8}
    table = predictions({"FC-DNN": 0.65, **rivals})
    found = claims.comparisons(table, claims.PERSISTENCES, CRITERIA)
    alone = [claims.comparisons(table, [name], CRITERIA) for name in claims.PERSISTENCES]
    assert (alone[0]["low"] > 0).all() and (alone[1]["high"] < 0).all()
    assert found["low"].equals(alone[1]["low"]) and found["high"].equals(alone[0]["high"])
    assert found["p_value"].equals(np.maximum(alone[0]["p_value"], alone[1]["p_value"]))
    assert found["difference"].equals(alone[1]["difference"]) and (found["against"] == claims.PERSISTENCES[1]).all()
    verdict, _ = judged(table)
    assert verdict["persistence @ random"] == NOT_SHOWN
    verdict, _ = judged(predictions({"FC-DNN": 0.3, **rivals}))
    assert verdict["persistence @ random"] == CONTRADICTED
    verdict, _ = judged(
        predictions({"FC-DNN": 0.4, baselines.CHAIN: 0.6, "Markov chain, order 1": 0.4, "majority": 0.7})
    )
    assert verdict["changes @ dialogue"] == CONTRADICTED and verdict["changes_statistics @ dialogue"] == NOT_SHOWN


def test_a_guess_among_unbalanced_events_is_the_commonest_emotion():
    """One session, or an official part, is not balanced: who always names its commonest emotion has learnt nothing."""
    table = predictions({"FC-DNN": 0.5, "other": 0.5})
    table = table[(table["emotion"] == "neutral") | (table["utterance"].str[-1].astype(int) < 5)]
    table = table.assign(predicted=np.where(table["model"] == "FC-DNN", "neutral", table["predicted"]))
    share, of_model = 100 * (table["emotion"] == "neutral").mean(), table[table["model"] == "FC-DNN"]
    roles = [of_model.assign(role=role, session=of_model["drawn"]) for role in (variants.PUBLISHED, variants.RETUNED)]
    verdict, found = judged(table, encoders=pd.concat(roles).query("protocol == 'random' and shift_s == 0"))
    rows = found.loc[["chance", "new_encoder"]]
    assert len(rows) == 3 and rows["limit"].tolist() == pytest.approx([share] * 3, abs=0.01) and share > 45
    assert set(rows["verdict"]) == {NOT_SHOWN} and verdict["ahead_of_chance @ dialogue"] == NOT_SHOWN


def test_a_limit_that_is_estimated_is_drawn_with_the_score():
    """60 dialogues, more or less neutral each: who is right on all neutral events, and few others, is above their share."""
    n = 1200
    dialogue = np.arange(n) // 20
    neutral = np.arange(n) % 20 < 9 + 10 * (dialogue % 2)
    emotion = np.where(neutral, "neutral", "sadness")
    predicted = np.where(np.arange(n) % 20 == 19, "sadness", "neutral")  # one more than always naming neutral
    marks = {"model": "FC-DNN", "protocol": "dialogue", "shift_s": 0.0, "seed": 0, "last_emotion": "neutral"}
    events = {"utterance": np.arange(n).astype(str), "drawn": dialogue, "emotion": emotion, "predicted": predicted}
    row = judged(pd.DataFrame({**events, **marks}))[1].loc["chance"]
    assert row["limit"] == pytest.approx(70) and row["value"] == pytest.approx(75)
    assert (row["low"], row["high"]) == pytest.approx((75, 75)) and row["verdict"] == SUPPORTED
    low, high = metrics.bootstrap_interval(emotion, predicted, dialogue, random_state=0)
    assert low < 0.7 < high  # as if the limit were known


def test_a_gain_that_comes_late_is_told():
    late = [("FC-DNN", "shift_s", 20.0, 0.75)]
    row = judged(predictions({"FC-DNN": 0.5, "persistence": 0.5}, where=late))[1].loc["ahead_of_persistence"]
    assert row["evidence"] == "not at 0 s, but at 20 s; asked at 0, 20 s"
    assert row["verdict"] == NOT_SHOWN and np.isnan(row["value"])


def test_comparisons_are_one_family_of_the_protocols_and_shifts_that_both_have():
    table = predictions({"FC-DNN": 0.6, "persistence": 0.5})
    found = claims.comparisons(table, ["persistence"], CRITERIA)
    assert len(found) == 6 and (found["p_holm"] >= found["p_value"]).all()
    assert found["p_holm"].min() == pytest.approx(6 * found["p_value"].min())
    assert (found["only_model"] > found["only_reference"]).all() and found["p_mcnemar"].between(0, 1).all()
    fewer = table[(table["model"] == "FC-DNN") | (table["shift_s"] == 0)]
    assert claims.comparisons(fewer, ["persistence"], CRITERIA)["shift_s"].unique().tolist() == [0.0]


def of_sessions(count, **right):
    """Predictions under two protocols, 60 dialogues in so many sessions; under `session` these are drawn."""
    table = predictions(right or {"FC-DNN": 0.7, "persistence": 0.5}, protocols=("random", "session"))
    session = "s" + (table["dialogue"].str[1:].astype(int) % count).astype(str)
    return table.assign(drawn=table["drawn"].where(table["protocol"] == "random", session))


def test_a_claim_of_new_people_draws_their_sessions():
    """Who is always right in two sessions of ten may be so in none of the next ten: dialogues drawn do not tell."""
    table = of_sessions(10)
    good = table["drawn"].isin(["s0", "s1"]) & (table["model"] == "FC-DNN")
    table["predicted"] = table["predicted"].where(~good, table["emotion"])
    found = claims.comparisons(table, ["persistence"], CRITERIA).set_index("protocol")
    assert found["groups"].to_dict() == {"random": 60, "session": 10}
    by_dialogue = claims.comparisons(table.assign(drawn=table["dialogue"]), ["persistence"], CRITERIA)
    width, narrow = (rows["high"] - rows["low"] for rows in (found, by_dialogue.set_index("protocol")))
    assert (width["session"] > 1.3 * narrow["session"]).all() and width["random"].equals(narrow["random"])


def test_of_fewer_than_five_sessions_nothing_is_claimed():
    for count, tests in ((5, 4), (4, 2)):
        found = claims.table(of_sessions(count), strict="session", criteria=CRITERIA, shifts_s=[0.0, 20.0])
        rows = found[found["protocol"] == "session"].set_index("id")
        few = count < 5
        chance, gain = rows.loc["chance"], rows.loc["persistence"]
        assert (
            (chance["verdict"], gain["verdict"]) == (NOT_SHOWN,) * 2 if few else (SUPPORTED,) * 2
        )  # of five, by Student's t
        for row in (chance, gain):
            assert row["evidence"].endswith("; only 4 sessions") == few and math.isnan(row["low"]) == few
        assert math.isnan(gain["p_holm"]) == few and "nan" not in gain["evidence"]
        at_random = found[(found["protocol"] == "random") & (found["id"] == "persistence")].iloc[0]
        assert at_random["p_holm"] <= tests * 0.001 + 1e-9  # a test that was not made is none of the family
    several = claims.against(of_sessions(4), CRITERIA.resampling).set_index("protocol")
    assert several["verdict"].to_dict() == {"random": "above", "session": "open"}


def test_skill_lies_between_persistence_and_the_ceiling():
    table = predictions({"FC-DNN": 0.6, "persistence": 0.5, "ceiling": 0.7})
    found = claims.skill_scores(table, CRITERIA)
    assert (found["best"] == "ceiling").all() and found["skill"].between(0.2, 0.8).all()
    without = claims.skill_scores(table[table["model"] != "ceiling"], CRITERIA)
    assert (without["best"] == "no mistake").all() and (without["ceiling"] == 1).all()


def test_calibration_is_judged_by_what_is_tolerated():
    rows = {"scaled": ["as trained", "temperature scaled"], "ece": [0.2, 0.02]}
    rows |= {"ece_low": [0.15, 0.0], "ece_high": [0.25, 0.04], "groups": [4, 4]}
    found = judged(predictions({"FC-DNN": 0.6}), calibration=pd.DataFrame(rows))[1].loc["calibrated"]
    assert found["verdict"].tolist() == [CONTRADICTED, SUPPORTED]
    assert "temperature scaled" in found["claim"].iloc[1] and found["limit"].tolist() == [5, 5]
    options = {"strict": "session", "criteria": CRITERIA, "shifts_s": [0.0, 20.0], "calibration": pd.DataFrame(rows)}
    of_people = claims.table(of_sessions(6), **options).set_index("id").loc["calibrated"]
    assert (
        of_people["verdict"].tolist() == [NOT_SHOWN] * 2 and of_people["evidence"].str.endswith("only 4 sessions").all()
    )


@pytest.mark.parametrize(
    ("published", "retuned", "verdict", "left"),
    [(0.9, 0.4, CONTRADICTED, SUPPORTED), (0.9, 1 / 3, CONTRADICTED, NOT_SHOWN), (0.6, 0.75, SUPPORTED, SUPPORTED)],
)
def test_the_encoders_memory_is_seen(published, retuned, verdict, left):
    roles = {variants.PUBLISHED: published, variants.RETUNED: retuned}
    rows = predictions(roles, shifts=(0.0,), seed=2).query("protocol == 'random'").rename(columns={"model": "role"})
    rows["session"] = rows["utterance"].str[-1]
    found, _ = judged(predictions({"FC-DNN": 0.6, "other": 0.5}, seed=1), encoders=rows)
    assert found["encoder @ session"] == verdict and found["new_encoder @ session"] == left


TRUE = np.array(["neutral", "sadness"] * 20)

WRONG = np.array(["sadness", "neutral"] * 20)


def _table(*, shifts=(0.0, 2.0), references=claims.REFERENCES):
    """40 events in 10 dialogues: the model is right at random, wrong by dialogue, and as its reference by session."""
    half = np.where(np.arange(40) % 4 < 2, TRUE, WRONG)
    said = {"random": TRUE, "dialogue": WRONG, "session": half}
    rows = []
    for protocol, of_model in said.items():
        for shift in shifts:
            for model, predicted in {experiments.MODEL: of_model, **dict.fromkeys(references, half)}.items():
                event = {"utterance": [f"u{n}" for n in range(40)], "dialogue": np.repeat(list("abcdefghij"), 4)}
                marks = {"protocol": protocol, "model": model, "shift_s": shift}
                rows.append(
                    pd.DataFrame(
                        {**event, "emotion": TRUE, "predicted": predicted, **marks, "drawn": event["dialogue"]}
                    )
                )
    return pd.concat(rows, ignore_index=True)


def test_a_model_is_held_against_all_that_repeats_over_all_shifts():
    table = claims.against(_table(), CRITERIA.resampling)
    repeats = ["persistence", "persistence, classes in play", "audio persistence"]
    assert table["baseline"].tolist() == [name for name in repeats for _ in range(3)]
    assert table["protocol"].tolist() == ["random", "dialogue", "session"] * 3
    assert set(table["n"]) == {80}
    assert table["difference"].tolist()[:3] == pytest.approx([50, -50, 0])
    assert table["verdict"].tolist()[:3] == ["above", "below", "open"]
    assert (table["low"] <= table["difference"]).all() and (table["difference"] <= table["high"]).all()


def test_the_sentence_says_what_the_table_does():
    table = claims.against(_table(references=["persistence"]), CRITERIA.resampling)
    assert claims.finding(table, level=0.9) == (
        "On 40 events, each at 2 shifts, by 90 % intervals and tests that draw whole dialogues, or the sessions held out "
        "(tests after Holm's correction), "
        "the FC-DNN is better than persistence under random, "
        "worse than persistence under dialogue, not shown to differ from persistence under session."
    )
    table = claims.against(_table(), CRITERIA.resampling)
    assert "under session; it is better than audio persistence under random" in claims.finding(table, level=0.95)


def test_a_chain_is_judged_on_changes_against_the_guess_that_is_told_of_them():
    """The guess is right on every second change of three classes; both chains are named in the claim."""
    right = dict(zip(claims.CHAINS, (0.15, 0.75), strict=True))
    events = claims.changed(predictions({"majority": 1 / 3, **right}, shifts=(0.0,), protocols=("episode",)))
    asked = {"references": ("majority", baselines.GUESS), "criteria": CRITERIA, "classes": list(CLASSES)}
    found = pd.concat([claims.hit_gain(events, chain, **asked) for chain in claims.CHAINS])
    rows = claims.gains("label_changes", found.assign(p_holm=metrics.holm(found["p_value"])), CRITERIA)
    assert [row["verdict"] for row in rows] == [CONTRADICTED, SUPPORTED]
    assert all(chain in row["claim"] for chain, row in zip(claims.CHAINS, rows, strict=True))
    assert all(row["evidence"].endswith(f"against {baselines.GUESS}") for row in rows)


def test_an_interval_of_a_family_is_as_wide_as_its_criteria_say():
    events = predictions({"FC-DNN": 0.7}, protocols=("dialogue",), shifts=(1.0,))
    row = claims.chance("turns_ahead", events, CRITERIA, turns="1 turn")
    wider = replace(CRITERIA, resampling=replace(CRITERIA.resampling, level=0.975, draws=999))
    wide = claims.chance("turns_ahead", events, wider, turns="1 turn")
    right = 100 * events["emotion"].eq(events["predicted"])
    ends = metrics.loss_interval(right, events["drawn"], **wider.resampling.options)
    assert (wide["low"], wide["high"]) == pytest.approx(ends) and wide["low"] < row["low"]
    assert wide["claim"].startswith("1 turn ahead it") and wide["verdict"] == SUPPORTED

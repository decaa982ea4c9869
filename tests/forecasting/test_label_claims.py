"""Claims on forecasters that read labels, on made-up predictions of which it is known what they are."""

from emocast.forecasting import claims, label_claims
from emocast.forecasting.verdicts import CONTRADICTED, NOT_SHOWN, SUPPORTED
from made_predictions import CLASSES, JUDGE, predictions

RIGHT = {
    "majority": 1 / 3,
    "persistence": 0.5,
    "persistence, classes in play": 0.5,
    "Markov chain, order 1": 0.5,
    "Markov chain, order 2": 0.75,
    "hidden semi-Markov": 0.25,
}


def of_labels(*, of_dialogue, dialogues=60):
    """Each model is right as often as `RIGHT` says, the dialogue mode as `of_dialogue` does: protocol -> share."""
    where = [("dialogue mode", "protocol", protocol, share) for protocol, share in of_dialogue.items()]
    made = {"dialogues": dialogues, "shifts": (0.0, 10.0), "protocols": of_dialogue}
    return predictions({**RIGHT, "dialogue mode": 0.0}, where=where, **made)


def judged(table):
    tested = label_claims.chain_tests(table, JUDGE)
    found = label_claims.table(table, tested, strict="episode", judge=JUDGE, classes=list(CLASSES))
    names = found["claim"].str.partition(";")[0] + " @ " + found["protocol"]
    return tested, dict(zip(names, found["verdict"], strict=True)), found


def test_each_forecaster_has_the_verdict_that_it_was_made_for():
    _, verdict, found = judged(of_labels(of_dialogue={"random": 0.6, "episode": 1 / 3}))
    dialogue = "Knowing which dialogue it is beats naming the commonest emotion"
    assert verdict[f"{dialogue} @ random"] == SUPPORTED and verdict[f"{dialogue} @ episode"] == NOT_SHOWN
    assert verdict["Repeating the last true emotion scores above chance @ episode"] == SUPPORTED
    beats = {
        chain: verdict[f"The {chain} beats repeating the last true emotion @ episode"] for chain in label_claims.CHAINS
    }
    assert list(beats.values()) == [NOT_SHOWN, SUPPORTED, CONTRADICTED]
    # On changes the guess that is told of them is right on every second.
    changes = [verdict[f"The {chain} forecasts changes @ episode"] for chain in label_claims.CHAINS]
    assert changes == [NOT_SHOWN, SUPPORTED, CONTRADICTED]
    assert found.loc[found["claim"].str.contains("changes"), "evidence"].str.contains("given a change").all()
    claims.styled(found)  # it lays out this table, too


def test_all_chains_are_one_family_of_tests():
    tested, _, found = judged(of_labels(of_dialogue={"random": 0.6, "episode": 1 / 3}))
    assert len(tested) == 3 * 2 * 2 and list(tested["model"].unique()) == list(label_claims.CHAINS)
    one = tested[tested["model"] == "Markov chain, order 2"]
    least = tested["p_value"].min()
    assert (one["p_holm"] >= len(tested) * least - 1e-12).all(), (
        "adjusted for the tests of all chains, not of one alone"
    )
    of_strict = tested[(tested["protocol"] == "episode") & (tested["shift_s"] == 0)]
    assert found.loc[found["claim"].str.contains("beats repeating"), "p_holm"].tolist() == of_strict["p_holm"].tolist()


def test_without_an_event_that_changes_nothing_is_said_of_changes():
    table = of_labels(of_dialogue={"episode": 0.4}, dialogues=20)
    *_, found = judged(table.assign(last_emotion=table["emotion"]))
    assert not found["claim"].str.contains("forecasts changes").any()
    assert len(found) == 1 + 1 + 3, "a single rung is both the published and the strict one"

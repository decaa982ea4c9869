"""Each split proves what it promises: what stands in test was not trained or validated on."""

import pandas as pd
import pytest

from emocast.corpora import iemocap
from emocast.ser import splits


@pytest.fixture(scope="module")
def table(corpus_root):
    return iemocap.load(corpus_root)


def test_at_random_has_the_published_sizes_and_no_utterance_twice(table):
    parts = splits.at_random(table, seed=3)
    sizes = parts.value_counts()
    assert sizes["train"] == int(0.8 * len(table)) and sizes["valid"] == int(0.1 * len(table))
    assert sizes.sum() == len(table)
    assert splits.proof(table, parts)["utterances_shared"] == 0


def test_at_random_shares_speakers_and_dialogues_as_published(table):
    proof = splits.proof(table, splits.at_random(table, seed=3))
    assert proof["speakers_shared"] > 1
    assert proof["dialogues_shared"] > 0


def test_at_random_follows_its_seed(table):
    first, same, other = (splits.at_random(table, seed=seed) for seed in (1, 1, 2))
    assert first.equals(same) and not first.equals(other)


@pytest.mark.parametrize("session", ["Ses01", "Ses02"])
def test_a_session_left_out_shares_no_speaker_session_or_dialogue(table, session):
    parts = splits.leave_out(table, [session], column="session", seed=0)
    proof = splits.proof(table, parts)
    assert proof[["speakers_shared", "sessions_shared", "dialogues_shared", "utterances_shared"]].sum() == 0
    assert set(table.loc[parts == "test", "session"]) == {session}
    assert set(table.loc[parts == "train", "dialogue"]).isdisjoint(table.loc[parts == "valid", "dialogue"])


def test_speakers_left_out_of_single_sentences_validate_on_other_speakers():
    rows = {"speaker": [f"s{n % 6}" for n in range(60)], "dialogue": pd.NA, "session": pd.NA}
    table = pd.DataFrame({"utterance": [f"u{n}" for n in range(60)], **rows}).astype("string")
    parts = splits.leave_out(table, ["s0", "s1"], column="speaker", valid_fraction=0.25, seed=0)
    speakers = {part: set(table.loc[parts == part, "speaker"]) for part in splits.PARTS}
    assert speakers["test"] == {"s0", "s1"} and len(speakers["valid"]) == 1
    assert speakers["train"] == set(table["speaker"]) - speakers["test"] - speakers["valid"]


def test_an_unknown_group_is_named(table):
    with pytest.raises(ValueError, match="no session 'Ses09' to hold out; there are Ses01, Ses02"):
        splits.leave_out(table, ["Ses09"], column="session", seed=0)


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.8, 0.3, 0.1), (1.0, 0.1, -0.1)])
def test_shares_that_cannot_be_are_refused(table, fractions):
    with pytest.raises(ValueError, match="must be positive and sum to 1"):
        splits.at_random(table, fractions=fractions, seed=0)


def test_too_few_utterances_are_refused(table):
    with pytest.raises(ValueError, match="no utterance is left for valid"):
        splits.at_random(table.head(5), seed=0)

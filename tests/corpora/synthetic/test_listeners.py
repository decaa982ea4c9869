from collections import Counter

import numpy as np
import pandas as pd
import pytest

from emocast.corpora.synthetic import listeners, voices


def _votes(code, count=1500):
    """Votes on clips whose intensity varies as that of the deliveries."""
    rng = np.random.default_rng(2)
    shape = 1 / voices.INTENSITY_SPREAD**2
    return [listeners.vote(code, min(max(rng.gamma(shape, 1 / shape), 0.2), 2.0), rng) for _ in range(count)]


@pytest.mark.parametrize("code", listeners.CODES)
def test_votes_follow_the_confusion(code):
    """Shares of single votes; clipping at strong intensities moves them by up to four percentage points."""
    counts = np.sum([vote.counts for vote in _votes(code)], axis=0)
    expected = listeners.CONFUSION[listeners.CODES.index(code)]
    np.testing.assert_allclose(counts / counts.sum(), expected, atol=0.05)


def test_the_confusion_is_counted_in_the_real_votes(real):
    votes = pd.read_csv(real("cremad") / "processedResults" / "tabulatedVotes.csv", index_col=0)
    voice = votes[votes.index < 200_000]
    counts = voice.groupby(voice["fileName"].str.slice(9, 12))[list(listeners.LETTERS)].sum()
    assert counts.to_numpy().sum() == 68_568
    np.testing.assert_allclose(
        counts.div(counts.sum(axis=1), axis=0).loc[list(listeners.CODES)], listeners.CONFUSION, atol=6e-4
    )


def test_winning_votes_are_as_often_each_emotions_as_in_the_real_table(real):
    table = pd.read_csv(real("cremad") / "processedResults" / "summaryTable.csv", dtype=str)
    for code in listeners.CODES:
        theirs = table.loc[table["FileName"].str.slice(9, 12) == code, "VoiceVote"]
        theirs = theirs.where(theirs.str.len() == 1, "tie").value_counts(normalize=True)
        ours = pd.Series(["tie" if ":" in vote.letters else vote.letters for vote in _votes(code)])
        ours = ours.value_counts(normalize=True)
        for kind in (*listeners.LETTERS, "tie"):
            assert ours.get(kind, 0.0) == pytest.approx(theirs.get(kind, 0.0), abs=0.06)


def test_ties_name_all_winners_with_a_level_each():
    ties = [vote for code in listeners.CODES for vote in _votes(code, 100) if ":" in vote.letters]
    assert ties
    for vote in ties:
        counts = dict(zip(listeners.LETTERS, vote.counts, strict=True))
        most = [letter for letter in listeners.LETTERS if counts[letter] == max(counts.values())]
        assert vote.letters == ":".join(most)
        assert len(vote.level.split(":")) == len(most)
        assert len({len(level.partition(".")[2]) for level in vote.level.split(":")}) == 1


def test_a_strong_clip_is_heard_more_often():
    def heard(intensity):
        rng = np.random.default_rng(1)
        return Counter(listeners.vote("ANG", intensity, rng).letters for _ in range(200))["A"]

    assert heard(0.4) < heard(1.0) < heard(1.8)


def test_shares_are_probabilities():
    assert listeners.CONFUSION.shape == (6, 6)
    np.testing.assert_allclose(listeners.CONFUSION.sum(axis=1), 1.0)
    np.testing.assert_allclose(listeners.shares("SAD", 1.0), listeners.CONFUSION[5])
    np.testing.assert_allclose(listeners.shares("ANG", 3.0).sum(), 1.0)

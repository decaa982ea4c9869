"""Datasets read what the table names, crop as asked, and give each objective what it can use."""

import numpy as np
import pytest
import torch

from emocast import audio, labels
from emocast.ser import data


def test_items_are_the_utterances_sound_and_targets(utterances, corpus_root):
    rows = utterances.dropna(subset="emotion").head(3)
    made = data.dataset(rows, corpus_root, classes=labels.FOUR, crop_s=None)
    row, item = rows.iloc[1], made[1]
    sound = audio.read(corpus_root / row.audio, start_s=row.start_s, end_s=row.end_s, sample_rate=16_000)
    np.testing.assert_array_equal(item["sig"].numpy(), sound)
    assert labels.FOUR[item["emotion"]] == row.emotion
    np.testing.assert_allclose(item["dimensions"].numpy(), [row.valence, row.arousal])


def test_crops_have_their_length_lie_within_and_follow_the_seed(utterances, corpus_root):
    made = data.dataset(utterances.head(1), corpus_root, classes=labels.FOUR, crop_s=0.5)
    whole = data.dataset(utterances.head(1), corpus_root, classes=labels.FOUR, crop_s=None)[0]["sig"]
    crops = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        crops.append(made[0]["sig"])
    assert len(crops[0]) == 8000 and torch.equal(crops[0], crops[1]) and not torch.equal(crops[0], crops[2])
    assert any(torch.equal(whole[start : start + 8000], crops[0]) for start in range(len(whole) - 7999))


def test_an_epochs_order_follows_seed_and_epoch(utterances, corpus_root):
    made = data.dataset(utterances.head(12), corpus_root, classes=labels.FOUR, crop_s=0.1)

    def order(seed, epoch):
        batches = data.loader(made, batch_size=5, shuffle=True, seed=seed)
        batches.sampler.set_epoch(epoch)
        return [name for batch in batches for name in batch.id]

    assert order(0, 1) == order(0, 1) and sorted(order(0, 1)) == sorted(utterances["utterance"].head(12))
    assert order(0, 1) != order(0, 2) and order(0, 1) != order(1, 1)


def test_each_objective_uses_what_it_can(utterances):
    table = utterances.copy()
    table.loc[0, "valence"] = np.nan
    four, rated = table["emotion"].notna(), table[["valence", "arousal"]].notna().all(axis=1)
    expected = {"classification": four, "regression": rated, "multiobjective": four & rated}
    for objective, rows in expected.items():
        assert set(data.usable(table, objective=objective)["utterance"]) == set(table.loc[rows, "utterance"])
    assert rated.sum() > (four & rated).sum(), "regression learns from utterances of other categories too"


def test_a_missing_emotion_is_no_class(utterances, corpus_root):
    other = utterances[utterances["emotion"].isna()].head(1)
    assert data.dataset(other, corpus_root, classes=labels.FOUR, crop_s=0.1)[0]["emotion"] == -1


@pytest.mark.parametrize("crop_s", [None, 100.0])
def test_what_is_shorter_than_the_crop_stays_whole(utterances, corpus_root, crop_s):
    row = utterances.iloc[0]
    made = data.dataset(utterances.head(1), corpus_root, classes=labels.FOUR, crop_s=crop_s)
    assert len(made[0]["sig"]) == pytest.approx((row.end_s - row.start_s) * 16_000, abs=1)

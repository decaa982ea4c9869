import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_score
from sklearn.model_selection import KFold, cross_val_predict

from emocast import metrics
from emocast.metrics import structure

OPTIONS = {"draws": 200, "random_state": 0}


@pytest.fixture
def windows():
    """Two sessions of ten dialogues; in each ten windows of 10 s, one every 4 s, before anger and sadness in turn."""
    rows = [
        {"dialogue": f"d{dialogue:02d}", "session": f"s{dialogue // 10}", "speaker": f"s{dialogue // 10}_{window % 3}",
         "emotion": ("anger", "sadness")[window // 2 % 2], "start_s": 4.0 * window, "end_s": 4.0 * window + 10}
        for dialogue in range(20) for window in range(10)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def embeddings_of(labels, *, spread=0.1, dimension=30):
    """A random place for each group, and noise around it."""
    generator = np.random.default_rng(0)
    codes = pd.factorize(labels)[0]
    places = generator.normal(size=(codes.max() + 1, dimension))
    return places[codes] + generator.normal(0, spread, (len(codes), dimension))


def row(table, label):
    return table.set_index("label").loc[label]


def test_what_makes_the_embeddings_is_found_and_nothing_else(windows):
    table = metrics.explained(embeddings_of(windows["emotion"]), windows, **OPTIONS)
    assert table["label"].tolist() == ["emotion", "speaker", "session", "dialogue"]
    emotion = row(table, "emotion")
    assert (emotion["groups"], emotion["chance"], emotion["uar"], emotion["above_chance"]) == (2, 0.5, 1, 1)
    assert emotion["silhouette"] > 0.7
    assert (emotion["low"], emotion["high"], emotion["tested"], emotion["reason"]) == (1, 1, 200, "")
    for label in ("speaker", "session", "dialogue"):
        other = row(table, label)
        assert other["silhouette"] < 0.2
        assert abs(other["above_chance"]) < 0.2
    assert row(table, "dialogue")["chance"] == pytest.approx(1 / 20)


def test_scores_by_hand():
    """One dialogue of four is taken for another in half of its test windows: recalls 1, 1, 1 and 1/2."""
    starts = [0.0, 1, 2, 3, 20, 21, 22, 23]
    rows = [{"dialogue": name, "start_s": start, "end_s": start + 5} for name in "abcd" for start in starts]
    places = np.repeat(np.eye(4), 8, axis=0)
    places[[6, 7]] = np.eye(4)[1]
    table = metrics.explained(places, pd.DataFrame(rows), by=["dialogue"], **OPTIONS)
    found = table.iloc[0]
    assert found["uar"] == pytest.approx(7 / 8)
    assert found["above_chance"] == pytest.approx((7 / 8 - 1 / 4) / (3 / 4))
    assert found["above_low"] == pytest.approx((found["low"] - 1 / 4) / (3 / 4))
    assert found["above_high"] == pytest.approx((found["high"] - 1 / 4) / (3 / 4)) == 1
    assert found["tested"] == 16


def test_dialogues_stay_whole_where_emotions_are_probed():
    """Each dialogue is in one mood and knows nothing but itself: only a probe that has heard it can name its mood."""
    dialogues = pd.Series(np.repeat([f"d{number:02d}" for number in range(80)], 4), name="dialogue")
    moods = np.random.default_rng(1).permutation(["anger", "sadness"] * 40)
    windows = dialogues.to_frame().assign(emotion=np.repeat(moods, 4))
    embeddings = embeddings_of(dialogues, spread=0.01, dimension=100)
    leaking = structure.make_pipeline(structure.StandardScaler(), structure.LogisticRegression())
    said = cross_val_predict(leaking, embeddings, windows["emotion"], cv=KFold(5, shuffle=True, random_state=0))
    assert (said == windows["emotion"]).mean() > 0.99
    assert metrics.explained(embeddings, windows, by=["emotion"], **OPTIONS).iloc[0]["uar"] < 0.7


@pytest.mark.filterwarnings("error")
def test_folds_hold_every_group_in_training_and_test_each_window_once():
    """Whatever the dialogues: a few short ones, with four groups at random, can often not be divided so."""
    divided = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        count = generator.integers(2, 8)
        dialogues = pd.Series(np.repeat([f"d{number}" for number in range(count)], generator.integers(1, 4, count)))
        labels = pd.Series(generator.choice(list("abcd"), len(dialogues)))
        try:
            splits = structure.folds(labels, dialogues, random_state=0)
        except ValueError as error:
            assert "occurs in one dialogue" in str(error) or "dialogues were not divided" in str(error)
            continue
        divided += 1
        assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(labels)))
        for train, test in splits:
            assert not set(dialogues[train]) & set(dialogues[test])
            assert labels[train].nunique() == labels.nunique()
    assert divided > 20


def test_a_dialogues_halves_share_no_sound(windows):
    train, test = structure.halves(windows.sample(frac=1, random_state=0))
    shuffled = windows.sample(frac=1, random_state=0).reset_index(drop=True)
    for _, learned in shuffled.loc[train].groupby("dialogue"):
        assert sorted(learned["start_s"]) == [0, 4, 8, 12, 16]
    for _, tested in shuffled.loc[test].groupby("dialogue"):
        assert sorted(tested["start_s"]) == [28, 32, 36]  # the last of the first half ends at 26 s


def test_a_window_that_begins_where_the_last_one_ended_shares_nothing():
    rows = [{"dialogue": name, "start_s": start, "end_s": start + 0.1} for name in "ab" for start in (0.2, 0.3)]
    shared = pd.DataFrame(rows).assign(end_s=lambda table: table["start_s"] + 0.2)
    assert len(structure.halves(pd.DataFrame(rows))[1]) == 2
    with pytest.raises(ValueError, match="0 dialogue has a window"):
        structure.halves(shared)


def test_scaling_knows_nothing_of_the_test_windows(windows):
    """One enormous test window: scaled together with it, all others would be one and the same point."""
    embeddings = embeddings_of(windows["dialogue"], spread=0.01)
    position = structure.halves(windows)[1][0]
    embeddings[position] = 1e12
    found = metrics.explained(embeddings, windows, by=["dialogue"], **OPTIONS).iloc[0]
    assert found["uar"] >= 1 - 1 / 3 / 20 - 1e-9


def test_silhouette_is_that_of_values_of_equal_variance(windows):
    embeddings = embeddings_of(windows["session"], spread=1)
    scaled = (embeddings - embeddings.mean(axis=0)) / embeddings.std(axis=0)
    embeddings[:, 0] *= 1000
    expected = silhouette_score(scaled, windows["session"])
    assert structure.silhouette(embeddings, windows["session"]) == pytest.approx(expected)


@pytest.mark.parametrize(
    "emotion, reason",
    [(lambda rows: "anger", "1 group: nothing to tell apart"),
     (lambda rows: np.where(rows["dialogue"] == "d03", "fear", "anger"), "fear occurs in one dialogue")],
)  # fmt: skip
def test_a_probe_that_cannot_be_is_a_reason_not_a_crash(windows, emotion, reason):
    windows = windows.assign(emotion=emotion)
    found = metrics.explained(embeddings_of(windows["dialogue"]), windows, by=["emotion"], **OPTIONS).iloc[0]
    assert reason in found["reason"]
    assert found[["uar", "low", "high", "chance", "above_chance"]].isna().all()
    assert found["tested"] == 0


def test_dialogues_too_short_for_two_halves_are_a_reason(windows):
    early = windows[windows["start_s"] < 12].reset_index(drop=True)
    found = metrics.explained(embeddings_of(early["dialogue"]), early, by=["dialogue"], **OPTIONS).iloc[0]
    assert found["reason"].startswith("0 dialogue has a window")
    assert found["groups"] == 20 and found["silhouette"] > 0.5


def test_rows_without_embedding_or_label_are_left_out(windows):
    embeddings = embeddings_of(windows["emotion"])
    embeddings[7, 3] = np.nan
    windows.loc[[7, 11, 12], "speaker"] = None
    table = metrics.explained(embeddings, windows, by=["emotion", "speaker"], **OPTIONS)
    assert table["windows"].tolist() == [199, 197]
    with pytest.raises(ValueError, match="199 embeddings and 200 windows"):
        metrics.explained(embeddings[:-1], windows, **OPTIONS)


def test_the_interval_of_dialogues_is_that_of_their_recalls():
    """40 dialogues, the longer the worse recalled: as wide as the mean of 40 drawn recalls is uncertain, long or short."""
    generator = np.random.default_rng(3)
    recalls, sizes = np.linspace(1, 0, 40), np.arange(10, 50)
    true = np.repeat([f"d{number}" for number in range(40)], sizes)
    predicted = np.where(generator.random(len(true)) < np.repeat(recalls, sizes), true, "none")
    found = pd.Series(true == predicted).groupby(true).mean()
    low, high = structure._interval(true, predicted, true, draws=4000, random_state=0)
    assert (high - low) / 2 == pytest.approx(1.96 * found.std(ddof=0) / np.sqrt(40), rel=0.06)
    assert (high + low) / 2 == pytest.approx(found.mean(), abs=0.02)


def test_the_interval_is_wider_than_that_of_single_windows(windows):
    """Of a label other than the dialogue, whole dialogues are drawn: half of them all right, half all wrong."""
    true = windows["emotion"].to_numpy()
    wrong = windows["dialogue"].isin([f"d{number:02d}" for number in range(0, 20, 2)])
    predicted = np.where(wrong, np.where(true == "anger", "sadness", "anger"), true)
    low, high = structure._interval(true, predicted, windows["dialogue"].to_numpy(), draws=2000, random_state=0)
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(20), rel=0.15)


def test_the_seed_fixes_everything(windows):
    embeddings = embeddings_of(windows["emotion"], spread=3)
    first, again = (metrics.explained(embeddings, windows, **OPTIONS) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)

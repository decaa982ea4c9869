import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score
from sklearn.model_selection import KFold, cross_val_predict

from emocast import metrics
from emocast.metrics import probes

DRAWING = {"draws": 200, "random_state": 0}


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


def test_what_makes_the_embeddings_is_found_and_nothing_else(windows):
    table = metrics.explained(embeddings_of(windows["emotion"]), windows, **DRAWING)
    assert table["label"].tolist() == ["emotion", "speaker", "session", "dialogue"]
    emotion = table.set_index("label").loc["emotion"]
    assert (emotion["groups"], emotion["chance"], emotion["uar"], emotion["above_chance"]) == (2, 0.5, 1, 1)
    assert emotion["silhouette"] > 0.7
    assert (emotion["low"], emotion["high"], emotion["tested"], emotion["reason"]) == (1, 1, 200, "")
    for label in ("speaker", "session", "dialogue"):
        other = table.set_index("label").loc[label]
        assert other["silhouette"] < 0.2
        assert abs(other["above_chance"]) < 0.2
    assert table.set_index("label").loc["dialogue"]["chance"] == pytest.approx(1 / 20)


def test_dialogues_stay_whole_where_emotions_are_probed():
    """Each dialogue is in one mood and knows nothing but itself: only a probe that knows it can name its mood."""
    dialogues = pd.Series(np.repeat([f"d{number:02d}" for number in range(80)], 4), name="dialogue")
    moods = np.random.default_rng(1).permutation(["anger", "sadness"] * 40)
    windows = dialogues.to_frame().assign(emotion=np.repeat(moods, 4))
    embeddings = embeddings_of(dialogues, spread=0.01, dimension=100)
    leaking = probes.make_pipeline(probes.StandardScaler(), probes.LogisticRegression())
    said = cross_val_predict(leaking, embeddings, windows["emotion"], cv=KFold(5, shuffle=True, random_state=0))
    assert (said == windows["emotion"]).mean() > 0.99
    assert metrics.explained(embeddings, windows, by=["emotion"], **DRAWING).iloc[0]["uar"] < 0.7


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
            splits = probes.folds(labels, dialogues, random_state=0)
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
    train, test = probes.halves(windows.sample(frac=1, random_state=0))
    shuffled = windows.sample(frac=1, random_state=0).reset_index(drop=True)
    for _, learned in shuffled.loc[train].groupby("dialogue"):
        assert sorted(learned["start_s"]) == [0, 4, 8, 12, 16]
    for _, tested in shuffled.loc[test].groupby("dialogue"):
        assert sorted(tested["start_s"]) == [28, 32, 36]  # the last of the first half ends at 26 s


def test_scaling_knows_nothing_of_the_test_windows(windows):
    """One enormous test window: scaled together with it, all others would be one and the same point."""
    embeddings = embeddings_of(windows["dialogue"], spread=0.01)
    position = probes.halves(windows)[1][0]
    embeddings[position] = 1e12
    found = metrics.explained(embeddings, windows, by=["dialogue"], **DRAWING).iloc[0]
    assert found["uar"] >= 1 - 1 / 3 / 20 - 1e-9


@pytest.mark.parametrize(
    "emotion, reason",
    [(lambda rows: "anger", "1 group: nothing to tell apart"),
     (lambda rows: np.where(rows["dialogue"] == "d03", "fear", "anger"), "fear occurs in one dialogue")],
)  # fmt: skip
def test_a_probe_that_cannot_be_is_a_reason_not_a_crash(windows, emotion, reason):
    windows = windows.assign(emotion=emotion)
    found = metrics.explained(embeddings_of(windows["dialogue"]), windows, by=["emotion"], **DRAWING).iloc[0]
    assert reason in found["reason"]
    assert found[["uar", "low", "high", "chance", "above_chance"]].isna().all()
    assert found["tested"] == 0


def test_rows_without_embedding_or_label_are_left_out(windows):
    embeddings = embeddings_of(windows["emotion"])
    embeddings[7, 3] = np.nan
    windows.loc[[7, 11, 12], "speaker"] = None
    table = metrics.explained(embeddings, windows, by=["emotion", "speaker"], **DRAWING)
    assert table["windows"].tolist() == [199, 197]


def test_the_interval_of_dialogues_is_that_of_their_recalls(monkeypatch):
    """The longer a dialogue the worse it is recalled: as wide as the mean of drawn recalls is uncertain, long or short."""
    generator = np.random.default_rng(3)
    recalls, sizes = np.linspace(1, 0, 40), np.arange(20, 100, 2)
    names = np.repeat([f"d{number:02d}" for number in range(40)], sizes)
    start = np.concatenate([10.0 * np.arange(size) for size in sizes])
    windows = pd.DataFrame({"dialogue": names, "start_s": start, "end_s": start + 10})
    hit = generator.random(len(names)) < np.repeat(recalls, sizes)
    said = np.where(hit, names, np.where(names == "d00", "d01", "d00"))
    monkeypatch.setattr(probes, "predicted", lambda values, names, train, test: said[test])
    row = metrics.explained(np.zeros((len(names), 2)), windows, by=["dialogue"], draws=4000, random_state=0).iloc[0]
    tested = probes.halves(windows)[1]
    found = pd.Series(hit[tested]).groupby(names[tested]).mean()
    assert (row["high"] - row["low"]) / 2 == pytest.approx(1.96 * found.std(ddof=0) / np.sqrt(40), rel=0.06)
    assert (row["high"] + row["low"]) / 2 == pytest.approx(found.mean(), abs=0.02)


OPTIONS = {"permutations": 99, "random_state": 0}


def blobs(codes, *, spread=0.05, dimension=6):
    """A random place for each code and noise around it."""
    generator = np.random.default_rng(1)
    places = generator.normal(size=(max(codes) + 1, dimension))
    return places[codes] + generator.normal(0, spread, (len(codes), dimension))


@pytest.fixture
def rows():
    """20 dialogues of two speakers; their rows lie by speaker, whatever the emotion; all in English."""
    generator = np.random.default_rng(0)
    speaker = np.repeat(np.arange(40) % 4, 10)
    table = pd.DataFrame(
        {"speaker": [f"s{number}" for number in speaker], "sex": np.where(speaker % 2, "male", "female"),
         "dialogue": np.repeat([f"d{number:02d}" for number in range(20)], 20), "language": "en",
         "emotion": generator.choice(["anger", "neutral", "sadness"], 400)}
    )  # fmt: skip
    return blobs(speaker), table


def row(table, label, measure):
    return table.set_index(["label", "measure"]).loc[(label, measure)]


def test_the_measures_are_scikit_learns():
    generator = np.random.default_rng(3)
    assigned, codes = generator.integers(0, 5, 300), generator.integers(0, 3, 300)
    values = generator.normal(size=(300, 4))
    values[codes == 1] += 0.4
    table = pd.DataFrame({"emotion": np.array(["anger", "neutral", "sadness"])[codes]})
    found = probes.alignment(values, assigned, table, by=["emotion"], **OPTIONS).set_index("measure")["value"]
    assert found["ari"] == pytest.approx(adjusted_rand_score(codes, assigned))
    assert found["nmi"] == pytest.approx(normalized_mutual_info_score(codes, assigned))
    assert found["silhouette"] == pytest.approx(silhouette_score(values, codes), abs=1e-5)


def test_clusters_that_are_voices_are_told_from_feelings(rows):
    values, table = rows
    assigned = probes.cluster(values, clusters=4, random_state=0)
    found = probes.alignment(values, assigned, table, **OPTIONS)
    assert row(found, "speaker", "ari")["value"] == pytest.approx(1)
    for measure in probes.MEASURES:
        assert row(found, "speaker", measure)["p"] == pytest.approx(0.01)  # the least that 99 shuffles can say
        assert row(found, "emotion", measure)["p"] > 0.05
        assert row(found, "emotion", measure)["value"] < row(found, "speaker", measure)["value"] / 4
    assert row(found, "sex", "nmi")["value"] == pytest.approx(2 / 3, abs=0.01)  # 1 bit of 2, by the mean of 1 and 2
    english = found[found["label"] == "language"]
    assert english[["value", "null_mean", "null_95", "p"]].isna().all(axis=None)
    assert english["reason"].str.startswith("1 group and 4 clusters").all() and found["reason"].eq("").sum() == 12


def test_shuffled_within_dialogues_what_a_dialogue_explains_is_no_finding(rows):
    """Emotion is the dialogue's, but for noise; so are the places: a plain shuffle is impressed, one within dialogues not."""
    _, table = rows
    dialogue = np.repeat(np.arange(20), 20)
    values = blobs(dialogue % 2)
    noisy = np.where(np.random.default_rng(5).random(400) < 0.2, 1 - dialogue % 2, dialogue % 2)
    table = table.assign(emotion=np.array(["anger", "sadness"])[noisy])
    assigned = probes.cluster(values, clusters=2, random_state=0)
    options = {"by": ["emotion"], "measures": ["ari", "nmi"], **OPTIONS}
    plain = probes.alignment(values, assigned, table, **options)
    within = probes.alignment(values, assigned, table, within="dialogue", **options)
    assert (plain["p"] == 0.01).all()
    assert (within["p"] > 0.5).all()
    assert (within["value"] == plain["value"]).all()
    assert set(within["shuffled"]) == {"within dialogue"}


def test_a_sweep_finds_the_number_of_voices(rows):
    values, table = rows
    found = probes.sweep(values, table, clusters=[2, 4, 8, 4000], by=["speaker"], **OPTIONS)
    assert found["clusters"].unique().tolist() == [2, 4, 8]
    for measure in ("ari", "silhouette"):
        best = found[found["measure"] == measure].set_index("clusters")["value"]
        assert best.idxmax() == 4

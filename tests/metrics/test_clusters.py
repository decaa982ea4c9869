import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score

from emocast.metrics import clusters

OPTIONS = {"permutations": 99, "random_state": 0}


def blobs(codes, *, spread=0.05, dimension=6):
    """A random place for each code and noise around it."""
    generator = np.random.default_rng(1)
    return generator.normal(size=(max(codes) + 1, dimension))[codes] + generator.normal(
        0, spread, (len(codes), dimension)
    )


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
    assigned, codes, values = (
        generator.integers(0, 5, 300),
        generator.integers(0, 3, 300),
        generator.normal(size=(300, 4)),
    )
    values[codes == 1] += 0.4
    table = pd.DataFrame({"emotion": np.array(["anger", "neutral", "sadness"])[codes]})
    found = clusters.alignment(values, assigned, table, by=["emotion"], **OPTIONS).set_index("measure")["value"]
    assert found["ari"] == pytest.approx(adjusted_rand_score(codes, assigned))
    assert found["nmi"] == pytest.approx(normalized_mutual_info_score(codes, assigned))
    assert found["silhouette"] == pytest.approx(silhouette_score(values, codes), abs=1e-5)


def test_the_silhouette_of_single_rows_and_equal_points_is_scikit_learns():
    values = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [5.0, 0.0], [0.0, 0.0], [7.0, 1.0]])
    codes = np.array([0, 0, 1, 1, 2, 0])
    assert clusters._silhouettes(values, codes)(codes[None])[0] == pytest.approx(silhouette_score(values, codes))


def test_clusters_that_are_voices_are_told_from_feelings(rows):
    values, table = rows
    assigned = clusters.cluster(values, clusters=4, random_state=0)
    found = clusters.alignment(values, assigned, table, **OPTIONS)
    assert row(found, "speaker", "ari")["value"] == pytest.approx(1)
    for measure in clusters.MEASURES:
        assert row(found, "speaker", measure)["p"] == pytest.approx(0.01)  # the least that 99 shuffles can say
        assert row(found, "emotion", measure)["p"] > 0.05
        assert row(found, "emotion", measure)["value"] < row(found, "speaker", measure)["value"] / 4
    assert row(found, "sex", "nmi")["value"] == pytest.approx(2 / 3, abs=0.01)  # 1 bit of 2, by the mean of 1 and 2


def test_the_null_of_mutual_information_is_above_zero_and_the_rand_indexs_is_not(rows):
    values, table = rows
    assigned = clusters.cluster(values, clusters=4, random_state=0)
    found = clusters.alignment(values, assigned, table, by=["dialogue"], **OPTIONS)
    assert row(found, "dialogue", "nmi")["null_mean"] > 0.03
    assert abs(row(found, "dialogue", "ari")["null_mean"]) < 0.005
    assert (found["null_95"] > found["null_mean"]).all()


def test_shuffled_within_dialogues_what_a_dialogue_explains_is_no_finding(rows):
    """Emotion is the dialogue's, but for noise; so are the places: a plain shuffle is impressed, one within dialogues not."""
    _, table = rows
    dialogue = np.repeat(np.arange(20), 20)
    values = blobs(dialogue % 2)
    noisy = np.where(np.random.default_rng(5).random(400) < 0.2, 1 - dialogue % 2, dialogue % 2)
    table = table.assign(emotion=np.array(["anger", "sadness"])[noisy])
    assigned = clusters.cluster(values, clusters=2, random_state=0)
    options = {"by": ["emotion"], "measures": ["ari", "nmi"], **OPTIONS}
    plain = clusters.alignment(values, assigned, table, **options)
    within = clusters.alignment(values, assigned, table, within="dialogue", **options)
    assert (plain["p"] == 0.01).all()
    assert (within["p"] > 0.5).all()
    assert (within["value"] == plain["value"]).all()
    assert set(within["shuffled"]) == {"within dialogue"}


def test_a_shuffle_keeps_what_each_block_holds():
    generator = np.random.default_rng(0)
    blocks, codes = generator.integers(0, 4, 50), generator.integers(0, 3, 50)
    shuffled = clusters._shuffled(codes, blocks, 20, generator)
    for block in range(4):
        assert (np.sort(shuffled[:, blocks == block]) == np.sort(codes[blocks == block])).all()
    assert len({tuple(one) for one in shuffled}) == 20


def test_one_language_is_a_row_with_its_reason(rows):
    values, table = rows
    found = clusters.alignment(values, np.arange(400) % 3, table, **OPTIONS)
    english = found[found["label"] == "language"]
    assert english[["value", "null_mean", "null_95", "p"]].isna().all(axis=None)
    assert english["reason"].str.startswith("1 group").all()
    assert (found.loc[found["label"] != "language", "reason"] == "").all()


def test_rows_without_the_label_are_left_out(rows):
    values, table = rows
    known = np.arange(400) % 3 > 0
    table["emotion"] = table["emotion"].where(known)
    assigned = clusters.cluster(values, clusters=3, random_state=0)
    found = clusters.alignment(values, assigned, table, by=["emotion"], **OPTIONS)
    again = clusters.alignment(values[known], assigned[known], table[known], by=["emotion"], **OPTIONS)
    pd.testing.assert_frame_equal(found, again)
    assert set(found["n"]) == {known.sum()}


def test_a_silhouette_looks_at_a_part_of_many_rows(monkeypatch, rows):
    monkeypatch.setattr(clusters, "_MOST_ROWS", 100)
    values, table = rows
    found = clusters.alignment(values, np.arange(400) % 3, table, by=["speaker"], **OPTIONS).set_index("measure")
    assert found["n"].to_dict() == {"ari": 400, "nmi": 400, "silhouette": 100}
    assert found.loc["silhouette", "value"] > 0.85


def test_a_sweep_finds_the_number_of_voices(rows):
    values, table = rows
    found = clusters.sweep(values, table, clusters=[2, 4, 8, 4000], by=["speaker"], **OPTIONS)
    assert found["clusters"].unique().tolist() == [2, 4, 8]
    for measure in ("ari", "silhouette"):
        best = found[found["measure"] == measure].set_index("clusters")["value"]
        assert best.idxmax() == 4


def test_the_seed_fixes_everything(rows):
    values, table = rows
    options = {"clusters": [3], "by": ["emotion"], "permutations": 9}
    first, again = (clusters.sweep(values, table, random_state=5, **options) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert (clusters.sweep(values, table, random_state=6, **options)["null_mean"] != first["null_mean"]).any()


def test_what_does_not_belong_together_is_refused(rows):
    values, table = rows
    with pytest.raises(ValueError, match="400 embeddings, 399 clusters and 400 rows"):
        clusters.alignment(values, np.zeros(399), table, **OPTIONS)
    with pytest.raises(ValueError, match="3 rows cannot be divided into 4 clusters"):
        clusters.cluster(values[:3], clusters=4, random_state=0)
    with pytest.raises(ValueError, match="draws is 0"):
        clusters.alignment(values, np.zeros(400), table, permutations=0, random_state=0)

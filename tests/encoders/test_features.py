"""Features a turn in place of sound: which turns a window's embedding is made of, and which files are refused."""

import numpy as np
import pandas as pd
import pytest

from emocast import audio, encoders, windows
from emocast.corpora import iemocap
from emocast.encoders import features, hub, store
from emocast.windows import of_voice

K = 3  # features of a turn


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The data folder."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path))
    return tmp_path


def talk(n=30, dialogues=2, seed=0):
    """Turns of two speakers that overlap, as real ones do; they last 1 to 6 s."""
    generator, rows = np.random.default_rng(seed), []
    for dialogue in range(dialogues):
        starts = np.cumsum(generator.uniform(0.5, 3, n)).round(3)
        for number, start in enumerate(starts):
            name = f"d{dialogue}_{number:03}"
            row = {"utterance": name, "dialogue": f"d{dialogue}", "session": "s", "scenario": "x", "emotion": "sadness"}
            row |= {"speaker": f"s{generator.integers(2)}", "audio": f"{audio.NO_SOUND}/d{dialogue}"}
            rows.append(row | {"start_s": start, "end_s": round(start + generator.uniform(1, 6), 3)})
    return pd.DataFrame(rows)


def table_of(turns, seed=1):
    values = np.random.default_rng(seed).normal(size=(len(turns), K))
    return pd.DataFrame(values, index=pd.Index(turns["utterance"], name="turn"), columns=list("abc"))


def write(data, table, name="own.csv"):
    table.to_csv(data / name)
    encoders.hub._download.cache_clear()
    return f"features:{name}"


@pytest.fixture
def asked(data):
    """Turns, their features, the encoder's name, and windows at some shifts."""
    turns = talk()
    table = table_of(turns)
    cut = windows.sweep(turns, [0, 4, 9], length_s=7)
    return turns, table, write(data, table), cut


def embed(name, cut, turns):
    return store.embed(name, cut, "nowhere", turns=turns)[0]


def test_an_embedding_is_made_of_the_turns_that_ended_inside(asked):
    turns, table, name, cut = asked
    found, problems = store.embed(name, cut, "nowhere", turns=turns)
    assert problems.empty and found.dtype == np.float32 and found.shape == (len(cut), 4 * K + 3)
    assert encoders.get(name).dimension == 4 * K + 3 and len(features.PARTS) == 7
    for row, vector in list(zip(cut.itertuples(), found, strict=True))[::5]:
        inside = turns[(turns["dialogue"] == row.dialogue) & turns["end_s"].between(row.start_s, row.end_s)]
        inside = inside.sort_values("end_s")
        own, partner = (inside[inside["speaker"].eq(row.speaker) == mine] for mine in (True, False))
        parts = [table.loc[inside["utterance"]].mean()] if len(inside) else [np.zeros(K)]
        parts += [
            table.loc[some["utterance"].iloc[-1]] if len(some) else np.zeros(K) for some in (inside, own, partner)
        ]
        np.testing.assert_allclose(vector, np.concatenate([*parts, [len(inside), len(own), len(partner)]]), atol=1e-5)


def test_nothing_after_the_windows_end_is_used(asked, data):
    """Later turns, and those still running at t - d, are other ones with other features: not one bit of it moves."""
    turns, table, name, cut = asked
    before, dialogue = embed(name, cut, turns), turns["dialogue"]
    moved = 0
    for row in range(0, len(cut), 7):
        at = cut.iloc[[row]]
        end, event = at["end_s"].iloc[0], at["utterance"].iloc[0]
        later = (turns["end_s"] > end + 1e-6) | (dialogue != at["dialogue"].iloc[0])
        changed, others = table.copy(), turns.copy()
        changed.loc[turns.loc[later, "utterance"]] += 100.0
        others.loc[later & (others["utterance"] != event), "end_s"] += 50.0  # how long one goes on is not known yet
        others.loc[later, "speaker"] = "somebody else"
        after = embed(write(data, changed, "later.csv"), at, others)
        np.testing.assert_array_equal(after[0], before[row])
        earlier = ~later & (turns["end_s"] >= at["start_s"].iloc[0])
        changed.loc[turns.loc[earlier, "utterance"]] += 1.0  # the test can fail: what has ended inside is used
        moved += (embed(write(data, changed, "earlier.csv"), at, turns)[0] != before[row]).any()
    assert moved > 3


def test_a_turn_that_still_goes_on_does_not_count(data):
    turns = talk(4, 1).assign(
        start_s=[1.0, 4.0, 5.0, 14.0], end_s=[3.0, 12.0, 14.5, 16.0], speaker=["a", "b", "b", "a"]
    )
    name = write(data, table_of(turns))
    (vector,) = embed(name, windows.before(turns.iloc[[3]], shift_s=0, length_s=10), turns)
    assert vector[-3:].tolist() == [1, 0, 1], (
        "the second turn has ended by 14 s, the third has not, the first before 4 s"
    )


def test_where_no_turn_has_ended_all_is_zero_and_the_count_says_so(data):
    turns = talk(2, 1).assign(start_s=[0.0, 30.0], end_s=[2.0, 33.0])
    (vector,) = embed(write(data, table_of(turns)), windows.before(turns.iloc[[1]], length_s=10), turns)
    assert not vector.any()


def test_a_turn_itself_is_its_own_row(asked):
    turns, table, name, _ = asked
    found = embed(name, turns, turns)
    np.testing.assert_allclose(found[:, :K], table.to_numpy(), atol=1e-5)
    np.testing.assert_array_equal(found[:, -3:], np.tile([1, 1, 0], (len(turns), 1)))


def test_of_one_voice_its_turns_count_alone(asked):
    turns, _, name, cut = asked
    both = embed(name, cut, turns)
    own, partner = (embed(name, of_voice(cut, turns, whose=whose), turns) for whose in ("own", "partner"))
    np.testing.assert_array_equal(own[:, -3], both[:, -2])
    np.testing.assert_array_equal(partner[:, -3], both[:, -1])
    np.testing.assert_array_equal(own[:, 2 * K : 3 * K], both[:, 2 * K : 3 * K])
    assert not own[:, 3 * K : 4 * K].any() and not partner[:, 2 * K : 3 * K].any()


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npy"])
def test_the_same_features_in_each_format(suffix, asked, data):
    turns, table, name, cut = asked
    if suffix == "parquet":
        table.reset_index().to_parquet(data / "other.parquet")
    elif suffix == "npy":
        np.save(data / "other.npy", table.to_numpy())
        (data / "other.txt").write_text("\n".join(table.index))
    else:
        table.sample(frac=1, random_state=0).to_csv(data / "other.csv")  # the order of rows is no matter
    np.testing.assert_allclose(embed(f"features:other.{suffix}", cut, turns), embed(name, cut, turns), atol=1e-6)


def test_its_key_is_the_files_content(asked, data):
    _, table, name, _ = asked
    made = encoders.get(name)
    assert (made.name, made.precision) == (name, "fp32") and len(made.digest) == 64
    assert encoders.weights_bytes(name) == (data / "own.csv").stat().st_size and encoders.missing(name) == ""
    write(data, table, "copy.csv")
    assert encoders.get("features:copy.csv").digest == made.digest
    write(data, table + 1, "own.csv")
    assert encoders.get(name).digest != made.digest


def test_a_few_turns_may_be_missing_and_are_told(data):
    turns = talk(60, 4)
    table = table_of(turns)
    cut, gone = windows.before(turns, length_s=7), turns["utterance"].iloc[5]
    found, problems = store.embed(write(data, table.drop(gone)), cut, "nowhere", turns=turns)
    (problem,) = problems["problem"]
    assert problem == "1 of 240 turns are not in own.csv, and count as not heard" and np.isfinite(found).all()
    without = turns[turns["utterance"] != gone]
    np.testing.assert_array_equal(found, embed("features:own.csv", cut, without))
    assert (
        np.isnan(embed("features:own.csv", turns, turns)).any(axis=1).tolist() == (turns["utterance"] == gone).tolist()
    )


TWICE = "1 rows are of a turn that is there already, the first is d0_002"
GAPS = r"\d+ values are missing or not finite, the first of d0_"
BAD = {
    "twice": (lambda table: pd.concat([table, table.iloc[[2]]]), TWICE),
    "missing": (lambda table: table.assign(b=table["b"].where(table["b"] < 1)), GAPS),
    "words": (lambda table: table.assign(c="loud"), "the column c is not numeric"),
    "nothing": (lambda table: table[[]], "it holds no feature"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(kind, asked, data):
    damage, said = BAD[kind]
    name = write(data, damage(asked[1]), "bad.csv")
    with pytest.raises(features.FeaturesError, match=said) as error:
        encoders.get(name)
    assert "bad.csv" in str(error.value) and "\n" not in str(error.value)


def test_a_file_of_another_corpus_is_refused(asked, data):
    turns, table, _, cut = asked
    name = write(data, table.iloc[10:])
    with pytest.raises(features.FeaturesError, match="10 of the corpus's 60 turns are not in it, the first is d0_000"):
        store.embed(name, cut, "nowhere", turns=turns)


def test_files_that_are_not_there_or_of_another_kind(data):
    with pytest.raises(hub.CheckpointError, match=r"no .*none\.csv: put there a table of features, one row a turn"):
        encoders.get("features:none.csv")
    assert "one row a turn" in encoders.missing("features:none.csv")
    np.save(data / "own.npy", np.zeros((2, 2)))
    with pytest.raises(hub.CheckpointError, match=r"no .*own\.txt: put there the names of own\.npy's turns"):
        encoders.get("features:own.npy")
    (data / "own.txt").write_text("one\n")
    with pytest.raises(features.FeaturesError, match=r"its shape is \(2, 2\) and own\.txt has 1 names"):
        encoders.get("features:own.npy")
    with pytest.raises(features.FeaturesError, match=r"is one of \.csv, \.parquet, \.npy"):
        encoders.get("features:own.xlsx")
    (data / "own.parquet").write_text("no such thing")
    with pytest.raises(features.FeaturesError, match="cannot be read as parquet"):
        encoders.get("features:own.parquet")


def test_what_needs_sound_says_so(asked):
    turns, _, name, cut = asked
    with pytest.raises(audio.AudioError, match="handcrafted needs sound, and the corpus was loaded from its anno"):
        store.embed("handcrafted", cut, "nowhere")
    with pytest.raises(ValueError, match="give all of them"):
        store.embed(name, cut, "nowhere")
    with pytest.raises(features.FeaturesError, match="cannot embed sound"):
        encoders.get(name).encode([np.zeros(16_000, np.float32)])
    with pytest.raises(features.FeaturesError, match="it knows turns, not sound"):
        store.embed_blocks(name, cut, "nowhere", block_s=3.5, turns=turns)


def test_the_real_files_are_read(real, monkeypatch):
    folder = real("iemocap")
    monkeypatch.setenv("EMOCAST_DATA", str(folder))
    turns = iemocap.load(folder)
    for file, count, lacking in (("audio_posteriors.csv", 4, 0), ("acoustic_8.csv", 8, 8)):
        made = encoders.get(f"features:{file}")
        found, lacks = made.encode_turns(windows.before(turns.head(300), length_s=10), turns)
        assert made.dimension == found.shape[1] == 4 * count + 3 and lacks == lacking

"""Heads across corpora: a planted shift, speakers and labels kept apart, layers that know, and scores with their intervals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import labels, metrics
from emocast import settings as profiles
from emocast.ser import transfer

FOUR = np.array(labels.FOUR, dtype=object)
HOW = metrics.Resampling(draws=200)
OPTIONS = {"folds": 4, "penalty": 10.0, "random_state": 0}


def made(language="en", *, speakers=8, each=5, seed=0, name="a"):
    """A corpus in which the first four features know the class: of each speaker so many utterances of each class."""
    rng = np.random.default_rng(seed)
    places = [(speaker, emotion) for speaker in range(speakers) for emotion in range(4) for _ in range(each)]
    speaker, emotion = np.array(places).T
    values = rng.normal(0, 1, (len(places), 10))
    values[np.arange(len(places)), emotion] += 2.5
    table = pd.DataFrame({"speaker": [f"{name}{one}" for one in speaker], "emotion": FOUR[emotion]})
    table["sex"] = np.where(speaker % 2, "female", "male")
    table["utterance"] = [f"{name}-{row}" for row in range(len(table))]
    return transfer.Set(table.astype("string"), values, language)


def uars(found, *by):
    return transfer.scored(found, by, HOW).set_index(list(by))["uar"]


def test_a_planted_shift_is_removed_by_the_targets_own_statistics():
    source, target = made(), made("de", name="b", seed=1)
    scale, offset = np.geomspace(0.2, 5, 10), np.linspace(8, -8, 10)
    shifted = target._replace(embeddings=target.embeddings * scale + offset)
    found = transfer.matrix({"a": source, "b": shifted}, **OPTIONS)
    uar = uars(found, "trained_on", "tested_on", "way")
    assert uar["a", "b", transfer.PLAIN] < 0.5 < 0.8 < uar["a", "b", transfer.ADAPTED]
    straight = uars(transfer.matrix({"a": source, "b": target}, **OPTIONS), "trained_on", "tested_on", "way")
    assert straight["a", "b", transfer.PLAIN] > 0.8
    assert uar["b", "b", transfer.PLAIN] == pytest.approx(straight["b", "b", transfer.PLAIN], abs=0.02)
    assert set(found["trained_on"]) == {"a", "b", transfer.OTHERS}


def test_leaving_a_language_out_leaves_out_all_its_corpora():
    sets = {"a": made(), "c": made(name="c", seed=2), "b": made("de", name="b", seed=1)}
    backwards = sets["c"]._replace(embeddings=-sets["c"].embeddings)
    found = [transfer.matrix({**sets, "c": one}, **OPTIONS) for one in (sets["c"], backwards)]
    first, second = (
        rows[rows["trained_on"].eq(transfer.OTHERS)].set_index(["tested_on", "way"]).sort_index() for rows in found
    )
    for way in (transfer.PLAIN, transfer.ADAPTED):
        pd.testing.assert_frame_equal(first.loc[("a", way)], second.loc[("a", way)])  # English, as "c" is
        assert not first.loc[("b", way)].equals(second.loc[("b", way)])
    alone = transfer.matrix({"a": made(), "c": made(name="c")}, **OPTIONS)
    assert transfer.OTHERS not in set(alone["trained_on"]), "no other language is there"


def test_who_could_only_know_voices_by_heart_gains_nothing():
    """Each voice has one emotion and features of its own: utterances divided at random would score near 1."""
    own, rng = made(speakers=40, each=1), np.random.default_rng(3)
    voice = own.table["speaker"].factorize()[0]
    values = rng.normal(0, 1, (40, 30))[voice] + rng.normal(0, 0.1, (len(voice), 30))
    table = own.table.assign(emotion=pd.array(FOUR[rng.permutation(np.arange(40) % 4)[voice]], dtype="string"))
    told = transfer.Head(10.0).fit(values[::2], table["emotion"][::2]).shares(values[1::2])
    assert (FOUR[told.argmax(axis=1)] == table["emotion"][1::2]).mean() > 0.9
    shares = transfer.unseen(transfer.Set(table, values, "en"), **OPTIONS)
    found = transfer.answers(table, shares, tested_on="a")
    assert transfer.uar(found, HOW).value < 0.45
    for train, test in transfer.apart(table, 5, random_state=0):
        assert not set(table["speaker"].iloc[train]) & set(table["speaker"].iloc[test])


def test_adaptation_asks_no_label_of_the_target():
    source, target = made(), made("de", name="b", seed=1)
    mixed = target.table.assign(emotion=target.table["emotion"].sample(frac=1, random_state=0).to_numpy())
    first, second = (
        transfer.matrix({"a": source, "b": target._replace(table=table)}, **OPTIONS).query("trained_on == 'a'")
        for table in (target.table, mixed)
    )
    assert set(first["way"]) == {transfer.PLAIN, transfer.ADAPTED}
    pd.testing.assert_frame_equal(first[[*transfer.SHARES]], second[[*transfer.SHARES]])


def test_statistics_of_the_training_alone_standardise_who_is_apart():
    own = made()
    outlier = own.embeddings.copy()
    (train, test), *_ = transfer.apart(own.table, 4, random_state=0)
    outlier[test[0]] = 1e6
    shares = [transfer.unseen(own._replace(embeddings=values), **OPTIONS) for values in (own.embeddings, outlier)]
    np.testing.assert_allclose(shares[0][test[1:]], shares[1][test[1:]])
    assert not np.allclose(shares[0][train], shares[1][train])


def test_a_class_that_was_not_taught_is_never_named():
    own = made()
    known = own.table["emotion"].ne("anger").to_numpy()
    shares = transfer.Head(1.0).fit(own.embeddings[known], own.table["emotion"][known]).shares(own.embeddings)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares[:, labels.FOUR.index("anger")] == 0).all()


@pytest.fixture(scope="module")
def few():
    target, sources = made("de", name="b", seed=1, speakers=6), [made()]
    turned = [one._replace(embeddings=np.roll(one.embeddings, 1, axis=1)) for one in sources]  # knows another language
    options = {"draws": 3, "weight": 20.0, "penalty": 10.0, "random_state": 0}
    return target, transfer.few(target, turned, [5, 20, 5000], **options).assign(tested_on="b")


def test_labels_are_of_speakers_that_are_not_tested(few):
    target, found = few
    assert not any(one.speaker in one.drawn_from.split("|") for one in found.itertuples())
    assert set(found["labels"]) == {0, 5, 20}, "more than there are cannot be drawn"
    tested = found.groupby(["seed", "labels", "head"], sort=False)["utterance"].agg(["size", "nunique"])
    assert (tested == len(target.table)).all(axis=None), "everybody is tested once a draw"


def test_more_labels_help_and_a_weighted_one_counts_against_many_others(few):
    uar = uars(few[1], "tested_on", "labels", "head")["b"]
    assert uar[0, "with the others"] < 0.4
    assert uar[20, "own labels"] > max(uar[5, "own labels"], 0.7)
    assert uar[20, "with the others"] > uar[0, "with the others"] + 0.2


def test_the_labels_of_who_is_tested_are_never_asked():
    """With the labels of one half's speakers reversed, what is learned from the other half is the same."""
    target, options = made("de", name="b", seed=1, speakers=6), {"draws": 1, "weight": 5.0, "penalty": 10.0}
    (train, test), _ = transfer.apart(target.table, 2, random_state=0)
    rolled = target.table["emotion"].to_numpy(dtype=object).copy()
    rolled[test] = FOUR[(pd.Index(FOUR).get_indexer(rolled[test]) + 1) % 4]
    heads = {}
    for name, emotions in (("as they are", target.table["emotion"].to_numpy(dtype=object)), ("rolled", rolled)):
        order = train[transfer.even(emotions[train], random_state=0)][:20]
        values = transfer.standardised(target.embeddings, target.embeddings)
        heads[name] = transfer.Head(10.0).fit(values[order], emotions[order]).shares(values[test])
    found = transfer.few(target, [made()], [20], random_state=0, **options)
    asked = found.query("labels == 20 and head == 'own labels'").set_index("utterance")
    np.testing.assert_allclose(asked.loc[target.table["utterance"].iloc[test], [*transfer.SHARES]], heads["rolled"])
    np.testing.assert_allclose(heads["as they are"], heads["rolled"])


def test_beginnings_of_an_even_order_are_even():
    emotions = np.array(["neutral"] * 50 + ["anger"] * 3 + ["sadness"] * 20, dtype=object)
    order = transfer.even(emotions, random_state=0)
    assert sorted(order) == list(range(73))
    assert pd.Series(emotions[order[:9]]).value_counts().to_dict() == dict.fromkeys(("neutral", "anger", "sadness"), 3)
    assert list(order) != list(transfer.even(emotions, random_state=1))


def test_the_layer_that_knows_gets_the_weight():
    own = made()
    noise = np.random.default_rng(1).normal(size=(2, *own.embeddings.shape))
    layers = [own._replace(embeddings=values) for values in (noise[0], own.embeddings, noise[1])]
    layers = [{"a": one, "b": one._replace(language="de")} for one in layers]
    found, weights = transfer.learned_layers(layers, **OPTIONS)
    weights = weights.set_index(["trained_on", "layer"])["weight"]["a"]
    assert weights.sum() == pytest.approx(1) and weights[1] > 0.9
    uar = uars(found, "trained_on", "tested_on", "way")
    known = uars(transfer.matrix(layers[1], **OPTIONS), "trained_on", "tested_on", "way")
    for key, value in uar.items():
        assert value == pytest.approx(known[key], abs=0.05)
    assert uar["a", "a", transfer.PLAIN] < 1, "of speakers apart, not of the training"


def test_one_layer_alone_is_the_plain_head():
    own = made()
    values, emotions = transfer.standardised(own.embeddings, own.embeddings), own.table["emotion"]
    weighted = transfer.WeightedLayers(10.0).fit(values[:, None], emotions)
    plain = transfer.Head(10.0).fit(values, emotions)
    np.testing.assert_allclose(weighted.shares(values[:, None]), plain.shares(values), atol=0.01)


@pytest.mark.parametrize("rated", [True, False])
def test_valence_and_arousal_of_ratings_or_of_corners(rated):
    source, target = made(), made("de", name="b", seed=1)
    corners = np.array([transfer.CORNERS[name] for name in source.table["emotion"]])
    if rated:
        given = dict(zip(("valence", "arousal"), (3 + corners).T, strict=True))
        source = source._replace(table=source.table.assign(**given))
    found = transfer.plane("a", source, {"b": target}, **OPTIONS)
    assert set(found["learned"]) == {"ratings" if rated else "corners"} and set(found["tested_on"]) == {"a", "b"}
    for _, rows in found.groupby("tested_on"):
        means = rows.groupby("emotion")[["predicted_valence", "predicted_arousal"]].mean()
        assert means.loc["anger", "predicted_arousal"] > means.loc["sadness", "predicted_arousal"] + 0.5
        assert means.loc["happiness", "predicted_valence"] > means.loc["anger", "predicted_valence"] + 0.5
        assert transfer.uar(rows, HOW).value > 0.6
    assert (found["predicted_valence"].mean() > 2) == rated, "in points of what was learned"


def test_a_score_is_of_speakers_and_a_difference_of_the_same_draws():
    source, target = made(), made("de", name="b", seed=1, each=20)
    found = transfer.matrix({"a": source, "b": target}, **OPTIONS)
    own, other = (found[found["trained_on"].eq(name) & found["tested_on"].eq("b")] for name in ("b", "a"))
    other = other[other["way"].eq(transfer.PLAIN)]
    scores = [transfer.uar(rows, HOW) for rows in (own, other)]
    assert scores[0].value == metrics.evaluate(own["emotion"], own["predicted"], labels=labels.FOUR)["uar"]
    assert (scores[0].speakers, scores[0].n) == (8, len(target.table))
    same = scores[0].minus(transfer.uar(own, HOW)).row("uar", HOW)
    assert same == {"uar": 0, "uar_low": 0, "uar_high": 0}
    abroad = transfer.uar(found[found["trained_on"].eq("a") & found["tested_on"].eq("a")], HOW)
    assert scores[0].minus(abroad).drawn.std() > 0, "other people: draws of their own"
    whole = transfer.mean(scores)
    assert whole.value == pytest.approx(np.mean([one.value for one in scores]))
    low, high = (scores[0].row("uar", HOW)[f"uar_{end}"] for end in ("low", "high"))
    assert low < scores[0].value < high
    expected = metrics.bootstrap_interval(own["emotion"], own["predicted"], own["speaker"], metric="uar", draws=2000)
    np.testing.assert_allclose((low, high), expected, atol=0.03)


def test_one_speaker_has_no_interval():
    own = made(speakers=1)
    shares = transfer.Head(1.0).fit(own.embeddings, own.table["emotion"]).shares(own.embeddings)
    row = transfer.uar(transfer.answers(own.table, shares, tested_on="a"), HOW).row("uar", HOW)
    assert row["uar"] > 0.5 and np.isnan([row["uar_low"], row["uar_high"]]).all()


def test_a_draw_is_even_over_classes_and_speakers():
    table = made(speakers=6, each=10).table
    table = table[table["emotion"].ne("anger") | table.index.isin(range(30, 34))].reset_index(drop=True)
    found = transfer.drawn(table, 40, random_state=0)
    assert found["emotion"].value_counts().to_dict() == {"neutral": 12, "happiness": 12, "sadness": 12, "anger": 4}
    assert found[found["emotion"].eq("sadness")]["speaker"].value_counts().tolist() == [2] * 6
    pd.testing.assert_frame_equal(found, transfer.drawn(table, 40, random_state=0))
    assert found["utterance"].tolist() != transfer.drawn(table, 40, random_state=1)["utterance"].tolist()
    assert transfer.drawn(table, None, random_state=0) is table


LOADER = """
import pandas as pd
def load(root):
    return pd.read_csv(root / "list.csv")
"""


@pytest.fixture
def profile(tmp_path, monkeypatch, source):
    """Two corpora of one's own that are there and one that is not; an encoder with layers, and one that is missing."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    (tmp_path / "loader.py").write_text(LOADER)
    rng = np.random.default_rng(0)
    for name, language in (("one", "en"), ("two", "de")):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        rows = []
        for number in range(12):
            seconds = 0.01 if (name, number) == ("two", 11) else 0.3  # shorter than a frame
            soundfile.write(folder / f"{number}.wav", rng.normal(0, 0.1, round(16_000 * seconds)), 16_000)
            about = {"utterance": f"{name}{number}", "speaker": f"{name}{number % 3}", "audio": f"{number}.wav"}
            emotion = "boredom" if number == 10 else FOUR[number % 4]
            rows.append({**about, "start_s": 0, "end_s": seconds, "emotion": emotion, "language": language})
        pd.DataFrame(rows).to_csv(folder / "list.csv", index=False)
    places = ", ".join(f"{name}: {{module: loader.py, root: {name}}}" for name in ("one", "two", "three"))
    text = f"extends: demo\ncorpora: {{{places}}}\ntransfer:\n  leave_out: [meld]\n"
    named = f"transformers:{source}@0, transformers:{source}, 'wav2vec2:no/where'"
    text += f"  layers: transformers:{source}\n  encoders: [{named}]\n"
    (tmp_path / "own.yaml").write_text(text)
    return profiles.load(str(tmp_path / "own.yaml"))


def test_what_is_there_takes_part_and_the_rest_is_told(profile, source):
    spoken, left_out = transfer.gather(profile)
    assert list(spoken) == ["one", "two"] and spoken["two"].language == "de"
    assert len(spoken["one"].table) == 11, "boredom is none of the four"
    assert "no folder" in left_out["three"] and {"iemocap", "cremad", "emodb", "shemo"} < set(left_out)
    assert "meld" not in left_out, "the profile leaves it out"
    found, lacking = transfer.embedded(profile, spoken)
    assert list(found) == [f"transformers:{source}@0", f"transformers:{source}", f"transformers:{source}@1"]
    assert "no/where" in lacking["wav2vec2:no/where"] and lacking["two"].startswith("1 utterance")
    assert all(found[name]["two"].table["utterance"].tolist()[-1] == "two9" for name in found)
    first, last = (found[f"transformers:{source}@{layer}"]["one"].embeddings for layer in (0, 1))
    assert first.shape == last.shape == (11, 32) and not np.allclose(first, last)
    np.testing.assert_array_equal(last, found[f"transformers:{source}"]["one"].embeddings)
    less = replace(profile, transfer=replace(profile.transfer, utterances=8))
    assert len(transfer.gather(less)[0]["one"].table) == 8

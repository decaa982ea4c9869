"""Candidates are held against each other on the same utterances; one that cannot be scored says why."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
import soundfile
import transformers

from emocast import audio, labels, metrics
from emocast.cache import Cache
from emocast.encoders import checkpoint
from emocast.ser import screening


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A corpus of 40 clips of 8 speakers, of five emotions of which one is not among the four: table and root."""
    root, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(3)
    emotions = ["neutral", "happiness", "sadness", "anger", "fear"]
    for number in range(40):
        tone = np.sin(np.arange(8_000) * rng.uniform(0.01, 1)) * rng.uniform(0.1, 0.9)
        soundfile.write(root / f"{number}.wav", tone + rng.normal(0, rng.uniform(0.01, 0.3), 8_000), 16_000)
    rows = [
        {"utterance": f"u{n}", "audio": f"{n}.wav", "start_s": 0.0, "end_s": 0.5, "speaker": f"s{n % 8}",
         "emotion": emotions[n % 5]} for n in range(40)
    ]  # fmt: skip
    return pd.DataFrame(rows).astype({"emotion": "string"}), root


def _screen(sources, corpora, **options):
    return screening.screen(sources, corpora, seed=4, draws=200, progress=False, **options)


@pytest.fixture
def two_classes(tmp_path):
    """A published classifier of two of the four classes."""
    config = transformers.HubertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64, conv_dim=[16], conv_kernel=[10],
        conv_stride=[160], num_feat_extract_layers=1, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
        id2label={0: "neutral", 1: "angry"}, label2id={"neutral": 0, "angry": 1},
    )  # fmt: skip
    transformers.HubertForSequenceClassification(config).save_pretrained(tmp_path / "two")
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / "two")
    return tmp_path / "two"


def test_the_scores_are_those_of_the_chosen_utterances(recognisers, clips):
    table, root = clips
    row = _screen([recognisers["classification"]], {"clips": clips}, n=20).iloc[0]
    sample = screening.choose(table, n=20, seed=4)
    model = checkpoint.load(recognisers["classification"])
    predicted = [model.emotions[int(model.classify([audio.read(root / name)]).argmax())] for name in sample["audio"]]
    assert row["n"] == 20
    assert row["accuracy"] == sklearn.metrics.accuracy_score(sample["emotion"], predicted)
    assert row["uar"] == pytest.approx(sklearn.metrics.recall_score(sample["emotion"], predicted, average="macro"))
    assert row["f1_macro"] == pytest.approx(sklearn.metrics.f1_score(sample["emotion"], predicted, average="macro"))
    expected = metrics.bootstrap_interval(
        sample["emotion"], predicted, sample["speaker"], metric="uar", draws=200, random_state=4
    )
    assert (row["uar_low"], row["uar_high"]) == expected
    assert row["uar_low"] <= row["uar"] <= row["uar_high"]
    assert (row["lacks"], row["problem"]) == ("", "")


def test_the_choice_is_random_of_the_four_classes_and_of_the_seed_alone(clips):
    table = clips[0]
    chosen = screening.choose(table, n=20, seed=4)
    assert len(chosen) == chosen["utterance"].nunique() == 20
    assert set(chosen["emotion"]) == set(labels.FOUR)
    pd.testing.assert_frame_equal(chosen, screening.choose(table, n=20, seed=4))
    assert set(chosen["utterance"]) != set(screening.choose(table, n=20, seed=5)["utterance"])
    assert len(screening.choose(table, n=160, seed=4)) == 32  # all there are
    excited = table.assign(emotion=table["emotion"].replace("happiness", "excitement"))
    pd.testing.assert_frame_equal(chosen, screening.choose(excited, n=20, seed=4))
    with pytest.raises(ValueError, match="none of the 8 utterances has one of the classes neutral, happiness"):
        screening.choose(table[table["emotion"] == "fear"], n=20, seed=4)


def test_a_candidate_that_cannot_be_read_says_why_and_the_others_go_on(recognisers, clips, two_classes):
    sources = ["/no/such/folder", recognisers["regression"], two_classes, recognisers["multiobjective"]]
    found = _screen(sources, {"one": clips, "two": clips}, n=12)
    assert list(found["candidate"]) == [str(source) for source in sources for _ in range(2)]
    assert list(found["corpus"]) == ["one", "two"] * 4
    assert list(found["n"]) == [0, 0, 0, 0, 12, 12, 12, 12]
    assert found["problem"].str.contains("there is no such folder").tolist() == [True] * 2 + [False] * 6
    assert (
        found["problem"].str.contains("its objective is regression").tolist() == [False] * 2 + [True] * 2 + [False] * 4
    )
    assert found["accuracy"].isna().tolist() == [True] * 4 + [False] * 4
    assert list(found["lacks"]) == [""] * 4 + ["happiness, sadness"] * 2 + [""] * 2


def test_what_cannot_be_read_of_a_corpus_is_said(recognisers, clips, tmp_path):
    table, root = clips
    lost = screening.choose(table, n=12, seed=4)["audio"].iloc[3]
    missing = table.assign(audio=table["audio"].where(table["audio"] != lost, "gone.wav"))
    row = _screen([recognisers["classification"]], {"clips": (missing, root)}, n=12).iloc[0]
    assert row["n"] == 11
    assert row["problem"] == "1 of 12 not readable, the first: gone.wav: No such file or directory"
    nothing = _screen([recognisers["classification"]], {"clips": (table, tmp_path)}, n=12).iloc[0]
    assert nothing["n"] == 0
    assert pd.isna(nothing["uar"])
    assert nothing["problem"].startswith("12 of 12 not readable")


def test_neither_processes_nor_what_was_kept_change_the_table(recognisers, clips, two_classes, tmp_path):
    sources, memory = [two_classes, recognisers["classification"]], Cache(tmp_path / "cache")
    first = _screen(sources, {"clips": clips}, n=12, memory=memory)
    pd.testing.assert_frame_equal(first, _screen(sources, {"clips": clips}, n=12, memory=memory))
    pd.testing.assert_frame_equal(first, _screen(sources, {"clips": clips}, n=12, jobs=2))
    assert len(list((tmp_path / "cache").rglob("*.pkl"))) == 24

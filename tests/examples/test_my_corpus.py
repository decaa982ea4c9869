"""The worked example of the README, from a folder of WAV files to a forecast: the very files that it prints."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import small_conversations
from emocast import corpora, windows
from emocast import settings as profiles
from emocast.corpora.__main__ import main as command
from emocast.encoders import store
from emocast.forecasting import experiments
from emocast.forecasting.fcdnn import FCDNNClassifier
from emocast.forecasting.splits import Split
from emocast.ser import predictions
from emocast_run import runner

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with the example as the README has it: recordings, loader and profile in data/mine; and its labels."""
    folder = tmp_path_factory.mktemp("own") / "data"
    labels = small_conversations.write(folder / "mine")
    for name in ("my_corpus.py", "mine.yaml"):
        shutil.copyfile(HERE / name, folder / "mine" / name)
    return folder, labels


@pytest.fixture
def own(data, monkeypatch, tmp_path):
    """The example's profile, with folders of its own and no network."""
    monkeypatch.setenv("EMOCAST_DATA", str(data[0]))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    return profiles.load(str(data[0] / "mine" / "mine.yaml"))


def test_the_example_is_short():
    lines = [line for name in ("my_corpus.py", "mine.yaml") for line in (HERE / name).read_text().splitlines()]
    assert len(lines) <= 60


def test_its_loader_gives_the_utterance_table(own, data):
    corpus = corpora.get(own.corpus)
    table = corpus.load(own.corpus_root())
    assert len(table) == len(data[1]) and set(table["corpus"]) == {"mine"}
    assert dict(table["emotion"].value_counts()) == dict(
        data[1]["emotion"].map({"joyful": "happiness", "sad": "sadness", "calm": "neutral"}).value_counts()
    )
    assert corpus.title == "My corpus" and corpus.validate(own.corpus_root()).empty


def test_its_next_emotion_is_forecast_in_unseen_dialogues(own):
    """The window's last turns tell the mood, which mostly lasts: a forecast from it is far above chance, a third."""
    root, settings = own.corpus_root(), own.windows
    utterances = corpora.get(own.corpus).load(root)
    cut = windows.before(utterances, length_s=settings.length_s)
    embeddings, failed = store.embed(own.encoder, cut, root, jobs=1)
    assert failed.empty and np.isfinite(embeddings).all()
    network = FCDNNClassifier(**{**vars(own.fcdnn), "hidden_units": 32, "learning_rate": 0.01, "epochs": 20})
    split = Split(own.tasks[own.sweep_task], "dialogue", 2, 0)
    result = experiments.run(network, cut, embeddings, split, test_fraction=0.25)
    assert result.proof["dialogues_shared"] == 0
    assert (result.test["emotion"] == result.test["predicted"]).mean() > 0.6


def test_the_run_needs_nothing_but_the_folder(own):
    assert not runner.reasons(own, "05_time_shift_sweep")
    said = runner.told(own)
    assert "skipped: 06_cross_lingual_ser: it trains on IEMOCAP" in said


def test_beside_iemocap_it_is_a_test_set_of_notebook_06(data, own, tmp_path):
    beside = tmp_path / "beside.yaml"
    beside.write_text(f"extends: {data[0] / 'mine' / 'mine.yaml'}\ncorpus: iemocap\n")
    found, left_out = predictions.load_test_sets(profiles.load(str(beside)))
    assert list(found) == ["mine"] and found["mine"].language == "en"
    assert set(found["mine"].table["emotion"]) == {"happiness", "sadness", "neutral"}
    assert "IEMOCAP (full)" in set(left_out["test_set"])


def test_make_validate_says_what_its_loader_finds(own, data, capsys):
    arguments = ["validate", "mine", "--profile", str(data[0] / "mine" / "mine.yaml")]
    assert command(arguments) == 0
    assert "72 utterances" in capsys.readouterr().out
    assert command(["where", *arguments[2:]]) == 0
    assert "your own" in capsys.readouterr().out

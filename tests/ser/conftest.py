"""Small random recognisers of all objectives, a small corpus of noise, and what a training of a second begins with."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emocast import labels
from emocast import settings as profiles
from emocast.corpora import iemocap
from emocast.encoders import wav2vec2
from emocast.encoders.wav2vec2 import Head
from emocast_twins import sentences

ARCHITECTURE = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64,
    "conv_dim": [16, 16, 16], "conv_kernel": [10, 8, 4], "conv_stride": [5, 8, 4], "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
EMOTIONS = ("neutral", "anger", "happiness", "sadness")


@pytest.fixture(autouse=True)
def one_thread():
    """Models this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def recognisers(tmp_path_factory):
    """A folder of each objective, by its name; read only."""
    root, config = tmp_path_factory.mktemp("recognisers"), Wav2Vec2Config(**ARCHITECTURE)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = Wav2Vec2Model(config).state_dict()
        heads = {"classification": Head(torch.randn(4, 32), torch.randn(4)), "regression": Head(torch.randn(2, 32))}
    chosen = {objective: {objective: head} for objective, head in heads.items()} | {"multiobjective": heads}
    for objective, some in chosen.items():
        emotions = EMOTIONS if "classification" in some else ()
        wav2vec2.save(
            root / objective, encoder=encoder, config=config, objective=objective, heads=some, emotions=emotions
        )
    return {objective: root / objective for objective in chosen}


@pytest.fixture
def corpus(tmp_path):
    """The root and the utterance table, whose rows are in no order and whose index is no range."""
    root, rng = tmp_path / "corpus", np.random.default_rng(0)
    root.mkdir()
    rows = []
    for name, spans in {
        "d1.wav": [(0.0, 1.0), (1.0, 1.7), (1.5, 2.5)],
        "d2.wav": [(0.2, 1.2), (0.5, 1.1)],
        **{f"c{number}.wav": [(0.0, 0.5 + number / 10)] for number in range(4)},
    }.items():
        samples = rng.normal(0, rng.uniform(0.02, 0.3), round(max(end for _, end in spans) * 16_000))
        soundfile.write(root / name, samples, 16_000, subtype="FLOAT")
        rows += [
            {"utterance": f"{name}-{start}", "audio": name, "start_s": start, "end_s": end} for start, end in spans
        ]
    table = pd.DataFrame(rows).assign(speaker="s1", dialogue="d", valence=2.5, arousal=3.5)
    emotions = ["neutral", "fear", None, "anger", "sadness", "happiness", "neutral", "anger", "sadness"]
    table = table.assign(emotion=pd.array(emotions, dtype="string"), speaker=[f"s{row % 3}" for row in range(9)])
    return root, table.sample(frac=1, random_state=1)


@pytest.fixture(scope="session")
def architecture():
    """Settings of a small `Wav2Vec2Config` for trainings: no layer is dropped at random."""
    return {**ARCHITECTURE, "layerdrop": 0.0}


@pytest.fixture(scope="session")
def source(tmp_path_factory, architecture):
    """A folder as `facebook/wav2vec2-base` is one, with a small random encoder."""
    folder = tmp_path_factory.mktemp("source") / "small"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Wav2Vec2Model(Wav2Vec2Config(**architecture)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(folder)
    return folder


@pytest.fixture
def settings(source):
    """The demo's settings of the recognisers, with the small source and two short epochs."""
    demo = profiles.load("demo").ser
    return replace(demo, source=str(source), epochs=2, batch_size=8, crop_s=0.5, jobs=1)


@pytest.fixture(scope="session")
def utterances(corpus_root):
    """The utterance table of the small synthetic IEMOCAP with the thesis's four classes."""
    table = iemocap.load(corpus_root)
    return table.assign(emotion=labels.four_classes(table["emotion"]))


SIZES = {"cremad": (4, 12), "emodb": (4, 6), "shemo": (4, 6)}


@pytest.fixture(scope="session")
def data(tmp_path_factory, corpus_root):
    """A data folder with the small IEMOCAP and small twins where the profile `demo` looks for them."""
    root = tmp_path_factory.mktemp("data")
    for corpus, (speakers, each) in SIZES.items():
        size = sentences.TwinSettings(speakers, each)
        sentences.make(root / "demo", corpus, size, seed=0, processes=2, progress=False)
    (root / "demo" / "IEMOCAP_full_release").symlink_to(corpus_root / "IEMOCAP_full_release")
    return root


@pytest.fixture
def demo(data, monkeypatch):
    monkeypatch.setenv("EMOCAST_DATA", str(data))
    return profiles.load("demo")

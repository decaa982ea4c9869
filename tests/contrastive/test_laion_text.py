"""LAION-CLAP reads what its makers' package reads, from the same file with which it hears."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import hub as small_hub
import small_clap
from emocast import contrastive
from emocast.encoders import foreign, hub, laion, text_towers

EXPECTED = "expected is an unfused LAION-CLAP"


@pytest.fixture(scope="session")
def checkpoint(shared_folder):
    return small_clap.laion(shared_folder / "laion")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A folder of data with the tokenizer in its place."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    small_hub.tokenizers(tmp_path / "data" / "checkpoints")
    return tmp_path / "data"


@pytest.fixture
def model(checkpoint):
    return contrastive.get(f"laion-clap:{checkpoint}")


@pytest.mark.slow
def test_it_reads_what_the_package_reads(model, checkpoint):
    texts, expected = small_clap.read(checkpoint)
    assert min(np.abs(one - other).max() for one, other in itertools.combinations(expected, 2)) > 0.01
    np.testing.assert_allclose(model.embed_text(texts), expected, atol=1e-4)


@pytest.mark.slow
def test_sounds_and_texts_are_as_alike_as_the_package_says(model, checkpoint):
    clips, _ = small_clap.heard(checkpoint)
    texts, _ = small_clap.read(checkpoint)
    expected = small_clap.similarity(checkpoint)
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(model.embed_audio(clips) @ model.embed_text(texts).T, expected, atol=1e-4)


@pytest.mark.slow
def test_what_stands_beside_a_text_does_not_change_it(model):
    texts = ["sad", "mad", "a long and happy voice", "mad", "bad"]
    together = model.embed_text(texts)
    for row in (4, 2, 0):
        np.testing.assert_allclose(model.embed_text([texts[row]])[0], together[row], atol=1e-5)
    np.testing.assert_array_equal(together[1], together[3])
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_what_follows_the_77_tokens_is_not_read(model):
    long = "x" * 75  # between a token at the beginning and one at the end
    whole, longer, shorter = model.embed_text([long, long + "yz", long[:-1]])
    np.testing.assert_allclose(longer, whole, atol=1e-5)
    assert np.abs(shorter - whole).max() > 1e-4


def test_the_text_tower_is_loaded_when_it_is_first_asked(model, monkeypatch):
    def refuse(*_):
        raise RuntimeError("read")

    monkeypatch.setattr(laion, "_load_reader", refuse)
    assert model.embed_audio([np.zeros(48_000, np.float32)]).shape == (1, 512)
    assert model.embed_text([]).shape == (0, 512)
    with pytest.raises(RuntimeError, match="read"):
        model.embed_text(["sad"])


@pytest.mark.slow
def test_nothing_of_the_process_changes_and_nobody_is_asked(checkpoint, data):
    assert small_clap.visit(f"laion-clap:{checkpoint}", data=data) == {"changed": [], "asked": [], "compiled": []}


def test_a_missing_tokenizer_is_asked_for_by_its_files(model, data):
    laion._load_reader.cache_clear()
    shutil.rmtree(data / "checkpoints" / "roberta-base")
    with pytest.raises(
        hub.CheckpointError, match=r"Put vocab\.json, merges\.txt into .*data/checkpoints/roberta-base/"
    ):
        model.embed_text(["sad"])
    assert model.embed_audio([np.zeros(48_000, np.float32)]).shape == (1, 512)


def test_the_tokenizer_of_another_model_is_refused(model, data):
    laion._load_reader.cache_clear()
    small_hub.gpt2_tokenizer(data / "checkpoints" / "roberta-base")
    with pytest.raises(hub.CheckpointError, match=r"roberta-base/vocab\.json: knows \d+ tokens, the model reads 267"):
        model.embed_text(["sad"])


def reading(checkpoint):
    """The weights that read, and no others."""
    weights = foreign.read(checkpoint)["state_dict"]
    return {name: tensor for name, tensor in weights.items() if name.startswith("module.text_")}


def _change(name, tensor=None):
    def change(weights):
        weights.pop(name) if tensor is None else weights.update({name: tensor})

    return change


def _no_text(weights):
    for name in [name for name in weights if name.startswith("module.text_")]:
        del weights[name]


DAMAGES = {
    "a key too few": (_change("module.text_projection.2.bias"), r"has no key text_projection\.2\.bias \(1 in all\)"),
    "a key too many": (
        _change("module.text_branch.x", torch.zeros(1)),
        r"has an unknown key text_branch\.x \(1 in all\)",
    ),
    "no words": (
        _change("module.text_branch.embeddings.word_embeddings.weight"),
        r"its text tower has no key embeddings\.word_embeddings\.weight",
    ),
    "odd words": (
        _change("module.text_branch.embeddings.word_embeddings.weight", torch.zeros(3)),
        r"embeddings\.word_embeddings\.weight has the shape \(3,\), not two axes",
    ),
    "another width": (
        _change("module.text_branch.pooler.dense.weight", torch.zeros(4, 4)),
        r"text_branch\.pooler\.dense\.weight has the shape \(4, 4\), not \(768, 768\)",
    ),
    "no tower": (_no_text, "its text tower has no key"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_text_tower_that_does_not_fit_is_refused_with_what_does_not(checkpoint, tmp_path, damage, message):
    weights = reading(checkpoint)
    damage(weights)
    torch.save({"state_dict": weights}, tmp_path / "wrong.pt")
    with pytest.raises(hub.CheckpointError, match=rf"wrong\.pt: {message}.*: {EXPECTED}"):
        laion._load_reader(tmp_path / "wrong.pt", ())


def test_what_older_transformers_kept_is_no_obstacle_nor_is_its_absence(model, checkpoint, tmp_path):
    weights = reading(checkpoint)
    del weights["module.text_branch.embeddings.position_ids"]
    torch.save({"state_dict": weights}, tmp_path / "new.pt")
    tower, _ = laion._load_reader(tmp_path / "new.pt", ())
    with torch.inference_mode():
        found = tower.read(torch.tensor([tower.tokens("sad")]))
    np.testing.assert_array_equal(found.cpu(), model.embed_text(["sad"]))


def test_a_file_that_only_hears_is_heard_with(checkpoint, tmp_path):
    path, content = tmp_path / "deaf to words.pt", foreign.read(checkpoint)
    _no_text(content["state_dict"])
    torch.save(content, path)
    model = contrastive.get(f"laion-clap:{path}")
    assert model.embed_audio([np.zeros(48_000, np.float32)]).shape == (1, 512)
    with pytest.raises(hub.CheckpointError, match=r"words\.pt: its text tower has no key"):
        model.embed_text(["sad"])
    path.unlink()


def test_a_file_that_changed_after_it_was_heard_with_is_refused(checkpoint, tmp_path):
    path = Path(shutil.copy(checkpoint, tmp_path / "changed.pt"))
    model = contrastive.get(f"laion-clap:{path}")
    torch.save({"state_dict": reading(checkpoint)}, path)
    with pytest.raises(hub.CheckpointError, match=r"changed\.pt: has changed since its audio tower was read"):
        model.embed_text(["sad"])


def test_the_official_sizes_give_the_official_network():
    """The facts are those of roberta-base's own config.json on the hub."""
    shapes = {
        "embeddings.word_embeddings.weight": (50_265, 768),
        "embeddings.position_embeddings.weight": (514, 768),
        "embeddings.token_type_embeddings.weight": (1, 768),
        "encoder.layer.0.intermediate.dense.weight": (3_072, 768),
        "encoder.layer.11.output.dense.bias": (768,),
    }
    with torch.device("meta"):
        weights = {name: torch.empty(shape) for name, shape in shapes.items()}
        config = text_towers.roberta(weights, "file", expected="it").config
    official = {
        "vocab_size": 50_265, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3_072, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
        "hidden_act": "gelu", "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
    }  # fmt: skip
    assert {name: getattr(config, name) for name in official} == official

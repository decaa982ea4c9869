"""Microsoft CLAP reads what its makers' package reads, from the same file with which it hears."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import hub as small_hub
import small_clap
from emocast import contrastive
from emocast.encoders import foreign, hub, microsoft, text_towers

EXPECTED = "expected is Microsoft CLAP of 2023"


@pytest.fixture(scope="session")
def checkpoint(shared_folder):
    return small_clap.microsoft(shared_folder / "microsoft")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A folder of data with the tokenizer in its place."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    small_hub.tokenizers(tmp_path / "data" / "checkpoints")
    return tmp_path / "data"


@pytest.fixture
def model(checkpoint):
    return contrastive.get(f"msclap:{checkpoint}")


@pytest.mark.slow
def test_it_reads_what_the_package_reads(model, checkpoint):
    texts, expected = small_clap.read(checkpoint)
    assert any("!!" in text for text in texts)  # one token for GPT-2, twice padding for the package
    assert min(np.abs(one - other).max() for one, other in itertools.combinations(expected, 2)) > 0.1
    np.testing.assert_allclose(model.embed_text(texts), expected, atol=1e-4)


@pytest.mark.slow
def test_sounds_and_texts_are_as_alike_as_the_package_says(model, checkpoint):
    clips, _ = small_clap.heard(checkpoint)
    texts, read = small_clap.read(checkpoint)
    expected = small_clap.similarity(checkpoint)
    assert np.ptp(expected) > 0.01
    assert np.linalg.norm(read, axis=1).min() > 2  # the package gives them as they are, and normalises to compare
    sounds, words = (
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in (model.embed_audio(clips), model.embed_text(texts))
    )
    np.testing.assert_allclose(sounds @ words.T, expected, atol=1e-4)


@pytest.mark.slow
def test_what_stands_beside_a_text_does_not_change_it(model):
    texts = ["sad", "mad", "a long and happy voice", "mad", "bad!"]
    together = model.embed_text(texts)
    for row in (4, 2, 0):
        np.testing.assert_allclose(model.embed_text([texts[row]])[0], together[row], atol=1e-4)
    np.testing.assert_array_equal(together[1], together[3])


def test_a_text_that_is_too_long_is_refused(model):
    longest = "x" * 75  # and a space and the end
    assert np.isfinite(model.embed_text([longest])).all()
    with pytest.raises(ValueError, match=r"the text 'x{76}' has 78 tokens, the model reads 77 at once: shorten it"):
        model.embed_text(["sad", longest + "x"])


def test_the_text_tower_is_loaded_when_it_is_first_asked(model, monkeypatch):
    def refuse(*_):
        raise RuntimeError("read")

    monkeypatch.setattr(microsoft, "_load_reader", refuse)
    assert model.embed_audio([np.zeros(44_100, np.float32)]).shape == (1, 1024)
    assert model.embed_text([]).shape == (0, 1024)
    with pytest.raises(RuntimeError, match="read"):
        model.embed_text(["sad"])


@pytest.mark.slow
def test_nothing_of_the_process_changes_and_nobody_is_asked(checkpoint, data):
    assert small_clap.visit(f"msclap:{checkpoint}", data=data) == {"changed": [], "asked": [], "compiled": []}


def test_a_missing_tokenizer_is_asked_for_by_its_files(model, data):
    microsoft._load_reader.cache_clear()
    shutil.rmtree(data / "checkpoints" / "gpt2")
    with pytest.raises(hub.CheckpointError, match=r"Put vocab\.json, merges\.txt into .*data/checkpoints/gpt2/"):
        model.embed_text(["sad"])
    assert model.embed_audio([np.zeros(44_100, np.float32)]).shape == (1, 1024)


def test_the_tokenizer_of_another_model_is_refused(model, data):
    microsoft._load_reader.cache_clear()
    small_hub.roberta_tokenizer(data / "checkpoints" / "gpt2")
    with pytest.raises(hub.CheckpointError, match=r"gpt2/vocab\.json: knows \d+ tokens, the model reads 263"):
        model.embed_text(["sad"])


def reading(checkpoint):
    """The weights that read, and no others."""
    weights = foreign.read(checkpoint)["model"]
    return {name: tensor for name, tensor in weights.items() if name.startswith("caption_encoder.")}


def _change(name, tensor=None):
    def change(weights):
        weights.pop(name) if tensor is None else weights.update({name: tensor})

    return change


DAMAGES = {
    "a key too few": (
        _change("caption_encoder.projection.linear2.weight"),
        r"has no key projection\.linear2\.weight \(1 in all\)",
    ),
    "a key too many": (_change("caption_encoder.base.x", torch.zeros(1)), r"has an unknown key base\.x \(1 in all\)"),
    "no words": (_change("caption_encoder.base.wte.weight"), r"its text tower has no key wte\.weight"),
    "another width": (
        _change("caption_encoder.base.ln_f.weight", torch.zeros(4)),
        r"base\.ln_f\.weight has the shape \(4,\), not \(768,\)",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_text_tower_that_does_not_fit_is_refused_with_what_does_not(checkpoint, tmp_path, damage, message):
    weights = reading(checkpoint)
    damage(weights)
    torch.save({"model": weights}, tmp_path / "wrong.pth")
    with pytest.raises(hub.CheckpointError, match=rf"wrong\.pth: {message}.*: {EXPECTED}"):
        microsoft._load_reader(tmp_path / "wrong.pth", ())


def test_what_older_transformers_kept_is_no_obstacle_nor_is_its_absence(model, checkpoint, tmp_path):
    masks = {"caption_encoder.base.h.0.attn.bias", "caption_encoder.base.h.0.attn.masked_bias"}
    weights = reading(checkpoint)
    assert masks < weights.keys()
    weights = {name: tensor for name, tensor in weights.items() if name not in masks}
    torch.save({"model": weights}, tmp_path / "new.pth")
    tower, _ = microsoft._load_reader(tmp_path / "new.pth", ())
    with torch.inference_mode():
        found = tower.read(torch.tensor([tower.tokens("sad")]))
    np.testing.assert_array_equal(found.cpu(), model.embed_text(["sad"]))


def test_a_file_that_changed_after_it_was_heard_with_is_refused(checkpoint, tmp_path):
    path = Path(shutil.copy(checkpoint, tmp_path / "changed.pth"))
    model = contrastive.get(f"msclap:{path}")
    torch.save({"model": reading(checkpoint)}, path)
    with pytest.raises(hub.CheckpointError, match=r"changed\.pth: has changed since its audio tower was read"):
        model.embed_text(["sad"])


def test_the_official_sizes_give_the_official_network():
    """The facts are those of gpt2's own config.json on the hub."""
    shapes = {
        "wte.weight": (50_257, 768),
        "wpe.weight": (1_024, 768),
        "h.0.mlp.c_fc.weight": (768, 3_072),
        "h.11.mlp.c_proj.bias": (768,),
    }
    with torch.device("meta"):
        weights = {name: torch.empty(shape) for name, shape in shapes.items()}
        config = text_towers.gpt2(weights, "file", expected="it").config
    official = {
        "vocab_size": 50_257, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": 3_072, "n_positions": 1_024,
        "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "bos_token_id": 50_256, "eos_token_id": 50_256,
    }  # fmt: skip
    assert {name: getattr(config, name) for name in official} == official

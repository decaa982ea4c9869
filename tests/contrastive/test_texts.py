"""The published models embed texts as their makers' packages and transformers do, and refuse a text tower that does not fit."""

import itertools
import json
import os
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import hub as small_hub
import loopback
import small_clap
import small_models
from emocast import contrastive
from emocast.encoders import clap, hub

PREFIX = {"laion": "laion-clap:", "microsoft": "msclap:"}
STATE, TOWER = {"laion": "state_dict", "microsoft": "model"}, {"laion": "module.text_", "microsoft": "caption_encoder."}
TOKENIZER_OF = {"laion": "roberta-base", "microsoft": "gpt2"}
TEXTS = ["a happy voice", "This is the sound of an angry man.", "sad", "traurig, „ärgerlich“", "bad"]
WEIGHTS, TOKENIZER = "model.safetensors", ("vocab.json", "merges.txt")
each_package = pytest.mark.parametrize("kind", ["laion", "microsoft"])


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A folder of data with the tokenizers in their place."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    small_hub.tokenizers(tmp_path / "data" / "checkpoints")
    return tmp_path / "data"


@pytest.fixture
def checkpoint(kind, shared_folder):
    """A random one of the official layout; read only."""
    return getattr(small_clap, kind)(shared_folder / kind)


@pytest.fixture
def model(kind, checkpoint):
    return contrastive.get(f"{PREFIX[kind]}{checkpoint}")


@pytest.fixture
def fresh(kind, checkpoint, tmp_path):
    """A function: the same weights after a change, in a file of their own, which no test has loaded yet."""

    def make(change=None):
        path = tmp_path / f"changed{checkpoint.suffix}"
        if change is None:
            os.link(checkpoint, path)
        else:
            content = torch.load(checkpoint, weights_only=False)
            change(content[STATE[kind]])
            torch.save(content, path)
        return contrastive.get(f"{PREFIX[kind]}{path}"), path

    return make


def second(model):
    return np.zeros(model.sample_rate, np.float32)


@pytest.mark.slow
@each_package
def test_texts_are_what_the_package_makes_of_them_and_as_like_the_sounds(model, checkpoint):
    texts, expected, similar = small_clap.read(checkpoint)
    assert min(np.abs(one - other).max() for one, other in itertools.combinations(expected, 2)) > 0.01
    found, sounds = model.embed_text(texts), model.encode(small_clap.embedded(checkpoint)[0])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    sounds, words = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (sounds, found))
    assert np.ptp(similar) > 0.01
    np.testing.assert_allclose(sounds @ words.T, similar, atol=1e-4)


@each_package
def test_nothing_of_the_process_changes_and_nobody_is_asked(kind, checkpoint, data):
    found = small_clap.visit(f"{PREFIX[kind]}{checkpoint}", data=data)
    assert found == {"changed": [], "asked": []}


@pytest.mark.parametrize("kind", ["laion"])
def test_laion_does_not_read_what_follows_77_tokens(model):
    long = "x" * 75  # between a token at the beginning and one at the end
    whole, longer, shorter = model.embed_text([long, long + "yz", long[:-1]])
    np.testing.assert_allclose(longer, whole, atol=1e-5)
    assert np.abs(shorter - whole).max() > 1e-4


@pytest.mark.parametrize("kind", ["microsoft"])
def test_microsoft_refuses_a_text_that_is_too_long(model):
    longest = "x" * 75  # and a space and the end
    assert np.isfinite(model.embed_text([longest])).all()
    with pytest.raises(ValueError, match=r"the text 'x{76}' has 78 tokens, the model reads 77 at once: shorten it"):
        model.embed_text(["sad", longest + "x"])


@each_package
def test_the_tokenizer_is_asked_for_by_its_files_when_a_text_is_first_read(kind, fresh, data):
    folder, (model, _) = data / "checkpoints" / TOKENIZER_OF[kind], fresh()
    shutil.rmtree(folder)
    assert model.encode([second(model)]).shape == (1, model.dimension)
    assert model.embed_text([]).shape == (0, model.dimension)
    with pytest.raises(hub.CheckpointError, match=rf"Put vocab\.json, merges\.txt into .*checkpoints/{folder.name}/"):
        model.embed_text(["sad"])
    other = small_hub.gpt2_tokenizer if kind == "laion" else small_hub.roberta_tokenizer
    other(folder)
    with pytest.raises(hub.CheckpointError, match=rf"{folder.name}/vocab\.json: knows \d+ tokens, the model reads"):
        model.embed_text(["sad"])


def _change(name, tensor=None):
    return lambda weights: weights.pop(name) if tensor is None else weights.update({name: tensor})


LAION, MICROSOFT = "module.text_branch.", "caption_encoder.base."
DAMAGES = {
    "laion: a key too few": (
        _change("module.text_projection.2.bias"),
        r"has no key text_projection\.2\.bias \(1 in all\)",
    ),
    "microsoft: no words": (_change(f"{MICROSOFT}wte.weight"), r"no network has such weights \(KeyError\('wte\.weight"),
    "microsoft: another width": (
        _change(f"{MICROSOFT}ln_f.weight", torch.zeros(4)),
        r"caption_encoder\.base\.ln_f\.weight has the shape \(4,\), not \(768,\)",
    ),
}


@pytest.mark.parametrize(
    ("kind", "damage", "message"), [(name.split(":")[0], *what) for name, what in DAMAGES.items()], ids=DAMAGES
)
def test_a_text_tower_that_does_not_fit_is_refused(fresh, damage, message):
    with pytest.raises(hub.CheckpointError, match=rf"changed\.pth?: {message}.*: expected is "):
        fresh(damage)


@each_package
def test_what_older_transformers_kept_is_no_obstacle_nor_is_its_absence(kind, model, fresh):
    old = {"laion": [f"{LAION}embeddings.position_ids"]}
    old["microsoft"] = [f"{MICROSOFT}h.0.attn.bias", f"{MICROSOFT}h.0.attn.masked_bias"]
    newer, _ = fresh(lambda weights: [weights.pop(name) for name in old[kind]])
    np.testing.assert_array_equal(newer.embed_text(["sad"]), model.embed_text(["sad"]))


def test_the_official_sizes_give_the_official_networks():
    """The facts are those of roberta-base's and gpt2's own config.json on the hub."""
    roberta = {
        "embeddings.word_embeddings.weight": (50_265, 768), "embeddings.position_embeddings.weight": (514, 768),
        "embeddings.token_type_embeddings.weight": (1, 768), "encoder.layer.0.intermediate.dense.weight": (3_072, 768),
        "encoder.layer.11.output.dense.bias": (768,),
    }  # fmt: skip
    gpt2 = {"wte.weight": (50_257, 768), "wpe.weight": (1_024, 768), "h.0.mlp.c_fc.weight": (768, 3_072)}
    gpt2 |= {"h.11.mlp.c_proj.bias": (768,)}
    official = {
        "roberta": {
            "vocab_size": 50_265, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
            "intermediate_size": 3_072, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
            "hidden_act": "gelu", "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
        },
        "gpt2": {
            "vocab_size": 50_257, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": 3_072, "n_positions": 1_024,
            "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "bos_token_id": 50_256,
        },
    }  # fmt: skip
    for kind, shapes in (("roberta", roberta), ("gpt2", gpt2)):
        with torch.device("meta"):
            config = clap.language_model(kind, {name: torch.empty(shape) for name, shape in shapes.items()}).config
        expected = official[kind]
        assert {name: getattr(config, name) for name in expected} == expected


# transformers' own format


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A CLAP; read only: copy it before damaging it."""
    return small_models.clap(tmp_path_factory.mktemp("models") / "clap")


@pytest.fixture
def folder(kept, tmp_path):
    """A CLAP that a test may damage."""
    return shutil.copytree(kept, tmp_path / "clap")


def made(folder):
    return contrastive.get(f"transformers:{folder}")


@torch.no_grad()
def plain(folder, texts):
    """What transformers' own classes make of texts, padded to the longest: shape (n, dimension)."""
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    return transformers.ClapModel.from_pretrained(folder).eval().get_text_features(**tokens).numpy()


@pytest.mark.parametrize("options", [{}, {"fusion": True}, {"safe_serialization": False}], ids=str)
def test_texts_are_what_transformers_makes_of_them(tmp_path, options):
    folder = small_models.clap(tmp_path / "clap", **options)
    expected, found = plain(folder, TEXTS), made(folder).embed_text(TEXTS)
    assert min(np.abs(one - other).max() for one, other in itertools.combinations(expected, 2)) > 0.01
    assert (found.shape, found.dtype) == ((5, 24), np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_text_that_is_too_long_is_refused(kept):
    longest = "x" * 126  # and its beginning and its end: 128 of 130 positions, two of which stand for padding
    np.testing.assert_allclose(made(kept).embed_text([longest]), plain(kept, [longest]), atol=1e-4)
    with pytest.raises(ValueError, match=r"the text 'x{127}' has 129 tokens, the model reads 128 at once"):
        made(kept).embed_text(["sad", longest + "x"])


def test_a_tokenizer_comes_in_one_file_too(kept, folder):
    transformers.RobertaTokenizerFast(*(str(folder / name) for name in TOKENIZER)).save_pretrained(folder)
    for name in TOKENIZER:
        (folder / name).unlink()
    assert (folder / "tokenizer.json").is_file()
    np.testing.assert_array_equal(made(folder).embed_text(TEXTS), made(kept).embed_text(TEXTS))


def _rewrite(folder, change):
    weights = safetensors.torch.load_file(folder / WEIGHTS)
    change(weights)
    safetensors.torch.save_file(weights, folder / WEIGHTS)


def _json(name, change):
    def damage(folder):
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return damage


OWN_DAMAGES = {
    "a key too few": (
        lambda folder: _rewrite(folder, _change("text_projection.linear2.bias")),
        r"model\.safetensors: no weights text_projection\.linear2\.bias \(1 in all\)",
    ),
    "odd heads": (
        _json("config.json", lambda found: found["text_config"].update(num_attention_heads=3)),
        r"no model was made of it and config\.json",
    ),
    "half a tokenizer": (lambda folder: (folder / "merges.txt").unlink(), r"no merges\.txt in .* incomplete"),
    "another tokenizer": (
        _json("vocab.json", lambda found: found.update(new=len(found))),
        r"vocab\.json: knows 268 tokens, the model reads 267",
    ),
    "no JSON": (
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        r"tokenizer\.json: no tokenizer can be made of them",
    ),
}


@pytest.mark.parametrize(("damage", "message"), OWN_DAMAGES.values(), ids=OWN_DAMAGES)
def test_a_damaged_text_tower_of_transformers_is_refused(folder, damage, message):
    damage(folder)
    with pytest.raises(hub.CheckpointError, match=message):
        made(folder).embed_text(["sad"])


def test_a_hub_id_gets_its_tokenizer_when_a_text_is_read(kept, tmp_path, monkeypatch):
    shutil.copytree(kept, tmp_path / "served" / "someone" / "clap")
    with loopback.Hub(tmp_path / "served") as server:
        server.here(monkeypatch, tmp_path / "home")
        model = contrastive.get("transformers:someone/clap")
        model.encode([second(model)])
        assert _fetched(server) == {"config.json", "preprocessor_config.json", WEIGHTS}
        np.testing.assert_allclose(model.embed_text(["sad"]), made(kept).embed_text(["sad"]), atol=1e-5)
    assert _fetched(server) == {"config.json", "preprocessor_config.json", WEIGHTS, *TOKENIZER}


def _fetched(server):
    return {path.rpartition("/")[2] for path in server.paths if "/resolve/" in path}

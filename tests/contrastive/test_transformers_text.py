"""transformers' CLAP reads what transformers itself reads."""

import itertools
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import loopback
import small_models
from emocast import contrastive, encoders, threads
from emocast.encoders import hub, speech_text

TEXTS = ["a happy voice", "This is the sound of an angry man.", "sad", "traurig, „ärgerlich“", "bad"]
WEIGHTS, TOKENIZER = "model.safetensors", ("vocab.json", "merges.txt")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Networks as small as these wait for their threads longer than they compute."""
    with threads.of_torch(1):
        yield


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


def sound(seconds, *, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * 48_000)).astype(np.float32)


@torch.no_grad()
def plain(folder, texts):
    """What transformers' own classes make of texts, padded to the longest: shape (n, dimension)."""
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    return transformers.ClapModel.from_pretrained(folder).eval().get_text_features(**tokens).numpy()


@pytest.mark.parametrize("fusion", [False, True])
def test_it_reads_what_transformers_reads(tmp_path, fusion):
    folder = small_models.clap(tmp_path / "clap", fusion=fusion)
    expected = plain(folder, TEXTS)
    assert min(np.abs(one - other).max() for one, other in itertools.combinations(expected, 2)) > 0.01
    found = made(folder).embed_text(TEXTS)
    assert (found.shape, found.dtype) == ((5, 24), np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_sounds_and_texts_are_as_alike_as_transformers_says(kept):
    extractor, clip = transformers.ClapFeatureExtractor.from_pretrained(kept), sound(2)
    heard = extractor(clip, sampling_rate=48_000, return_tensors="pt")
    tokens = transformers.AutoTokenizer.from_pretrained(kept)(TEXTS, padding=True, return_tensors="pt")
    whole = transformers.ClapModel.from_pretrained(kept).eval()
    with torch.no_grad():
        expected = whole(**tokens, **heard).logits_per_audio / whole.logit_scale_a.exp()
    model = made(kept)
    assert np.ptp(expected.numpy()) > 0.01
    np.testing.assert_allclose(model.embed_audio([clip]) @ model.embed_text(TEXTS).T, expected.numpy(), atol=1e-4)


def test_what_stands_beside_a_text_does_not_change_it(kept):
    model, texts = made(kept), [f"{word} {number}" for number in range(30) for word in ("sad", "a very glad voice")]
    together = model.embed_text(texts)
    alone = np.concatenate([model.embed_text([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.abs(together[0] - together[2]).max() > 1e-3
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


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


@pytest.mark.parametrize(
    "options", [{"safe_serialization": False}, {"max_shard_size": "60KB"}], ids=["pickled", "shards"]
)
def test_weights_come_in_other_files_too(kept, tmp_path, options):
    folder = small_models.clap(tmp_path / "clap", **options)
    assert not (folder / WEIGHTS).exists()
    np.testing.assert_allclose(made(folder).embed_text(TEXTS), made(kept).embed_text(TEXTS), atol=1e-6)


def test_half_precision_stays_close(kept):
    full, half = (encoders.get(f"transformers:{kept}", precision=precision) for precision in ("fp32", "bf16"))
    expected, found = full.embed_text(TEXTS), half.embed_text(TEXTS)
    assert (expected * found).sum(1).min() > 0.99
    assert np.abs(expected - found).max() > 1e-5  # it is another computation
    assert found.dtype == np.float32


def test_the_text_tower_is_loaded_when_it_is_first_asked(kept, monkeypatch):
    def refuse(*_):
        raise RuntimeError("read")

    monkeypatch.setattr(speech_text, "_read", refuse)
    model = made(kept)
    assert model.embed_audio([sound(1)]).shape == (1, 24)
    assert model.embed_text([]).shape == (0, 24)
    with pytest.raises(RuntimeError, match="read"):
        model.embed_text(["sad"])


def test_threads_that_ask_first_all_at_once_share_one_tower(folder):
    model, start = made(folder), threading.Barrier(4)
    speech_text._read.cache_clear()

    def ask(number):
        start.wait()
        return model.embed_text(["sad", "x" * number])[0]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(1, 5)))
    assert speech_text._read.cache_info().misses == 1
    for answer in answers:
        np.testing.assert_allclose(answer, answers[0], atol=1e-5)


def test_the_callers_random_numbers_are_left_alone(folder):
    model, before = made(folder), torch.get_rng_state()
    model.embed_text(["sad"])
    assert torch.equal(torch.get_rng_state(), before)


def _rewrite(folder, change):
    weights = safetensors.torch.load_file(folder / WEIGHTS)
    change(weights)
    safetensors.torch.save_file(weights, folder / WEIGHTS)


def _without_a_key(folder):
    _rewrite(folder, lambda weights: weights.pop("text_projection.linear2.bias"))


def _with_a_wrong_shape(folder):
    _rewrite(folder, lambda weights: weights.update({"text_model.pooler.dense.bias": torch.zeros(3)}))


def _without_a_tokenizer(folder):
    for name in TOKENIZER:
        (folder / name).unlink()


def _with_odd_heads(folder):
    settings = json.loads((folder / "config.json").read_text())
    settings["text_config"]["num_attention_heads"] = 3
    (folder / "config.json").write_text(json.dumps(settings))


def _with_another_tokenizer(folder):
    words = json.loads((folder / "vocab.json").read_text())
    (folder / "vocab.json").write_text(json.dumps(words | {"new": len(words)}))


DAMAGES = {
    "a key too few": (_without_a_key, r"model\.safetensors: no weights text_projection\.linear2\.bias \(1 in all\)"),
    "a wrong shape": (_with_a_wrong_shape, r"text_model\.pooler\.dense\.bias has the shape \(3,\).* would be \(16,\)"),
    "odd heads": (_with_odd_heads, r"config\.json: no text tower can have these settings"),
    "no tokenizer": (_without_a_tokenizer, r"no tokenizer\.json in .*vocab\.json and merges\.txt are read too"),
    "half a tokenizer": (lambda folder: (folder / "merges.txt").unlink(), r"vocab\.json and merges\.txt are read too"),
    "another tokenizer": (_with_another_tokenizer, r"vocab\.json: knows 268 tokens, the model reads 267"),
    "no JSON": (
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        r"tokenizer\.json: no tokenizer can be made of them",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_text_tower_is_refused_where_sound_is_still_heard(folder, damage, message):
    damage(folder)
    model = made(folder)
    assert np.isfinite(model.embed_audio([sound(1)])).all()
    with pytest.raises(hub.CheckpointError, match=message):
        model.embed_text(["sad"])


def test_files_that_changed_after_they_were_heard_with_are_refused(folder):
    model = made(folder)
    model.embed_text(["sad"])
    _rewrite(folder, lambda weights: weights.update({"text_projection.linear2.bias": torch.ones(24)}))
    with pytest.raises(hub.CheckpointError, match="has changed since its audio tower was read"):
        model.embed_text(["sad"])
    assert np.isfinite(made(folder).embed_text(["sad"])).all()


def test_a_hub_id_gets_its_tokenizer_when_a_text_is_read(kept, tmp_path, monkeypatch):
    shutil.copytree(kept, tmp_path / "served" / "someone" / "clap")
    with loopback.Hub(tmp_path / "served") as server:
        server.here(monkeypatch, tmp_path / "home")
        model = contrastive.get("transformers:someone/clap")
        model.embed_audio([np.zeros(48_000, np.float32)])
        assert _fetched(server) == {"config.json", "preprocessor_config.json", WEIGHTS}
        np.testing.assert_allclose(model.embed_text(["sad"]), made(kept).embed_text(["sad"]), atol=1e-5)
    assert _fetched(server) == {"config.json", "preprocessor_config.json", WEIGHTS, *TOKENIZER}


def _fetched(server):
    return {path.rpartition("/")[2] for path in server.paths if "/resolve/" in path}

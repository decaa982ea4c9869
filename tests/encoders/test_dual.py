"""The demo's contrastive model as an encoder: how it reads words and sounds, and what it makes of a damaged folder."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2Model

import small_dual
from emocast import encoders
from emocast.encoders import dual, hub

PROMPTS = ["a woman sounds angry", "he is sad, in a calm voice, in English", "neutral", "Somebody shouts!"]


@pytest.fixture
def folder(tmp_path):
    return small_dual.folder(tmp_path / "model")


@pytest.fixture
def encoder(folder):
    return encoders.get(f"dual:{folder}")


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)


def test_words_are_letters_without_marks_and_pieces_their_runs_by_a_published_hash():
    assert dual.words("He isn't ANGRY, it's matter-of-fact: Ärger 2!") == [
        "he", "isn't", "angry", "it's", "matter-of-fact", "ärger", "2"
    ]  # fmt: skip
    assert dual.words("A\u0308rger") == ["ärger"], "however it is encoded"
    assert dual.pieces("sad") == ["<sa", "sad", "ad>", "<sad", "sad>", "<sad>"]
    found = dual.pieces("angrily")
    assert found[-1] == "<angrily>" and len(found) == 7 + 6 + 5 + 4 + 1
    assert len(dual.pieces("aaaaa")) == len(set(dual.pieces("aaaaa")))
    # FNV-1a's own test vectors (http://www.isthe.com/chongo/tech/comp/fnv/)
    known = {"": 0x811C9DC5, "a": 0xE40C292C, "foobar": 0xBF9CF968}
    assert {text: dual.place(text, buckets=1 << 32) for text in known} == known
    assert dual.place("foobar", buckets=1000) == 0xBF9CF968 % 1000


def test_a_sound_is_the_projected_mean_of_what_wav2vec2_says(encoder):
    model, sound = small_dual.model().eval(), torch.from_numpy(noise(1))
    plain = Wav2Vec2Model(model.audio.wav2vec2.config).eval()
    plain.load_state_dict(model.audio.wav2vec2.state_dict())
    with torch.no_grad():
        normal = (sound - sound.mean()) / torch.sqrt(sound.var(correction=0) + 1e-5)
        projected = model.audio.projection(plain(normal[None]).last_hidden_state.mean(dim=1))[0]
    np.testing.assert_allclose(encoder.encode([sound.numpy()])[0], projected / projected.norm(), atol=1e-5)


def test_a_text_is_read_as_its_words_and_a_word_as_its_pieces(encoder):
    """By hand: pieces to words, attention, mean, projection."""
    tower = small_dual.model().eval().text
    vectors = [
        torch.stack([tower.pieces.weight[dual.place(piece, buckets=512)] for piece in dual.pieces(word)]).mean(0)
        for word in ("someone", "sounds", "sad")
    ]
    with torch.no_grad():
        projected = tower.projection(tower.attention(torch.stack(vectors)[None]).mean(dim=1))[0]
    np.testing.assert_allclose(encoder.embed_text(["Someone sounds sad."])[0], projected / projected.norm(), atol=1e-5)


def test_what_stands_beside_a_text_does_not_change_it(encoder):
    together, model = encoder.embed_text(PROMPTS), small_dual.model().eval()  # what was saved is read back
    sounds = [noise(1), noise(0.7, seed=1), noise(1, seed=2)]
    with torch.no_grad():
        np.testing.assert_allclose(together, model.text(PROMPTS), atol=1e-5)
        np.testing.assert_allclose(encoder.encode(sounds), model.audio(list(map(torch.from_numpy, sounds))), atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 0.01
    for row, prompt in enumerate(PROMPTS):
        np.testing.assert_allclose(encoder.embed_text([prompt])[0], together[row], atol=1e-6)
    many = encoder.embed_text(PROMPTS * 100)  # more than go into one batch
    np.testing.assert_allclose(many, np.tile(together, (100, 1)), atol=1e-6)


@pytest.mark.parametrize("wrong", ["", "?!", None])
def test_a_text_without_words_is_refused(encoder, wrong):
    with pytest.raises(ValueError, match="words"):
        encoder.embed_text(["sad", wrong])


def test_weights_and_settings_are_its_identity(encoder, folder):
    copy = small_dual.folder(folder.parent / "copy")
    assert encoders.get(f"dual:{copy}").digest == encoder.digest
    assert encoders.get(f"dual:{small_dual.folder(folder.parent / 'other', seed=1)}").digest != encoder.digest
    settings = json.loads((copy / "config.json").read_text())
    settings["audio"]["layer_norm_eps"] = 1e-3
    (copy / "config.json").write_text(json.dumps(settings))
    assert encoders.get(f"dual:{copy}").digest != encoder.digest


def test_a_damaged_folder_says_what_is_wrong(folder):
    def refused(says):
        with pytest.raises(hub.CheckpointError, match=says):
            encoders.get(f"dual:{folder}")

    config, weights = folder / "config.json", load_file(folder / "model.safetensors")
    whole = config.read_text()
    for settings, says in (
        ('{"model_type": "wav2vec2"}', r"config\.json: .*model_type is 'wav2vec2', expected 'emocast-dual'"),
        ('{"model_type": "emocast-dual"}', r"config\.json: no model can have these settings"),
        (whole.replace('"text_dimension": 16', '"text_dimension": 18'), "must be a multiple of 4"),
        (whole.replace('"dimension": 12', '"dimension": 13'), r"has the shape \(12, 16\), not \(13, 16\)"),
    ):
        config.write_text(settings)
        refused(says)
    config.write_text(whole)
    save_file({name: weights[name] for name in weights if name != "text.projection.bias"}, folder / "model.safetensors")
    refused(r"model\.safetensors: has no key text\.projection\.bias \(1 in all\)")
    (folder / "model.safetensors").write_bytes(b"no weights")
    refused("nothing of it was run")

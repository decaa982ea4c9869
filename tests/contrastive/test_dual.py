"""The contrastive loss is CLIP's, its gradient reaches what is trained and nothing else, and the rates rise and fall."""

import numpy as np
import pytest
import torch

import small_dual
from emocast.contrastive import dual

SECONDS = (0.5, 0.3, 0.5, 0.4)
TEXTS = ["a woman is angry", "he sounds sad, calmly", "neutral", "a man is happy"]


def sounds(seed=0):
    numbers = np.random.default_rng(seed)
    return [torch.from_numpy(numbers.normal(0, 0.1, round(s * 16_000)).astype(np.float32)) for s in SECONDS]


def units(seed, count=5, width=7):
    values = np.random.default_rng(seed).normal(size=(count, width))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_the_loss_is_the_mean_of_two_cross_entropies():
    audio, text, scale = units(0), units(1), 14.0
    likeness = scale * audio @ text.T
    for_audio = [-np.log(np.exp(row[own]) / np.exp(row).sum()) for own, row in enumerate(likeness)]
    for_text = [-np.log(np.exp(row[own]) / np.exp(row).sum()) for own, row in enumerate(likeness.T)]
    assert abs(np.mean(for_audio) - np.mean(for_text)) > 0.01, "both directions count"
    found = dual.contrastive_loss(torch.from_numpy(audio), torch.from_numpy(text), torch.tensor(scale))
    assert float(found) == pytest.approx((np.mean(for_audio) + np.mean(for_text)) / 2)


def test_pairs_that_fit_have_no_loss_and_pairs_without_likeness_that_of_guessing():
    same = torch.eye(6)
    assert float(dual.contrastive_loss(same, same, torch.tensor(100.0))) < 1e-6
    assert float(dual.contrastive_loss(same, same, torch.tensor(0.0))) == pytest.approx(np.log(6))


def test_the_gradient_reaches_all_but_the_convolutions():
    model = small_dual.model().train()
    dual.contrastive_loss(model.audio(sounds()), model.text(TEXTS), model.log_scale.exp()).backward()
    reached = {
        name for name, parameter in model.named_parameters() if parameter.grad is not None and parameter.grad.any()
    }
    frozen = {name for name, _ in model.named_parameters() if name.startswith("audio.wav2vec2.feature_extractor.")}
    # the mask's vector is heard in pre-training alone; a key's bias cancels in the softmax
    unused = {"audio.wav2vec2.masked_spec_embed"}
    keys = {name for name, _ in model.named_parameters() if name.endswith("k_proj.bias")}
    expected = {name for name, _ in model.named_parameters()} - frozen - unused - keys
    assert frozen and expected <= reached
    assert not reached & (frozen | unused)
    assert any(name.startswith("audio.wav2vec2.encoder.layers.0.") for name in reached)


def test_in_training_too_a_sound_is_embedded_as_if_alone():
    """Shorter ones are padded and masked after the convolutions."""
    tower = small_dual.model().audio.eval()
    some = sounds()
    with torch.no_grad():
        together = tower(some)
        for number, sound in enumerate(some):
            torch.testing.assert_close(together[number], tower([sound])[0], atol=1e-5, rtol=0)
    assert float((together[0] - together[2]).abs().max()) > 1e-3


def test_the_rate_rises_in_a_tenth_and_falls_to_zero():
    assert [dual.share_of_rate(done) for done in (0.0, 0.05, 0.1, 0.55, 1.0)] == pytest.approx([0, 0.5, 1, 0.5, 0])

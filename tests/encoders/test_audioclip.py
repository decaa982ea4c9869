"""AudioCLIP: its front end and its parts beside computations by other means, its checkpoint read as data, its texts."""

import itertools
import re
import shutil

import numpy as np
import pytest
import scipy.io
import scipy.signal
import torch
import torchvision
import transformers
from torch.nn import functional

import loopback
import small_audioclip
from emocast import audio, contrastive, encoders
from emocast.corpora import download
from emocast.encoders import audioclip, hub

RATE = 44_100
TEXTS = ["a happy voice", "This is the sound of an angry man.", "sad", "SAD", "traurig"]


@pytest.fixture(scope="module")
def checkpoint(shared_folder):
    """Read only."""
    return small_audioclip.checkpoint(shared_folder / "audioclip")


@pytest.fixture
def model(checkpoint):
    return contrastive.get(f"audioclip:{checkpoint}")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A folder of data with the tokenizer in its place, and no network."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    small_audioclip.checkpoints(tmp_path / "data" / "checkpoints")
    return tmp_path / "data"


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


# --- the front end, and the parts of the network


def wavelets(m, fb, fc):
    made = audioclip.Wavelets(len(m), bias=False).requires_grad_(False)
    for name, values in (("m", m), ("fb", fb), ("fc", fc)):
        getattr(made, name).copy_(torch.as_tensor(values))
    return made.kernels(2_048).numpy()


def test_wavelets_of_order_zero_are_a_fourier_transform():
    """SciPy's chirp transform gives the same coefficients, for t has 2,047 steps in a round."""
    kernels = wavelets(np.zeros(1025), np.ones(1025), np.arange(1025))
    sound = noise(2_048).astype(float)
    turned = np.exp(1j * np.pi * np.arange(1025))  # t begins at -pi
    expected = scipy.signal.czt(sound, 1025, np.exp(-2j * np.pi / 2_047)) * turned / np.sqrt(2_048)
    np.testing.assert_allclose(kernels @ sound, expected, atol=1e-4)
    assert np.abs(expected).max() > 0.1


def test_wavelets_have_their_order_bandwidth_and_centre():
    """As written in the paper, with numpy's complex powers."""
    m, fb, fc = np.array([1.0, 2.5, 0.7]), np.array([0.8, 3.0, 12.0]), np.array([0.0, 40.2, 900.7])
    t = np.pi * np.linspace(-1, 1, 2_048)
    sinc = np.array([np.sinc(b * t / order / np.pi).astype(complex) ** order for order, b in zip(m, fb, strict=True)])
    expected = np.sqrt(fb / 2_048)[:, None] * sinc * np.exp(-1j * np.outer(fc, t))
    assert (sinc.imag != 0).any(), "a sinc that falls below zero is among them"
    np.testing.assert_allclose(wavelets(m, fb, fc), expected, atol=1e-6)


@pytest.mark.parametrize("samples", [500, 1_654, 1_655, 4_000])
def test_the_spectrogram_is_that_of_the_frames_one_by_one(model, checkpoint, samples):
    weights = {name: value.numpy().astype(float) for name, value in torch.load(checkpoint).items() if "num" not in name}
    sound = noise(samples)
    with torch.inference_mode():
        found = model._network.audio.spectrogram(torch.from_numpy(sound)[None]).numpy()
    frames = max(1, 1 + int(np.ceil((samples - 1_654) / 561)))
    assert found.shape == (1, 3, 341, frames)
    lacking = 1_654 + 561 * (frames - 1) - samples
    padded = np.pad(65_536 / 65_535 * (sound.astype(float) + 1) - 1, (lacking // 2, lacking - lacking // 2))
    m, fb, fc = (weights[f"audio.fbsp.{name}"] for name in ("m", "fb", "fc"))
    kernels = wavelets(m, fb, fc)
    for frame in range(frames):
        cut = np.pad(padded[561 * frame :][:1_654] * scipy.signal.windows.blackmanharris(1_654, sym=False), 197)
        power = np.abs(kernels @ cut)[:1_023] ** 2
        np.testing.assert_allclose(found[0, :, :, frame].ravel(), 10 * np.log10(power), atol=0.05)


def test_a_tone_lies_in_the_band_and_row_of_its_frequency(model):
    time = np.arange(RATE) / RATE
    rows = []
    for frequency in (1_000, 9_000, 18_000):
        tone = torch.from_numpy(np.sin(2 * np.pi * frequency * time).astype(np.float32))[None]
        with torch.inference_mode():
            rows.append(int(model._network.audio.spectrogram(tone)[0].mean(-1).argmax()))
    np.testing.assert_allclose(rows, [2_048 / RATE * frequency for frequency in (1_000, 9_000, 18_000)], atol=1.5)


def test_a_residual_block_is_what_scipy_convolves(model):
    block = model._network.audio.layer1[1]  # 256 channels in 32 groups, as many out
    given = np.random.default_rng(0).normal(0, 1, (256, 6, 5)).astype(np.float32)
    with torch.inference_mode():
        found = block(torch.from_numpy(given)[None])[0].numpy()

    def norm(values, layer):
        scale = layer.weight.numpy() / np.sqrt(layer.running_var.numpy() + 1e-5)
        return (values - layer.running_mean.numpy()[:, None, None]) * scale[:, None, None] + layer.bias.numpy()[
            :, None, None
        ]

    def convolved(values, layer):
        kernels = layer.weight.numpy()  # (out, in / groups, height, width)
        own, wide = kernels.shape[1], len(kernels) // (len(values) // kernels.shape[1])
        rows = np.zeros((len(kernels), *values.shape[1:]))
        for row, place in itertools.product(range(len(kernels)), range(own)):
            rows[row] += scipy.signal.correlate2d(values[own * (row // wide) + place], kernels[row, place], "same")
        return rows

    narrow = np.maximum(norm(np.einsum("oc,chw->ohw", block.conv1.weight.numpy()[:, :, 0, 0], given), block.bn1), 0)
    grouped = np.maximum(norm(convolved(narrow, block.conv2), block.bn2), 0)
    widened = norm(np.einsum("oc,chw->ohw", block.conv3.weight.numpy()[:, :, 0, 0], grouped), block.bn3)
    np.testing.assert_allclose(found, np.maximum(widened + given, 0), atol=1e-3)


def test_the_whole_tower_is_torchvisions_network_with_attention_beside_each_stage(model, checkpoint):
    """Put together anew from the file's weights by their names."""
    given = {name.removeprefix("audio."): tensor for name, tensor in torch.load(checkpoint).items()}
    network = torchvision.models.resnext50_32x4d(num_classes=1024).eval()
    network.load_state_dict({name: given[name] for name in network.state_dict()})
    sound = noise(20_000)
    with torch.inference_mode():
        seen = model._network.audio.spectrogram(torch.from_numpy(sound)[None])
        seen = network.maxpool(network.relu(network.bn1(network.conv1(seen))))
        stages = (network.layer1, network.layer2, network.layer3, network.layer4, network.avgpool)
        for place, stage in enumerate(stages, 1):
            own = {name.removeprefix(f"att{place}."): tensor for name, tensor in given.items() if f"att{place}" in name}
            after, (depth, bias) = stage(seen), (own["conv_depth.weight"], own["conv_depth.bias"])
            looked = functional.adaptive_max_pool2d(seen, after.shape[-2:])
            looked = functional.conv2d(looked, depth, bias, padding="same", groups=len(depth))
            looked = functional.conv2d(looked, own["conv_point.weight"], own["conv_point.bias"])
            scale = own["bn.weight"] / (own["bn.running_var"] + 1e-5).sqrt()
            looked = (looked - own["bn.running_mean"][:, None, None]) * scale[:, None, None]
            seen = after * torch.sigmoid(looked + own["bn.bias"][:, None, None])
        expected = functional.normalize(network.fc(seen.flatten(1)), dim=-1).numpy()
    np.testing.assert_allclose(model.encode([sound]), expected, atol=1e-5)


# --- sounds


def test_sound_of_any_length_has_one_embedding_whatever_stands_beside_it(model):
    sounds = [noise(RATE), noise(RATE, 1), noise(30_000, 2), np.zeros(RATE, np.float32), noise(100, 3)]
    embeddings = model.encode(sounds)
    assert (embeddings.shape, embeddings.dtype) == ((5, 1024), np.float32)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    for sound, embedding in zip(sounds, embeddings, strict=True):
        np.testing.assert_allclose(model.encode([sound])[0], embedding, atol=1e-5)
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2)[np.triu_indices(5, 1)]
    assert distances.min() > 1e-4, "each sound has an embedding of its own, silence too"
    assert model.encode([]).shape == (0, 1024)


def test_another_rate_is_resampled_before_it_is_embedded(model, tmp_path):
    """A file is read at the encoder's rate: a tone at two rates is one sound; taken for another rate it is not."""
    tones = {rate: np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32) for rate in (16_000, RATE)}
    for rate, tone in tones.items():
        scipy.io.wavfile.write(tmp_path / f"{rate}.wav", rate, tone)
    read = [audio.read(tmp_path / f"{rate}.wav", sample_rate=model.sample_rate) for rate in tones]
    one, other, wrong = model.encode([*read, tones[16_000]])
    assert np.linalg.norm(one - other) < 0.5 * np.linalg.norm(one - wrong)


# --- texts


@pytest.fixture
def reference(checkpoint):
    """CLIP's tower for texts as transformers has it, with the same weights."""
    given, sizes = torch.load(checkpoint), {"projection_dim": small_audioclip.DIMENSION, "hidden_act": "quick_gelu"}
    words, width = given["token_embedding.weight"].shape
    sizes |= {"vocab_size": words, "hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": 1}
    sizes |= {"num_hidden_layers": small_audioclip.LAYERS, "max_position_embeddings": small_audioclip.PLACES}
    config = transformers.CLIPTextConfig(**sizes, bos_token_id=words - 2, eos_token_id=words - 1, pad_token_id=0)
    made = transformers.CLIPTextModelWithProjection(config).eval()
    names = {
        "text_model.": "", "embeddings.token_embedding": "token_embedding", "final_layer_norm": "ln_final",
        "embeddings.position_embedding.weight": "positional_embedding", "encoder.layers.": "transformer.resblocks.",
        "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }  # fmt: skip
    weights = {}
    for name in made.state_dict():
        own = name
        for theirs, ours in names.items():
            own = own.replace(theirs, ours)
        if part := re.search(r"self_attn\.([qkv])_proj\.(\w+)", own):
            own = own.replace(part[0], f"attn.in_proj_{part[2]}")
            weights[name] = given[own].chunk(3)["qkv".index(part[1])]
        else:
            weights[name] = given["text_projection"].T if own == "text_projection.weight" else given[own]
    made.load_state_dict(weights)
    return made


def test_texts_are_what_transformers_clip_makes_of_them(model, reference, data):
    folder = data / "checkpoints" / "openai" / "clip-vit-base-patch32"
    made = transformers.CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))
    texts = [text for text in TEXTS if len(made.encode(text)) <= small_audioclip.PLACES]
    assert len(texts) >= 4
    with torch.inference_mode():
        expected = torch.cat([reference(**made(text, return_tensors="pt")).text_embeds for text in texts])
    expected = functional.normalize(expected, dim=-1).numpy()
    found = model.embed_text(texts)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found[texts.index("sad")], found[texts.index("SAD")])
    assert np.linalg.norm(found[0] - found[texts.index("sad")]) > 0.01


def test_a_text_that_is_too_long_and_a_tokenizer_that_does_not_fit_are_refused(model, data):
    longest = "x" * (small_audioclip.PLACES - 2)
    assert np.isfinite(model.embed_text([longest])).all()
    with pytest.raises(ValueError, match=r"the text 'x{19}' has 21 tokens, the model reads 20 at once: shorten it"):
        model.embed_text([longest + "x"])
    folder = data / "checkpoints" / "openai" / "clip-vit-base-patch32"
    content = (folder / "vocab.json").read_text("utf-8")
    (folder / "vocab.json").write_text(content.replace("{", '{"new": 600, ', 1), "utf-8")
    with pytest.raises(hub.CheckpointError, match=r"vocab\.json: knows 522 tokens, the model reads 521"):
        model.embed_text(["sad"])
    shutil.rmtree(folder)
    with pytest.raises(hub.CheckpointError, match=r"Put vocab\.json, merges\.txt into .*clip-vit-base-patch32/"):
        model.embed_text(["sad"])


# --- the checkpoint


DAMAGES = {
    "a key too few": (
        lambda weights: weights.pop("audio.att3.bn.bias"),
        r"has no key audio\.att3\.bn\.bias \(1 in all\)",
    ),
    "an unknown key": (
        lambda weights: weights.update({"audio.att6.bn.bias": torch.zeros(2)}),
        r"has an unknown key audio\.att6\.bn\.bias \(1 in all\)",
    ),
    "a layer left out": (
        lambda weights: [weights.pop(name) for name in list(weights) if name.startswith("transformer.resblocks.0.")],
        r"has no key transformer\.resblocks\.0\.attn\.in_proj_bias \(12 in all\)",
    ),
    "another width": (
        lambda weights: weights.update({"audio.fc.weight": torch.zeros(527, 2048)}),
        r"audio\.fc\.weight has the shape \(527, 2048\), not \(1024, 2048\)",
    ),
    "wavelets with a bias": (
        lambda weights: weights.update({"audio.fbsp.bias": torch.zeros(1025, 2)}),
        r"audio\.fbsp\.bias has the shape \(1025, 2\), not \(0,\)",
    ),
    "no words": (
        lambda weights: weights.pop("token_embedding.weight"),
        r"no network has such weights \(KeyError\('token_embedding",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_checkpoint_that_does_not_fit_is_refused_with_what_does_not(checkpoint, tmp_path, damage, message):
    weights = torch.load(checkpoint)
    damage(weights)
    torch.save(weights, tmp_path / "wrong.pt")
    with pytest.raises(hub.CheckpointError, match=rf"wrong\.pt: {message}.*: expected is AudioCLIP, AudioCLIP-Full"):
        encoders.get(f"audioclip:{tmp_path / 'wrong.pt'}")


def test_an_empty_bias_may_be_there_or_not_and_images_too(model, checkpoint, tmp_path):
    weights = torch.load(checkpoint)
    for name in ("audio.fbsp.bias", "visual.conv1.weight", "logit_scale_at"):
        weights.pop(name)
    torch.save({"state_dict": weights}, tmp_path / "less.pt")
    less = encoders.get(f"audioclip:{tmp_path / 'less.pt'}")
    np.testing.assert_array_equal(less.encode([noise(9_000)]), model.encode([noise(9_000)]))


def test_the_published_file_is_fetched_from_its_makers_into_data(checkpoint, data, monkeypatch):
    name, place = f"audioclip:{audioclip.PUBLISHED}", data / "checkpoints" / audioclip.PUBLISHED
    told = r"put AudioCLIP-Full-Training\.pt \(537 MB\) of https://github\.com/.* into .*checkpoints/AndreyGuzhov/AudioCLIP/"
    assert re.fullmatch(told, encoders.missing(name, texts=True)), "a machine that may not use the network is told"
    with pytest.raises(
        hub.CheckpointError, match=r"the network is not used \(HF_HUB_OFFLINE is set\); `make checkpoints`"
    ):
        encoders.get(name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "_PAUSE_S", 0.0)
    with loopback.Files({"v0.1/file.pt": checkpoint.read_bytes()}) as server:
        monkeypatch.setattr(audioclip, "ADDRESS", server.address("v0.1/none.pt"))
        with pytest.raises(
            hub.CheckpointError, match=r"none\.pt cannot be fetched .*404.* Or put AudioCLIP-Full-Training"
        ):
            encoders.get(name)
        assert not place.exists()
        monkeypatch.setattr(audioclip, "ADDRESS", server.address("v0.1/file.pt"))
        assert encoders.missing(name, texts=True) == ""
        assert place.read_bytes() == checkpoint.read_bytes()
        asked = len(server.asked)
        assert encoders.get(name).encode([noise(5_000)]).shape == (1, 1024)
        assert len(server.asked) == asked, "what is there is not fetched again"

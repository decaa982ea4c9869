"""transformers' speech models: what transformers itself computes, nothing invented, and nothing run."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import loopback
import small_models
from emocast import compute, encoders
from emocast.encoders import hub, speech

FOLDERS = {name: getattr(small_models, name) for name in ("wav2vec2", "hubert", "wavlm", "whisper", "clap")}
FOLDERS |= {
    "data2vec-audio": partial(small_models.other, "Data2VecAudio"),
    "unispeech": partial(small_models.other, "UniSpeech"),
    "unispeech-sat": partial(small_models.other, "UniSpeechSat"),
    "clap-fused": partial(small_models.clap, fusion=True),
}
WITH_LAYERS = [name for name in FOLDERS if not name.startswith("clap")]
WEIGHTS, CONFIG, PREPROCESSOR = "model.safetensors", "config.json", "preprocessor_config.json"


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Networks as small as these wait for their threads longer than they compute."""
    with compute.torch_threads(1):
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of each family; read only: copy it before damaging it."""
    root = tmp_path_factory.mktemp("models")
    return {name: make(root / name) for name, make in FOLDERS.items()}


@pytest.fixture
def folder(folders, tmp_path):
    """A wav2vec 2.0 that a test may damage."""
    return shutil.copytree(folders["wav2vec2"], tmp_path / "model")


def made(folder, layer=None, **options):
    return encoders.get(f"transformers:{folder}" + ("" if layer is None else f"@{layer}"), **options)


def sound(seconds, rate=16_000, *, seed=0):
    """A gliding tone in noise, with an offset as microphones have it."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (rng.uniform(100, 900) + 200 * time) * time)
    return (0.2 * tone + rng.normal(0, 0.02, len(time)) + 0.05).astype(np.float32)


@torch.no_grad()
def plain(folder, waveform, layer=None):
    """What transformers' own classes say of one waveform: hidden states of shape (frames, dimension), or one vector."""
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    taken = extractor(waveform, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    if isinstance(model, transformers.ClapModel):
        return model.get_audio_features(**taken.to(torch.float32))[0].numpy()
    model = model.encoder if isinstance(model, transformers.WhisperModel) else model
    output = model(**taken, output_hidden_states=True)
    return (output.last_hidden_state if layer is None else output.hidden_states[layer])[0].numpy()


@pytest.mark.parametrize("layer", [None, 0, 1, 3])
@pytest.mark.parametrize("family", WITH_LAYERS)
def test_an_embedding_is_the_mean_of_what_transformers_says(folders, family, layer):
    encoder, waveform = made(folders[family], layer), sound(1.31)
    hidden = plain(folders[family], waveform, layer)
    real = 66 if family == "whisper" else len(hidden)  # a frame each 20 ms, the last begins at 1.30 s
    found = encoder.encode([waveform])
    assert (found.shape, found.dtype) == ((1, 32), np.float32)
    assert (encoder.sample_rate, encoder.dimension, encoder.precision, encoder.threaded) == (16_000, 32, "fp32", True)
    np.testing.assert_allclose(found[0], hidden[:real].mean(0), atol=1e-4)


def test_whisper_takes_longer_sound_in_pieces_and_another_spectrogram_is_refused(folders, tmp_path):
    waveform, parts = sound(33), np.split(sound(33), [30 * 16_000])
    frames = [plain(folders["whisper"], part)[:most] for part, most in zip(parts, (1500, 150), strict=True)]
    np.testing.assert_allclose(
        made(folders["whisper"]).encode([waveform])[0], np.concatenate(frames).mean(0), atol=1e-4
    )
    folder = shutil.copytree(folders["whisper"], tmp_path / "model")
    transformers.WhisperFeatureExtractor(feature_size=128).save_pretrained(folder)
    with pytest.raises(hub.CheckpointError, match=r"the spectrogram has \(bands, frames\) \(128, 3000\)"):
        made(folder)


@pytest.mark.parametrize("family", ["clap", "clap-fused"])
def test_clap_takes_all_of_longer_sound_and_draws_nothing(folders, family):
    encoder, waveform = made(folders[family]), sound(12, 48_000)
    first, last = plain(folders[family], waveform[:480_000]), plain(folders[family], waveform[480_000:])
    assert np.abs(first - last).max() > 1e-3
    assert (encoder.sample_rate, encoder.dimension) == (48_000, 24)
    np.testing.assert_allclose(encoder.encode([waveform[:480_000]])[0], first, atol=1e-4)
    before = str(np.random.get_state())  # noqa: NPY002 - the state that transformers would draw from
    found = encoder.encode([waveform, waveform])
    assert str(np.random.get_state()) == before  # noqa: NPY002
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], (10 * first + 2 * last) / 12, atol=1e-4)


@pytest.mark.parametrize("family", ["wav2vec2", "whisper", "clap"])
def test_half_precision_stays_close(folders, family):
    full, half = made(folders[family]), made(folders[family], precision="bf16")
    waveforms = [sound(1, full.sample_rate, seed=number) for number in range(2)]
    expected, found = full.encode(waveforms), half.encode(waveforms)
    cosine = (expected * found).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
    assert cosine.min() > 0.9  # of random weights; published networks lose far less
    assert np.abs(expected - found).max() > 1e-5  # it is another computation
    assert (half.precision, half.digest, found.dtype) == ("bf16", full.digest, np.float32)


@pytest.mark.parametrize("make", [small_models.wav2vec2, small_models.whisper, small_models.clap])
def test_weights_come_in_a_pickled_file_too(folders, tmp_path, make):
    folder = make(tmp_path / "model", safe_serialization=False)
    assert not (folder / WEIGHTS).exists()
    expected = made(folders[make.__name__])
    waveform = sound(0.5, expected.sample_rate)
    np.testing.assert_allclose(made(folder).encode([waveform]), expected.encode([waveform]), atol=1e-6)
    assert made(folder).digest != expected.digest


def _rewrite(folder, change):
    weights = change(safetensors.torch.load_file(folder / WEIGHTS))
    safetensors.torch.save_file(weights, folder / WEIGHTS)


def test_weights_in_shards_are_those_of_the_digest_whatever_lies_beside(folder, folders):
    """transformers reads shards before a .bin, so the digest must be theirs: else other weights would find old embeddings."""
    other = transformers.Wav2Vec2Model.from_pretrained(folders["wav2vec2"])
    (folder / WEIGHTS).unlink()
    torch.save(other.state_dict(), folder / "pytorch_model.bin")
    with torch.no_grad():
        other.feature_projection.projection.weight.mul_(1.5)
    other.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1 and not (folder / WEIGHTS).exists()
    whole = shutil.copytree(folders["wav2vec2"], folder.parent / "whole")
    other.save_pretrained(whole)
    first = made(folder)
    np.testing.assert_array_equal(first.encode([sound(1.0)]), made(whole).encode([sound(1.0)]))
    with torch.no_grad():
        other.feature_projection.projection.weight.mul_(1.5)
    other.save_pretrained(folder, max_shard_size="20KB")
    again = made(folder)
    assert again.digest != first.digest
    assert not np.allclose(again.encode([sound(1.0)]), first.encode([sound(1.0)]))
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../model.safetensors"}}')
    with pytest.raises(hub.CheckpointError, match="expected a weight_map to files beside it"):
        made(folder)


def test_weights_in_memory_do_not_follow_their_file(folder):
    encoder = made(folder)
    content = (folder / WEIGHTS).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    (folder / WEIGHTS).write_bytes(content[:start] + bytes(len(content) - start))
    found = encoder.encode([sound(1)])
    (folder / WEIGHTS).write_bytes(content)
    np.testing.assert_array_equal(made(folder).encode([sound(1)]), found)
    assert np.ptp(found) > 0.1


def test_heads_and_old_names_are_no_obstacle(folders, folder):
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}

    def old(weights):
        for now, then in names.items():
            weights = {name.replace(now, then): tensor for name, tensor in weights.items()}
        assert sum(name.endswith(("weight_g", "weight_v")) for name in weights) == 2
        heads = {"lm_head.weight": torch.zeros(7, 32), "quantizer.codevectors": torch.zeros(3)}
        return heads | {f"wav2vec2.{name}": tensor for name, tensor in weights.items() if name != "masked_spec_embed"}

    _rewrite(folder, old)
    np.testing.assert_array_equal(made(folder).encode([sound(1)]), made(folders["wav2vec2"]).encode([sound(1)]))


def _change(change):
    return lambda folder: _rewrite(folder, change)


def _pickled(content):
    def damage(folder):
        (folder / WEIGHTS).unlink()
        torch.save(content(folder), folder / "pytorch_model.bin")

    return damage


def _with_half_a_file(folder):
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])


def _file(name, text):
    return lambda folder: (folder / name).write_text(text)


KEY, NORM = "feature_projection.projection.bias", "encoder.layer_norm.weight"
DAMAGES = [
    (_change(lambda found: {name: found[name] for name in found if name != KEY}), rf"no weights {KEY} \(1 in all\)"),
    (_change(lambda found: found | {NORM: torch.zeros(31)}), f"model.safetensors: another shape of .*{NORM}"),
    (_with_half_a_file, "model.safetensors: no model was made of it and config.json"),
    (_pickled(lambda folder: small_models.Code(folder / "ran")), "pytorch_model.bin: no model .*nothing of it was run"),
    (_file(WEIGHTS, "version https://git-lfs.github.com/spec/v1"), "model.safetensors: no model was made of it"),
    (_file(CONFIG, "{"), "config.json: not valid JSON"),
    (_file(CONFIG, '{"model_type": "bert"}'), r"config.json: model_type is 'bert'; .* wav2vec2, hubert,"),
    (_file(CONFIG, '{"model_type": "wav2vec2", "conv_dim": [1]}'), "config.json: Wav2Vec2Config cannot"),
    (_file(CONFIG, '{"model_type": "wav2vec2", "num_attention_heads": 5}'), "no model was made of it and config.json"),
    *[(lambda at, name=name: (at / name).unlink(), "^no .*incomplete") for name in (WEIGHTS, CONFIG, PREPROCESSOR)],
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_checkpoint_is_refused_with_the_files_name(folder, damage, message):
    made(folder)  # what is in memory must not hide the damage
    damage(folder)
    with pytest.raises(hub.CheckpointError, match=message):
        made(folder)
    assert not (folder / "ran").exists()


def test_python_files_beside_a_checkpoint_run_nothing(folders, folder, tmp_path):
    (folder / "modeling.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n")
    for name, code in ((CONFIG, {"AutoModel": "modeling.M"}), (PREPROCESSOR, {"AutoFeatureExtractor": "modeling.E"})):
        settings = json.loads((folder / name).read_text()) | {"auto_map": code, "attn_implementation": "someone/kernel"}
        (folder / name).write_text(json.dumps(settings))
    np.testing.assert_array_equal(made(folder).encode([sound(1)]), made(folders["wav2vec2"]).encode([sound(1)]))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("family", ["wav2vec2", "whisper"])
def test_a_layer_that_is_not_there_is_refused_with_those_there_are(folders, family):
    with pytest.raises(ValueError, match=r"no layer 4: this model has 0 .* to 3 \(after the last\)"):
        made(folders[family], 4)
    with pytest.raises(ValueError, match="'last' is no layer: after the @ stands a number"):
        made(folders[family], "last")
    for layer in (1, "all"):
        with pytest.raises(ValueError, match=f"no layer {layer}: CLAP has one embedding"):
            made(folders["clap"], layer)
    assert len({made(folders[family], layer).digest for layer in (None, 0, 1, 2, 3)}) == 5


@pytest.mark.parametrize("family", WITH_LAYERS)
def test_all_layers_in_one_pass_are_what_each_gives_alone(folders, family):
    waveforms = [sound(1.31), sound(0.7, seed=1)]
    whole = made(folders[family], "all")
    found = whole.encode(waveforms)
    assert found.shape == (2, whole.dimension) == (2, 4 * 32) and whole.states == 4
    for layer, part in enumerate(np.split(found, 4, axis=1)):
        np.testing.assert_allclose(part, made(folders[family], layer).encode(waveforms), atol=1e-5)
    assert whole.digest not in {made(folders[family], layer).digest for layer in (None, 0, 1, 2, 3)}


def test_a_folder_may_hold_an_at(folders, tmp_path):
    folder = shutil.copytree(folders["wav2vec2"], tmp_path / "me@2")
    shutil.copytree(folders["hubert"], tmp_path / "me")
    assert made(folder).digest == made(folders["wav2vec2"]).digest
    assert made(folder, 1).digest == made(folders["wav2vec2"], 1).digest


def _changed(name, settings):
    def change(folder):
        old = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(old | settings))

    return change


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (_changed(CONFIG, {"_name_or_path": "/elsewhere", "transformers_version": "9", "architectures": []}), True),
        (_changed(PREPROCESSOR, {"processor_class": "X", "return_attention_mask": True}), True),
        (_changed(PREPROCESSOR, {"do_normalize": False}), False),
        (_changed(CONFIG, {"layer_norm_eps": 1e-3}), False),
        (lambda folder: small_models.wav2vec2(folder, seed=1), False),
    ],
)
def test_the_digest_is_that_of_the_embeddings(folders, folder, change, same):
    before = made(folder)
    assert before.digest == made(folders["wav2vec2"]).digest  # a copy elsewhere
    change(folder)
    after = made(folder)
    assert (after.digest == before.digest) == same
    assert (np.abs(after.encode([sound(1)]) - before.encode([sound(1)])).max() == 0) == same


def test_threads_that_ask_first_all_at_once_share_one_model(folder):
    expected = made(folder).encode([sound(1)])
    speech._load.cache_clear()
    start = threading.Barrier(4)

    def ask(number):
        start.wait()
        encoder = made(folder)
        return encoder._network, encoder.encode([sound(1), sound(1 + number / 10)])[:1]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert speech._load.cache_info().misses == 1
    for network, embedding in answers:
        assert network is answers[0][0]
        np.testing.assert_allclose(embedding, expected, atol=1e-5)


def test_a_hub_id_downloads_named_data_files_alone(folders, tmp_path, monkeypatch):
    served = tmp_path / "served" / "someone"
    shutil.copytree(folders["wav2vec2"], served / "both")
    (served / "both" / "pytorch_model.bin").write_bytes(b"larger and older")
    small_models.wav2vec2(served / "pickled", safe_serialization=False)
    for folder in served.iterdir():
        (folder / "modeling.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n")
    names = ["both@1", "pickled"]
    with loopback.Hub(tmp_path / "served") as server:
        server.here(monkeypatch, tmp_path / "home")
        digests = [encoders.get(f"transformers:someone/{name}").digest for name in names]
    assert digests == [made(f"{served}/{name}").digest for name in names]
    fetched = {path.rpartition("/")[2] for path in server.paths if "/resolve/" in path}
    assert fetched == {CONFIG, PREPROCESSOR, WEIGHTS, "pytorch_model.bin"}
    assert not any("both/" in path and path.endswith(".bin") for path in server.paths)
    assert not list((tmp_path / "home").rglob("*.py"))
    assert not (tmp_path / "ran").exists()

"""Published classifiers: read as transformers reads them, refused where they are not whole, scored on the same utterances."""

import json
import os
import pickle

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import soundfile
import torch
import transformers

import loopback
from emocast import audio
from emocast.encoders import hub, wav2vec2
from emocast.ser import predictions

WAVEFORMS = [np.random.default_rng(n).normal(0.1, 0.1, 8_000 + 500 * n).astype(np.float32) for n in range(3)]

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64,
    "conv_dim": [16, 16, 16], "conv_kernel": [10, 8, 4], "conv_stride": [5, 8, 4], "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "classifier_proj_size": 16,
}  # fmt: skip

KINDS = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}

SUPERB = ["neu", "hap", "ang", "sad"]


def _published(folder, kind="wav2vec2", names=SUPERB, *, safe=True, normalise=True, **options):
    """A random classifier that transformers itself writes."""
    config = getattr(transformers, f"{KINDS[kind]}Config")(
        **SMALL, id2label=dict(enumerate(names)), label2id={name: n for n, name in enumerate(names)}, **options
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = getattr(transformers, f"{KINDS[kind]}ForSequenceClassification")(config)
        model.classifier.weight.data *= 20  # so that classes differ
    model.save_pretrained(folder, safe_serialization=safe)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(folder)
    return folder


def _by_transformers(folder):
    """What transformers' own pipeline would give: (n, classes)."""
    model = transformers.AutoModelForAudioClassification.from_pretrained(folder)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    inputs = [extractor(wave, sampling_rate=16_000, return_tensors="pt") for wave in WAVEFORMS]
    with torch.no_grad():
        return torch.cat([model(**one).logits.softmax(dim=-1) for one in inputs])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options", [{}, {"safe": False}, {"normalise": False}, {"use_weighted_layer_sum": True}], ids=str
)
def test_it_says_what_transformers_says(tmp_path, kind, options):
    folder = _published(tmp_path / "model", kind, **options)
    candidate = predictions.load(folder)
    assert candidate.lacks == ()
    in_order = _by_transformers(folder)[:, [SUPERB.index(code) for code in ("neu", "hap", "sad", "ang")]]
    torch.testing.assert_close(candidate.classify(WAVEFORMS), in_order, atol=1e-5, rtol=1e-4)
    assert in_order.std(dim=1).min() > 1e-2  # the test could fail: classes do differ


def test_labels_that_mean_the_same_are_added_up_and_others_left_out(tmp_path):
    names = ["Angry", "calm", "Neutral", "excited", "JOY", "fear", "sad", "whatever"]
    folder = _published(tmp_path / "model", names=names)
    candidate = predictions.load(folder)
    assert candidate.classes == ("anger", "neutral", "neutral", "happiness", "happiness", None, "sadness", None)
    every = _by_transformers(folder)
    four = torch.stack([every[:, 1] + every[:, 2], every[:, 3] + every[:, 4], every[:, 6], every[:, 0]], dim=1)
    torch.testing.assert_close(candidate.classify(WAVEFORMS), four / four.sum(dim=1, keepdim=True), atol=1e-5, rtol=0)


def test_the_usual_spellings_are_known():
    spellings = ["neu", "Calm", " happy", "HAPPINESS", "exc", "angry", "SAD_ness", "LABEL_0", "unhappy", "fear"]
    known = ["neutral", "neutral", "happiness", "happiness", "happiness", "anger", None, None, None, None]
    assert [predictions.emotion_of(spelling) for spelling in spellings] == known


def test_one_in_speechbrains_format_is_read_as_such(recognisers):
    folder = recognisers["multiobjective"]
    candidate = predictions.load(folder)
    expected = wav2vec2.load(folder).classify(WAVEFORMS)  # neutral, anger, happiness, sadness
    torch.testing.assert_close(candidate.classify(WAVEFORMS), expected[:, [0, 2, 3, 1]])
    with pytest.raises(hub.CheckpointError, match="its objective is regression; a candidate must name emotions"):
        predictions.load(recognisers["regression"])


def _config(**changes):
    def damage(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return damage


def _weights(change):
    def damage(folder):
        path = folder / "model.safetensors"
        weights = safetensors.torch.load_file(path)
        change(weights)
        safetensors.torch.save_file(weights, path)

    return damage


def _other_head(weights):
    """As the published models whose classifier is one of their own making."""
    weights["classifier.dense.weight"] = weights.pop("classifier.weight")


def _file(name, content):
    return lambda folder: (folder / name).write_bytes(content)


PREPROCESSOR, WEIGHTS = "preprocessor_config.json", "model.safetensors"

DAMAGES = {
    "other head": (_weights(_other_head), r"model\.safetensors: classifier\.weight .* is missing: .*answer at random"),
    "fewer labels": (
        _config(id2label={"0": "neu", "1": "hap"}),
        r"classifier\.bias \(2 in all\) is mismatched: .*config",
    ),
    "git-LFS": (_file(WEIGHTS, b"version https://git-lfs.github.com/spec/v1"), "safetensors: .*git lfs pull"),
    "other model": (_config(model_type="whisper"), "model_type is 'whisper'; read are wav2vec2, hubert, wavlm"),
    "impossible": (_config(num_attention_heads=5), "config.json: Wav2Vec2 cannot have these settings"),
    "no labels": (_config(id2label=None), "id2label is None"),
    "nameless": (_config(id2label={str(n): f"LABEL_{n}" for n in range(4)}), "knows no emotion; .* two or more of"),
    "8 kHz": (_file(PREPROCESSOR, b'{"sampling_rate": 8000}'), "at 8000 Hz"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), "no model.safetensors or pytorch_model.bin in"),
    "no preprocessor": (lambda folder: (folder / PREPROCESSOR).unlink(), "^no preprocessor_config.json in"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "^no config.json in"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_not_whole_is_refused_with_the_files_name(tmp_path, damage, message):
    folder = _published(tmp_path / "model")
    predictions.load(folder)  # what is in memory must not hide the damage
    damage(folder)
    with pytest.raises(hub.CheckpointError, match=message):
        predictions.load(folder)


class _Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writer", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path, writer):
    folder = _published(tmp_path / "model", safe=False)
    writer({"classifier.weight": _Bomb(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(hub.CheckpointError, match=r"pytorch_model.bin: not read as weights.*nothing of it was run"):
        predictions.load(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("safe", [True, False])
def test_a_hub_id_downloads_data_files_alone(tmp_path, safe, monkeypatch):
    served = _published(tmp_path / "served" / "someone" / "emotion", safe=safe)
    if safe:  # a repository often has both: the pickle is not fetched
        (served / "pytorch_model.bin").write_bytes(b"not to be read")
    (served / "modeling.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n")
    _config(auto_map={"AutoModelForAudioClassification": "modeling.Model"}, attn_implementation="someone/kernel")(
        served
    )
    with loopback.Hub(tmp_path / "served") as server:
        server.here(monkeypatch, tmp_path / "home")
        found = predictions.load("someone/emotion")
    total = found.classify([np.sin(np.arange(9000.0)).astype(np.float32)]).sum()
    assert float(total) == pytest.approx(1)
    fetched = {path.rpartition("/")[2] for path in server.paths if "/resolve/" in path}
    weights = "model.safetensors" if safe else "pytorch_model.bin"
    assert fetched == {"config.json", "preprocessor_config.json", weights}
    assert not (tmp_path / "ran").exists()


def test_each_utterance_has_the_class_of_its_sound_alone_or_a_reason(recognisers, tmp_path):
    rng, names = np.random.default_rng(3), [f"{number}.wav" for number in range(12)]
    for name in names:
        tone = np.sin(np.arange(8_000) * rng.uniform(0.01, 1)) * rng.uniform(0.1, 0.9)
        soundfile.write(tmp_path / name, tone + rng.normal(0, rng.uniform(0.01, 0.3), 8_000), 16_000)
    table = pd.DataFrame({"audio": names, "start_s": 0.0, "end_s": 0.5})
    candidate, model = predictions.load(recognisers["classification"]), wav2vec2.load(recognisers["classification"])
    said = [model.emotions[int(model.classify([audio.read(tmp_path / name)]).argmax())] for name in names]
    assert predictions.classified(candidate, table, tmp_path, bar="all") == (said, []) and len(set(said)) > 1
    (tmp_path / "3.wav").unlink()
    found = predictions.classified(candidate, table, tmp_path, bar="but one")
    assert found == ([*said[:3], None, *said[4:]], ["3.wav: no such file"])


def test_a_candidate_may_lack_two_classes_and_no_more(tmp_path):
    lacks = predictions.load(_published(tmp_path / "two", "hubert", ["neutral", "angry"])).lacks
    assert lacks == ("happiness", "sadness")
    with pytest.raises(hub.CheckpointError, match="knows anger; it must have two or more of"):
        predictions.load(_published(tmp_path / "one", "hubert", ["fear", "angry"]))

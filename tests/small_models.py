"""Small random models that transformers itself saves, in the layout that the model hub has.

Each function fills a folder with `config.json`, `preprocessor_config.json` and weights, and gives it back. The weights
differ with the seed; options go to `save_pretrained` (`safe_serialization=False` writes a `pytorch_model.bin`).
"""

import os
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import hub

FAMILY = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64,
    "conv_dim": [16] * 3, "conv_kernel": [10, 8, 4], "conv_stride": [5, 8, 4], "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
_LARGE = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}  # as the large ones have it
_WHISPER = {
    "d_model": 32, "encoder_layers": 3, "encoder_attention_heads": 4, "encoder_ffn_dim": 64, "num_mel_bins": 80,
    "decoder_layers": 1, "decoder_attention_heads": 4, "decoder_ffn_dim": 64, "vocab_size": 40, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1,
}  # fmt: skip
_CLAP_AUDIO = {
    "patch_embeds_hidden_size": 8, "hidden_size": 16, "depths": [1, 1], "num_hidden_layers": 2,
    "num_attention_heads": [2, 4],
}  # fmt: skip
_CLAP_TEXT = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "max_position_embeddings": 130,
}  # fmt: skip


def wav2vec2(folder: Path, *, seed: int = 0, **options) -> Path:
    """A wav2vec 2.0 as the base one is: a group norm over time in its first layer."""
    return _family("Wav2Vec2", folder, {}, seed, options)


def quick_wav2vec2(folder: Path) -> Path:
    """A wav2vec 2.0 of one layer with a frame every 20 ms, as real ones do: for hours of sound."""
    return _family("Wav2Vec2", folder, {"num_hidden_layers": 1, "conv_stride": [5, 8, 8]}, 0, {})


def hubert(folder: Path, *, seed: int = 0, **options) -> Path:
    """A HuBERT as the large one is: the last norm stands after the last layer."""
    return _family("Hubert", folder, _LARGE, seed, options)


def wavlm(folder: Path, *, seed: int = 0, layers: int = 3, **options) -> Path:
    """A WavLM, which takes waveforms as they are."""
    return _family("WavLM", folder, {"num_hidden_layers": layers}, seed, options, do_normalize=False)


def other(name: str, folder: Path, *, seed: int = 0, **options) -> Path:
    """Another of the wav2vec 2.0 family by its name in transformers' classes, for example "UniSpeechSat"."""
    return _family(name, folder, {}, seed, options)


def whisper(folder: Path, *, seed: int = 0, **options) -> Path:
    """A Whisper, encoder and decoder."""
    config = transformers.WhisperConfig(**_WHISPER)
    extractor = transformers.WhisperFeatureExtractor()
    return _saved(transformers.WhisperForConditionalGeneration, config, extractor, folder, seed, options)


def clap(folder: Path, *, seed: int = 0, fusion: bool = False, **options) -> Path:
    """A CLAP, audio, text and tokenizer; `fusion` as in laion/clap-htsat-fused."""
    fused = {"enable_fusion": True, "fusion_type": "aff_2d"} if fusion else {}
    text = {**_CLAP_TEXT, "vocab_size": hub.roberta_tokenizer(folder)}  # its config.json is written over below
    config = transformers.ClapConfig(audio_config=_CLAP_AUDIO | fused, text_config=text, projection_dim=24)
    extractor = transformers.ClapFeatureExtractor(truncation="fusion" if fusion else "rand_trunc")
    return _saved(transformers.ClapModel, config, extractor, folder, seed, options)


def _family(name: str, folder: Path, settings: dict, seed: int, options: dict, *, do_normalize: bool = True) -> Path:
    config = getattr(transformers, f"{name}Config")(**{**FAMILY, **settings})
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=do_normalize)
    return _saved(getattr(transformers, f"{name}Model"), config, extractor, folder, seed, options)


def _saved(kind: type, config, extractor, folder: Path, seed: int, options: dict) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
        for parameter in model.parameters():  # norms and biases start at one and zero: they must not hide
            parameter.data += 0.1 * torch.randn(parameter.shape)
    model.save_pretrained(folder, **options)
    extractor.save_pretrained(folder)
    return Path(folder)


class Code:
    """Makes a folder when it is unpickled in the usual way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def sentences(folder: Path) -> Path:
    """An encoder of sentences in the layout of all-MiniLM-L6-v2, of eight words."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "well", "i", "know", "that"]
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=len(words), **sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding(length=128)  # as the official file has it
    tokenizer.enable_truncation(max_length=4)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder

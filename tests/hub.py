"""A miniature cache of the model hub: tokenizers of a few characters and towers of one layer, enough for the CLAP packages."""

import json
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2Model, RobertaConfig, RobertaModel
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

REVISION = "0" * 40
MERGES = ("h a", "ha p", "\u0120 v", "\u0120v o", "a n", "! !")  # a tokenizer that left them out would be noticed
_SPECIAL = {"first": ("<s>", "<pad>", "</s>", "<unk>"), "last": ("<mask>",)}  # RoBERTa's and BART's
_WIDTH = 768  # of a text tower: both packages count on it


def snapshot(cache: Path, repository: str) -> Path:
    """The folder of a repository's one revision, laid out as huggingface_hub lays out its cache."""
    home = cache / "hub" / f"models--{repository.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(REVISION)
    folder = home / "snapshots" / REVISION
    folder.mkdir(parents=True)
    return folder


def byte_level(folder: Path, kind: str, *, first: tuple[str, ...] = (), last: tuple[str, ...] = ()) -> int:
    """A tokenizer of bytes, a few of them merged, in the format of GPT-2, RoBERTa and BART; gives the number of tokens."""
    tokens = [*first, *bytes_to_unicode().values(), *(merge.replace(" ", "") for merge in MERGES), *last]
    numbers = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(numbers, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    return len(tokens)


def word_piece(folder: Path) -> None:
    """A tokenizer of single letters in the format of BERT."""
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "config.json").write_text('{"model_type": "bert"}')


def make(cache: Path) -> None:
    """Fill an empty folder with what `import laion_clap` asks for."""
    byte_level(snapshot(cache, "roberta-base"), "roberta", **_SPECIAL)
    byte_level(snapshot(cache, "facebook/bart-base"), "bart", **_SPECIAL)
    word_piece(snapshot(cache, "bert-base-uncased"))


def roberta_tokenizer(folder: Path) -> int:
    """Put a tokenizer as RoBERTa's into a folder; gives the number of its tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    return byte_level(folder, "roberta", **_SPECIAL)


def gpt2_tokenizer(folder: Path) -> int:
    """Put a tokenizer as GPT-2's into a folder; gives the number of its tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    return byte_level(folder, "gpt2", last=("<|endoftext|>",))


def tokenizers(checkpoints: Path) -> None:
    """Put those that a text tower of `make_towers` needs where a person puts them: below `data/checkpoints/`."""
    roberta_tokenizer(checkpoints / "roberta-base")
    gpt2_tokenizer(checkpoints / "gpt2")


def make_towers(cache: Path) -> None:
    """Add what the models of laion_clap and msclap ask for: random text towers of one layer."""
    roberta = next((cache / "hub" / "models--roberta-base" / "snapshots").iterdir())
    tokens = len(json.loads((roberta / "vocab.json").read_text(encoding="utf-8")))
    small = {"num_hidden_layers": 1, "num_attention_heads": 12, "intermediate_size": 64, "max_position_embeddings": 82}
    official = {"type_vocab_size": 1, "layer_norm_eps": 1e-5}  # as roberta-base has them, not as the class presumes
    config = RobertaConfig(vocab_size=tokens, hidden_size=_WIDTH, **small, **official)
    with torch.random.fork_rng(devices=[]):
        RobertaModel(config).save_pretrained(roberta)
    gpt = snapshot(cache, "gpt2")
    tokens = gpt2_tokenizer(gpt)
    one = {"bos_token_id": tokens - 1, "eos_token_id": tokens - 1}
    config = GPT2Config(vocab_size=tokens, n_embd=_WIDTH, n_layer=1, n_head=12, n_inner=64, n_positions=80, **one)
    with torch.random.fork_rng(devices=[]):
        GPT2Model(config).save_pretrained(gpt)

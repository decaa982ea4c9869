"""A miniature cache of the model hub: tokenizers of a few characters, enough for packages that load some on import."""

from pathlib import Path

from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

REVISION = "0" * 40


def snapshot(cache: Path, repository: str) -> Path:
    """The folder of a repository's one revision, laid out as huggingface_hub lays out its cache."""
    home = cache / "hub" / f"models--{repository.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(REVISION)
    folder = home / "snapshots" / REVISION
    folder.mkdir(parents=True)
    return folder


def byte_level(folder: Path, kind: str) -> None:
    """A tokenizer of single bytes in the format of RoBERTa and BART."""
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *bytes_to_unicode().values(), "<mask>"]
    entries = ", ".join(
        f'"{token}": {number}'
        for number, token in enumerate(t.replace("\\", "\\\\").replace('"', '\\"') for t in tokens)
    )
    (folder / "vocab.json").write_text(f"{{{entries}}}", encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "config.json").write_text(f'{{"model_type": "{kind}"}}')


def word_piece(folder: Path) -> None:
    """A tokenizer of single letters in the format of BERT."""
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "config.json").write_text('{"model_type": "bert"}')


def make(cache: Path) -> None:
    """Fill an empty folder with what `import laion_clap` asks for."""
    byte_level(snapshot(cache, "roberta-base"), "roberta")
    byte_level(snapshot(cache, "facebook/bart-base"), "bart")
    word_piece(snapshot(cache, "bert-base-uncased"))

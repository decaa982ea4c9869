"""On which corpora and encoders a run rests, with digests by which one can tell whether another run had the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .. import cache, corpora, paths
from .. import profile as profiles
from ..encoders import hub
from .compared import is_synthetic

_MARKER = "synthetic.json"
_WEIGHTS = (".safetensors", ".ckpt", ".bin", ".pt", ".pth")


def of_corpora(profile: profiles.Profile) -> list[dict]:
    """The profile's corpora: `name`, `folder`, `kind`, `files`, `megabytes`, `digest`; what is not there has only a kind.

    The digest is SHA-256 of the sorted names and sizes of all files (and of what a synthetic corpus says of itself): it
    notices a missing, added, cut or renamed file and reads no sound. `make validate` looks into the files.
    """
    return [_corpus(profile, name) for name in profile.corpora]


def _corpus(profile: profiles.Profile, name: str) -> dict:
    root = profile.corpus_root(name)
    title = corpora.get(name).NAME if name in corpora.NAMES else name
    told = {"name": title, "folder": _within_data(root), "kind": "not there"}
    if not root.is_dir():
        return told
    files = sorted(
        (path.relative_to(root).as_posix(), path.stat().st_size) for path in root.rglob("*") if path.is_file()
    )
    digest = hashlib.sha256("\n".join(f"{file} {size}" for file, size in files).encode())
    if (root / _MARKER).is_file():
        digest.update((root / _MARKER).read_bytes())
    kind = "synthetic: nobody speaks" if is_synthetic(profile, name) else "recorded"
    megabytes = sum(size for _, size in files) / 1e6
    return {**told, "kind": kind, "files": len(files), "megabytes": megabytes, "digest": digest.hexdigest()}


def _within_data(root: Path) -> str:
    """A corpus's folder as `data/README.md` names it; one that lies elsewhere by its last name, for pages are passed on."""
    return root.relative_to(paths.data()).as_posix() if root.is_relative_to(paths.data()) else root.name


def of_encoders(profile: profiles.Profile) -> list[dict]:
    """The checkpoints that a profile names: `name`, `file`, `digest` (SHA-256 of the file).

    Those that are not there, or are in the model hub's own cache, which keeps them by their content, have no digest.
    """
    named = [profile.encoder, profile.baseline, *profile.embeddings.compared, f"transformers:{profile.ser.source}"]
    named += list(profile.contrastive.models.values())
    return [entry for name in dict.fromkeys(named) for entry in _checkpoint(name)]


def _checkpoint(name: str) -> list[dict]:
    source = name.partition(":")[2]
    if not source:
        return [{"name": name, "file": "computed, without weights", "digest": ""}]
    place = hub.local(source.partition("@")[0])
    if place is None:
        return [{"name": name, "file": "not among the files here", "digest": ""}]
    return [{"name": name, "file": file.name, "digest": cache.file_digest(file)} for file in _weights(place)]


def _weights(place: Path) -> list[Path]:
    files = [place] if place.is_file() else sorted(place.iterdir())
    return [file for file in files if file.suffix in _WEIGHTS]


def model_cards(home: Path) -> list[Path]:
    """The model cards of what a run trained and saved, relative to its outputs."""
    return sorted(card.relative_to(home) for card in home.glob("models/*/*.md"))

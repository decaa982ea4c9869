"""What an encoder is, as far as its embeddings depend on it: another identity, another shelf."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import version
from typing import Any

from ... import cache
from .. import Encoder, modules, packages


def of(encoder: Encoder) -> dict[str, Any]:
    """Everything that determines an encoder's embeddings, and its name for people.

    Returns:
        name, precision, sample_rate, dimension, weights (SHA-256, "" without any), code (SHA-256 of our sources), packages
        (name -> version of those that compute the embedding).
    """
    return {
        "name": encoder.name,
        "precision": encoder.precision,
        "sample_rate": encoder.sample_rate,
        "dimension": encoder.dimension,
        "weights": encoder.digest,
        "code": cache.code_digest(*modules(encoder.name)),
        "packages": {package: version(package) for package in packages(encoder.name)},
    }


def digest(identity: dict[str, Any]) -> str:
    """SHA-256 of an identity; a copy of the same weights under another name has the same."""
    kind = identity["name"].partition(":")[0]
    parts = {name: value for name, value in identity.items() if name != "name"}
    return hashlib.sha256(json.dumps([kind, parts], sort_keys=True).encode()).hexdigest()


def folder_name(identity: dict[str, Any]) -> str:
    """The name of an encoder's shelf: readable, and its own."""
    readable = re.sub(r"[^\w.@-]+", "-", identity["name"]).strip("-.")
    readable = readable if len(readable) <= 60 else f"{readable[:15]}_{readable[-44:]}"  # both ends tell most
    return f"{readable}-{mark(identity)}"


def mark(identity: dict[str, Any]) -> str:
    """How the name of a shelf ends: the same for the same weights under another name."""
    return f"{identity['precision']}-{digest(identity)[:12]}"

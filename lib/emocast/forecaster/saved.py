"""A forecaster on disk: numbers in safetensors, all else in JSON, a card for people. Nothing in it is code, and none is run.

```
outputs/<profile>/models/forecaster/
├── forecaster.json         what it hears and says, its limits and temperatures, how it came about, its scores
├── networks.safetensors    weights, means and covariances; their SHA-256 stands in forecaster.json
└── MODEL_CARD.md
```
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from safetensors.torch import save as to_bytes
from sklearn.preprocessing import StandardScaler

from .. import cache, paths
from ..cards import CARD
from ..forecasting.fcdnn import FCDNNClassifier
from .abstention import Familiarity
from .model import Forecaster, Member, Voice

FORMAT = "emocast forecaster 1"
RECORD, NETWORKS = "forecaster.json", "networks.safetensors"


class ForecasterError(ValueError):
    """There is no forecaster, or it cannot be used. The message names the file and says what to do."""


def folder(profile: str) -> Path:
    """Where the forecaster of a profile is, or will be."""
    return paths.outputs() / profile / "models" / "forecaster"


def save(place: Path, forecaster: Forecaster, *, card: str) -> Path:
    """Write a forecaster; an older one is replaced whole.

    Args:
        place: the folder.
        forecaster: what to write; its `facts` must be JSON values.
        card: the model card, as Markdown.

    Returns:
        The folder.
    """
    with paths.replacing(place) as partial:
        partial.mkdir()
        save_file(_all_tensors(forecaster), partial / NETWORKS)
        record = _record(forecaster) | {"sha256": cache.file_digest(partial / NETWORKS)}
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        (partial / RECORD).write_text(text, encoding="utf-8")
        (partial / CARD).write_text(card, encoding="utf-8")
        if place.exists():
            place.replace(partial.parent / ".old")  # inside the temporary folder, which is deleted
    return place


def identity(forecaster: Forecaster) -> str:
    """SHA-256 of all that its forecasts depend on, as hexadecimal: the same for two that say the same of every window."""
    made = hashlib.sha256(json.dumps(_record(forecaster) | {"facts": None}, sort_keys=True).encode())
    made.update(to_bytes(_all_tensors(forecaster)))
    return made.hexdigest()


def load(place: Path) -> Forecaster:
    """Read a forecaster back: it gives the very same forecasts.

    Args:
        place: the folder.

    Raises:
        ForecasterError: it is missing, damaged or no forecaster.
    """
    record = _read_record(place)
    try:
        if cache.file_digest(place / NETWORKS) != record["sha256"]:
            raise ForecasterError(_again(place / NETWORKS, "is not what was written beside forecaster.json"))
        tensors = load_file(place / NETWORKS)
        members = tuple(_member(number, facts, record, tensors) for number, facts in enumerate(record["members"]))
        heard = {name: record[name] for name in ("classes", "shifts_s", "length_s", "guard_s", "encoder", "facts")}
        return Forecaster(**heard, members=members)
    except OSError as error:
        raise ForecasterError(_again(place / NETWORKS, f"cannot be read ({error.strerror or error})")) from error
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        words = " ".join(str(error).split())  # torch lists what does not fit in lines
        raise ForecasterError(_again(place, f"does not fit together ({words})")) from error


def _read_record(place: Path) -> dict[str, Any]:
    path = place / RECORD
    if not path.is_file():
        raise ForecasterError(
            f"no trained forecaster in {paths.relative(place)}: run `make reproduce PROFILE={place.parent.parent.name}`, or "
            "notebook 08_forecast_a_recording (after 03) first"
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForecasterError(_again(path, f"is no readable JSON ({error})")) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ForecasterError(_again(path, f"is not of the format {FORMAT!r}"))
    return record


def _again(path: Path, problem: str) -> str:
    return f"{paths.relative(path)} {problem}: delete the folder and run notebook 08_forecast_a_recording again"


def _record(forecaster: Forecaster) -> dict[str, Any]:
    """All that is no tensor."""
    return {
        "format": FORMAT,
        **{name: getattr(forecaster, name) for name in ("classes", "shifts_s", "length_s", "guard_s", "encoder")},
        "members": [
            {
                "held_out": list(member.held_out),
                "distance_limit": member.familiarity.limit,
                "voices": [_voice_record(voice) for voice in member.voices],
            }
            for member in forecaster.members
        ],
        "facts": forecaster.facts,
    }


def _voice_record(voice: Voice) -> dict[str, Any]:
    return {
        "classes": voice.network.classes_.tolist(),
        "inputs": voice.network.n_features_in_,
        "settings": voice.network.get_params(),
        "temperature": voice.temperature,
        "limit": voice.limit,
    }


def _all_tensors(forecaster: Forecaster) -> dict[str, torch.Tensor]:
    """Its numbers by their names in the file."""
    return {
        name: torch.from_numpy(np.array(values)) if isinstance(values, np.ndarray) else values.contiguous()
        for number, member in enumerate(forecaster.members)
        for name, values in _tensors(number, member).items()
    }


def _tensors(number: int, member: Member) -> dict[str, Any]:
    """The tensors of a fold by their names in the file."""
    found: dict[str, Any] = {
        f"{number}.centre": member.familiarity.centre,
        f"{number}.precision": member.familiarity.precision,
    }
    for place, voice in enumerate(member.voices):
        found |= {f"{number}.{place}.{name}": values for name, values in voice.network.network_.state_dict().items()}
        if voice.network.scaler_ is not None:
            found |= {
                f"{number}.{place}.scaler.{name}": getattr(voice.network.scaler_, f"{name}_")
                for name in ("mean", "scale")
            }
    return found


def _member(number: int, facts: dict[str, Any], record: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Member:
    centre, precision = (tensors[f"{number}.{name}"].numpy() for name in ("centre", "precision"))
    voices = [
        Voice(_network(f"{number}.{place}.", voice, tensors), voice["temperature"], voice["limit"])
        for place, voice in enumerate(facts["voices"])
    ]
    if len(voices) != len(record["shifts_s"]):
        raise KeyError(f"{len(voices)} networks for {len(record['shifts_s'])} shifts")
    return Member(tuple(facts["held_out"]), tuple(voices), Familiarity(centre, precision, facts["distance_limit"]))


def _network(prefix: str, facts: dict[str, Any], tensors: dict[str, torch.Tensor]) -> FCDNNClassifier:
    """A fitted classifier, put together from its settings and tensors."""
    made = FCDNNClassifier(**facts["settings"])
    made.classes_, made.n_features_in_ = np.array(facts["classes"]), facts["inputs"]
    own = {name.removeprefix(prefix): values for name, values in tensors.items() if name.startswith(prefix)}
    mean, scale = (own.pop(f"scaler.{name}", None) for name in ("mean", "scale"))
    made.scaler_ = None
    if mean is not None:
        made.scaler_ = StandardScaler()
        made.scaler_.mean_, made.scaler_.scale_ = mean.numpy(), scale.numpy()
        made.scaler_.n_features_in_ = made.n_features_in_
    with torch.device("meta"), torch.random.fork_rng(devices=[]):  # no memory, no random numbers
        made.network_ = made._new_network(made.n_features_in_)
    made.network_.load_state_dict(own, assign=True)
    made.network_.eval().requires_grad_(False)
    return made

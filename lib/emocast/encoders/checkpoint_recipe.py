"""The recipe of a checkpoint (`hyperparams.yaml`): which heads stand on the encoder, read as data, and written.

The thesis trains three objectives on one encoder (its section 4.2). The recipe names the objective under the plain key
`objective`; SpeechBrain's official file has none and is a classification. Each head is a `Linear` of SpeechBrain under a
key of its own, and its `bias` says whether it has one (`Linear`'s default is True, the official file says False). Heads
are numbered in the order of `OBJECTIVES`: the first head's weights have the key `0.w.weight`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from .. import paths
from .hub import CheckpointError

CLASSIFICATION, REGRESSION = "classification", "regression"

#: The heads of each objective, in the order of their numbers.
OBJECTIVES: dict[str, tuple[str, ...]] = {
    "classification": (CLASSIFICATION,),
    "regression": (REGRESSION,),
    "multiobjective": (CLASSIFICATION, REGRESSION),
}

#: What a regression's units stand for.
DIMENSIONS = ("valence", "arousal")

_SECTIONS = ("output_mlp", "regression_mlp")  # of the first and of the second head
_TEMPLATE = "speechbrain_hyperparams.yaml"


@dataclass(frozen=True)
class Recipe:
    """What a recipe says.

    Attributes:
        objective: one of `OBJECTIVES`.
        biases: the objective's heads in their order, and whether each has a bias.
    """

    objective: str
    biases: Mapping[str, bool]

    def shapes(self, classes: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """The weights in `model.ckpt`: keys and shapes, for so many classes and an encoder `hidden` values wide."""
        shapes: dict[str, tuple[int, ...]] = {}
        for number, (name, bias) in enumerate(self.biases.items()):
            shapes[weight_key(number)] = (_units(name, classes), hidden)
            if bias:
                shapes[bias_key(number)] = (_units(name, classes),)
        return shapes


def weight_key(number: int) -> str:
    """The key of a head's weights in `model.ckpt`: SpeechBrain's `Linear`, called `w`, in a list of modules."""
    return f"{number}.w.weight"


def bias_key(number: int) -> str:
    """The key of a head's bias in `model.ckpt`."""
    return f"{number}.w.bias"


def _units(head: str, classes: int) -> int:
    return classes if head == CLASSIFICATION else len(DIMENSIONS)


class _PlainLoader(yaml.SafeLoader):
    """Reads HyperPyYAML as plain data: what a tag would make, import or run is left as the values below the tag."""


def _plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_PlainLoader.add_multi_constructor("", _plain)


def read(path: Path) -> Recipe:
    """Read a recipe; no tag in it is run.

    Raises:
        CheckpointError: it is no recipe of a wav2vec2 model, names no known objective, lacks a head of its objective, or
            normalises otherwise than `Checkpoint` does, whose embeddings would be wrong in silence.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # a SafeLoader: makes plain data only
        normal = found["wav2vec2"]["output_norm"]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not read as SpeechBrain's recipe of a wav2vec2 model; get it again") from error
    if normal is not True:
        raise CheckpointError(
            f"{path}: wav2vec2.output_norm is {normal!r}; only models with output_norm: True are read"
        )
    objective = found.get("objective", "classification")
    check_objective(objective, f"{path}: objective")
    heads = zip(OBJECTIVES[objective], _SECTIONS, strict=False)  # most objectives have one head only
    return Recipe(objective, {name: _bias(found, section, path) for name, section in heads})


def check_objective(objective: Any, where: str) -> None:
    """Refuse an unknown objective; `where` opens the message of the error."""
    if objective not in tuple(OBJECTIVES):
        raise CheckpointError(f"{where} is {objective!r}; known are {', '.join(OBJECTIVES)}")


def _bias(recipe: Mapping[str, Any], section: str, path: Path) -> bool:
    if not isinstance(recipe.get(section), dict):
        raise CheckpointError(f"{path}: no settings of a head under {section}; get it again")
    bias = recipe[section].get("bias", True)
    if not isinstance(bias, bool):
        raise CheckpointError(
            f"{path}: {section}.bias is {bias!r}; write True or False, as its weights have one or not"
        )
    return bias


def write(path: Path, recipe: Recipe, *, classes: int, hidden: int) -> None:
    """Write a recipe from which SpeechBrain itself makes the model."""
    heads = [
        {"name": name, "section": section, "units": _units(name, classes), "bias": bias}
        for (name, bias), section in zip(recipe.biases.items(), _SECTIONS, strict=False)
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.TEMPLATES), trim_blocks=True, keep_trailing_newline=True
    )
    text = environment.get_template(_TEMPLATE).render(objective=recipe.objective, heads=heads, hidden=hidden)
    path.write_text(text, encoding="utf-8")

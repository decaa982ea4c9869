"""The house: who may import whom, no circle, and how large it may be."""

from __future__ import annotations

import ast
import graphlib
import itertools
from pathlib import Path

import pytest

LIB = Path(__file__).parent.parent / "lib"
FILES = sorted(LIB.rglob("*.py"))

#: From the ground up: a module may import those of its own line and of the lines before it.
LAYERS = [
    ["emocast", "emocast.paths", "emocast.labels"],
    ["emocast.audio", "emocast.compute"],
    ["emocast.corpora"],
    ["emocast.settings", "emocast.windows", "emocast.published"],
    ["emocast.encoders", "emocast.metrics", "emocast.figures"],
    ["emocast.audit", "emocast.cards"],
    ["emocast.forecasting", "emocast.ser", "emocast.contrastive"],
    ["emocast.forecaster"],
    ["emocast.notebook", "emocast.corpora.__main__"],  # the latter is a command, which nobody imports
    ["emocast_twins"],
    ["emocast_run"],
]
#: The one arrow that runs upwards, inside a function: a ceiling asks the process that made a synthetic corpus.
CEILING = ("emocast.forecasting.ceiling", "emocast_twins")

#: package -> (lines, files) at most, tests apart. A new corpus or encoder raises them by its own file; say so in its commit.
SIZE = {"emocast": (15_700, 72), "emocast_twins": (2_630, 10), "emocast_run": (1_300, 5)}


def name(file: Path) -> str:
    parts = file.relative_to(LIB).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name(file): file for file in FILES}


def imported(module: str, *, whole: bool = True) -> set[str]:
    """The modules of ours that a module imports; those inside functions too where `whole`."""
    file, found = MODULES[module], set()
    base = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inner = {node for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) for node in ast.walk(each)}
    for node in ast.walk(tree):
        if node in inner and not whole:
            continue
        if isinstance(node, ast.Import):
            found |= {item.name for item in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else []
            package = ".".join([*above, *([node.module] if node.module else [])])
            found |= {
                f"{package}.{item.name}" if f"{package}.{item.name}" in MODULES else package for item in node.names
            }
    return found & MODULES.keys() - {module}


def layer(module: str) -> int:
    best = max((line for line in itertools.chain(*LAYERS) if f"{module}.".startswith(f"{line}.")), key=len)
    return next(height for height, lines in enumerate(LAYERS) if best in lines)


@pytest.mark.parametrize("module", MODULES)
def test_no_import_runs_upwards(module):
    upwards = {other for other in imported(module) if layer(other) > layer(module)}
    if module == CEILING[0]:
        assert all(other.startswith(CEILING[1]) for other in upwards)
        assert not {other for other in imported(module, whole=False) if layer(other) > layer(module)}
    else:
        assert not upwards


def test_no_circle():
    # A package's own __init__ is imported with each of its modules: that is how Python works, and no circle of ours.
    arrows = {
        module: {other for other in imported(module) if not f"{module}.".startswith(f"{other}.")} for module in MODULES
    }
    arrows[CEILING[0]] = {other for other in arrows[CEILING[0]] if not other.startswith(CEILING[1])}
    graphlib.TopologicalSorter(arrows).prepare()


@pytest.mark.parametrize("package", SIZE)
def test_the_house_stays_small(package):
    files = [file for file in FILES if file.relative_to(LIB).parts[0] == package]
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    assert (lines, len(files)) <= SIZE[package] and len(files) <= SIZE[package][1]


def test_notebooks_import_neither_simulator_nor_runner():
    for notebook in sorted((LIB.parent / "notebooks").glob("*.ipynb")):
        text = notebook.read_text(encoding="utf-8")
        assert "import emocast_" not in text and "from emocast_" not in text, notebook.name

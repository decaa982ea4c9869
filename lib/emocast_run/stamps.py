"""What a notebook's code is: `make` runs one again when what it imports computes something else, not when a sentence changed.

A stamp holds a digest of a notebook's cells, the profile, and all modules of ours that it imports, directly or through others.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import emocast_twins
from emocast import compute, paths
from emocast import settings as profiles

LIBRARY = Path(paths.__file__).resolve().parents[1]
_PACKAGES = ("emocast", "emocast_twins")
_DATA = (".csv", ".yaml", ".json", ".txt")


def write(profile: str, folder: Path, *, twins: Path | None = None) -> list[str]:
    """Write the stamps (notebooks, "models", and beside the synthetic corpora `twins`) that are not what they were."""
    own, settings = Path(profile), profiles.load(profile)
    loaders = sorted(own.resolve().parent.glob("*.py")) if own.suffix else []
    common = repr(settings) + "".join(ast.dump(ast.parse(path.read_text("utf-8"))) for path in loaders)
    stamps = {folder / path.stem: f"{common} {notebook(path)}" for path in sorted(paths.NOTEBOOKS.glob("*.ipynb"))}
    stamps[folder / "models"] = f"{common} {_digest(imported([LIBRARY / 'emocast' / 'ser' / 'models.py']))}"
    if twins:
        makers = _digest(Path(emocast_twins.__file__).parent.glob("*.py"))
        stamps[twins] = f"{emocast_twins.orders(settings)!r} {settings.seed} {makers}"
    digests = {stamp: hashlib.sha256(text.encode()).hexdigest() for stamp, text in stamps.items()}
    changed = {stamp: now for stamp, now in digests.items() if not stamp.is_file() or stamp.read_text("utf-8") != now}
    for stamp, digest in changed.items():
        with paths.replacing(stamp) as partial:
            partial.write_text(digest, encoding="utf-8")
    return [stamp.name for stamp in changed]


def notebook(path: Path) -> str:
    """What a notebook is made of: its cells and the digest of what they import."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(path.read_text("utf-8"))["cells"]]
    code = "\n".join(source for kind, source in cells if kind == "code")
    return f"{cells} {_digest(imported(_files(ast.parse(code), [])))}"


def imported(modules: Iterable[Path]) -> set[Path]:
    """Modules of ours, with all that they import, directly or through others."""
    found, new = set(), set(modules)
    while new:
        found |= new
        new = {further for module in new for further in _further(module)} - found
    return found


@cache
def _further(module: Path) -> frozenset[Path]:
    """What one module imports; where it looks modules up by their names, all that lie beside it."""
    source = module.read_text("utf-8")
    beside = module.parent.glob("*.py") if "import_module(f" in source else ()
    return frozenset([*_files(ast.parse(source), [*module.relative_to(LIBRARY).parent.parts]), *beside])


def _files(tree: ast.Module, package: list[str]) -> Iterator[Path]:
    """The files of our modules that a module of a package imports, and of the packages around them."""
    tests = (node for node in ast.walk(tree) if isinstance(node, ast.If))
    unused = {part for test in tests if getattr(test.test, "id", "") == "TYPE_CHECKING" for part in ast.walk(test)}
    for node in (node for node in ast.walk(tree) if node not in unused):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            around = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*around, *filter(None, [node.module])])
            names = [f"{base}.{name}" for name in names]
        for parts in (name.split(".") for name in names if name.split(".")[0] in _PACKAGES):
            for depth in range(1, len(parts) + 1):
                place = LIBRARY.joinpath(*parts[:depth])
                yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


def _digest(modules: Iterable[Path]) -> str:
    """Of what modules compute, and of the data that lie beside them."""
    modules, here = sorted(modules), Path(compute.__file__).resolve().parent
    beside = (file for folder in {module.parent for module in modules} for file in folder.glob("*"))
    data = {file for file in beside if file.suffix in _DATA}
    code = compute.code_digest(*(os.path.relpath(module, here) for module in modules))
    return code + "".join(compute.file_digest(file) for file in sorted(data))

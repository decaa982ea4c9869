"""umap-learn with its machine code kept on the disk.

Most of its functions Numba compiles anew in each process, which takes longer than a picture does (12 of 14 s). Numba keeps
them, beside the package or in the user's cache, once it is asked to.
"""

from __future__ import annotations

import contextlib
from types import ModuleType

from numba.core.registry import CPUDispatcher


def umap() -> ModuleType:
    """The package `umap`; what it compiles, the next process finds.

    Its first import on a machine compiles for half a minute, so that it is imported where it is needed.
    """
    import umap as package
    import umap.layouts
    import umap.umap_

    for module in (package.umap_, package.layouts):
        keep(module)
    return package


def keep(module: ModuleType) -> None:
    """Have Numba keep the machine code of a module's functions. Where it finds no place to write to, all stays as it is."""
    for function in vars(module).values():
        if isinstance(function, CPUDispatcher):
            with contextlib.suppress(RuntimeError):
                function.enable_caching()

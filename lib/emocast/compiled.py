"""What Numba compiles, kept on the disk.

Most functions of umap-learn it compiles anew in each process, which takes longer than a picture does (12 of 14 s). Numba keeps
them, beside the package or in the user's cache, once it is asked to. `python -m emocast.compiled` has all compiled that the
notebooks call: `make env` does so, as pip compiles packages.
"""

from __future__ import annotations

import contextlib
from types import ModuleType

import numpy as np
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


def all_at_once() -> None:
    """Call what is compiled on a little noise: UMAP, librosa in the hand-crafted features, the FC-DNN's step."""
    from .encoders import get
    from .forecasting.fcdnn import FCDNNClassifier

    noise = np.random.default_rng(0)
    umap().UMAP(random_state=0, n_jobs=1).fit_transform(noise.normal(size=(60, 8)))
    get("handcrafted").encode([noise.normal(0, 0.1, 32_000).astype(np.float32)])
    FCDNNClassifier(epochs=1).fit(noise.normal(size=(32, 8)).astype(np.float32), np.array(["neutral", "sadness"] * 16))


def keep(module: ModuleType) -> None:
    """Have Numba keep the machine code of a module's functions. Where it finds no place to write to, all stays as it is."""
    for function in vars(module).values():
        if isinstance(function, CPUDispatcher):
            with contextlib.suppress(RuntimeError):
                function.enable_caching()


if __name__ == "__main__":
    all_at_once()

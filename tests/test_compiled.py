"""Compiled code is kept where there is a place for it, and computes the same."""

import importlib.util
import os
import subprocess
import sys
from types import ModuleType

import pytest
from numba.core.registry import CPUDispatcher

from emocast import compiled

OTHER_SIZES = """
import numpy as np
from emocast import compiled, encoders
from emocast.forecasting.fcdnn import FCDNNClassifier
noise = np.random.default_rng(1)
compiled.umap().UMAP(random_state=3, n_jobs=1).fit_transform(noise.normal(size=(300, 64)))
encoders.get("handcrafted").encode([noise.normal(0, 0.1, 160_000).astype(np.float32)] * 2)
X, y = noise.normal(size=(90, 768)).astype(np.float32), np.repeat(["anger", "neutral", "sadness"], 30)
FCDNNClassifier(epochs=2, batch_size=16, dropout=0.3).fit(X, y, validation_data=(X[:20], y[:20]))
"""
SOURCE = "import numba\n\n@numba.njit\ndef double(value):\n    return 2 * value\n"


def test_a_modules_functions_are_found_again(tmp_path):
    (tmp_path / "doubling.py").write_text(SOURCE)
    for hits in (0, 1):  # two imports, as of two processes
        spec = importlib.util.spec_from_file_location("doubling", tmp_path / "doubling.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        compiled.keep(module)
        assert module.double(21) == 42
        assert sum(module.double.stats.cache_hits.values()) == hits
    assert list(tmp_path.rglob("*.nbc"))


def test_without_a_place_it_computes_all_the_same():
    module = ModuleType("nowhere")
    exec(SOURCE, vars(module))
    compiled.keep(module)
    assert module.double(21) == 42 and not module.double.stats.cache_hits


def test_what_takes_umap_long_is_kept():
    slow = compiled.umap().umap_.smooth_knn_dist
    assert isinstance(slow, CPUDispatcher), "umap-learn is built otherwise now: look at what it compiles"
    assert slow.stats.cache_path is not None


@pytest.mark.slow
def test_after_the_environment_is_made_a_notebook_compiles_nothing(tmp_path):
    """What `make env` runs leaves nothing to compile for windows, pictures and networks of other sizes."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-W", "ignore", "-m", "emocast.compiled"], env=environment, check=True)
    kept = {path.name for path in tmp_path.rglob("*.nbc")}
    assert any(name.startswith("layouts") for name in kept) and any(name.startswith("kernels") for name in kept)
    subprocess.run([sys.executable, "-W", "ignore", "-c", OTHER_SIZES], env=environment, check=True)
    assert {path.name for path in tmp_path.rglob("*.nbc")} == kept

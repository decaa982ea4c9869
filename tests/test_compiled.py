"""Compiled code is kept where there is a place for it, and computes the same."""

import importlib.util
from types import ModuleType

from numba.core.registry import CPUDispatcher

from emocast import compiled

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

"""The pinned environment holds together: every direct dependency is imported, not only installed."""

import importlib
import os
import re
import subprocess
import sys

import pytest

import hub
from emocast import paths

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {
    "espeakng-loader": "espeakng_loader", "pyyaml": "yaml", "scikit-learn": "sklearn", "umap-learn": "umap", "pillow": "PIL",
    "huggingface-hub": "huggingface_hub",
}  # fmt: skip
IMPORTABLE = [re.match(r"[\w-]+", line)[0] for line in PROJECT["dependencies"] if not line.startswith("laion-clap")]


@pytest.mark.parametrize("name", IMPORTABLE)
def test_a_direct_dependency_imports(name):
    importlib.import_module(MODULES.get(name, name))


@pytest.mark.slow
def test_laion_clap_imports_without_a_network(tmp_path):
    """It loads three tokenizers of the hub when imported, so it is given a miniature cache of them, in its own process."""
    hub.make(tmp_path)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "import laion_clap"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_lock_pins_every_direct_dependency_exactly():
    lines = [line for line in (paths.ROOT / "requirements.lock").read_text().splitlines() if line]
    pins = [re.fullmatch(r"([\w.-]+)==([\w.+]+)( ; .+)?", line) for line in lines]
    assert all(pins), f"not a pin: {lines[[bool(pin) for pin in pins].index(False)]}"
    names = {re.sub(r"[-_.]+", "-", pin[1]).lower() for pin in pins}
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert {re.match(r"[\w-]+", line)[0].lower() for line in wanted} <= names


def test_conda_installs_the_same_lock():
    import yaml

    environment = yaml.safe_load((paths.ROOT / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {"pip": ["-r requirements.lock", "-e ."]}

"""What several tests share: a small synthetic corpus, and where real data lie if they are here."""

import os
from pathlib import Path

import pytest

# Read when the hub's package is imported: tests ask a hub of their own, or none.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from emocast import paths
from emocast.encoders import hub
from emocast_twins import conversations

REAL = Path(os.environ.get("EMOCAST_REAL", paths.ROOT.parent / "shared" / "real"))


@pytest.fixture(scope="session")
def corpus_root(tmp_path_factory) -> Path:
    """A synthetic IEMOCAP of 2 sessions with 2 scenarios each; read only: copy it before damaging it."""
    root = tmp_path_factory.mktemp("corpus") / "small"
    settings = conversations.Settings(sessions=2, scenarios=2, turns=(10, 12))
    return conversations.make(root, settings, seed=7, processes=2, progress=False)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory) -> Path:
    """A temporary folder that all processes of this test run see: who makes something big in it takes a lock."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture
def real():
    """A function that gives a folder of real data, or skips the test with the reason."""

    def folder(name: str) -> Path:
        if not (REAL / name).is_dir():
            pytest.skip(f"real data are not here: no {name}/ in the folder that EMOCAST_REAL names")
        return REAL / name

    return folder


@pytest.fixture(autouse=True)
def _no_answers_of_other_tests():
    """The hub is asked once a process, which many tests share: none of them gets what another's hub answered."""
    hub._download.cache_clear()


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too; CI does")


def pytest_collection_modifyitems(config, items):
    """Skip what is slow unless asked. The notebooks' tests come first: whole files are shared out among processes."""
    items.sort(key=lambda item: item.path.name != "test_notebooks.py")
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes long: make test ARGS=--slow"))

"""Small corpora that the tests of this folder share; read only."""

import hashlib

import pytest

from emocast_twins import Settings, make, meld


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """The root of conversations made by one process."""
    return make(tmp_path_factory.mktemp("one") / "demo", Settings(2, 2, (5, 7)), seed=7, processes=1, progress=False)


@pytest.fixture(scope="session")
def meld_twin(tmp_path_factory):
    """A synthetic MELD of five dialogues, in every split at least one."""
    root = tmp_path_factory.mktemp("meld")
    return meld.make(root, meld.Settings(dialogues=5, turns=(6, 8)), seed=7, processes=2, progress=False)


@pytest.fixture(scope="session")
def digests():
    """Return what lists the files of a folder with their SHA-256."""

    def listed(root):
        files = [path for path in root.rglob("*") if path.is_file()]
        return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    return listed

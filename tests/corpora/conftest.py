"""What several tests of corpora share: a small synthetic MELD."""

import shutil
from pathlib import Path

import pytest

from emocast_twins import meld


@pytest.fixture(scope="session")
def meld_twin(tmp_path_factory) -> Path:
    """A synthetic MELD of five dialogues, in every split at least one; read only: copy it before anything is rendered."""
    root = tmp_path_factory.mktemp("meld")
    return meld.make(root, meld.Settings(dialogues=5, turns=(6, 8)), seed=7, processes=2, progress=False)


@pytest.fixture
def copy(meld_twin, tmp_path) -> Path:
    """A copy of it that may be rendered and damaged."""
    return shutil.copytree(meld_twin, tmp_path / "MELD.Raw")

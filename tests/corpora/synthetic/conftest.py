"""One small corpus that the tests of this folder share: making it takes a second."""

import pytest

from emocast.corpora.synthetic import Settings, make

SEED = 7


@pytest.fixture(scope="session")
def settings():
    return Settings(sessions=2, scenarios=2, turns=(5, 7))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, settings):
    """Give the root of a corpus made by one process."""
    return make(tmp_path_factory.mktemp("one") / "demo", settings, seed=SEED, processes=1, progress=False)

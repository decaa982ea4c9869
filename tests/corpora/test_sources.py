"""The list of sources agrees with the corpora's modules, the profile and the page about them."""

import re
from urllib.parse import urlparse

import pytest

from emocast import corpora, paths, profile
from emocast.corpora import cremad, sources

NAMES = sorted(corpora.NAMES)


def headings():
    page = (paths.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    return {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", page, re.MULTILINE)}


def test_every_corpus_has_a_source():
    assert sorted(sources.SOURCES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_source_is_complete(name):
    source = sources.get(name)
    assert bool(source.archives) != bool(source.ask)  # either it is fetched or it is said whom to ask
    assert source.section in headings()
    assert hasattr(corpora.get(name), "download") == bool(source.archives)
    for archive in source.archives:
        address = urlparse(archive.address)
        assert address.scheme in ("http", "https") and address.netloc
        assert archive.file.endswith((".zip", ".tar.gz")) and archive.holds
        assert all(not path.startswith("/") for path in archive.holds)
        assert archive.checksum is None or re.fullmatch(r"sha256:[0-9a-f]{64}", archive.checksum)
        assert archive.limit > 2 * (archive.size or 0)


@pytest.mark.parametrize("name", NAMES)
def test_the_folder_is_the_one_that_the_profile_reads(name):
    assert profile.load("paper").corpora.get(name, sources.get(name).folder) == sources.get(name).folder


def test_crema_d_has_as_many_clips_as_its_module_says():
    assert sources.get("cremad").clips.count == cremad.COUNTS["utterances"]


def test_the_size_is_that_of_all_files_or_unknown():
    assert sources.get("meld").size == sources.get("meld").archives[0].size > 10**10
    assert sources.get("cremad").size == sources.get("cremad").clips.size
    assert sources.get("shemo").size is None and sources.get("iemocap").size is None


def test_an_unknown_corpus_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no corpus 'ravdess'; there are iemocap, cremad"):
        sources.get("ravdess")

"""A recording has a folder of its own, whatever the others are called."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from emocast import cache
from emocast.recordings import placing


@pytest.fixture
def recordings(tmp_path):
    """Two recordings of one name."""
    files = [tmp_path / name / "audio.m4a" for name in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(file.parent.name.encode())
    return files


def filled(parent, recording, result="forecast.csv"):
    """Leave a result, and give the folder's name."""
    with placing.place(parent, recording) as folder:
        (folder / result).touch()
    return folder.name


@pytest.mark.parametrize("result", ["forecast.csv", "forecast.csv.part"])
def test_the_second_of_a_name_goes_elsewhere_and_each_comes_back(recordings, tmp_path, result):
    first, second = recordings
    own = f"audio.m4a-{cache.file_digest(second)[:8]}"
    names = [filled(tmp_path / "out", recording, result) for recording in (first, second, first, second)]
    assert names == ["audio.m4a", own, "audio.m4a", own]
    assert (tmp_path / "out" / own / placing.NOTE).read_text() == f"{cache.file_digest(second)}  audio.m4a\n"


def test_results_of_which_nobody_knows_the_recording_stay(recordings, tmp_path):
    (tmp_path / "out" / "audio.m4a").mkdir(parents=True)
    assert filled(tmp_path / "out", recordings[0]) == "audio.m4a", "an empty folder is nobody's"
    (tmp_path / "out" / "audio.m4a" / placing.NOTE).unlink()
    assert filled(tmp_path / "out", recordings[0]).startswith("audio.m4a-")


def test_what_came_to_nothing_leaves_nothing(recordings, tmp_path):
    with pytest.raises(ValueError, match="silent"), placing.place(tmp_path / "out", recordings[0]) as folder:
        raise ValueError("silent")
    assert not folder.exists()
    assert filled(tmp_path / "out", recordings[1]) == "audio.m4a"


def test_two_that_come_at_once_get_two_folders(recordings, tmp_path, monkeypatch):
    together, digest = Barrier(2), cache.file_digest

    def waiting(path):
        found = digest(path)
        together.wait(30)
        return found

    monkeypatch.setattr(placing.cache, "file_digest", waiting)
    with ThreadPoolExecutor(2) as both:
        names = list(both.map(lambda recording: filled(tmp_path / "out", recording), recordings))
    assert len(set(names)) == 2 and "audio.m4a" in names

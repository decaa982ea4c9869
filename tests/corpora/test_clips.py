import numpy as np
import soundfile

from emocast.corpora import clips


def test_recordings_are_sorted_and_without_what_macos_leaves(tmp_path):
    for name in ("b.wav", "a.wav", "._a.wav", "c.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in clips.recordings(tmp_path)] == ["a.wav", "b.wav"]
    assert clips.recordings(tmp_path / "absent") == []


def test_a_whole_clip_has_its_length_and_no_problem(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8_000), 16_000)
    found = []
    assert clips.duration(tmp_path / "a.wav", "a.wav", found, advice="") == 0.5
    assert found == []


def test_a_damaged_clip_has_no_length_and_is_named_with_the_advice(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    found = []
    assert clips.duration(tmp_path / "a.wav", "wav/a.wav", found, advice="get it") is None
    (problem,) = found
    assert (problem.file, problem.problem, problem.advice) == ("wav/a.wav", "unreadable audio", "get it")
    assert problem.detail == "the file is empty; get it again"

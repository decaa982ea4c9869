import re

import numpy as np
import pytest
import soundfile

from emocast import audio
from emocast.corpora import clips
from emocast.corpora.meld_clips import ClipError, check


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
    assert (problem.file, problem.problem, problem.advice) == ("wav/a.wav", "empty audio", "get it")
    assert problem.detail == "the file is empty; get it again"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty audio"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b25\n", "git-LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "unreadable audio"),
        (None, "missing audio"),
    ],
)
@pytest.mark.parametrize(("read", "error"), [(audio.inspect, audio.AudioError), (check, ClipError)])
def test_the_readers_words_tell_the_kind_of_damage(content, kind, read, error, tmp_path):
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(error) as caught:
        read(tmp_path / "a.wav")
    assert clips.damage(str(caught.value)) == kind


def test_a_scan_gives_rows_and_codes_and_notes_the_rest(tmp_path):
    def parse(path):
        name = re.fullmatch(r"(?P<code>[A-Z])\d", path.stem)
        if not name:
            raise ValueError("no letter and digit in the name")
        return name

    soundfile.write(tmp_path / "A1.wav", np.zeros(8_000), 16_000)
    soundfile.write(tmp_path / "B1.wav", np.zeros(4_000), 16_000)
    for name in ("A2", "odd"):
        (tmp_path / f"{name}.wav").write_bytes(b"")
    found = []
    rows, codes = clips.scan(
        clips.recordings(tmp_path),
        tmp_path.parent,
        found,
        parse=parse,
        row=lambda name, where, length: {"code": name["code"], "where": where, "length": length},
        advice="get it",
    )
    inside = tmp_path.name
    assert rows == [
        {"code": "A", "where": f"{inside}/A1.wav", "length": 0.5},
        {"code": "B", "where": f"{inside}/B1.wav", "length": 0.25},
    ]
    assert codes == {"A": 2, "B": 1}
    assert [(one.file, one.problem, one.advice) for one in found] == [
        (f"{inside}/A2.wav", "empty audio", "get it"),
        (f"{inside}/odd.wav", "odd name", "rename or remove it"),
    ]
    assert found[1].detail == "no letter and digit in the name"


def test_only_numbers_that_differ_are_named():
    found = []
    expected = {"A": 3, "B": 1000, "C": 2}
    clips.compare({"A": 3, "B": 1200}, expected, found, file="{code}*.wav", what="clips", advice="look")
    assert [(one.file, one.problem, one.detail, one.advice) for one in found] == [
        ("B*.wav", "wrong count", "1,200 clips read, a complete copy has 1,000", "look"),
        ("C*.wav", "wrong count", "0 clips read, a complete copy has 2", "look"),
    ]

import pytest

from emocast.corpora.synthetic import folder


def _fill(path, text):
    path.mkdir()
    (path / folder.MARKER).write_text(text)


def test_a_folder_appears_whole_and_replaces_an_older_synthetic_one(tmp_path):
    for text in ("one", "two"):
        with folder.building(tmp_path / "demo" / "EmoDB") as new:
            _fill(new, text)
        assert (tmp_path / "demo" / "EmoDB" / folder.MARKER).read_text() == text
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [".EmoDB.lock", "EmoDB"]


def test_a_failure_keeps_the_older_one(tmp_path):
    with folder.building(tmp_path / "EmoDB") as new:
        _fill(new, "old")
    with pytest.raises(ZeroDivisionError), folder.building(tmp_path / "EmoDB") as new:
        _fill(new, "new")
        raise ZeroDivisionError
    assert (tmp_path / "EmoDB" / folder.MARKER).read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".EmoDB.lock", "EmoDB"]


def test_what_is_not_synthetic_is_left_alone(tmp_path):
    (tmp_path / "EmoDB" / "wav").mkdir(parents=True)
    (tmp_path / "ShEMO").write_text("a file")
    for name, message in (("EmoDB", "holds wav but no synthetic.json"), ("ShEMO", "is a file")):
        with pytest.raises(FileExistsError, match=message), folder.building(tmp_path / name):
            pytest.fail("the block must not run")
    assert (tmp_path / "EmoDB" / "wav").is_dir()


def test_only_the_leftovers_of_the_same_corpus_are_removed(tmp_path):
    for name in (".EmoDB.making-killed", ".ShEMO.making-running"):
        (tmp_path / name).mkdir()
    with folder.building(tmp_path / "EmoDB") as new:
        _fill(new, "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".EmoDB.lock", ".ShEMO.making-running", "EmoDB"]

import pytest

from emocast import paths


def test_replacing_writes_whole_or_not_at_all(tmp_path):
    target = tmp_path / "folder" / "table.csv"
    with paths.replacing(target) as partial:
        partial.write_text("first")
    assert target.read_text() == "first"
    with pytest.raises(RuntimeError), paths.replacing(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["table.csv"]


def test_the_environment_moves_the_large_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "d"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "o"))
    assert paths.data() == tmp_path / "d"
    assert paths.store() == tmp_path / "o" / "embeddings"


def test_relative_is_short_inside_the_checkout_and_whole_outside(tmp_path):
    assert paths.relative(paths.NOTEBOOKS / "a.ipynb") == "notebooks/a.ipynb"
    assert paths.relative(tmp_path) == str(tmp_path)

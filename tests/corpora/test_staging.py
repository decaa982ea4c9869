"""How a finished corpus gets to its place, and what is left of one that is not."""

import pytest

from emocast.corpora import staging
from emocast.corpora.transfer import DownloadError


def fill(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def texts(folder):
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_hidden_folder_goes_if_nothing_is_in_it(tmp_path):
    with staging.alone(tmp_path / "EmoDB") as work:
        assert work == tmp_path / ".downloads" / "EmoDB" and work.is_dir()
    assert not list(tmp_path.iterdir())


def test_the_hidden_folder_stays_if_something_is_in_it_even_after_an_error(tmp_path):
    with pytest.raises(KeyError), staging.alone(tmp_path / "EmoDB") as work:
        fill(work, part="begun")
        raise KeyError
    assert texts(work) == {"part": "begun"}


def test_one_run_at_a_time_and_the_second_touches_nothing(tmp_path):
    with staging.alone(tmp_path / "EmoDB") as work:
        with pytest.raises(DownloadError, match="another run"), staging.alone(tmp_path / "EmoDB"):
            pass
        assert work.is_dir()
        with staging.alone(tmp_path / "ShEMO"):  # of another corpus
            pass
        assert work.is_dir()


def test_a_folder_is_new_whatever_a_killed_run_left(tmp_path):
    fill(tmp_path / "unpacked", old="old")
    with staging.emptied(tmp_path / "unpacked") as folder:
        assert not list(folder.iterdir())
        fill(folder, new="new")
    assert not folder.exists()


def test_a_finished_folder_takes_its_place(tmp_path):
    root = tmp_path / "EmoDB"
    staging.put_in_place(fill(tmp_path / "a", one="1"), root)
    assert texts(root) == {"one": "1"} and not (tmp_path / "a").exists()
    staging.put_in_place(fill(tmp_path / "b", one="other", two="2"), root)
    assert texts(root) == {"one": "1", "two": "2"}


def test_only_pointers_and_empty_files_give_way(tmp_path):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
    root = fill(tmp_path / "CREMA-D", linked=pointer, empty="", mine="mine")
    staging.merge(fill(tmp_path / "a", linked="l", empty="e", mine="theirs", new="n"), root)
    assert texts(root) == {"linked": "l", "empty": "e", "mine": "mine", "new": "n"}


def test_room_is_seen_to_with_what_has_come(tmp_path):
    with staging.alone(tmp_path / "EmoDB") as work:
        staging.see_to_room(1, work)
        with pytest.raises(DownloadError, match="GB are needed"):
            staging.see_to_room(10**18, work)


def test_hidden_files_are_nothing(tmp_path):
    assert not staging.holds_something(tmp_path / "absent")
    assert not staging.holds_something(fill(tmp_path / "a", **{".DS_Store": ""}))
    assert staging.holds_something(fill(tmp_path / "b", file=""))
    assert staging.holds_something(tmp_path / "b" / "file")

"""The tracked reference is whole or as it was, and nobody's own recording gets into it."""

import json

import pytest
from PIL import Image

import reference_site
from emocast import paths, profile, report
from emocast.report import __main__ as command
from emocast.report import reference

ONLY = ["04_forecasting_fcdnn", "08_forecast_a_recording"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two finished notebooks of the demo, with an empty place for the reference."""
    reference_site.finish(tmp_path / "outputs" / "demo", notebooks=ONLY, pages=False)
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(paths, "REFERENCE", tmp_path / "reference")
    return tmp_path / "outputs" / "demo"


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_has_the_tables_as_they_are_and_small_figures(home):
    folder = report.write_reference(profile.load("demo"))
    assert folder == paths.REFERENCE / "demo" and sorted(path.name for path in folder.iterdir()) == ONLY
    for kind in ("csv", "png"):
        there = {path.relative_to(home) for path in home.rglob(f"*.{kind}")}
        assert {path.relative_to(folder) for path in folder.rglob(f"*.{kind}")} == there
    for table in folder.rglob("*.csv"):
        assert table.read_bytes() == (home / table.relative_to(folder)).read_bytes()
    assert max(Image.open(picture).width for picture in folder.rglob("*.png")) <= reference._SMALL_WIDTH


def test_what_stops_in_the_middle_leaves_the_one_before(home, capsys):
    before = contents(report.write_reference(profile.load("demo")))
    next(home.glob("08*/*.png")).unlink()
    next(home.glob("04*/*.csv")).write_text("another,table\n1,2\n")
    assert command.main(["reference"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and ".png" in line
    assert contents(paths.REFERENCE / "demo") == before
    assert [path.name for path in paths.REFERENCE.iterdir()] == ["demo"]


def test_a_recording_of_ones_own_is_refused(home, capsys):
    manifest = home / ONLY[1] / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "private": {"why": "a recording of your own", "names": ["timeline"]}}))
    assert command.main(["reference"]) == 1
    assert "08_forecast_a_recording shows a recording of your own" in capsys.readouterr().err
    assert not paths.REFERENCE.exists()


@pytest.mark.parametrize("what", ["page", "reference"])
def test_what_the_disk_refuses_is_one_line(tmp_path, monkeypatch, capsys, what):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "file" / "outputs"))
    assert command.main([what]) == 1
    error = capsys.readouterr().err
    assert "error: " in error and "Traceback" not in error

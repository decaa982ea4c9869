"""What computes something else is run again; a sentence that is mended is not."""

import json
import shutil

import pytest

from emocast import paths
from emocast.corpora import meld_sound
from emocast_run import runner


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A copy of the library and the notebooks that a test may change; what it changes is looked at anew."""
    shutil.copytree(runner.LIBRARY, tmp_path / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(paths.NOTEBOOKS, tmp_path / "notebooks")
    monkeypatch.setattr(runner, "LIBRARY", tmp_path / "lib")
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "notebooks")
    runner.write_stamps("demo", tmp_path / "stamps")
    return tmp_path


def changed(house, file, old, new):
    """The stamps that are written anew when a file's text is changed."""
    path = house / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    runner._further.cache_clear()
    return runner.write_stamps("demo", house / "stamps")


def test_stamps_are_written_once(house):
    names = {path.stem for path in paths.NOTEBOOKS.glob("*.ipynb")}
    assert {path.name for path in (house / "stamps").iterdir()} == {*names, "models"}
    before = {path: path.stat().st_mtime_ns for path in (house / "stamps").iterdir()}
    assert runner.write_stamps("demo", house / "stamps") == []
    assert before == {path: path.stat().st_mtime_ns for path in (house / "stamps").iterdir()}
    assert set(runner.write_stamps("smoke", house / "stamps")) == {*names, "models"}, "another profile is another run"


def test_a_mended_sentence_runs_nothing_and_mended_code_runs_what_imports_it(house):
    fcdnn = "lib/emocast/forecasting/fcdnn.py"
    first = (house / fcdnn).read_text(encoding="utf-8").splitlines()[0]
    assert changed(house, fcdnn, first, first.replace('"""', '"""Mended: ', 1)) == []
    assert changed(house, fcdnn, "\nimport", "\n# a remark\nimport") == []
    again = {name[:2] for name in changed(house, fcdnn, "\nclass ", "\nMENDED = 1\n\n\nclass ")}
    assert {"04", "05", "07", "08"} <= again and "01" not in again and "06" not in again and "mo" not in again


def test_data_beside_modules_are_part_of_them(house):
    assert {"04", "06"} <= {name[:2] for name in changed(house, "lib/emocast/published.csv", "preprint", "Preprint")}


def test_recipes_and_templates_are_part_of_what_reads_them(house):
    recipe = "lib/emocast/ser/hparams/classification.yaml"
    assert {"models", "06_cross_lingual_ser"} <= set(changed(house, recipe, "\n", "\nmore: 1\n"))
    again = {name[:2] for name in changed(house, "lib/emocast/templates/card_forecaster.md", "limits", "limit")}
    assert "08" in again and "01" not in again
    profile = "lib/emocast/profiles/demo.yaml"
    assert changed(house, profile, "\n", "\n# a remark\n") == [], "a profile counts by what it says"


def test_corrected_recordings_and_labels_are_seen(tmp_path, monkeypatch):
    """A corpus that nobody here makes, such as one's own: its notebooks run again when a file has changed, and only then."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    own, labels = tmp_path / "own.yaml", tmp_path / "data" / "mine" / "labels.csv"
    (tmp_path / "mine.py").write_text("def load(root):\n    return None\n")
    own.write_text("extends: demo\ncorpora: {mine: {module: mine.py, root: mine}}\ntwins: {librispeech: null}\n")
    labels.parent.mkdir(parents=True)
    labels.write_text("utterance,emotion\na,neutral\n")
    assert runner.write_stamps(str(own), tmp_path / "stamps")
    (labels.parent / ".hidden").write_text("an editor's")
    assert runner.write_stamps(str(own), tmp_path / "stamps") == []
    labels.write_text("utterance,emotion\na,sadness\n")
    assert "04_forecasting_fcdnn" in runner.write_stamps(str(own), tmp_path / "stamps")


def test_what_a_loader_writes_into_its_corpus_is_no_change(tmp_path, monkeypatch):
    """MELD's recordings are rendered below its folder by the first run: the second has nothing to do."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    clips, history = (tmp_path / "data" / "MELD.Raw" / name for name in ("train_splits", ".git"))
    for folder in (clips, history):
        folder.mkdir(parents=True)
    (clips / "dia0_utt0.mp4").write_bytes(b"a clip")
    assert runner.write_stamps("paper", tmp_path / "stamps")
    rendered = tmp_path / "data" / "MELD.Raw" / meld_sound.FOLDER / "train_dia0.wav"
    rendered.parent.mkdir()
    rendered.write_bytes(b"rendered")
    (history / "HEAD").write_text("another branch")
    assert runner.write_stamps("paper", tmp_path / "stamps") == []
    (clips / "dia0_utt0.mp4").write_bytes(b"another clip")
    assert runner.write_stamps("paper", tmp_path / "stamps")


def test_a_notebook_is_its_cells_and_not_its_outputs(house):
    path = house / "notebooks" / "01_dataset_audit.ipynb"
    book = json.loads(path.read_text("utf-8"))
    book["metadata"]["more"] = "of an editor"
    next(cell for cell in book["cells"] if cell["cell_type"] == "code")["execution_count"] = 7
    path.write_text(json.dumps(book))
    assert runner.write_stamps("demo", house / "stamps") == []
    book["cells"][0]["source"] = [*book["cells"][0]["source"], "\n\nMore."]
    path.write_text(json.dumps(book))
    assert runner.write_stamps("demo", house / "stamps") == ["01_dataset_audit"]


def test_an_own_profile_is_its_settings_and_the_loaders_beside_it(house, tmp_path):
    own = tmp_path / "own" / "mine.yaml"
    own.parent.mkdir()
    own.write_text("extends: smoke\nseed: 1\n")
    folder = tmp_path / "of mine"
    assert len(runner.write_stamps(str(own), folder)) == 10
    own.write_text("# a remark\nextends: smoke\nseed: 1\n")
    assert runner.write_stamps(str(own), folder) == []
    (own.parent / "loader.py").write_text("def load(:\n")  # that it cannot be run is not the stamps' fault
    assert len(runner.write_stamps(str(own), folder)) == 10


def test_the_makers_of_corpora_have_a_stamp_beside_the_corpora(house):
    twins = house / "data" / ".code"
    assert runner.write_stamps("demo", house / "stamps", twins=twins) == [".code"]
    assert runner.write_stamps("demo", house / "stamps", twins=twins) == []
    assert twins.read_text()

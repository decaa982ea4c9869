import json
from base64 import b64decode

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from emocast import notebook, paths

mpl.use("Agg")


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.delenv(paths.RUN_FOLDER, raising=False)
    return tmp_path / "smoke"


def test_what_is_kept_is_listed_once_with_its_caption(outputs):
    run = notebook.start("01_x", profile="smoke")
    for value in (1, 2):  # a cell that is run again
        run.table(pd.DataFrame({"a": [value]}), "numbers", caption="Some numbers.")
        figure, _ = plt.subplots()
        run.figure(figure, "picture", caption="A picture.")
    run.note("Something was left out.")
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["tables"] == [{"name": "numbers", "caption": "Some numbers."}]
    assert manifest["figures"] == [{"name": "picture", "caption": "A picture."}]
    assert manifest["notes"] == ["Something was left out."]
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "manifest.json",
        "numbers.csv",
        "picture.png",
        "picture.svg",
    ]
    assert pd.read_csv(run.folder / "numbers.csv")["a"].to_list() == [2]


def test_a_named_index_is_written_and_numbers_have_six_digits(outputs):
    run = notebook.start("01_x", profile="smoke")
    table = pd.DataFrame({"share": [1 / 3]}, index=pd.Index(["anger"], name="emotion"))
    run.table(table, "shares", caption="Shares.")
    assert (run.folder / "shares.csv").read_text() == "emotion,share\nanger,0.333333\n"


def test_the_same_figure_gives_the_same_file(outputs):
    def draw():
        run = notebook.start("01_x", profile="smoke")
        figure, ax = plt.subplots()
        ax.plot([1, 2], label="line")
        ax.legend()
        run.figure(figure, "picture", caption="A picture.")
        return (run.folder / "picture.svg").read_bytes()

    assert draw() == draw()


def test_a_figure_names_the_table_with_its_numbers_and_the_run_says_where_it_was(outputs):
    open_before, run = plt.get_fignums(), notebook.start("01_x", profile="smoke")
    run.figure(plt.subplots()[0], "picture", caption="A picture.", table="numbers")
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["figures"] == [{"name": "picture", "caption": "A picture.", "table": "numbers"}]
    assert manifest["where"]["packages"]["pandas"] == pd.__version__ and manifest["where"]["cores"] >= 1
    assert (manifest["corpus"], manifest["seed"]) == ("iemocap", run.profile.seed)
    assert plt.get_fignums() == open_before


def test_a_shown_figure_is_the_kept_file_with_its_name_and_text(outputs, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda data, raw, metadata: shown.append((data, raw, metadata)))
    run = notebook.start("01_x", profile="smoke")
    run.figure(plt.subplots(figsize=(5, 4))[0], "picture", caption="A picture.")
    [(data, raw, metadata)] = shown
    assert raw and b64decode(data["image/png"]) == (run.folder / "picture.png").read_bytes()
    about = metadata.pop("image/png")
    assert metadata == {notebook.SHOWN: {"figure": "picture"}} and about["alt"] == "A picture."
    assert about["width"] == pytest.approx(5 * 96, rel=0.1) and about["height"] == pytest.approx(4 * 96, rel=0.1)


def test_a_run_by_hand_does_not_touch_what_make_made(outputs):
    assert notebook.start("01_x", profile="smoke").folder == outputs / "interactive" / "01_x"


def test_a_missing_input_says_which_notebook_to_run(outputs, monkeypatch):
    run = notebook.start("04_x", profile="smoke")
    with pytest.raises(FileNotFoundError, match=r"04_x needs what 03_y makes.*make reproduce PROFILE=smoke"):
        run.input("03_y")
    notebook.start("03_y", profile="smoke").note("ran by hand")
    assert run.input("03_y") == outputs / "interactive" / "03_y"
    monkeypatch.setenv(paths.RUN_FOLDER, str(outputs / "03_y"))
    notebook.start("03_y", profile="smoke").note("ran by make")
    assert run.input("03_y") == outputs / "03_y"


def test_on_another_corpus_inputs_and_titles_are_of_that_corpus(outputs):
    notebook.start("03_y", profile="smoke").note("of the profile's own corpus")
    run = notebook.start("04_x", profile="smoke", corpus="meld")
    assert (run.dataset, run.profile.corpus) == ("MELD", "meld")
    assert run.aside.startswith(" on MELD")
    with pytest.raises(FileNotFoundError, match="make reproduce PROFILE=smoke CORPUS=meld"):
        run.input("03_y")
    beside = notebook.start("03_y", profile="smoke", corpus="meld")
    beside.note("of MELD")
    assert run.input("03_y") == beside.folder == outputs / "interactive" / "variants" / "corpus=meld" / "03_y"
    assert notebook.start("04_x", profile="smoke").aside == ""

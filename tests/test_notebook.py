"""What a notebook keeps, what it says of it, and how it tells what a reader has to mend."""

import json
import os
import subprocess
import sys
from base64 import b64decode

import matplotlib as mpl
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import pyplot as plt

from emocast import labels, notebook, paths, settings, windows
from emocast.corpora.table import CorpusError

mpl.use("Agg")


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.delenv(paths.RUN_FOLDER, raising=False)
    return tmp_path / "smoke"


def test_what_is_kept_is_listed_once_with_its_caption(outputs):
    open_before, run = plt.get_fignums(), notebook.start("01_x", profile="smoke")
    for value in (1, 2):  # a cell that is run again
        run.table(pd.DataFrame({"a": [value]}), "numbers", caption="Some numbers.")
        figure, _ = plt.subplots()
        run.figure(figure, "picture", caption="A picture.", table="numbers")
        run.note("Something was left out.")
        run.answer(f"It is {value}.", figure="picture")
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["tables"] == [{"name": "numbers", "caption": "Some numbers."}]
    assert manifest["figures"] == [{"name": "picture", "caption": "A picture.", "table": "numbers"}]
    assert manifest["where"]["packages"]["pandas"] == pd.__version__ and manifest["where"]["cores"] >= 1
    assert (manifest["corpus"], manifest["seed"]) == ("iemocap", run.profile.seed)
    assert plt.get_fignums() == open_before
    assert manifest["notes"] == ["Something was left out."]
    assert manifest["answer"] == {"sentences": ["It is 2."], "figure": "picture"}
    kept = {path.name for path in run.folder.iterdir()}
    assert kept == {"manifest.json", "numbers.csv", "picture.png", "picture.svg"}
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
    with pytest.raises(FileNotFoundError, match="make reproduce PROFILE=smoke CORPUS=meld"):
        run.input("03_y")
    beside = notebook.start("03_y", profile="smoke", corpus="meld")
    beside.note("of MELD")
    assert run.input("03_y") == beside.folder == outputs / "interactive" / "variants" / "corpus=meld" / "03_y"


def test_a_picture_of_voices_that_nobody_has_says_so_and_one_of_people_does_not(outputs, monkeypatch):
    def words(corpus="", **options):
        run = notebook.start("04_x", profile="smoke", corpus=corpus)
        figure, ax = plt.subplots()
        ax.set(xlabel="time", title="A title")
        run.figure(figure, "picture", caption="A picture.", **options)
        figure.draw_without_rendering()
        mark, label = (text.get_window_extent() for text in (figure.texts[-1], ax.xaxis.label))
        assert not figure.texts[-1].get_text() or mark.y1 <= label.y0 + 1, "it covers what is drawn"
        svg = (run.folder / "picture.svg").read_text()
        return {word for word in ("synthetic voices", "MELD") if word in svg}

    assert words() == set() and words(corpus="meld") == {"MELD"} and words(synthetic=True) == {"synthetic voices"}
    monkeypatch.setattr(notebook.table, "is_synthetic", lambda root: "MELD" not in str(root))
    assert words() == {"synthetic voices"} and words(corpus="meld") == {"MELD"} and words(synthetic=False) == set()


SCORES = pd.DataFrame(
    {"model": ["majority", "network"], "n": [9, 9], "accuracy": [0.4, 0.5], "chance": [0.3, 0.3], "seconds": [1.0, 2.0]}
)


@pytest.mark.parametrize(
    ("tolerance", "moves"),
    [
        (None, {"accuracy": (0.05, 0.05), "seconds": None}),
        (0, {}),
        (10, {"accuracy": 10, "seconds": None}),
        ({"acc*": 0.3, "chance": 0.1, "n": 1}, {"n": 1, "accuracy": 0.3, "chance": 0.1, "seconds": None}),
        ({"*": {"majority": 0, "*": 10}}, {"accuracy": {"majority": 0, "*": 10}, "seconds": None}),
        ({"model": "words", "seconds": 0}, {"model": "words", "accuracy": (0.05, 0.05)}),
    ],
)
def test_which_columns_may_move_is_what_the_table_says_and_else_what_their_names_and_kinds_say(tolerance, moves):
    assert notebook.moving(SCORES, tolerance) == moves
    indexed = SCORES.set_index(["model", "chance"])
    assert "chance" in notebook.moving(indexed, {"chance": 1}) and "chance" not in notebook.moving(indexed, 10)


def test_a_tolerance_of_a_column_that_is_not_there_is_a_slip():
    with pytest.raises(ValueError, match="tolerance of acuracy: the table has the columns model, n, accuracy"):
        notebook.moving(SCORES, {"acuracy": 1})


def test_tolerance_headline_and_source_stand_in_the_manifest(outputs):
    run = notebook.start("01_x", profile="smoke", tolerance=0)
    line = {"value": "accuracy", "text": "{model}", "chance": SCORES["chance"].mean()}
    run.table(SCORES, "scores", caption="Scores.", tolerance=0.2, headline=line, source="thesis, table 5.5")
    run.table(SCORES, "counted", caption="Counted.")
    manifest = json.loads((run.folder / "manifest.json").read_text())
    scores, counted = manifest["tables"]
    assert scores["tolerance"] == {"accuracy": 0.2, "seconds": None} and scores["source"] == "thesis, table 5.5"
    assert scores["headline"] == [{"value": "accuracy", "text": "{model}", "chance": 0.3}]
    assert counted == {"name": "counted", "caption": "Counted."}
    assert manifest["level"] == run.profile.intervals.level


def test_in_a_kernel_what_is_missing_is_made_with_a_word_and_elsewhere_nothing_is(outputs, monkeypatch, capfd):
    asked = []
    monkeypatch.setattr(notebook, "make_corpora", asked.append)
    notebook.start("01_x", profile="smoke")
    assert asked == []
    monkeypatch.setattr(notebook, "get_ipython", lambda: InteractiveShell(colors="nocolor"))
    notebook.start("01_x", profile="smoke")
    notebook.start("01_x", profile="paper")
    monkeypatch.setenv(paths.RUN_FOLDER, str(outputs / "01_x"))
    notebook.start("01_x", profile="smoke")
    assert asked == ["smoke"]


def test_corpora_that_cannot_be_made_are_told_as_their_maker_does(capsys):
    with pytest.raises(RuntimeError, match=r"^no profile 'dmeo': choose one of"):
        notebook.make_corpora("dmeo")
    assert "no profile 'dmeo'" in capsys.readouterr().out


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell(colors="nocolor")
    shell.set_custom_exc((Exception,), notebook._show)
    return shell


def printed(shell, capsys, source):
    capsys.readouterr()
    result = shell.run_cell(source)
    return result, capsys.readouterr().out.strip()


def test_cells_of_a_part_that_lacks_something_do_nothing_until_the_next_part(outputs, shell, capsys, monkeypatch):
    monkeypatch.setattr(notebook, "get_ipython", lambda: shell)
    monkeypatch.setattr(notebook, "make_corpora", lambda profile: None)
    begin = "from emocast import notebook\nrun = notebook.start('01_x', profile='smoke')\nseen = []"
    for _ in range(2):  # begun anew by hand in the middle of a part that is left out
        assert printed(shell, capsys, begin)[1] == ""
        assert printed(shell, capsys, "run.part('one')\nseen.append(1)")[1] == ""
        shell.run_cell("seen.append(2)")
        said = printed(shell, capsys, "run.part('two', lacks='No corpus is there.')\nseen.append(3)")[1]
        assert said == "Left out (two): No corpus is there."
        for source in ("seen.append(4)", "if True:\n    seen.append(5)\nseen", "not a cell"):
            result, out = printed(shell, capsys, source)
            assert out == "" and result.success
        assert shell.user_ns["seen"] == [1, 2, 3]
    shell.run_cell("run.part('three')")
    shell.run_cell("seen.append(6)")
    assert shell.user_ns["seen"] == [1, 2, 3, 6]
    manifest = json.loads((outputs / "interactive" / "01_x" / "manifest.json").read_text())
    assert manifest["notes"] == ["Left out (two): No corpus is there."]


def test_what_the_library_refuses_is_one_line_and_every_frame_is_still_there_for_who_asks(shell, capsys):
    result, out = printed(shell, capsys, "from emocast import settings\nsettings.load('dmeo')")
    assert out.startswith("ProfileError: no profile 'dmeo': choose one of") and "\n" not in out
    assert isinstance(result.error_in_exec, settings.ProfileError), "papermill must see that the cell failed"
    _, out = printed(shell, capsys, "%tb")
    assert "Traceback" in out and "load(" in out


@pytest.mark.parametrize(
    "source",
    [
        *("{}['x']", "raise ValueError('of the cell')", "import pandas\npandas.Series([1]).loc[5]", "int('x')"),
        "from emocast import labels\nlabels.ordered(3)",  # a fault of the library
    ],
)
def test_what_others_raise_and_what_is_a_fault_has_its_frames(shell, capsys, source):
    _, out = printed(shell, capsys, source)
    assert "Traceback (most recent call last)" in out


def caught(function, *arguments, **options):
    with pytest.raises(Exception) as caught:  # whatever it is, it is judged
        function(*arguments, **options)
    return caught.value


def raised(error):
    raise error


def test_which_errors_are_written_for_the_reader(tmp_path):
    rows = pd.Series(["anger"])
    assert notebook.is_told(caught(raised, CorpusError("from a worker, far from here")))
    assert notebook.is_told(caught(windows.undersampled_positions, rows, classes=["fear"], random_state=0))
    assert notebook.is_told(caught(raised, PermissionError(13, "Permission denied", "outputs")))
    assert not notebook.is_told(caught(raised, FileNotFoundError(2, "No such file", "x")))
    assert not notebook.is_told(caught(labels.ordered, 3))
    assert not notebook.is_told(ValueError("never raised"))


EMBED = """
import numpy as np
from emocast import notebook
print(notebook.umap().UMAP(random_state=3, n_jobs=1).fit_transform(np.random.default_rng(1).normal(size=(300, 64))).sum())
"""


@pytest.mark.slow
def test_what_umap_compiles_is_kept_for_the_next_process(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    options = {"env": environment, "capture_output": True, "text": True, "check": True}
    found = [subprocess.run([sys.executable, "-c", EMBED], **options).stdout for _ in range(2)]
    kept = {path.stem.partition(".")[0] for path in tmp_path.rglob("*.nbi")}
    assert found[0] == found[1] and any(name.startswith("layouts") for name in kept)

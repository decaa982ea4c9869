"""What a user gets wrong on the way is one clear line: no traceback, and nothing that was there is lost."""

import os
import signal
import subprocess
import sys
import threading
import time

import filelock
import nbformat
import pytest

from emocast import locks, paths, runner

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def notebook(folder, *code, name="04_question"):
    """A small notebook with the one parameter that all have."""
    cells = [nbformat.v4.new_code_cell('profile = "demo"', metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in code]
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    return path


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "meine Läufe" / "outputs"))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "meine Daten"))
    return tmp_path / "meine Läufe" / "outputs" / "smoke"


def one_line(text):
    """The text, which must be one line that begins with "error: "."""
    (line,) = text.strip().splitlines()
    assert line.startswith("error: ")
    return line


START = "from emocast import notebook\nrun = notebook.start('04_question', profile=profile)"


def test_a_missing_earlier_notebook_is_named_by_make_in_two_lines(outputs, tmp_path, capfd):
    source = notebook(tmp_path, START, "run.input('03_embedding_extraction')")
    assert runner.main([str(source), "--profile", "smoke"]) == 1
    err = capfd.readouterr().err
    said = err[err.index("error: ") :].splitlines()
    assert said[0].startswith(
        "error: 04_question did not end well: FileNotFoundError: 04_question needs what 03_embedding"
    )
    assert len(said) == 2 and "04_question.ipynb" in said[1]
    assert "Traceback" not in err and "papermill" not in err
    failed = nbformat.read(outputs / ".failed" / "04_question" / "04_question.ipynb", as_version=4)
    (shown,) = [output for cell in failed.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert len(shown.traceback) == 1, "the page shows one line too"


def stopped(folder, traceback):
    """An executed notebook that stopped at an error, shown so."""
    path = notebook(folder, "1", "{}['x']")
    executed = nbformat.read(path, as_version=4)
    error = {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": traceback}
    executed.cells[2].outputs = [nbformat.from_dict(error)]
    nbformat.write(executed, path)
    return path


def test_a_fault_of_the_code_is_printed_with_its_frames_and_a_refusal_is_not(tmp_path, capsys):
    assert runner._reason(stopped(tmp_path, ["Traceback", "a frame", "KeyError: 'x'"])) == "KeyError: 'x'"
    assert "a frame" in capsys.readouterr().err
    assert runner._reason(stopped(tmp_path, ["KeyError: 'x'"])) == "KeyError: 'x'"
    assert capsys.readouterr().err == ""
    assert runner._reason(notebook(tmp_path, "1")) == runner._reason(tmp_path / "never_written.ipynb") == ""


def test_outputs_that_cannot_be_written_are_one_line(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "file" / "outputs"))
    assert runner.main([str(notebook(tmp_path)), "--profile", "smoke"]) == 1
    assert str(tmp_path / "file") in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("extends: smoke\njobs: two\n", "jobs must be of type int, found 'two'"),
        ("extends: smoke\nwindows: 10\n", "windows must be a mapping, found 10"),
        ("extends: smoke\nwindows: {length_s: [10]}\n", "windows.length_s must be of type float, found [10]"),
        ("extends: smoke\nsweep_task: one\ntasks: {one: [anger]}\n", "task 'one': fewer than two classes"),
        ("extends: smoke\nsweep_task: one\ntasks: {one: [anger, rage]}\n", "task 'one': unknown emotion 'rage'"),
        (
            "extends: smoke\nencoder: wavlm\n",
            "encoder, baseline and embeddings.compared must be of handcrafted, wav2vec2:",
        ),
        ("extends: smoke\ncorpus: ravdess\n", "corpus must be one of the corpora"),
        ("extends: smok\n", "no profile 'smok'"),
        ("just words\n", "expected settings as `key: value` lines"),
        ("a: [1\n", "is not valid YAML"),
    ],
)
def test_a_profile_that_cannot_be_is_one_line_before_anything_runs(outputs, tmp_path, capsys, settings, said):
    (tmp_path / "own.yaml").write_text(settings)
    assert runner.main([str(notebook(tmp_path)), "--profile", str(tmp_path / "own.yaml")]) == 1
    assert said in one_line(capsys.readouterr().err)
    assert not outputs.exists()


def test_a_notebook_that_is_not_there_is_one_line(outputs, tmp_path, capsys):
    assert runner.main([str(tmp_path / "09_nothing.ipynb"), "--profile", "smoke"]) == 1
    assert "09_nothing.ipynb" in one_line(capsys.readouterr().err)


WAIT = "import os, pathlib, time\n(pathlib.Path(os.environ['EMOCAST_RUN_FOLDER']) / 'half').touch()\ntime.sleep(60)"


@pytest.mark.parametrize(
    ("end", "number"),
    [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM), (os.kill, signal.SIGHUP)],
    ids=["by hand", "by timeout", "by a closed terminal"],
)
def test_an_interrupt_ends_quickly_without_a_traceback_and_loses_nothing(outputs, tmp_path, end, number):
    (outputs / "04_question").mkdir(parents=True)
    (outputs / "04_question" / "made.txt").write_text("good")
    command = [sys.executable, "-m", "emocast.runner", str(notebook(tmp_path, WAIT)), "--profile", "smoke"]
    heard = {
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    }  # what runs in the background may ignore it
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True, **heard)
    try:
        while not list(outputs.glob(".04_question.partial-*/half")):
            assert process.poll() is None
            time.sleep(0.05)
        end(
            process.pid, number
        )  # a terminal's goes to make, the runner and papermill alike, others to the runner alone
        _, err = process.communicate(
            timeout=50
        )  # until nobody holds its stderr: papermill and the kernel have ended too
    finally:
        process.kill()
    assert process.returncode == 130
    assert "04_question was stopped; what it computed is kept, the same command goes on" in err
    assert "Traceback" not in err
    assert [path.name for path in outputs.iterdir()] == ["04_question"]
    assert (outputs / "04_question" / "made.txt").read_text() == "good"


def test_a_second_run_of_a_notebook_waits_for_the_first(outputs, monkeypatch, capsys):
    with runner._alone(outputs, "04_question"):
        pass
    (place,) = (paths.outputs() / ".locks").iterdir()
    held, told, order = threading.Event(), threading.Event(), []
    monkeypatch.setattr(locks, "print", lambda *said, **_: (print(*said), told.set()), raising=False)

    def hold():
        with filelock.FileLock(place):
            held.set()
            told.wait(60)
            order.append("first")

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with runner._alone(outputs, "04_question"):
        order.append("second")
    other.join()
    assert order == ["first", "second"]
    assert "04_question is being run by another process: waiting" in capsys.readouterr().out
    with runner._alone(outputs, "05_other"):
        assert capsys.readouterr().out == ""

"""A run takes its final name only when it ended well, and what a user gets wrong on the way is one clear line."""

import os
import signal
import subprocess
import sys
import threading
import time

import filelock
import nbformat
import pytest

from emocast import paths
from emocast_run import __main__ as command
from emocast_run import runner

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def notebook(folder, *code, name="01_question", parameters='profile = "demo"'):
    """A small notebook with a parameters cell."""
    cells = [nbformat.v4.new_markdown_cell("# A question?")]
    cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [nbformat.v4.new_code_cell(line) for line in code]
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    return path


def run(*arguments):
    """The command's exit status in the smoke profile."""
    return command.main(["run", *map(str, arguments)] + ([] if "--profile" in arguments else ["--profile", "smoke"]))


WRITE = "import os; from pathlib import Path; (Path(os.environ['EMOCAST_RUN_FOLDER']) / 'made.txt').write_text({!r})"


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "meine Läufe" / "outputs"))
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "meine Daten"))
    return tmp_path / "meine Läufe" / "outputs" / "smoke"


def test_a_good_run_takes_the_place_of_the_one_before(outputs, tmp_path):
    runner.run(notebook(tmp_path, WRITE.format("first")), profile="smoke")
    folder = runner.run(notebook(tmp_path, WRITE.format("second")), profile="smoke")
    assert folder == outputs / "01_question"
    assert (folder / "made.txt").read_text() == "second"
    assert [path.name for path in outputs.iterdir()] == ["01_question"]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "its kernel ended: it was stopped"),
    ],
)
def test_a_failed_run_leaves_the_last_good_output(outputs, tmp_path, end, said, capsys):
    runner.run(notebook(tmp_path, WRITE.format("good")), profile="smoke")
    source = notebook(tmp_path, WRITE.format("half"), end)
    assert run(source) == 1
    assert f"error: 01_question did not end well: {said}" in capsys.readouterr().err
    assert (outputs / "01_question" / "made.txt").read_text() == "good"
    assert (outputs / ".failed" / "01_question" / "01_question.ipynb").is_file()
    assert sorted(path.name for path in outputs.iterdir()) == [".failed", "01_question"]
    assert paths.RUN_FOLDER not in os.environ


def test_what_a_killed_runner_left_is_removed(outputs, tmp_path):
    (outputs / ".01_question.partial-999999999").mkdir(parents=True)
    runner.run(notebook(tmp_path), profile="smoke")
    assert [path.name for path in outputs.iterdir()] == ["01_question"]


TWO = 'profile = "demo"\nencoder = ""  # a model'
SAY = "import os; from pathlib import Path; (Path(os.environ['EMOCAST_RUN_FOLDER']) / 'said.txt').write_text(encoder)"


def test_another_parameter_reaches_the_notebook_and_its_output_stands_beside(outputs, tmp_path, capsys):
    source = notebook(tmp_path, SAY, parameters=TWO)
    own = runner.run(source, profile="smoke")
    assert run(source, "--parameter", "encoder", "msclap:a b/c.pt") == 0
    beside = outputs / "variants" / "encoder=msclap-a-b-c.pt" / "01_question"
    assert capsys.readouterr().out.strip().endswith(beside.relative_to(outputs).as_posix())
    assert (beside / "said.txt").read_text() == "msclap:a b/c.pt"
    assert (own / "said.txt").read_text() == ""
    assert own == outputs / "01_question"


def one_line(text):
    """The text, which must be one line that begins with "error: "."""
    (line,) = text.strip().splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "dmeo"], "no profile 'dmeo': choose one of demo, "),
        (["--profile", "own.yaml"], "windows must be of type mapping, found 10"),
        (
            ["--parameter", "encodr", "laion"],
            "01_question has no parameter 'encodr'; its parameters are profile, encoder",
        ),
        (["--parameter", "profile", "paper"], "the parameter 'profile' is set by --profile"),
        ([], "EXECUTOR=dask needs SCHEDULER=tcp://host:port"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_runs(outputs, tmp_path, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text("extends: smoke\nwindows: 10\n")
    if not arguments:
        monkeypatch.setenv("EMOCAST_EXECUTOR", "dask")
        monkeypatch.setenv("EMOCAST_SCHEDULER", "tcp://host")
    assert run(notebook(tmp_path, SAY, parameters=TWO), *arguments) == 1
    assert said in one_line(capsys.readouterr().err)
    assert not outputs.exists()


START = "from emocast import notebook\nrun = notebook.start('01_question', profile=profile)"


def test_a_missing_earlier_notebook_is_named_by_make_in_two_lines(outputs, tmp_path, capfd):
    source = notebook(tmp_path, START, "run.input('03_embedding_extraction')")
    assert run(source) == 1
    err = capfd.readouterr().err
    said = err[err.index("error: ") :].splitlines()
    assert "did not end well: FileNotFoundError: 01_question needs what 03_embedding" in said[0]
    assert len(said) == 2 and "01_question.ipynb" in said[1]
    assert "Traceback" not in err and "papermill" not in err
    failed = nbformat.read(outputs / ".failed" / "01_question" / "01_question.ipynb", as_version=4)
    (shown,) = [output for cell in failed.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert len(shown.traceback) == 1, "the page shows one line too"


def test_a_fault_of_the_code_is_printed_with_its_frames(outputs, tmp_path, capfd):
    assert run(notebook(tmp_path, "{}['x']")) == 1
    err = capfd.readouterr().err
    assert "Traceback" in err and "error: 01_question did not end well: KeyError: 'x'" in err


def test_outputs_that_cannot_be_written_are_one_line(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "file" / "outputs"))
    assert run(notebook(tmp_path)) == 1
    assert str(tmp_path / "file") in one_line(capsys.readouterr().err)


WAIT = "import os, pathlib, time\n(pathlib.Path(os.environ['EMOCAST_RUN_FOLDER']) / 'half').touch()\ntime.sleep(60)"


@pytest.mark.parametrize(
    ("end", "number"),
    [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM), (os.kill, signal.SIGHUP)],
    ids=["by hand", "by timeout", "by a closed terminal"],
)
def test_an_interrupt_ends_quickly_without_a_traceback_and_loses_nothing(outputs, tmp_path, end, number):
    (outputs / "01_question").mkdir(parents=True)
    (outputs / "01_question" / "made.txt").write_text("good")
    command = [sys.executable, "-m", "emocast_run", "run", str(notebook(tmp_path, WAIT)), "--profile", "smoke"]
    # what runs in the background may ignore an interrupt
    options = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), "start_new_session": True}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)
    try:
        while not list(outputs.glob(".01_question.partial-*/half")):
            assert process.poll() is None
            time.sleep(0.05)
        end(process.pid, number)  # a terminal's goes to make and the runner alike, others to the runner alone
        _, err = process.communicate(timeout=50)  # until nobody holds its stderr: the kernel has ended too
    finally:
        process.kill()
    assert process.returncode == 130
    assert "01_question was stopped; what it computed is kept, the same command goes on" in err
    assert "Traceback" not in err
    assert [path.name for path in outputs.iterdir()] == ["01_question"]
    assert (outputs / "01_question" / "made.txt").read_text() == "good"


def test_a_second_run_of_a_notebook_waits_for_the_first(outputs, monkeypatch, capsys):
    with runner.alone(outputs, "01_question"):
        pass
    (place,) = (paths.outputs() / ".locks").iterdir()
    held, told, order = threading.Event(), threading.Event(), []
    monkeypatch.setattr(paths, "print", lambda *said, **_: (print(*said), told.set()), raising=False)

    def hold():
        with filelock.FileLock(place):
            held.set()
            told.wait(60)
            order.append("first")

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with runner.alone(outputs, "01_question"):
        order.append("second")
    other.join()
    assert order == ["first", "second"]
    assert "01_question is being run by another process: waiting" in capsys.readouterr().out
    with runner.alone(outputs, "05_other"):
        assert capsys.readouterr().out == ""

"""A run takes its final name only when it ended well."""

import nbformat
import pytest

from emocast import runner


def notebook(folder, *code, parameters='profile = "demo"'):
    cells = [nbformat.v4.new_markdown_cell("# A question?")]
    cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [nbformat.v4.new_code_cell(line) for line in code]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = folder / "01_question.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


WRITE = "import os; from pathlib import Path; (Path(os.environ['EMOCAST_RUN_FOLDER']) / 'made.txt').write_text({!r})"


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    return tmp_path / "outputs" / "smoke"


def test_a_good_run_takes_the_place_of_the_one_before(outputs, tmp_path):
    runner.run(notebook(tmp_path, WRITE.format("first")), profile="smoke")
    folder = runner.run(notebook(tmp_path, WRITE.format("second")), profile="smoke")
    assert folder == outputs / "01_question"
    assert (folder / "made.txt").read_text() == "second"
    assert [path.name for path in outputs.iterdir()] == ["01_question"]


@pytest.mark.parametrize(
    "end", ["raise RuntimeError('no')", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"]
)
def test_a_failed_or_killed_run_leaves_the_last_good_output(outputs, tmp_path, end, capsys):
    runner.run(notebook(tmp_path, WRITE.format("good")), profile="smoke")
    source = notebook(tmp_path, WRITE.format("half"), end)
    assert runner.main([str(source), "--profile", "smoke"]) == 1
    assert "01_question did not end well" in capsys.readouterr().err
    assert (outputs / "01_question" / "made.txt").read_text() == "good"
    assert (outputs / ".failed" / "01_question" / "01_question.ipynb").is_file()
    assert sorted(path.name for path in outputs.iterdir()) == [".failed", "01_question"]


def test_what_a_killed_runner_left_is_removed_and_a_living_ones_is_not(outputs, tmp_path):
    outputs.mkdir(parents=True)
    dead, alive = outputs / ".01_question.partial-999999999", outputs / ".01_question.partial-1"
    dead.mkdir(), alive.mkdir()
    runner.run(notebook(tmp_path), profile="smoke")
    assert not dead.exists()
    assert alive.exists()


def test_an_unknown_profile_is_refused_before_anything_runs(outputs, tmp_path, capsys):
    assert runner.main([str(notebook(tmp_path)), "--profile", "dmeo"]) == 1
    assert "no profile 'dmeo': choose one of demo, paper, smoke" in capsys.readouterr().err
    assert not outputs.exists()


TWO = 'profile = "demo"\nencoder = ""  # a model'
SAY = "import os; from pathlib import Path; (Path(os.environ['EMOCAST_RUN_FOLDER']) / 'said.txt').write_text(encoder)"


def test_another_parameter_reaches_the_notebook_and_its_output_stands_beside(outputs, tmp_path, capsys):
    source = notebook(tmp_path, SAY, parameters=TWO)
    own = runner.run(source, profile="smoke")
    assert runner.main([str(source), "--profile", "smoke", "--parameter", "encoder", "msclap:a b/c.pt"]) == 0
    beside = outputs / "variants" / "encoder=msclap-a-b-c.pt" / "01_question"
    assert capsys.readouterr().out.strip().endswith(beside.relative_to(outputs).as_posix())
    assert (beside / "said.txt").read_text() == "msclap:a b/c.pt"
    assert (own / "said.txt").read_text() == ""
    assert own == outputs / "01_question"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("encodr", "laion"), "01_question has no parameter 'encodr'; its parameters are profile, encoder"),
        (("profile", "paper"), "the parameter 'profile' is set by --profile"),
    ],
)
def test_a_parameter_that_the_notebook_does_not_have_is_refused_before_anything_runs(
    outputs, tmp_path, capsys, given, message
):
    source = notebook(tmp_path, SAY, parameters=TWO)
    assert runner.main([str(source), "--profile", "smoke", "--parameter", *given]) == 1
    assert message in capsys.readouterr().err
    assert not outputs.exists()


def test_an_executor_that_cannot_be_is_refused_before_anything_runs(outputs, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("EMOCAST_EXECUTOR", "dask")
    monkeypatch.setenv("EMOCAST_SCHEDULER", "tcp://host")
    assert runner.main([str(notebook(tmp_path)), "--profile", "smoke"]) == 1
    assert "EXECUTOR=dask needs SCHEDULER=tcp://host:port" in capsys.readouterr().err
    assert not outputs.exists()

"""In a notebook a reader's mistake is one line, and a fault of the code is every frame."""

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from emocast import errors, labels, profile, sample
from emocast.corpora.table import CorpusError


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell(colors="nocolor")
    errors.plainly(shell)
    return shell


def printed(shell, capsys, source):
    capsys.readouterr()
    result = shell.run_cell(source)
    return result, capsys.readouterr().out.strip()


def test_what_the_library_refuses_is_one_line(shell, capsys):
    result, out = printed(shell, capsys, "from emocast import profile\nprofile.load('dmeo')")
    assert out.startswith("ProfileError: no profile 'dmeo': choose one of") and "\n" not in out
    assert isinstance(result.error_in_exec, profile.ProfileError), (
        "papermill and JupyterLab must see that the cell failed"
    )


def test_every_frame_is_still_there_for_who_asks(shell, capsys):
    printed(shell, capsys, "from emocast import profile\nprofile.load('dmeo')")
    _, out = printed(shell, capsys, "%tb")
    assert "Traceback" in out and "profile.py" in out


@pytest.mark.parametrize(
    "source", ["{}['x']", "raise ValueError('of the cell')", "import pandas\npandas.Series([1]).loc[5]", "int('x')"]
)
def test_what_others_raise_has_its_frames(shell, capsys, source):
    _, out = printed(shell, capsys, source)
    assert "Traceback (most recent call last)" in out


def test_a_fault_of_the_library_has_its_frames(shell, capsys):
    _, out = printed(
        shell, capsys, "from emocast import sample\nsample.undersample(None, classes=['anger'], random_state=0)"
    )
    assert "Traceback (most recent call last)" in out and "sample.py" in out


def caught(function, *arguments, **options):
    with pytest.raises(Exception) as caught:  # whatever it is, it is judged
        function(*arguments, **options)
    return caught.value


def raised(error):
    raise error


def test_which_errors_are_written_for_the_reader(tmp_path):
    rows = pd.Series(["anger"])
    assert errors.is_told(caught(raised, CorpusError("from a worker, far from here")))
    assert errors.is_told(caught(sample.undersampled_positions, rows, classes=["fear"], random_state=0))
    assert errors.is_told(caught(raised, PermissionError(13, "Permission denied", "outputs")))
    assert not errors.is_told(caught(raised, FileNotFoundError(2, "No such file", "x")))
    assert not errors.is_told(caught(labels.ordered, 3))
    assert not errors.is_told(ValueError("never raised"))

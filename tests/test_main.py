"""The command line: each command ends with its status, and an error is one line."""

import subprocess
import sys

import pytest

from emocast_run import __main__ as command


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "place"), [([], "demo"), (["--profile", "smoke", "--corpus", "meld"], "smoke/variants/corpus=meld")]
)
@pytest.mark.parametrize(("there", "said"), [(True, ""), (False, " (no browser was found here: open it by hand)")])
def test_the_page_is_opened_and_named(outputs, monkeypatch, capsys, arguments, place, there, said):
    page, opened = outputs / place / "index.html", []
    page.parent.mkdir(parents=True)
    page.touch()
    monkeypatch.setattr(command.webbrowser, "open", lambda address: opened.append(address) or there)
    assert command.main(["open", *arguments]) == 0
    assert opened == [page.as_uri()]
    assert capsys.readouterr().out == f"  -> {page}{said}\n"


@pytest.mark.parametrize(
    ("arguments", "said"), [([], "index.html: `make reproduce` runs"), (["--profile", "dmeo"], "no profile 'dmeo'")]
)
def test_without_a_page_or_a_profile_it_is_one_line(outputs, capsys, arguments, said):
    assert command.main(["open", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and said in line


@pytest.mark.parametrize("arguments", [["stor"], ["verify", "--all"], ["run"]])
def test_a_command_that_is_not_there_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        command.main(arguments)
    assert raised.value.code == 2
    assert "usage: emocast" in capsys.readouterr().err


def test_without_a_command_the_commands_are_listed(capsys):
    assert command.main([]) == 2
    said = capsys.readouterr().err
    assert all(f"\n    {name} " in said or f"\n    {name}\n" in said for name in ("forecast", "open", "verify", "run"))


def test_a_stopped_command_says_what_is_kept(monkeypatch, capsys):
    def stop(options):
        raise KeyboardInterrupt("all is kept")

    monkeypatch.setitem(command._COMMANDS, "open", (stop, "stop"))
    assert command.main(["open"]) == 130
    assert capsys.readouterr().err == "stopped; all is kept\n"


def test_it_runs_as_a_module_and_imports_no_torch_for_its_help():
    run = [sys.executable, "-X", "importtime", "-m", "emocast_run", "--help"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "usage: emocast" in done.stdout
    assert "torch" not in {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

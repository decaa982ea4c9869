"""`python -m emocast open`: the page of the run that is asked for, or where it is."""

import pytest

from emocast import __main__ as command
from emocast import browse


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
    monkeypatch.setattr(browse.webbrowser, "open", lambda address: opened.append(address) or there)
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

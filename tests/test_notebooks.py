"""The notebooks: how they are written, and one run of all of them from end to end through make."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import small_published
from emocast import paths

NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
FORECASTING = ["03_embedding_extraction", "04_forecasting_fcdnn", "05_time_shift_sweep", "07_is_it_forecasting"]
MAKEFILE = (paths.ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_the_houses_habits(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1, "papermill overrides nothing without one cell tagged parameters"
    given = set(re.findall(r"^(\w+) = ", tagged[0].source, re.MULTILINE))
    assert "profile" in given and ("corpus" in given) == (path.stem in FORECASTING)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.cells[0].source.splitlines()[0].endswith("?") or "embedding" in path.stem
    for cell in notebook.cells:
        heads = [line for line in cell.source.splitlines() if line.startswith("# ")]
        assert cell.cell_type == "code" or len(heads) == (cell is notebook.cells[0]), "one title, in the first cell"
    for cell in code:
        assert not cell.outputs and cell.execution_count is None, "outputs are stored"
        assert len(cell.source.splitlines()) <= 25, cell.source
        assert not re.search(r"^\s*[!%]", cell.source, re.MULTILINE), cell.source
        assert not re.search(r"^\s*(del |(import|from) emocast_(run|twins))", cell.source, re.MULTILINE), cell.source


def test_make_runs_every_notebook():
    listed = re.search(r"^NOTEBOOKS := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)[1].replace("\\", " ").split()
    assert listed == [path.stem for path in NOTEBOOKS]


def make(*arguments, **environment):
    command = ["make", "--no-print-directory", *arguments]
    options = {"cwd": paths.ROOT, "env": {**os.environ, **environment}, "capture_output": True, "text": True}
    return subprocess.run(command, check=False, **options)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """All notebooks in the smoke profile, in folders of their own; gives the variables for make and the outputs."""
    if not (paths.ROOT / ".venv").is_dir() and not os.environ.get("CONDA_PREFIX"):
        pytest.skip("make has no environment here; `make test` makes one")
    folder = tmp_path_factory.mktemp("smoke")
    variables = ["PROFILE=smoke", f"DATA={folder}/data", f"OUTPUTS={folder}/outputs"]
    done = make("-j2", "reproduce", *variables)  # side by side, which also shows that the DAG says all that is needed
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return variables, folder / "outputs" / "smoke"


def test_every_notebook_runs_and_keeps_what_it_names(smoke):
    _, outputs = smoke
    for path in NOTEBOOKS:
        folder = outputs / path.stem
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["figures"], f"{path.stem} draws nothing"
        for figure in manifest["figures"]:
            assert (folder / f"{figure['name']}.png").stat().st_size > 5_000
            assert (folder / f"{figure['name']}.svg").stat().st_size > 1_000
            assert len(figure["caption"]) > 20
        for table in manifest["tables"]:
            pd.read_csv(folder / f"{table['name']}.csv")
        assert (folder / f"{path.stem}.html").is_file()


#: Columns that hold a score of the kind, its difference from another, or an end of its interval.
SCORES = re.compile(
    "accuracy|uar|f1|precision|recall|score|^reference|difference|gain|cv_|exact|blocks|persistence|value"
)

#: Scores of one class, of few utterances or of the difference of few trainings: two kinds of processor moved them so far.
FEW = {"classification_report": 0.1, "table_5_5": 0.1, "lost": 0.1, "second_objective": 0.2, "taken_for": 0.25}


def loosest(folder):
    """The tables of a notebook's folder with a score of which `make verify` allows more than README says, and how far."""
    for table in json.loads((folder / "manifest.json").read_text())["tables"]:
        numbers = pd.read_csv(folder / f"{table['name']}.csv").select_dtypes("number")
        scores = [column for column in numbers if SCORES.search(column)]
        for column in scores + [end for end in ("low", "high") if scores and end in numbers]:
            alike = [name for name in scores if name.startswith("cv_") == column.startswith("cv_")]  # of one unit
            rules, largest = table.get("tolerance", {}).get(column, 0), numbers[alike].abs().max().max()
            for rule in rules.values() if isinstance(rules, dict) else [rules]:
                pair = rule if isinstance(rule, list) else [0.0 if isinstance(rule, str) else rule or 0.0, 0.0]
                if max(pair[0], pair[1] * largest) > (5 if largest > 2 else FEW.get(table["name"], 0.05)):
                    yield f"{folder.name}/{table['name']} {column}: {pair}"


def test_no_score_of_another_machine_may_be_more_than_five_points_away(smoke):
    """As README says of `make verify`."""
    _, outputs = smoke
    assert [said for path in NOTEBOOKS for said in loosest(outputs / path.stem)] == []


def test_the_site_links_only_what_is_there(smoke):
    _, outputs = smoke
    pages = [*outputs.glob("*.html"), *outputs.glob("[0-9]*/*.html")]
    assert len(pages) == 5 + len(NOTEBOOKS) + len(list(outputs.glob("model_*.html")))
    for page in pages:
        links = set(re.findall(r'(?:href|src)="([^"#]+)', page.read_text(encoding="utf-8")))
        inside = {link for link in links if not re.match("(https?|data):", link)}
        assert len(inside) > 10 and not [link for link in inside if not (page.parent / link).is_file()]


def test_a_second_run_starts_nothing_nor_does_one_after_a_mended_sentence(smoke):
    variables, _ = smoke
    again = make("reproduce", *variables)
    assert again.returncode == 0
    assert "papermill" not in again.stdout + again.stderr
    assert "smoke:" not in again.stdout
    assert again.stdout.strip().endswith("smoke/index.html")
    for module in ("audit", "notebook"):  # as an editor or git does that writes the same, or another docstring
        (paths.ROOT / "lib" / "emocast" / f"{module}.py").touch()
    assert "smoke:" not in make("reproduce", *variables).stdout


@pytest.mark.slow
def test_a_deleted_twin_is_made_again_alone(smoke):
    variables, _ = smoke
    twin = Path(variables[1].removeprefix("DATA=")) / "smoke" / "EmoDB"
    shutil.rmtree(twin)
    again = make("reproduce", *variables)
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    assert (twin / "synthetic.json").is_file()
    assert re.findall("^smoke: synthetic (.+)$", again.stdout, re.MULTILINE) == ["EmoDB"]
    ran = set(re.findall(r"^smoke: (\d\d_.+)$", again.stdout, re.MULTILINE))
    assert ran == {"06_cross_lingual_ser", "09_across_corpora"}, "models are there"


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_tables(smoke, tmp_path):
    """Notebook 05 is killed in the middle of its sweep, then made again."""
    variables, outputs = smoke
    copy = tmp_path / "outputs"
    shutil.copytree(outputs, copy / "smoke", ignore=shutil.ignore_patterns(".cache"))
    shutil.rmtree(copy / "smoke" / "05_time_shift_sweep")
    variables = [*variables[:2], f"OUTPUTS={copy}"]
    target = copy / "smoke" / "05_time_shift_sweep"
    command = ["make", "--no-print-directory", "reproduce", *variables]
    said = tmp_path / "said"  # a file and no pipe, which what the killed process leaves behind would hold open
    with said.open("w") as file:
        options = {"stdout": file, "stderr": subprocess.STDOUT, "start_new_session": True}
        process = subprocess.Popen(command, cwd=paths.ROOT, **options)
    kept, deadline = copy / "smoke" / ".cache", time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and len(list(kept.rglob("*.pkl"))) < 3:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(60) != 0
    assert not target.exists()
    done = make("reproduce", *variables)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for table in sorted(outputs.glob("05_time_shift_sweep/*.csv")):
        assert (target / table.name).read_bytes() == table.read_bytes(), f"{table.name} differs"


def test_help_explains_every_target():
    said = make("help").stdout
    for target in re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split():
        assert f"make {target} " in said


def test_a_profile_that_is_not_there_gives_one_clear_error():
    done = make("reproduce", "PROFILE=nowhere.yaml")
    assert done.returncode != 0
    assert "no profile nowhere.yaml: PROFILE is one of demo, " in done.stderr
    assert "Traceback" not in done.stderr


def test_another_python_gives_one_clear_error(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.18 && exit\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["sh", ".ci/venv", str(tmp_path / "venv")], cwd=paths.ROOT, env={**os.environ, "PYTHON": str(old)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Emocast needs Python 3.10, 3.11 or 3.12; found Python 3.9.18" in done.stderr
    assert not (tmp_path / "venv").exists()


PUBLISHED = """
extends: paper
title: the paper's profile on copies in the official layout, in little time
windows: {shifts_s: [0, 10, 20]}
embeddings:  # the CLAP models are as large as the published ones; notebook 02 has a test of its own with them
  block_shifts_s: [0]
  compared:
    - handcrafted
    - wav2vec2:speechbrain/emotion-recognition-wav2vec2-IEMOCAP
    - transformers:facebook/wav2vec2-base
    - transformers:microsoft/wavlm-base-plus@6
    - transformers:openai/whisper-base
fcdnn: {epochs: 2}
ser: {epochs: 1, batch_size: 16, crop_s: 2.0, repeats: 2, held_out: [Ses05], balanced_draws: 20, screened: 12, jobs: 2}
contrastive:
  models: {transformers: "transformers:laion/clap-htsat-unfused"}
  model: transformers
  events: 20
  permutations: 5
  clusters: [2, 4]
claims: {permutations: 99, search: {settings: 3, space: {epochs: [1, 2], hidden_units: [64, 530]}}}
intervals: {draws: 50}
"""


@pytest.mark.slow
def test_the_papers_profile_runs_on_copies_in_the_official_layout(smoke, tmp_path):
    """The twins stand where licensed corpora would, small checkpoints of the official formats where published ones would."""
    data = tmp_path / "data"
    data.mkdir()
    for corpus in (Path(smoke[0][1].removeprefix("DATA=")) / "smoke").iterdir():
        if (corpus / "synthetic.json").is_file() and corpus.name != "LibriSpeech":
            (data / corpus.name).symlink_to(corpus)
    small_published.checkpoints(data / "checkpoints", made=tmp_path.parent)
    (tmp_path / "published.yaml").write_text(PUBLISHED)
    variables = [f"PROFILE={tmp_path}/published.yaml", f"DATA={data}", f"OUTPUTS={tmp_path}/outputs"]
    done = make("-j2", "reproduce", *variables, HF_HOME=str(tmp_path / "empty"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "corpora and checkpoints that it names are there" in done.stdout
    outputs = tmp_path / "outputs" / "published"
    for path in NOTEBOOKS:
        assert (outputs / path.stem / f"{path.stem}.html").is_file(), f"{path.stem} did not run"
    encoders = pd.read_csv(outputs / "03_embedding_extraction" / "encoders.csv", keep_default_na=False)
    assert set(encoders["problem"]) == {""}, "an encoder was left out"
    assert "Not run" not in (outputs / "index.html").read_text()


@pytest.mark.slow
def test_without_the_corpora_the_run_says_what_it_lacks_and_does_the_rest(tmp_path):
    done = make("reproduce", "PROFILE=paper", f"DATA={tmp_path}/data", f"OUTPUTS={tmp_path}/out", HF_HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    first = done.stdout.index("paper: 01_dataset_audit")
    for needed in ("no IEMOCAP under", "put hyperparams.yaml, wav2vec2.ckpt, model.ckpt, label_encoder.txt into"):
        assert done.stdout.index(needed) < first, "what is missing is said before anything runs"
    page = (tmp_path / "out" / "paper" / "index.html").read_text()
    for path in NOTEBOOKS:
        ran = (tmp_path / "out" / "paper" / path.stem / f"{path.stem}.html").is_file()
        assert ran == (path.stem == "01_dataset_audit")
        assert ran or f"<strong>{path.stem}</strong>" in page


@pytest.mark.slow
def test_the_forecasting_notebooks_run_on_meld(smoke):
    variables, outputs = smoke
    done = make("reproduce", *variables, "CORPUS=meld")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    beside = outputs / "variants" / "corpus=meld"
    assert sorted(path.parent.name for path in beside.glob("*/manifest.json")) == FORECASTING
    filters = pd.read_csv(beside / "03_embedding_extraction" / "filters.csv")
    own = pd.read_csv(outputs / "03_embedding_extraction" / "filters.csv")
    assert filters["rows"].iloc[0] != own["rows"].iloc[0] and filters["rows"].iloc[-1] > 0
    assert "a quick check that everything runs, on MELD" in (beside / "index.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_may_be_run_twice(smoke, tmp_path, path):
    variables, outputs = smoke
    tables = {table: table.read_bytes() for table in sorted((outputs / path.stem).glob("*.csv"))}
    notebook = nbformat.read(path, as_version=4)
    twice = []
    for cell in notebook.cells:
        again = cell.cell_type == "code" and not cell.metadata.get("tags")  # parameters are set behind their cell
        twice += [cell, nbformat.v4.new_code_cell(cell.source)] if again else [cell]
    notebook.cells = twice
    nbformat.write(notebook, tmp_path / path.name)
    folders = {f"EMOCAST_{name}": value for name, value in (variable.split("=") for variable in variables[1:])}
    command = [sys.executable, "-m", "emocast_run", "run", str(tmp_path / path.name), "--profile", "smoke"]
    done = subprocess.run(command, env={**os.environ, **folders}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    timed = {"encoders.csv", "blocks_cost.csv", "training_log.csv"}  # they hold seconds
    differ = [table.name for table, kept in tables.items() if table.name not in timed and table.read_bytes() != kept]
    assert not differ


@pytest.mark.slow
def test_another_length_of_windows_is_one_line_of_a_profile(tmp_path):
    """And no title, sentence or table speaks of the published ten seconds then."""
    (tmp_path / "six.yaml").write_text("extends: smoke\ntitle: windows of six seconds\nwindows: {length_s: 6}\n")
    variables = [f"PROFILE={tmp_path}/six.yaml", f"DATA={tmp_path}/data", f"OUTPUTS={tmp_path}/outputs"]
    done = make("-j2", "reproduce", *variables)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    stale = {}
    for manifest in sorted((tmp_path / "outputs" / "six").glob("0*/manifest.json")):
        text = manifest.read_text(encoding="utf-8")
        text += "".join(table.read_text(encoding="utf-8") for table in manifest.parent.glob("*.csv"))
        text += "".join(figure.read_text(encoding="utf-8") for figure in manifest.parent.glob("*.svg"))
        stale[manifest.parent.name] = re.findall(r".{40}(?:\b10 s (?:of|before)|ten seconds).{20}", text)
    assert not {name: found for name, found in stale.items() if found}

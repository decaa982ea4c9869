"""A run that is not as its reference is told so: what moved, by how much, what is missing; and nothing else is."""

import json
import shutil

import pandas as pd
import pytest
from PIL import Image

from emocast import paths, verify

FILTERS = "filter,rows\nutterances,1733\nevents,1211\n"
OVERVIEW = "what,hours\ntalk,0.123456\n"
SCORES = """\
task,series,n_test,cv_mean,test_accuracy
2 classes,"own, random",91,76.1682,0.67033
4 classes,"own, random",168,40,0.5
"""
LOG = "model,epoch,loss,seconds\nclassification,1,1.14675,8.36\nclassification,2,0.9,8\n"
TABLES = {
    "01_dataset_audit/filters": FILTERS,
    "01_dataset_audit/overview": OVERVIEW,
    "04_forecasting_fcdnn/scores": SCORES,
    "06_cross_lingual_ser/training_log": LOG,
}


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """A run of the demo and its reference, both the same."""
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(paths, "REFERENCE", tmp_path / "reference")
    reference, run = tmp_path / "reference" / "demo", tmp_path / "outputs" / "demo"
    for name, text in TABLES.items():
        path = reference / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    Image.new("RGB", (8, 8)).save(reference / "01_dataset_audit" / "sizes.png")
    shutil.copytree(reference, run)
    (run / "models").mkdir()
    return run, reference


def change(run, name, old, new):
    path = run / f"{name}.csv"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def failing(run, reference, **options):
    return [str(finding) for finding in verify.compare(run, reference, **options) if finding.fails]


def test_a_run_is_like_itself(folders, capsys):
    assert verify.compare(*folders) == []
    assert verify.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("verified")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("01_dataset_audit/overview", "0.123456", "0.123457", "[talk] hours: 0.123456 -> 0.123457 (+1e-06, allowed 0)"),
        ("01_dataset_audit/filters", "1211", "1210", "[events] rows: 1211 -> 1210 (-1, allowed 0)"),
        ("01_dataset_audit/filters", "events", "event", "filters.csv [events] filter: 'events' -> 'event'"),
        ("04_forecasting_fcdnn/scores", "0.67033", "0.4", "[2 classes, own, random] test_accuracy: 0.67033 -> 0.4 (-0.27"),
        ("04_forecasting_fcdnn/scores", ",91,", ",90,", "[2 classes, own, random] n_test: 91 -> 90"),
        ("04_forecasting_fcdnn/scores", "76.1682", "", "text: 04_forecasting_fcdnn/scores.csv [2 classes, own"),
        ("04_forecasting_fcdnn/scores", "76.1682", "nan", "cv_mean: 76.1682 -> nan"),
        ("06_cross_lingual_ser/training_log", "1.14675", "1.9", "[classification, epoch 1] loss: 1.14675 -> 1.9"),
    ],
)  # fmt: skip
def test_what_moved_too_far_is_named_with_both_numbers(folders, capsys, name, old, new, said):
    change(folders[0], name, old, new)
    assert verify.main(["--profile", "demo"]) == 1
    out = capsys.readouterr().out
    assert said in out and out.splitlines()[-1] == "failed: 1 thing is not as in the reference"


def test_what_a_network_decides_may_move_by_the_stated_points(folders, capsys):
    change(folders[0], "04_forecasting_fcdnn/scores", "0.67033", "0.692308")
    change(folders[0], "04_forecasting_fcdnn/scores", "76.1682", "74.9")
    change(folders[0], "06_cross_lingual_ser/training_log", "8.36", "103.2")
    assert verify.main([]) == 0
    out = capsys.readouterr().out
    assert "moved within tolerance, the farthest first: 2" in out and "seconds" not in out
    assert len(failing(*folders, exact=True)) == 2


def test_a_column_that_moved_as_a_whole_is_named_though_each_of_its_numbers_may_move_so_far(folders):
    def write(folder, *scores):
        lines = [f"set {row},{score}" for row, score in enumerate(scores)]
        (folder / "06_cross_lingual_ser" / "scores.csv").write_text("\n".join(["test_set,accuracy", *lines, ""]))

    write(folders[1], 0.5, 0.6, 0.7, 0.6)
    write(folders[0], 0.5, 0.49, 0.8, 0.6)
    assert failing(*folders) == []
    write(folders[0], 0.4, 0.49, 0.6, 0.5)
    (said,) = failing(*folders)
    assert said.startswith("drift: 06_cross_lingual_ser/scores.csv accuracy: half of the 4 rows moved by 5")
    assert len(failing(*folders, exact=True)) == 4


def test_another_way_to_write_a_number_is_no_difference(folders):
    change(folders[0], "01_dataset_audit/filters", "1211", "1211.0")
    assert verify.compare(*folders) == []


@pytest.mark.parametrize("name", ["01_dataset_audit/sizes.png", "04_forecasting_fcdnn/scores.csv"])
def test_a_missing_file_is_named(folders, capsys, name):
    (folders[0] / name).unlink()
    assert verify.main([]) == 1
    what = "figure" if name.endswith("png") else "table"
    assert f"missing {what}: {name}" in capsys.readouterr().out


def test_a_missing_notebook_is_named_with_the_reason_why_it_was_skipped(folders, capsys):
    shutil.rmtree(folders[0] / "06_cross_lingual_ser")
    verify.requirements.note_skipped(folders[0], "06_cross_lingual_ser", ["no IEMOCAP here"])
    assert verify.main([]) == 1
    out = capsys.readouterr().out
    assert "missing notebook: 06_cross_lingual_ser" in out and "06_cross_lingual_ser: no IEMOCAP here" in out


@pytest.mark.parametrize("name", ["sizes.svg", "sizes.png", "more.svg"])
@pytest.mark.parametrize("cut", [False, True])
def test_each_picture_that_a_manifest_lists_is_there_and_whole(folders, name, cut):
    run = folders[0] / "01_dataset_audit"
    (run / "manifest.json").write_text(json.dumps({"tables": [], "figures": [{"name": "sizes"}, {"name": "more"}]}))
    shutil.copy(run / "sizes.png", run / "more.png")
    for picture in ("sizes.svg", "more.svg"):
        (run / picture).write_text("<svg>\n</svg>\n")
    assert failing(*folders) == []
    if cut:
        (run / name).write_bytes((run / name).read_bytes()[:5])
    else:
        (run / name).unlink()
    (said,) = failing(*folders)
    assert said.startswith(f"{'unreadable' if cut else 'missing'} figure: 01_dataset_audit/{name}")


def test_tables_of_somebodys_own_recording_are_told_and_not_compared(folders, capsys):
    change(folders[0], "01_dataset_audit/overview", "0.123456", "7")
    own = {"tables": [{"name": "overview"}], "figures": [], "private": {"why": "your own", "names": ["overview"]}}
    (folders[0] / "01_dataset_audit" / "manifest.json").write_text(json.dumps(own))
    assert verify.main([]) == 0
    assert "private table: 01_dataset_audit/overview.csv" in capsys.readouterr().out


def test_what_no_manifest_names_is_not_new(folders):
    run = folders[0] / "01_dataset_audit"
    (run / "manifest.json").write_text('{"tables": [{"name": "more"}], "figures": []}')
    for name in ("more", "by_the_way"):
        shutil.copy(run / "overview.csv", run / f"{name}.csv")
    assert [found.where for found in verify.compare(*folders) if found.kind == "new table"] == [
        "01_dataset_audit/more.csv"
    ]


def test_what_is_new_is_told_and_no_fault(folders, capsys):
    (folders[0] / "07_more").mkdir()
    shutil.copy(folders[0] / "01_dataset_audit" / "sizes.png", folders[0] / "01_dataset_audit" / "more.png")
    change(folders[0], "01_dataset_audit/overview", "what,hours\ntalk,0.123456", "what,hours,more\ntalk,0.123456,2")
    assert verify.main([]) == 0
    out = capsys.readouterr().out
    for line in ("new notebook: 07_more", "new figure: 01_dataset_audit/more.png", "overview.csv more"):
        assert line in out


def test_rows_and_columns_that_are_gone_are_named(folders):
    (folders[0] / "01_dataset_audit" / "filters.csv").write_text("filter,rows\nutterances,1733\n")
    change(folders[0], "04_forecasting_fcdnn/scores", "cv_mean", "mean")
    assert failing(*folders) == [
        "rows: 01_dataset_audit/filters.csv: '2 rows' -> '1 rows'",
        "missing column: 04_forecasting_fcdnn/scores.csv cv_mean",
    ]


def test_a_table_of_which_nothing_is_compared_may_have_other_rows(folders):
    run, reference = folders
    for folder, bins in ((reference, "3,0.4"), (run, "3,0.4\n4,0.5")):
        path = folder / "07_is_it_forecasting" / "reliability_as_trained.csv"
        path.parent.mkdir()
        path.write_text(f"bin,accuracy\n{bins}\n")
    assert failing(run, reference) == []


def test_damaged_files_are_named(folders):
    (folders[0] / "01_dataset_audit" / "filters.csv").write_bytes(b"")
    (folders[0] / "01_dataset_audit" / "sizes.png").write_bytes(b"\x89PNG")
    kinds = [finding.kind for finding in verify.compare(*folders)]
    assert kinds == ["unreadable table", "unreadable figure"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "smoke"], "no reference in"),
        (["--profile", "dmeo"], "no profile 'dmeo'"),
    ],
)
def test_nothing_to_compare_is_one_clear_line(folders, capsys, arguments, said):
    assert verify.main(arguments) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ") and said in err and len(err.splitlines()) == 1


def test_no_run_says_what_makes_it(folders, capsys):
    shutil.rmtree(folders[0])
    assert verify.main([]) == 1
    assert "`make reproduce PROFILE=demo` makes it" in capsys.readouterr().err


def test_all_differences_go_into_a_file_and_few_lines_to_the_screen(folders, capsys, tmp_path):
    change(folders[0], "01_dataset_audit/filters", "1733", "1")
    change(folders[0], "01_dataset_audit/filters", "1211", "2")
    assert verify.main(["--lines", "1", "--csv", str(tmp_path / "all.csv")]) == 1
    assert "... and 1 more (--lines 2, --csv FILE)" in capsys.readouterr().out
    written = pd.read_csv(tmp_path / "all.csv")
    assert written["now"].to_list() == [1, 2] and written["fails"].all()

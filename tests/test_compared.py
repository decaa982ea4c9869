"""Published beside reproduced, the README's table and the tracked reference: from what manifests say, and from the tables."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

import reference_site
from emocast import paths, published, settings
from emocast_run import __main__ as command
from emocast_run import site

SCORES = pd.DataFrame(
    {"task": ["2 classes", "2 classes", "3 classes"], "series": ["published", "own", "own"], "test_accuracy": [0.71, 0.6, 0.52],
     "low": [0.62, 0.5, 0.41], "high": [0.8, 0.7, None], "cv_mean": [76.0, 70.0, 60.0], "cv_std": [4.0, 3.0, 2.0],
     "chance": [0.5, 0.5, 1 / 3]}
)  # fmt: skip
KEY = {"experiment": "forecast-{task:.1}-class", "dataset": "IEMOCAP"}
TEST = {"value": "test_accuracy", "interval": ["low", "high"], "by": "dialogue", "chance": "chance", **KEY}


def finished(home, *headlines, table=SCORES, name="04_forecasting_fcdnn", **told):
    """A notebook with one table and its headlines."""
    folder = home / name
    folder.mkdir(parents=True)
    table.to_csv(folder / "scores.csv", index=False, float_format="%.6g")
    tables = [{"name": "scores", "caption": "x", "headline": headlines}]
    (folder / "manifest.json").write_text(json.dumps({"level": 0.95, "tables": tables, "figures": [], **told}))
    return site.read(home)


def lines(home, *headlines, **options):
    (run,) = finished(home, *headlines, **options)
    return run.lines


def test_a_headline_names_rows_and_its_texts_are_filled_in_from_them(tmp_path):
    first, *_, last = lines(tmp_path, {**TEST, "text": "Forecast of {task}, {series}", "note": "by {series}"})
    assert first["text"] == "Forecast of 2 classes, published" and first["note"] == "by published"
    assert (first["reproduced"], first["low"], first["high"], first["chance"]) == (71.0, 62.0, 80.0, 50.0)
    assert first["printed"] == 100 * published.on("IEMOCAP", "forecast-2-class", "test_accuracy")
    assert (first["notebook"], first["from_table"]) == ("04_forecasting_fcdnn", "scores")
    assert last["experiment"] == "forecast-3-class" and math.isnan(last["high"])


def test_a_task_of_other_classes_stands_beside_nothing_that_the_papers_print(tmp_path):
    table = SCORES.assign(experiment=["forecast-2-class", "", "forecast-3-class"])
    first, other, last = lines(tmp_path, {**TEST, "experiment": "{experiment}"}, table=table)
    assert math.isnan(other["printed"]) and other["reproduced"] == 60
    assert (first["printed"], last["printed"]) == (95.14, 80.75)


@pytest.mark.parametrize(
    ("where", "values"),
    [
        ({}, [71, 60, 52]),
        ({"series": "own"}, [60, 52]),
        ({"series": ["published", "own"]}, [71]),
        ({"series": ["nobody's", "own"], "task": "3 classes"}, [52]),
        ({"chance": 0.5}, [71, 60]),
        ({"series": "nobody's"}, []),
    ],
)
def test_of_a_list_the_first_that_is_there_counts(tmp_path, where, values):
    assert [line["reproduced"] for line in lines(tmp_path, {**TEST, "where": where})] == values


def test_several_columns_are_lines_of_their_own_and_what_is_missing_is_none(tmp_path):
    rule = {"value": ["low", "high"], "unit": "percent", "chance": 7, **KEY}
    found = lines(tmp_path, {**rule, "where": {"task": "3 classes"}})
    assert [(line["metric"], line["reproduced"], line["chance"]) for line in found] == [("low", 0.41, 7)]
    assert lines(tmp_path / "more", {**rule, "metric": "cv_mean"})[0]["metric"] == "cv_mean"


def test_intervals_of_what_a_table_keeps(tmp_path):
    folds = {"value": "cv_mean", "unit": "percent", "interval": {"folds": "cv_std", "n": 5}, **KEY}
    mean = lines(tmp_path / "a", folds)[0]
    low, high = stats.t.interval(0.95, 4, loc=76, scale=4 / 2)  # the deviation has the divisor n: / sqrt(n - 1)
    assert (mean["low"], mean["high"]) == pytest.approx((low, high)) and mean["interval_by"] == "the 5 folds"
    errors = pd.DataFrame({"n": [103], "correlation": [0.5], "error_mean": [0.2], "error_std": [1.0]})
    options = {"unit": "same", **KEY, "experiment": "ser-regression"}
    rules = [
        {"value": "correlation", "interval": {"correlation": "n"}},
        {"value": "error_mean", "interval": {"mean": "error_std"}},
    ]
    correlation, mean = lines(tmp_path / "b", *({**rule, **options} for rule in rules), table=errors)
    assert (correlation["low"], correlation["high"]) == pytest.approx((0.3393, 0.6330), abs=1e-3)
    assert mean["high"] - mean["reproduced"] == pytest.approx(1.96 / math.sqrt(103), rel=1e-3)
    report = {"precision": [0.8, 0, 0], "recall": [0.5, 0, None], "f1": [8 / 13, 0, 0], "support": [40, 10, 0]}
    report = pd.DataFrame(report)
    rule = {"value": ["precision", "recall", "f1"], "interval": {"class": "task"}, **KEY, "experiment": "x"}
    found = lines(tmp_path / "c", rule, table=report)
    assert all(line["low"] < line["reproduced"] < line["high"] for line in found[:3])
    recall = 100 * pd.Series(stats.binomtest(20, 40).proportion_ci(method="wilson"))
    assert (found[1]["low"], found[1]["high"]) == pytest.approx(tuple(recall))
    assert math.isnan(found[3]["low"]), "a class that is never named has no precision"
    assert math.isnan(found[6]["low"]) and len(found) == 8, "a class that the test part lacks has no recall"


def beside(home, *headlines, profile_name="demo", skipped=(), **options):
    rows = site.beside_published(finished(home, *headlines, **options), settings.load(profile_name), dict(skipped))
    assert len(rows) == len(published.load())
    keys = rows[["experiment", "metric"]].itertuples(index=False, name=None)
    return {key: row for key, (_, row) in zip(keys, rows.iterrows(), strict=True)}


def test_every_published_number_stands_there_in_its_unit_with_what_the_run_found(tmp_path):
    rows = beside(tmp_path, TEST, {"value": "cv_mean", "unit": "percent", **KEY}, synthetic=["iemocap"])
    accuracy, mean = (rows["forecast-2-class", metric] for metric in ("test_accuracy", "cv_mean"))
    assert (accuracy["reproduced"], accuracy["low"], mean["reproduced"]) == (0.71, 0.62, 76.0)
    assert accuracy["difference"] == pytest.approx(0.71 - accuracy["published"]) and accuracy["unit"] == "fraction"
    assert accuracy["verdict"] == site.SYNTHETIC
    left = rows["ser-classification", "accuracy"]
    assert left["verdict"] == site.NOT_ASKED and math.isnan(left["reproduced"])
    assert left["note"] == "not in this run, on IEMOCAP, divided by random"


def test_on_recordings_the_interval_decides(tmp_path):
    rows = beside(tmp_path, TEST, {"value": "cv_mean", "unit": "percent", **KEY})
    assert rows["forecast-2-class", "test_accuracy"]["verdict"] == site.LOWER
    assert rows["forecast-2-class", "cv_mean"]["verdict"] == site.UNDECIDED
    printed = published.on("IEMOCAP", "forecast-2-class", "test_accuracy")
    for shift, verdict in ((0, site.COMPATIBLE), (0.3, site.HIGHER)):
        moved = SCORES.assign(low=printed + shift - 0.01, high=printed + shift + 0.01)
        rows = beside(tmp_path / verdict, TEST, table=moved)
        assert rows["forecast-2-class", "test_accuracy"]["verdict"] == verdict


def test_what_a_run_cannot_speak_to_says_why(tmp_path):
    rows = beside(tmp_path, {**TEST, "dataset": "MELD"}, skipped={"06_x": ["no IEMOCAP there"]})
    assert {row["verdict"] for row in rows.values()} == {site.NOT_ASKED}
    assert rows["forecast-2-class", "cv_mean"]["note"].endswith("06_x was skipped: no IEMOCAP there")


def test_the_readme_prints_each_line_that_has_words(tmp_path):
    finished(tmp_path, {**TEST, "text": "Forecast, {task}", "where": {"series": "published"}}, TEST)
    more = {"value": "low", "text": "More", "interval": ["low", "high"], "chance": 0.25}
    finished(tmp_path, more, name="06_x", table=SCORES[:1])
    printed = 100 * published.on("IEMOCAP", "forecast-2-class", "test_accuracy")
    assert site.front_page(tmp_path).splitlines()[2:] == [
        f"| Forecast, 2 classes | {printed:.1f} | 71.0 (62.0 to 80.0) | 50.0 |",
        "| More | not asked | 62.0 (62.0 to 80.0) | 25.0 |",
    ]
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{site.BEGIN}| 99.9 |\n{site.END}after\n")
    site.write_readme(readme, tmp_path)
    text = readme.read_text()
    assert "99.9" not in text and "62.0" in text
    assert text.startswith("before\n") and text.endswith(f"{site.END}after\n")


def test_the_readme_prints_tracked_tables_row_for_row(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REFERENCE", tmp_path)
    finished(tmp_path / "demo", {**TEST, "text": "Forecast"})
    kept = {"task": ["2 classes", "3 classes", "3 classes"], "share": [0.9, 0.81, 0.5], "way": ["a", "a", "b"]}
    pd.DataFrame(kept).to_csv(tmp_path / "kept.csv")
    mark = "<!-- table: kept ? way == 'a' | classes = {task} | right = {share:.1%} -->\n"
    before, after = f"{site.BEGIN}{site.END}between\n{mark}", f"{site.END}after\n"
    readme = tmp_path / "README.md"
    readme.write_text(f"{before}| of | old |\n{after}")
    for _ in range(2):  # written, and written again
        site.write_readme(readme, tmp_path / "demo")
        rows = "| classes | right |\n| ---|--- |\n| 2 classes | 90.0% |\n| 3 classes | 81.0% |\n"
        assert readme.read_text().endswith(f"between\n{mark}{rows}{after}")
    with pytest.raises(ValueError, match="no row of the tracked table kept fulfils \"way == 'c'\""):
        site.tracked("kept", "way == 'c'", "classes = {task}")


def test_a_readme_without_the_tables_place_and_a_reference_without_a_headline_are_refused(tmp_path):
    (tmp_path / "README.md").write_text("# Emocast\n")
    with pytest.raises(ValueError, match="has no lines <!-- front page: table -->"):
        site.write_readme(tmp_path / "README.md", tmp_path)
    with pytest.raises(ValueError, match=r"no table in .* has a headline"):
        site.front_page(tmp_path)


def test_each_printed_number_has_its_place_in_the_tracked_reference():
    rows = site.beside_published(site.read(paths.REFERENCE / "demo"), settings.load("demo"), {})
    assert rows["reproduced"].notna().all()
    inside = rows.dropna(subset=["low"])
    assert len(inside) > 60 and inside["reproduced"].between(inside["low"], inside["high"]).all()


ONLY = ["04_forecasting_fcdnn", "08_forecast_a_recording"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(paths, "REFERENCE", tmp_path / "reference")
    original = reference_site.paths.ROOT / "outputs" / "reference"
    monkeypatch.setattr(site, "README", tmp_path / "README.md")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "REFERENCE", original)
        reference_site.finish(tmp_path / "outputs" / "demo", notebooks=ONLY, pages=False)
    return tmp_path / "outputs" / "demo"


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_reference_has_the_tables_as_they_are_small_figures_and_what_the_manifest_says_of_them(home):
    folder = site.write_reference(settings.load("demo"))
    assert folder == paths.REFERENCE / "demo" and [path.name for path in sorted(folder.iterdir())] == ONLY
    for kind in ("csv", "png"):
        there = {path.relative_to(home) for path in home.rglob(f"*.{kind}")}
        assert {path.relative_to(folder) for path in folder.rglob(f"*.{kind}")} == there
    for kept in folder.rglob("*.csv"):
        assert kept.read_bytes() == (home / kept.relative_to(folder)).read_bytes()
    assert max(Image.open(picture).width for picture in folder.rglob("*.png")) <= 900
    told = json.loads((folder / ONLY[0] / "manifest.json").read_text())
    assert told["tables"] and "where" not in told and "seconds" not in told


def test_of_recorded_people_no_figure_with_a_marker_an_utterance_is_kept(home):
    manifest = next(home.glob("08*/manifest.json"))
    told = json.loads(manifest.read_text())
    assert told["synthetic"] and any(figure["name"] == "timeline" for figure in told["figures"])
    assert (site.write_reference(settings.load("demo")) / ONLY[1] / "timeline.png").is_file()
    manifest.write_text(json.dumps({**told, "synthetic": []}))
    folder = site.write_reference(settings.load("demo")) / ONLY[1]
    kept = json.loads((folder / "manifest.json").read_text())["figures"]
    assert not (folder / "timeline.png").exists() and "timeline" not in {figure["name"] for figure in kept}
    assert {path.stem for path in folder.glob("*.png")} == {figure["name"] for figure in kept} != set()


def test_a_rare_colour_stays_itself_in_a_small_figure(home):
    """An emotion's colour in a legend is some pixels among thousands of others."""
    shades = np.random.default_rng(0).integers((180, 100, 0), (256, 200, 60), (500, 900, 3)).astype(np.uint8)
    shades[10:16, 10:16] = yellow = (240, 228, 66)
    figure = next(home.glob("08*/*.png"))
    Image.fromarray(shades).save(figure)
    kept = Image.open(site.write_reference(settings.load("demo")) / figure.relative_to(home)).convert("RGB")
    assert np.abs(np.subtract(kept.getpixel((12, 12)), yellow)).max() <= 20


def test_what_stops_in_the_middle_leaves_the_one_before(home, capsys):
    before = contents(site.write_reference(settings.load("demo")))
    next(home.glob("08*/*.png")).unlink()
    next(home.glob("04*/*.csv")).write_text("another,table\n1,2\n")
    assert command.main(["reference"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and ".png" in line
    assert contents(paths.REFERENCE / "demo") == before
    assert [path.name for path in paths.REFERENCE.iterdir()] == ["demo"]


def test_a_recording_of_ones_own_and_an_empty_run_are_refused(home, capsys):
    manifest = home / ONLY[1] / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "private": {"why": "a recording of your own", "names": ["timeline"]}}))
    assert command.main(["reference"]) == 1
    assert "08_forecast_a_recording shows a recording of your own" in capsys.readouterr().err
    shutil.rmtree(home)
    assert command.main(["reference"]) == 1
    assert "nothing to keep: no notebook has run; `make reproduce PROFILE=demo` does it" in capsys.readouterr().err
    assert not paths.REFERENCE.exists()

"""Published beside reproduced: every row has its place, and verdicts follow from numbers."""

import dataclasses
import math

import pytest

import reference_site
from emocast import profile, published
from emocast.report import compared, finished


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    reference_site.finish(folder, pages=False)
    return folder


@pytest.fixture
def runs(home, monkeypatch, tmp_path):
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path))  # no corpus is there
    return finished.read(home)


def table(runs, name="demo", **options):
    return compared.Comparison(profile.load(name, **options), runs, {}).table()


def test_every_published_row_has_exactly_one_rule():
    known = compared.rules()
    for printed in compared.published_rows():
        rule, _ = compared.rule_of(printed, known)  # raises for none, or more than one
        assert rule.unit in ("percent", "fraction", "same")
    with pytest.raises(ValueError, match="2 rules for the published row preprint"):
        compared.rule_of(compared.published_rows()[0], known + known[:1])
    with pytest.raises(ValueError, match="0 rules"):
        compared.rule_of({**compared.published_rows()[0], "experiment": "another"}, known)


def test_a_whole_run_speaks_to_every_row_and_synthetic_voices_decide_nothing(runs):
    rows = table(runs)
    assert len(rows) == len(published.load()) and rows["reproduced"].notna().all()
    assert set(rows["verdict"]) == {compared.SYNTHETIC}
    assert (rows["reproduced"] - rows["published"] - rows["difference"]).abs().max() < 1e-9
    inside = rows.dropna(subset=["low"])
    assert len(inside) > 60 and (inside["low"] <= inside["reproduced"]).all()
    assert (inside["reproduced"] <= inside["high"]).all()


def test_values_are_those_of_the_tables_in_the_papers_units(runs):
    rows = table(runs).set_index(["experiment", "dataset", "class", "metric"])
    scores = (runs[3].folder / "scores.csv").read_text().splitlines()
    first = dict(
        zip(scores[0].split(","), scores[1].replace('"published settings, random"', "x").split(","), strict=True)
    )
    mean = rows.loc[("forecast-2-class", "IEMOCAP", "", "cv_mean")]
    assert mean["reproduced"] == float(first["cv_mean"]) and mean["unit"] == "percent"
    assert rows.loc[("forecast-2-class", "IEMOCAP", "", "test_accuracy"), "low"] == float(first["test_low"])
    assert rows.loc[("ser-classification", "IEMOCAP", "", "accuracy"), "interval_by"] == "speaker"


def test_on_recordings_the_interval_decides(runs):
    rows = table(runs, "paper")  # the same tables, as if they were of the licensed corpora
    assert set(rows["verdict"]) <= {compared.COMPATIBLE, compared.LOWER, compared.HIGHER, compared.UNDECIDED}
    assert compared.verdict(0.5, low=0.4, high=0.6) == compared.COMPATIBLE
    assert compared.verdict(0.7, low=0.4, high=0.6) == compared.LOWER
    assert compared.verdict(0.3, low=0.4, high=0.6) == compared.HIGHER
    assert compared.verdict(0.3, low=math.nan, high=math.nan) == compared.UNDECIDED
    for row in rows.dropna(subset=["low"]).itertuples():
        assert (row.verdict == compared.COMPATIBLE) == (row.low <= row.published <= row.high)


def test_what_a_run_cannot_speak_to_says_why(runs):
    of_meld = table(runs, corpus="meld")
    preprint = of_meld["source"] == "preprint"
    assert of_meld.loc[preprint, "note"].str.contains("printed for IEMOCAP; this run forecasts on MELD").all()
    assert (of_meld.loc[preprint, "verdict"] == compared.NOT_ASKED).all()
    only = [run for run in runs if run.name != "06_cross_lingual_ser"]
    skipped = {"06_cross_lingual_ser": "no IEMOCAP there"}
    rows = compared.Comparison(profile.load("demo"), only, skipped).table()
    assert (rows.loc[rows["source"] == "thesis", "note"] == "no IEMOCAP there").all()
    assert rows.loc[rows["source"] == "thesis", "reproduced"].isna().all()


def test_another_division_than_the_published_one_is_not_held_against_it(runs, tmp_path):
    (tmp_path / "strict.yaml").write_text("extends: demo\nsplit: {protocol: dialogue}\n")
    rows = table(runs, tmp_path / "strict.yaml").set_index(["experiment", "dataset", "class", "metric"]).sort_index()
    for key in (
        ("forecast-3-class", "IEMOCAP", "sadness", "f1"),
        ("forecast-3-class-shift-0s", "IEMOCAP", "", "cv_mean"),
    ):
        assert rows.loc[key, "note"] == "printed for the random division; this run's is by dialogue"
        assert rows.loc[key, "verdict"] == compared.NOT_ASKED
    assert rows.loc[("forecast-3-class", "IEMOCAP", "", "cv_mean"), "reproduced"] > 0, (
        "computed under the published division, too"
    )


def test_a_shift_or_test_set_that_a_run_lacks_is_named(runs, tmp_path):
    sweep = next(run for run in runs if run.name == "05_time_shift_sweep")
    lines = (sweep.folder / "sweep.csv").read_text().splitlines()
    cut = dataclasses.replace(sweep, folder=tmp_path / sweep.name)
    cut.folder.mkdir()
    (cut.folder / "sweep.csv").write_text("\n".join(line for line in lines if not line.startswith("moving,20,")))
    rows = table([cut]).set_index("experiment")
    assert rows.loc["forecast-3-class-shift-20s", "note"] == "this run has no shift_s 20 in 05_time_shift_sweep/sweep"
    assert rows.loc["forecast-3-class-shift-0s", "reproduced"] > 0

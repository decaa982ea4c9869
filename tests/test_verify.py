"""A run that is not as its reference is told so: what moved, by how much, what is missing; and nothing else is.

How far numbers may move stands in the reference's manifest; a verdict may move where its interval ends near the limit.
"""

import json
import shutil

import pandas as pd
import pytest
from PIL import Image

from emocast import notebook, paths
from emocast_run import __main__ as command
from emocast_run import runner, verify

FILTERS = "filter,rows\nutterances,1733\nevents,1211\n"
OVERVIEW = "what,hours\ntalk,0.123456\n"
SCORES = """\
task,series,n_test,cv_mean,test_accuracy
2 classes,"own, random",91,76.1682,0.67033
4 classes,"own, random",168,40,0.5
"""
LOG = "model,epoch,loss,seconds\nclassification,1,1.14675,8.36\nclassification,2,0.9,8\n"
TABLES = {
    "01_dataset_audit": {"filters": (FILTERS, 0), "overview": (OVERVIEW, 0)},
    "04_forecasting_fcdnn": {"scores": (SCORES, {"cv_*": 10})},
    "06_cross_lingual_ser": {"training_log": (LOG, {"*": (0.2, 0.15)})},
}


def written(folder, tables):
    """A notebook's tables with the manifest that `make reference` keeps of them: name -> (text, tolerance)."""
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for name, (text, tolerance) in tables.items():
        (folder / f"{name}.csv").write_text(text)
        moves = notebook.moving(pd.read_csv(folder / f"{name}.csv"), tolerance)
        told.append({"name": name, "caption": "x", "tolerance": moves})
    pictures = [{"name": path.stem} for path in folder.glob("*.png")]
    (folder / "manifest.json").write_text(json.dumps({"level": 0.95, "tables": told, "figures": pictures}))


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """A run of the demo and its reference, both the same."""
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(paths, "REFERENCE", tmp_path / "reference")
    reference, run = tmp_path / "reference" / "demo", tmp_path / "outputs" / "demo"
    (reference / "01_dataset_audit").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(reference / "01_dataset_audit" / "sizes.png")
    for name, tables in TABLES.items():
        written(reference / name, tables)
    shutil.copytree(reference, run)
    (run / "01_dataset_audit" / "sizes.svg").write_text("<svg>\n</svg>\n")
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
    change(folders[0], "01_dataset_audit/filters", "1211", "1211.0")  # another way to write a number is no difference
    assert verify.compare(*folders) == []
    assert command.main(["verify"]) == 0
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
    assert command.main(["verify", "--profile", "demo"]) == 1
    out = capsys.readouterr().out
    assert said in out and out.splitlines()[-1] == "failed: 1 thing is not as in the reference"


def test_what_a_network_decides_may_move_by_the_stated_points(folders, capsys):
    change(folders[0], "04_forecasting_fcdnn/scores", "0.67033", "0.692308")
    change(folders[0], "04_forecasting_fcdnn/scores", "76.1682", "74.9")
    change(folders[0], "06_cross_lingual_ser/training_log", "8.36", "103.2")
    assert command.main(["verify"]) == 0
    out = capsys.readouterr().out
    assert "moved within tolerance, the farthest first: 2" in out and "seconds" not in out
    assert len(failing(*folders, exact=True)) == 2


def test_a_column_that_moved_as_a_whole_is_named_though_each_of_its_numbers_may_move_so_far(folders):
    def write(folder, *scores):
        lines = "".join(f"set {row},{score}\n" for row, score in enumerate(scores))
        written(folder / "06_cross_lingual_ser", {"scores": (f"test_set,accuracy\n{lines}", None)})

    write(folders[1], 0.5, 0.6, 0.7, 0.6)
    write(folders[0], 0.5, 0.56, 0.73, 0.6)
    assert failing(*folders) == []
    write(folders[0], 0.46, 0.56, 0.66, 0.57)
    (said,) = failing(*folders)
    assert (
        said.startswith("drift: 06_cross_lingual_ser/scores.csv accuracy: ") and "half of 4 rows moved by 80%" in said
    )
    assert len(failing(*folders, exact=True)) == 4


def test_rows_that_no_network_decides_are_exact_beside_others_that_one_does(folders):
    def write(folder, guess, network):
        text = f"model,against,accuracy\nmajority,x,{guess}\nnetwork,x,{network}\n"
        written(folder / "06_cross_lingual_ser", {"scores": (text, {"*": {"maj*": 0, "*": 10}})})

    write(folders[1], 50.5, 60.5)
    write(folders[0], 50.5, 65.5)
    assert failing(*folders) == []
    write(folders[0], 50.4, 65.5)
    (said,) = failing(*folders)
    assert "[majority, x] accuracy: 50.5 -> 50.4" in said and "allowed 0)" in said


def test_the_references_word_counts_and_a_run_that_allows_itself_more_is_not_believed(folders):
    change(folders[0], "01_dataset_audit/overview", "0.123456", "7")
    manifest = folders[0] / "01_dataset_audit" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"tolerance": {}', '"tolerance": {"hours": 10}'))
    assert len(failing(*folders)) == 1
    (folders[1] / "01_dataset_audit" / "manifest.json").unlink()  # the run's own word is all there is
    assert failing(*folders) == []


@pytest.mark.parametrize("damaged", [False, True])
def test_a_table_that_is_missing_or_damaged_is_named(folders, damaged):
    file = folders[0] / "04_forecasting_fcdnn" / "scores.csv"
    file.write_bytes(b"") if damaged else file.unlink()
    (said,) = failing(*folders)
    assert said.startswith(f"{'unreadable' if damaged else 'missing'} table: 04_forecasting_fcdnn/scores.csv")


def test_a_missing_notebook_is_named_with_the_reason_why_it_was_skipped(folders, capsys):
    shutil.rmtree(folders[0] / "06_cross_lingual_ser")
    runner.note_skipped(folders[0], "06_cross_lingual_ser", ["no IEMOCAP here"])
    assert command.main(["verify"]) == 1
    out = capsys.readouterr().out
    assert "missing notebook: 06_cross_lingual_ser" in out and "06_cross_lingual_ser: no IEMOCAP here" in out


@pytest.mark.parametrize("name", ["sizes.svg", "sizes.png", "more.svg"])
@pytest.mark.parametrize("cut", [False, True])
def test_each_picture_that_a_manifest_lists_is_there_and_whole(folders, name, cut):
    run = folders[0] / "01_dataset_audit"
    (run / "manifest.json").write_text(json.dumps({"tables": [], "figures": [{"name": "sizes"}, {"name": "more"}]}))
    for kind in ("png", "svg"):
        shutil.copy(run / f"sizes.{kind}", run / f"more.{kind}")
    assert failing(*folders) == []
    if cut:
        (run / name).write_bytes((run / name).read_bytes()[:5])
    else:
        (run / name).unlink()
    (said,) = failing(*folders)
    assert said.startswith(f"{'unreadable' if cut else 'missing'} figure: 01_dataset_audit/{name}")


def test_tables_of_somebodys_own_recording_are_told_and_not_compared(folders, capsys):
    change(folders[0], "01_dataset_audit/overview", "0.123456", "7")
    own = {
        "tables": [{"name": "overview"}],
        "figures": [{"name": "sizes"}],
        "private": {"why": "your own", "names": ["overview"]},
    }
    (folders[0] / "01_dataset_audit" / "manifest.json").write_text(json.dumps(own))
    assert command.main(["verify"]) == 0
    assert "private table: 01_dataset_audit/overview.csv" in capsys.readouterr().out


def test_what_is_new_is_told_and_no_fault(folders, capsys):
    (folders[0] / "07_more").mkdir()
    run = folders[0] / "01_dataset_audit"
    for kind in ("png", "svg"):
        shutil.copy(run / f"sizes.{kind}", run / f"more.{kind}")
    told = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**told, "figures": [*told["figures"], {"name": "more"}]}))
    change(folders[0], "01_dataset_audit/overview", "what,hours\ntalk,0.123456", "what,hours,more\ntalk,0.123456,2")
    assert command.main(["verify"]) == 0
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
    for folder, bins in zip(folders, ("3,0.4\n4,0.5", "3,0.4"), strict=True):
        written(folder / "07_is_it_forecasting", {"reliability": (f"bin,accuracy\n{bins}\n", {"?*": None})})
    assert failing(*folders) == []


def test_nothing_to_compare_is_one_clear_line(folders, capsys):
    shutil.rmtree(folders[0])
    for profile, said in (("smoke", "no reference in"), ("demo", "`make reproduce PROFILE=demo` makes it")):
        assert command.main(["verify", "--profile", profile]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ") and said in line


WITHIN = "calibration error"
RULES = {
    **dict.fromkeys(("value", "low", "high"), 10),
    **dict.fromkeys(("evidence", "meaning"), "words"),
    "verdict": {WITHIN: "below", "How far ahead it *": "as It *", "*": "above"},
    "p_holm": None,
}


def claim(low, high, *, measure="accuracy", limit=0.0, p_holm=None, claim="It forecasts", **other):
    """A row of claims; a verdict and words of its own unless others are given."""
    sign = 1 if low > limit else -1 if high < limit else 0
    sign = (1 if high <= limit else -1 if low > limit else 0) if measure == WITHIN else sign
    sign = sign if p_holm is None or p_holm <= 0.05 else 0
    verdict = {"verdict": {1: "supported", 0: "not shown", -1: "contradicted"}[sign], **other}["verdict"]
    p_value = "" if p_holm is None else f", p = {p_holm:.3f}" if p_holm >= 0.001 else ", p < 0.001"
    value = (low + high) / 2
    words = {"evidence": f"{value:+.1f} points ({low:.1f} to {high:.1f}){p_value}", "meaning": f"Hence {verdict}."}
    numbers = {"value": value, "low": low, "high": high, "limit": limit, "p_holm": p_holm}
    return {"claim": claim, "protocol": "dialogue", "measure": measure, **words, **numbers, **other, "verdict": verdict}


def ahead(value, *, verdict):
    """A row of how far ahead the claim "It forecasts" holds."""
    said = "at no shift" if value is None else f"up to {value} s"
    row = claim(0, 0, claim="How far ahead it forecasts", measure="the longest shift", verdict=verdict)
    return row | {"low": None, "high": None, "evidence": f"{said}; asked at 0, 5 s", "value": value}


@pytest.fixture
def compared(tmp_path):
    """Compare rows, and say which columns are not as they may be."""

    def compare(then, now, *, exact=False, rules=RULES):
        files = [tmp_path / side / "claims.csv" for side in ("reference", "run")]
        for file, rows in zip(files, (then, now), strict=True):
            file.parent.mkdir(exist_ok=True)
            pd.DataFrame(rows).to_csv(file, index=False, float_format="%.6g")
        found = verify.table(files[1], files[0], rules, 0.95, exact=exact)
        return [finding.column for finding in found if finding.fails]

    return compare


@pytest.mark.parametrize(
    ("then", "now", "found"),
    [
        (claim(1, 9), claim(-1, 7), []),
        (claim(5, 13), claim(-1, 7), ["verdict"]),
        (claim(-3, 5), claim(1, 9), []),
        (claim(-5, 3), claim(1, 9), ["verdict"]),
        (claim(-9, 3), claim(-13, -1), []),
        (claim(-5, 5), claim(-11, -1), ["verdict"]),
        (claim(1, 2), claim(-2, -1), []),
        (claim(1, 9), claim(-9, -1), ["verdict"]),
        (claim(35, 43, limit=33.3333), claim(33, 41, limit=33.3333), []),
        (claim(38, 46, limit=33.3333), claim(33, 41, limit=33.3333), ["verdict"]),
        (claim(0, 5.1, measure=WITHIN, limit=5), claim(0, 4.9, measure=WITHIN, limit=5), []),
        (claim(0, 10.1, measure=WITHIN, limit=5), claim(0, 4.9, measure=WITHIN, limit=5), ["verdict"]),
        (claim(6, 14, p_holm=0.02), claim(5, 13, p_holm=0.2), []),
        (claim(6, 14, p_holm=0.002), claim(5, 13, p_holm=0.2), ["verdict"]),
        (claim(-6, 2, p_holm=0.02), claim(1, 9, p_holm=0.002), ["verdict"]),
    ],
)
def test_a_verdict_may_move_where_the_end_that_decides_is_near_the_limit(compared, then, now, found):
    assert compared([then], [now]) == found
    assert compared([then], [then]) == []


@pytest.mark.parametrize("verdict", ["supported", "contradicted", "proved"])
def test_a_verdict_is_what_its_own_numbers_give_however_near_they_are(compared, verdict):
    assert compared([claim(-1, 9)], [claim(-1, 9, verdict=verdict)]) == ["verdict"]
    assert compared([claim(-1, 9, p_holm=0.2)], [claim(1, 9, p_holm=0.2, verdict=verdict)]) == ["verdict"]


def test_an_end_that_stands_on_the_limit_may_be_read_both_ways(compared):
    row = claim(33.3333, 43, limit=33.3333)
    others = [{**row, "verdict": verdict, "meaning": verdict} for verdict in ("supported", "not shown")]
    assert [compared(others, others), compared(others, others[::-1])] == [[], []]
    row = claim(0, 5, measure=WITHIN, limit=5)
    assert compared([row], [{**row, "verdict": "not shown", "meaning": "another"}]) == []


def test_how_far_ahead_may_move_where_the_same_claim_at_the_shortest_shift_may(compared):
    now = [claim(-1, 7), ahead(None, verdict="not shown")]
    assert compared([claim(1, 9), ahead(5, verdict="supported")], now) == []
    assert compared([claim(5, 13), ahead(5, verdict="supported")], now) == ["verdict", "verdict"]
    assert compared([claim(5, 13), ahead(5, verdict="supported")], [claim(5, 13), ahead(0, verdict="supported")]) == []
    lost = compared([claim(5, 13), ahead(5, verdict="supported")], [claim(5, 13), ahead(None, verdict="supported")])
    assert lost == ["evidence", "value"]


def test_words_stay_while_the_verdict_does_and_their_numbers_may_move(compared):
    then = claim(1, 9, p_holm=0.02)
    assert compared([then], [claim(1.2, 9.4, p_holm=0.0004)]) == []
    assert compared([then], [{**then, "meaning": "More."}]) == ["meaning"]
    for said in ("+5.0 points (1.0 to 9.0)", f"{then['evidence']}; against nobody", "much better"):
        assert compared([then], [{**then, "evidence": said}]) == ["evidence"]
    far = ahead(5, verdict="supported")
    near = {**far, "evidence": "at no shift; asked at 0, 5 s"}
    assert compared([claim(5, 13), far], [claim(5, 13), near]) == ["evidence"]


def test_exactly_no_word_may_move(compared):
    found = compared([claim(1, 9)], [claim(-1, 7)], exact=True)
    assert {"verdict", "meaning", "evidence", "value"} <= set(found)
    assert compared([claim(1, 9)], [claim(1, 9)], exact=True) == []


def test_words_that_their_own_row_contradicts_are_told(compared):
    told = {**claim(1, 9), "evidence": "+99.9 points (99.9 to 99.9)"}
    assert compared([claim(1, 9)], [told]) == ["evidence"]
    both = [claim(1, 9), claim(-3, 5)]
    assert compared(both, [claim(1, 9), claim(-3, 5, verdict="supported")]) == ["verdict"]
    without = claim(1, 9)
    del without["verdict"]
    assert compared(both[:1], [without]) == [""]


@pytest.fixture
def copied(tmp_path):
    """Copy one table of the tracked reference into a reference, and, changed, into a run."""

    def copy(name, changed):
        run, reference = tmp_path / "run", tmp_path / "reference"
        tracked = paths.REFERENCE / "demo" / name
        rows = pd.read_csv(f"{tracked}.csv")
        for folder, kept in ((reference, rows), (run, changed(rows.copy()))):
            (folder / name).parent.mkdir(parents=True)
            kept.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
        shutil.copy(tracked.parent / verify.MANIFEST, reference / name.partition("/")[0])
        found = [one for one in verify.compare(run, reference) if one.fails]
        return {one.column for one in found if one.kind not in ("missing table", "missing figure")}

    return copy


def moved(column, by, *models):
    """Move a column: by points in all rows, or in those of some models."""

    def change(table):
        rows = table["model"].str.startswith(models) if models else slice(None)
        table.loc[rows, column] += by
        return table

    return change


def supported(table):
    """A prettier closing table: all is supported, and the numbers say so."""
    return table.assign(verdict="supported", evidence="+9.9 points (5.0 to 14.8), p = 0.001", value=9.9, p_holm=0.001)


@pytest.mark.parametrize(
    ("name", "changed", "columns"),
    [
        ("07_is_it_forecasting/protocols", moved("accuracy", -9, "persistence", "ceiling"), {"accuracy"}),
        ("07_is_it_forecasting/scores", moved("ece", 0.01, "Markov chain", "majority"), {"ece"}),
        ("07_is_it_forecasting/protocols", moved("accuracy", -4, "FC-DNN", "audio", "logistic", "grad"), {"accuracy"}),
        ("07_is_it_forecasting/claims", supported, {"verdict", "evidence", "value"}),
        ("07_is_it_forecasting/claims", lambda table: table.assign(verdict="supported"), {"verdict"}),
        ("08_forecast_a_recording/scores", lambda table: table.assign(answered=0), {"answered"}),
        ("08_forecast_a_recording/answers", lambda table: table.assign(answered=1, unsure=0), {"answered", "unsure"}),
        ("07_is_it_forecasting/skill", moved("persistence", -0.05), {"persistence"}),
        ("07_is_it_forecasting/against_persistence", moved("reference", -0.05), {"reference"}),
        ("07_is_it_forecasting/search", lambda table: table.assign(dropout=0.9), {"dropout"}),
        ("07_is_it_forecasting/learning_curve", moved("train_events", 1), {"train_events"}),
        ("07_is_it_forecasting/meld_protocols", moved("uar", 0.3), {"uar"}),
        ("08_forecast_a_recording/against_truth", lambda table: table.assign(answered=0), {"answered"}),
        ("05_time_shift_sweep/blocks_cost", lambda table: table.assign(value=table["value"] * 1.001), {"value"}),
        ("05_time_shift_sweep/slope", lambda table: table.replace(-0.2, -0.1), {"points_a_second"}),
    ],
)  # fmt: skip
def test_no_result_of_the_tracked_run_may_become_another(copied, name, changed, columns):
    assert copied(name, changed) == columns


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("07_is_it_forecasting/protocols", moved("accuracy", -1.5, "FC-DNN", "audio", "logistic", "gradient")),
        ("07_is_it_forecasting/search", moved("accuracy", 1.5)),
        ("08_forecast_a_recording/scores", moved("answered_accuracy", 0.01)),
    ],
)
def test_what_networks_decide_in_the_tracked_run_may_move_a_little(copied, name, changed):
    assert copied(name, changed) == set()

"""The opening of the site: the fullest figure that a run has, and words that follow from its tables."""

import pandas as pd
import pytest

import reference_site
from emocast import profile
from emocast.report import answer, finished


@pytest.fixture
def home(tmp_path):
    reference_site.finish(tmp_path, notebooks=["04_forecasting_fcdnn", "05_time_shift_sweep"], pages=False)
    for name in ("ladder", "ladder_differences"):  # each test says what there is
        (tmp_path / "05_time_shift_sweep" / f"{name}.csv").unlink(missing_ok=True)
    return tmp_path


def found(home):
    return answer.find(finished.read(home), profile.load("demo"))


def test_without_a_ladder_the_sweep_opens_and_without_both_the_first_accuracy(home):
    sweep = found(home)
    table = pd.read_csv(home / "05_time_shift_sweep" / "sweep.csv").query("event_set == 'fixed'")
    assert sweep.figure["name"] == "sweep" and f"{table['accuracy'].iloc[0]:.0f} % [" in sweep.sentences[0]
    (home / "05_time_shift_sweep" / "sweep.csv").unlink()
    first = found(home)
    assert (first.run.name, first.figure["name"]) == ("04_forecasting_fcdnn", "accuracy")
    assert all("where chance is" in sentence for sentence in first.sentences)
    (home / "04_forecasting_fcdnn" / "accuracy_beside_published.csv").unlink()
    assert found(home) is None


def test_the_ladder_opens_with_the_published_division_beside_an_honest_one():
    rows = [
        (rung, model, shift) for rung in ("random", "purged", "session") for model in ("a", "b") for shift in (0, 20)
    ]
    points = pd.DataFrame(rows, columns=["protocol", "model", "shift_s"])
    points = points.assign(accuracy=range(12), accuracy_low=0, accuracy_high=20)
    told = pd.DataFrame(
        {"model": "a", "baseline": "b", "protocol": ["random", "session"], "verdict": ["above", "open"], "shifts": 2}
    )
    (sentence, terms), scores = answer.OPENINGS[0].say(points, told, profile=profile.load("demo"))
    assert "better than b under random, not told from b under session" in sentence
    assert terms == answer.TERMS
    assert scores.columns.tolist() == ["random division", "session division"]
    assert scores.loc["b", "session division"] == "10 % [0, 20]" and scores.index.name == "right at a shift of 0 s"


def test_claims_stand_there_when_a_notebook_made_them(tmp_path):
    assert answer.claims([]) is None
    run = finished.Finished(tmp_path / "07_is_it_forecasting", {}, None)
    run.folder.mkdir()
    assert answer.claims([run]) is None
    text = "claim,evidence,verdict,meaning,value\nit is above chance,x,supported,,0.5\n"
    (run.folder / "claims.csv").write_text(text)
    assert answer.claims([run]).to_dict("records") == [
        {"claim": "it is above chance", "evidence": "x", "verdict": "supported", "meaning": ""}
    ]

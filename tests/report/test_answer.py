"""The opening of the site: the fullest figure that a run has, and words that follow from its tables."""

import pandas as pd
import pytest

import reference_site
from emocast import profile
from emocast.forecaster import held_out
from emocast.forecasting import rungs
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
        {
            "model": "a",
            "baseline": "b",
            "protocol": ["random", "session"],
            "verdict": ["above", "open"],
            "shifts": 2,
            "n": 9,
        }
    )
    (sentence, terms), scores = answer.OPENINGS[0].say(points, told, profile=profile.load("demo"))
    assert "better than b under random, not shown to differ from b under session" in sentence
    assert terms == answer.TERMS
    assert scores.columns.tolist() == ["random division", "session division"]
    assert scores.loc["b", "session division"] == "10 % [0, 20]" and scores.index.name == "right at a shift of 0 s"


@pytest.mark.parametrize(
    ("low", "reach"),
    [([40, 36, 30], "up to 10 s ahead"), ([40, 30, 36], "up to 0 s ahead"), ([30] * 3, "at no distance")],
)
def test_one_sentence_says_where_the_network_stands(low, reach):
    rows = [(model, shift) for model in ("FC-DNN", "persistence") for shift in (0, 10, 20)]
    points = pd.DataFrame(rows, columns=["model", "shift_s"]).assign(protocol="dialogue", accuracy_high=60.0)
    points["accuracy"], points["accuracy_low"] = [52.0] * 3 + [57.0] * 3, [*low, 50, 45, 40]
    row = {"model": "FC-DNN", "baseline": "persistence", "protocol": "dialogue", "verdict": "open", "shifts": 3, "n": 9}
    sentences, _ = answer.OPENINGS[0].say(points, pd.DataFrame([row]), profile=profile.load("demo"))
    assert sentences[0] == (
        f"In short, with dialogues held apart: the network is above chance {reach}, but is not shown to do better than "
        "repeating the last true emotion."
    )
    assert sentences[1] == (
        f"0 s ahead it is right on 52 % [{low[0]}, 60] of the events, where chance is 33 % and repeating the last true emotion "
        "57 % [50, 60]."
    )


def test_the_better_of_two_persistences_is_named_where_it_was_asked(tmp_path):
    assert answer._against_the_better([]) == []
    run = finished.Finished(tmp_path / "07_is_it_forecasting", {}, None)
    run.folder.mkdir()
    claim = "It beats repeating the last true emotion; held apart:"
    rows = [
        (f"{claim} nothing", "+1 points", "supported", "random"),
        (f"{claim} sessions", "-6 points", "not shown", "session"),
    ]
    table = pd.DataFrame(rows, columns=["claim", "evidence", "verdict", "protocol"])
    table.to_csv(run.folder / "claims.csv", index=False)
    (said,) = answer._against_the_better([run])
    assert said.endswith("the last one in play: -6 points: a gain is not shown.")


def test_what_the_encoder_remembers_is_said(tmp_path, monkeypatch):
    settings = profile.load("demo")
    assert answer._memory(tmp_path, settings) == []
    pd.DataFrame({"utterance": ["u", "v"]}).to_parquet(tmp_path / rungs.FILE)
    told = {"knows": held_out.LABELS, "heard": 1, "events": 2}
    monkeypatch.setattr(held_out, "encoder", lambda _, events: told if list(events) == ["u", "v"] else None)
    (said,) = answer._memory(tmp_path, settings)
    assert said.startswith(
        "The encoder was trained on 1 of the 2 events with their labels: no division takes that back"
    )
    told |= {"knows": held_out.NOTHING}
    assert answer._memory(tmp_path, settings) == []


def test_claims_stand_there_when_a_notebook_made_them(tmp_path):
    assert answer.claims([]) is None
    run = finished.Finished(tmp_path / "07_is_it_forecasting", {}, None)
    run.folder.mkdir()
    assert answer.claims([run]) is None
    text = "claim,evidence,verdict,meaning,shift_s\nit is above chance,x,supported,,0\nHow far ahead it is,y,not shown,,0\n"
    (run.folder / "claims.csv").write_text(text)
    assert answer.claims([run]).to_dict("records") == [
        {"claim": "it is above chance", "evidence": "x; at 0 s", "verdict": "supported", "meaning": ""},
        {"claim": "How far ahead it is", "evidence": "y", "verdict": "not shown", "meaning": ""},
    ]

"""Corpora that are too small, too short or of one kind: one clear line, in our words, before anything is trained."""

import pandas as pd
import pytest

from emocast import encoders, notebook, windows
from emocast.forecasting import crossval, splits

TASK = splits.Split(["anger", "sadness"], "random", folds=5, seed=0)
GROUPED = [name for name in splits.PROTOCOLS if name not in ("random", "purged", "official")]


def talk(n, emotions=("anger", "sadness"), *, dialogues=3):
    """An utterance each 12 s, in turn in each dialogue; a dialogue is also its session, scenario, speaker and part."""
    rows = []
    for event in range(n):
        turn, dialogue = divmod(event, dialogues)
        start = 12.0 * (1 + turn)
        row = {column: f"{column}_{dialogue}" for column in ("session", "scenario", "speaker", "audio")}
        row |= {"utterance": f"u{event}", "dialogue": f"train_dia{dialogue}", "start_s": start, "end_s": start + 1}
        rows.append({**row, "emotion": emotions[event % len(emotions)]})
    return pd.DataFrame(rows)


def refusal(function, *arguments, **options):
    """What is said; an error of another package's words would be shown with all its frames."""
    with pytest.raises(ValueError) as caught:
        function(*arguments, **options)
    assert notebook.is_told(caught.value), caught.value
    return str(caught.value)


def test_a_shift_longer_than_any_dialogue_is_named_with_the_longest():
    said = refusal(windows.sweep, talk(30), [0.0, 500.0], length_s=10.0, guard_s=0.5)
    assert said.startswith("no event has a full window at the shift 500 s: it needs 510.5 s before it")
    assert "latest begins at 120.0 s" in said and "windows.shifts_s" in said


def test_no_event_is_said():
    assert refusal(windows.sweep, talk(4).iloc[:0], [0.0], length_s=10.0).startswith("there is no event")


def test_one_class_names_the_one_that_is_missing():
    said = refusal(crossval.plan, windows.sweep(talk(30, ["anger"]), [0.0], length_s=10.0), TASK)
    assert "no row of the class 'sadness'" in said and "{'anger': 30, 'sadness': 0}" in said


@pytest.mark.parametrize("emotions", [["anger", "sadness"], ["anger"] * 29 + ["sadness"]])
def test_two_events_and_a_class_of_one_cannot_fill_the_folds(emotions):
    n = 2 if len(emotions) == 2 else 30
    said = refusal(crossval.plan, windows.sweep(talk(n, emotions), [0.0], length_s=10.0), TASK)
    assert said == "2 events cannot fill 5 folds; ask for fewer folds"


@pytest.mark.parametrize("protocol", splits.PROTOCOLS)
@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize(("divide", "options"), [(splits.holdout, {"test_fraction": 0.2}), (splits.folds, {})])
def test_what_cannot_be_divided_is_counted_whatever_the_protocol(protocol, n, divide, options):
    few = windows.sweep(talk(6), [0.0], length_s=10.0).iloc[:n]
    assert "cannot be divided: at least 2" in refusal(divide, few, TASK.under(protocol), **options)


@pytest.mark.parametrize("protocol", [name for name in GROUPED if name != "dialogue"])
def test_fewer_events_of_a_class_than_folds_is_said_in_our_words(protocol):
    few = windows.sweep(talk(6, ["anger", "sadness", "neutral"]), [0.0], length_s=10.0)
    said = refusal(splits.folds, few, TASK.under(protocol))
    assert said == "3 folds need a class of as many events, the largest has 2; ask for fewer folds"


@pytest.mark.parametrize("kind", ["wav2vec2", "transformers", "dual"])
def test_a_model_that_an_earlier_notebook_trains_is_not_asked_of_the_reader(kind, monkeypatch, tmp_path):
    for name in ("DATA", "OUTPUTS"):
        monkeypatch.setenv(f"EMOCAST_{name}", str(tmp_path))
    said = refusal(encoders.get, f"{kind}:smoke/models/classification")
    assert said.startswith("no model smoke/models/classification: notebook 06_cross_lingual_ser trains")
    assert (
        "(02_clap_zero_shot the contrastive one)" in said
        and "`make reproduce PROFILE=smoke`" in said
        and "put " not in said
    )

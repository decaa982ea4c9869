"""A profile's models: which they are, that their splits keep their word, and one run of all of them."""

import joblib
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

from emocast import paths, settings
from emocast.corpora.table import CorpusError
from emocast.ser import models, training
from emocast_run.__main__ import main as command
from emocast_twins import sentences
from said import with_values

OWN = """
extends: smoke
ser:
  epochs: 2
  crop_s: 0.5
  repeats: 2
  held_out: [Ses02]
  start:
    epochs: 1
    architecture: {hidden_size: 16, num_attention_heads: 2, intermediate_size: 16}
"""


def test_profiles_ask_for_the_published_split_and_for_sessions(utterances):
    paper, demo = settings.load("paper"), settings.load("demo")
    five_sessions = pd.DataFrame({"session": ["Ses03", "Ses01", None, "Ses05", "Ses02", "Ses04"]}, dtype="string")
    sessions = ["Ses01", "Ses02", "Ses03", "Ses04", "Ses05"]
    asked = [(None, seed) for seed in range(5)] + [(session, seed) for seed, session in enumerate(sessions)]
    assert list(models.plans(paper, five_sessions).values()) == [
        (objective, session, seed) for session, seed in asked for objective in training.OBJECTIVES
    ]
    wanted = models.plans(demo, five_sessions)
    names = ["", "-seed1", "-seed2", *(f"-without-{session}" for session in sessions)]
    assert {name.removeprefix("classification") for name in wanted if name.startswith("classification")} == {*names}
    assert not any(name.startswith("regression-without") for name in wanted), "the demo has not the time"
    assert {models.folder(demo, name) for name in wanted} >= {paths.outputs() / name for name in demo.ser.candidates}
    held_out = with_values(demo, ser=with_values(demo.ser, held_out=["Ses05"]))
    with pytest.raises(ValueError, match=r"ser\.held_out: no session 'Ses05' in the corpus; there are Ses01, Ses02"):
        models.plans(held_out, utterances)


@pytest.mark.parametrize("objective", training.OBJECTIVES)
@pytest.mark.parametrize("held_out", [None, "Ses01", "Ses02"])
def test_each_plans_split_keeps_its_word(utterances, objective, held_out):
    table = training.usable(utterances, objective=objective)
    parts = models.divide(table, settings.load("demo"), models.Plan(objective, held_out, 0))
    proof = models.proof(table, parts)
    assert proof["utterances_shared"] == 0
    assert (proof["speakers_shared"] == 0) == (held_out is not None)
    if held_out is None:
        assert [proof["train"], proof["valid"]] == [int(len(table) * 0.8), int(len(table) * 0.1)]
        other = models.divide(table, settings.load("demo"), models.Plan(objective, None, 1))
        assert not parts.equals(other), "it follows the seed"
    else:
        assert parts.eq("test").equals(table["session"].eq(held_out)), "the session is the test, all of it"
        assert proof[["sessions_shared", "dialogues_shared"]].sum() == 0
        assert set(table.loc[parts.eq("train"), "dialogue"]).isdisjoint(table.loc[parts.eq("valid"), "dialogue"])


@pytest.fixture
def own(tmp_path, monkeypatch, corpus_root):
    """A profile of one's own, which finds the small IEMOCAP below a temporary data folder."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EMOCAST_OUTPUTS", str(tmp_path / "outputs"))
    (tmp_path / "own.yaml").write_text(OWN)
    own = settings.load(str(tmp_path / "own.yaml"))
    own.corpus_root("iemocap").parent.mkdir(parents=True)
    own.corpus_root("iemocap").symlink_to(corpus_root / "IEMOCAP_full_release")
    return own


def test_all_models_of_a_profile_are_trained_once(own):
    home = own.corpus_root("librispeech").parent
    sentences.make(home, "librispeech", sentences.TwinSettings(2, 3), seed=0, processes=2, progress=False)
    get_reusable_executor().shutdown(wait=True)  # workers that other tests left do not know the variables of `own`
    folders = models.train_all(own)
    names = ["classification", "regression", "multiobjective"]
    names += [f"{name}-seed1" for name in names] + ["classification-without-Ses02"]
    assert list(folders) == names
    assert all(folder == models.folder(own, name) for name, folder in folders.items())
    for name, folder in folders.items():
        parts = pd.read_csv(folder / "split.csv")
        fitted = parts[parts["part"].ne("test")]["utterance"].str[:5]
        assert set(fitted) == ({"Ses01"} if "without" in name else {"Ses01", "Ses02"})
    first, second = (pd.read_csv(folders[name] / "split.csv") for name in ("classification", "classification-seed1"))
    assert first["utterance"].equals(second["utterance"]) and not first["part"].equals(second["part"])
    records = written(own)
    assert len(records) == 8 and models.folder(own, "start") / "training.json" in records
    assert len(models.speech(own)) == 6
    models.train_all(own)
    assert written(own) == records, "the second call trains nothing"


def written(own):
    """When each training wrote its record."""
    return {path: path.stat().st_mtime_ns for path in models.folder(own, "").glob("*/training.json")}


def test_sound_to_begin_with_that_is_not_there_is_asked_for(own):
    with pytest.raises(CorpusError, match=r"no sound \(\.flac, \.wav\) below .*smoke/LibriSpeech.*data/README\.md"):
        models.train_all(own)
    assert not models.folder(own, "start").exists()


def test_speakers_left_out_of_single_sentences_validate_on_other_speakers():
    rows = {"speaker": [f"s{n % 6}" for n in range(60)], "dialogue": pd.NA, "session": pd.NA}
    table = pd.DataFrame({"utterance": [f"u{n}" for n in range(60)], **rows}).astype("string")
    parts = models.leave_out(table, ["s0", "s1"], column="speaker", valid_fraction=0.25, seed=0)
    speakers = {part: set(table.loc[parts == part, "speaker"]) for part in training.PARTS}
    assert speakers["test"] == {"s0", "s1"} and len(speakers["valid"]) == 1
    assert speakers["train"] == set(table["speaker"]) - speakers["test"] - speakers["valid"]


def test_splits_that_cannot_be_are_refused(utterances):
    with pytest.raises(ValueError, match="no session 'Ses09' to hold out; there are Ses01, Ses02"):
        models.leave_out(utterances, ["Ses09"], column="session", seed=0)
    with pytest.raises(ValueError, match="no utterance is left for valid"):
        models.at_random(utterances.head(5), seed=0)


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (None, 1, "dmeo"),
        (CorpusError("no sound below data/x"), 1, "error: no sound below data/x"),
        (KeyboardInterrupt(), 130, "the next run"),
    ],
)
def test_what_ends_it_is_told_in_one_line(monkeypatch, capsys, error, status, told):
    def end(profile):
        raise error

    monkeypatch.setattr(models, "train_all", end)
    assert command(["train"] if error else ["train", "--profile", "dmeo"]) == status
    text = capsys.readouterr().err
    assert told in text and text.count("\n") == 1


def test_bars_are_drawn_by_the_processes_that_train(capfd):
    def training(report):
        for done in (1, 2, 3):
            report(done, 3, f"step {done}")

    get_reusable_executor().shutdown(wait=True)  # workers that are there already draw elsewhere
    reports = [models.Bar(name, number) for number, name in enumerate(("one", "two"))]
    joblib.Parallel(n_jobs=2)(joblib.delayed(training)(report) for report in reports)
    lines = capfd.readouterr().err.replace("\r", "\n").splitlines()
    for name in ("one", "two"):
        assert any(line.strip().startswith(f"{name}: 100%") and "3/3" in line and "step 3" in line for line in lines)

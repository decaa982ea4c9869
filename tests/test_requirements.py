"""What is missing is said at once and stops only what cannot do without it."""

import nbformat
import pytest

import emocast_twins
import small_models
from emocast import settings
from emocast_run import __main__ as command
from emocast_run import runner
from emocast_run.runner import NEEDS

OWN = """
extends: paper
synthetic: null
corpora: {iemocap: IEMOCAP_full_release, cremad: CREMA-D, emodb: EmoDB, shemo: ShEMO}
"""


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """Empty folders for data and outputs, no network and no cache of the hub."""
    for name in ("DATA", "OUTPUTS"):
        monkeypatch.setenv(f"EMOCAST_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def own(folders):
    (folders / "own.yaml").write_text(OWN)
    return str(folders / "own.yaml")


def test_all_that_is_missing_stands_in_one_list_with_what_to_do(folders, capsys):
    assert command.main(["needs", "--profile", "paper"]) == 0
    said = capsys.readouterr().out
    paper = settings.load("paper")
    for name in (*paper.corpora, paper.ser.source, *paper.ser.candidates):
        assert f"\n  {name} (" in said
    assert "put hyperparams.yaml, wav2vec2.ckpt, model.ckpt, label_encoder.txt into" in said
    assert "no IEMOCAP under" in said and "data/README.md#iemocap" in said
    waiting = said.splitlines()[-1]
    assert all(name in waiting for name in NEEDS if NEEDS[name]) and "01_dataset_audit" not in waiting


def test_what_a_profile_makes_itself_is_not_asked_for(folders):
    demo = settings.load("demo")
    assert not [need for need in runner.look(demo) if need.role != "for 02 on demand"]
    assert not any(runner.reasons(demo, name) for name in NEEDS)


def test_a_corpus_that_is_there_is_no_longer_missing_and_a_damaged_one_is(folders, own):
    (folders / "data").mkdir()
    small = settings.load(own)
    assert "corpus" in {need.role for need in runner.look(small) if need.problem}
    order = emocast_twins.Order("emodb", folders / "data" / "EmoDB", {"speakers": 2, "utterances": 2})
    emocast_twins.fulfil(order, seed=0, processes=1)
    missing = [need.name for need in runner.look(small, roles=["corpus", "another corpus"]) if need.problem]
    assert missing == ["iemocap", "cremad", "shemo", "meld"]
    for sound in order.folder.rglob("*.wav"):
        sound.write_bytes(b"")
    assert "emodb" in [need.name for need in runner.look(small) if need.problem]


def test_a_checkpoint_that_is_there_is_no_longer_missing(folders, own):
    place = folders / "data" / "checkpoints" / "facebook" / "wav2vec2-base"
    small_models.wav2vec2(place)
    found = {need.name: need.problem for need in runner.look(settings.load(own))}
    assert found["facebook/wav2vec2-base"] == ""
    (place / "config.json").unlink()
    found = {need.name: need.problem for need in runner.look(settings.load(own))}
    assert found["facebook/wav2vec2-base"].startswith("put config.json beside the others into")


def test_a_notebook_needs_all_that_those_before_it_need():
    paper = settings.load("paper")
    for later in ("04_forecasting_fcdnn", "05_time_shift_sweep"):
        assert runner.reasons(paper, later) == runner.reasons(paper, "03_embedding_extraction") != []


def test_with_an_encoder_of_ones_own_the_profiles_is_not_needed(folders, own):
    asked = runner.reasons(settings.load(own), "02_clap_zero_shot")
    assert any("CLAP_weights_2023.pth" in reason and "vocab.json, merges.txt" in reason for reason in asked)
    without = runner.reasons(settings.load(own), "02_clap_zero_shot", parameters=["encoder"])
    assert [reason.partition(":")[0] for reason in without] == ["iemocap"]


def test_a_skipped_notebook_is_noted_and_the_note_goes_when_it_runs(folders, own, capsys, monkeypatch):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell('profile = "demo"', metadata={"tags": ["parameters"]})]
    source = folders / "03_embedding_extraction.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), source)
    assert command.main(["run", str(source), "--profile", own]) == 0
    assert "03_embedding_extraction is skipped: iemocap: no IEMOCAP under" in capsys.readouterr().out
    home = folders / "outputs" / "own"
    ((name, reasons),) = runner.skipped(home).items()
    assert name == "03_embedding_extraction" and len(reasons) == 2
    assert not (home / "03_embedding_extraction").exists()
    monkeypatch.setattr(runner, "look", lambda *_, **__: [])
    assert command.main(["run", str(source), "--profile", own]) == 0
    assert runner.skipped(home) == {}
    assert (home / "03_embedding_extraction" / "03_embedding_extraction.ipynb").is_file()


def test_on_another_corpus_only_its_notebooks_wait(folders, capsys):
    assert command.main(["needs", "--profile", "paper", "--corpus", "meld"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "03_embedding_extraction" in last and "06_cross" not in last and "02_clap" not in last


TABLE = "turn,start,end,emotion\nSes01F_impro01_F000,6,8,neu\n"


def test_features_a_turn_run_what_needs_no_sound(folders, capsys):
    turns = settings.load("turns")
    place = turns.corpus_root()
    assert [need.name for need in runner.look(turns, roles=["encoder"]) if need.problem] == [
        turns.encoder.removeprefix("features:"),
        turns.baseline.removeprefix("features:"),
    ]
    place.mkdir(parents=True)
    for name in (turns.encoder, turns.baseline):
        (place / name.rpartition("/")[2]).write_text("turn,a\nSes01F_impro01_F000,1\n")
    codes = ["ang", "exc", "neu", "sad"] * 700
    lines = [f"Ses0{1 + n % 5}F_impro01_F{n // 5:03},{n},{n + 1},{code}" for n, code in enumerate(codes)]
    (place / "own.csv").write_text("turn,start,end,emotion\n" + "\n".join(lines))
    for name in NEEDS:
        why = runner.reasons(turns, name)
        assert ([] if name in runner.SILENT else ["it needs sound, and the profile's encoder is features a turn"]) == [
            reason for reason in why if "sound" in reason
        ]
        assert bool(why) == (name not in runner.SILENT), why
    assert command.main(["needs", "--profile", "turns"]) == 0
    said = capsys.readouterr().out
    assert "skipped: 08_forecast_a_recording: it needs sound" in said and "wav2vec2-base" not in said


def test_annotation_alone_is_not_enough_for_an_encoder_of_sound(folders, own):
    place = folders / "data" / "IEMOCAP_full_release"
    place.mkdir(parents=True)
    (place / "own.csv").write_text(TABLE)
    paper = settings.load(own)
    for name in NEEDS:
        said = any("'iemocap' is annotation only" in reason for reason in runner.reasons(paper, name))
        assert said == (name not in ("01_dataset_audit", "09_across_corpora")), "09 asks for two corpora, whichever"


def test_a_copy_that_is_too_small_to_be_of_use_is_told_before_anything_runs(folders, own, capsys):
    order = emocast_twins.Order("emodb", folders / "data" / "EmoDB", {"speakers": 2, "utterances": 14})
    emocast_twins.fulfil(order, seed=0, processes=1)
    for sound in sorted(order.folder.rglob("*.wav"))[3:]:
        sound.unlink()
    assert command.main(["needs", "--profile", own]) == 0
    said = capsys.readouterr().out
    assert "unusable: 3 of 28 utterances can be used, fewer than 25%; `make validate ARGS=emodb` says what" in said

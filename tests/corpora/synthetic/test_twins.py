import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast.corpora import emodb
from emocast.corpora.synthetic import Settings, TwinSettings, iemocap, isolated, make, room, twins, voices

SMALL = {"cremad": TwinSettings(2, 13), "emodb": TwinSettings(2, 15), "shemo": TwinSettings(2, 19)}
NAMES = {
    "cremad": r"AudioWAV/10\d\d_[A-Z]{3}_(?P<code>[A-Z]{3})_(LO|MD|HI|XX)\.wav",
    "emodb": r"wav/(03|08|09|1[0-6])[ab]\d\d(?P<code>[WLEAFTN])[a-f]\.wav",
    "shemo": r"(female/F|male/M)\d\d(?P<code>[AFHNSW])\d\d\.wav",
}
THESIS = ("neutral", "anger", "happiness", "sadness")


def _digests(root):
    files = [path for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """One data folder with the three acted twins side by side, made by one process."""
    root = tmp_path_factory.mktemp("twins")
    for name, settings in SMALL.items():
        twins.make(root, name, settings, seed=5, processes=1, progress=False)
    return root


@pytest.fixture(params=SMALL)
def made(request, data):
    return request.param, data / twins.TWINS[request.param].name


def test_two_runs_are_byte_identical_whatever_the_processes(made, tmp_path):
    name, folder = made
    again = twins.make(tmp_path, name, SMALL[name], seed=5, processes=2, progress=False)
    assert _digests(again) == _digests(folder)


def test_a_smaller_twin_is_part_of_the_larger_one(made, tmp_path):
    name, folder = made
    smaller = twins.make(tmp_path, name, TwinSettings(1, 3), seed=5, progress=False)
    audio = {path: digest for path, digest in _digests(smaller).items() if path.endswith(".wav")}
    assert len(audio) == 3
    assert audio.items() <= _digests(folder).items()


def test_names_are_the_releases_and_every_class_is_there(made):
    name, folder = made
    found = [re.fullmatch(NAMES[name], path.relative_to(folder).as_posix()) for path in folder.rglob("*.wav")]
    assert all(found)
    codes = Counter(match["code"] for match in found)
    about = json.loads((folder / "synthetic.json").read_text())
    assert about["synthetic"] is True
    assert about["counts"]["codes"] == codes
    assert about["counts"]["utterances"] == len(found) == SMALL[name].speakers * SMALL[name].utterances
    assert len(codes) == {"cremad": 6, "emodb": 7, "shemo": 6}[name]


def test_every_audio_file_says_that_it_is_synthetic(made):
    name, folder = made
    for path in folder.rglob("*.wav"):
        with soundfile.SoundFile(path) as file:
            assert file.title == f"SYNTHETIC speech, not {folder.name}"
            assert "SYNTHETIC" in file.comment
            assert (file.samplerate, file.channels, file.subtype) == (16000, 1, "PCM_16")
            assert 1 < file.frames / file.samplerate < 12
            assert np.abs(file.read()).max() > 0.01
    assert f"THIS IS NOT {folder.name}" in (folder / "README.txt").read_text()
    assert twins.TWINS[name].url in (folder / "README.txt").read_text()


def test_the_loader_reads_the_twin_of_emodb(data):
    rows = emodb.load(data / "EmoDB")
    truth = pd.read_csv(data / "EmoDB" / "truth.csv").set_index("utterance")
    assert len(rows) == 30
    assert list(rows["emotion"]) == list(truth["emotion"].reindex(rows["utterance"]))
    assert [emodb.SPEAKERS[speaker.name] for speaker in twins.TWINS["emodb"].speakers] == [
        "female" if voice in ("anika", "steph2", "f2", "Annie", "linda") else "male"
        for voice in (speaker.voice.partition("+")[2] for speaker in twins.TWINS["emodb"].speakers)
    ]


def test_the_studio_of_emodb_is_the_quietest(data):
    levels = {}
    for folder in ("CREMA-D", "EmoDB", "ShEMO"):
        starts = [soundfile.read(path)[0][:1000] for path in sorted((data / folder).rglob("*.wav"))]
        levels[folder] = 10 * np.log10(np.mean(np.square(starts)))
    assert levels["EmoDB"] < min(levels["CREMA-D"], levels["ShEMO"]) - 5
    assert max(levels.values()) < room.NOISE_LEVEL


@pytest.mark.parametrize("name", SMALL)
def test_the_default_has_enough_of_the_four_classes(name):
    twin = twins.TWINS[name]
    planned = isolated.plan(twin, twin.default, seed=0)
    emotions = Counter(utterance.part.emotion for utterance in planned)
    assert abs(len(planned) - {"cremad": 400, "emodb": 270, "shemo": 300}[name]) <= 10
    assert min(emotions[emotion] for emotion in THESIS) >= 50
    assert len({utterance.part.file for utterance in planned}) == len(planned)


def test_speakers_and_voices_are_not_those_of_the_conversations():
    heard = {(speaker.voice.partition("+")[2], speaker.pitch) for speaker in voices.SPEAKERS.values()}
    for twin in twins.TWINS.values():
        assert len({speaker.voice for speaker in twin.speakers}) == len(twin.speakers)
        assert not heard & {(speaker.voice.partition("+")[2], speaker.pitch) for speaker in twin.speakers}
    variants = {speaker.voice for speaker in twins.TWINS["cremad"].speakers}
    assert not variants & {speaker.voice for speaker in voices.SPEAKERS.values()}


def test_each_corpus_folder_is_replaced_on_its_own(tmp_path):
    one = TwinSettings(1, 1)
    make(tmp_path, Settings(sessions=1, scenarios=1, turns=(4, 4)), seed=1, progress=False)
    twins.make(tmp_path, "shemo", one, seed=1, progress=False)
    before = _digests(tmp_path / iemocap.RELEASE)
    twins.make(tmp_path, "shemo", one, seed=2, progress=False)
    assert _digests(tmp_path / iemocap.RELEASE) == before
    assert "seed: 2" in (tmp_path / "ShEMO" / "README.txt").read_text()
    (tmp_path / "ShEMO" / "synthetic.json").unlink()
    with pytest.raises(FileExistsError, match="no synthetic corpus"):
        twins.make(tmp_path, "shemo", one, seed=3, progress=False)
    assert "seed: 2" in (tmp_path / "ShEMO" / "README.txt").read_text()


def test_a_killed_run_leaves_nothing_and_the_next_one_cleans_up(tmp_path):
    code = (
        "import sys, pathlib; from emocast.corpora.synthetic import twins; "
        "twins.make(pathlib.Path(sys.argv[1]), 'cremad', seed=1, processes=1, progress=False)"
    )
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=os.environ)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".CREMA-D.making-*/new/**/*.wav")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.kill()
    run.wait()
    assert list(tmp_path.glob(".CREMA-D.making-*"))
    assert not (tmp_path / "CREMA-D").exists()
    twins.make(tmp_path, "cremad", TwinSettings(1, 1), seed=1, progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".CREMA-D.lock", "CREMA-D"]


def test_what_cannot_be_made_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no synthetic twin 'meld'; there are cremad, emodb, shemo, librispeech"):
        twins.make(tmp_path, "meld", seed=0)
    with pytest.raises(ValueError, match="EmoDB: speakers=11: there can be 1 to 10"):
        twins.make(tmp_path, "emodb", TwinSettings(11, 1), seed=0)
    with pytest.raises(ValueError, match="CREMA-D: utterances=0"):
        twins.make(tmp_path, "cremad", TwinSettings(1, 0), seed=0)
    assert not list(tmp_path.iterdir())

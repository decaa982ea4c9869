import re
from pathlib import Path

import espeakng_loader
import pandas as pd
import pytest
import soundfile

from emocast import profile
from emocast.corpora.synthetic import TwinSettings, cremad, engine, isolated, librispeech, script, twins, voices

SIZE = TwinSettings(speakers=3, utterances=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return twins.make(tmp_path_factory.mktemp("read"), "librispeech", SIZE, seed=3, processes=1, progress=False)


def recordings(folder):
    return sorted(folder.rglob("*.flac"))


def test_the_layout_is_librispeechs(folder):
    names = [path.relative_to(folder).as_posix() for path in recordings(folder)]
    assert len(names) == 36
    for name in names:
        speaker, chapter = re.fullmatch(r"train-clean-100/(\d+)/(\d+)/\1-\2-\d{4}\.flac", name).groups()
        assert (folder / "train-clean-100" / speaker / chapter / f"{speaker}-{chapter}.trans.txt").is_file()
    assert [name[-9:-5] for name in names[:12]] == [*(f"{number:04d}" for number in range(10)), "0000", "0001"]


def test_every_recording_has_its_words_in_capitals(folder):
    lines = [line for path in folder.rglob("*.trans.txt") for line in path.read_text().splitlines()]
    words = dict(line.split(" ", 1) for line in lines)
    assert sorted(words) == [path.stem for path in recordings(folder)]
    truth = pd.read_csv(folder / "truth.csv").set_index("utterance")["text"]
    for name, said in words.items():
        assert re.fullmatch(r"[A-Z']+( [A-Z']+)+", said)
        assert said.lower().split() == re.findall(r"[a-z']+", truth[name].lower())


def test_the_list_of_speakers_counts_their_minutes(folder):
    lines = (folder / "SPEAKERS.TXT").read_text().splitlines()
    assert lines[2] == ";ID  |SEX| SUBSET           |MINUTES| NAME"
    rows = [[field.strip() for field in line.split("|")] for line in lines if not line.startswith(";")]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("9901", "F", "train-clean-100"),
        ("9902", "M", "train-clean-100"),
        ("9903", "F", "train-clean-100"),
    ]
    for row in rows:
        seconds = sum(soundfile.info(path).duration for path in folder.glob(f"train-clean-100/{row[0]}/*/*.flac"))
        assert float(row[3]) == pytest.approx(seconds / 60, abs=0.006)


def test_it_says_what_it_is_and_nothing_of_emotion(folder):
    for path in recordings(folder):
        with soundfile.SoundFile(path) as file:
            assert (file.format, file.subtype, file.samplerate, file.channels) == ("FLAC", "PCM_16", 16000, 1)
            assert file.title == "SYNTHETIC speech, not LibriSpeech"
            assert 3 <= file.frames / file.samplerate <= 8
    said = (folder / "README.txt").read_text()
    assert "THIS IS NOT LibriSpeech" in said
    assert "Nobody acts" in said
    assert list(pd.read_csv(folder / "truth.csv").columns) == ["utterance", "text"]


def test_two_runs_are_byte_identical(folder, tmp_path):
    again = twins.make(tmp_path, "librispeech", SIZE, seed=3, processes=2, progress=False)
    for path in recordings(folder):
        assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes()


def test_the_longest_and_shortest_readings_of_the_demo_are_within_3_and_8_s():
    """Longest and shortest by characters over rate, out of the whole plan."""
    size = profile.load("demo").twins["librispeech"]
    planned = isolated.plan(librispeech.TWIN, TwinSettings(**vars(size)), seed=0)
    pace = {one: len(one.part.text) / one.clip.rate for one in planned}
    ends = [max(planned, key=pace.get), min(planned, key=pace.get)]
    lengths = [samples.size / engine.SAMPLE_RATE for samples in engine.speak([one.clip for one in ends], processes=1)]
    assert 3 < lengths[1] < lengths[0] < 8


def test_its_voices_and_words_are_in_no_other_english_corpus():
    others = {speaker.voice.partition("+")[2] for speaker in (*voices.SPEAKERS.values(), *cremad.SPEAKERS)}
    assert not others & {speaker.voice.partition("+")[2] for speaker in librispeech.SPEAKERS}
    assert len({speaker.voice for speaker in librispeech.SPEAKERS}) == len(librispeech.SPEAKERS) == 30
    said = {one.part.text for one in isolated.plan(librispeech.TWIN, TwinSettings(30, 40), seed=0)}
    assert len(said) > 600
    assert not said & {*script.SENTENCES, *cremad.SENTENCES.values()}


def test_the_sexes_are_those_of_espeaks_variants():
    """Some variants of men do not say it; none says the other."""
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    for number, speaker in enumerate(librispeech.SPEAKERS):
        text = (folder / speaker.voice.partition("+")[2]).read_text(errors="replace")
        says = re.search(r"^gender\s+(\w+)", text, re.MULTILINE)
        assert (says[1].lower() if says else "male") == ("female", "male")[number % 2]

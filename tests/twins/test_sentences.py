"""The twins of single sentences: whole to the loaders of the real corpora, the same for a seed, in their layouts."""

import csv
import json
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import corpora, labels
from emocast.corpora import table
from emocast_twins import TwinSettings, conversations, cultures, make_twin, sentences, voices
from emocast_twins.sentences import TWINS, plan

SMALL = {"cremad": TwinSettings(2, 13), "emodb": TwinSettings(2, 15), "shemo": TwinSettings(2, 19)}
NAMES = {
    "cremad": r"AudioWAV/10\d\d_[A-Z]{3}_(?P<code>[A-Z]{3})_(LO|MD|HI|XX)\.wav",
    "emodb": r"wav/(03|08|09|1[0-6])[ab]\d\d(?P<code>[WLEAFTN])[a-f]\.wav",
    "shemo": r"(female/F|male/M)\d\d(?P<code>[AFHNSW])\d\d\.wav",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """One data folder with the three acted twins side by side, made by one process."""
    root = tmp_path_factory.mktemp("twins")
    for name, size in SMALL.items():
        make_twin(root, name, size, seed=5, processes=1, progress=False)
    return root


@pytest.fixture(params=SMALL)
def made(request, data):
    return request.param, data / TWINS[request.param].name


def test_two_runs_are_byte_identical_and_a_smaller_twin_is_part_of_the_larger_one(made, tmp_path, digests):
    name, folder = made
    again = make_twin(tmp_path, name, SMALL[name], seed=5, processes=2, progress=False)
    assert digests(again) == digests(folder)
    smaller = make_twin(tmp_path, name, TwinSettings(1, 3), seed=5, progress=False)  # in the place of the other
    audio = {path: digest for path, digest in digests(smaller).items() if path.endswith(".wav")}
    assert len(audio) == 3 and audio.items() <= digests(folder).items()


def test_names_are_the_releases_every_class_is_there_and_every_file_says_that_it_is_synthetic(made):
    name, folder = made
    found = [re.fullmatch(NAMES[name], path.relative_to(folder).as_posix()) for path in folder.rglob("*.wav")]
    assert all(found)
    codes = Counter(match["code"] for match in found)
    about = json.loads((folder / "synthetic.json").read_text())
    assert about["synthetic"] is True and about["counts"]["codes"] == codes
    assert about["counts"]["utterances"] == len(found) == SMALL[name].speakers * SMALL[name].utterances
    assert len(codes) == {"cremad": 6, "emodb": 7, "shemo": 6}[name]
    for path in folder.rglob("*.wav"):
        with soundfile.SoundFile(path) as file:
            assert file.title == f"SYNTHETIC speech, not {folder.name}" and "SYNTHETIC" in file.comment
            assert (file.samplerate, file.channels, file.subtype) == (16000, 1, "PCM_16")
            assert 1 < file.frames / file.samplerate < 12
            assert np.abs(file.read()).max() > 0.01
    readme = (folder / "README.txt").read_text()
    assert f"THIS IS NOT {folder.name}" in readme and TWINS[name].url in readme


def test_a_twin_is_a_whole_copy_to_the_loader(made):
    name, folder = made
    module = corpora.get(name)
    assert table.is_synthetic(folder) and module.validate(folder).empty
    rows = module.load(folder)
    assert len(rows) == SMALL[name].speakers * SMALL[name].utterances and rows["speaker"].nunique() == 2
    assert set(labels.four_classes(rows["emotion"]).dropna()) == set(labels.FOUR)
    if name != "cremad":  # whose labels are the listeners'
        truth = pd.read_csv(folder / "truth.csv").set_index("utterance")
        assert list(rows["emotion"]) == list(truth["emotion"].reindex(rows["utterance"]))


def test_voices_and_words_are_no_other_corpus_ones():
    for twin in TWINS.values():
        for kind, own in (("voice", twin.speakers), ("name", (*twin.speakers, *voices.SPEAKERS.values()))):
            assert len({getattr(speaker, kind) for speaker in own}) == len(own)
        for speaker in (*twin.speakers, *voices.SPEAKERS.values()):
            voices.check_voice(speaker.voice)
    english = {one.voice.partition("+")[2] for one in (*voices.SPEAKERS.values(), *sentences.CREMAD_SPEAKERS)}
    assert len(english) == 22 and not english & {one.voice.partition("+")[2] for one in sentences.READERS}
    said = {one.part.text for one in plan(TWINS["librispeech"], TwinSettings(30, 40), seed=0)}
    acted = set(sentences.CREMAD_SENTENCES.values())
    assert len(said) > 600 and len(acted) == 12
    assert not said & {*conversations.SENTENCES, *acted} and not acted & set(conversations.SENTENCES)


def test_what_cannot_be_made_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no synthetic twin 'meld'; there are cremad, emodb, shemo, librispeech"):
        make_twin(tmp_path, "meld", TwinSettings(1, 1), seed=0)
    with pytest.raises(ValueError, match="EmoDB: speakers=11: there can be 1 to 10"):
        make_twin(tmp_path, "emodb", TwinSettings(11, 1), seed=0)
    with pytest.raises(ValueError, match="CREMA-D: utterances=0"):
        make_twin(tmp_path, "cremad", TwinSettings(1, 0), seed=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "file", ["SentenceFilenames.csv", "VideoDemographics.csv", "processedResults/summaryTable.csv"]
)
def test_headers_and_quoting_are_those_of_the_real_cremad(data, file, real):
    """A field is quoted in the twin where it is in the corpus; only what nobody saw is NA."""
    theirs, ours = (root.joinpath(file).read_text().splitlines() for root in (real("cremad"), data / "CREMA-D"))
    assert ours[0] == theirs[0]
    quoted = re.sub(r'"[^"]*"', "Q", theirs[1]).split(",")
    for line in ours[1:]:
        fields = re.sub(r'"[^"]*"', "Q", line).split(",")
        assert all((own == "Q") == (field == "Q") for field, own in zip(quoted, fields, strict=True) if own != "NA")


def test_the_tables_of_cremad_list_what_is_there(data):
    folder = data / "CREMA-D"

    def rows(name):
        with (folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    names = sorted(path.stem for path in (folder / "AudioWAV").iterdir())
    votes = rows("processedResults/summaryTable.csv")
    assert sorted(row["FileName"] for row in votes) == names
    assert sorted(row["Filename"] for row in rows("SentenceFilenames.csv")) == names
    actors = {row["ActorID"]: row["Sex"] for row in rows("VideoDemographics.csv")}
    assert actors == {"1001": "Male", "1002": "Female"}
    for row in votes:
        levels = row["VoiceLevel"].split(":")
        assert re.fullmatch(r"[ADFHNS](:[ADFHNS])*", row["VoiceVote"])
        assert len(levels) == len(row["VoiceVote"].split(":")) and all(0 < float(level) <= 100 for level in levels)


def test_the_levels_of_cremad_belong_to_one_sentence_and_move_the_intensity():
    planned = plan(TWINS["cremad"], TwinSettings(12, 82), seed=0)
    names = [utterance.name.split("_") for utterance in planned]
    assert all((sentence == "IEO" and code != "NEU") == (level != "XX") for _, sentence, code, level in names)
    strong = {level: [u.delivery.intensity for u in planned if u.name.endswith(level)] for level in ("LO", "HI")}
    assert np.mean(strong["LO"]) < 0.6 * np.mean(strong["HI"])


def _votes(code, count=1500):
    """Votes on clips whose intensity varies as that of the deliveries."""
    rng = np.random.default_rng(2)
    shape = 1 / voices.INTENSITY_SPREAD**2
    return [cultures.vote(code, min(max(rng.gamma(shape, 1 / shape), 0.2), 2.0), rng) for _ in range(count)]


@pytest.mark.parametrize("code", cultures.CODES)
def test_votes_follow_the_confusion(code):
    """Shares of single votes; clipping at strong intensities moves them by up to four percentage points."""
    counts = np.sum([vote.counts for vote in _votes(code)], axis=0)
    expected = cultures.CONFUSION[cultures.CODES.index(code)]
    np.testing.assert_allclose(counts / counts.sum(), expected, atol=0.05)
    np.testing.assert_allclose(cultures.shares(code, 1.0), expected)
    np.testing.assert_allclose([expected.sum(), cultures.shares(code, 3.0).sum()], 1.0)


def test_the_confusion_is_counted_in_the_real_votes(real):
    votes = pd.read_csv(real("cremad") / "processedResults" / "tabulatedVotes.csv", index_col=0)
    voice = votes[votes.index < 200_000]
    counts = voice.groupby(voice["fileName"].str.slice(9, 12))[list(cultures.LETTERS)].sum()
    assert counts.to_numpy().sum() == 68_568
    shares = counts.div(counts.sum(axis=1), axis=0).loc[list(cultures.CODES)]
    np.testing.assert_allclose(shares, cultures.CONFUSION, atol=6e-4)


def test_winning_votes_are_as_often_each_emotions_as_in_the_real_table(real):
    rows = pd.read_csv(real("cremad") / "processedResults" / "summaryTable.csv", dtype=str)
    for code in cultures.CODES:
        theirs = rows.loc[rows["FileName"].str.slice(9, 12) == code, "VoiceVote"]
        ours = pd.Series([vote.letters for vote in _votes(code)])
        theirs, ours = (
            won.where(won.str.len() == 1, "tie").value_counts(normalize=True).reindex([*cultures.LETTERS, "tie"])
            for won in (theirs, ours)
        )
        np.testing.assert_allclose(ours.fillna(0), theirs.fillna(0), atol=0.06)


def test_ties_name_all_winners_with_a_level_each_and_a_strong_clip_is_recognised_more_often():
    ties = [vote for code in cultures.CODES for vote in _votes(code, 100) if ":" in vote.letters]
    assert ties
    for vote in ties:
        counts = dict(zip(cultures.LETTERS, vote.counts, strict=True))
        most = [letter for letter in cultures.LETTERS if counts[letter] == max(counts.values())]
        assert vote.letters == ":".join(most) and len(vote.level.split(":")) == len(most)
        assert len({len(level.partition(".")[2]) for level in vote.level.split(":")}) == 1
    won = []
    for intensity in (0.4, 1.0, 1.8):
        rng = np.random.default_rng(1)
        won.append(sum(cultures.vote("ANG", intensity, rng).letters == "A" for _ in range(200)))
    assert won == sorted(set(won))


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A LibriSpeech of three readers."""
    size = TwinSettings(speakers=3, utterances=12)
    return make_twin(tmp_path_factory.mktemp("read"), "librispeech", size, seed=3, processes=1, progress=False)


def test_read_speech_is_in_librispeechs_layout_with_its_words_in_capitals(read):
    recordings = sorted(read.rglob("*.flac"))
    assert len(recordings) == 36
    for path in recordings:
        name = path.relative_to(read).as_posix()
        speaker, chapter = re.fullmatch(r"train-clean-100/(\d+)/(\d+)/\1-\2-\d{4}\.flac", name).groups()
        assert (path.parent / f"{speaker}-{chapter}.trans.txt").is_file()
        with soundfile.SoundFile(path) as file:
            assert (file.format, file.subtype, file.samplerate, file.channels) == ("FLAC", "PCM_16", 16000, 1)
            assert file.title == "SYNTHETIC speech, not LibriSpeech"
            assert 3 <= file.frames / file.samplerate <= 8
    assert [path.stem[-4:] for path in recordings[:12]] == [*(f"{number:04d}" for number in range(10)), "0000", "0001"]
    lines = [line for path in read.rglob("*.trans.txt") for line in path.read_text().splitlines()]
    words = dict(line.split(" ", 1) for line in lines)
    assert sorted(words) == [path.stem for path in recordings]
    truth = pd.read_csv(read / "truth.csv").set_index("utterance")
    assert list(truth.columns) == ["text"] and "Nobody acts" in (read / "README.txt").read_text()
    rows = [line.split("|") for line in (read / "SPEAKERS.TXT").read_text().splitlines()[3:]]
    assert [[field.strip() for field in row[:2]] for row in rows] == [["9901", "F"], ["9902", "M"], ["9903", "F"]]
    seconds = sum(soundfile.info(path).duration for path in recordings)
    assert sum(float(row[3]) for row in rows) == pytest.approx(seconds / 60, abs=0.02)
    for name, said in words.items():
        assert re.fullmatch(r"[A-Z']+( [A-Z']+)+", said)
        assert said.lower().split() == re.findall(r"[a-z']+", truth["text"][name].lower())

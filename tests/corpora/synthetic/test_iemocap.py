import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast.corpora.synthetic import iemocap, raters

LABEL = re.compile(
    r"^\[(?P<start>\d+\.\d{4}) - (?P<end>\d+\.\d{4})\]\t(?P<utterance>Ses0\d[FM]_\w+_[FM]\d{3})\t(?P<code>[a-z]{3})"
    r"\t\[(\d\.\d{4}), (\d\.\d{4}), (\d\.\d{4})\]$"
)
CATEGORY = re.compile(
    r"^C-E[234]:\t(Neutral|Anger|Happiness|Excited|Sadness|Frustration|Fear|Surprise|Disgust|Other);\t\(\)$"
)
SCORE = re.compile(r"^A-E[34]:\tval ([1-5]); act ([1-5]); dom  ([1-5]);\t\(\)$")
WORDS = re.compile(r"^(?P<utterance>\w+) \[(?P<start>\d{3}\.\d{4})-(?P<end>\d{3}\.\d{4})\]: (?P<text>[A-Z].+\.)$")


@pytest.fixture(scope="module")
def release(corpus) -> Path:
    return corpus / "IEMOCAP_full_release"


def _labels(release):
    """Parse the label lines: (path of the dialogue's audio, match)."""
    for path in sorted(release.glob("Session*/dialog/EmoEvaluation/*.txt")):
        audio = path.parents[1] / "wav" / f"{path.stem}.wav"
        for line in path.read_text().splitlines():
            if line.startswith("["):
                yield audio, LABEL.match(line)


def test_the_layout_is_the_releases(release):
    for session, names in ((1, ["Ses01F_impro01", "Ses01M_script01_1"]), (2, ["Ses02F_script01_1", "Ses02M_impro01"])):
        folder = release / f"Session{session}"
        for kind, suffix in (("wav", "wav"), ("EmoEvaluation", "txt"), ("transcriptions", "txt")):
            assert sorted(p.name for p in (folder / "dialog" / kind).iterdir()) == [f"{n}.{suffix}" for n in names]
        assert sorted(p.name for p in (folder / "sentences" / "wav").iterdir()) == names
    assert {p.name for p in release.iterdir()} == {"README.txt", "Session1", "Session2", "synthetic.json", "truth.csv"}


def test_every_line_of_the_evaluations_parses(release):
    for path in release.glob("Session*/dialog/EmoEvaluation/*.txt"):
        header, blank, *body = path.read_text().split("\n")
        assert header == "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"
        assert blank == ""
        blocks = "\n".join(body).strip("\n").split("\n\n")
        assert 5 <= len(blocks) <= 7
        for block in blocks:
            label, *rest = block.split("\n")
            assert LABEL.match(label)
            assert [bool(CATEGORY.match(line)) for line in rest] == [True] * 3 + [False] * 2
            assert [bool(SCORE.match(line)) for line in rest] == [False] * 3 + [True] * 2


def test_labels_are_the_majority_and_attributes_the_mean(release):
    codes = {iemocap.WORDS[name]: iemocap.CODES[name] for name in iemocap.WORDS}
    for path in release.glob("Session*/dialog/EmoEvaluation/*.txt"):
        for block in path.read_text().split("\n\n")[1:-1]:
            lines = block.split("\n")
            said = [codes[CATEGORY.match(line)[1]] for line in lines[1:4]]
            scores = np.array([SCORE.match(line).groups() for line in lines[4:]], dtype=float)
            label = LABEL.match(lines[0])
            assert said.count(label["code"]) >= 2 or (label["code"] == "xxx" and len(set(said)) == 3)
            np.testing.assert_allclose([float(label[n]) for n in (5, 6, 7)], scores.mean(axis=0))


def test_label_times_lie_within_the_audio_in_order(release):
    for audio in release.glob("Session*/dialog/wav/*.wav"):
        spans = [(float(m["start"]), float(m["end"])) for path, m in _labels(release) if path == audio]
        starts, ends = zip(*spans, strict=True)
        length = soundfile.info(audio).duration
        assert list(starts) == sorted(starts)
        assert all(start < end for start, end in spans)
        assert starts[0] >= 1.0
        assert length - 1.5 <= max(ends) <= length


def test_sentences_are_the_speakers_channel_of_the_dialogue(release):
    for audio, match in _labels(release):
        recording, rate = soundfile.read(audio, dtype="int16")
        start, end = (round(float(match[key]) * rate) for key in ("start", "end"))
        channel = 0 if match["utterance"].split("_")[-1].startswith("F") else 1
        sentence = audio.parents[2] / "sentences" / "wav" / audio.stem / f"{match['utterance']}.wav"
        samples, sentence_rate = soundfile.read(sentence, dtype="int16")
        assert rate == sentence_rate == 16000
        np.testing.assert_array_equal(samples, recording[start:end, channel])


def test_the_own_microphone_is_the_louder_one_for_most_turns(release):
    louder = []
    for audio, match in _labels(release):
        recording, rate = soundfile.read(audio)
        power = (recording[round(float(match["start"]) * rate) : round(float(match["end"]) * rate)] ** 2).mean(axis=0)
        own = 0 if match["utterance"].split("_")[-1].startswith("F") else 1
        louder.append(power[own] > power[1 - own])
    assert np.mean(louder) > 0.9


def test_transcriptions_have_the_times_of_the_labels(release):
    labels = {m["utterance"]: (float(m["start"]), float(m["end"])) for _, m in _labels(release)}
    texts = {}
    for path in release.glob("Session*/dialog/transcriptions/*.txt"):
        for line in path.read_text().splitlines():
            match = WORDS.match(line)
            texts[match["utterance"]] = match["text"]
            assert labels[match["utterance"]] == (float(match["start"]), float(match["end"]))
    assert texts.keys() == labels.keys()


def test_scripted_words_are_the_same_in_both_sessions(release):
    def words(name):
        lines = next(release.glob(f"Session*/dialog/transcriptions/{name}.txt")).read_text().splitlines()
        return [WORDS.match(line)["text"] for line in lines][:5]

    assert words("Ses01M_script01_1") == words("Ses02F_script01_1")
    assert words("Ses01F_impro01") != words("Ses02M_impro01")


def test_every_audio_file_says_that_it_is_synthetic(release):
    paths = list(release.rglob("*.wav"))
    for path in paths:
        with soundfile.SoundFile(path) as file:
            assert "SYNTHETIC" in file.title
            assert "SYNTHETIC" in file.comment
            assert (file.samplerate, file.subtype) == (16000, "PCM_16")
            assert file.channels == (2 if path.parent.parent.name == "dialog" else 1)
    assert len(paths) > 20


def test_the_corpus_says_what_it_is(release):
    readme = (release / "README.txt").read_text()
    assert "THIS IS NOT IEMOCAP" in readme
    assert "seed: 7" in readme
    about = json.loads((release / "synthetic.json").read_text())
    truth = pd.read_csv(release / "truth.csv")
    codes = pd.Series([match["code"] for _, match in _labels(release)]).value_counts().to_dict()
    assert about["counts"]["codes"] == codes
    assert len(truth) == sum(about["counts"]["utterances"].values())
    assert (about["seed"], about["counts"]["dialogues"]) == (7, 4)
    assert about["settings"] == {"sessions": 2, "scenarios": 2, "turns": [5, 7]}
    labels = {match["utterance"]: match["code"] for _, match in _labels(release)}
    assert dict(zip(truth["utterance"], truth["gold"].map(iemocap.CODES), strict=True)) == labels


def test_codes_cover_every_gold_label():
    assert set(iemocap.CODES) == set(raters.GOLD)
    assert set(iemocap.WORDS) == set(raters.CATEGORIES)

"""The conversations: planned alike for a seed, the same bytes, and in the formats of IEMOCAP's release."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast_twins import Settings, conversations, make, meld, process
from emocast_twins.conversations import plan

SMALL = Settings(sessions=1, scenarios=1, turns=(5, 5))
LABEL = re.compile(
    r"^\[(?P<start>\d+\.\d{4}) - (?P<end>\d+\.\d{4})\]\t(?P<utterance>Ses0\d[FM]_\w+_[FM]\d{3})\t(?P<code>[a-z]{3})"
    r"\t\[(\d\.\d{4}), (\d\.\d{4}), (\d\.\d{4})\]$"
)
CATEGORY = re.compile(
    r"^C-E[234]:\t(Neutral|Anger|Happiness|Excited|Sadness|Frustration|Fear|Surprise|Disgust|Other);\t\(\)$"
)
SCORE = re.compile(r"^A-E[34]:\tval ([1-5]); act ([1-5]); dom  ([1-5]);\t\(\)$")
WORDS = re.compile(r"^(?P<utterance>\w+) \[(?P<start>\d{3}\.\d{4})-(?P<end>\d{3}\.\d{4})\]: (?P<text>[A-Z].*[.?])$")


def test_speakers_take_turns_and_count_their_own():
    planned = plan(2, process.SCENARIOS[0], turns=(60, 60), seed=1)
    letters = [turn.letter for turn in planned.turns]
    assert 0.65 < np.mean([one != two for one, two in pairwise(letters)]) < 0.97  # 0.83
    for letter in "FM":
        numbers = [int(turn.utterance[-3:]) for turn in planned.turns if turn.letter == letter]
        assert numbers == list(range(len(numbers)))
    assert all(turn.utterance.startswith(f"{planned.name}_{turn.letter}") for turn in planned.turns)


def test_a_longer_dialogue_begins_with_the_shorter_one_and_every_turn_has_its_own_chance():
    short, long = (plan(3, process.SCENARIOS[1], turns=(turns, turns), seed=1) for turns in (5, 9))
    assert [turn.clip for turn in long.turns[:5]] == [turn.clip for turn in short.turns]
    asked = [(1, 0, 1), (2, 0, 1), (1, 0, 2)]
    plans = [plan(session, process.SCENARIOS[k], turns=(8, 8), seed=seed) for session, k, seed in asked]
    assert len({turn.clip.seed for planned in plans for turn in planned.turns}) == 24


def test_words_are_fixed_where_a_scenario_is_scripted():
    def said(session, name):
        return [turn.text for turn in plan(session, process.scenario(name), turns=(20, 20), seed=3).turns]

    assert said(1, "script02_1") == said(4, "script02_1") and said(1, "impro02") != said(4, "impro02")
    assert len({*said(1, "script02_1")}) > 15


def test_turns_take_about_as_long_as_is_asked():
    rng = np.random.default_rng(1)
    for seconds in (0.9, 2.0, 3.5, 10.0):
        counts = [len(conversations.words(seconds, rng).split()) for _ in range(200)]
        wanted = (seconds - conversations.BEGINNING_S) * conversations.WORDS_A_SECOND
        assert np.mean(counts) == pytest.approx(wanted, abs=1.0 + 0.05 * wanted)


def test_the_default_corpus_runs_as_iemocap_does():
    turns = [turn for planned in conversations.plans(Settings(), seed=20250131) for turn in planned.turns]
    golds = [turn.rating.gold for turn in turns]
    assert 4_200 <= len(turns) <= 5_400
    assert all(golds.count(label) > 250 for label in ("neutral", "anger", "excitement", "sadness", "frustration"))
    assert 0.2 < golds.count(process.UNDECIDED) / len(turns) < 0.28


@pytest.mark.parametrize("wrong", [{"sessions": 6}, {"scenarios": 0}, {"turns": (3, 9)}, {"turns": (9, 5)}])
def test_settings_are_checked(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        Settings(**wrong)
    with pytest.raises(ValueError, match="="):
        meld.Settings(**({"dialogues": 1, "turns": (9, 5)} if "turns" in wrong else {"dialogues": 0, "turns": (4, 4)}))


def test_two_runs_are_byte_identical_whatever_the_processes_and_a_smaller_corpus_is_part(corpus, tmp_path, digests):
    again = make(tmp_path / "again", Settings(2, 2, (5, 7)), seed=7, processes=2, progress=False)
    assert digests(again) == digests(corpus)
    small = make(tmp_path / "small", Settings(sessions=1, scenarios=1, turns=(5, 7)), seed=7, progress=False)
    audio = {path: digest for path, digest in digests(small).items() if path.endswith(".wav")}
    assert len(audio) > 5 and audio.items() <= digests(corpus).items()


def test_another_seed_gives_another_corpus_in_the_older_ones_place(tmp_path, digests):
    root = make(tmp_path / "demo", SMALL, seed=1, progress=False)
    one = set(digests(root).values())
    make(root, SMALL, seed=2, progress=False)
    (root / ".IEMOCAP_full_release.lock").unlink()
    assert not one & set(digests(root).values())
    assert "seed: 2" in (root / "IEMOCAP_full_release" / "README.txt").read_text()


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


def test_the_layout_is_the_releases_and_every_audio_file_says_that_it_is_synthetic(release):
    for session, names in ((1, ["Ses01F_script02_1", "Ses01M_impro02"]), (2, ["Ses02F_impro02", "Ses02M_script02_1"])):
        folder = release / f"Session{session}"
        for kind, suffix in (("wav", "wav"), ("EmoEvaluation", "txt"), ("transcriptions", "txt")):
            assert sorted(p.name for p in (folder / "dialog" / kind).iterdir()) == [f"{n}.{suffix}" for n in names]
        assert sorted(p.name for p in (folder / "sentences" / "wav").iterdir()) == names
    assert {p.name for p in release.iterdir()} == {"README.txt", "Session1", "Session2", "synthetic.json", "truth.csv"}
    for path in release.rglob("*.wav"):
        with soundfile.SoundFile(path) as file:
            assert "SYNTHETIC" in file.title and "SYNTHETIC" in file.comment
            assert (file.samplerate, file.subtype) == (16000, "PCM_16")
            assert file.channels == (2 if path.parent.parent.name == "dialog" else 1)


def test_every_line_parses_labels_are_the_majority_and_attributes_the_mean(release):
    codes = {conversations.WORDS[name]: conversations.CODES[name] for name in conversations.WORDS}
    for path in release.glob("Session*/dialog/EmoEvaluation/*.txt"):
        header, blank, *body = path.read_text().split("\n")
        assert header == "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]" and blank == ""
        blocks = "\n".join(body).strip("\n").split("\n\n")
        assert 5 <= len(blocks) <= 7
        for block in blocks:
            first, *rest = block.split("\n")
            label = LABEL.match(first)
            said = [codes[CATEGORY.match(line)[1]] for line in rest[:3]]
            scores = np.array([SCORE.match(line).groups() for line in rest[3:]], dtype=float)
            assert len(scores) == 2
            assert said.count(label["code"]) >= 2 or (label["code"] == "xxx" and len(set(said)) == 3)
            np.testing.assert_allclose([float(label[n]) for n in (5, 6, 7)], scores.mean(axis=0))


def test_sentences_lie_in_order_in_the_speakers_channel_of_the_dialogue_which_is_the_louder_one(release):
    louder, before = [], {}
    for audio, match in _labels(release):
        recording, rate = soundfile.read(audio, dtype="int16")
        start, end = (round(float(match[key]) * rate) for key in ("start", "end"))
        own = 0 if match["utterance"].split("_")[-1].startswith("F") else 1
        sentence = audio.parents[2] / "sentences" / "wav" / audio.stem / f"{match['utterance']}.wav"
        samples, sentence_rate = soundfile.read(sentence, dtype="int16")
        assert rate == sentence_rate == 16000
        assert max(before.get(audio, 2.0), 2.0) <= start / rate < end / rate <= len(recording) / rate, "in order"
        before[audio] = start / rate
        np.testing.assert_array_equal(samples, recording[start:end, own])
        power = (recording[start:end].astype(float) ** 2).mean(axis=0)
        louder.append(power[own] > power[1 - own])
    assert np.mean(louder) > 0.75, "turns overlap, and the partner may be the louder one"


def test_transcriptions_have_the_times_of_the_labels_and_scripted_words_are_alike(release):
    labels = {m["utterance"]: (float(m["start"]), float(m["end"])) for _, m in _labels(release)}
    words = {}
    for path in release.glob("Session*/dialog/transcriptions/*.txt"):
        matches = [WORDS.match(line) for line in path.read_text().splitlines()]
        words[path.stem] = [match["text"] for match in matches][:5]
        for match in matches:
            assert labels.pop(match["utterance"]) == (float(match["start"]), float(match["end"]))
    assert not labels
    assert words["Ses01F_script02_1"] == words["Ses02M_script02_1"]
    assert words["Ses01M_impro02"] != words["Ses02F_impro02"]


def test_the_corpus_says_what_it_is(release):
    readme = (release / "README.txt").read_text()
    assert "THIS IS NOT IEMOCAP" in readme and "seed: 7" in readme
    about = json.loads((release / "synthetic.json").read_text())
    truth = pd.read_csv(release / "truth.csv")
    labels = {match["utterance"]: match["code"] for _, match in _labels(release)}
    assert about["counts"]["codes"] == pd.Series(labels).value_counts().to_dict()
    assert len(truth) == sum(about["counts"]["utterances"].values())
    assert (about["seed"], about["counts"]["dialogues"]) == (7, 4)
    assert about["settings"] == {"sessions": 2, "scenarios": 2, "turns": [5, 7]}
    assert dict(zip(truth["utterance"], truth["gold"].map(conversations.CODES), strict=True)) == labels

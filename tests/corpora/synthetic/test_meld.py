"""MELD's twin: whole to the loader, the same for a seed, and with the traits of the published files that it claims."""

import itertools
import json
import re
import warnings
from collections import Counter

import av
import numpy as np
import pandas as pd
import pytest

from emocast.corpora import meld as corpus
from emocast.corpora import meld_clips
from emocast.corpora.synthetic import cultures, engine, meld, meld_scenes, meld_sound, meld_video
from emocast.corpora.synthetic.process import STATES

SETTINGS = meld.Settings(dialogues=5, turns=(6, 8))  # of the fixture `meld_twin`


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The same twin, made a second time by one process."""
    return meld.make(tmp_path_factory.mktemp("again"), SETTINGS, seed=7, processes=1, progress=False)


@pytest.fixture(scope="module")
def lines(meld_twin):
    return pd.concat(
        [pd.read_csv(meld_twin / f"{split}_sent_emo.csv").assign(split=split) for split in meld.FOLDERS],
        ignore_index=True,
    )


def clips(root):
    return sorted(path for path in root.rglob("dia*.mp4"))


def test_the_same_seed_gives_the_same_files(meld_twin, again):
    files = {path.relative_to(meld_twin) for path in meld_twin.rglob("*") if path.is_file()}
    assert files == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    assert len([path for path in files if path.suffix == ".mp4"]) > 30
    for path in files:
        assert (meld_twin / path).read_bytes() == (again / path).read_bytes(), path


def test_another_seed_gives_other_words(tmp_path, meld_twin):
    other = meld.make(tmp_path, meld.Settings(1, (4, 4)), seed=8, progress=False)
    words = pd.read_csv(other / "train_sent_emo.csv")["Utterance"]
    assert list(words) != list(pd.read_csv(meld_twin / "train_sent_emo.csv")["Utterance"].head(4))


def test_a_smaller_twin_is_a_part_of_a_larger_one(tmp_path, meld_twin):
    smaller = meld.make(tmp_path, meld.Settings(dialogues=2, turns=(6, 8)), seed=7, progress=False)
    assert len(clips(smaller)) >= 12
    for path in clips(smaller):
        assert path.read_bytes() == (meld_twin / path.relative_to(smaller)).read_bytes()


def test_the_loader_finds_nothing_wrong_and_the_labels_that_were_given(again):
    assert corpus.validate(again).empty
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = corpus.load(again).set_index("utterance")
    truth = pd.read_csv(again / "truth.csv").set_index("utterance")
    assert set(rows.index) == set(truth.index)
    assert list(rows["emotion"]) == [corpus.LABELS[label] for label in truth.loc[rows.index, "label"]]
    assert corpus.is_synthetic(again)


def test_dialogues_of_an_episode_lie_in_several_splits_and_their_numbers_begin_anew(lines):
    dialogues = lines.groupby("split")["Dialogue_ID"].unique().map(list).to_dict()
    assert dialogues == {"train": [0, 1, 2], "dev": [0], "test": [0]}
    assert lines[lines["Episode"] == 1]["split"].nunique() == 3
    assert lines.groupby(["split", "Dialogue_ID"])["Episode"].agg(set).map(len).eq(1).all()
    for _, rows in lines.groupby("split"):
        assert list(rows["Sr No."]) == list(range(1, len(rows) + 1))


def test_scenes_of_an_episode_follow_each_other_on_its_clock(again):
    rows = corpus.annotations(again)
    spans = rows.groupby(["episode", "dialogue"]).agg(begin=("start_s", "min"), end=("end_s", "max"))
    for _, scenes in spans.groupby("episode"):
        scenes = scenes.sort_values("begin")
        assert (scenes["begin"].to_numpy()[1:] - scenes["end"].to_numpy()[:-1] >= meld.BREAK_S[0]).all()
        assert scenes["begin"].iloc[0] >= meld.BREAK_S[0]


def test_every_clip_is_a_small_film_that_says_that_it_is_synthetic(meld_twin):
    for path in clips(meld_twin)[::5]:
        with av.open(str(path)) as container:
            assert "SYNTHETIC" in container.metadata["title"] and "not MELD" in container.metadata["comment"]
            assert len(container.streams.video) == len(container.streams.audio) == 1
            assert container.streams.audio[0].codec_context.name == "aac"
            assert container.streams.video[0].frames >= 1
        assert path.stat().st_size < 200_000
    assert "THIS IS NOT MELD" in (meld_twin / "README.txt").read_text()


def test_a_clip_is_as_long_as_its_label_and_some_run_on(meld_twin, lines):
    longer = []
    for row in corpus.annotations(meld_twin).itertuples():
        path = meld_twin / meld.FOLDERS[row.split] / f"{row.utterance.partition('_')[2]}.mp4"
        longer.append(meld_clips.decode(path).seconds - (row.end_s - row.start_s))
    assert min(longer) > -0.001 and max(longer) < meld.TAIL_S[1] + 0.001
    assert 0 < sum(extra > meld.TAIL_S[0] - 0.01 for extra in longer) < len(longer) / 2
    assert sorted(longer)[len(longer) // 2] < 0.001


def test_what_is_heard_twice_is_the_same_sound(tmp_path):
    """Where two labels overlap, both clips hold the same part of the track."""
    root = meld.make(tmp_path, meld.Settings(dialogues=1, turns=(24, 24)), seed=3, progress=False)
    rows = corpus.annotations(root)
    pairs = [(a, b) for a, b in itertools.pairwise(rows.itertuples()) if b.start_s < a.end_s - 0.2]
    assert pairs
    for first, second in pairs:
        sounds = [
            meld_clips.decode(root / "train_splits" / f"dia0_utt{row.number}.mp4").samples for row in (first, second)
        ]
        length = int((first.end_s - second.start_s) * 16_000)
        offset = round((second.start_s - first.start_s) * 16_000)
        heard = sounds[0][offset : offset + length][800:-800], sounds[1][:length][800:-800]
        assert np.corrcoef(*heard)[0, 1] > 0.9


def test_the_laughter_is_around_the_voices_and_not_in_the_centre():
    scene = meld_scenes.plan(2, turns=(24, 24), seed=1)[1]  # it begins cheerfully
    track = meld_sound.record(scene, list(engine.speak([turn.clip for turn in scene.turns], processes=2)))
    rate = meld_video.SAMPLE_RATE // 1000
    after = next(
        number for number, end in enumerate(track.ends_ms) if track.laughter[end * rate + 240 : end * rate + 480].any()
    )
    left, _, centre, low, *_ = track.cut(track.ends_ms[after], track.ends_ms[after] + 900, layout="5.1")
    assert np.std(left) > 8 * np.std(centre) and not low.any()
    stereo = track.cut(track.ends_ms[after], track.ends_ms[after] + 900, layout="stereo").mean(axis=0)
    assert np.std(stereo) > 4 * np.std(centre)
    spoken = track.cut(track.starts_ms[after], track.ends_ms[after], layout="5.1")
    assert np.std(spoken[2]) > 8 * np.std(spoken[0] - spoken[0].mean())


def test_episodes_have_six_channels_or_two(again):
    corpus.prepare(again, progress=False)
    assert set(corpus.channels(again)["layout"]) == {"5.1", "stereo"}


def test_the_files_to_be_passed_over_are_there(meld_twin):
    names = {path.name for path in (meld_twin / "output_repeated_splits_test").iterdir()}
    assert {"._dia0_utt0.mp4", "final_videos_testdia0_utt0.mp4", "dia0_utt0.mp4"} <= names


def test_what_the_corpus_says_of_itself_is_true(meld_twin, lines):
    about = json.loads((meld_twin / "synthetic.json").read_text())
    assert (about["synthetic"], about["seed"]) == (True, 7)
    assert about["settings"] == {"dialogues": 5, "turns": [6, 8]}
    assert about["counts"]["codes"] == dict(sorted(Counter(lines["Emotion"]).items()))
    assert about["counts"]["utterances"] == dict(sorted(Counter(lines["split"]).items()))
    assert sum(about["counts"]["dialogues"].values()) == 5
    assert lines["StartTime"].map(lambda clock: bool(re.fullmatch(r"00:\d\d:\d\d,\d{3}", clock))).all()
    assert {"joy": "positive", "neutral": "neutral"}.items() <= dict(
        zip(lines["Emotion"], lines["Sentiment"], strict=True)
    ).items()


def test_a_plan_has_all_emotions_and_nobody_speaks_twice_in_a_row():
    scenes = meld_scenes.plan(40, turns=(20, 24), seed=0)
    labels = Counter(turn.label for scene in scenes for turn in scene.turns)
    assert set(labels) == set(meld_scenes.EMOTIONS)
    assert min(labels[name] for name in ("neutral", "joy", "sadness")) > 80
    for scene in scenes:
        who = [turn.speaker.name for turn in scene.turns]
        assert 2 <= len(set(who)) <= 4
        assert all(a != b for a, b in itertools.pairwise(who))
    heard = [turn.label == turn.emotion for scene in scenes for turn in scene.turns]
    assert 0.8 < np.mean(heard) < 0.97


def test_every_state_is_played_in_emotions_that_there_are():
    assert meld_scenes.PLAYED.keys() == set(STATES)
    for shares in meld_scenes.PLAYED.values():
        assert shares.keys() <= meld_scenes.EMOTIONS.keys() and sum(shares.values()) == pytest.approx(1)
    assert set(meld_scenes.EMOTIONS.values()) <= cultures.SHIFTS.keys()
    assert meld_scenes.EMOTIONS == corpus.LABELS
    assert meld.FOLDERS == meld_clips.FOLDERS


@pytest.mark.parametrize(
    ("dialogues", "turns", "said"), [(0, (6, 8), "dialogues=0"), (1, (3, 8), "turns="), (1, (8, 6), "turns=")]
)
def test_a_size_that_cannot_be_is_refused(dialogues, turns, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        meld.Settings(dialogues, turns)


def test_a_copy_of_the_real_corpus_is_left_alone(tmp_path):
    (tmp_path / "MELD.Raw").mkdir()
    (tmp_path / "MELD.Raw" / "train_sent_emo.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="no synthetic corpus"):
        meld.make(tmp_path, meld.Settings(1, (4, 4)), seed=0, progress=False)
    assert (tmp_path / "MELD.Raw" / "train_sent_emo.csv").read_text() == "mine"

"""MELD's twin: whole to the loader, the same for a seed, and with the traits of the published files that it claims."""

import json
import warnings
from collections import Counter

import av
import numpy as np
import pandas as pd
import pytest

from emocast import corpora
from emocast.corpora import meld_sound, table
from emocast.corpora.meld import annotations
from emocast_twins import cultures, meld, voices


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The same twin, made a second time by one process."""
    return meld.make(tmp_path_factory.mktemp("again"), meld.Settings(5, (6, 8)), seed=7, processes=1, progress=False)


@pytest.fixture(scope="module")
def lines(meld_twin):
    return pd.concat(
        [pd.read_csv(meld_twin / f"{split}_sent_emo.csv").assign(split=split) for split in meld.FOLDERS],
        ignore_index=True,
    )


def test_the_same_seed_gives_the_same_files_and_a_smaller_twin_is_a_part(tmp_path, meld_twin, again, digests):
    assert digests(again) == digests(meld_twin)
    smaller = meld.make(tmp_path, meld.Settings(dialogues=2, turns=(6, 8)), seed=7, progress=False)
    films = {path: digest for path, digest in digests(smaller).items() if "/dia" in path}
    assert len(films) >= 12 and films.items() <= digests(meld_twin).items()


def test_the_loader_finds_nothing_wrong_and_the_labels_that_were_given(again):
    assert corpora.get("meld").validate(again).empty
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = corpora.get("meld").load(again).set_index("utterance")
    truth = pd.read_csv(again / "truth.csv").set_index("utterance")
    assert set(rows.index) == set(truth.index)
    assert list(rows["emotion"]) == [meld.EMOTIONS[label] for label in truth.loc[rows.index, "label"]]
    assert table.is_synthetic(again)


def test_dialogues_of_an_episode_lie_in_several_splits_and_their_numbers_begin_anew(lines):
    dialogues = lines.groupby("split")["Dialogue_ID"].unique().map(list).to_dict()
    assert dialogues == {"train": [0, 1, 2], "dev": [0], "test": [0]}
    assert lines[lines["Episode"] == 1]["split"].nunique() == 3
    assert lines.groupby(["split", "Dialogue_ID"])["Episode"].agg(set).map(len).eq(1).all()
    for _, rows in lines.groupby("split"):
        assert list(rows["Sr No."]) == list(range(1, len(rows) + 1))


def test_scenes_of_an_episode_follow_each_other_on_its_clock(again):
    rows = annotations(again)
    spans = rows.groupby(["episode", "dialogue"]).agg(begin=("start_s", "min"), end=("end_s", "max"))
    for _, scenes in spans.groupby("episode"):
        scenes = scenes.sort_values("begin")
        assert (scenes["begin"].to_numpy()[1:] - scenes["end"].to_numpy()[:-1] >= meld.BREAK_S[0]).all()
        assert scenes["begin"].iloc[0] >= meld.BREAK_S[0]


def test_every_clip_is_a_small_film_that_says_that_it_is_synthetic(meld_twin):
    layouts = set()
    for path in sorted(meld_twin.rglob("dia*.mp4")):
        with av.open(str(path)) as container:
            assert "SYNTHETIC" in container.metadata["title"] and "not MELD" in container.metadata["comment"]
            assert len(container.streams.video) == len(container.streams.audio) == 1
            assert container.streams.audio[0].codec_context.name == "aac"
            assert container.streams.video[0].frames >= 1
            layouts.add(container.streams.audio[0].layout.name)
        assert path.stat().st_size < 200_000
    assert "THIS IS NOT MELD" in (meld_twin / "README.txt").read_text()
    assert layouts == {"5.1", "stereo"}
    passed_over = {"._dia0_utt0.mp4", "final_videos_testdia0_utt0.mp4"}
    assert passed_over <= {path.name for path in (meld_twin / "output_repeated_splits_test").iterdir()}


def test_a_clip_is_as_long_as_its_label_and_some_run_on(meld_twin, lines):
    longer = []
    for row in annotations(meld_twin).itertuples():
        path = meld_twin / meld.FOLDERS[row.split] / f"{row.utterance.partition('_')[2]}.mp4"
        longer.append(meld_sound.decode(path).size / 16_000 - (row.end_s - row.start_s))
    assert min(longer) > -0.001 and max(longer) < meld.TAIL_S[1] + 0.001
    assert 0 < sum(extra > meld.TAIL_S[0] - 0.01 for extra in longer) < len(longer) / 2
    assert sorted(longer)[len(longer) // 2] < 0.001


def test_the_laughter_is_around_the_voices_and_not_in_the_centre():
    scene = meld.plan(2, turns=(24, 24), seed=1)[1]  # it begins cheerfully
    track = meld.record(scene, list(voices.speak([turn.clip for turn in scene.turns], processes=2)))
    rate = meld.CLIP_RATE // 1000
    after = next(
        number for number, end in enumerate(track.ends_ms) if track.laughter[end * rate + 240 : end * rate + 480].any()
    )
    left, _, centre, low, *_ = track.cut(track.ends_ms[after], track.ends_ms[after] + 900, layout="5.1")
    assert np.std(left) > 8 * np.std(centre) and not low.any()
    stereo = track.cut(track.ends_ms[after], track.ends_ms[after] + 900, layout="stereo").mean(axis=0)
    assert np.std(stereo) > 4 * np.std(centre)
    spoken = track.cut(track.starts_ms[after], track.ends_ms[after], layout="5.1")
    assert np.std(spoken[2]) > 8 * np.std(spoken[0] - spoken[0].mean())


def test_what_the_corpus_says_of_itself_is_true(meld_twin, lines):
    about = json.loads((meld_twin / "synthetic.json").read_text())
    assert (about["synthetic"], about["seed"]) == (True, 7)
    assert about["settings"] == {"dialogues": 5, "turns": [6, 8]}
    assert about["counts"]["codes"] == dict(sorted(Counter(lines["Emotion"]).items()))
    assert about["counts"]["utterances"] == dict(sorted(Counter(lines["split"]).items()))
    assert sum(about["counts"]["dialogues"].values()) == 5
    assert lines["StartTime"].str.fullmatch(r"00:\d\d:\d\d,\d{3}").all()
    sentiments = dict(zip(lines["Emotion"], lines["Sentiment"], strict=True))
    assert (sentiments["joy"], sentiments["neutral"], sentiments["anger"]) == ("positive", "neutral", "negative")


def test_a_plan_runs_as_meld_does():
    """Targets are those of MELD's label files (see `benchmarks/fit_conversations.py`)."""
    scenes = meld.plan(150, turns=(1, 22), seed=0)
    rows = [(scene.name, turn.speaker.name, turn.label, turn.emotion) for scene in scenes for turn in scene.turns]
    table = pd.DataFrame(rows, columns=["dialogue", "speaker", "label", "played"])
    shares, sizes = table["label"].value_counts(normalize=True), table.groupby("dialogue").size()
    assert set(shares.index) == set(meld.EMOTIONS) and shares["neutral"] == pytest.approx(0.47, abs=0.06)
    own = table.groupby(["dialogue", "speaker"])["label"].shift()
    assert (own == table["label"])[own.notna()].mean() == pytest.approx(0.446, abs=0.05)
    before = table.groupby("dialogue")["label"].shift()
    assert (before == table["label"])[before.notna()].mean() == pytest.approx(0.403, abs=0.05)
    assert sizes.mean() == pytest.approx(9.6, abs=1.2) and sizes.max() <= 22
    friends = table["speaker"].isin([friend.name for friend in meld.FRIENDS]).mean()
    assert friends == pytest.approx(0.83, abs=0.06) and table["speaker"].nunique() == len(meld.SPEAKERS)
    assert 0.8 < (table["label"] == table["played"]).mean() < 0.97


def test_every_emotion_is_played():
    assert meld.SHARES.keys() == meld.EMOTIONS.keys() and sum(meld.SHARES.values()) == pytest.approx(1, abs=0.01)
    assert set(meld.EMOTIONS.values()) <= cultures.SHIFTS.keys()
    assert meld.FOLDERS == meld_sound.FOLDERS

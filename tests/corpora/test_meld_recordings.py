import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast.corpora import meld, meld_recordings, meld_timeline
from emocast.corpora.table import CorpusError


@pytest.fixture
def copy(meld_twin, tmp_path):
    shutil.copytree(meld_twin, tmp_path / "MELD.Raw")
    return tmp_path / "MELD.Raw"


def stamps(copy):
    return {path.name: path.stat().st_mtime_ns for path in (copy / "timelines").glob("*.wav")}


def changed(before, after):
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def test_what_is_up_to_date_is_left_as_it_is(copy):
    assert meld.prepare(copy, jobs=1, progress=False) == copy / "timelines"
    before = stamps(copy)
    assert len(before) == 5
    meld.load(copy)
    assert not changed(before, stamps(copy))


def test_a_recording_is_rendered_anew_when_a_clip_or_a_label_or_the_rules_change(copy, monkeypatch):
    meld.load(copy)
    before = stamps(copy)
    os.utime(copy / "train_splits" / "dia1_utt2.mp4", ns=(1, 1))
    meld.load(copy)
    between = stamps(copy)
    assert changed(before, between) == {"train_dia1.wav"}

    labels = copy / "dev_sent_emo.csv"
    first = meld.annotations(copy).query("utterance == 'dev_dia0_utt0'").iloc[0]
    ends = f"00:{int(first['end_s'] // 60):02d}:{first['end_s'] % 60:06.3f}".replace(".", ",")
    later = f"00:{int(first['end_s'] // 60):02d}:{first['end_s'] % 60 + 0.05:06.3f}".replace(".", ",")
    assert ends in labels.read_text()
    labels.write_text(labels.read_text().replace(ends, later, 1))
    meld.load(copy)
    assert changed(between, stamps(copy)) == {"dev_dia0.wav"}

    before = stamps(copy)
    monkeypatch.setattr(meld_timeline, "VERSION", meld_timeline.VERSION + 1)
    meld.load(copy)
    assert changed(before, stamps(copy)) == before.keys()


@pytest.mark.parametrize("damage", ["cut", "unlink", "record"])
def test_a_recording_that_is_no_longer_whole_is_rendered_anew(copy, damage):
    meld.load(copy)
    recording = copy / "timelines" / "train_dia0.wav"
    content = recording.read_bytes()
    if damage == "cut":
        recording.write_bytes(content[:1000])
    elif damage == "unlink":
        recording.unlink()
    else:
        recording.with_suffix(".json").write_text('{"version"')
    meld.load(copy)
    assert recording.read_bytes() == content


def test_a_run_that_is_killed_between_recording_and_record_is_made_good(copy, monkeypatch):
    """The record comes last: a recording without it is not taken for up to date."""
    with monkeypatch.context() as patch:
        patch.setattr(meld_timeline, "spans", lambda covered: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            meld.prepare(copy, jobs=1, progress=False)
    assert not list((copy / "timelines").glob("*.json"))
    meld.load(copy)
    assert len(list((copy / "timelines").glob("*.json"))) == 5
    assert not list((copy / "timelines").glob(".writing-*"))


def test_recordings_do_not_depend_on_how_many_are_rendered_at_a_time(copy, meld_twin, tmp_path):
    shutil.copytree(meld_twin, tmp_path / "other")
    for root, jobs in ((copy, 1), (tmp_path / "other", 4)):
        meld.prepare(root, jobs=jobs, progress=False)
    for path in sorted((copy / "timelines").glob("*.wav")):
        assert path.read_bytes() == (tmp_path / "other" / "timelines" / path.name).read_bytes()


def test_recordings_are_mono_of_16_bits_and_16_khz(copy):
    meld.prepare(copy, progress=False)
    for path in (copy / "timelines").glob("*.wav"):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype, info.format) == (16_000, 1, "PCM_16", "WAV")


def test_a_folder_that_cannot_be_written_is_one_clear_error(copy):
    (copy / "timelines").write_text("in the way")
    with pytest.raises(
        CorpusError, match=r"cannot be rendered into .*timelines.*link to a folder.*data/README\.md#meld"
    ):
        meld.load(copy)


def test_a_corpus_that_is_rendered_needs_no_more_writing(copy, monkeypatch):
    meld.load(copy)
    monkeypatch.setattr("filelock.FileLock", lambda path: pytest.fail("a lock was taken"))
    meld.load(copy)


def test_labels_without_a_clip_render_nothing(copy):
    for folder in ("train_splits", "dev_splits_complete", "output_repeated_splits_test"):
        shutil.rmtree(copy / folder)
    with pytest.raises(CorpusError, match="no usable utterance"):
        meld.load(copy)
    assert not (copy / "timelines").exists()


def test_the_record_says_what_is_heard_of_each_clip(copy):
    rows = meld.load(copy)
    record = json.loads((copy / "timelines" / "train_dia0.json").read_text())
    assert [clip["utterance"] for clip in record["clips"]] == list(
        rows.loc[rows["dialogue"] == "train_dia0", "utterance"]
    )
    assert {(clip["layout"], clip["used"]) for clip in record["clips"]} == {("5.1", "front centre alone")}


def test_the_share_of_silence_is_that_of_the_samples_that_no_clip_covers(copy):
    rows = meld.load(copy)
    record = json.loads((copy / "timelines" / "train_dia0.json").read_text())
    size = soundfile.info(copy / "timelines" / "train_dia0.wav").frames
    covered = np.zeros(size, dtype=bool)
    for start, end in record["spans"]:
        covered[round(start * 16_000) : round(end * 16_000)] = True
    gaps = [end for _, end in record["spans"][:-1]]
    starts = [gaps[0] - 1.9, gaps[-1] - 1.0, gaps[-1] - 1.95, 0.0]
    windows = pd.DataFrame({"audio": "timelines/train_dia0.wav", "start_s": starts}, index=[5, 3, 9, 1])
    windows["end_s"] = windows["start_s"] + 2.0
    shares = meld.silence(copy, windows)
    expected = [1 - covered[round(start * 16_000) : round((start + 2) * 16_000)].mean() for start in starts]
    assert list(shares.index) == [5, 3, 9, 1]
    np.testing.assert_allclose(shares, expected, atol=1e-4)
    assert (shares.iloc[:3] > 0.001).all()
    assert meld.silence(copy, rows.head(8)).max() < 0.01  # none within an utterance


def test_silence_is_told_of_rendered_recordings_only(copy):
    windows = pd.DataFrame({"audio": ["timelines/train_dia0.wav"], "start_s": [0.0], "end_s": [1.0]})
    with pytest.raises(CorpusError, match=r"train_dia0\.json: no such file; load the corpus"):
        meld_recordings.silence(copy, windows)

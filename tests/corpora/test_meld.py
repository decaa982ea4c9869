"""MELD as a whole: its table, the sound before an utterance, and what becomes of damaged clips."""

import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile

from emocast import audio, windows
from emocast.corpora import meld, meld_sound
from emocast.corpora.table import CorpusWarning
from emocast_twins import meld as synthetic


@pytest.fixture(scope="module")
def whole(meld_twin, tmp_path_factory):
    """A copy that may be rendered but not damaged."""
    return shutil.copytree(meld_twin, tmp_path_factory.mktemp("whole") / "MELD.Raw")


def clip_of(root, split, dialogue, utterance):
    return root / synthetic.FOLDERS[split] / f"dia{dialogue}_utt{utterance}.mp4"


def rebuilt(root, split, number):
    """A dialogue's recording, put together again from the label file and the clips by a plain loop over samples."""
    lines = pd.read_csv(root / f"{split}_sent_emo.csv")
    spans = []
    for line in lines[lines["Dialogue_ID"] == number].to_dict("records"):
        moments = []
        for clock in (line["StartTime"], line["EndTime"]):
            hours, minutes, seconds = clock.split(":")
            whole, milliseconds = seconds.split(",")
            moments.append((int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 1000 + int(milliseconds))
        spans.append((*moments, line["Utterance_ID"]))
    origin = min(start for start, _, _ in spans)
    samples = [None] * ((max(end for _, end, _ in spans) - origin) * 16)
    for start, end, utterance in sorted(spans):
        sound = meld_sound.decode(clip_of(root, split, number, utterance))
        whole = np.rint(sound * 32768).tolist()
        for offset in range(min(len(whole), (end - start) * 16)):
            place = (start - origin) * 16 + offset
            if samples[place] is None:
                samples[place] = whole[offset] / 32768
    return np.array([0.0 if sample is None else sample for sample in samples])


def test_the_window_before_an_utterance_is_what_lies_on_the_rebuilt_timeline(whole):
    rows = meld.load(whole)
    cut = windows.before(rows, length_s=6.0, shift_s=1.0)
    assert len(cut) > 15 and set(cut["dialogue"].str.split("_").str[0]) == {"train", "dev", "test"}
    for dialogue, events in cut.groupby("dialogue"):
        split, _, number = dialogue.partition("_dia")
        timeline = rebuilt(whole, split, int(number))
        assert np.abs(timeline).max() > 0.05
        for event in events.itertuples():
            heard = audio.read(whole / event.audio, start_s=event.start_s, end_s=event.end_s)
            stop = round((event.onset_s - 1.0) * 16_000)
            np.testing.assert_array_equal(heard, timeline[stop - heard.size : stop].astype(np.float32))
            assert heard.size == 96_000


def test_the_words_are_the_label_files(whole):
    said = meld.annotations(whole).set_index("utterance")["text"]
    rows = meld.load(whole).set_index("utterance")["text"]
    assert rows.to_dict() == said[rows.index].to_dict() and rows.str.len().min() > 0


def test_nothing_of_an_event_is_in_the_window_before_it(copy):
    """The clip of the last utterance becomes a loud one: all that was before it stays as it was, to the sample."""
    rows = meld.load(copy)
    event = rows[rows["dialogue"] == "train_dia1"].iloc[-1]
    before = audio.read(copy / event["audio"], start_s=0.0, end_s=event["start_s"])
    number = event["utterance"].rpartition("utt")[2]
    loud = np.full((2, 24_000 * 5), 0.5, dtype=np.float32)
    synthetic.write_clip(clip_of(copy, "train", 1, number), loud, layout="stereo", corpus="MELD")
    again = meld.load(copy)
    after = audio.read(copy / event["audio"], start_s=0.0, end_s=event["start_s"])
    np.testing.assert_array_equal(after, before)
    last = again[again["utterance"] == event["utterance"]].iloc[0]
    assert np.median(audio.read(copy / last["audio"], start_s=last["start_s"], end_s=last["end_s"])) > 0.2


def test_the_table_says_what_the_label_files_say(whole):
    rows = meld.load(whole).set_index("utterance")
    labels = meld.annotations(whole).set_index("utterance")
    assert set(rows.index) == set(labels.index)
    labels = labels.loc[rows.index]
    assert list(rows["emotion"]) == list(labels["emotion"])
    assert list(rows["speaker"]) == list(labels["speaker"])
    assert set(rows["session"]) == {"S01E01", "S01E02"}
    assert rows["dialogue"].nunique() == 5
    assert rows[["scenario", "valence", "arousal", "dominance"]].isna().all(axis=None)
    assert set(rows["rating"]) == {"rated"} and set(rows["language"]) == {"en"}
    np.testing.assert_allclose(rows["end_s"] - rows["start_s"], labels["end_s"] - labels["start_s"], atol=1e-9)
    friends = rows["speaker"].isin(["Monica", "Phoebe", "Rachel", "Chandler", "Joey", "Ross"])
    assert rows.loc[friends, "sex"].notna().all() and rows.loc[~friends, "sex"].isna().all() and not friends.all()
    assert rows.loc[rows["speaker"] == "Chandler", "sex"].eq("male").all()
    for row in rows.itertuples():
        assert row.end_s <= soundfile.info(whole / row.audio).duration


@pytest.mark.parametrize("rendered", [False, True])
def test_a_damaged_clip_is_listed_and_its_span_is_silence(copy, rendered):
    """Before anything is rendered and after: the same list; what the damaged clip does not touch stays."""
    cut = clip_of(copy, "train", 0, 3)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    if rendered:
        with pytest.warns(CorpusWarning, match="1 problem"):
            meld.load(copy)
    (problem,) = meld.validate(copy).to_dict("records")
    assert (problem["file"], problem["problem"]) == ("train_splits/dia0_utt3.mp4", "truncated audio")
    assert "cut short" in problem["detail"] and "train_dia0_utt3 is left out" in problem["detail"]
    with pytest.warns(CorpusWarning, match="1 problem"):
        rows = meld.load(copy)
    labels = meld.annotations(copy)
    assert set(labels["utterance"]) - set(rows["utterance"]) == {"train_dia0_utt3"}
    times = labels[labels["dialogue"] == "train_dia0"].set_index("number")
    begins, ends = times.loc[3, ["start_s", "end_s"]] - times["start_s"].min()
    span = pd.DataFrame({"audio": ["timelines/train_dia0.wav"], "start_s": [begins], "end_s": [ends]})
    assert meld_sound.silence(copy, span).item() > 0.5
    timeline, _ = soundfile.read(copy / "timelines" / "train_dia0.wav")
    places = (16_000 * (begins + share * (ends - begins)) for share in (0.45, 0.55))  # turns may overlap at their ends
    middle = timeline[slice(*map(round, places))]
    assert middle.size and not middle.any()


def test_what_the_archive_itself_lacks_says_that_nothing_can_be_done(copy):
    labels = copy / "dev_sent_emo.csv"
    labels.write_text(labels.read_text() + '99,So.,Ross,joy,positive,110,7,5,3,"00:01:00,000","00:01:02,000"\n')
    found = meld.validate(copy).set_index("problem")
    assert found.loc["missing audio", "file"] == "dev_splits_complete/dia110_utt7.mp4"
    assert found.loc["missing audio", "advice"] == "nothing: the archive holds no clip of it (issues 22 and 27)"


def test_an_utterance_that_has_lost_its_place_is_left_out_with_its_sound(copy):
    labels = copy / "dev_sent_emo.csv"
    lines = labels.read_text().splitlines()
    lines[2] = lines[2].rpartition(",")[0].rpartition(",")[0] + ',"00:09:59,000"'
    labels.write_text("\n".join(lines) + "\n")
    found = meld.validate(copy)
    assert list(found["problem"]) == ["lost utterance"]
    with pytest.warns(CorpusWarning, match="neither label nor sound"):
        rows = meld.load(copy)
    assert "dev_dia0_utt1" not in set(rows["utterance"])
    assert soundfile.info(copy / "timelines" / "dev_dia0.wav").duration < 60


def test_a_label_without_length_takes_its_clips(copy):
    labels = copy / "dev_sent_emo.csv"
    lines = labels.read_text().splitlines()
    head, _, _ = lines[1].rpartition('"00:')
    start = head.rstrip(',"').rpartition('"')[2]
    lines[1] = f'{head}"{start}"'
    labels.write_text("\n".join(lines) + "\n")
    row = meld.load(copy).set_index("utterance").loc["dev_dia0_utt0"]
    assert row["start_s"] == 0 and row["end_s"] == meld_sound.decode(clip_of(copy, "dev", 0, 0)).size / 16_000


def test_the_real_labels_beside_no_clips_lack_only_sound(real):
    found = meld.validate(real("meld"))
    assert found["problem"].value_counts().to_dict() == {"annotation only": 1, "lost utterance": 3}
    assert meld.CORPUS.known_bad.keys() <= set(meld.annotations(real("meld"))["utterance"])

"""The audit: which corpora fit by the rules, what is found of those at hand, and what their conversations are like."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from emocast import audit, corpora, paths, settings

CLIP = {"dialogue": ["no", "read alone"], "audio": ["no", "none"], "times": ["no", "none"], "access": ["open", "there"]}
TALK = {"dialogue": ["yes", "it is"], "audio": ["yes", "whole"], "times": ["yes", "all"], "access": ["open", "there"]}
FACTS = {
    "language": "English", "kind": "acted", "emotions": 4, "speakers": 2, "utterances": 9000, "hours": 9.0,
    "url": "https://example.org", "source": "a paper",
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    """A function that writes a catalogue of the given entries and gives its path."""

    def entries(*changes):
        path = tmp_path / "catalogue.yaml"
        rows = [{"name": f"corpus {number}", **FACTS, **change} for number, change in enumerate(changes)]
        path.write_text(yaml.safe_dump({"corpora": rows}))
        return path

    return entries


def test_only_iemocap_and_meld_remain_of_32():
    table = audit.catalogue()
    known = {*sum(audit.MEETING.values(), ()), "no", "not stated", "not obtainable"}
    assert table[[*audit.MEETING]].isin(known).all(axis=None) and not table.index.has_duplicates
    assert table.drop(columns="speakers").notna().all(axis=None), "each fact and each reason is there"
    verdicts = audit.verdicts(table)
    assert len(verdicts) == 32
    assert set(verdicts.index[verdicts["fits"]]) == {"IEMOCAP", "MELD"}
    failed = verdicts[~verdicts["fits"]]
    assert (failed["why"].str.len() > 10).all() and (failed["fails"] != "").all()
    assert failed.index[failed["excluded_by"] == "this audit"].tolist() == ["M3ED"]
    assert verdicts.loc["M3ED", "why"] == "in Mandarin" and (verdicts["excluded_by"] == "").equals(verdicts["fits"])


def test_the_catalogue_agrees_with_emobox(real):
    """Names, languages and numbers against the published table of facts, where it is here; a source for every fact."""
    emobox = pd.read_csv(real(".") / "emobox_datasets.csv", index_col="dataset", na_values="/")
    table = audit.catalogue()
    reasons = [f"{criterion}_reason" for criterion in audit.MEETING]
    assert (table[["source", "url", "kind", *reasons]].apply(lambda column: column.str.len()) > 4).all(axis=None)
    assert list(table.index) == list(emobox.index)
    for column in ("emotions", "speakers", "utterances", "hours"):
        pd.testing.assert_series_equal(table[column].astype(float), emobox[column].astype(float), check_names=False)
    mixed = emobox["language"] == "Mix"
    assert (table["language"] == emobox["language"])[~mixed].all()
    assert set(table["language"][mixed]) == {"several", "English and Mandarin"}
    assert table["url"].equals(emobox["url"].rename_axis("name"))


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({}, ""),
        ({"audio": ["rebuilt", "from clips"], "access": ["on application", "ask"]}, ""),
        ({"dialogue": ["not stated", "unknown"]}, "dialogue"),
        ({"audio": ["no", "clips"], "times": ["not stated", "unknown"]}, "audio, times"),
        ({"access": ["not obtainable", "gone"]}, "access"),
        ({"utterances": 2254}, "size"),
        ({"utterances": 2255}, ""),
        ({"language": "Mandarin"}, "language"),
        ({"language": "several"}, "language"),
        ({"language": "English and Mandarin"}, ""),
    ],
)
def test_the_rule_names_each_criterion_that_fails(write, change, failing):
    verdict = audit.verdicts(audit.catalogue(write({**TALK, **change}))).iloc[0]
    assert verdict["fails"] == failing
    assert verdict["fits"] == (failing == "")
    assert verdict["criteria_met"] == 6 - len(failing.split(", ") if failing else [])
    assert len(verdict["why"].split("; ")) == max(1, len(failing.split(", ")))


def test_not_stated_is_told_apart_from_no(write):
    table = audit.catalogue(write({**CLIP, "times": ["not stated", "unknown"], "language": "several"}))
    scored = audit.criteria(table).iloc[0]
    assert scored.tolist() == ["not met", "not met", "not stated", "met", "met", "not stated"]
    assert audit.verdicts(table).iloc[0]["excluded_by"] == "the preprint"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder of its own."""
    monkeypatch.setenv("EMOCAST_DATA", str(tmp_path / "data"))
    return paths.data()


@pytest.fixture
def twin(corpus_root, data):
    """A function that puts the small twin where a profile looks for IEMOCAP."""

    def put(name):
        root = settings.load(name).corpus_root("iemocap")
        shutil.copytree(corpus_root / "IEMOCAP_full_release", root)
        return root

    return put


@pytest.fixture
def held(twin):
    twin("smoke")
    (one,), _ = audit.at_hand("smoke", ["IEMOCAP"])
    return one


def test_the_profiles_own_folder_counts_first_and_the_demos_twin_stands_in(twin):
    stand_in = twin("demo")
    (one,), _ = audit.at_hand("paper", ["IEMOCAP"])
    assert one.root == stand_in and one.synthetic and one.settings.name == "paper"
    own = twin("smoke")
    (one,), missing = audit.at_hand("smoke", ["IEMOCAP"])
    assert one.root == own and not missing
    assert one.title == "IEMOCAP (synthetic)" and one.name == "iemocap" and one.corpus is corpora.get("iemocap")
    assert len(one.utterances) > 30


def test_damage_is_listed_and_what_is_whole_is_used(twin, recwarn):
    wav = sorted(twin("smoke").glob("Session1/dialog/wav/*.wav"))[0]
    wav.unlink()
    (one,), _ = audit.at_hand("smoke", ["IEMOCAP"])
    assert one.problems["file"].str.endswith(wav.name).any()
    assert wav.stem not in set(one.utterances["dialogue"]) and len(one.utterances) > 20
    assert not recwarn, "the table of problems says it; a warning would say it twice"


def test_what_is_not_there_is_said_in_one_sentence(data):
    settings.load("smoke").corpus_root("iemocap").mkdir(parents=True)
    none, (sentence,) = audit.at_hand("smoke", ["IEMOCAP"])
    assert not none and sentence.startswith("IEMOCAP cannot be used: no IEMOCAP under")
    held, missing = audit.at_hand("paper", ["IEMOCAP", "MELD", "M3ED"])
    assert not held
    assert [sentence.split()[0] for sentence in missing] == ["IEMOCAP", "MELD"], "M3ED has no loader and no sentence"
    assert all("data/README.md#" in sentence for sentence in missing)


def test_the_overview_stands_beside_the_release(held):
    table = audit.overview([held])
    assert table.loc["utterances", "IEMOCAP (synthetic)"] == len(held.utterances)
    assert table.loc["utterances", "IEMOCAP complete"] == 10_039
    assert table.loc["with an emotion", "IEMOCAP complete"] == 7_532
    assert table.loc["dialogues"].tolist() == [4, 151]
    assert audit.overview([]).empty


def labelled(held, counts, start_s=20.0):
    """The corpus with a table of so many turns of each emotion, all late enough for a window."""
    emotions = [emotion for emotion, number in counts.items() for _ in range(number)]
    rows = held.utterances.iloc[[0] * len(emotions)].reset_index(drop=True)
    rows = rows.assign(emotion=pd.array(emotions, dtype="string"), start_s=start_s, end_s=start_s + 1)
    return dataclasses.replace(held, utterances=rows)


def test_balance_cuts_every_class_to_the_smallest_of_its_task(held):
    table = audit.balance(labelled(held, {"excitement": 30, "sadness": 20, "neutral": 50, "anger": 10, "fear": 3}))
    after = table.groupby("task", sort=False)["after"].agg(set)
    assert after.to_dict() == {"2 classes": {20}, "3 classes": {20}, "4 classes": {10}}
    assert table[table["task"] == "4 classes"].set_index("emotion")["before"].to_dict() == {
        "excitement": 30, "sadness": 20, "neutral": 50, "anger": 10,
    }  # fmt: skip


def test_the_preprints_numbers_follow_from_977(held):
    """On 977 excitement events and more of the others, a fifth of what is left is the preprint's test set."""
    one = labelled(held, {"excitement": 977, "sadness": 1000, "neutral": 1500, "anger": 1000})
    table = audit.totals(one, audit.balance(one))
    assert table["smallest"].eq(977).all()
    assert table["published_test"].tolist() == [391, 587, 782]
    assert table["test"].tolist() == [391, 587, 782], "rounded up, as the hold-out does"
    tasks = {"3 classes": ["neutral", "anger", "fear"], "4 classes": ["anger", "neutral", "sadness", "excitement"]}
    other = dataclasses.replace(one, settings=dataclasses.replace(one.settings, tasks=tasks))
    table = audit.totals(other, audit.balance(other))
    assert table["published_test"].fillna(0).tolist() == [0, 782], "two other classes are another task"


def test_filters_only_take_away(held):
    rows = audit.filters(held)["rows"]
    assert rows.iloc[0] == len(held.utterances) and rows.iloc[1] == held.utterances["emotion"].notna().sum()
    assert rows.is_monotonic_decreasing and rows.iloc[2] == len(held.events)
    farthest = max(held.settings.windows.shifts_s)
    assert rows.iloc[4] == (held.events["start_s"] >= farthest + held.settings.windows.length_s).sum()


def turns(*rows):
    """An utterance table out of (dialogue, speaker, emotion, start, end)."""
    table = pd.DataFrame(rows, columns=["dialogue", "speaker", "emotion", "start_s", "end_s"])
    return table.astype({"dialogue": "string", "speaker": "string", "emotion": "string"})


@pytest.fixture
def utterances():
    return turns(
        ("one", "a", "anger", 0, 2),
        ("one", "b", "anger", 2, 4),
        ("one", "a", None, 4, 12),
        ("one", "b", "sadness", 12, 15),
        ("one", "a", "anger", 20, 22),
        ("two", "c", "sadness", 0, 5),
        ("two", "d", "sadness", 11, 12),
    )


def test_pairs_stay_within_a_dialogue_and_pass_over_unlabelled_turns(utterances):
    found = audit.pairs(utterances)
    assert found["previous"].tolist() == ["anger", "anger", "sadness", "sadness"]
    assert found["emotion"].tolist() == ["anger", "sadness", "anger", "sadness"]
    assert found["same_speaker"].tolist() == [False, True, False, False]
    assert found["dialogue"].tolist() == ["one", "one", "one", "two"]
    counts = audit.transitions(utterances)
    assert list(counts.index) == list(counts.columns) == ["sadness", "anger"] and counts.eq(1).all(axis=None)


def test_repeats_by_hand(utterances):
    found = audit.repeats(utterances, level=0.95, draws=50, random_state=0)
    first = found.loc[audit.ANY]
    assert first["pairs"] == 4 and first["p_same"] == 0.5
    assert first["independent"] == pytest.approx(0.5)  # both sides: half anger, half sadness
    # dialogue one: 3 anger and 1 sadness, 6 of 12 ordered pairs alike; two: all alike; weighted by 3 and 1 pairs
    assert first["shuffled"] == pytest.approx((3 * 0.5 + 1 * 1.0) / 4)
    assert found.loc[audit.SAME_SPEAKER, ["pairs", "p_same"]].tolist() == [1, 0]
    assert found.loc[audit.OTHER_SPEAKER, "p_same"] == pytest.approx(2 / 3)


def test_history_counts_labelled_turns_that_begin_late_enough(utterances):
    found = audit.history(utterances, seconds=(10, 12, 20.5)).set_index(["seconds", "emotion"])
    assert found["events"].groupby("seconds").sum().tolist() == [6, 6, 6]
    assert found.loc[10.0, "enough"].to_dict() == {"anger": 1, "sadness": 2}
    assert found.loc[12.0, "enough"].to_dict() == {"anger": 1, "sadness": 1}  # a turn at 12 s has 12 s before it
    assert found.loc[20.5, "enough"].sum() == 0
    assert found.loc[(10.0, "sadness"), "share"] == pytest.approx(2 / 3)


def test_speech_tells_whose_turn_covers_what():
    spoken = turns(
        ("one", "a", "anger", 0, 4),  # a alone 2 to 3, with b 3 to 4
        ("one", "b", None, 3, 5),
        ("one", "b", None, 4.5, 6),  # b's turns overlap and count once
        ("one", "a", "anger", 8, 9),
        ("one", "c", "anger", 12, 14),
        ("two", "a", "anger", 0, 12),  # another dialogue's speech does not count
    )
    windows = pd.DataFrame({"dialogue": "one", "speaker": ["a", "c"], "start_s": 2.0, "end_s": 12.0}, [7, 3])
    shares = audit.speech(windows, spoken)
    assert list(shares.index) == [7, 3] and list(shares.columns) == list(audit.PARTS)
    assert shares.loc[7].to_numpy() == pytest.approx([0.2, 0.2, 0.1, 0.5])
    assert shares.loc[3].to_numpy() == pytest.approx([0.0, 0.5, 0.0, 0.5])  # those of a and b together


def test_recorded_corpora_of_clips_are_counted_and_those_that_are_not_there_are_named(data):
    for place, rate, seconds in (
        ("Angry/SM1_F1_A01", 16_000, 1.0),
        ("Happy/SF2_F1_H01", 8_000, 0.35),
        ("Sad/SM3_F1_S01", 16_000, 2.0),
    ):
        path = data / "URDU" / f"{place}.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.full(round(rate * seconds), 0.1), rate)
    (data / "EmoDB").mkdir()
    (data / "EmoDB" / "synthetic.json").write_text("{}")
    clips, told = audit.clips(settings.load("open"))
    row = clips.loc["URDU"]
    assert clips.index.tolist() == ["URDU"] and row["language"] == "Urdu"
    assert row[["utterances", "complete", "speakers", "women", "men"]].tolist() == [3, 400, 3, 1, 2]
    assert (row["shortest_s"], row["longest_s"], row["rates_hz"]) == (0.35, 2.0, "8000, 16000")
    left_out = [sentence.split(" is left out: no ")[0] for sentence in told if " is left out: no " in sentence]
    assert left_out == ["CREMA-D", "ShEMO", "RAVDESS", "nEMO", "EMOVO"] and str(data) not in " ".join(told)
    (unlike,) = [sentence for sentence in told if "mixed sample rates" in sentence]
    assert "1 of 3 have 8,000 Hz, most 16,000; this one first (Happy/SF2_F1_H01.wav)" in unlike
    assert "short clips: 1 of 3 last less than 0.5 s, the shortest 0.35 s" in unlike
    assert any(sentence.startswith("URDU: 4 problems in the copy, the first: ") for sentence in told)

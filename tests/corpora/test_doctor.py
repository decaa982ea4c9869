"""The doctor finds each kind of damage on damaged copies of whole twins, in the damaged file, and nothing else."""

import json
import re

import numpy as np
import pytest

import doctor_copies as copies
from doctor_copies import POINTER, WAVS, Copy
from emocast import corpora
from emocast.corpora import cremad, doctor, emodb
from emocast.corpora.doctor_kinds import KINDS
from emocast.corpora.table import CorpusError

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n" * 4


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A function that gives the whole twin of a corpus, made once."""
    made = {}

    def twin(name):
        if name not in made:
            made[name] = copies.make(tmp_path_factory.mktemp(f"whole-{name}"), name)
        return made[name]

    return twin


@pytest.fixture
def copy(whole, tmp_path):
    """A function that gives a copy of a twin that the test may damage."""
    return lambda name: Copy(name, copies.duplicate(whole(name), tmp_path / "copy" / whole(name).name))


def examine(damaged):
    return doctor.examine(damaged.name, damaged.root, progress=False)


def only(damaged, kind, path):
    """The one problem that a copy has."""
    found = examine(damaged)
    (problem,) = found.problems.to_dict("records")
    assert (problem["problem"], problem["file"]) == (kind, path if isinstance(path, str) else damaged.where(path))
    assert problem["detail"] and problem["advice"]
    assert found.state == ("usable" if KINDS[kind].spoils else "complete")
    assert found.numbers["problems"] == 1
    return found, problem


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_whole_copy_is_complete(name, whole):
    found = doctor.examine(name, whole(name), progress=False)
    assert found.problems.empty
    assert found.state == "complete"
    assert found.verdict == f"complete: all {found.numbers['utterances']} utterances are as in the release"
    assert found.numbers["usable"] == found.numbers["utterances"] > 0
    assert found.numbers["lacking"] == 0
    assert found.numbers["files"] == len(Copy(name, whole(name)).sounds())
    assert found.numbers["hours"] > 0


@pytest.mark.parametrize("name", ["iemocap", "meld"])
def test_the_root_may_be_the_folder_above_the_release(name, copy):
    damaged = copy(name)
    broken = damaged.sounds()[0]
    copies.put(broken, HTML)
    above = doctor.examine(name, damaged.root.parent, progress=False)
    assert above.problems.equals(examine(damaged).problems)
    assert above.numbers == examine(damaged).numbers
    assert above.problems["file"].tolist() == [damaged.where(broken)]


@pytest.mark.parametrize("name", corpora.NAMES)
@pytest.mark.parametrize(
    ("kind", "content"), [("git-LFS pointer", POINTER), ("empty audio", b""), ("unreadable audio", HTML)]
)
def test_what_stands_in_place_of_sound(name, kind, content, copy):
    damaged = copy(name)
    broken = damaged.sounds()[1]
    copies.put(broken, content)
    found, _ = only(damaged, kind, broken)
    assert 1 <= found.numbers["lacking"] == found.numbers["utterances"] - found.numbers["usable"]
    assert found.verdict.startswith(
        f"usable with {found.numbers['lacking']} of {found.numbers['utterances']} utterances missing or unusable"
    )


@pytest.mark.parametrize("name", WAVS)
def test_a_header_without_samples_is_empty(name, copy):
    damaged = copy(name)
    sound, rate = copies.samples(damaged.sounds()[0])
    copies.write(damaged.sounds()[0], sound[:0], rate)
    only(damaged, "empty audio", damaged.sounds()[0])


@pytest.mark.parametrize("name", corpora.NAMES)
def test_half_a_file_is_truncated(name, copy):
    damaged = copy(name)
    broken = damaged.sounds()[1]
    copies.put(broken, broken.read_bytes()[: broken.stat().st_size // 2])
    found, _ = only(damaged, "truncated audio", broken)
    assert found.numbers["lacking"] >= 1


@pytest.mark.parametrize("name", ["iemocap", "cremad", "meld"])
def test_a_labelled_file_that_is_not_there_is_missing(name, copy):
    damaged = copy(name)
    gone = damaged.sounds()[0]
    gone.unlink()
    only(damaged, "missing audio", gone)


@pytest.mark.parametrize("name", ["emodb", "shemo"])
def test_where_no_list_names_the_files_a_missing_one_is_a_wrong_count(name, copy):
    damaged = copy(name)
    gone = damaged.sounds()[0]
    code = gone.stem[5] if name == "emodb" else gone.stem[3]
    gone.unlink()
    found, problem = only(damaged, "wrong count", f"*{code}*.wav" if name == "emodb" else f"*/???{code}*.wav")
    assert found.numbers["lacking"] == 1
    assert "read, a complete copy has" in problem["detail"]


def test_a_wrong_count_that_other_problems_do_not_explain_stays(copy):
    damaged = copy("emodb")
    first, second, third = damaged.sounds()[:3]
    first.rename(first.with_name("odd.wav"))
    second.unlink()
    third.unlink()
    kinds = examine(damaged).problems["problem"]
    assert kinds.eq("odd name").sum() == 1
    assert kinds.eq("wrong count").any()


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_silent_file(name, copy):
    damaged = copy(name)
    broken = damaged.sounds()[0]
    if name == "meld":
        copies.write(broken, np.zeros((60_000, 1), dtype=np.float32), 24_000)
    else:
        sound, rate = copies.samples(broken)
        copies.write(broken, np.zeros_like(sound), rate)
    found, _ = only(damaged, "silent audio", broken)
    assert found.numbers["lacking"] >= 1


def test_two_silent_files_are_no_duplicates(copy):
    damaged = copy("cremad")
    for broken in damaged.sounds()[:2]:
        copies.write(broken, np.zeros((32_000, 1), dtype=np.int16), 16_000)
    assert examine(damaged).problems["problem"].tolist() == ["silent audio", "silent audio"]


@pytest.mark.parametrize("name", WAVS)
def test_a_file_whose_sound_stops(name, copy):
    """As a download leaves it that reserved the whole file's space before it was cut off."""
    damaged = copy(name)
    broken = damaged.sounds()[0]
    sound, rate = copies.samples(broken)
    sound[len(sound) // 4 :] = 0
    copies.write(broken, sound, rate)
    found, problem = only(damaged, "sound stops", broken)
    lost = int(problem["detail"].split(": ")[1].split()[0])
    assert found.numbers["lacking"] == lost >= 1


@pytest.mark.parametrize("name", WAVS)
def test_a_silent_end_is_no_damage(name, copy):
    damaged = copy(name)
    sound, rate = copies.samples(damaged.sounds()[0])
    sound[-rate // 20 :] = 0
    copies.write(damaged.sounds()[0], sound, rate)
    assert examine(damaged).state == "complete"


@pytest.mark.parametrize("name", WAVS)
def test_another_sample_rate(name, copy):
    damaged = copy(name)
    sound, _ = copies.samples(damaged.sounds()[0])
    copies.write(damaged.sounds()[0], np.repeat(sound, 2, axis=0), 32_000)
    found, problem = only(damaged, "wrong sample rate", damaged.sounds()[0])
    assert problem["detail"] == "32,000 Hz, the release has 16,000 Hz"
    assert found.numbers["lacking"] == 0
    assert found.verdict == (
        f"usable: all {found.numbers['utterances']} utterances are there, but not as in the release (wrong sample rate)"
    )


@pytest.mark.parametrize("name", WAVS)
def test_another_number_of_channels(name, copy):
    damaged = copy(name)
    sound, rate = copies.samples(damaged.sounds()[0])
    one, two = sound[:, :1], np.repeat(sound[:, :1], 2, axis=1)
    copies.write(damaged.sounds()[0], one if name == "iemocap" else two, rate)
    _, problem = only(damaged, "wrong channels", damaged.sounds()[0])
    assert (
        problem["detail"]
        == f"{1 if name == 'iemocap' else 2} channel(s), the release has {2 if name == 'iemocap' else 1}"
    )


@pytest.mark.parametrize("name", ["cremad", "emodb", "shemo", "meld"])
def test_a_clip_far_longer_than_any(name, copy):
    damaged = copy(name)
    rng = np.random.default_rng(0)
    if name == "meld":
        copies.write(damaged.sounds()[0], rng.normal(0, 0.1, (24_000 * 40, 1)).astype(np.float32), 24_000)
    else:
        copies.write(damaged.sounds()[0], rng.integers(-99, 99, (16_000 * 70, 1), dtype=np.int16), 16_000)
    found, _ = only(damaged, "odd length", damaged.sounds()[0])
    assert found.numbers["lacking"] == 0


def test_labels_that_end_after_their_sound(copy):
    damaged = copy("iemocap")
    sound, rate = copies.samples(damaged.sounds()[0])
    copies.write(damaged.sounds()[0], sound[: len(sound) // 2], rate)
    found, problem = only(damaged, "label past the sound", damaged.sounds()[0])
    assert found.numbers["lacking"] == int(problem["detail"].split("; ")[1].split()[0]) >= 1


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_file_with_another_ones_sound(name, copy):
    damaged = copy(name)
    by_size = sorted(damaged.sounds(), key=lambda path: path.stat().st_size)
    other, source = by_size[-2], by_size[-1]  # the longer one: no label ends after it
    copies.put(other, source.read_bytes())
    found = examine(damaged)
    (problem,) = found.problems.to_dict("records")
    assert problem["problem"] == "duplicate audio"
    first, second = sorted((damaged.where(source), damaged.where(other)))
    assert problem["file"] == second and f"the same sound as {first}," in problem["detail"]
    assert found.state == "usable" and found.numbers["lacking"] == 0


def test_a_shorter_recording_of_another_dialogue_is_heard_too(copy):
    damaged = copy("iemocap")
    by_size = sorted(damaged.sounds(), key=lambda path: path.stat().st_size)
    copies.put(by_size[-1], by_size[0].read_bytes())  # the shortest in place of the longest: labels end after it
    found = examine(damaged).problems
    assert set(found["problem"]) == {"duplicate audio", "label past the sound"}


def test_the_same_sound_under_another_header_is_a_duplicate(copy):
    damaged = copy("emodb")
    first, second = damaged.sounds()[:2]
    copies.put(second, first.read_bytes() + b"LIST\x04\x00\x00\x00INFO")
    only(damaged, "duplicate audio", second)


@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("iemocap", "Session1/dialog/EmoEvaluation/{first}.txt", "\n[", "\n[x"),
        ("cremad", "processedResults/summaryTable.csv", '"{first}","', '"{first}","?'),
        ("cremad", "SentenceFilenames.csv", "{first}", "{first}, again"),
        ("meld", "dev_sent_emo.csv", "00:", "no time 00:"),
    ],
)
def test_a_label_line_that_does_not_parse(name, file, old, new, copy):
    damaged = copy(name)
    first = damaged.sounds()[0].stem
    path = damaged.root / file.format(first=first)
    text = path.read_text(encoding="utf-8")
    old, new = old.format(first=first), new.format(first=first)
    assert old in text
    copies.put(path, text.replace(old, new, 1).encode())
    _, problem = only(damaged, "bad label line", path)
    assert problem["detail"].startswith("line ")


def test_a_session_that_is_not_there(copy):
    damaged = copy("iemocap")
    for path in (damaged.root / "Session2").rglob("*"):
        path.unlink() if path.is_file() else None
    (damaged.root / "Session2").rename(damaged.root.parent / "elsewhere")
    found = examine(damaged)
    assert found.problems[["file", "problem"]].to_numpy().tolist() == [["Session2", "missing session"]]
    assert (
        found.numbers["lacking"]
        == json.loads((damaged.root / "synthetic.json").read_text())["counts"]["utterances"]["Session2"]
    )


def test_one_group_alone_is_unusable(copy):
    damaged = copy("emodb")
    first = damaged.sounds()[0].stem[:2]
    for path in damaged.sounds():
        if path.stem[:2] != first:
            path.unlink()
    assert examine(damaged).verdict == "unusable: all usable utterances are of one speaker: none can be held out"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("iemocap", "Session1/dialog/EmoEvaluation/{first}.txt"),
        ("cremad", "processedResults/summaryTable.csv"),
        ("cremad", "VideoDemographics.csv"),
        ("meld", "dev_sent_emo.csv"),
    ],
)
def test_a_label_file_that_is_not_there(name, file, copy):
    damaged = copy(name)
    path = damaged.root / file.format(first=damaged.sounds()[0].stem)
    path.unlink()
    only(damaged, "missing labels", path)


def test_a_label_file_without_a_column(copy):
    damaged = copy("meld")
    path = damaged.root / "test_sent_emo.csv"
    copies.put(path, path.read_text(encoding="utf-8").replace("StartTime", "Start").encode())
    only(damaged, "bad label file", path)


def test_a_vote_and_an_actor_that_lack_their_line(copy):
    damaged = copy("cremad")
    clip, actor = damaged.sounds()[0].stem, damaged.sounds()[-1].stem[:4]
    for file, word in (("processedResults/summaryTable.csv", clip), ("VideoDemographics.csv", f"{actor},")):
        lines = (damaged.root / file).read_text().splitlines()
        kept = [line for line in lines if word not in line]
        assert len(kept) == len(lines) - 1
        copies.put(damaged.root / file, "\n".join(kept).encode())
    found = examine(damaged)
    kinds = found.problems.set_index("problem")["file"].to_dict()
    kinds.pop("wrong count", None)  # of the votes: the line is gone and the clip is there
    assert kinds == {"missing vote": f"AudioWAV/{clip}.wav", "missing actor": "VideoDemographics.csv"}
    assert found.numbers["lacking"] == 0


def test_half_a_corpus_of_two_folders(copy):
    damaged = copy("shemo")
    (damaged.root / "male").rename(damaged.root.parent / "elsewhere")
    found = examine(damaged)
    assert found.problems[["file", "problem"]].to_numpy().tolist() == [["male", "missing recordings"]]


def test_a_split_of_meld_without_a_clip_is_one_problem(copy):
    damaged = copy("meld")
    lost = [path for path in damaged.sounds() if path.parent.name.startswith("dev")]
    for path in lost:
        path.unlink()
    found = examine(damaged)
    ((file, kind, detail, _),) = found.problems.to_numpy().tolist()
    assert (file, kind) == (lost[0].parent.name, "missing recordings") and f"all {len(lost)} utterances" in detail
    assert found.numbers["lacking"] == len(lost) > 0 and found.state == "usable"


@pytest.mark.parametrize("name", ["cremad", "emodb", "shemo"])
def test_a_file_whose_name_says_nothing(name, copy):
    damaged = copy(name)
    odd = damaged.sounds()[0].with_name("holiday.wav")
    copies.put(odd, damaged.sounds()[0].read_bytes())
    only(damaged, "odd name", odd)


@pytest.mark.parametrize("name", corpora.NAMES)
def test_what_macos_leaves_is_counted_and_no_problem(name, copy):
    damaged = copy(name)
    before = examine(damaged).numbers["leftovers"]
    for path in (damaged.sounds()[0], damaged.root / "notes.txt"):
        copies.put(path.with_name(f"._{path.name}"), b"\x00\x05\x16\x07")
    found = examine(damaged)
    assert found.state == "complete" and found.problems.empty
    assert found.numbers["leftovers"] == before + 2


def test_a_clip_known_as_bad_is_listed_and_the_copy_complete(copy, monkeypatch):
    damaged = copy("cremad")
    bad = damaged.sounds()[3]
    monkeypatch.setitem(cremad.KNOWN_BAD, bad.stem, "the clip has no sound (issue 8)")
    found, problem = only(damaged, "known bad clip", bad)
    assert problem["detail"] == "the clip has no sound (issue 8)"
    assert found.numbers["lacking"] == 0
    sound, rate = copies.samples(bad)
    copies.write(bad, np.zeros_like(sound), rate)
    silent = examine(damaged)
    assert silent.problems[["file", "problem", "advice"]].to_numpy().tolist() == [
        [damaged.where(bad), "silent audio", "nothing: the clip has no sound (issue 8)"]
    ]
    assert (silent.state, silent.numbers["lacking"]) == ("complete", 1)
    assert silent.verdict.endswith("; 1 of them can be used in no copy")


def test_labels_of_the_same_moment_may_share_a_sound(copy):
    """MELD has eleven pairs of labels with one span, whose clips are the same."""
    damaged = copy("meld")
    path = damaged.root / "train_sent_emo.csv"
    head, first, second, *rest = path.read_text(encoding="utf-8").splitlines()
    moved = second.replace(_span(second), _span(first))
    copies.put(path, "\n".join([head, first, moved, *rest]).encode())
    clips = [damaged.root / "train_splits" / f"dia0_utt{number}.mp4" for number in (0, 1)]
    copies.put(clips[1], clips[0].read_bytes())
    assert examine(damaged).problems.empty


def _span(line):
    """The last two fields of a label line, the times, as they stand."""
    return re.search(r'"?\d\d:\d\d:\d\d,\d+"?,"?\d\d:\d\d:\d\d,\d+"?$', line)[0]


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_copy_without_any_sound_is_unusable(name, copy):
    damaged = copy(name)
    for path in damaged.sounds():
        copies.put(path, POINTER)
    found = examine(damaged)
    assert found.state == "unusable"
    assert found.verdict == f"unusable: none of {found.numbers['utterances']} utterances can be used"
    assert set(found.problems["problem"]) == {"git-LFS pointer"}
    assert len(found.problems) == len(damaged.sounds())


def test_less_than_a_quarter_is_unusable(copy):
    damaged = copy("emodb")
    for path in damaged.sounds()[7:]:
        path.unlink()
    assert examine(damaged).verdict == "unusable: 7 of 30 utterances can be used, fewer than 25%"


@pytest.mark.parametrize(("code", "state"), [("N", "unusable"), ("L", "usable")])
def test_only_a_class_that_every_experiment_needs_makes_a_copy_unusable(code, state, copy):
    damaged = copy("emodb")
    for path in damaged.sounds():
        if path.stem[5] == code:
            path.unlink()
    found = examine(damaged)
    assert found.state == state
    emotion = emodb.LABELS[code]
    said = f"unusable: no utterance of {emotion} can be used" if state == "unusable" else f"; none of {emotion}"
    assert said in found.verdict


@pytest.mark.parametrize("name", corpora.NAMES)
def test_nothing_there_is_the_error_of_validate(name, tmp_path):
    with pytest.raises(CorpusError, match=str(tmp_path)):
        doctor.examine(name, tmp_path / "absent", progress=False)


@pytest.mark.parametrize("name", corpora.NAMES)
def test_no_bad_file_is_an_error(name, copy):
    """Every file of a copy, labels and sounds, with some of its bytes overwritten by chance."""
    damaged = copy(name)
    rng = np.random.default_rng(4)
    for path in sorted(damaged.root.rglob("*")):
        if path.is_file() and path.name != "synthetic.json":
            content = np.frombuffer(path.read_bytes(), dtype=np.uint8).copy()
            places = rng.integers(0, min(len(content), 200), size=6)
            content[places] = rng.integers(0, 256, size=6)
            copies.put(path, content.tobytes())
    found = examine(damaged)
    assert not found.problems.empty
    assert set(found.problems["problem"]) <= set(KINDS)


def test_titles_of_clips_that_are_no_text_are_no_error(copy):
    damaged = copy("meld")
    clip = damaged.sounds()[0]
    content = clip.read_bytes()
    assert content.count(b"Emocast") >= 1
    copies.put(clip, content.replace(b"Emocast", b"\xceEmocas"))
    assert examine(damaged).state == "complete"


def test_a_folder_in_the_place_of_a_file_is_no_error(copy):
    damaged = copy("iemocap")
    labels = damaged.root / "Session1" / "dialog" / "EmoEvaluation" / f"{damaged.sounds()[0].stem}.txt"
    for path in (labels, damaged.sounds()[-1]):
        path.unlink()
        path.mkdir()
    assert set(examine(damaged).problems["problem"]) == {"missing labels", "missing audio"}


def test_the_real_emodb_lacks_three_classes_and_is_usable(real):
    found = doctor.examine("emodb", real("emodb"), progress=False)
    assert found.state == "usable"
    assert found.verdict == ("usable with 196 of 535 utterances missing or unusable; none of fear, disgust, boredom")
    assert (found.numbers["usable"], found.numbers["files"]) == (339, 339)
    assert found.problems["problem"].tolist() == ["wrong count"] * 3


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_first_look_has_nothing_against_a_whole_copy(name, whole):
    assert doctor.first_look(name, whole(name)) == ""


@pytest.mark.parametrize("left", [0, 7])
def test_a_first_look_foresees_the_verdict(left, copy):
    damaged = copy("emodb")
    for path in damaged.sounds()[left:]:
        path.unlink()
    if not left:
        with pytest.raises(CorpusError, match="no EmoDB under"):
            doctor.first_look("emodb", damaged.root)
        return
    said = doctor.first_look("emodb", damaged.root)
    assert said.startswith(examine(damaged).verdict) and "`make validate ARGS=emodb`" in said


def test_labels_of_meld_without_its_clips_are_of_no_use(copy):
    damaged = copy("meld")
    for path in damaged.sounds():
        path.unlink()
    assert doctor.first_look("meld", damaged.root).startswith("unusable: none of 28 utterances can be used")

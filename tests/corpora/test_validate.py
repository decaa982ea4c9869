"""The examination finds each kind of damage on damaged copies of whole twins, in the damaged file, and nothing else."""

import re

import numpy as np
import pytest
import soundfile

import doctor_copies as copies
from doctor_copies import POINTER, WAVS, Copy
from emocast import corpora
from emocast.corpora import cremad, emodb, validate
from emocast.corpora.table import CorpusError
from emocast.corpora.validate import HARMLESS

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
    return validate.examine(damaged.name, damaged.root, progress=False)


def only(damaged, kind, path):
    """The one problem that a copy has."""
    found = examine(damaged)
    (problem,) = found.problems.to_dict("records")
    assert (problem["problem"], problem["file"]) == (kind, path if isinstance(path, str) else damaged.where(path))
    assert problem["detail"] and problem["advice"]
    assert found.state == ("complete" if kind == "known bad clip" else "usable")
    return found, problem


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_whole_copy_is_complete_whatever_macos_leaves(name, whole, copy):
    found = validate.examine(name, whole(name), progress=False)
    assert found.problems.empty and found.state == "complete" and found.usable == found.total > 0
    assert found.verdict == f"complete: all {found.total} utterances are as in the release"
    assert validate.first_look(name, whole(name)) == ""
    damaged = copy(name)
    for path in (damaged.sounds()[0], damaged.root / "notes.txt"):
        copies.put(path.with_name(f"._{path.name}"), b"\x00\x05\x16\x07")
    with_leftovers = examine(damaged)
    assert with_leftovers.state == "complete" and with_leftovers.problems.empty


@pytest.mark.parametrize("name", ["iemocap", "meld"])
def test_the_root_may_be_the_folder_above_the_release(name, copy):
    damaged = copy(name)
    broken = damaged.sounds()[0]
    copies.put(broken, HTML)
    above = validate.examine(name, damaged.root.parent, progress=False)
    assert above.problems.equals(examine(damaged).problems) and above.usable == examine(damaged).usable
    assert above.problems["file"].tolist() == [damaged.where(broken)]


# --- sound


def half(path):
    copies.put(path, path.read_bytes()[: path.stat().st_size // 2])


def silence(path):
    rate, sound = 24_000, np.zeros((60_000, 1), dtype=np.float32)
    if path.suffix == ".wav":
        sound, rate = copies.samples(path)
    copies.write(path, np.zeros_like(sound), rate)


@pytest.mark.parametrize("name", corpora.NAMES)
@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("git-LFS pointer", lambda path: copies.put(path, POINTER)),
        ("empty audio", lambda path: copies.put(path, b"")),
        ("unreadable audio", lambda path: copies.put(path, HTML)),
        ("truncated audio", half),
        ("silent audio", silence),
    ],
)
def test_a_damaged_file_is_one_problem(name, kind, damage, copy):
    damaged = copy(name)
    broken = damaged.sounds()[1]
    damage(broken)
    found, _ = only(damaged, kind, broken)
    assert 0 < found.usable < found.total
    said = f"usable with {found.total - found.usable} of {found.total} utterances missing or unusable"
    assert found.verdict.startswith(said)


@pytest.mark.parametrize("name", ["iemocap", "cremad", "meld"])
def test_a_labelled_file_that_is_not_there_is_missing(name, copy):
    damaged = copy(name)
    gone = damaged.sounds()[0]
    gone.unlink()
    only(damaged, "missing audio", gone)


@pytest.mark.parametrize(("name", "at", "file"), [("emodb", 5, "*{}*.wav"), ("shemo", 3, "*/???{}*.wav")])
def test_where_no_list_names_the_files_a_missing_one_is_a_wrong_count(name, at, file, copy):
    damaged = copy(name)
    gone = damaged.sounds()[0]
    gone.unlink()
    found, problem = only(damaged, "wrong count", file.format(gone.stem[at]))
    assert found.usable == found.total - 1 and "read, a complete copy has" in problem["detail"]


def stopped(sound):
    sound[len(sound) // 4 :] = 0  # as a download leaves it that reserved the whole file's space before it was cut off
    return sound, 16_000


@pytest.mark.parametrize("name", WAVS)
@pytest.mark.parametrize(
    ("kind", "change", "detail"),
    [
        ("sound stops", stopped, r"on all is zero: \d+ of \d+ utterances lost"),
        (
            "wrong sample rate",
            lambda sound: (np.repeat(sound, 2, axis=0), 32_000),
            "32,000 Hz, the release has 16,000 Hz",
        ),
        (
            "wrong channels",
            lambda sound: (sound[:, :1] if sound.shape[1] == 2 else np.repeat(sound, 2, axis=1), 16_000),
            r"\d channel\(s\), the release has \d",
        ),
    ],
)
def test_a_file_unlike_the_release_is_one_problem(name, kind, change, detail, copy):
    damaged = copy(name)
    broken = damaged.sounds()[0]
    copies.write(broken, *change(copies.samples(broken)[0]))
    corpus, mixed = corpora.get(name), {"wrong sample rate": "mixed sample rates", "wrong channels": "mixed channels"}
    if kind in mixed and {"wrong sample rate": corpus.sample_rate, "wrong channels": corpus.channels}[kind] is None:
        found = examine(damaged)  # a release whose files are not alike: it is told, and spoils nothing
        assert (found.problems["problem"].tolist(), found.state) == ([mixed[kind]], "complete")
        return
    found, problem = only(damaged, kind, broken)
    assert re.search(detail, problem["detail"])
    assert (found.usable < found.total) == (kind not in HARMLESS)
    if kind in HARMLESS:
        assert found.verdict.endswith(f"utterances are there, but not as in the release ({kind})")


@pytest.mark.parametrize("name", ["cremad", "emodb", "shemo", "meld"])
def test_a_clip_far_longer_than_any(name, copy):
    damaged = copy(name)
    noise = np.random.default_rng(0).normal(0, 0.1, (24_000 * 70, 1))
    noise, rate = (noise[: 24_000 * 40].astype(np.float32), 24_000) if name == "meld" else (noise, 16_000)
    copies.write(damaged.sounds()[0], noise, rate)
    found, _ = only(damaged, "odd length", damaged.sounds()[0])
    assert found.usable == found.total


def test_labels_that_end_after_their_sound(copy):
    damaged = copy("iemocap")
    sound, rate = copies.samples(damaged.sounds()[0])
    copies.write(damaged.sounds()[0], sound[: len(sound) // 2], rate)
    found, problem = only(damaged, "label past the sound", damaged.sounds()[0])
    assert found.total - found.usable == int(problem["detail"].split("; ")[1].split()[0]) >= 1


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_file_with_another_ones_sound(name, copy):
    damaged = copy(name)
    *_, other, source = sorted(
        damaged.sounds(), key=lambda path: path.stat().st_size
    )  # the longer one: no label ends after
    copies.put(other, source.read_bytes() + (b"" if name == "meld" else b"LIST\x04\x00\x00\x00INFO"))
    first, second = sorted((damaged.where(source), damaged.where(other)))
    found, problem = only(damaged, "duplicate audio", second)
    assert f"the same sound as {first}," in problem["detail"] and found.usable == found.total


def test_labels_of_the_same_moment_may_share_a_sound(copy):
    """MELD has eleven pairs of labels with one span, whose clips are the same."""
    damaged = copy("meld")
    path = damaged.root / "train_sent_emo.csv"
    head, first, second, *rest = path.read_text(encoding="utf-8").splitlines()
    spans = [re.search(r'"?\d\d:\d\d:\d\d,\d+"?,"?\d\d:\d\d:\d\d,\d+"?$', line)[0] for line in (first, second)]
    copies.put(path, "\n".join([head, first, second.replace(spans[1], spans[0]), *rest]).encode())
    clips = [damaged.root / "train_splits" / f"dia0_utt{number}.mp4" for number in (0, 1)]
    copies.put(clips[1], clips[0].read_bytes())
    assert examine(damaged).problems.empty


def test_a_clip_known_as_bad_is_listed_and_the_copy_complete(copy, monkeypatch):
    damaged = copy("cremad")
    bad = damaged.sounds()[3]
    monkeypatch.setitem(cremad.CORPUS.known_bad, bad.stem, "the clip has no sound (issue 8)")
    found, problem = only(damaged, "known bad clip", bad)
    assert problem["detail"] == "the clip has no sound (issue 8)" and found.usable == found.total
    silence(bad)
    silent = examine(damaged)
    assert silent.problems[["file", "problem", "advice"]].to_numpy().tolist() == [
        [damaged.where(bad), "silent audio", "nothing: the clip has no sound (issue 8)"]
    ]
    assert (silent.state, silent.total - silent.usable) == ("complete", 1)
    assert silent.verdict.endswith("; 1 of them can be used in no copy")


# --- labels and folders


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "kind"),
    [
        ("iemocap", "Session1/dialog/EmoEvaluation/{first}.txt", "\n[", "\n[x", "bad label line"),
        ("cremad", "processedResults/summaryTable.csv", '"{first}","', '"{first}","?', "bad label line"),
        ("cremad", "SentenceFilenames.csv", "{first}", "{first}, again", "bad label line"),
        ("meld", "dev_sent_emo.csv", "00:", "no time 00:", "bad label line"),
        ("meld", "test_sent_emo.csv", "StartTime", "Start", "bad label file"),
        ("iemocap", "Session1/dialog/EmoEvaluation/{first}.txt", None, None, "missing labels"),
        ("cremad", "processedResults/summaryTable.csv", None, None, "missing labels"),
        ("cremad", "VideoDemographics.csv", None, None, "missing labels"),
        ("meld", "dev_sent_emo.csv", None, None, "missing labels"),
    ],
)
def test_a_damaged_label_file_is_one_problem(name, file, old, new, kind, copy):
    damaged = copy(name)
    first = damaged.sounds()[0].stem
    path = damaged.root / file.format(first=first)
    text = path.read_text(encoding="utf-8")
    path.unlink()
    if old:
        old, new = old.format(first=first), new.format(first=first)
        assert old in text
        copies.put(path, text.replace(old, new, 1).encode())
    only(damaged, kind, path)


def test_a_vote_and_an_actor_that_lack_their_line(copy):
    damaged = copy("cremad")
    clip, actor = damaged.sounds()[0].stem, damaged.sounds()[-1].stem[:4]
    for file, word in (("processedResults/summaryTable.csv", clip), ("VideoDemographics.csv", f"{actor},")):
        kept = [line for line in (damaged.root / file).read_text().splitlines() if word not in line]
        copies.put(damaged.root / file, "\n".join(kept).encode())
    found = examine(damaged)
    kinds = found.problems.set_index("problem")["file"].to_dict()
    kinds.pop("wrong count", None)  # of the votes: the line is gone and the clip is there
    assert kinds == {"missing vote": f"AudioWAV/{clip}.wav", "missing actor": "VideoDemographics.csv"}
    assert found.usable == found.total


@pytest.mark.parametrize(
    ("name", "folder", "kind"),
    [
        ("iemocap", "Session2", "missing session"),
        ("shemo", "male", "missing recordings"),
        ("meld", "dev_splits_complete", "missing recordings"),
    ],
)
def test_a_folder_that_is_not_there_is_one_problem(name, folder, kind, copy):
    damaged = copy(name)
    (damaged.root / folder).rename(damaged.root.parent / "elsewhere")
    found = examine(damaged)
    assert found.problems[["file", "problem"]].to_numpy().tolist() == [[folder, kind]]
    assert found.usable < found.total


# --- verdicts


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_copy_without_any_sound_is_unusable(name, copy):
    damaged = copy(name)
    for path in damaged.sounds():
        copies.put(path, POINTER)
    found = examine(damaged)
    assert found.verdict == f"unusable: none of {found.total} utterances can be used"
    assert found.state == "unusable" and set(found.problems["problem"]) == {"git-LFS pointer"}
    assert len(found.problems) == len(damaged.sounds())


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (lambda number, name: number < 7, "unusable: 7 of 30 utterances can be used, fewer than 25%"),
        (
            lambda number, name: name.startswith("03"),
            "unusable: all usable utterances are of one speaker: none can be held out",
        ),
        (lambda number, name: name[5] != "N", f"unusable: no utterance of {emodb.LABELS['N']} can be used"),
        (lambda number, name: name[5] != "L", f"missing or unusable; none of {emodb.LABELS['L']}"),
    ],
)
def test_too_little_is_unusable_and_a_first_look_foresees_it(kept, said, copy):
    damaged = copy("emodb")
    for number, path in enumerate(damaged.sounds()):
        if not kept(number, path.stem):
            path.unlink()
    verdict, look = examine(damaged).verdict, validate.first_look("emodb", damaged.root)
    assert said in verdict
    assert look.startswith(verdict) and "`make validate ARGS=emodb`" in look if "unusable:" in said else not look


def test_a_first_look_at_nothing_is_the_loaders_error_and_labels_alone_are_a_state_of_their_own(copy, tmp_path):
    with pytest.raises(CorpusError, match="no EmoDB under"):
        validate.first_look("emodb", tmp_path)
    damaged = copy("meld")
    for path in damaged.sounds():
        path.unlink()
    assert validate.first_look("meld", damaged.root) == "" and validate.annotation_only("meld", damaged.root)
    assert examine(damaged).state == "annotation only"


@pytest.mark.parametrize("name", corpora.NAMES)
def test_no_bad_file_is_an_error(name, copy):
    """Every file of a copy, labels and sounds, with some of its bytes overwritten by chance; and a folder in a file's place."""
    damaged = copy(name)
    rng = np.random.default_rng(4)
    damaged.sounds()[-1].unlink()
    (damaged.root / "a.wav").mkdir()
    for path in sorted(damaged.root.rglob("*")):
        if path.is_file() and path.name != "synthetic.json":
            content = np.frombuffer(path.read_bytes(), dtype=np.uint8).copy()
            places = rng.integers(0, min(len(content), 200), size=6)
            content[places] = rng.integers(0, 256, size=6)
            copies.put(path, content.tobytes())
    found = examine(damaged)
    assert not found.problems.empty


def test_a_draw_of_clips_is_of_use_however_large_its_release(copy, monkeypatch):
    damaged = copy("nemo")
    monkeypatch.setattr(validate.table, "expected_counts", lambda folder, given: given)  # the release's
    few = validate.examine("nemo", damaged.root, progress=False)
    assert few.verdict == "unusable: 12 of 4,481 utterances can be used, fewer than 25%"
    monkeypatch.setattr(validate, "DRAWN", 12)
    assert validate.examine("nemo", damaged.root, progress=False).state == "usable"
    assert validate.first_look("nemo", damaged.root) == ""


def test_the_real_emodb_lacks_three_classes_and_is_usable(real):
    found = validate.examine("emodb", real("emodb"), progress=False)
    assert found.verdict == ("usable with 196 of 535 utterances missing or unusable; none of fear, disgust, boredom")
    assert (found.state, found.usable) == ("usable", 339)
    assert found.problems["problem"].tolist() == ["wrong count"] * 3


# --- one file


@pytest.fixture
def sound():
    return np.random.default_rng(0).integers(-999, 999, size=(10_000, 2), dtype=np.int16)


def listened(path, sound, rate=16_000, subtype="PCM_16"):
    soundfile.write(path, sound, rate, subtype=subtype)
    return validate.listen(path)


@pytest.mark.parametrize("length", [1, 4_000, 9_999, 10_000])
def test_the_moment_after_which_all_is_zero_is_exact(tmp_path, sound, length):
    sound[length:] = 0
    sound[length - 1] = (0, 7)  # one channel is enough
    found = listened(tmp_path / "a.wav", sound)
    assert (found.seconds, found.ends_s, found.damage) == (10_000 / 16_000, length / 16_000, None)
    assert (found.sample_rate, found.channels) == (16_000, 2)


def test_only_samples_rate_and_channels_make_the_digest(tmp_path, sound):
    whole = listened(tmp_path / "a.wav", sound).digest
    assert listened(tmp_path / "b.wav", sound).digest == whole
    assert listened(tmp_path / "c.wav", sound, rate=8_000).digest != whole
    assert listened(tmp_path / "d.wav", sound.reshape(-1, 1)).digest != whole
    sound[5_000, 1] += 1
    assert listened(tmp_path / "e.wav", sound).digest != whole


def test_a_quiet_sample_of_24_bits_is_no_silence_and_one_that_is_no_number_is_damage(tmp_path):
    sound = np.zeros((1_000, 1))
    sound[500] = 2.0**-20  # below what 16 bits hold
    assert listened(tmp_path / "a.wav", sound, subtype="PCM_24").ends_s == 501 / 16_000
    sound[500] = np.nan
    assert "no finite number" in listened(tmp_path / "a.wav", sound, subtype="FLOAT").damage

"""RAVDESS, nEMO, URDU and EMOVO: what their files' names say, and copies as they are found, which are not all alike."""

import zlib

import numpy as np
import pytest
import soundfile

from emocast import corpora
from emocast.corpora import emodb, emovo, nemo, ravdess, table, urdu, validate
from emocast.corpora.table import CorpusWarning
from emocast.encoders import store

HEAD = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"


@pytest.fixture
def write(tmp_path):
    """A function that writes recordings, of half a second if not told otherwise, and gives their folder."""

    def writing(*names, seconds=0.5, rate=16_000, channels=1):
        for path in (tmp_path / (name if "." in name else f"{name}.wav") for name in names):
            path.parent.mkdir(exist_ok=True, parents=True)
            sound = np.random.default_rng(zlib.crc32(path.stem.encode())).normal(0, 0.1, (round(seconds * rate), 1))
            soundfile.write(path, np.repeat(sound, channels, axis=1), rate)
        return tmp_path

    return writing


def odd(corpus, root):
    found = corpus.validate(root)
    return found[found["problem"] != "wrong count"].set_index("file")["problem"].to_dict()


@pytest.mark.parametrize("above", ["", "Audio_Speech_Actors_01-24/"])
def test_names_of_ravdess_are_read_and_song_is_passed_over(write, above):
    root = write(
        f"{above}Actor_01/03-01-01-01-01-01-01", f"{above}Actor_02/03-01-02-01-02-02-02.flac",
        f"{above}Actor_24/03-01-08-02-02-01-24", f"{above}Actor_24/03-02-05-02-02-01-24",
    )  # fmt: skip
    rows = ravdess.load(root).set_index("utterance")
    assert list(rows["emotion"]) == ["neutral", "other", "surprise"]
    assert list(rows["speaker"]) == ["ravdess_01", "ravdess_02", "ravdess_24"]
    assert list(rows["sex"]) == ["male", "female", "female"] and list(rows["scenario"]) == ["01", "02", "02"]
    assert rows["text"].iloc[0] == "Kids are talking by the door" and set(rows["language"]) == {"en"}
    assert rows["audio"].iloc[1] == f"{above}Actor_02/03-01-02-01-02-02-02.flac" and not odd(ravdess, root)
    strange = [f"{above}Actor_01/{name}" for name in ("03-01-09-01-01-01-01", "03-01-05-01-01-01-02", "notes")]
    write(*strange)
    assert odd(ravdess, root) == {f"{name}.wav": "odd name" for name in strange}


def test_names_of_urdu_are_read(write):
    root = write("Angry/SM1_F10_A010", "Happy/SF6_F10_H034", "Neutral/SM25_F1_N01", "Sad/SM4_F48_S0100.flac")
    rows = urdu.load(root).set_index("utterance")
    assert rows["emotion"].to_dict() == {
        "SM1_F10_A010": "anger", "SF6_F10_H034": "happiness", "SM25_F1_N01": "neutral", "SM4_F48_S0100": "sadness",
    }  # fmt: skip
    assert rows["speaker"]["SM25_F1_N01"] == "urdu_SM25" and rows["sex"].value_counts()["male"] == 3
    assert set(rows["language"]) == {"ur"} and set(rows["rating"]) == {"rated"}
    write("Angry/SM1_F10_S010")
    assert odd(urdu, root) == {"Angry/SM1_F10_S010.wav": "odd name"}


@pytest.mark.parametrize("above", ["", "EMOVO/"])
def test_names_of_emovo_are_read(write, above):
    names = [f"{above}{who}/{code}-{who}-b1" for who in emovo.SPEAKERS for code in emovo.LABELS]
    root = write(*names)
    rows = emovo.load(root).set_index("utterance")
    assert len(rows) == 42 and rows["speaker"].nunique() == 6
    assert rows.groupby("sex")["speaker"].nunique().to_dict() == {"female": 3, "male": 3}
    assert rows["emotion"][["gio-f1-b1", "rab-m3-b1", "tri-f2-b1"]].tolist() == ["happiness", "anger", "sadness"]
    assert set(rows["scenario"]) == {"b1"} and set(rows["language"]) == {"it"}
    write(f"{above}f1/dis-f2-b2")
    assert odd(emovo, root) == {f"{above}f1/dis-f2-b2.wav": "odd name"}


def test_names_and_label_file_of_nemo_are_read(write):
    root = write("samples/EB0_anger_14", "samples/WR0_surprised_64.flac", "samples/XX0_fear_1")
    lines = [
        'EB0_anger_14.wav\tanger\tTen "miesiąc minął.\tten\tEB0\tfemale\t27',  # a quote that nothing closes
        "WR0_surprised_64.wav\tsurprised\tUcho.\tucho\t        WR0\tmale\t23",  # blanks, as the release has them
        "WR0_neutral_1.wav\tneutral\tLubię.\tlubię\tWR0\tmale\t23",
        "MP0_anger_1.wav\tanger\tLubię.\tlubię\tMP1\tmale\t23",
    ]
    (root / "data.tsv").write_text(HEAD + "\n".join(lines), encoding="utf-8")
    with pytest.warns(CorpusWarning, match="3 problem"):
        rows = nemo.load(root).set_index("utterance")
    assert rows["emotion"].to_dict() == {"EB0_anger_14": "anger", "WR0_surprised_64": "surprise", "XX0_fear_1": "fear"}
    assert rows["sex"].fillna("?").tolist() == ["female", "male", "?"] and rows["scenario"].tolist() == [
        "14",
        "64",
        "1",
    ]
    assert rows["text"].iloc[0] == 'Ten "miesiąc minął.' and rows["speaker"].iloc[1] == "nemo_WR0"
    found = nemo.validate(root)
    found = found[found["problem"] != "wrong count"]
    assert found[["file", "problem"]].to_numpy().tolist() == [
        ["data.tsv", "bad label line"], ["samples/WR0_neutral_1.wav", "missing audio"], ["data.tsv", "missing actor"],
    ]  # fmt: skip
    (root / "data.tsv").unlink()
    assert odd(nemo, root) == {"data.tsv": "missing labels"}


def test_flac_is_read_like_wav_and_passed_over_beside_it(write):
    root = write("wav/03a01Fa.flac", "wav/08b02Wc", "wav/08b02Wc.flac", "wav/16a05Lb.FLAC")
    assert [path.name for path in table.recordings(root / "wav")] == ["03a01Fa.flac", "08b02Wc.wav", "16a05Lb.FLAC"]
    assert list(emodb.load(root)["audio"]) == ["wav/03a01Fa.flac", "wav/08b02Wc.wav", "wav/16a05Lb.FLAC"]


# --- copies as they are found: stereo among mono, other rates, clips of 0.35 s


@pytest.fixture
def mixed(write):
    """An URDU of 24 clips: two are stereo, one of 8 kHz, one of 0.35 s."""
    names = [
        f"{folder}/S{'MF'[n % 2]}{n}_F1_{folder[0]}{n}"
        for n in range(1, 7)
        for folder in ("Angry", "Happy", "Neutral", "Sad")
    ]
    write(*names, seconds=0.6)
    write(*names[3:5], seconds=0.6, channels=2)
    write(names[7], seconds=0.6, rate=8_000)
    return write(names[9], seconds=0.35)


def test_what_is_unlike_the_others_is_read_and_told_in_a_line_with_first_and_number(mixed, monkeypatch):
    found = validate.examine("urdu", mixed, progress=False).problems.set_index("problem")
    assert found.loc["mixed channels", "detail"] == "2 of 24 have 2 channel(s), most 1; this one first"
    assert found.loc["mixed sample rates", "detail"] == "1 of 24 have 8,000 Hz, most 16,000; this one first"
    assert found.loc["short clips", "detail"] == "1 of 24 last less than 0.5 s, the shortest 0.35 s; this one first"
    assert found.loc["short clips", "file"] == "Happy/SF3_F1_H3.wav"
    counts = {**urdu.CORPUS.counts, "utterances": 24, "codes": dict.fromkeys("AHNS", 6)}
    monkeypatch.setattr(table, "expected_counts", lambda folder, given: counts)
    assert validate.examine("urdu", mixed, progress=False).state == "complete", "none of it spoils a copy"


def test_they_are_embedded_like_all_others(mixed, tmp_path):
    rows = urdu.load(mixed)
    assert len(rows) == 24 and rows["end_s"].min() == 0.35
    embedded, unreadable = store.embed("handcrafted", rows, mixed, jobs=1, folder=tmp_path / "store")
    assert unreadable.empty and np.isfinite(embedded).all()


def test_a_release_that_has_one_rate_is_held_to_it_in_one_line_for_all_files(write):
    names = [f"wav/{who}{sentence}{code}a" for who in ("03", "08") for sentence in ("a01", "b02") for code in "WFNT"]
    write(*names, seconds=1.0)
    root = write(*names[2:5], seconds=1.0, rate=44_100, channels=2)
    found = validate.examine("emodb", root, progress=False).problems
    found = found[found["problem"] != "wrong count"].set_index("problem")
    assert found["detail"].to_dict() == {
        "wrong sample rate": "44,100 Hz, the release has 16,000 Hz: 3 files, this one first",
        "wrong channels": "2 channel(s), the release has 1: 3 files, this one first",
    }
    assert set(found["file"]) == {"wav/03a01Na.wav"} and len(emodb.load(root)) == 16


def test_in_a_corpus_of_ones_own_too(mixed, tmp_path):
    loader = (
        "from pathlib import Path\nimport soundfile\n"
        "def load(root):\n    files = sorted(Path(root).glob('*/*.wav'))\n"
        "    return [dict(utterance=f.stem, speaker=f.stem[:3], audio=f.relative_to(root).as_posix(), start_s=0.0, "
        "end_s=soundfile.info(f).duration, emotion='anger') for f in files]\n"
    )
    (tmp_path / "loader.py").write_text(loader)
    corpora.register("found", tmp_path / "loader.py")
    found = validate.examine("found", mixed, progress=False)
    assert found.problems["problem"].tolist() == ["mixed sample rates", "mixed channels", "short clips"]
    assert found.state == "complete"


@pytest.mark.parametrize(
    ("name", "speakers", "classes"),
    [("ravdess", 24, {"neutral": 96}), ("nemo", 9, {"neutral": 126}), ("urdu", 29, {"neutral": 100})],
)
def test_the_real_recordings_are_read(real, name, speakers, classes):
    rows = corpora.get(name).load(real(name))
    counts = rows["emotion"].value_counts().to_dict()
    assert rows["speaker"].nunique() == speakers and counts["neutral"] == classes["neutral"]
    assert set(counts) == {"neutral", "happiness", "sadness", "anger"} and rows["sex"].notna().all()
    assert rows["end_s"].between(0.9, 5.5).all()

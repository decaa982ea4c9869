"""EmoDB and ShEMO, whose files' names say all there is to know."""

import numpy as np
import pytest
import soundfile

from emocast.corpora import emodb, shemo
from emocast.corpora.table import CorpusWarning


@pytest.fixture
def write(tmp_path):
    """A function that writes recordings of half a second and gives their folder."""

    def writing(*names):
        for path in (tmp_path / f"{name}.wav" for name in names):
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, np.full(8_000, 0.1), 16_000)
        return tmp_path

    return writing


def test_names_of_emodb_are_read(write):
    root = write("wav/03a01Fa", "wav/08b02Wc", "wav/16a05Lb")
    rows = emodb.load(root).set_index("utterance")
    assert list(rows["emotion"]) == ["happiness", "anger", "boredom"]
    assert list(rows["speaker"]) == ["emodb_03", "emodb_08", "emodb_16"]
    assert list(rows["sex"]) == ["male", "female", "female"]
    assert list(rows["scenario"]) == ["a01", "b02", "a05"]
    assert rows["end_s"].eq(0.5).all() and len(emodb.load(root / "wav")) == 3


def test_names_of_shemo_are_read(write):
    root = write("female/F01A01", "female/F02F01", "male/M01N05", "male/M28W12")
    rows = shemo.load(root).set_index("utterance")
    assert list(rows["emotion"]) == ["anger", "fear", "neutral", "surprise"]
    assert list(rows["speaker"]) == ["shemo_F01", "shemo_F02", "shemo_M01", "shemo_M28"]
    assert list(rows["sex"]) == ["female", "female", "male", "male"] and rows["audio"].iloc[0] == "female/F01A01.wav"
    assert set(rows["language"]) == {"fa"} and set(rows["rating"]) == {"rated"} and rows["dialogue"].isna().all()
    odd = ("female/M05N01", "male/M05X01", "male/M5N01", "male/notes")
    write(*odd, "male/._M01N05")
    found = shemo.validate(root)
    found = found[found["problem"] != "wrong count"].set_index("file")["problem"]
    assert found.to_dict() == {f"{name}.wav": "odd name" for name in odd}
    with pytest.warns(CorpusWarning, match="4 problem"):
        assert len(shemo.load(root)) == 4


def test_an_ending_in_capitals_is_read_and_a_second_file_of_the_name_is_not(write):
    root = write("wav/03a01Fa", "wav/08b02Wc")
    (root / "wav" / "03a01Fa.wav").rename(root / "wav" / "03a01Fa.WAV")
    assert len(emodb.load(root)) == 2
    write("wav/03a01Fa", "wav/03a03Fa")  # the latter is a sentence that the release does not have
    found = emodb.validate(root).set_index("file")
    assert found.loc[["wav/03a01Fa.wav", "wav/03a03Fa.wav"], "problem"].eq("odd name").all()
    with pytest.warns(CorpusWarning, match="2 problem"):
        assert len(emodb.load(root)) == 2


def test_the_real_recordings_are_read(real):
    rows = emodb.load(real("emodb"))
    assert rows["emotion"].value_counts().to_dict() == {"anger": 127, "neutral": 79, "happiness": 71, "sadness": 62}
    assert rows["speaker"].nunique() == 10
    assert (rows["end_s"] - rows["start_s"]).sum() == pytest.approx(954, abs=1)
    only_absent = emodb.validate(real("emodb"))  # the copy has four of the seven classes
    assert set(only_absent["file"]) == {"*L*.wav", "*E*.wav", "*A*.wav"}

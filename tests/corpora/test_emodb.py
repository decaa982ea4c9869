import numpy as np
import pytest
import soundfile

from emocast.corpora import emodb
from emocast.corpora.table import CorpusWarning


@pytest.fixture
def root(tmp_path):
    (tmp_path / "wav").mkdir()
    for name in ("03a01Fa", "08b02Wc", "16a05Lb"):
        soundfile.write(tmp_path / "wav" / f"{name}.wav", np.full(8_000, 0.1), 16_000)
    return tmp_path


def test_names_are_read(root):
    rows = emodb.load(root).set_index("utterance")
    assert list(rows["emotion"]) == ["happiness", "anger", "boredom"]
    assert list(rows["speaker"]) == ["emodb_03", "emodb_08", "emodb_16"]
    assert list(rows["sex"]) == ["male", "female", "female"]
    assert list(rows["scenario"]) == ["a01", "b02", "a05"]
    assert rows["end_s"].eq(0.5).all() and len(emodb.load(root / "wav")) == 3


def test_an_ending_in_capitals_is_read_and_a_second_file_of_the_name_is_not(root):
    (root / "wav" / "03a01Fa.wav").rename(root / "wav" / "03a01Fa.WAV")
    assert len(emodb.load(root)) == 3
    (root / "wav" / "03a01Fa.wav").write_bytes((root / "wav" / "03a01Fa.WAV").read_bytes())
    found = emodb.validate(root).set_index("file")
    assert found.loc["wav/03a01Fa.wav", "problem"] == "odd name"
    (root / "wav" / "03a03Fa.wav").write_bytes(b"words")  # a sentence that the release does not have
    with pytest.warns(CorpusWarning, match="2 problem"):
        assert len(emodb.load(root)) == 3


def test_the_real_recordings_are_read(real):
    rows = emodb.load(real("emodb"))
    assert rows["emotion"].value_counts().to_dict() == {"anger": 127, "neutral": 79, "happiness": 71, "sadness": 62}
    assert rows["speaker"].nunique() == 10
    assert (rows["end_s"] - rows["start_s"]).sum() == pytest.approx(954, abs=1)
    only_absent = emodb.validate(real("emodb"))  # the copy has four of the seven classes
    assert set(only_absent["file"]) == {"*L*.wav", "*E*.wav", "*A*.wav"}

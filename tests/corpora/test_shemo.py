import numpy as np
import pytest
import soundfile

from emocast.corpora import shemo
from emocast.corpora.table import CorpusWarning


@pytest.fixture
def root(tmp_path):
    for name in ("female/F01A01", "female/F02F01", "male/M01N05", "male/M28W12"):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.full(8_000, 0.1), 16_000)
    return tmp_path


def test_names_are_read(root):
    rows = shemo.load(root).set_index("utterance")
    assert list(rows.index) == ["F01A01", "F02F01", "M01N05", "M28W12"]
    assert list(rows["emotion"]) == ["anger", "fear", "neutral", "surprise"]
    assert list(rows["speaker"]) == ["shemo_F01", "shemo_F02", "shemo_M01", "shemo_M28"]
    assert list(rows["sex"]) == ["female", "female", "male", "male"]
    assert rows["audio"].iloc[0] == "female/F01A01.wav"
    assert set(rows["language"]) == {"fa"}
    assert set(rows["rating"]) == {"rated"}
    assert rows["dialogue"].isna().all()
    assert rows["end_s"].eq(0.5).all()


def test_names_that_cannot_be_are_listed_and_left_out(root):
    good = (root / "female" / "F01A01.wav").read_bytes()
    odd = ("female/M05N01", "male/M05X01", "male/M5N01", "male/notes", "male/._M01N05")
    for name in odd:
        (root / f"{name}.wav").write_bytes(good)
    found = shemo.validate(root)
    found = found[found["problem"] != "wrong count"].set_index("file")["problem"]
    assert found.to_dict() == {f"{name}.wav": "odd name" for name in odd[:4]}
    with pytest.warns(CorpusWarning, match="4 problem"):
        assert len(shemo.load(root)) == 4

import csv
import re

import pytest

from emocast.corpora.synthetic import TwinSettings, cremad, isolated, script, twins, voices


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return twins.make(tmp_path_factory.mktemp("cremad"), "cremad", TwinSettings(2, 12), seed=3, progress=False)


@pytest.mark.parametrize(
    "file", ["SentenceFilenames.csv", "VideoDemographics.csv", "processedResults/summaryTable.csv"]
)
def test_headers_and_quoting_are_the_real_ones(folder, file, real):
    """A field is quoted in the twin where it is in the corpus; only what nobody saw is NA."""
    theirs = (real("cremad") / file).read_text().splitlines()
    ours = (folder / file).read_text().splitlines()
    assert ours[0] == theirs[0]
    quoted = ["".join(re.sub(r'"[^"]*"', "Q", theirs[1])).split(",")]
    for line in ours[1:]:
        fields = re.sub(r'"[^"]*"', "Q", line).split(",")
        assert [field == "Q" for field in fields if field != "NA"] == [
            field == "Q" for field, own in zip(quoted[0], fields, strict=True) if own != "NA"
        ]


def test_the_tables_list_what_is_there(folder):
    names = sorted(path.stem for path in (folder / "AudioWAV").iterdir())
    with (folder / "processedResults" / "summaryTable.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "SentenceFilenames.csv").open(newline="") as file:
        listed = [row["Filename"] for row in csv.DictReader(file)]
    with (folder / "VideoDemographics.csv").open(newline="") as file:
        actors = {row["ActorID"]: row["Sex"] for row in csv.DictReader(file)}
    assert sorted(row["FileName"] for row in rows) == sorted(listed) == names
    assert actors == {"1001": "Male", "1002": "Female"}
    for row in rows:
        assert re.fullmatch(r"[ADFHNS](:[ADFHNS])*", row["VoiceVote"])
        levels = row["VoiceLevel"].split(":")
        assert len(levels) == len(row["VoiceVote"].split(":"))
        assert all(0 < float(level) <= 100 for level in levels)


def test_the_levels_belong_to_one_sentence_and_move_the_intensity():
    planned = isolated.plan(cremad.TWIN, TwinSettings(12, 82), seed=0)
    names = [utterance.name.split("_") for utterance in planned]
    assert all((sentence == "IEO" and code != "NEU") == (level != "XX") for _, sentence, code, level in names)
    strong = {level: [u.delivery.intensity for u in planned if u.name.endswith(level)] for level in ("LO", "HI")}
    assert sum(strong["LO"]) / len(strong["LO"]) < 0.6 * sum(strong["HI"]) / len(strong["HI"])


def test_sentences_are_others_than_in_the_conversations():
    assert not set(cremad.SENTENCES.values()) & set(script.SENTENCES)
    assert len(set(cremad.SENTENCES.values())) == 12
    assert {speaker.name for speaker in cremad.SPEAKERS}.isdisjoint(voices.SPEAKERS)

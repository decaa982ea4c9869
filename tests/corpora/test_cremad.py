import numpy as np
import pytest
import soundfile

from doctor_copies import POINTER
from emocast.corpora import cremad
from emocast.corpora.table import CorpusError, CorpusWarning

CLIPS = {  # clip -> vote
    "1001_DFA_ANG_XX": "A",
    "1001_IEO_HAP_LO": "N",
    "1002_DFA_NEU_XX": "A:N",
    "1040_ITH_SAD_XX": "S",
}
SUMMARY = "processedResults/summaryTable.csv"


def write_labels(root, clips):
    (root / "processedResults").mkdir(parents=True, exist_ok=True)
    lines = [f'"{number}","{clip}","{vote}","50","H","57"' for number, (clip, vote) in enumerate(clips.items(), 1)]
    head = '"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel"'
    (root / SUMMARY).write_text("\n".join([head, *lines]) + "\n")
    lines = [f'{number},"{clip}"' for number, clip in enumerate(clips, 1)]
    (root / "SentenceFilenames.csv").write_text("\n".join(['"Stimulus_Number","Filename"', *lines]) + "\n")
    (root / "VideoDemographics.csv").write_text(
        '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
        '1002,21,"Female","Caucasian","Not Hispanic"\n1040,30,"Female","Asian","Not Hispanic"\n'
    )


@pytest.fixture
def root(tmp_path):
    """A copy of four clips, one of which has the odd name of older copies."""
    root = tmp_path / "CREMA-D"
    (root / "AudioWAV").mkdir(parents=True)
    for clip in CLIPS:
        name = clip.replace("1040_ITH_SAD_XX", "1040_ITH_SAD_X")
        soundfile.write(root / "AudioWAV" / f"{name}.wav", np.full(8_000, 0.1), 16_000)
    write_labels(root, CLIPS)
    return root


def test_each_listeners_vote_is_read(root):
    """Rows of the face (from 200000) and of both are no votes on the voice; a line of no clip's is left out."""
    with pytest.raises(CorpusError, match=r"no listeners of CREMA-D .*tabulatedVotes.csv: no such file"):
        cremad.choices(root)
    rows = ['"","A","D","F","H","N","S","fileName","numResponses"', '"100001",2,0,0,0,1,0,"1001_DFA_ANG_XX",3']
    rows += ['"100002",0,0,0,0,0,1,"1040_ITH_SAD_X",1', '"200001",0,9,0,0,0,0,"1001_DFA_ANG_XX",9']
    (root / "processedResults" / "tabulatedVotes.csv").write_text("\n".join([*rows, '"100003",NA,0,0,0,0,0,"x",1']))
    found = cremad.choices(root)
    assert found["utterance"].tolist() == ["1001_DFA_ANG_XX"] * 3 + ["1040_ITH_SAD_XX"]
    assert found["emotion"].tolist() == ["anger", "anger", "neutral", "sadness"]
    assert found["rater"].tolist() == ["1", "2", "3", "1"] and set(found["weight"]) == {1.0}


def problems(root):
    """File -> kind of all problems but that four clips are no complete copy."""
    found = cremad.validate(root)
    return found[found["problem"] != "wrong count"].set_index("file")["problem"].to_dict()


def append(root, file, line):
    with (root / file).open("a") as stream:
        stream.write(line + "\n")
    return len((root / file).read_text().splitlines())


def test_names_are_read(root):
    rows = cremad.load(root).set_index("utterance")
    assert list(rows.index) == list(CLIPS)
    assert list(rows["emotion"]) == ["anger", "happiness", "neutral", "sadness"]
    assert list(rows["speaker"]) == ["cremad_1001", "cremad_1001", "cremad_1002", "cremad_1040"]
    assert list(rows["sex"]) == ["male", "male", "female", "female"]
    assert list(rows["scenario"]) == ["DFA", "IEO", "DFA", "ITH"]
    assert rows["dialogue"].isna().all()
    assert set(rows["language"]) == {"en"}
    assert set(rows["rating"]) == {"self-reported"}
    assert rows["start_s"].eq(0).all() and rows["end_s"].eq(0.5).all()
    assert all((root / path).is_file() for path in rows["audio"])


def test_votes_are_read_and_a_tie_has_no_emotion(root):
    rows = cremad.load(root, rating="rated").set_index("utterance")
    assert list(rows["emotion"].fillna("none")) == ["anger", "neutral", "none", "sadness"]
    assert set(rows["rating"]) == {"rated"}
    with pytest.raises(ValueError, match="no label set 'face'; there are self-reported and rated"):
        cremad.load(root, rating="face")
    others = [column for column in rows if column not in ("emotion", "rating")]
    assert rows[others].equals(cremad.load(root).set_index("utterance")[others])


def test_odd_names_are_listed_and_left_out(root):
    good = (root / "AudioWAV" / "1001_DFA_ANG_XX.wav").read_bytes()
    odd = ("1040_ITH_SAD_XX", "1001_DFA_JOY_XX")  # the first stands beside the same with one X
    for clip in odd:
        (root / "AudioWAV" / f"{clip}.wav").write_bytes(good)
    assert problems(root) == {f"AudioWAV/{clip}.wav": "odd name" for clip in odd}
    with pytest.warns(CorpusWarning, match="2 problem"):
        assert list(cremad.load(root)["utterance"]) == list(CLIPS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('"5","1001_DFA_JOY_XX","A"', "'1001_DFA_JOY_XX' has no actor"),
        ('"5","1001_DFA_SAD_XX","A:J"', "1001_DFA_SAD_XX has the vote 'A:J'"),
        ('"5","1001_DFA_SAD_XX",""', "1001_DFA_SAD_XX has the vote ''"),
        ('"5","1001_DFA_SAD_XX"', "1001_DFA_SAD_XX has the vote ''"),
        ('"5","1001_DFA_ANG_XX","N"', "1001_DFA_ANG_XX is listed a second time"),
    ],
)
def test_a_vote_that_does_not_parse_is_named_by_its_line_and_left_out(root, line, said):
    number = append(root, SUMMARY, line)
    found = cremad.validate(root).set_index("file")
    assert found.loc[SUMMARY, "problem"].tolist().count("bad label line") == 1
    detail = found.loc[found["problem"] == "bad label line", "detail"].item()
    assert detail.startswith(f"line {number}: ") and said in detail
    assert list(cremad.votes(root)["rated"].fillna("none")) == ["anger", "neutral", "none", "sadness"]


def test_a_clip_whose_vote_does_not_parse_has_one_problem_and_no_rating(root):
    text = (root / SUMMARY).read_text()
    (root / SUMMARY).write_text(text.replace('"1001_DFA_ANG_XX","A"', '"1001_DFA_ANG_XX","?"'))
    assert problems(root) == {SUMMARY: "bad label line"}
    assert "1001_DFA_ANG_XX" not in set(cremad.votes(root)["utterance"])
    with pytest.warns(CorpusWarning, match="1 problem"):
        assert "1001_DFA_ANG_XX" not in set(cremad.load(root, rating="rated")["utterance"])


def test_a_quote_that_nothing_closes_is_named_and_the_lines_before_it_are_read(root):
    append(root, SUMMARY, '"5","1001_DFA_SAD_XX","A\n' + "6,x,A\n" * 30_000)
    found = cremad.validate(root)
    assert "not readable as CSV" in found.loc[found["file"] == SUMMARY, "detail"].iloc[0]
    assert list(cremad.votes(root)["utterance"]) == list(CLIPS)


def test_missing_votes_are_one_clear_error_where_they_are_needed(root):
    (root / SUMMARY).unlink()
    for read in (cremad.votes, lambda folder: cremad.load(folder, rating="rated")):
        with pytest.raises(CorpusError, match=r"no votes of CREMA-D under .*summaryTable.csv: no such file.*#crema-d"):
            read(root)
    assert problems(root) == {SUMMARY: "missing labels"}
    with pytest.warns(CorpusWarning, match="1 problem"):
        assert len(cremad.load(root)) == 4


def test_the_real_label_files_are_read(real):
    read = cremad.votes(real("cremad"))
    assert len(read) == cremad.CORPUS.counts["utterances"]
    asked = {cremad.LABELS[code]: number for code, number in cremad.CORPUS.counts["codes"].items()}
    assert read["self_reported"].value_counts().to_dict() == asked
    heard = {cremad.VOTES[vote]: number for vote, number in cremad.CORPUS.counts["votes"].items() if vote != "tie"}
    assert read["rated"].value_counts().to_dict() == heard
    assert set(cremad.CORPUS.known_bad) <= set(read["utterance"])
    assert read["rated"].isna().sum() == cremad.CORPUS.counts["votes"]["tie"] == 644


def test_real_labels_and_clips_join_without_a_problem(real, tmp_path):
    """The real label files beside three made clips: every name, vote and sex parses; only sound is missing."""
    root = tmp_path / "CREMA-D"
    (root / "AudioWAV").mkdir(parents=True)
    for name in ("SentenceFilenames.csv", "VideoDemographics.csv", "processedResults"):
        (root / name).symlink_to(real("cremad") / name)
    for clip in ("1001_IEO_NEU_XX", "1002_IEO_NEU_XX", "1040_ITH_SAD_X"):
        soundfile.write(root / "AudioWAV" / f"{clip}.wav", np.zeros(8_000), 16_000)
    found = cremad.validate(root)
    assert found["problem"].value_counts().to_dict() == {"missing audio": 7439, "wrong count": 6}
    with pytest.warns(CorpusWarning, match="7439 problem"):
        rows = cremad.load(root, rating="rated")
    assert list(rows["emotion"]) == ["neutral", "neutral", "neutral"]
    assert list(rows["sex"]) == ["male", "female", "male"]


@pytest.mark.parametrize(
    ("content", "said"), [(POINTER, "no column FileName"), (b'"","FileName","VoiceVote"\n', "it holds no line")]
)
def test_another_table_in_the_place_of_the_votes_is_one_clear_error(root, content, said):
    (root / SUMMARY).write_bytes(content)
    with pytest.raises(CorpusError, match=rf"summaryTable.csv: {said}"):
        cremad.votes(root)

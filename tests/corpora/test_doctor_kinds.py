import re
from pathlib import Path

import pytest

from emocast.corpora import doctor_kinds
from emocast.corpora.doctor_kinds import KINDS

_FOUND = re.compile(r'(?:Problem\([^"]*?|kind = |yield |return )"([a-z][a-zA-Z -]+ [a-zA-Z -]+)",', re.DOTALL)


def test_every_kind_says_what_it_means():
    assert all(len(kind.meaning) > 20 for kind in KINDS.values())
    assert len({kind.meaning for kind in KINDS.values()}) == len(KINDS)


def test_the_modules_name_problems_by_these_words_and_no_others():
    folder = Path(doctor_kinds.__file__).parent
    modules = [
        "cremad",
        "emodb",
        "iemocap",
        "shemo",
        "clips",
        "doctor_sounds",
        *(p.stem for p in folder.glob("meld*.py")),
    ]
    named = {name for module in modules for name in _FOUND.findall((folder / f"{module}.py").read_text())}
    assert {"missing vote", "bad label line", "missing session", "wrong count", "lost utterance", "odd length"} <= named
    assert named <= set(KINDS)


@pytest.mark.parametrize(
    ("problem", "advice", "expected"),
    [
        ("silent audio", "get it again", True),
        ("silent audio", "nothing: the release's own is silent", False),
        ("wrong sample rate", "get it again", True),
        ("known bad clip", "leave it out", False),
    ],
)
def test_what_keeps_a_copy_from_being_complete(problem, advice, expected):
    assert doctor_kinds.spoils(problem, advice) is expected

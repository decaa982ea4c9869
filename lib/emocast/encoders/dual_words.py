"""Words as numbers without a vocabulary: the pieces of a word, each with a place in a table that is found by hashing.

As in fastText (Bojanowski et al. 2017, https://arxiv.org/abs/1607.04606, section 3.2): a word stands between the marks `<` and
`>`, its pieces are all runs of 3 to 6 characters and the whole, and a word's vector is the mean of its pieces' vectors. So
"angrily", which was never seen, is not a blank where "angry" is known. The hash is FNV-1a, as there: Python's own differs
from process to process, and a stored model would read other words.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence

SHORTEST, LONGEST = 3, 6  # characters of a piece, marks included

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_OFFSET, _PRIME, _BITS = 2_166_136_261, 16_777_619, 0xFFFFFFFF  # FNV-1a of 32 bits


def words(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation; "matter-of-fact" and "isn't" are one each.

    Raises:
        ValueError: it has none.
    """
    found = _WORD.findall(unicodedata.normalize("NFC", text).casefold())
    if not found:
        raise ValueError(f"the text {text!r} has no words; write what should be found in the sound")
    return found


def pieces(word: str) -> list[str]:
    """The pieces of a word: every run of `SHORTEST` to `LONGEST` characters of `<word>`, and all of it; each once."""
    marked = f"<{word}>"
    runs = [
        marked[start : start + length]
        for length in range(SHORTEST, LONGEST + 1)
        for start in range(len(marked) - length + 1)
    ]
    return list(dict.fromkeys([*runs, marked]))


def place(piece: str, *, buckets: int) -> int:
    """The row of a piece in a table of so many rows; two pieces may share one."""
    value = _OFFSET
    for byte in piece.encode():
        value = ((value ^ byte) * _PRIME) & _BITS
    return value % buckets


@functools.lru_cache(maxsize=100_000)
def places(word: str, buckets: int) -> Sequence[int]:
    """The rows of all pieces of a word."""
    return tuple(place(piece, buckets=buckets) for piece in pieces(word))

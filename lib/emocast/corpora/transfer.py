"""One file over HTTP, whole or not at all, and never twice what is there already.

pooch checks digests and puts files in their place; its own downloader begins anew each time. `Resuming` goes on where the last
run was stopped: what came lies in `<file>.part`, and beside it what the server said of the file then (`.part.json`). It is
appended to only when the server's new answer fits that; else it begins anew.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests
from requests.adapters import HTTPAdapter
from tqdm.auto import tqdm
from urllib3.util import Retry

_PIECE = 1 << 14  # of a piece that is not whole when the connection breaks, nothing is kept
_PATIENCE_S = (15, 90)  # to connect, and between two pieces
_PAUSE_S = 0.5  # before a busy server is asked again, doubled each time
#: How a file of each kind begins.
_BEGINNINGS = {".zip": b"PK", ".tar.gz": b"\x1f\x8b", ".wav": b"RIFF"}
#: Answers after which asking again a little later makes sense.
_BUSY = (429, 500, 502, 503, 504)

pooch.get_logger().setLevel(logging.WARNING)  # it reports each file; the progress bar does that here


class DownloadError(ValueError):
    """Something could not be fetched or put in its place. The message says what, where, and what to do."""


def fetch(
    address: str,
    target: Path,
    *,
    checksum: str | None = None,
    publisher: str = "its source publishes",
    progress: bool = True,
    advance: Callable[[int], object] | None = None,
    connections: requests.Session | None = None,
) -> Path:
    """Fetch a file, unless it is there.

    Args:
        address: where it is.
        target: where it goes; the ending says what it must be (.zip, .tar.gz, .wav).
        checksum: "sha256:...", which it must have; None where nothing is known.
        publisher: who states the checksum, for the message.
        progress: show a bar.
        advance: is told the number of bytes that came, instead of a bar of its own.
        connections: a `session` to share where many files come from one server; one of its own otherwise.

    Returns:
        `target`.

    Raises:
        DownloadError: the server cannot be reached or has no such file, the connection broke (what came is kept), the
            content is another one. Nothing lies at `target` then.
        OSError: the disk refuses.
    """
    bar = tqdm(desc=target.name, unit="B", unit_scale=True, disable=not progress or advance is not None)
    with bar, contextlib.nullcontext(connections) if connections else session() as shared:
        downloader = Resuming(target, shared, bar, advance or bar.update)
        try:
            pooch.retrieve(address, checksum, fname=target.name, path=target.parent, downloader=downloader)
        except DownloadError:
            raise
        except requests.RequestException as error:
            kept = "; what came is kept, run again to go on" if downloader.part.exists() else "; run again later"
            raise DownloadError(f"{address}: {_why(error)}{kept}") from error
        except ValueError as error:  # pooch's word for another digest; it has deleted the file
            raise DownloadError(
                f"{address}: the file is damaged or another one: {_digests(error)} {publisher}. It was deleted; run again, "
                "and if that gives the same, see data/README.md for another way to this corpus"
            ) from error
    return target


@dataclass
class Resuming:
    """A downloader for `pooch.retrieve` that goes on with what an earlier run left.

    Attributes:
        target: the file; `.part` and `.part.json` are kept beside it.
        session: what to ask with.
        bar: a tqdm bar that shows the file, if it is shown.
        advance: is told the number of bytes that came.
    """

    target: Path
    session: requests.Session
    bar: tqdm
    advance: Callable[[int], object]

    @property
    def part(self) -> Path:
        """What came of the file so far."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def note(self) -> Path:
        """What the server said of the file then."""
        return self.target.with_name(f"{self.target.name}.part.json")

    def __call__(self, url: str, output_file: str, pooch: object, check_only: bool = False) -> None:
        """Fetch `url` into `output_file`; the signature is pooch's."""
        start, response = self._answer(url)
        with response:
            total = _total(response, start)
            self.bar.reset(total=total)
            self.advance(start)
            self._write(response, url, start)
        came = self.part.stat().st_size
        if total is not None and came != total:
            raise requests.ConnectionError(f"it ended after {came:,} of {total:,} bytes")
        self.part.replace(output_file)
        self.note.unlink(missing_ok=True)

    def _answer(self, url: str) -> tuple[int, requests.Response]:
        """Ask for the rest where there is a part that the server's answer fits, for all otherwise: where it starts, and it."""
        known = self._known(url)
        start = self.part.stat().st_size if known else 0
        response = _ask(self.session, url, start)
        if start and not _continues(response, start, known):
            start = 0
            if response.status_code != requests.codes.ok:
                response.close()
                response = _ask(self.session, url, 0)
        if response.status_code not in (requests.codes.ok, requests.codes.partial):
            raise DownloadError(_refusal(url, response))
        return start, response

    def _known(self, url: str) -> dict:
        """What the server said of the part that is there; nothing where that is not known, or was of another address."""
        try:
            known = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        fits = isinstance(known, dict) and known.get("address") == url and (known.get("etag") or known.get("modified"))
        return known if fits and self.part.exists() else {}

    def _write(self, response: requests.Response, url: str, start: int) -> None:
        pieces = response.iter_content(_PIECE)
        first = next(pieces, b"")
        if not start:
            refuse_other_content(first, self.target.name, url)
            self.note.write_text(json.dumps({"address": url, **_marks(response)}), encoding="utf-8")
        with self.part.open("ab" if start else "wb") as file:
            while first:
                file.write(first)
                self.advance(len(first))
                first = next(pieces, b"")


def refuse_other_content(beginning: bytes, name: str, address: str) -> None:
    """See by its first bytes whether a file is what its name says.

    Raises:
        DownloadError: it is not; a web page, which servers send in place of what they no longer have, is named as such.
    """
    kind = next((ending for ending in _BEGINNINGS if name.endswith(ending)), None)
    if kind is None or beginning.startswith(_BEGINNINGS[kind]):
        return
    found = "nothing" if not beginning else f"something else (it begins with {beginning[:12]!r})"
    if re.match(rb"\s*(<!doctype html|<html|<\?xml)", beginning, re.IGNORECASE):
        title = re.search(rb"<title[^>]*>\s*(.{1,80}?)\s*</title>", beginning, re.IGNORECASE | re.DOTALL)
        found = "a web page" + (f" ({title[1].decode('utf-8', 'replace')!r})" if title else "")
    raise DownloadError(
        f"{address}: {found} came in place of a {kind} file: the address may have moved; see data/README.md for the "
        "corpus's own page"
    )


def session() -> requests.Session:
    """Connections to servers, which are asked again a few times when they are busy."""
    connections = requests.Session()
    patient = Retry(total=3, backoff_factor=_PAUSE_S, status_forcelist=_BUSY, raise_on_status=False)
    for scheme in ("http://", "https://"):
        connections.mount(scheme, HTTPAdapter(max_retries=patient))
    return connections


def disk_says(error: OSError, folder: Path) -> str:
    """What to tell a reader when the disk refuses.

    Args:
        error: what the system said.
        folder: where it was to be written.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
        return (
            f"{folder}: no room left on the disk ({free / 1e6:,.0f} MB free): make room or give DATA=another folder, and "
            "run again; it goes on with what has come"
        )
    return (
        f"{folder}: cannot be written ({error.strerror or error}): see to its permissions, or give DATA=another folder"
    )


def _ask(session: requests.Session, url: str, start: int) -> requests.Response:
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    return session.get(url, headers=headers, stream=True, timeout=_PATIENCE_S)


def _continues(response: requests.Response, start: int, known: dict) -> bool:
    """Whether an answer is the rest of the very file of which a part is there."""
    place = re.match(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if response.status_code != requests.codes.partial or not place:
        return False
    marks = _marks(response, total=int(place[2]))
    return int(place[1]) == start and all(known.get(mark) == value for mark, value in marks.items())


def _marks(response: requests.Response, *, total: int | None = None) -> dict:
    """What tells a file from a later one of the same address. A weak ETag does not: it holds for "about the same"."""
    etag = response.headers.get("ETag", "")
    return {
        "etag": None if etag.startswith("W/") else etag or None,
        "modified": response.headers.get("Last-Modified"),
        "total": total if total is not None else _total(response, 0),
    }


def _total(response: requests.Response, start: int) -> int | None:
    """Bytes of the whole file; None where the server does not say, or packs it on the way."""
    length = response.headers.get("Content-Length", "")
    packed = response.headers.get("Content-Encoding", "identity") != "identity"
    return start + int(length) if length.isdigit() and not packed else None


def _refusal(url: str, response: requests.Response) -> str:
    later = response.status_code in _BUSY
    advice = "the server is busy, run again later" if later else "see data/README.md for the corpus's own page"
    return f"{url}: the server answers {response.status_code} {response.reason}: {advice}"


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    broke = isinstance(error, requests.exceptions.ChunkedEncodingError) or "it ended after" in str(error)
    return "the connection broke" if broke else "the server cannot be reached"


def _digests(error: ValueError) -> str:
    """The two digests of pooch's message, short."""
    found = re.search(r"expected (?:\w+:)?(\w{12})\w* but got (\w{12})", str(error))
    return f"its digest is {found[2]}..., not the {found[1]}... that" if found else f"{error};"

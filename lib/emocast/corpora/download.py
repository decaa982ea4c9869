"""Fetch a corpus as far as its licence lets us, and put it in place whole or not at all.

What is not finished lies in one hidden folder beside the corpora, `.downloads/<corpus>/`: on the same disk, so that a finished
corpus is put in place by renaming it. A run that is killed or fails leaves the data folder as it was, and the next one goes on
with what has come. A copy that is there already is never overwritten. pooch holds what comes against its digest; where a source
publishes none, that of the first download is noted in `downloads.json` beside the corpora, for later ones.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import logging
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path, PurePosixPath
from typing import IO

import filelock
import joblib
import pooch
import requests
from requests.adapters import HTTPAdapter
from tqdm.auto import tqdm
from urllib3.util import Retry

from .. import corpora, paths
from . import table
from .table import Archive, Corpus

_NOTES = "downloads.json"
_PATIENCE_S = (15, 90)  # to connect, and between two pieces
_PAUSE_S = 0.5  # before a busy server is asked again, doubled each time
_BUSY = (429, 500, 502, 503, 504)  # answers after which asking again a little later makes sense
_BEGINNINGS = {".zip": b"PK", ".tar.gz": b"\x1f\x8b", ".wav": b"RIFF"}
_POINTER = re.compile(rb"version https://git-lfs\S*\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n(?:.*\n)*?size (\d+)")
_BAR = {"unit": "B", "unit_scale": True}
_CLUTTER = ("__MACOSX", ".DS_Store")  # what macOS adds to an archive of its own
#: What the libraries raise for a file that is damaged, cut short or packed in a way of its own.
_DAMAGED = (zipfile.BadZipFile, zlib.error, tarfile.TarError, gzip.BadGzipFile, EOFError, RuntimeError)
_CLASH = (FileExistsError, NotADirectoryError, IsADirectoryError)  # a name is both a file and a folder in it

pooch.get_logger().setLevel(logging.WARNING)  # it reports each file; the progress bar does that here


class DownloadError(ValueError):
    """Something could not be fetched or put in its place. The message says what, where, and what to do."""


def fetch(name: str, root: Path | str, *, progress: bool = True, partial: bool = False) -> str:
    """Fetch a corpus into its folder; what is there already is left alone. Gives one sentence on what was done.

    Args:
        name: one of `corpora.NAMES`, and `root` its folder.
        progress: show bars.
        partial: where a corpus comes as many clips, put in place what could be had even if some could not.

    Raises:
        DownloadError: the corpus is licensed, something else is in its place, or it could not be fetched or unpacked. The
            data folder is as it was.
    """
    corpus, root = corpora.get(name), Path(root).resolve()
    work = root.parent / ".downloads" / root.name
    if not corpus.archives:
        raise DownloadError(corpus.ask.format(root=paths.relative(root)) or f"{name} is a corpus of your own")
    if table.is_synthetic(root):
        raise DownloadError(f"{root}: this is a synthetic twin, which is left alone: give DATA=another folder")
    try:
        work.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{work}.lock", timeout=0):
            try:
                return _fetch(corpus, root, work, progress=progress, partial=partial)
            finally:
                shutil.rmtree(work / "unpacked", ignore_errors=True)
                for folder in (work, work.parent):  # if nothing is left in it, it goes
                    if folder.is_dir() and all(path.suffix == ".lock" for path in folder.iterdir()):
                        shutil.rmtree(folder, ignore_errors=True)
    except filelock.Timeout:
        raise DownloadError(f"{root}: another run is fetching it: wait for that") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(root.parent).free / 1e6
            why = f"no room left on the disk ({free:,.0f} MB free): make room or give DATA=another folder"
            raise DownloadError(f"{root}: {why}, and run again; it goes on with what has come") from error
        why = f"cannot be written ({error.strerror or error})"
        raise DownloadError(f"{root}: {why}: see to its permissions, or give DATA=another folder") from error


def _fetch(corpus: Corpus, root: Path, work: Path, *, progress: bool, partial: bool) -> str:
    wanted, clips = _lacking(corpus, root), corpus.clips
    if clips and not wanted:
        there = [path for path in (root / clips.folder).glob("*.wav") if not _is_missing(path)]
        wanted = list(corpus.archives) if len(there) < clips.count else []
    if not wanted:
        return f"{root}: there already, left alone"
    _see_to_room(2 * sum(archive.size or 0 for archive in wanted), work)
    unpacked, said = work / "unpacked", "complete"
    shutil.rmtree(unpacked, ignore_errors=True)  # what a killed run left
    for archive in wanted:
        _retrieve_archive(archive, unpacked, work, progress)
    if clips:
        said = _fetch_clips(corpus, root, work, progress=progress, partial=partial)
    _put_in_place(unpacked, root)
    shutil.rmtree(work)
    return f"{root}: {said}"


def _lacking(corpus: Corpus, root: Path) -> list[Archive]:
    """The archives whose files are not there; an error where they would have to overwrite something."""
    lacking = [archive for archive in corpus.archives if not all((root / path).exists() for path in archive.holds)]
    if not lacking or (corpus.clips and (root / corpus.clips.folder).is_dir()):
        return lacking  # of many clips, those that lack are added
    begun = any((root / path.split("/")[0]).exists() for archive in lacking for path in archive.holds)
    foreign = root.exists() and (not root.is_dir() or any(not path.name.startswith(".") for path in root.iterdir()))
    if begun or (foreign and len(lacking) == len(corpus.archives)):
        absent = next(path for archive in lacking for path in archive.holds if not (root / path).exists())
        what = "`python -m emocast.corpora validate` says what is wrong with it; move it away to get the corpus anew"
        raise DownloadError(f"{root}: it holds something, but no {absent}: it is left alone. {what}")
    return lacking


def _see_to_room(needed: int, work: Path) -> None:
    """Refuse what cannot fit before hours of download; `needed` counts what has come already."""
    free = shutil.disk_usage(work).free + sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    if needed > free:
        told = f"about {needed / 1e9:,.1f} GB are needed, {free / 1e9:,.1f} GB are free"
        raise DownloadError(f"{work.parent.parent}: {told}: make room or give DATA=another folder")


def _put_in_place(folder: Path, root: Path) -> None:
    """Rename a finished folder to where it belongs, or its files one by one: only pointers and empty files give way."""
    if root.is_dir() and not any(root.iterdir()):
        root.rmdir()
    if not root.exists():
        folder.replace(root)
        return
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        target = root / path.relative_to(folder)
        if _is_missing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def _retrieve(
    address: str, target: Path, session: requests.Session, bar: tqdm, *, checksum: str | None, publisher: str
) -> None:
    """Fetch a file whole or not at all, unless it is there; what came of it is kept, and a later call asks for the rest."""
    part = target.with_name(f"{target.name}.part")

    def download(url: str, output_file: str, pooch: object, check_only: bool = False) -> None:
        _go_on(url, part, session, bar)
        part.replace(output_file)

    try:
        pooch.retrieve(address, checksum, fname=target.name, path=target.parent, downloader=download)
    except DownloadError:
        raise
    except requests.RequestException as error:
        broke = "the connection broke" if part.exists() else "the server cannot be reached"
        why = "the server does not answer" if isinstance(error, requests.Timeout) else broke
        kept = "what came is kept, run again to go on" if part.exists() else "run again later"
        raise DownloadError(f"{address}: {why}; {kept}") from error
    except ValueError as error:  # pooch has deleted the file
        again = "Run again, and if that gives the same, see data/README.md for another way to this corpus"
        why = f"the file is damaged or another one ({error}): it has not the digest that {publisher}"
        raise DownloadError(f"{address}: {why}. {again}") from error


def _go_on(url: str, part: Path, session: requests.Session, bar: tqdm) -> None:
    """Ask for the rest of a file if the server still has the same one ("If-Range": RFC 9110, 13.1.5), else for all of it."""
    note = part.with_name(f"{part.name}.etag")
    etag = note.read_text(encoding="utf-8") if note.exists() and part.exists() else ""
    start = part.stat().st_size if etag else 0
    headers = {"Range": f"bytes={start}-", "If-Range": etag} if start else {}
    headers["Accept-Encoding"] = "identity"
    with session.get(url, headers=headers, stream=True, timeout=_PATIENCE_S) as response:
        start = start if response.status_code == 206 else 0
        if response.status_code == 416:  # nothing is left to be sent, and yet it was not put in place
            part.unlink()
        if not response.ok:
            busy = response.status_code in _BUSY
            advice = "the server is busy, run again later" if busy else "see data/README.md for the corpus's own page"
            raise DownloadError(f"{url}: the server answers {response.status_code} {response.reason}: {advice}")
        pieces = response.iter_content(1 << 14)  # of a piece that is not whole, nothing is kept
        piece = next(pieces, b"")
        if not start:
            kind = next(kind for kind in _BEGINNINGS if part.name.endswith(f"{kind}.part"))
            if not piece.startswith(_BEGINNINGS[kind]):
                page = re.match(rb"\s*<[!?\w]", piece)
                found = "a web page" if page else f"something else (it begins with {piece[:12]!r})"
                moved = "the address may have moved; see data/README.md for the corpus's own page"
                raise DownloadError(f"{url}: {found} came in place of a {kind} file: {moved}")
            etag = response.headers.get("ETag", "")
            note.write_text("" if etag.startswith("W/") else etag, encoding="utf-8")  # a weak one tells too little
        bar.update(start)
        with part.open("ab" if start else "wb") as file:
            while piece:
                bar.update(file.write(piece))
                piece = next(pieces, b"")
    note.unlink()


def _session() -> requests.Session:
    """Connections to servers, which are asked again a few times when they are busy."""
    session = requests.Session()
    patient = Retry(total=3, backoff_factor=_PAUSE_S, status_forcelist=_BUSY, raise_on_status=False)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=patient))
    return session


# --- archives, with no trust in them


class ArchiveError(ValueError):
    """An archive is damaged, or holds what may not be unpacked."""


def _retrieve_archive(archive: Archive, unpacked: Path, work: Path, progress: bool) -> None:
    """Fetch an archive, unpack it and see that it brought what it should; a bad one is deleted."""
    packed, notes = work / archive.file, work.parent.parent / _NOTES
    try:
        every = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    except ValueError as error:
        raise DownloadError(f"{notes}: cannot be read ({error}): delete it, and digests are noted anew") from error
    noted = every.get(archive.address, {})
    checksum, publisher = archive.checksum, "its source publishes"
    if not checksum:
        checksum, publisher = noted.get("sha256"), f"it had on {noted.get('date')} ({_NOTES} beside the corpora)"
    with _session() as session, tqdm(desc=archive.file, total=archive.size, **_BAR, disable=not progress) as bar:
        _retrieve(archive.address, packed, session, bar, checksum=checksum, publisher=publisher)
    try:
        with tqdm(desc=f"unpacking {archive.file}", **_BAR, disable=not progress) as bar:
            unpack(packed, unpacked / archive.into, archive, advance=bar.update)
        if lacking := [path for path in archive.holds if not (unpacked / path).exists()]:
            raise ArchiveError(f"it holds no {lacking[0]}: it is packed in another way than it was")
    except ArchiveError as error:
        packed.unlink()
        again = "Nothing of it is kept; run again, and if that gives the same, tell us"
        raise DownloadError(f"{archive.address}: {archive.file}: {error}. {again}") from error
    if archive.steady and not checksum:
        digest = f"sha256:{pooch.file_hash(packed, alg='sha256')}"
        every[archive.address] = {"sha256": digest, "bytes": packed.stat().st_size, "date": date.today().isoformat()}
        with paths.replacing(notes) as temporary:
            temporary.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def unpack(packed: Path, folder: Path, archive: Archive, *, advance: Callable[[int], object] = int) -> None:
    """Unpack a zip or tar.gz file: plain files alone, below one `folder`, under limits that count real bytes.

    tarfile's own filter for data lets links in and takes the slash off absolute names, and zip files have none.

    Raises:
        ArchiveError: it is damaged, or holds names that lead outside, links, devices, or more than `archive.limit`. The caller
            deletes `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = written = 0
    try:
        for name, stream in _members(packed, nested=archive.nested):
            parts = PurePosixPath(name).parts
            parts = parts[1:] if parts[:1] == (archive.strip,) else parts
            clutter = any(part in _CLUTTER or part.startswith("._") for part in parts)
            if not parts or clutter or not "/".join(parts).startswith(archive.keep):
                continue
            files += 1
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with stream, target.open("wb") as file:
                while piece := stream.read(1 << 20):
                    written += len(piece)
                    if written > archive.limit or files > 100_000:
                        raise ArchiveError("it unpacks to more than a sound one could: refused")
                    advance(file.write(piece))
    except (*_DAMAGED, *_CLASH) as error:
        raise ArchiveError(f"it is damaged or cut short ({error})") from error


def _members(packed: Path, *, nested: bool) -> Iterator[tuple[str, IO[bytes]]]:
    """The name and the content of every file of an archive, in its order."""
    if packed.name.endswith(".zip"):
        with zipfile.ZipFile(packed) as archive:
            for member in archive.infolist():
                _see_to_name(member.filename)
                if not member.is_dir():
                    yield member.filename, archive.open(member)
    else:
        with packed.open("rb") as stream:
            yield from _tar_members(stream, "", nested=nested)


def _tar_members(stream: IO[bytes], below: str, *, nested: bool) -> Iterator[tuple[str, IO[bytes]]]:
    with gzip.GzipFile(fileobj=stream) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
        for member in archive:
            _see_to_name(member.name)
            if not (member.isfile() or member.isdir()):
                raise ArchiveError(f"it holds a link or device, {member.name!r}: refused")
            if member.isfile() and nested and member.name.endswith(".tar.gz"):
                inner = f"{below}{member.name}".removesuffix(PurePosixPath(member.name).name)
                yield from _tar_members(archive.extractfile(member), inner, nested=nested)
            elif member.isfile():
                yield f"{below}{member.name}", archive.extractfile(member)
        while plain.read(1 << 20):  # a checksum or a missing end may stand behind the last member
            pass


def _see_to_name(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or re.match("[A-Za-z]:", name):
        raise ArchiveError(f"it holds a file that would be written outside of its folder, {name!r}: refused")


# --- clips that a repository keeps in git-LFS: thousands of small files, each held to the SHA-256 of its pointer


def _fetch_clips(corpus: Corpus, root: Path, work: Path, *, progress: bool, partial: bool) -> str:
    """Fetch the clips that the unpacked pointers name and a copy lacks, and put them in the pointers' places."""
    unpacked, here = work / "unpacked" / corpus.clips.folder, root / corpus.clips.folder
    clips = {path.name: _content(path) for path in sorted(unpacked.glob("*.wav"))}
    lacking = {name: clip for name, clip in clips.items() if _is_missing(here / name)}
    other = [name for name in clips.keys() - lacking.keys() if _content(here / name) != clips[name]]
    renamed = {_content(path) for path in here.glob("*.wav") if path.name not in clips} if lacking else set()
    lacking = {name: clip for name, clip in lacking.items() if clip not in renamed}
    _see_to_room(sum(size for _, size in lacking.values()), work)
    asked = {name: lacking[name] for name in lacking if _is_missing(unpacked / name)}  # or the repository has it itself
    size = sum(size for _, size in asked.values())
    with _session() as session, tqdm(desc=f"{len(asked):,} clips", total=size, **_BAR, disable=not progress) as bar:

        def one(name: str) -> tuple[str, str] | None:
            known = {"checksum": f"sha256:{asked[name][0]}", "publisher": "its repository publishes"}
            try:
                _retrieve(f"{corpus.clips.address}{name}", work / "clips" / name, session, bar, **known)
            except DownloadError as error:
                return name, str(error)
            return None

        # six hide the wait for answers, and are few for a public server
        failed = dict(filter(None, joblib.Parallel(6, prefer="threads")(map(joblib.delayed(one), asked))))
    if failed and not partial:
        advice = "Run again to get the rest, or with --partial to use what is there; the first"
        first = f"{len(failed):,} of {len(lacking):,} clips could not be had; the others are kept in {work}. {advice}:"
        raise DownloadError("\n".join([first, *(f"  {name}: {failed[name]}" for name in sorted(failed)[:5])]))
    for name in clips:
        if name in asked and name not in failed:
            (work / "clips" / name).replace(unpacked / name)
        elif name in failed or name not in lacking:
            (unpacked / name).unlink()
    again = "delete them to get them again"
    left = f"; {len(other):,} differ and were left alone, as {min(other)}: {again}" if other else ""
    lacks = f"; {len(failed):,} could not be had, as {min(failed)}" if failed else ""
    return f"{len(lacking) - len(failed):,} clips fetched{lacks}{left}"


def _pointer(path: Path) -> tuple[str, int] | None:
    """The SHA-256 and size that a git-LFS pointer states; None if the file is anything else."""
    found = _POINTER.match(path.read_bytes()) if path.stat().st_size <= 1024 else None  # git-LFS takes no larger one
    return (found[1].decode(), int(found[2])) if found else None


def _content(path: Path) -> tuple[str, int]:
    """The SHA-256 and size of a clip, or of what its pointer stands for."""
    return _pointer(path) or (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


def _is_missing(path: Path) -> bool:
    """Whether a clip is not there: no file, an empty one, or a pointer in its place."""
    return not path.is_file() or path.stat().st_size == 0 or _pointer(path) is not None

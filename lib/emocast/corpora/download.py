"""Fetch a corpus as far as its licence lets us, and put it in place when all of its archives have come.

What is not finished lies in one hidden folder beside the corpora, `.downloads/<corpus>/`: on the same disk, so that a finished
corpus is put in place by renaming it. A run that is killed or fails leaves the data folder as it was (but for clips: those that
came are put in place), and the next one goes on with what has come. A copy that is there already is never overwritten.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
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
from .table import Archive, Clips, Corpus

_PATIENCE_S = (15, 90)  # to connect, and between two pieces
_PAUSE_S = 0.5  # before a busy server is asked again, doubled each time
_POINTER = re.compile(rb"version https://git-lfs\S*\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n(?:.*\n)*?size (\d+)")
_BAR = {"unit": "B", "unit_scale": True}
#: What is raised for a file that is damaged, cut short or packed in a way of its own, or whose names are both file and folder.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, tarfile.TarError, gzip.BadGzipFile, EOFError, RuntimeError),
    *(FileExistsError, NotADirectoryError, IsADirectoryError),
)

pooch.get_logger().setLevel(logging.WARNING)  # it reports each file; the progress bar does that here


class DownloadError(ValueError):
    """Something could not be fetched, unpacked or put in its place. The message says what, where, and what to do."""


def fetch(name: str, root: Path | str, *, progress: bool = True) -> str:
    """Fetch a corpus, one of `corpora.NAMES`, into its folder; what is there already is left alone. Gives what was done.

    DownloadError where it is licensed, something else is in its place, or it could not be fetched or unpacked: then the data
    folder is as it was. Or where some of many clips could not be had: the others are in place.
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
                return _fetch(corpus, root, work, progress)
            finally:
                shutil.rmtree(work / "unpacked", ignore_errors=True)
                for folder in (work, work.parent):  # if nothing is left in it, it goes
                    if folder.is_dir() and all(path.suffix == ".lock" for path in folder.iterdir()):
                        shutil.rmtree(folder, ignore_errors=True)
    except filelock.Timeout:
        raise DownloadError(f"{root}: another run is fetching it: wait for that") from None
    except OSError as error:
        why = f"cannot be written ({error.strerror or error}): see to room and permissions, or give DATA=another folder"
        raise DownloadError(f"{root}: {why}; what has come is kept, run again to go on") from error


def _fetch(corpus: Corpus, root: Path, work: Path, progress: bool) -> str:
    wanted, clips = _lacking(corpus, root), corpus.clips
    lack = clips.count - sum(not _is_missing(path) for path in (root / clips.folder).glob("*.wav")) if clips else 0
    wanted = list(corpus.archives) if lack > 0 else wanted
    if not wanted:
        return f"{root}: there already, left alone"
    needed = 2 * sum(archive.size or 0 for archive in wanted)  # refused before hours of download
    needed += clips.size * lack / clips.count if lack > 0 else 0
    free = shutil.disk_usage(work).free + sum(path.stat().st_size for path in work.rglob("*"))
    if needed > free:
        told = f"about {needed / 1e9:,.1f} GB are needed, {free / 1e9:,.1f} GB are free"
        raise DownloadError(f"{root.parent}: {told}: make room or give DATA=another folder")
    unpacked = work / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)  # what a killed run left
    for archive in wanted:
        _fetch_archive(archive, unpacked, work, progress)
    failed = _fetch_clips(clips, unpacked, root, work, progress) if clips else {}
    _put_in_place(unpacked, root)
    shutil.rmtree(work)
    if failed:
        first = "\n".join(f"  {failed[name]}" for name in sorted(failed)[:5])
        raise DownloadError(
            f"{root}: {len(failed):,} clips could not be had: run again to get them; the first:\n{first}"
        )
    return f"{root}: complete"


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


def _put_in_place(folder: Path, root: Path) -> None:
    """Rename a finished folder or file to where it belongs, or where something is, what is in it: each in one step, so that a
    killed run leaves no folder half full. Only pointers and empty files give way.
    """
    if root.is_dir() and not any(root.iterdir()):
        root.rmdir()
    if folder.is_dir() and root.exists():
        for path in folder.iterdir():
            _put_in_place(path, root / path.name)
    elif _is_missing(root):
        folder.replace(root)


def _retrieve(address: str, target: Path, session: requests.Session, bar: tqdm, checksum: str | None) -> None:
    """Fetch a file whole or not at all, unless it is there; what came of it is kept, and a later call asks for the rest."""
    part = target.with_name(f"{target.name}.part")
    again = "run again, and if that gives the same, see data/README.md for another way to it"

    def download(url: str, output_file: str, pooch: object) -> None:
        headers = {"Accept-Encoding": "identity"} | (
            {"Range": f"bytes={part.stat().st_size}-"} if part.exists() else {}
        )
        with session.get(url, headers=headers, stream=True, timeout=_PATIENCE_S) as response:
            if response.status_code == 416:  # there is no rest: it is another file than the one that was begun
                part.unlink()
            response.raise_for_status()
            if "text/html" in response.headers.get("Content-Type", ""):  # of a log-in, or of a file that has moved
                raise DownloadError(f"{url}: a web page came in its place: {again}")
            goes_on = response.status_code == 206
            bar.update(part.stat().st_size if goes_on else 0)
            with part.open("ab" if goes_on else "wb") as file:
                for piece in response.iter_content(1 << 14):
                    bar.update(file.write(piece))
        part.replace(output_file)

    try:
        pooch.retrieve(address, checksum, fname=target.name, path=target.parent, downloader=download)
    except requests.RequestException as error:
        kept = "what came is kept, run again to go on" if part.exists() else again
        raise DownloadError(f"{address} cannot be fetched ({error}): {kept}") from error
    except ValueError as error:  # pooch has deleted the file
        raise DownloadError(
            f"{address}: damaged, or another file than its source (or downloads.json) says ({error}): {again}"
        ) from error


def file(address: str, target: Path, *, progress: bool = True) -> None:
    """Fetch one file into its place, if it is not there, whole or not at all; a later call goes on. DownloadError, OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    lock, bar = filelock.FileLock(target.with_name(f".{target.name}.lock")), {"desc": target.name, **_BAR}
    with lock, _session() as session, tqdm(**bar, disable=not progress) as shown:
        _retrieve(address, target, session, shown, None)


def _session() -> requests.Session:
    """Connections to servers, which are asked again a few times when they are busy."""
    session, busy = requests.Session(), (429, 500, 502, 503, 504)
    retries = Retry(3, backoff_factor=_PAUSE_S, status_forcelist=busy, raise_on_status=False)
    session.mount("https://", HTTPAdapter(max_retries=retries))
    session.mount("http://", HTTPAdapter(max_retries=retries))
    return session


# --- archives, with no trust in them


def _fetch_archive(archive: Archive, unpacked: Path, work: Path, progress: bool) -> None:
    """Fetch an archive, unpack it and see that it brought what it should; a bad one is deleted."""
    packed, notes = work / archive.file, work.parent.parent / "downloads.json"
    noted = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    checksum = archive.checksum or noted.get(archive.address, {}).get("sha256")
    with _session() as session, tqdm(desc=archive.file, total=archive.size, **_BAR, disable=not progress) as bar:
        _retrieve(archive.address, packed, session, bar, checksum)
    try:
        with tqdm(desc=f"unpacking {archive.file}", **_BAR, disable=not progress) as bar:
            unpack(packed, unpacked / archive.into, archive, advance=bar.update)
        if lacking := [path for path in archive.holds if not (unpacked / path).exists()]:
            raise DownloadError(f"it holds no {lacking[0]}: it is packed in another way than it was")
    except DownloadError as error:
        packed.unlink()
        again = (
            "Nothing of it is kept; run again, and if that gives the same, see data/README.md for the corpus's own page"
        )
        raise DownloadError(f"{archive.address}: {archive.file}: {error}. {again}") from error
    if archive.steady and not checksum:  # who fetches it again gets the same file, or is told
        noted[archive.address] = {"sha256": f"sha256:{pooch.file_hash(packed)}"}
        with paths.replacing(notes) as partial:
            partial.write_text(json.dumps(noted, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def unpack(packed: Path, folder: Path, archive: Archive, *, advance: Callable[[int], object] = int) -> None:
    """Unpack a zip or tar.gz file: plain files alone, below one `folder`, under limits that count real bytes.

    DownloadError where it is damaged, or holds names that lead outside, links, devices, or more than `archive.limit`.
    tarfile's own filter for data lets links in and takes the slash off absolute names, and zip files have none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = written = 0
    try:
        for name, stream in _members(packed, nested=archive.nested):
            parts = PurePosixPath(name).parts
            parts = parts[1:] if [part.lower() for part in parts[:1]] == [archive.strip.lower()] else parts
            clutter = any(part in ("__MACOSX", ".DS_Store") or part.startswith("._") for part in parts)  # of macOS
            if not parts or clutter or not "/".join(parts).startswith(tuple(archive.keep)):
                continue
            files += 1
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with stream, target.open("wb") as file:
                while piece := stream.read(1 << 20):
                    written += len(piece)
                    if written > archive.limit or files > 100_000:
                        raise DownloadError("it unpacks to more than a sound one could: refused")
                    advance(file.write(piece))
    except _DAMAGED as error:
        raise DownloadError(f"it is damaged, cut short or no archive ({error})") from error


def _members(packed: Path, *, nested: bool) -> Iterator[tuple[str, IO[bytes]]]:
    """The name and the content of every file of an archive, in its order."""
    if packed.name.endswith(".zip"):
        with zipfile.ZipFile(packed) as archive:
            for member in archive.infolist():
                _see_to_name(member.filename)
                if member.external_attr >> 28 not in (0, 4, 8):  # the kind of file: not stated, a folder, a plain one
                    raise DownloadError(f"it holds a link or device, {member.filename!r}: refused")
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
                raise DownloadError(f"it holds a link or device, {member.name!r}: refused")
            file = PurePosixPath(member.name).name
            packed = file.endswith(".tar.gz") and not file.startswith("._")  # such are macOS's
            if member.isfile() and nested and packed:
                inner = f"{below}{member.name}".removesuffix(file)
                yield from _tar_members(archive.extractfile(member), inner, nested=nested)
            elif member.isfile():
                yield f"{below}{member.name}", archive.extractfile(member)
        while plain.read(1 << 20):  # a checksum or a missing end may stand behind the last member
            pass


def _see_to_name(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or re.match("[A-Za-z]:", name):
        raise DownloadError(f"it holds a file that would be written outside of its folder, {name!r}: refused")


# --- clips that a repository keeps in git-LFS: thousands of small files, each held to the SHA-256 of its pointer


def _fetch_clips(clips: Clips, unpacked: Path, root: Path, work: Path, progress: bool) -> dict[str, str]:
    """Put the clips that a copy lacks in the place of their unpacked pointers; gives those that failed, and why."""
    pointers = {path: _pointer(path) for path in (unpacked / clips.folder).glob("*.wav")}
    asked = {path: found for path, found in pointers.items() if found and _is_missing(root / clips.folder / path.name)}
    size = sum(size for _, size in asked.values())
    with _session() as session, tqdm(desc=f"{len(asked):,} clips", total=size, **_BAR, disable=not progress) as bar:

        def one(path: Path) -> tuple[str, str] | None:
            address, checksum = f"{clips.address}{path.name}", f"sha256:{asked[path][0]}"
            try:
                return _retrieve(address, work / "clips" / path.name, session, bar, checksum)
            except DownloadError as error:
                return path.name, str(error)

        # six hide the wait for answers, and are few for a public server
        failed = dict(filter(None, joblib.Parallel(6, prefer="threads")(map(joblib.delayed(one), asked))))
    for path in (path for path, found in pointers.items() if found):
        path.unlink()
        if path in asked and path.name not in failed:
            (work / "clips" / path.name).replace(path)
    there = {path.name: found[0] for path, found in pointers.items() if found and path not in asked}
    other = (name for name, digest in there.items() if pooch.file_hash(root / clips.folder / name) != digest)
    return failed | {name: f"{name}: not the repository's file; delete it to get that" for name in other}


def _pointer(path: Path) -> tuple[str, int] | None:
    """The SHA-256 and size that a git-LFS pointer states; None if the file is anything else."""
    found = _POINTER.match(path.read_bytes()) if path.stat().st_size <= 1024 else None  # git-LFS takes no larger one
    return (found[1].decode(), int(found[2])) if found else None


def _is_missing(path: Path) -> bool:
    """Whether a clip is not there: no file, an empty one, or a pointer in its place."""
    return not path.is_file() or path.stat().st_size == 0 or _pointer(path) is not None

"""Unpacking what came over the network, with no trust in it.

Archives of others may name files outside of the folder they are unpacked to, hold links or devices, or swell to more than any
disk holds. Here nothing but plain files is written, below one folder, under limits that count real bytes. The first thing
that is not as it should be ends it with one `ArchiveError`; what was written until then lies in that folder alone, which
the caller deletes. (tarfile's own filter for data is not strict enough here: it lets links in and takes the slash off absolute
names, Python 3.10 may lack it, and zip files have none.)
"""

from __future__ import annotations

import gzip
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

_PIECE = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
_TAR = re.compile(r"\.(tar\.gz|tgz|tar)$")
#: What macOS adds to an archive of its own.
_CLUTTER = ("__MACOSX", ".DS_Store")
#: What the libraries raise for a file that is damaged, cut short or packed in a way of its own.
_DAMAGED = (zipfile.BadZipFile, zlib.error, tarfile.TarError, gzip.BadGzipFile, EOFError, RuntimeError)


class ArchiveError(ValueError):
    """An archive is damaged, or holds what may not be unpacked. The message says what and where."""


@dataclass
class Budget:
    """What may still be unpacked; one for an archive and all that is nested in it.

    Attributes:
        bytes: of all files together.
        files: their number.
    """

    bytes: int
    files: int = 100_000

    def take(self, *, files: int = 0, bytes: int = 0) -> None:
        """Count what is about to be written.

        Raises:
            ArchiveError: it is more than may be.
        """
        self.files -= files
        self.bytes -= bytes
        if self.files < 0 or self.bytes < 0:
            what = "files" if self.files < 0 else "bytes"
            raise ArchiveError(f"it unpacks to more {what} than a sound one could: refused")


def unpack(
    archive: Path,
    folder: Path,
    *,
    budget: Budget,
    strip: str = "",
    keep: Iterable[str] = (),
    nested: bool = False,
    advance: Callable[[int], object] = lambda count: None,
) -> None:
    """Unpack a zip, tar or tar.gz file into a folder of its own.

    Args:
        archive: the file.
        folder: where to; it is made.
        budget: the limits.
        strip: a leading folder that is left off the names which have it.
        keep: only files whose name (after that) begins with one of these; all where there is none.
        nested: unpack tar files inside where they lie, and do not write them themselves.
        advance: is told the number of bytes just written.

    Raises:
        ArchiveError: it is damaged, or holds names that lead outside, links, devices, or more than the budget.
        OSError: the disk refuses.
    """
    writer = _Writer(folder, budget, strip, tuple(keep), nested, advance)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if _TAR.search(archive.name):
            with archive.open("rb") as stream:
                writer.write_tar(stream, archive.name)
        else:
            writer.write_zip(archive)
    except ArchiveError as error:
        raise ArchiveError(f"{archive.name}: {error}") from None
    except _DAMAGED as error:
        raise ArchiveError(f"{archive.name}: it is damaged or cut short ({error})") from error


@dataclass
class _Writer:
    folder: Path
    budget: Budget
    strip: str
    keep: tuple[str, ...]
    nested: bool
    advance: Callable[[int], object]

    def write_zip(self, archive: Path) -> None:
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                _refuse_odd_kind(member.filename, _zip_kind(member))
                target = self.target(member.filename)
                if target and not member.is_dir():
                    with packed.open(member) as stream:
                        self.copy(stream, target)

    def write_tar(self, stream: IO[bytes], name: str, *, below: str = "") -> None:
        """Unpack a tar stream; `below` is the folder of an inner one."""
        with _plain(stream, name) as plain, tarfile.open(fileobj=plain, mode="r|") as packed:
            for member in packed:
                _refuse_odd_kind(member.name, _tar_kind(member))
                _safe_parts(member.name)  # by itself: below another folder an absolute name would look harmless
                inner = f"{below}{member.name}"
                target = self.target(inner)
                if target and member.isfile():
                    self.write_member(packed, member, target, inner)
            while plain.read(_PIECE):  # a checksum or a missing end may stand behind the last member
                pass

    def write_member(self, packed: tarfile.TarFile, member: tarfile.TarInfo, target: Path, name: str) -> None:
        stream = packed.extractfile(member)
        if self.nested and _TAR.search(target.name):
            self.write_tar(stream, target.name, below=name.removesuffix(target.name))
        else:
            self.copy(stream, target)

    def target(self, name: str) -> Path | None:
        """Where a member goes; None if it is not wanted."""
        parts = _safe_parts(name)
        if self.strip and parts[:1] == (self.strip,):
            parts = parts[1:]
        clutter = any(part in _CLUTTER or part.startswith("._") for part in parts)
        wanted = not self.keep or any("/".join(parts).startswith(beginning) for beginning in self.keep)
        return self.folder.joinpath(*parts) if parts and wanted and not clutter else None

    def copy(self, stream: IO[bytes], target: Path) -> None:
        self.budget.take(files=1)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                while piece := stream.read(_PIECE):
                    self.budget.take(bytes=len(piece))
                    file.write(piece)
                    self.advance(len(piece))
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise ArchiveError(f"{target.name!r} is both a file and a folder in it") from error


def _safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a member's name, if it stays inside."""
    name = _printable(name)
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or _DRIVE.match(name)
    if outside:
        raise ArchiveError(f"it holds a file that would be written outside of its folder, {name!r}: refused")
    return path.parts


def _printable(name: str) -> str:
    """A name in another encoding than UTF-8, which Python reads as lone surrogates, in letters that can be shown."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape").decode("latin-1")
    return name


def _refuse_odd_kind(name: str, kind: str) -> None:
    if kind not in ("file", "folder"):
        raise ArchiveError(f"it holds a {kind}, {_printable(name)!r}: refused, for plain files alone are unpacked")


def _zip_kind(member: zipfile.ZipInfo) -> str:
    mode = stat.S_IFMT(member.external_attr >> 16)
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return kinds.get(mode, "device")


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return "link"
    return "file" if member.isfile() else "folder" if member.isdir() else "device"


def _plain(stream: IO[bytes], name: str) -> IO[bytes]:
    """A stream of tar blocks. Python's gzip reader, unlike tarfile's own, notices where a file was cut short."""
    return _Whole(stream, name) if name.endswith(".tar") else gzip.GzipFile(fileobj=stream)


class _Whole:
    """A tar stream without compression, which remembers how it ended: with two empty blocks, if nobody cut it short."""

    def __init__(self, stream: IO[bytes], name: str):
        self.stream, self.name, self.end = stream, name, b""

    def read(self, size: int) -> bytes:
        piece = self.stream.read(size)
        self.end = (self.end + piece)[-2 * tarfile.BLOCKSIZE :]
        if not piece and self.end.strip(b"\0"):
            raise EOFError("its end is missing")
        return piece

    def __enter__(self) -> _Whole:
        return self

    def __exit__(self, *_: object) -> None:
        pass

"""Fetch a corpus as far as its licence lets us, and put it in place whole or not at all.

A corpus is fetched and unpacked in a hidden folder (`staging`) and renamed to where it belongs when it is complete. A run that
is killed or fails leaves the data folder as it was, and the next one goes on with what has come. A copy that is there already
is never overwritten.

Where a source publishes no checksum, the digest of the first download is noted in `downloads.json` beside the corpora, and
later downloads are held against it.
"""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pooch
from tqdm.auto import tqdm

from .. import paths
from . import archives, lfs, sources, staging, table, transfer
from .sources import Archive, Source
from .transfer import DownloadError

_NOTES = "downloads.json"


def fetch(name: str, root: Path | str, *, progress: bool = True, partial: bool = False) -> str:
    """Fetch a corpus into its folder; what is there already is left alone.

    Args:
        name: one of `sources.SOURCES`.
        root: the corpus folder, as for the module's `load`.
        progress: show bars.
        partial: where a corpus comes as many clips, put in place what could be had even if some could not.

    Returns:
        One sentence on what was done.

    Raises:
        DownloadError: the corpus is licensed, something else is in its place, or it could not be fetched or unpacked. The
            data folder is as it was.
        ValueError: there is no such corpus.
    """
    source, root = sources.get(name), Path(root).resolve()
    if not source.archives:
        raise DownloadError(source.ask.format(root=paths.relative(root)))
    if table.is_synthetic(root):
        raise DownloadError(f"{root}: this is a synthetic twin, which is left alone: give DATA=another folder")
    try:
        with staging.alone(root) as work:
            if source.clips:
                return _fetch_clips(source, root, work, progress=progress, partial=partial)
            return _fetch(source, root, work, progress=progress)
    except OSError as error:
        raise DownloadError(transfer.disk_says(error, root)) from error


def _fetch(source: Source, root: Path, work: Path, *, progress: bool) -> str:
    """A corpus that comes as one or a few archives."""
    wanted = _lacking(source, root)
    if not wanted:
        return f"{root}: there already, left alone"
    staging.see_to_room(2 * sum(archive.size or 0 for archive in wanted), work)
    with staging.emptied(work / "unpacked") as unpacked:
        for archive in wanted:
            _unpack(archive, unpacked, work, progress)
        staging.put_in_place(unpacked, root)
    shutil.rmtree(work)
    return f"{root}: complete"


def _fetch_clips(source: Source, root: Path, work: Path, *, progress: bool, partial: bool) -> str:
    """A corpus whose archive points to clips; a partial copy is filled up."""
    if not _lacking(source, root) and _has_clips(source, root):
        return f"{root}: there already, left alone"
    tree, sound = work / "tree", work / "tree" / source.clips.folder
    with staging.emptied(work / "unpacked") as unpacked:
        for archive in source.archives:
            _unpack(archive, unpacked, work, progress)
        clips = lfs.listed(unpacked / source.clips.folder)
        missing, other = lfs.compare(clips, root / source.clips.folder)
        staging.see_to_room(sum(clip.size for clip in missing.values()), work)
        for path in (unpacked / source.clips.folder).iterdir():
            if lfs.pointer(path):
                path.unlink()
        staging.merge(unpacked, tree)  # the label files, and sound if the repository packed it
    failed = lfs.fetch(missing, sound, address=source.clips.address, progress=progress)
    if failed and not partial:
        raise DownloadError(_some_failed(failed, len(missing), work))
    for path in [
        path for path in sound.iterdir() if path.name not in missing
    ]:  # the beginnings of clips, and sound not needed
        path.unlink()
    staging.merge(tree, root) if staging.holds_something(root) else staging.put_in_place(tree, root)
    shutil.rmtree(work)
    left = f"; {len(other):,} differ and were left alone, as {other[0]}: delete them to get them again" if other else ""
    lacks = f"; {len(failed):,} could not be had, as {min(failed)}" if failed else ""
    return f"{root}: {len(missing) - len(failed):,} clips fetched{lacks}{left}"


def _lacking(source: Source, root: Path) -> list[Archive]:
    """The archives whose files are not there.

    Raises:
        DownloadError: the folder holds something that is not this corpus, or parts that would have to be overwritten.
    """
    lacking = [archive for archive in source.archives if not all((root / path).exists() for path in archive.holds)]
    if not lacking or (
        source.clips and (root / source.clips.folder).is_dir()
    ):  # of many clips, those that lack are added
        return lacking
    begun = [path for archive in lacking for path in archive.holds if (root / path.split("/")[0]).exists()]
    foreign = len(lacking) == len(source.archives) and staging.holds_something(root)
    if begun or foreign:
        absent = next(path for archive in lacking for path in archive.holds if not (root / path).exists())
        raise DownloadError(
            f"{root}: it holds something, but no {absent}: it is left alone. `python -m emocast.corpora validate` says what is "
            "wrong with it; move it away to get the corpus anew"
        )
    return lacking


def _has_clips(source: Source, root: Path) -> bool:
    there = [path for path in (root / source.clips.folder).glob("*.wav") if not lfs.is_missing(path)]
    return len(there) >= source.clips.count


def _unpack(archive: Archive, unpacked: Path, work: Path, progress: bool) -> None:
    """Fetch an archive, unpack it and see that it brought what it should; a bad one is deleted."""
    packed, noted = work / archive.file, _note(work, archive)
    checksum = archive.checksum or noted.get("sha256")
    publisher = (
        "its source publishes" if archive.checksum else f"it had on {noted.get('date')} ({_NOTES} beside the corpora)"
    )
    transfer.fetch(archive.address, packed, checksum=checksum, publisher=publisher, progress=progress)
    try:
        with tqdm(desc=f"unpacking {archive.file}", unit="B", unit_scale=True, disable=not progress) as bar:
            archives.unpack(
                packed,
                unpacked / archive.into,
                budget=archives.Budget(archive.limit),
                strip=archive.strip,
                keep=archive.keep,
                nested=archive.nested,
                advance=bar.update,
            )
        lacking = [path for path in archive.holds if not (unpacked / path).exists()]
        if lacking:
            raise archives.ArchiveError(
                f"{archive.file}: it holds no {lacking[0]}: it is packed in another way than it was"
            )
    except archives.ArchiveError as error:
        packed.unlink()
        raise DownloadError(
            f"{archive.address}: {error}. Nothing of it is kept; run again, and if that gives the same, tell us"
        ) from error
    if archive.steady and not archive.checksum:
        _write_note(work, archive, packed)


def _some_failed(failed: dict[str, str], number: int, work: Path) -> str:
    shown = sorted(failed)[:5]
    lines = [f"  {name}: {failed[name]}" for name in shown]
    more = [f"  and {len(failed) - len(shown):,} more"] if len(failed) > len(shown) else []
    advice = "Run again to get the rest, or with --partial to use what is there"
    first = f"{len(failed):,} of {number:,} clips could not be had; the others are kept in {work}. {advice}:"
    return "\n".join([first, *lines, *more])


def _notes(work: Path) -> Path:
    return work.parent.parent / _NOTES


def _read_notes(work: Path) -> dict:
    path = _notes(work)
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise DownloadError(f"{path}: cannot be read ({error}): delete it, and digests are noted anew") from error


def _note(work: Path, archive: Archive) -> dict:
    return _read_notes(work).get(archive.address, {}) if archive.steady else {}


def _write_note(work: Path, archive: Archive, packed: Path) -> None:
    digest = pooch.file_hash(packed, alg="sha256")
    entry = {"sha256": f"sha256:{digest}", "bytes": packed.stat().st_size, "date": date.today().isoformat()}
    notes = {archive.address: entry, **_read_notes(work)}
    with paths.replacing(_notes(work)) as partial:
        partial.write_text(json.dumps(notes, indent=1, sort_keys=True) + "\n", encoding="utf-8")

"""Where the corpora come from: the files to get, what they hold and how they are known to be whole.

The addresses stand here and nowhere else, each with the place that states it. `download` fetches what is listed;
`python -m emocast.corpora where` shows it. IEMOCAP has no file here: its licence is asked for, not downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass

GIGABYTE = 10**9


@dataclass(frozen=True)
class Archive:
    """One packed file of a corpus.

    Attributes:
        address: where it is.
        file: its name while it is kept for unpacking; the ending (.zip, .tar.gz) says what it must be.
        holds: what it brings, relative to the corpus folder; all of it there means that this file is not needed.
        checksum: "sha256:..." where the source publishes one.
        size: bytes, as the source states them; for the reader, and to see before the start whether there is room.
        strip: a folder that encloses everything inside, which is left off.
        into: the folder that its files go to, below the corpus folder.
        keep: only what begins with one of these is unpacked; all where it is empty.
        nested: whether archives inside are unpacked where they lie, too.
        limit: bytes that it may unpack to; more is taken for an attack or a fault.
        steady: whether it is the same file at each download, so that a digest can be held against an earlier one.
    """

    address: str
    file: str
    holds: tuple[str, ...]
    checksum: str | None = None
    size: int | None = None
    strip: str = ""
    into: str = ""
    keep: tuple[str, ...] = ()
    nested: bool = False
    limit: int = 4 * GIGABYTE
    steady: bool = True


@dataclass(frozen=True)
class Clips:
    """Sound that a repository keeps in git-LFS: its archive holds a pointer, the SHA-256 and size of each clip, in its place.

    Attributes:
        address: where the clips are, each by its name at the end.
        folder: where they go, below the corpus folder, as in the repository.
        count: how many a complete copy has.
        size: bytes of all of them.
    """

    address: str
    folder: str
    count: int
    size: int


@dataclass(frozen=True)
class Source:
    """How one corpus is got.

    Attributes:
        folder: its folder below the data folder (the profile `paper` has the same).
        section: the part of data/README.md about it.
        archives: what is fetched and unpacked.
        clips: sound kept in git-LFS, which the first of the archives points to.
        ask: what to do where nothing may be fetched.
    """

    folder: str
    section: str
    archives: tuple[Archive, ...] = ()
    clips: Clips | None = None
    ask: str = ""

    @property
    def size(self) -> int | None:
        """Bytes to download as far as the sources state them; None where one of them does not."""
        sizes = [self.clips.size] if self.clips else [archive.size for archive in self.archives]
        return sum(sizes) if sizes and None not in sizes else None


_CREMAD = "CheyneyComputerScience/CREMA-D"

#: By the names of `corpora.NAMES`.
SOURCES: dict[str, Source] = {
    "iemocap": Source(
        folder="IEMOCAP_full_release",
        section="iemocap",
        # https://sail.usc.edu/iemocap/ holds the form; a download link comes by mail.
        ask="IEMOCAP is licensed by the SAIL lab at USC: fill in the release form on https://sail.usc.edu/iemocap/ "
        "and unpack what they send so that {root}/Session1 to Session5 exist",
    ),
    "cremad": Source(
        folder="CREMA-D",
        section="crema-d",
        # GitHub's own archive of the branch: the label files, and a pointer for each clip. It is packed anew from time to
        # time, so its bytes are not steady; the clips' SHA-256 are in the pointers.
        archives=(
            Archive(
                address=f"https://github.com/{_CREMAD}/archive/refs/heads/master.zip",
                file="CREMA-D-master.zip",
                holds=("SentenceFilenames.csv", "VideoDemographics.csv", "processedResults/summaryTable.csv"),
                strip="CREMA-D-master",
                keep=("AudioWAV/", "processedResults/", "SentenceFilenames.csv", "VideoDemographics.csv", "LICENSE"),
                steady=False,
            ),
        ),
        # The address is the one of TensorFlow Datasets (audio/crema_d.py), which states 579.25 MiB for all clips:
        # https://www.tensorflow.org/datasets/catalog/crema_d
        clips=Clips(
            address=f"https://media.githubusercontent.com/media/{_CREMAD}/master/AudioWAV/",
            folder="AudioWAV",
            count=7442,
            size=607_387_648,
        ),
    ),
    "emodb": Source(
        folder="EmoDB",
        section="emodb",
        # The address is on http://emodb.bilderbar.info/download/ and in audEERING's data card; no checksum is published.
        # 40.5 MB: MathWorks' example "Speech Emotion Recognition", which fetches the same file.
        archives=(
            Archive(
                address="http://emodb.bilderbar.info/download/download.zip",
                file="EmoDB.zip",
                holds=("wav/03a01Fa.wav", "wav/16b10Wb.wav"),
                size=40_500_000,
                limit=GIGABYTE,
            ),
        ),
    ),
    "shemo": Source(
        folder="ShEMO",
        section="shemo",
        # The links are in the README of the authors' repository, https://github.com/pariajm/sharif-emotional-speech-dataset,
        # which publishes neither sizes nor checksums (nor does the first author's, https://github.com/mansourehk/ShEMO, whose
        # own links are dead). It writes dl=0 for wget; dl=1 gives the file rather than a page to any program.
        archives=(
            Archive(
                address="https://www.dropbox.com/s/42okby6c40w3j2x/female.zip?dl=1",
                file="female.zip",
                holds=("female/F01A01.wav",),
                strip="female",
                into="female",
            ),
            Archive(
                address="https://www.dropbox.com/s/5ebs8hq1zm0qkp6/male.zip?dl=1",
                file="male.zip",
                holds=("male/M01N05.wav",),
                strip="male",
                into="male",
            ),
        ),
    ),
    "meld": Source(
        folder="MELD.Raw",
        section="meld",
        # The authors' README names http://web.eecs.umich.edu/~mihalcea/downloads/MELD.Raw.tar.gz (10,878,146,150 bytes, no
        # checksum). Their repository on the hub has a file of that name and size and publishes its SHA-256:
        # https://huggingface.co/datasets/declare-lab/MELD/commit/9abc51ee7903424ffb971297608aa6d3d0de3bfa
        archives=(
            Archive(
                address="https://huggingface.co/datasets/declare-lab/MELD/resolve/"
                "9abc51ee7903424ffb971297608aa6d3d0de3bfa/MELD.Raw.tar.gz",
                file="MELD.Raw.tar.gz",
                holds=(
                    *("train_sent_emo.csv", "dev_sent_emo.csv", "test_sent_emo.csv"),
                    *("train_splits", "dev_splits_complete", "output_repeated_splits_test"),
                ),
                checksum="sha256:a56b4407d574195cbce470d86f9c9d72fcfea59b0e34502ecd4babee4a5c613e",
                size=10_878_146_150,
                strip="MELD.Raw",
                nested=True,
                limit=40 * GIGABYTE,
            ),
        ),
    ),
}


def get(name: str) -> Source:
    """The source of a corpus.

    Args:
        name: one of `SOURCES`.

    Raises:
        ValueError: there is no such corpus; the message lists those there are.
    """
    if name not in SOURCES:
        raise ValueError(f"no corpus {name!r}; there are {', '.join(SOURCES)}")
    return SOURCES[name]

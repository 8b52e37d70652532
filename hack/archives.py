"""Archives whose bytes depend on their content alone: names in a given order, one time for all, no owner.

Callers: distribution (krew's archive, the charts), release_image (the image's).
"""

import gzip
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PLAIN, PROGRAM = 0o644, 0o755


@dataclass(frozen=True)
class Member:
    """A file of an archive: its content, or the file that has it."""

    name: str
    content: bytes | Path
    mode: int = PLAIN


def write_tar(path: Path, members: Iterable[Member], epoch: int) -> Path:
    """An uncompressed archive; its path. `epoch`: the time of all files, in seconds since 1970."""
    with path.open("wb") as output:
        _write(output, members, epoch)
    return path


def write_tar_gz(path: Path, members: Iterable[Member], epoch: int) -> Path:
    """A small compressed archive, made in memory; its path."""
    plain = io.BytesIO()
    _write(plain, members, epoch)
    path.write_bytes(gzip.compress(plain.getvalue(), mtime=epoch))
    return path


def _write(output: BinaryIO, members: Iterable[Member], epoch: int) -> None:
    with tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.mode, info.mtime = member.mode, epoch
            if isinstance(member.content, bytes):
                info.size = len(member.content)
                archive.addfile(info, io.BytesIO(member.content))
            else:
                info.size = member.content.stat().st_size
                with member.content.open("rb") as content:
                    archive.addfile(info, content)

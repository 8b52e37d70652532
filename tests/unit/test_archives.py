"""Archives have the bytes of their content alone."""

import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from archives import PLAIN, PROGRAM, Member, write_tar, write_tar_gz

EPOCH = 1_700_000_000
Write = Callable[[Path, Iterable[Member], int], Path]


@pytest.mark.parametrize("write", [write_tar, write_tar_gz])
def test_files_of_other_times_modes_and_folders_make_the_same_bytes(write: Write, tmp_path: Path) -> None:
    made = []
    for number, mode in enumerate((0o600, 0o755)):
        file = tmp_path / str(number) / "a"
        file.parent.mkdir()
        file.write_text("text")
        file.chmod(mode)
        os.utime(file, (number, number))
        members = [Member("folder/a", file), Member("b", b"program", PROGRAM)]
        made.append(write(tmp_path / f"{number}.archive", members, EPOCH).read_bytes())
    assert made[0] == made[1]
    with tarfile.open(tmp_path / "0.archive") as archive:
        found = [(each.name, each.mode, each.mtime, each.uid, each.uname) for each in archive.getmembers()]
        content = archive.extractfile("folder/a")
        assert content is not None
        assert content.read() == b"text"
    assert found == [("folder/a", PLAIN, EPOCH, 0, ""), ("b", PROGRAM, EPOCH, 0, "")]


@pytest.mark.parametrize("write", [write_tar, write_tar_gz])
def test_another_time_makes_other_bytes(write: Write, tmp_path: Path) -> None:
    first, second = (write(tmp_path / str(each), [Member("a", b"a")], each).read_bytes() for each in (EPOCH, EPOCH + 1))
    assert first != second

"""When the certificate that is served ends: of files that are others now, cut off, gone, or do not fit each other."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from certificates import self_signed

from crontask.kube.certificate import CertificateEnd


def lay(folder: Path, certificate: str, key: str, at: float = 0) -> None:
    for name, text in (("tls.crt", certificate), ("tls.key", key)):
        (folder / name).write_text(text)
        os.utime(folder / name, (at, at))


def test_a_file_is_read_anew_when_it_is_another_one(tmp_path: Path) -> None:
    known = CertificateEnd(tmp_path)
    assert known.read() is None
    lay(tmp_path, *self_signed(["a"], timedelta(days=1)))
    first = known.read()
    assert first is not None
    assert known.read() == first
    lay(tmp_path, *self_signed(["a"], timedelta(days=9)), at=1)
    later = known.read()
    assert later is not None
    assert later - first > timedelta(days=7).total_seconds()


def test_of_one_that_is_not_served_the_end_is_that_of_the_one_before(tmp_path: Path) -> None:
    known = CertificateEnd(tmp_path)
    certificate, key = self_signed(["a"], timedelta(days=1))
    lay(tmp_path, certificate, key)
    first = known.read()
    later, its_key = self_signed(["a"], timedelta(days=9))
    lay(tmp_path, later, key, at=1)
    assert first is not None
    assert known.read() == first
    (tmp_path / "tls.crt").unlink()
    assert known.read() == first
    lay(tmp_path, later, its_key, at=2)
    assert (known.read() or 0) > first


@pytest.mark.parametrize("keep", [0, 30, 60, 200])
def test_what_is_no_certificate_has_no_end(keep: int, tmp_path: Path) -> None:
    text, key = self_signed(["a"])
    body = text.splitlines()[1:-1]
    cut = "\n".join([text.splitlines()[0], "".join(body)[:keep], text.splitlines()[-1], ""])
    lay(tmp_path, cut, key)
    assert CertificateEnd(tmp_path).read() is None

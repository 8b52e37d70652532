"""When a certificate ends: of a file that is another one now, cut off, or gone."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from certificates import self_signed

from crontask.kube.certificate import CertificateEnd


def test_a_file_is_read_anew_when_it_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "tls.crt"
    known = CertificateEnd(path)
    assert known.read() is None
    path.write_text(self_signed(["a"], timedelta(days=1))[0])
    first = known.read()
    assert first is not None
    assert known.read() == first
    path.write_text(self_signed(["a"], timedelta(days=9))[0])
    os.utime(path, (1, 1))
    later = known.read()
    assert later is not None
    assert later - first > timedelta(days=7).total_seconds()
    path.unlink()
    assert known.read() is None


@pytest.mark.parametrize("keep", [0, 30, 60, 200])
def test_what_is_no_certificate_has_no_end(keep: int, tmp_path: Path) -> None:
    text = self_signed(["a"])[0]
    body = text.splitlines()[1:-1]
    cut = "\n".join([text.splitlines()[0], "".join(body)[:keep], text.splitlines()[-1], ""])
    path = tmp_path / "tls.crt"
    path.write_text(cut)
    assert CertificateEnd(path).read() is None

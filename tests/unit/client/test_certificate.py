"""Until when certificates are good: beside a library that reads all of them."""

from datetime import UTC, datetime, timedelta

import pytest
from certificates import self_signed
from cryptography import x509

from crontask.client.certificate import ends_of

CERTIFICATES = {
    days: self_signed(["a.example.com"], timedelta(days=days))[0].encode() for days in (-3, 1, 3650, 99_999)
}


@pytest.mark.parametrize("days", CERTIFICATES)
def test_the_end_is_the_one_that_a_library_reads(days: int) -> None:
    # After 2049 a year has four digits.
    wanted = x509.load_pem_x509_certificate(CERTIFICATES[days]).not_valid_after_utc
    assert ends_of(CERTIFICATES[days]) == (wanted,)
    assert ends_of(b"# a comment\n" + CERTIFICATES[days].replace(b"\n", b"\r\n") + b"\n") == (wanted,)


def test_of_several_each_is_read_in_order() -> None:
    several = [CERTIFICATES[days] for days in (1, 3650, -3)]
    ends = ends_of(b"".join(several))
    assert ends == tuple(end for each in several for end in ends_of(each))
    assert ends[1] > datetime.now(UTC) + timedelta(days=3600) > ends[0] > ends[2]


BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----"


@pytest.mark.parametrize("text", [b"", b"no", BEGIN, BEGIN + END, BEGIN + b"AAAA" + END, BEGIN + b"A" + END])
def test_what_is_no_certificate_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="in it"):
        ends_of(text)


def test_one_that_is_cut_anywhere_is_refused_or_read() -> None:
    whole = CERTIFICATES[1].splitlines()
    for lines in range(1, len(whole) - 2):
        cut = b"\n".join([*whole[: 1 + lines], whole[-1]])
        with pytest.raises(ValueError, match="is cut or damaged"):
            ends_of(cut)

"""Texts of others: without terminal sequences and what is not seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.dashboard.plain import one_line, plain


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("as it is: <b>&amp;", "as it is: <b>&amp;"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x07after", "after"),
        ("a\tb\nc", "a\tb\nc"),
        ("10%\r20%\r\ndone", "10%\n20%\ndone"),
        ("null \x00 byte", "null \ufffd byte"),
        ("user\u202egnp.exe", "usergnp.exe"),
        (None, "None"),
        (12, "12"),
    ],
)
def test_what_is_left(text: object, wanted: str) -> None:
    assert plain(text) == wanted


def test_one_line() -> None:
    assert one_line("  a\n b\t\tc \x1b[1m") == "a b c"


@given(st.text())
def test_nothing_that_moves_a_cursor_is_left(text: str) -> None:
    left = plain(text)
    assert not [each for each in left if (each < " " and each not in "\n\t") or "\x7f" <= each <= "\x9f"]
    assert plain(left) == left

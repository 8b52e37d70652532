"""No secret comes through, however it is written and wherever it is cut."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crontask.runner.redact import Redactor
from crontask.runner.result import DEEPEST, NotJsonError

_VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E) | st.sampled_from("äß€😀 ")
_SECRET = st.text(_VISIBLE, min_size=4, max_size=40).map(str.strip).filter(lambda text: len(text) >= 4)
_WAYS: dict[str, Callable[[str], str]] = {
    "raw": lambda text: text,
    "json": lambda text: json.dumps(text)[1:-1],
    "json, as Go writes it": lambda text: json.dumps(text)[1:-1].replace("<", "\\u003c").replace("&", "\\u0026"),
    "json, slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "url": lambda text: quote(text, safe=""),
    "url, lower case": lambda text: "".join(
        part.lower() if part.startswith("%") else part for part in (quote(one, safe="") for one in text)
    ),
    "url, some safe": lambda text: quote(text, safe="/!'()*"),
    "form": quote_plus,
    "html": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("way", _WAYS)
@given(secret=_SECRET, before=st.text(max_size=20), after=st.text(max_size=20))
def test_every_form_goes(way: str, secret: str, before: str, after: str) -> None:
    written = _WAYS[way](secret)
    redactor = Redactor([secret])
    assume(redactor.clean(before) == before and redactor.clean(after) == after)
    assert redactor.clean(f"{before}\n{written}\n{after}") == f"{before}\n***\n{after}"


@given(secret=_SECRET, way=st.sampled_from(sorted(_WAYS)), kept=st.integers(1, 200), filler=st.sampled_from(["", "x"]))
def test_no_part_is_left_where_the_text_was_cut(secret: str, way: str, kept: int, filler: str) -> None:
    assume("*" not in secret and "x" not in secret)
    written = _WAYS[way](secret)
    assume("x" not in written)
    text = ("\n" + filler * 50 + written * 3)[:kept]
    cleaned = Redactor([secret]).clean(text, cut_short=True)
    assert set(cleaned) <= {"\n", "x", "*"}


def test_what_comes_before_a_cut_is_kept() -> None:
    assert Redactor(["secret"]).clean("a" * 500 + "secret" + "b" * 500, cut_short=True).startswith("a" * 500 + "***bbb")
    assert Redactor([]).clean("abc", cut_short=True) == "abc"


@pytest.mark.parametrize(
    ("value", "also"),
    [
        ("Bearer s3cr3t-token", "s3cr3t-token"),
        ("Basic " + base64.b64encode(b"me:pass:word").decode(), "pass:word"),
        ("Basic " + base64.b64encode(b"me:pass:word").decode(), base64.b64encode(b"me:pass:word").decode()),
        ("s3cr3t\n", "s3cr3t"),
        ("  Token   s3cr3t", "s3cr3t"),
    ],
)
def test_parts_that_are_secret_go_too(value: str, also: str) -> None:
    assert Redactor([value]).clean(f"you sent ({also})") == "you sent (***)"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "user:p"])
@pytest.mark.parametrize("after", ["", ":", "::", ":more"])
def test_it_is_found_within_other_base64(before: str, after: str) -> None:
    secret = "correct-horse-battery"
    text = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    cleaned = Redactor([secret]).clean(text)
    assert "***" in cleaned
    assert len(cleaned) <= 3 + len(base64.b64encode(f"{before}{after}".encode())) + 8


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('{"a": ["12345678", {"12345678": 1}]}', {"a": ["***", {"***": 1}]}),
        ("[12345678, -12345678, 0.12345678, 1]", ["***", "***", "***", 1]),
        ('["\\u0031\\u0032345678"]', ["***"]),
        ("[18446744073709551616, 18446744073709551615]", [18446744073709551616.0, 18446744073709551615]),
    ],
)
def test_json_is_cleaned_within(text: str, clean: object) -> None:
    assert Redactor(["12345678"]).load_json(text) == clean


def test_a_secret_spread_over_values_is_found() -> None:
    assert Redactor(['ab","cd']).load_json('{"x": ["ab", "cd"]}') == "***"


@pytest.mark.parametrize("text", ["[NaN]", "[Infinity]", "[1e999]", "[" + "9" * 400 + "]", "[1", ""])
def test_what_is_no_json_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        Redactor([]).load_json(text)


def test_what_is_too_deep_is_told() -> None:
    with pytest.raises(NotJsonError):
        Redactor([]).load_json("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2))
    Redactor([]).load_json("[" * DEEPEST + "]" * DEEPEST)

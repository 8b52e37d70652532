"""The termination message: always JSON, never too long, and cut where it says so."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.runner.message import LEAST_BYTES, OK, Report, encode

_ANYTHING = st.text(st.characters(codec=None), max_size=400)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _ANYTHING,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=30,
)
_COUNT = st.none() | st.integers(0, 2**31 - 1)


@given(
    message=st.none() | _ANYTHING,
    result=_JSON,
    processed=_COUNT,
    errors=_COUNT,
    truncated=st.booleans(),
    limit=st.integers(LEAST_BYTES, 1200),
)
def test_it_is_json_and_fits(
    message: str | None, result: Any, processed: int | None, errors: int | None, truncated: bool, limit: int
) -> None:
    raw = encode(Report("success", OK, message, result, processed, errors, truncated), limit)
    assert len(raw) <= limit
    read = json.loads(raw.decode("utf-8"))
    assert read["status"] == "success"
    assert read.get("processedCount") == processed
    assert None not in read.values()
    if "resultTruncated" in read:
        assert "result" not in read or truncated
    elif result is not None:
        assert "result" in read
    if message and "message" in read and read["message"].endswith("…") and not message.endswith("…"):
        whole = message.encode("utf-8", "replace").decode()
        assert whole.startswith(read["message"][:-1])


@pytest.mark.parametrize("filler", ["a", "ä", "€", "😀", '"', "\\", "\x01", "\ud800"])
def test_no_more_is_cut_than_has_to_be(filler: str) -> None:
    raw = encode(Report("failed", 1, filler * 5000), 1000)
    one_more = len(json.dumps(filler, ensure_ascii=False).encode("utf-8", "replace")) - 2
    assert 1000 - one_more < len(raw) <= 1000
    assert json.loads(raw)["message"].endswith("…")


def test_what_just_fits_is_whole() -> None:
    report = Report("success", OK, "short", {"a": "ü" * 100})
    whole = encode(report, 4096)
    assert encode(report, len(whole)) == whole
    assert json.loads(encode(report, max(LEAST_BYTES, len(whole) - 1)))["message"] == "short"


def test_the_result_goes_before_any_of_the_message() -> None:
    read = json.loads(encode(Report("success", OK, "m" * 600, {"items": ["x" * 600]}, 3), 1000))
    assert read == {"status": "success", "processedCount": 3, "message": "m" * 600, "resultTruncated": True}


def test_what_is_null_is_left_out() -> None:
    assert json.loads(encode(Report("success", OK), 4096)) == {"status": "success"}
    falsy = json.loads(encode(Report("success", OK, result=0, processed=0, errors=0), 4096))
    assert falsy == {"status": "success", "processedCount": 0, "errorCount": 0, "result": 0}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    with pytest.raises(ValueError):
        encode(Report("success", OK, result=[number]), 4096)

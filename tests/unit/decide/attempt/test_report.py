"""Termination messages as a kubelet keeps them: cut at either end, and never taken for whole when they may not be."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_life import at, pod

from crontask.api.phases import RunPhase
from crontask.api.pod import Container, ContainerState, Pod, Terminated, message_bytes
from crontask.decide.attempt.outcome import Outcome, outcome_of
from crontask.decide.attempt.report import LONGEST_MESSAGE


def kept(written: str, containers: int = 1) -> str:
    """What a kubelet tells of what a container wrote: of the last 4,096 bytes, the first that there is room for."""
    return written.encode()[-4096:][: 12 * 1024 // containers].decode("utf-8", "replace")


def ended(message: str, code: int = 0, containers: int = 1, **container: Any) -> Outcome:
    """The outcome of a pod with so many containers, whose main one ended with that message."""
    known: Pod = pod(
        1,
        0,
        ContainerState(terminated=Terminated(code, "Error" if code else "Completed", message, at(1), at(5))),
        phase="Failed" if code else "Succeeded",
        spec={
            "containers": (Container("main", **container),),
            "init_containers": tuple(Container(f"i{number}") for number in range(containers - 1)),
        },
    )
    outcome = outcome_of(known)
    assert outcome is not None
    return outcome


@pytest.mark.parametrize(
    ("containers", "limit"), [(0, 4096), (1, 4096), (3, 4096), (4, 3072), (5, 2457), (12, 1024), (50, 245)]
)
def test_how_much_of_a_message_is_kept(containers: int, limit: int) -> None:
    assert message_bytes(containers) == limit
    if containers:
        assert len(kept("x" * 10_000, containers)) == limit


REPORTS: dict[str, str] = {
    "one line": json.dumps({"status": "failed", "result": "0" * 5000}),
    "one line, and an end of line": json.dumps({"status": "failed", "result": "0" * 5000}) + "\n",
    "many lines": json.dumps({"status": "failed", "result": [{"row": n} for n in range(600)]}, indent=2),
    "numbers": json.dumps({"status": "failed", "result": list(range(2000))}),
    "no spaces": json.dumps({"status": "failed", "result": {str(n): None for n in range(900)}}, separators=(",", ":")),
    "umlauts": json.dumps({"status": "failed", "result": "ä€😀" * 1200}, ensure_ascii=False),
    "escapes": json.dumps({"status": "failed", "result": '"\\\n' * 2000}),
    "words": json.dumps({"status": "failed", "message": "it went wrong: " * 500}),
    "the status last": json.dumps({"result": "x" * 6000, "status": "failed"}),
}


@pytest.mark.parametrize("containers", [1, 3, 4, 5, 12])
@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_was_cut_is_never_a_success(name: str, containers: int) -> None:
    outcome = ended(kept(REPORTS[name], containers), containers=containers)
    assert (outcome.phase, outcome.reason) == (RunPhase.FAILED, "ResultUnreadable")
    limit = message_bytes(containers)
    assert (outcome.message or "").startswith(f"its report is longer than the {limit} bytes that Kubernetes keeps")
    assert len(outcome.message or "") <= LONGEST_MESSAGE


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)


@settings(max_examples=150)
@given(
    st.dictionaries(st.text(max_size=5), SCALARS | st.lists(SCALARS, max_size=3), max_size=4),
    st.integers(1, 8),
    st.sampled_from((None, 2)),
    st.booleans(),
    st.integers(0, 4200),
)
def test_a_report_of_anything_that_was_cut_anywhere_is_never_a_success(
    result: Any, containers: int, indent: int | None, ascii_only: bool, filling: int
) -> None:
    """A cut falls upon any part of it."""
    report = {"status": "failed", "result": [result, "x" * filling, result, "y" * (4200 - filling), result]}
    written = json.dumps(report, indent=indent, ensure_ascii=ascii_only)
    assert ended(kept(written, containers), containers=containers).phase is RunPhase.FAILED


TEXTS = {
    "lines": "".join(f"row {n}: done\n" for n in range(500)),
    "a long word": "0" * 5000,
    "lines with a brace at the end": "".join(f"row {n}: {{done}}\n" for n in range(500)),
    "words with quotes": 'he said "no" and {"a": 1} }' * 300,
    "code": "def f(x):\n    return {x: x}\n" * 300 + "{}",
    "a list": json.dumps(list(range(2000))),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_long_text_is_a_text_and_what_is_kept_of_it_is_its_end_and_marked(name: str) -> None:
    text = TEXTS[name]
    outcome = ended(kept(text))
    assert (outcome.phase, outcome.reason) == (RunPhase.SUCCEEDED, "Completed")
    assert outcome.message == "…" + text.strip()[-(LONGEST_MESSAGE - 1) :]


@pytest.mark.parametrize("code", [0, 1])
def test_a_text_that_is_whole_is_not_marked_at_its_front(code: int) -> None:
    for size in (1, LONGEST_MESSAGE, LONGEST_MESSAGE + 1, 4095):
        text = f"{'x' * (size - 1)}y"
        shown = text if size <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"
        assert ended(kept(text), code).message == shown


def test_a_failure_with_a_long_text_is_marked_too() -> None:
    assert ended(kept("x" * 5000 + "the reason"), 1).message == "…" + "x" * (LONGEST_MESSAGE - 11) + "the reason"


def test_a_report_as_long_as_there_is_room_for_is_read() -> None:
    start = '{"status": "partial", "result": "'
    written = start + "x" * (4096 - len(start) - 2) + '"}'
    assert (len(written), ended(kept(written)).phase) == (4096, RunPhase.PARTIAL)


@pytest.mark.parametrize(
    ("policy", "code", "text", "marked"),
    [
        ("FallbackToLogsOnError", 1, "x" * 2047 + "\n", True),
        ("FallbackToLogsOnError", 1, "line\n" * 80, True),
        ("FallbackToLogsOnError", 1, "line\n" * 79, False),
        ("FallbackToLogsOnError", 0, "x" * 2047 + "\n", False),
        ("File", 1, "x" * 2047 + "\n", False),
    ],
)
def test_of_a_long_log_the_end_is_shown_and_marked(policy: str, code: int, text: str, marked: bool) -> None:
    message = ended(text, code, termination_message_policy=policy).message or ""
    assert message.startswith("…") is marked


def test_the_last_line_of_a_log_is_shown() -> None:
    log = "".join(f"line {n} of a log that is long enough\n" for n in range(79)) + "db refused us\n"
    message = ended(log[-2048:], 1, termination_message_policy="FallbackToLogsOnError").message or ""
    assert message.endswith("db refused us")


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("0", 0),
        ("1", 1),
        ("2147483647", 2147483647),
        ("2147483648", None),
        ("-1", None),
        ("1.0", None),
        ("true", None),
        ('"1"', None),
        ("null", None),
    ],
)
def test_a_count_is_a_whole_number_that_fits_in_a_status(written: str, count: int | None) -> None:
    outcome = ended(f'{{"processedCount": {written}, "errorCount": {written}}}')
    assert (outcome.processed_count, outcome.error_count) == (count, count)
    assert outcome.phase is RunPhase.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("", RunPhase.SUCCEEDED),
        ('"status": "success"', RunPhase.SUCCEEDED),
        ('"status": "partial"', RunPhase.PARTIAL),
        ('"status": "failed"', RunPhase.FAILED),
    ],
)
def test_each_status_of_a_report(status: str, phase: RunPhase) -> None:
    assert ended(f"{{{status}}}").phase is phase

"""Whether a result fits the schema of its task: the pod's end and the schema, and what the attempt has come to."""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from run_life import Life, exited, known_of, make_task, pod, runs, scheduled_run

from crontask.api.composite import LONGEST_CURSOR
from crontask.api.phases import RunPhase
from crontask.api.pod import Pod
from crontask.decide.attempt.fit import RESULT_INVALID, fitting_outcome, violation_message
from crontask.decide.attempt.outcome import outcome_of

S, P, F = RunPhase.SUCCEEDED, RunPhase.PARTIAL, RunPhase.FAILED
ROWS_ARE_NUMBERS: dict[str, Any] = {"properties": {"rows": {"type": "integer"}}, "required": ["rows"]}
OBJECT: dict[str, Any] = {"type": "object", **ROWS_ARE_NUMBERS}


@dataclass(frozen=True)
class Row:
    """A name, the schema, the pod, and phase, reason and message of its end; None where there is none yet."""

    name: str
    schema: dict[str, Any] | None
    known: Pod
    wanted: tuple[RunPhase, str, str | None] | None


def wrote(text: str, code: int = 0) -> Pod:
    return pod(1, 0, exited(5, code, text))


MISSING = "result.rows: is missing"
TOO_LONG = "the result was too long to be handed over"
ROWS = (
    Row("it runs", OBJECT, pod(1, 0, runs(1)), None),
    Row("no schema, no result", None, wrote(""), (S, "Completed", None)),
    Row("no schema, a result that was cut", None, wrote('{"resultTruncated": true}'), (S, "Completed", None)),
    Row("a result that fits", OBJECT, wrote('{"result": {"rows": 3}, "message": "done"}'), (S, "Completed", "done")),
    Row("a result that does not", OBJECT, wrote('{"result": {}, "message": "done"}'), (F, RESULT_INVALID, MISSING)),
    Row("of a partial success", OBJECT, wrote('{"status": "partial", "result": {}}'), (F, RESULT_INVALID, MISSING)),
    Row("of a reported failure", OBJECT, wrote('{"status": "failed", "result": {}}'), (F, "ReportedFailed", None)),
    Row("of a failure", OBJECT, wrote('{"result": {}, "message": "no"}', 1), (F, "Error", "no")),
    Row(
        "a result that fits, and was cut",
        OBJECT,
        wrote('{"result": {"rows": 3}, "resultTruncated": true}'),
        (F, RESULT_INVALID, TOO_LONG),
    ),
    Row(
        "a schema that takes no result as well, and one that was cut",
        ROWS_ARE_NUMBERS,
        wrote('{"resultTruncated": true}'),
        (F, RESULT_INVALID, TOO_LONG),
    ),
    Row("a schema that takes no result as well", ROWS_ARE_NUMBERS, wrote(""), (S, "Completed", None)),
    Row("an empty schema", {}, wrote(""), (S, "Completed", None)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_ends_that_fit(row: Row) -> None:
    task = make_task(**({"resultSchema": row.schema} if row.schema is not None else {}))
    outcome = fitting_outcome(known_of(task=task), row.known)
    assert (None if outcome is None else (outcome.phase, outcome.reason, outcome.message)) == row.wanted


# The quotes are two bytes more.
LONGEST = LONGEST_CURSOR - 2
TOO_LONG_CURSOR = f"cursor has {LONGEST_CURSOR + 1} bytes as JSON, over {LONGEST_CURSOR}; give back a shorter one, "


@pytest.mark.parametrize(
    ("name", "report", "of_batch", "wanted"),
    [
        ("as long as may be", {"isDone": False, "cursor": "x" * LONGEST}, True, None),
        (
            "one byte more",
            {"isDone": False, "cursor": "x" * (LONGEST + 1)},
            True,
            TOO_LONG_CURSOR + "like the last key",
        ),
        ("of no batch", {"isDone": False, "cursor": "x" * (LONGEST + 1)}, False, None),
        ("of a batch that failed", {"status": "failed", "cursor": "x" * (LONGEST + 1), "message": "no"}, True, "no"),
    ],
)
def test_how_long_a_cursor_may_be(name: str, report: dict[str, Any], of_batch: bool, wanted: str | None) -> None:
    batch: dict[str, Any] = {
        "name": "w",
        "uid": "w",
        "root": "w",
        "depth": 1,
        "key": "k",
        "batch": {"number": 1, "size": 1},
    }
    known = known_of(scheduled_run(parent=batch) if of_batch else scheduled_run())
    outcome = fitting_outcome(known, wrote(orjson.dumps(report).decode()))
    assert outcome is not None, name
    assert outcome.message == wanted
    assert (outcome.reason == RESULT_INVALID) is (wanted is not None and wanted != "no")


def test_a_result_that_does_not_fit_is_kept_with_all_else_that_is_known() -> None:
    known = wrote('{"result": {"lines": 3}, "processedCount": 4, "errorCount": 1}')
    plain, fitted = outcome_of(known), fitting_outcome(known_of(task=make_task(resultSchema=OBJECT)), known)
    assert plain is not None
    assert fitted is not None
    for field in ("exit_code", "started", "ended", "result", "processed_count", "error_count", "lost", "final"):
        assert getattr(fitted, field) == getattr(plain, field), field


def test_a_run_without_task_has_no_schema() -> None:
    outcome = fitting_outcome(known_of(alone=True), wrote(""))
    assert outcome is not None
    assert outcome.phase is S


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([], None),
        ([("", "must be an object")], "result: must be an object"),
        ([(".a", "is missing"), (".b[0]", "is odd")], "result.a: is missing; result.b[0]: is odd"),
    ],
    ids=["none", "one", "two, in order"],
)
def test_violations_in_one_text(found: list[tuple[str, str]], wanted: str | None) -> None:
    assert violation_message("result", found) == wanted


# --- in a run's life -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "phase", "reason", "words"),
    [
        ('{"result": {"rows": 3}}', RunPhase.SUCCEEDED, "Completed", None),
        ('{"status": "partial", "result": {"rows": 3}}', RunPhase.PARTIAL, "Completed", None),
        ('{"result": {"lines": 3}}', RunPhase.FAILED, "ResultInvalid", "result.rows: is missing"),
        ('{"result": {"rows": "3"}}', RunPhase.FAILED, "ResultInvalid", "result.rows: must be a whole number, not '3'"),
        ('{"status": "partial"}', RunPhase.FAILED, "ResultInvalid", "result: must be an object, not null"),
        ("free text", RunPhase.FAILED, "ResultInvalid", "result: must be an object, not null"),
        ('{"resultTruncated": true}', RunPhase.FAILED, "ResultInvalid", "the result was too long to be handed over"),
        ('{"status": "failed", "message": "no"}', RunPhase.FAILED, "ReportedFailed", "no"),
    ],
)
def test_a_success_needs_the_result_that_is_asked_for(
    written: str, phase: RunPhase, reason: str, words: str | None
) -> None:
    schema = {"type": "object", "properties": {"rows": {"type": "integer"}}, "required": ["rows"]}
    life = Life(scheduled_run(), make_task(resultSchema=schema))
    life.decide(0, pod(1, 0))
    life.decide(5, pod(1, 0, exited(5, 0, written)))
    assert (life.phase, life.status.conditions[0].reason, life.status.message) == (phase, reason, words)
    if "result" in written and "Truncated" not in written:
        assert life.status.result is not None


def test_a_result_that_does_not_fit_is_a_failure_like_any_other() -> None:
    life = Life(scheduled_run(), make_task(resultSchema={"type": "object"}, retry={"limit": 1}))
    life.decide(0, pod(1, 0))
    life.decide(5, pod(1, 0, exited(5, 0)))
    assert (life.phase, life.status.attempts[0].reason) == (RunPhase.RETRYING, "ResultInvalid")

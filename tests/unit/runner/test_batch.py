"""A batch: what the handler is given, and what it returns."""

import json
from pathlib import Path
from typing import Any

import pytest
from runner_process import Ended, run_source

_GIVEN: dict[str, str] = {"CRONTASK_BATCH": "3", "CRONTASK_BATCH_SIZE": "500", "CRONTASK_CURSOR": '{"page": 2}'}


def returning(directory: Path, value: str, **more: str) -> Ended:
    """A batch that returns the value of an expression."""
    return run_source(directory, f"def handler(ctx):\n    return {value}\n", **{**_GIVEN, **more})


def test_what_it_returns_is_the_message(tmp_path: Path) -> None:
    value = (
        '{"cursor": {"page": ctx.cursor["page"] + 1}, "isDone": False, "processedCount": ctx.batch_size, '
        '"total": 1500, "result": [ctx.batch, ctx.idempotency_key]}'
    )
    ended = returning(tmp_path, value)
    assert (ended.code, ended.message) == (
        0,
        {
            **{"status": "success", "cursor": {"page": 3}, "isDone": False, "total": 1500, "processedCount": 500},
            "result": [3, "key-1"],
        },
    )


def test_the_first_has_no_cursor(tmp_path: Path) -> None:
    ended = run_source(
        tmp_path,
        'def handler(ctx):\n    return {"isDone": ctx.cursor is None}\n',
        **{"CRONTASK_BATCH": "1", "CRONTASK_BATCH_SIZE": "5"},
    )
    assert ended.message == {"status": "success", "isDone": True}


def test_errors_make_it_partial_and_progress_counts_where_it_returns_no_count(tmp_path: Path) -> None:
    source = """
def handler(ctx):
    ctx.progress(processed=7)
    return {"isDone": True, "errorCount": 1}
"""
    ended = run_source(tmp_path, source, **_GIVEN)
    assert ended.message == {"status": "partial", "isDone": True, "processedCount": 7, "errorCount": 1}


def test_a_long_result_goes_and_the_cursor_stays(tmp_path: Path) -> None:
    ended = returning(tmp_path, '{"isDone": False, "cursor": "c" * 1000, "result": "x" * 4000}')
    assert ended.message == {"status": "success", "cursor": "c" * 1000, "isDone": False, "resultTruncated": True}


@pytest.mark.parametrize("missing", ['{"cursor": 1}', '{"isDone": False}', "{}"])
def test_what_is_missing_the_operator_says(tmp_path: Path, missing: str) -> None:
    ended = returning(tmp_path, missing)
    assert (ended.code, ended.message["status"]) == (0, "success")


BAD: list[tuple[str, str]] = [
    ("None", 'a batch returns a dict, and this returned NoneType; return {"cursor": 2, "isDone": False}'),
    ("[1]", "a batch returns a dict, and this returned list"),
    ('{"curser": 1}', "a batch returns nothing called curser; write one of cursor, isDone, processedCount,"),
    ('{"isDone": "no"}', "isDone is str, and has to be True or False"),
    ('{"isDone": True, "total": "3"}', "total has to be an int, not str"),
    ('{"isDone": True, "errorCount": -1}', "errorCount has to be from 0 to"),
    ('{"isDone": False, "cursor": ctx.scheduled_time}', "cursor: datetime is not valid JSON; return text"),
    ('{"isDone": False, "cursor": "c" * 1023}', "cursor has 1025 bytes as JSON, over 1024; return a shorter one"),
    ('{"isDone": True, "result": {1: 2}}', "result: a key is int, and the keys of JSON are text"),
]


@pytest.mark.parametrize(("value", "words"), BAD)
def test_what_is_no_batch_fails_and_says_what_to_return(tmp_path: Path, value: str, words: str) -> None:
    ended = returning(tmp_path, value)
    assert (ended.code, ended.message["status"]) == (1, "failed")
    assert words in ended.message["message"]


def test_a_cursor_fits_beside_what_a_pod_of_many_containers_has_room_for(tmp_path: Path) -> None:
    ended = returning(tmp_path, '{"isDone": False, "cursor": "c" * 400}', CRONTASK_MESSAGE_BYTES="600")
    assert "cursor has 402 bytes as JSON, over 344" in ended.message["message"]


@pytest.mark.parametrize("cursor", [0, False, "", [None], {"ä": "\u20ac"}])
def test_a_cursor_comes_as_it_was_given_back(tmp_path: Path, cursor: Any) -> None:
    ended = returning(tmp_path, '{"isDone": False, "cursor": ctx.cursor}', CRONTASK_CURSOR=json.dumps(cursor))
    assert ended.message["cursor"] == cursor

"""What is wrong with the environment is said."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from runner_process import environment, run

from crontask.runner.given import BrokenInputError, message_bytes, message_path, read_given

_HANDLER = {"entrypoint": "handler", "source": "def handler(ctx): return 1"}


def test_all_of_it_is_read() -> None:
    given = read_given(
        environment(
            '{"entry',
            {"a": 1},
            CRONTASK_SCHEDULED_TIME="2026-03-01T12:00:00.123456Z",
            CRONTASK_HANDLER_2='point": ',
            CRONTASK_HANDLER_3='"x"}',
            CRONTASK_HANDLER_5="not of it",
            CRONTASK_TRIGGER='{"type": "Manual"}',
            CRONTASK_CURSOR='{"page": null}',
            CRONTASK_BATCH="7",
            CRONTASK_BATCH_SIZE="500",
            CRONTASK_ITEM='{"id": [null, 7]}',
            CRONTASK_ITEM_INDEX="12",
        )
    )
    assert given.handler == {"entrypoint": "x"}
    assert given.scheduled_time == datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
    assert given.previous_scheduled_time == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert given.next_scheduled_time is None
    assert (given.task, given.attempt, given.args) == ("nightly", 2, {"a": 1})
    assert given.trigger == {"type": "Manual"}
    assert (given.cursor, given.batch, given.batch_size) == ({"page": None}, 7, 500)
    assert (given.item, given.item_index) == ({"id": [None, 7]}, 12)


@pytest.mark.parametrize(
    ("text", "item"),
    [("null", None), ("0", 0), ("false", False), ('""', ""), ("[]", []), ("1.5", 1.5), ('"ü$"', "ü$")],
)
def test_an_item_is_any_value(text: str, item: object) -> None:
    given = read_given(environment(_HANDLER, CRONTASK_ITEM=text, CRONTASK_ITEM_INDEX="0"))
    assert (given.item, type(given.item), given.item_index) == (item, type(item), 0)


def test_outside_of_fan_outs_there_is_no_item() -> None:
    given = read_given(environment(_HANDLER))
    assert (given.item, given.item_index) == (None, None)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CRONTASK_RUN", "", "CRONTASK_RUN is missing"),
        ("CRONTASK_NAMESPACE", "", "CRONTASK_NAMESPACE is missing"),
        ("CRONTASK_ATTEMPT", "one", "CRONTASK_ATTEMPT is 'one', and has to be a whole number"),
        ("CRONTASK_ATTEMPT", "²", "whole number"),
        ("CRONTASK_SCHEDULED_TIME", "noon", "has to be a time such as"),
        ("CRONTASK_SCHEDULED_TIME", "2026-03-01T12:00:00", "has to be a time such as"),
        ("CRONTASK_ARGS", "{", "CRONTASK_ARGS is not valid JSON"),
        ("CRONTASK_ARGS", "[]", "CRONTASK_ARGS has to be a JSON object"),
        ("CRONTASK_ARGS", "[" * 100_000, "CRONTASK_ARGS is not valid JSON"),
        ("CRONTASK_TRIGGER", "1", "CRONTASK_TRIGGER has to be a JSON object"),
        ("CRONTASK_CURSOR", "", "CRONTASK_CURSOR is not valid JSON"),
        ("CRONTASK_CURSOR", "c7", "CRONTASK_CURSOR is not valid JSON"),
        ("CRONTASK_BATCH", "-1", "CRONTASK_BATCH is '-1', and has to be a whole number"),
        ("CRONTASK_ITEM", "{", "CRONTASK_ITEM is not valid JSON"),
        ("CRONTASK_ITEM", "[" * 100_000, "CRONTASK_ITEM is not valid JSON"),
        ("CRONTASK_ITEM_INDEX", "-1", "CRONTASK_ITEM_INDEX is '-1', and has to be a whole number"),
        ("CRONTASK_HANDLER", "", "CRONTASK_HANDLER is missing"),
        ("CRONTASK_HANDLER", '{"a', "CRONTASK_HANDLER is not valid JSON"),
    ],
)
def test_what_is_broken_is_named(name: str, value: str, words: str) -> None:
    with pytest.raises(BrokenInputError) as caught:
        read_given(environment(_HANDLER, **{name: value}))
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["10", "-1", "4k"])
def test_a_limit_that_is_none(text: str) -> None:
    with pytest.raises(BrokenInputError):
        message_bytes({"CRONTASK_MESSAGE_BYTES": text})


def test_defaults() -> None:
    assert (message_bytes({}), message_path({})) == (4096, "/dev/termination-log")


@pytest.mark.parametrize(
    ("kind", "variables"),
    [
        ("python", {"CRONTASK_RUN_UID": ""}),
        ("http", {"CRONTASK_ARGS": "no"}),
        ("python", {"CRONTASK_MESSAGE_BYTES": "12"}),
    ],
)
def test_it_is_told_to_people_and_to_the_operator(tmp_path: Path, kind: str, variables: dict[str, str]) -> None:
    ended = run(tmp_path, kind, _HANDLER, **variables)
    assert ended.code == 2
    assert ended.message["status"] == "failed"
    name = next(iter(variables))
    assert name in ended.message["message"]
    assert ended.err == f"crontask-runner: {ended.message['message']}\n"
    assert [line["message"] for line in ended.lines] == ["failed"]

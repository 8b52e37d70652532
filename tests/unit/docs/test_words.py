"""What the front page and the tables of words tell people to write is taken: each snippet in the column of ours."""

import re
from typing import Any

import pytest
import yaml

import docs
from crontask.api.crontask import CronTaskSpec
from crontask.api.validate import validate_task
from crontask.crons.registry import Crons
from crontask.sdk.sync import Client, Run

HANDLER: dict[str, Any] = {"container": {"image": "busybox:1.36"}}
TIMINGS = {"schedule", "schedules", "interval", "delay", "after"}
FIELDS = {field.alias or name for name, field in CronTaskSpec.model_fields.items()}


def text_of(page: str) -> str:
    return (docs.DOCS / page).read_text(encoding="utf-8")


def ours(page: str) -> list[str]:
    """The code in the last column of the tables of a page."""
    cells = re.findall(r"^\|.*\| ([^|]*) \|$", text_of(page), re.MULTILINE)
    return [code for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


def fields_in(code: str) -> dict[str, Any]:
    """Those of a task that a snippet of YAML sets; nothing where it sets none, or says no values."""
    try:
        read = yaml.safe_load(code)
    except yaml.YAMLError:
        return {}
    whole = isinstance(read, dict) and set(read) <= FIELDS
    return read if whole and not any(isinstance(each, dict) and None in each.values() for each in read.values()) else {}


SNIPPETS = [code for code in ours("from-schedulers.md") if fields_in(code)]


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) > 15


@pytest.mark.parametrize("code", SNIPPETS)
def test_a_snippet_is_taken(code: str) -> None:
    spec = {"handler": HANDLER, **fields_in(code)}
    _, problems = validate_task(spec if TIMINGS & set(spec) else {"schedule": "0 3 * * *", **spec})
    assert problems == ()


def test_the_words_that_are_fields_exist() -> None:
    """Those that stand alone, or as a list of fields of `retry`."""
    known = set(re.findall(r"^\| `(\w+)` \|", text_of("fields.md"), re.MULTILINE))
    alone = {code for code in ours("from-schedulers.md") if re.fullmatch("[a-z]+[A-Z][a-zA-Z]+", code)}
    assert {"startTime", "nonRetryableExitCodes", "forEach"} <= alone
    # Of what a batch gives back.
    assert alone <= known | {"isDone"}
    (listed,) = (code for code in ours("from-schedulers.md") if code.startswith("retry: {factor"))
    assert set(re.findall(r"\w+", listed.partition("{")[2])) <= known


def test_the_methods_that_are_named_exist() -> None:
    text = "\n".join(ours("from-schedulers.md"))
    for whose, kind in (("client", Client), ("run", Run), ("crons", Crons)):
        named = set(re.findall(rf"\b{whose}\.(\w+)\(", text))
        assert named
        assert [name for name in named if not hasattr(kind, name)] == []


def test_the_task_of_the_front_page_is_taken() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text_of("index.md"), re.MULTILINE | re.DOTALL)
    _, problems = validate_task(yaml.safe_load(block)["spec"])
    assert problems == ()

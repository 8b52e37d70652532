"""What the spec of a task says, described: read off the raw object, so that a bad one is shown too. Pure."""

from collections.abc import Callable, Iterator
from typing import Any

from crontask.client.requests import Document
from crontask.dashboard.plain import one_line

_OVERLAP = {
    "Forbid": "a time that comes while a run is under way is skipped",
    "Queue": "a time that comes while a run is under way waits for its turn",
    "Replace": "a new run takes the place of the one under way",
    "Allow": "runs may be under way side by side",
}
_CATCH_UP = {
    "Latest": "the latest time that nobody could start is made up for",
    "None": "times that nobody could start are not made up for",
    "All": "times that nobody could start are made up for, one after the other",
}


def facts(task: Document) -> Iterator[tuple[str, str]]:
    """What and when, as a label and a text."""
    spec = _dict(task.get("spec"))
    yield "Runs", described_handler(_dict(spec.get("handler")))
    yield "Overlap", _overlap(_dict(spec.get("concurrency")))
    scheduled = spec.get("schedule") or spec.get("schedules") or spec.get("interval")
    catch_up = str(_dict(spec.get("catchUp")).get("policy", "Latest"))
    yield "Missed times", _CATCH_UP.get(catch_up, "") if scheduled else ""
    yield "Retries", _retries(spec.get("retry"))
    yield "Time limits", _limits(spec)
    yield "Window", _window(spec)
    yield "Left out", _skipped(spec.get("skip"))
    yield "Starts moved by", f"up to {one_line(spec['jitter'])}" if spec.get("jitter") else ""
    yield "Expected", _expected(_dict(spec.get("expect")))
    failures = spec.get("suspendAfterFailures")
    yield "Suspended after", f"{failures} failures in a row" if failures else ""
    kept = {"succeeded": 3, "failed": 3, **_dict(spec.get("history"))}
    ttl = one_line(spec.get("ttlAfterFinished") or "168h")
    yield "Kept", f"{kept['succeeded']} runs that succeeded and {kept['failed']} that did not, for {ttl} at most"


def described_handler(handler: Document) -> str:
    """What runs."""
    for kind, words in _HANDLERS.items():
        if handler.get(kind) is not None:
            return words(handler[kind])
    return ""


def _container(body: Any) -> str:
    return f"image {one_line(_dict(body).get('image') or 'that is not named')}"


def _pod(body: Any) -> str:
    containers = _dict(_dict(body).get("spec")).get("containers") or []
    return f"a pod of {', '.join(one_line(_dict(each).get('image')) for each in containers) or 'its own'}"


def _http(body: Any) -> str:
    call = _dict(body)
    return f"{one_line(call.get('method') or 'GET')} {one_line(call.get('url'))}"


def _python(body: Any) -> str:
    code = _dict(body)
    lines = len(str(code.get("source") or "").splitlines())
    if lines:
        return f"{lines} line{'s' if lines > 1 else ''} of Python"
    return f"Python: {one_line(code.get('entrypoint') or 'of a ConfigMap')}"


def _steps(body: Any) -> str:
    names = [one_line(_dict(step).get("name")) for step in body or ()] if isinstance(body, list) else []
    return f"a workflow of {len(names)} step{'' if len(names) == 1 else 's'}: {', '.join(names)}"


def _for_each(body: Any) -> str:
    items = _dict(body).get("items")
    what = f"{len(items)} items" if isinstance(items, list) else f"items of {one_line(items)}"
    handler = described_handler(_dict(_dict(body).get("handler")))
    return f"{what}, {_dict(body).get('parallelism', 10)} at a time: {handler}"


def _batch(body: Any) -> str:
    return f"batches of {_dict(body).get('size')}: {described_handler(_dict(_dict(body).get('handler')))}"


_HANDLERS: dict[str, Callable[[Any], str]] = {
    "container": _container,
    "podTemplate": _pod,
    "http": _http,
    "python": _python,
    "steps": _steps,
    "forEach": _for_each,
    "batch": _batch,
    "task": lambda name: f"the task {one_line(name)}",
}


def _overlap(concurrency: Document) -> str:
    policy = str(concurrency.get("policy", "Forbid"))
    words = _OVERLAP.get(policy, "")
    limit = concurrency.get("max")
    more = f"; {limit} at the same time" if limit and (limit != 1 or policy == "Allow") else ""
    group = f", counted over the group {one_line(concurrency['group'])}" if concurrency.get("group") else ""
    return f"{words}{more}{group}"


def _retries(retry: Any) -> str:
    given = _dict(retry)
    limit = given.get("limit", 0)
    if not limit:
        return "a failed attempt is not tried again"
    times = "once" if limit == 1 else f"{limit} times"
    first, longest = one_line(given.get("initial", "1s")), one_line(given.get("max", "5m"))
    return f"{times}, after {first} and then longer, {longest} at most"


def _limits(spec: Document) -> str:
    said = (
        (spec.get("timeout"), "an attempt {}"),
        (spec.get("startTimeout"), "to start {}"),
        (spec.get("totalTimeout"), "a run with its retries {}"),
        (spec.get("startingDeadline"), "late by {} is missed"),
    )
    return ", ".join(words.format(one_line(value)) for value, words in said if value)


def _window(spec: Document) -> str:
    parts = (
        f"from {one_line(spec['startTime'])}" if spec.get("startTime") else "",
        f"until {one_line(spec['endTime'])}" if spec.get("endTime") else "",
        f"{spec['maxRuns']} times" if spec.get("maxRuns") else "",
    )
    return " ".join(filter(None, parts))


def _skipped(skip: Any) -> str:
    rows = [_dict(each) for each in skip or ()] if isinstance(skip, list) else []
    return ", ".join(
        f"{one_line(row.get('from'))}{' to ' + one_line(row['to']) if row.get('to') else ''}" for row in rows
    )


def _expected(expect: Document) -> str:
    parts = (
        f"a run ends within {one_line(expect['finishWithin'])}" if expect.get("finishWithin") else "",
        f"a success at least every {one_line(expect['successWithin'])}" if expect.get("successWithin") else "",
    )
    return ", ".join(filter(None, parts))


def _dict(value: Any) -> Document:
    return value if isinstance(value, dict) else {}

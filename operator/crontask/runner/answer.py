"""Judges an answer: whether it is what was wanted, and what of it is kept."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from crontask.runner.given import BrokenInputError
from crontask.runner.message import ANSWER_4XX, ANSWER_5XX, ANSWER_OTHER, OK, Report, cut
from crontask.runner.redact import Redactor
from crontask.runner.request import Request
from crontask.runner.result import NotJsonError

if TYPE_CHECKING:
    import jsonpath

_FIRST_PART = 500
_NONE = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came. `cut_short`: there was more. The body is as it came, with secrets; the rest has none."""

    status: int
    reason: str
    content_type: str
    body: bytes
    cut_short: bool

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON."""
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind == "application/json" or kind.endswith("+json")

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        for part in self.content_type.split(";")[1:]:
            key, _, charset = part.strip().partition("=")
            if key.lower() == "charset":
                try:
                    return self.body.decode(charset.strip("\"' "), "replace")
                except (LookupError, ValueError):
                    break
        return self.body.decode("utf-8-sig", "replace")


def compile_path(json_path: str | None) -> jsonpath.JSONPath | jsonpath.CompoundJSONPath | None:
    """The path to look for. Raises BrokenInputError, before anything is sent."""
    if json_path is None:
        return None
    import jsonpath

    try:
        # As strictly as admission reads it.
        return jsonpath.JSONPathEnvironment(strict=True).compile(json_path)
    except jsonpath.JSONPathError as error:
        raise BrokenInputError(f"expect.jsonPath {json_path!r} is not a valid JSONPath: {error}") from error


def judge(
    answer: Answer,
    request: Request,
    path: jsonpath.JSONPath | jsonpath.CompoundJSONPath | None,
    redactor: Redactor,
) -> Report:
    """The report of an answer."""
    text = redactor.clean(answer.text, cut_short=answer.cut_short)
    if not request.wants(answer.status):
        return _unwanted(answer, request, text)
    value, why_none = _json(answer, redactor)
    if path is not None:
        problem = why_none if value is _NONE else _why_no_match(path, value)
        if problem is not None:
            return Report("failed", ANSWER_OTHER, f"{_title(answer)}, but jsonPath {request.json_path}: {problem}")
    if value is not _NONE and (answer.is_json or isinstance(value, dict | list)):
        return Report("success", OK, result=value)
    return Report(
        "success", OK, cut(text, _FIRST_PART) or None, result_truncated=answer.cut_short and _meant_as_json(answer)
    )


def _title(answer: Answer) -> str:
    return cut(f"{answer.status} {answer.reason or http.client.responses.get(answer.status, '')}".strip(), 100)


def _unwanted(answer: Answer, request: Request, text: str) -> Report:
    code = {4: ANSWER_4XX, 5: ANSWER_5XX}.get(answer.status // 100, ANSWER_OTHER)
    body = cut(text.strip(), _FIRST_PART)
    wanted = f"{_title(answer)}, wanted {' or '.join(request.statuses)}"
    return Report("failed", code, f"{wanted}: {body}" if body else wanted)


def _json(answer: Answer, redactor: Redactor) -> tuple[Any, str]:
    """The body as JSON; if it is none that can be kept, why not."""
    if answer.cut_short:
        return _NONE, f"the answer is longer than {len(answer.body) // 1024} KiB"
    try:
        return redactor.load_json(answer.text), ""
    except NotJsonError as error:
        return _NONE, f"the answer is {error}"
    except (ValueError, RecursionError):
        return _NONE, "the answer is not valid JSON"


def _meant_as_json(answer: Answer) -> bool:
    return answer.is_json or answer.body.lstrip()[:1] in (b"{", b"[")


def _why_no_match(path: jsonpath.JSONPath | jsonpath.CompoundJSONPath, value: Any) -> str | None:
    import jsonpath

    try:
        matches = cast("Any", path).finditer(value)
        return None if next(iter(matches), None) is not None else "nothing in the answer matches it"
    except jsonpath.JSONPathError as error:
        return f"cannot be looked for: {error}"

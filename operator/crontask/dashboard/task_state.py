"""How a task is, and why: read off its raw object. Pure."""

from crontask.api.names import ANNOTATION_SUSPENDED_BY
from crontask.client.requests import Document
from crontask.dashboard.moments import Clock
from crontask.dashboard.plain import one_line
from crontask.dashboard.schedule import zone_of
from crontask.dashboard.symbols import Look, look_of

_BROKEN = ("Invalid", "Rejected")


def state_of(task: Document) -> Look:
    """How the task is: what needs somebody comes first."""
    status = task.get("status") or {}
    phase = status.get("phase")
    if phase in _BROKEN:
        return look_of(phase)
    if phase == "Active" and _is(task, "Overdue"):
        return look_of("Overdue")
    if phase == "Active" and _failing(task):
        return look_of("Failing")
    return look_of(phase)


def note_of_task(task: Document, clock: Clock) -> str:
    """Why it is so, in one line; nothing of one that is as it should be."""
    status = task.get("status") or {}
    phase = status.get("phase")
    if phase in _BROKEN:
        return _said(task, "Ready")
    if phase == "Suspended":
        return paused_because(task, clock) or _said(task, "Suspended")
    if _is(task, "Overdue"):
        return _said(task, "Overdue")
    if _is(task, "Stalled"):
        return _said(task, "Stalled")
    if _failing(task):
        failures = count_of(status.get("consecutiveFailures"))
        message = one_line((status.get("lastRun") or {}).get("message") or "")
        return f"{failures} in a row{': ' if message else ''}{message}" if failures > 1 else message
    return ""


def paused_because(task: Document, clock: Clock) -> str:
    """Who paused it, until when and why, where its spec does; nothing where it does not."""
    spec = task.get("spec") or {}
    if not spec.get("suspend") and not spec.get("suspendUntil"):
        return ""
    by = (task["metadata"].get("annotations") or {}).get(ANNOTATION_SUSPENDED_BY)
    until = clock.moment(spec.get("suspendUntil"), zone_of(task))
    parts = (
        f"by {by}" if by else "",
        f"until {until.exact}" if until else "",
        f"“{spec['suspendReason']}”" if spec.get("suspendReason") else "",
    )
    return one_line(" ".join(filter(None, parts)))


def condition_of(task: Document, type_: str) -> Document:
    """The condition of that type; an empty one where there is none."""
    for condition in (task.get("status") or {}).get("conditions") or ():
        if condition.get("type") == type_:
            return dict(condition)
    return {}


def _is(task: Document, type_: str) -> bool:
    return bool(condition_of(task, type_).get("status") == "True")


def _said(task: Document, type_: str) -> str:
    condition = condition_of(task, type_)
    return one_line(condition.get("message") or condition.get("reason") or "")


def _failing(task: Document) -> bool:
    return bool(condition_of(task, "LastRunSucceeded").get("status") == "False")


def count_of(value: object) -> int:
    """A number of a status; 0 where there is none, or somebody has mangled it."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0

"""Tasks that expect something of their runs, and what their condition Overdue has to say when all is quiet."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from chaos.record import TERMINAL, RunRecord
from chaos.timings import seconds
from crontask.ports import Document

_SUCCEEDED = ("Succeeded", "Partial")
# What has just come or gone may not be recorded yet.
_SOON = timedelta(seconds=3)
_EXPECT = ({"successWithin": "50s"}, {"finishWithin": "4s", "successWithin": "30s"}, {"finishWithin": "10s"})


def has_expectations(seed: int) -> bool:
    """Whether the tasks of that story expect something."""
    return seed % 10 == 7


def expect(tasks: list[Document]) -> None:
    """Each of them expects something. The last one runs on demand only: little else has it looked at."""
    for number, task in enumerate(reversed(tasks)):
        task["spec"]["expect"] = dict(_EXPECT[number % len(_EXPECT)])


def judge_expectations(name: str, task: Document, runs: Iterable[RunRecord], now: datetime) -> Iterator[str]:
    """Whether the condition says what the runs and the status say."""
    asked, status = task["spec"].get("expect"), task.get("status") or {}
    if asked is None or not status:
        return
    runs = list(runs)
    limits = list(_limits(task, runs, now))
    if any(abs(now - limit) < _SOON for limit in limits):
        return
    ends = (run.changed_at for run in runs if run.changed_at is not None)
    if any(now - end < _SOON for end in ends):
        return
    wanted = "True" if any(limit <= now for limit in limits) else "False"
    said = {condition["type"]: condition["status"] for condition in status["conditions"]}.get("Overdue")
    if said != wanted:
        yield f"{name} says that Overdue is {said}, and it is {wanted}"


def _limits(task: Document, runs: list[RunRecord], now: datetime) -> Iterator[datetime]:
    asked, status = task["spec"]["expect"], task["status"]
    if "successWithin" in asked and status["phase"] in ("Active", "Rejected"):
        ends = [run.document["status"]["completionTime"] for run in runs if run.phase in _SUCCEEDED]
        since = max((task["metadata"]["creationTimestamp"], status["timing"]["since"], *ends))
        yield datetime.fromisoformat(since) + seconds(asked["successWithin"])
    for run in runs:
        began = (run.document.get("status") or {}).get("startTime")
        if "finishWithin" in asked and began is not None and run.phase not in TERMINAL and run.deleted_by is None:
            yield datetime.fromisoformat(began) + seconds(asked["finishWithin"])

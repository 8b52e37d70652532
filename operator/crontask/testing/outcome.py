"""How an attempt of a handler ends in a sandbox, as a test says it, and what its pod then does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from crontask.api.times import parse_duration
from crontask.client import values
from crontask.client.errors import BadInput
from crontask.client.values import Duration
from crontask.ports import Document
from crontask.runner.context import Context, check_count
from crontask.runner.message import FAILED, Report, encode
from crontask.simulation.kubelet import Plan

Phase = Literal["Succeeded", "Partial", "Failed", "TimedOut"]
_STATUS: dict[str, Literal["success", "partial", "failed"]] = {
    "Succeeded": "success",
    "Partial": "partial",
    "Failed": "failed",
    "TimedOut": "failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ends.

    `phase`: as a run's; a TimedOut one goes on until it is stopped. `duration`: how long it takes, of the sandbox's
    time; by default that of the sandbox. `result`, `message`, `processed`, `errors`: what the handler gives back.
    `exit_code`: by default 1 of a failure. `cursor`, `is_done`: of a batch; one that does not say so is the last.
    """

    phase: Phase = "Succeeded"
    result: Any = None
    duration: Duration | None = None
    message: str | None = None
    exit_code: int | None = None
    processed: int | None = None
    errors: int | None = None
    cursor: Any = None
    is_done: bool | None = None

    def __post_init__(self) -> None:
        if self.phase not in _STATUS:
            fix = f"write one of {', '.join(_STATUS)}; to cancel a run, write box.client.get(NAME).cancel()"
            raise BadInput("phase", f"{self.phase!r} is none that a handler ends in", fix)
        if (self.exit_code == 0) is (self.phase == "Failed") and self.exit_code is not None:
            raise BadInput("exit_code", f"{self.exit_code} does not go with phase {self.phase}", "remove one of them")
        if self.phase == "TimedOut" and self.duration is not None:
            problem = "does not go with phase TimedOut: such an attempt goes on until its task's timeout is over"
            raise BadInput("duration", problem, "remove it")
        for name, count in (("processed", self.processed), ("errors", self.errors)):
            try:
                check_count(name, count)
            except (TypeError, ValueError) as error:
                raise BadInput(name, str(error).partition(" ")[2], f"write {name}=3") from None
        if self.duration is not None:
            values.duration(self.duration, "duration")

    @property
    def takes(self) -> timedelta | None:
        """How long it takes, None if that is not said."""
        return parse_duration(self.duration) if isinstance(self.duration, str) else self.duration


Decide = Callable[[Context], Outcome]
"""An outcome by what the attempt is given: `lambda ctx: Outcome(result=len(ctx.args["tables"]))`."""


def report_of_outcome(outcome: Outcome) -> Report:
    """What a handler with that outcome would report."""
    code = outcome.exit_code if outcome.exit_code is not None else FAILED * (outcome.phase == "Failed")
    result = values.plain(outcome.result, "result", free=True)
    return Report(
        _STATUS[outcome.phase],
        code,
        outcome.message,
        result,
        outcome.processed,
        outcome.errors,
        batch={"cursor": outcome.cursor, "isDone": outcome.is_done},
    )


def plan_of(report: Report, pod: Document, seconds: float | None, limit: int) -> Plan:
    """What its pod does: `seconds` until it ends, None if it does not. `limit`: bytes of its message."""
    in_batches = batch_variables(pod)
    batch = {key: value for key, value in (report.batch or {}).items() if value is not None} if in_batches else {}
    if in_batches and report.exit_code == 0 and "isDone" not in batch and "cursor" not in batch:
        batch["isDone"] = True
    if "CRONTASK_REUSE" in in_batches:
        # Each pod does one: that is always its right.
        batch["batches"] = int(report.exit_code == 0)
        if report.errors and report.exit_code == 0:
            batch["partialBatches"] = 1
    report.batch = batch or None
    message = encode(report, limit).decode()
    return Plan(runs=seconds, exit_code=report.exit_code, message=message, stops_in=0)


def batch_variables(pod: Document) -> set[str]:
    """The variables of a pod that does a batch; empty of any other."""
    names = {each["name"] for container in pod["spec"]["containers"][:1] for each in container.get("env", ())}
    return names & {"CRONTASK_BATCH", "CRONTASK_REUSE"}

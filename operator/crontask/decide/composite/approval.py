"""Steps that wait for a person: what the annotations of the run answer, and how such a step is then.

Once it is recorded in the status, an answer stands, whatever the annotations say later: each is recorded before
anything follows from it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from crontask.api.base import cut, format_duration, format_time
from crontask.api.composite import Step
from crontask.api.composite_status import DECIDED_STEPS, LONGEST_ANSWERER, OPEN_STEPS, Answer, StepPhase, StepStatus
from crontask.api.names import ANNOTATION_APPROVE, ANNOTATION_REJECT
from crontask.decide.composite.model import StepState
from crontask.decide.composite.step_state import of_record
from crontask.decide.model import ScheduledRun

REJECTED, APPROVAL_TIMED_OUT = "Rejected", "ApprovalTimedOut"
# `manager`, or `manager by alice`.
_ENTRY = re.compile(r"(\S+)(?:\s+by\s+(\S.*))?")


# --- what is answered ------------------------------------------------------------------------------------------------


def answers(
    run: ScheduledRun, steps: Iterable[Step], recorded: Mapping[str, StepStatus], now: datetime
) -> dict[str, Answer]:
    """The answers to the steps that ask for approval, also before their turn. Until a step has ended, a rejection wins.

    After its end nothing is answered any more.
    """
    approved, rejected = named_by(run, ANNOTATION_APPROVE), named_by(run, ANNOTATION_REJECT)
    found: dict[str, Answer] = {}
    for step in steps:
        if step.approval is None:
            continue
        before = recorded.get(step.name)
        answer = before.answer if before is not None else None
        if before is None or before.phase in OPEN_STEPS:
            if step.name in rejected and (answer is None or answer.approved):
                answer = Answer(approved=False, at=now, by=rejected[step.name])
            elif step.name in approved and answer is None:
                answer = Answer(approved=True, at=now, by=approved[step.name])
        if answer is not None:
            found[step.name] = answer
    return found


def named_by(run: ScheduledRun, annotation: str) -> dict[str, str | None]:
    """What an annotation of the run names, each with who says so, where it says that."""
    found: dict[str, str | None] = {}
    for text in run.meta.annotations.get(annotation, "").split(","):
        entry = text.strip()
        match = _ENTRY.fullmatch(entry)
        if match is not None:
            found[match[1]] = cut(match[2], LONGEST_ANSWERER) if match[2] else None
        elif entry:
            found[entry] = None
    return found


def said_by(answer: Answer) -> str:
    """Who gave it, where that is said."""
    return f" by {answer.by}" if answer.by is not None else ""


# --- how a step is ---------------------------------------------------------------------------------------------------


def of_approval(
    step: Step, recorded: StepStatus | None, answer: Answer | None, run: ScheduledRun, now: datetime
) -> StepState | None:
    """How a step that asks for approval is, once it has begun to wait; None before."""
    if recorded is None:
        return None
    if recorded.phase in DECIDED_STEPS:
        # Its result is short.
        return replace(of_record(step, recorded), result_truncated=False)
    if recorded.phase is StepPhase.WAITING and recorded.start_time is not None:
        return asking(step, recorded.start_time, answer, run, now)
    return None


def asking(step: Step, since: datetime, answer: Answer | None, run: ScheduledRun, now: datetime) -> StepState:
    """A step that asks for approval since then. An answer that is there counts, however late somebody looks."""
    assert step.approval is not None, "only such steps ask"
    known = StepState(step, StepPhase.WAITING, started=since)
    if answer is not None:
        return _answered(replace(known, ended=max(since, answer.at)), answer)
    until = since + step.approval.timeout
    if until <= now:
        message = f"nobody answered within {format_duration(step.approval.timeout)}"
        return replace(known, phase=StepPhase.TIMED_OUT, ended=now, reason=APPROVAL_TIMED_OUT, message=message)
    what = f": {step.approval.message}" if step.approval.message else ""
    # Who runs it may have another namespace by default.
    whose = f"-n {run.meta.namespace} sr {run.meta.name}"
    command = f"kubectl annotate --overwrite {whose} {ANNOTATION_APPROVE}={step.name}"
    return replace(known, message=f"waits for approval{what}; {command}", waits_until=until)


def _answered(known: StepState, answer: Answer) -> StepState:
    if not answer.approved:
        return replace(known, phase=StepPhase.FAILED, reason=REJECTED, message=f"rejected{said_by(answer)}")
    result = {"approved": True, "at": format_time(answer.at)}
    if answer.by is not None:
        result["by"] = answer.by
    return replace(known, phase=StepPhase.SUCCEEDED, message=f"approved{said_by(answer)}", result=result)


def waits_for_nobody(state: StepState, now: datetime) -> StepState:
    """The same when nothing new of the run starts: a person who does not answer keeps nothing from its end."""
    if state.step.approval is None or not state.open:
        return state
    message = "not answered: the run starts no more steps"
    return replace(state, phase=StepPhase.CANCELED, ended=now, reason="Canceled", message=message, waits_until=None)

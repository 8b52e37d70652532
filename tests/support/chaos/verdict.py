"""What must be true when all has been quiet for a while (liveness), and exact counts."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from chaos.decided import judge_decided
from chaos.expectations import judge_expectations
from chaos.ledger import STOPPED, Ledger
from chaos.pods import owner_of
from chaos.record import TERMINAL, is_refused_rerun
from chaos.times import judge_times
from chaos.workflows import not_ended
from crontask.ports import Document, Kind
from crontask.simulation.memory_api import MemoryApi

_LATE, _SOON, _PART_SOON = timedelta(seconds=20), timedelta(seconds=1), timedelta(seconds=3)
# Longer than any pod takes to be stopped.
_STOPS_WITHIN = timedelta(seconds=110)
# Longer than a part takes from one change to the next: many batches, each slow to stop, take longer than the quiet.
_GOES_ON_WITHIN = timedelta(seconds=200)
_FIELDS = {
    "Succeeded": "succeeded",
    "Partial": "partial",
    "Failed": "failed",
    "TimedOut": "timedOut",
    "Canceled": "canceled",
}


def judge(api: MemoryApi, ledger: Ledger, now: datetime) -> Iterator[str]:
    """What is wrong at the end."""
    for run in api.stored(Kind.SCHEDULED_RUN):
        yield from _run(run, api, ledger, now)
    for name, task in ledger.tasks.items():
        if name not in ledger.touched:
            yield from _counts(name, task, ledger, now)
            yield from judge_decided(name, task.get("status") or {}, ledger.runs_of(task))
            yield from judge_expectations(name, task, ledger.runs_of(task), now)
            yield from judge_times(name, task, ledger.timings[name], list(ledger.runs_of(task)), now)
    for name, count in ledger.idle_writes.items():
        yield f"{name} was written {count} times without a change"


def _run(run: Document, api: MemoryApi, ledger: Ledger, now: datetime) -> Iterator[str]:
    """A run that has not ended has a reason that is still true."""
    name, status = run["metadata"]["name"], run.get("status") or {}
    phase = status.get("phase")
    # Its creation is told in whole seconds.
    created = datetime.fromisoformat(run["metadata"]["creationTimestamp"]) + timedelta(seconds=1)
    changed = ledger.runs[run["metadata"]["uid"]].changed_at or created
    # That a part runs is not written at once: most end before.
    soon = _PART_SOON if "parent" in run["spec"] else _SOON
    if phase in TERMINAL or changed > now - soon:
        return
    if not_ended(run):
        moved = last_move(run["metadata"]["uid"], ledger)
        if moved is None or moved < now - _GOES_ON_WITHIN:
            yield f"workflow {name} is {phase}, and goes no further: {status.get('message')}"
        return
    pods = [pod for pod in api.stored(Kind.POD) if owner_of(pod) == run["metadata"]["uid"]]
    alive = [pod for pod in pods if pod["status"]["phase"] not in ("Succeeded", "Failed")]
    spec = run["spec"]
    if phase in ("Running", "Canceling"):
        if not alive:
            yield f"run {name} is {phase}, and has no pod that runs"
        elif _is_stopped(status) and changed < now - _STOPS_WITHIN:
            yield f"run {name} is {phase}, and its pod is never stopped"
    elif phase == "Retrying":
        if datetime.fromisoformat(status["nextRetryTime"]) < now - _LATE:
            yield f"run {name} sleeps: its next attempt was due at {status['nextRetryTime']}"
    elif phase == "Queued" or (phase is None and not spec.get("at")):
        if ledger.runs[run["metadata"]["uid"]].only_pre_created:
            if datetime.fromisoformat(spec["scheduledTime"]) < now - _LATE:
                yield f"run {name} was pre-created, and is still there"
        elif not _others_run(run, api, ledger):
            yield f"run {name} is {phase}, and nothing is in its way"
    elif phase == "Pending":
        waits = (
            "waits for" in status.get("message", "")
            or datetime.fromisoformat(spec.get("at", "1970-01-01T00:00:00Z")) > now
        )
        if not waits:
            yield f"run {name} is Pending without a reason: {status.get('message')}"


def last_move(uid: str, ledger: Ledger) -> datetime | None:
    """When a run, or a part of it or of its parts, changed last; also those that have been removed since."""
    own = ledger.runs[uid].changed_at
    parts = (part for part, record in ledger.runs.items() if record.spec.get("parent", {}).get("uid") == uid)
    return max((at for at in (own, *(last_move(part, ledger) for part in parts)) if at is not None), default=None)


def _is_stopped(status: Document) -> bool:
    """Whether the run is to end, and waits for its pod."""
    attempts = status.get("attempts") or [{}]
    return bool(status["phase"] == "Canceling" or attempts[-1].get("reason") in STOPPED)


def _others_run(run: Document, api: MemoryApi, ledger: Ledger) -> bool:
    task = ledger.tasks.get((run["spec"].get("taskRef") or {}).get("name", ""))
    group = (task or {}).get("spec", {}).get("concurrency", {}).get("group")
    names = {
        other["metadata"]["name"]
        for other in ledger.tasks.values()
        if other is task or (group is not None and other["spec"].get("concurrency", {}).get("group") == group)
    }
    return any(
        (other["spec"].get("taskRef") or {}).get("name") in names
        and (other.get("status") or {}).get("phase") in ("Running", "Retrying", "Canceling", "Compensating")
        for other in api.stored(Kind.SCHEDULED_RUN)
    )


def _counts(name: str, task: Document, ledger: Ledger, now: datetime) -> Iterator[str]:
    """Each finished run is counted, once."""
    counts = (task.get("status") or {}).get("counts") or {}
    runs = list(ledger.runs_of(task))
    if any(run.ended_at is not None and run.ended_at > now - _SOON for run in runs):
        return
    counted = [run for run in runs if not is_refused_rerun(run.spec, run.document.get("status") or {})]
    ended = Counter(record.phase for record in counted)
    for phase, field in _FIELDS.items():
        if counts.get(field, 0) != ended[phase]:
            yield f"{name} counts {counts.get(field, 0)} {field}, and {ended[phase]} are {phase}"

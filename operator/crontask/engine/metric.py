"""What each metric is: its name, type, labels and their known values. The page about metrics is made of these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from crontask.api.phases import TERMINAL, Origin, RunPhase
from crontask.decide.decisions import DecisionKind
from crontask.decide.model import STALE
from crontask.decide.refusal import RUN_REJECTED
from crontask.decide.task.lateness import NOT_STARTED
from crontask.decide.task.missed import DEADLINE_EXCEEDED, NOT_STARTED_IN_TIME
from crontask.decide.task.overdue import NO_SUCCESS, RUN_TAKES_TOO_LONG
from crontask.decide.task.overlap import QUEUE_FULL, RUN_ALREADY_ACTIVE
from crontask.decide.task.pause import SUSPENDED_UNTIL, TOO_MANY_FAILURES
from crontask.decide.task.record import NAME_TAKEN, PAUSE_UNSEEN, TIMING_CHANGED, TIMING_UNSEEN
from crontask.engine.queue import Priority
from crontask.ports import Kind

PREFIX = "crontask_"
OTHER = "Other"
"""What stands for a reason that is none of the known ones."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A family of samples. `labels`: by name, the values that are known beforehand; empty where they are the users'."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """As Prometheus has it."""
        return PREFIX + self.name


_PAUSES = ("Suspended", SUSPENDED_UNTIL, TOO_MANY_FAILURES, "SchedulingDisabled")
_KINDS = tuple(kind.plural for kind in (Kind.CRON_TASK, Kind.SCHEDULED_RUN, Kind.POD))
_PHASES = tuple(phase.value for phase in RunPhase if phase in TERMINAL)
_ORIGINS = tuple(Origin)

REASONS: Mapping[DecisionKind, tuple[str, ...]] = {
    DecisionKind.SKIP: (
        *(RUN_ALREADY_ACTIVE, QUEUE_FULL, TIMING_CHANGED, *_PAUSES),
        *("Duplicate", STALE),
    ),
    DecisionKind.MISS: (
        *(NOT_STARTED_IN_TIME, DEADLINE_EXCEEDED, NAME_TAKEN, RUN_REJECTED),
        *(TIMING_UNSEEN, PAUSE_UNSEEN),
    ),
    DecisionKind.QUEUE: ("Queued",),
    DecisionKind.REPLACE: ("Replaced",),
    DecisionKind.CANCEL: ("Canceled",),
    DecisionKind.SUSPEND: _PAUSES,
    DecisionKind.RESUME: ("Resumed",),
    DecisionKind.COMPLETE: ("Completed",),
    DecisionKind.INVALID: ("InvalidSpec",),
    DecisionKind.OVERDUE: (NO_SUCCESS, RUN_TAKES_TOO_LONG),
}
"""The decisions that are counted, and the reasons that each may have. Starts and ends have counters of their own."""

WRITES: Mapping[Kind, tuple[str, ...]] = {
    Kind.CRON_TASK: ("update",),
    Kind.SCHEDULED_RUN: ("create", "patch", "update", "delete"),
    Kind.POD: ("create", "patch", "delete"),
    Kind.EVENT: ("create", "patch"),
    Kind.LEASE: ("create", "patch"),
}
"""The writes that an operator sends."""

LEADER = Metric("leader", "gauge", "1 while this operator leads, and so decides and starts; 0 while it stands by.")
STARTS = Metric("starts_total", "counter", "Runs that have started, by who made them.", {"origin": _ORIGINS})
START_LAG = Metric(
    "start_lag_seconds",
    "histogram",
    "From the time that a scheduled run was due to the creation of its pod. Left out are runs that waited for their "
    "turn, or make up for a missed time, and further attempts.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
RUNS_FINISHED = Metric(
    "runs_finished_total",
    "counter",
    "Runs that have ended, by how and by who made them; parts of composite runs are of origin Child.",
    {"phase": _PHASES, "origin": _ORIGINS},
)
DECISIONS = Metric(
    "decisions_total",
    "counter",
    "What was decided about scheduled times, runs and tasks, other than starts and ordinary ends. Skip and Miss count "
    "scheduled times.",
    {"decision": tuple(REASONS), "reason": tuple(sorted({*(r for each in REASONS.values() for r in each), OTHER}))},
)
WRITE = Metric(
    "write_seconds",
    "histogram",
    "How long the API server took for a write, by the HTTP status of its answer; 0: no answer. Waiting for a turn to "
    "write is not part of it.",
    {"kind": tuple(kind.plural for kind in WRITES), "verb": ("create", "patch", "update", "delete"), "code": ()},
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUE_LENGTH = Metric(
    "queue_length",
    "gauge",
    "Writes that wait for their turn.",
    {"priority": tuple(priority.name.lower() for priority in Priority)},
)
WATCH_RESTARTS = Metric(
    "watch_restarts_total",
    "counter",
    "Watches that were refused, broke, or ended at once. That each ends after some minutes is no restart.",
    {"kind": _KINDS},
)
OBJECTS = Metric("objects", "gauge", "Objects that the operator knows.", {"kind": _KINDS})
DECIDE = Metric(
    "decide_seconds",
    "histogram",
    "How long it took to decide about a task or a run.",
    {"kind": _KINDS[:2]},
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1),
)
CLOCK_SKEW = Metric(
    "clock_skew_seconds",
    "gauge",
    "How far the API server's clock is ahead of the operator's, to a second; beyond 30, nothing starts on schedule.",
)
CERTIFICATE_END = Metric(
    "webhook_certificate_end_timestamp_seconds",
    "gauge",
    "When the certificate of the admission webhook expires. Absent without a webhook.",
)
BUILD_INFO = Metric("build_info", "gauge", "1, with the version of the operator.", {"version": ()})
OPERATOR_METRICS = (
    *(LEADER, STARTS, START_LAG, RUNS_FINISHED, DECISIONS, WRITE, QUEUE_LENGTH, WATCH_RESTARTS, OBJECTS, DECIDE),
    *(CLOCK_SKEW, CERTIFICATE_END, BUILD_INFO),
)

_OF_TASK: Mapping[str, tuple[str, ...]] = {"namespace": (), "task": ()}
TASK_FAILURES = Metric(
    "task_consecutive_failures", "gauge", "Runs in a row that failed; a success sets it back to 0.", _OF_TASK
)
TASK_LAST_SUCCESS = Metric(
    "task_last_success_timestamp_seconds",
    "gauge",
    "When a run last succeeded; before the first, when the task was created.",
    _OF_TASK,
)
TASK_NEXT_RUN = Metric(
    "task_next_run_timestamp_seconds", "gauge", "The next scheduled time. Absent where there is none.", _OF_TASK
)
TASK_OVERDUE = Metric(
    "task_overdue_seconds",
    "gauge",
    "How late a task is. NotStarted: since its first scheduled time that has neither started nor been queued, skipped "
    "or missed. NoSuccess, RunTakesTooLong: beyond what spec.expect says, for tasks that have it. 0 while nothing is "
    "late.",
    {**_OF_TASK, "reason": (NOT_STARTED, NO_SUCCESS, RUN_TAKES_TOO_LONG)},
)
TASK_ACTIVE = Metric("task_active_runs", "gauge", "Runs under way.", _OF_TASK)
TASK_QUEUED = Metric("task_queued_runs", "gauge", "Runs that wait for their turn.", _OF_TASK)
TASK_SUSPENDED = Metric(
    "task_suspended", "gauge", "1 while the task is suspended. Absent while it is not.", {**_OF_TASK, "reason": _PAUSES}
)
TASK_LAST_DURATION = Metric(
    "task_last_duration_seconds",
    "gauge",
    "How long the run that ended last took, to a second. Absent before the first.",
    _OF_TASK,
)
TASK_METRICS = (
    *(TASK_FAILURES, TASK_LAST_SUCCESS, TASK_NEXT_RUN, TASK_OVERDUE, TASK_ACTIVE, TASK_QUEUED, TASK_SUSPENDED),
    TASK_LAST_DURATION,
)

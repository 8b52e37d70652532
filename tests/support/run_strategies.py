"""Runs of which anything may be known, for hypothesis."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from run_life import (
    annotated,
    asked_to_stop,
    at,
    caused,
    exited,
    invalid_run,
    invalid_task,
    make_task,
    own_run,
    owned,
    pod,
    refusal,
    run_of_time,
    runs,
    scheduled_run,
    stopped,
    waits,
    with_status,
)

from crontask.api.phases import RunPhase
from crontask.api.pod import Container, ContainerState, ContainerStatus, Pod, PodCondition
from crontask.api.scheduledrun import Attempt, ScheduledRunStatus
from crontask.decide.decisions import Dropped
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.pod_state import (
    NOT_MADE,
    VANISHED,
    Creating,
    CreationUnknown,
    PodState,
    Present,
    Refused,
)
from crontask.decide.refusal import Refusal
from crontask.decide.views import RunRefusal, RunView

DROPPED = Dropped(RunPhase.SKIPPED, "Suspended", "the task is suspended")
SECONDS = st.sampled_from((-(10**7), -3600, -61, -60, -1, -0.000001, 0, 0.000001, 1, 5, 10, 12, 60, 900, 3600, 10**7))
DURATIONS = st.sampled_from(("1s", "10s", "1m", "15m", "3660d"))
CODES = st.sampled_from((0, 1, 3, 137, 143))
TEXTS = st.sampled_from(
    ("", "done", '{"status": "partial"}', '{"status": "failed"}', '{"cut', '{"result": 3, "resultTruncated": true}')
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


RETRIES = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.sampled_from((0, 1, 2, 100)),
        "initial": DURATIONS,
        "max": DURATIONS,
        "factor": st.sampled_from((1, 2, 10)),
        "jitterPercent": st.sampled_from((0, 10, 100)),
        "maxLost": st.sampled_from((0, 1, 3)),
        "onLost": st.sampled_from(("Retry", "Fail")),
        "nonRetryableExitCodes": st.just([3]),
    },
)
LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "timeout": DURATIONS,
    "startTimeout": DURATIONS,
    "totalTimeout": DURATIONS,
    "ttlAfterFinished": DURATIONS,
    "retry": RETRIES,
    "args": st.sampled_from(({}, {"a": 1})),
}


NOT_ENDED = tuple(phase for phase in RunPhase if not phase.terminal)


def instants() -> st.SearchStrategy[datetime]:
    return SECONDS.map(at)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    spec: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                **LIMITS,
                "cancel": st.booleans(),
                "cancelReason": st.just("enough"),
                "suspend": st.booleans(),
                "allowPast": st.booleans(),
                "idempotencyKey": st.just("k"),
                "onComplete": st.just({"taskRef": {"name": "report"}}),
            },
        )
    )
    when = draw(st.sampled_from(("now", "at", "delay")))
    if when == "at":
        spec["at"] = draw(instants()).isoformat()
    elif when == "delay":
        spec["delay"] = draw(DURATIONS)
    return spec


@st.composite
def attempts(draw: st.DrawFn) -> tuple[Attempt, ...]:
    first, count = draw(st.integers(1, 3)), draw(st.sampled_from((0, 0, 1, 2)))
    reasons = st.sampled_from((None, "Error", "TimedOut", "StartTimeout", "TotalTimeout", "Canceled", "PodLost"))
    return tuple(
        Attempt(
            number=first + n,
            pod=f"r-{first + n}",
            start_time=draw(maybe(instants())),
            completion_time=draw(maybe(instants())),
            reason=draw(reasons),
        )
        for n in range(count)
    )


def statuses() -> st.SearchStrategy[ScheduledRunStatus]:
    return st.builds(
        ScheduledRunStatus,
        phase=st.sampled_from((None, None, None, *NOT_ENDED, *RunPhase)),
        attempts=attempts(),
        lost_attempts=st.integers(0, 4),
        start_time=maybe(instants()),
        completion_time=maybe(instants()),
        next_retry_time=maybe(instants()),
        pod_name=st.sampled_from((None, "r-1", "r-2")),
        message=st.sampled_from((None, "before")),
    )


@st.composite
def tasks(draw: st.DrawFn) -> CronTask:
    optional = {
        **LIMITS,
        "argsSchema": st.just({"required": ["a"]}),
        "resultSchema": st.just({"type": "object"}),
        "suspend": st.booleans(),
        "after": st.just({"task": "x", "on": "Finished"}),
    }
    spec: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=optional))
    if "after" in spec:
        # What starts by itself has args that fit.
        spec["args"] = {"a": 1}
    task = with_status(make_task(**spec), draw(maybe(SECONDS)), draw(maybe(SECONDS)))
    if draw(st.booleans()):
        task = replace(task, meta=task.meta.model_copy(update={"uid": "another"}))
    return invalid_task(task) if draw(st.integers(0, 4)) == 0 else task


@st.composite
def any_run(draw: st.DrawFn, name: str = "r") -> ScheduledRun:
    spec, status, created = draw(specs()), draw(statuses()), draw(SECONDS)
    kind = draw(st.sampled_from(("manual", "own", "time", "time")))
    if kind == "own":
        run = own_run(name, created, status, **spec)
    elif kind == "manual":
        run = scheduled_run(name, created, status, **spec)
    else:
        run = run_of_time(draw(st.integers(-60, 60)), created, status, **spec)
    run = draw(
        st.sampled_from(
            (
                run,
                annotated(run, reserved="true"),
                annotated(run, replaced_by="newer", catch_up="true"),
                caused(run, 1),
                caused(run, 16),
                owned(run, "Job", "j"),
                owned(run, "CronTask", "earlier"),
                owned(run, "CronTask", "t", controller=None),
            )
        )
    )
    return invalid_run(run) if draw(st.integers(0, 9)) == 0 else run


def states() -> st.SearchStrategy[ContainerState]:
    return st.one_of(
        st.just(ContainerState()),
        st.sampled_from(("ContainerCreating", "ErrImagePull", "CrashLoopBackOff")).map(waits),
        SECONDS.map(runs),
        st.builds(exited, SECONDS, CODES, TEXTS),
    )


@st.composite
def any_pod(draw: st.DrawFn) -> Pod:
    status: dict[str, Any] = {
        "phase": draw(st.sampled_from(("", "Pending", "Running", "Succeeded", "Failed"))),
        "reason": draw(st.sampled_from(("", "Evicted", "DeadlineExceeded"))),
        "start_time": draw(maybe(instants())),
        "container_statuses": tuple(
            ContainerStatus(name, draw(states())) for name in draw(st.sampled_from(((), ("main",), ("main", "side"))))
        ),
        "init_container_statuses": tuple(
            ContainerStatus(name, draw(states()), draw(st.integers(0, 2)))
            for name in draw(st.sampled_from(((), ("setup",), ("setup", "proxy"))))
        ),
        "conditions": draw(
            st.sampled_from(
                (
                    (),
                    (PodCondition("DisruptionTarget", "True", "EvictionByEvictionAPI", "", at(5)),),
                    (PodCondition("PodScheduled", "False", "Unschedulable", "0/1 nodes are available: 1 Odd."),),
                )
            )
        ),
    }
    spec: dict[str, Any] = {
        "containers": draw(st.sampled_from(((Container("main"),), (Container("main"), Container("side"))))),
        "init_containers": (Container("setup"), Container("proxy", "Always")),
        "active_deadline_seconds": draw(st.sampled_from((None, 1, 900))),
        "termination_grace_period_seconds": draw(st.sampled_from((None, 0, 3600))),
        "node_name": draw(st.sampled_from(("", "n1"))),
    }
    metadata: dict[str, Any] = {"annotations": {}}
    why = draw(st.sampled_from((None, "Canceled", "Replaced", "TimedOut", "Ended", "Odd")))
    if why is not None:
        metadata["annotations"] = asked_to_stop(draw(SECONDS), why)["metadata"]["annotations"]
    if draw(st.integers(0, 3)) == 0:
        metadata |= {"deletion_timestamp": draw(instants()), "deletion_grace_period_seconds": draw(maybe(st.just(30)))}
    if draw(st.integers(0, 3)) == 0:
        status |= stopped(draw(SECONDS), draw(CODES))
    return pod(draw(st.integers(1, 3)), draw(SECONDS), metadata=metadata, spec=spec, **status)


def refusals() -> st.SearchStrategy[Refusal]:
    return st.builds(
        lambda retry_at, since, final: refusal(retry_at, since, final=final), SECONDS, SECONDS, st.booleans()
    )


def pod_states() -> st.SearchStrategy[PodState]:
    return st.one_of(
        st.just(NOT_MADE),
        st.just(VANISHED),
        refusals().map(Refused),
        maybe(refusals()).map(Creating),
        maybe(refusals()).map(CreationUnknown),
        any_pod().map(Present),
        any_pod().map(Present),
    )


def views() -> st.SearchStrategy[RunView]:
    return st.builds(
        RunView,
        any_run(),
        maybe(tasks()),
        pod_states(),
        queued=st.booleans(),
        dropped=st.sampled_from((None, None, DROPPED, replace(DROPPED, phase=RunPhase.MISSED))),
        dependents=st.lists(tasks(), max_size=1).map(tuple),
        on_complete=maybe(tasks()),
        same_key=st.lists(any_run("a"), max_size=1).map(tuple),
        claimed=st.booleans(),
        follow_up_refusal=st.sampled_from((None, RunRefusal("next", "exceeded quota", at(10), 1))),
    )

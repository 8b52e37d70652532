"""A pod on its way: what is said of it, which stays as it is while the cause does, and which limits hold for it."""

from dataclasses import dataclass
from typing import Any

import pytest
from run_life import Life, asked_to_stop, at, exited, pod, runs, scheduled_run, stopped, waits

from crontask.api.phases import RunPhase
from crontask.api.pod import Container, ContainerState, ContainerStatus, Pod, PodCondition, Terminated
from crontask.decide.attempt.starting import began_at, time_at_work, what_it_waits_for, why_not_running
from crontask.decide.decisions import DeletePod, StopPod


@dataclass(frozen=True)
class Row:
    """A name, what is known of a pod, one state after the other, and what is said of it all the while."""

    name: str
    known: tuple[Pod, ...]
    wanted: str | None


def main(*states: ContainerState) -> tuple[Pod, ...]:
    """A pod whose main container is in these states."""
    return tuple(pod(1, 0, state) for state in states)


def scheduling(reason: str, *messages: str) -> tuple[Pod, ...]:
    """A pod of which the scheduler says that."""
    said = [PodCondition("PodScheduled", "False", reason, message) for message in messages]
    return tuple(pod(1, 0, phase="Pending", conditions=(condition,)) for condition in said)


def init(
    *states: ContainerState,
    sidecar: bool = False,
    probe: dict[str, Any] | None = None,
    main: ContainerState | None = None,
    **status: Any,
) -> Pod:
    """A pod with init containers a, b, … in these states."""
    names = "abc"[: len(states)]
    containers = tuple(Container(name, "Always" if sidecar else None, startup_probe=probe) for name in names)
    statuses = tuple(ContainerStatus(name, state, **status) for name, state in zip(names, states, strict=True))
    fields: dict[str, Any] = {"spec": {"init_containers": containers}, "init_container_statuses": statuses}
    return pod(1, 0, main or waits("PodInitializing"), **fields)


def sidecar(
    state: ContainerState, restarts: int = 0, *, started: bool = False, last: int | None = None, probed: bool = False
) -> Pod:
    """A pod that waits for its sidecar."""
    before = exited(3, last) if last is not None else ContainerState()
    probe = {"exec": {"command": ["/ready"]}} if probed else None
    return init(state, sidecar=True, probe=probe, restart_count=restarts, started=started, last_state=before)


NODES = "nodes are available: "
PREEMPTION = (
    "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)
UNSCHEDULABLE = "no node takes the pod: Unschedulable: "

ROWS = (
    Row("nothing is known", (pod(1, 0),), None),
    Row("it is made", main(waits("ContainerCreating"), waits("PodInitializing"), waits("")), None),
    Row("it runs", main(runs(1)), None),
    Row(
        "its image cannot be pulled",
        main(waits("ErrImagePull", "rpc error 1"), waits("ImagePullBackOff", "back-off"), waits("RegistryUnavailable")),
        "container main does not start: ImagePullBackOff",
    ),
    Row(
        "its image is not there, and must not be pulled",
        main(waits("ErrImageNeverPull", 'image "a:1" is not present with pull policy of Never')),
        'container main does not start: ErrImageNeverPull: image "a:1" is not present with pull policy of Never',
    ),
    Row(
        "what it refers to is not there",
        main(waits("CreateContainerConfigError", 'configmap "code" not found')),
        'container main does not start: CreateContainerConfigError: configmap "code" not found',
    ),
    Row(
        "a runtime gives each try an id",
        main(
            waits("CreateContainerError", "name main_1 is reserved for 0f3c9ad0f1b2e3d4"),
            waits("CreateContainerError", "name main_1 is reserved for 99aabbccddee0011"),
        ),
        "container main does not start: CreateContainerError: name main_1 is reserved for …",
    ),
    Row(
        "a reason that nobody has heard of",
        main(waits("NewReason", "new")),
        "container main does not start: NewReason: new",
    ),
    Row(
        "an init container's image cannot be pulled",
        (init(waits("ErrImagePull")),),
        "init container a does not start: ImagePullBackOff",
    ),
    Row("an init container is at work", (init(runs(1)),), "init container a is running"),
    Row("the second one is", (init(exited(3, 0), runs(3)),), "init container b is running"),
    Row("all of them have ended", (init(exited(3, 0), exited(3, 0)),), None),
    Row("a sidecar is on its way", (sidecar(runs(1)), sidecar(runs(1), started=True)), None),
    Row("a sidecar's startup probe has succeeded", (sidecar(runs(1), started=True, probed=True),), None),
    Row(
        "a sidecar's startup probe has not succeeded",
        (sidecar(runs(1), probed=True),),
        "init container a is running, but its startupProbe has not succeeded yet",
    ),
    Row(
        "a sidecar fails its startup probe, or ends, again and again",
        (
            sidecar(runs(5), 1, last=137),
            sidecar(waits("CrashLoopBackOff", "back-off 10s restarting"), 1, last=137),
            sidecar(waits("CrashLoopBackOff", "back-off 20s restarting"), 2, last=137),
            sidecar(exited(9, 137), 3),
        ),
        "init container a does not start: CrashLoopBackOff (exit code 137)",
    ),
    Row(
        "a sidecar fails while the main container runs",
        (
            init(waits("CrashLoopBackOff"), sidecar=True, main=runs(1), restart_count=3),
            init(runs(9), sidecar=True, main=runs(1), restart_count=3),
        ),
        None,
    ),
    Row(
        "it is held back from the scheduler",
        scheduling("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"),
        "waits for its scheduling gates to be removed: SchedulingGated",
    ),
    Row(
        "no node has room, and nodes come and go",
        scheduling(
            "Unschedulable",
            f"0/3 {NODES}1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector. {PREEMPTION}",
            f"0/7 {NODES}2 node(s) didn't match Pod's node affinity/selector, 5 Insufficient cpu. {PREEMPTION}",
            f"0/7 {NODES}2 node(s) didn't match Pod's node affinity/selector, 5 Insufficient cpu.",
        ),
        f"{UNSCHEDULABLE}Insufficient cpu, node(s) didn't match Pod's node affinity/selector",
    ),
    Row(
        "a volume claim is not there",
        scheduling(
            "Unschedulable",
            f'0/1 {NODES}persistentvolumeclaim "data" not found. not found',
            f'0/2 {NODES}persistentvolumeclaim "data" not found. {PREEMPTION}',
            'persistentvolumeclaim "data" not found',
        ),
        f'{UNSCHEDULABLE}persistentvolumeclaim "data" not found',
    ),
    Row("nobody says why", scheduling("Unschedulable", ""), "no node takes the pod: Unschedulable"),
    Row(
        "the scheduler fails",
        scheduling("SchedulerError", "binding rejected"),
        "the pod is not scheduled: SchedulerError: binding rejected",
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_why_a_pod_does_not_run(row: Row) -> None:
    assert {why_not_running(known) for known in row.known} == {row.wanted}


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (pod(1, 0), "no scheduler has taken it up"),
        (pod(1, 0, spec={"node_name": "n1"}), "node n1 has not taken it up"),
        (
            pod(1, 0, waits("ContainerCreating"), spec={"node_name": "n1"}),
            "container main is still at ContainerCreating",
        ),
        (pod(1, 0, waits("ErrImageNeverPull")), "container main does not start: ErrImageNeverPull"),
        (pod(1, 0, runs(1)), None),
    ],
)
def test_how_far_a_pod_has_come_that_should_have_started(known: Pod, words: str | None) -> None:
    assert what_it_waits_for(known) == words


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (
            init(runs(3), waits("ErrImagePull")),
            "init container b does not start: ImagePullBackOff",
        ),
        (
            pod(1, 0, waits("ErrImagePull"), conditions=(PodCondition("PodScheduled", "False", "SchedulingGated"),)),
            "container main does not start: ImagePullBackOff",
        ),
        (
            init(waits("ErrImagePull"), main=waits("ErrImageNeverPull")),
            "init container a does not start: ImagePullBackOff",
        ),
    ],
    ids=["before what is at work", "before the scheduler", "an init container before the main one"],
)
def test_what_is_stuck_is_said_first(known: Pod, message: str) -> None:
    assert why_not_running(known) == message


# --- what has begun --------------------------------------------------------------------------------------------------


def worked(start: float, end: float) -> ContainerState:
    return ContainerState(terminated=Terminated(0, "Completed", "", at(start), at(end)))


@pytest.mark.parametrize(
    ("known", "began", "seconds"),
    [
        (pod(1, 0), None, 0),
        (pod(1, 0, runs(4)), 4, 0),
        (pod(1, 0, exited(9, 0)), 8, 0),
        (init(runs(3)), 3, 0),
        (init(worked(3, 7)), 3, 4),
        (init(worked(3, 7), worked(7, 9), main=runs(10)), 3, 6),
        # By a clock that was set back meanwhile.
        (init(worked(7, 3)), 7, 0),
        (init(worked(7, 3), worked(3, 5)), 3, 2),
        (init(worked(3, 7), sidecar=True), None, 0),
        (init(worked(3, 7), sidecar=True, main=runs(8)), 8, 0),
    ],
)
def test_when_its_work_began_and_how_long_init_containers_were_at_it(
    known: Pod, began: float | None, seconds: float
) -> None:
    assert began_at(known) == (at(began) if began is not None else None)
    assert time_at_work(known).total_seconds() == seconds


# --- limits ----------------------------------------------------------------------------------------------------------


def test_the_work_of_an_init_container_does_not_count_towards_the_time_to_start() -> None:
    life = Life(scheduled_run(startTimeout="10s"))
    assert life.decide(1, init(waits("PodInitializing"))).wake_at == at(10)
    # It began after three seconds of the ten.
    assert life.decide(3, init(runs(3))).wake_at is None
    assert life.status.message == "init container a is running"
    assert life.decide(60, init(runs(3))).actions == ()
    assert life.phase is RunPhase.RUNNING
    # The main container's image is still to be pulled: seven are left.
    long = init(worked(3, 61), main=waits("ErrImagePull"))
    assert life.decide(61, long).wake_at == at(10 + 58)
    life.decide(68, long)
    stopping = life.decide(68, long)
    assert stopping.actions == (StopPod(long, "TimedOut", at(68)),)
    life.decide(70, pod(1, 0, **asked_to_stop(68, "TimedOut"), **{**stopped(70), "container_statuses": ()}))
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.FAILED, "StartTimeout")
    assert life.status.message == "did not start within 10s: container main does not start: ImagePullBackOff"


def test_the_work_of_an_init_container_counts_towards_the_timeout_and_is_named() -> None:
    life = Life(scheduled_run(timeout="20s"))
    assert life.decide(3, init(runs(3))).wake_at == at(23)
    life.decide(23, init(runs(3)))
    assert life.status.message == "took longer than its timeout of 20s: init container a is running"
    # From its start, also when the main container runs.
    life = Life(scheduled_run(timeout="20s"))
    assert life.decide(13, init(worked(3, 12), main=runs(13))).wake_at == at(23)


def test_a_sidecar_that_does_not_come_up_is_no_work() -> None:
    life = Life(scheduled_run(timeout="5s", startTimeout="20s"))
    assert life.decide(3, sidecar(runs(3))).wake_at == at(20)
    life.decide(20, sidecar(waits("CrashLoopBackOff"), 2, last=3))
    words = "did not start within 20s: init container a does not start: CrashLoopBackOff (exit code 3)"
    assert life.status.message == words


def test_a_pod_that_no_scheduler_knows_is_deleted_and_says_so() -> None:
    life = Life(scheduled_run(startTimeout="20s"))
    life.decide(20, pod(1, 0))
    assert life.decide(20, pod(1, 0)).actions == (DeletePod(pod(1, 0)),)
    life.decide(21)
    assert life.status.message == "did not start within 20s: no scheduler has taken it up"

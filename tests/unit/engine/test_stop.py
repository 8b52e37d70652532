"""Pods that are stopped, on virtual time: they stay, and nothing is doubled or lost whatever their kubelet does."""

from collections.abc import Callable
from typing import Any

import pytest
from engine_world import World, play, with_handler

from crontask.ports import ApiError, Document, Kind, ObjectKey
from crontask.simulation.kubelet import Plan

NAMESPACE = "jobs"


def stopped_by(pod: Document) -> str | None:
    found = pod["metadata"].get("annotations", {}).get("crontask.dev/stopped")
    return str(found) if found is not None else None


def deletions(world: World) -> int:
    return world.api.writes["delete", "Pod"]


@pytest.mark.parametrize(
    ("plan", "stays"),
    [
        (Plan(runs=None, stops_in=5), True),
        # It traps SIGTERM, and ends as if it had done its work.
        (Plan(runs=None, stops_in=5, stops_with=0), True),
        (Plan(runs=None, stops_in=600), True),
        (Plan(runs=None, starts_in=10_000), False),
        (Plan(runs=None, notices_in=90), False),
        (Plan(runs=None, notices_deadlines=False), False),
    ],
)
def test_a_run_that_is_canceled_ends_once_its_pod_has_stopped(plan: Plan, stays: bool) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("long", **with_handler({}))
            await world.pass_time(3)
            await world.edit(Kind.SCHEDULED_RUN, "long", cancel=True, cancelReason="enough")
            for _ in range(150):
                await world.pass_time(1)
                if world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "Canceled":
                    break
                assert world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "Canceling"
            assert all(pod["status"]["phase"] in ("Succeeded", "Failed") for pod in world.pods())
            await world.pass_time(300)
        assert world.status(Kind.SCHEDULED_RUN, "long")["message"] == "enough"
        assert [stopped_by(pod) for pod in world.pods()] == (["Canceled"] if stays else [])
        assert deletions(world) == (not stays)

    play(story, lambda pod: plan)


def test_a_kubelet_has_the_grace_period_and_half_a_minute_to_stop_a_pod() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            handler = {"podTemplate": {"spec": {"terminationGracePeriodSeconds": 100, "containers": [{"name": "a"}]}}}
            await world.run("long", timeout="10s", handler=handler)
            await world.pass_time(10 + 100 + 29)
            assert deletions(world) == 0
            await world.pass_time(2)
            assert deletions(world) == 1
            await world.pass_time(60)
        assert world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "TimedOut"

    play(story, lambda pod: Plan(runs=None, notices_deadlines=False))


@pytest.mark.parametrize("after", [0.001, 0.01, 1.0, 40.0])
@pytest.mark.parametrize("what", ["cancel", "timeout"])
def test_who_comes_after_an_operator_that_was_killed_in_the_middle_takes_no_stopped_pod_for_a_lost_one(
    what: str, after: float
) -> None:
    """Killed when it has asked the kubelet, before it could record the end."""

    async def story(world: World) -> None:
        spec = {"timeout": "20s"} if what == "timeout" else {}
        async with world.operator():
            await world.run("long", retry={"maxLost": 3}, **spec, **with_handler({}))
            await world.pass_time(3)
            if what == "cancel":
                await world.edit(Kind.SCHEDULED_RUN, "long", cancel=True)
            while not any(stopped_by(pod) for pod in world.pods()):
                await world.pass_time(0.001)
        await world.pass_time(after)
        async with world.operator():
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "long")
        wanted = "TimedOut" if what == "timeout" else "Canceled"
        assert (status["phase"], [attempt["reason"] for attempt in status["attempts"]]) == (wanted, [wanted])
        assert len(world.pods()) == 1

    play(story, lambda pod: Plan(runs=None, stops_in=5))


@pytest.mark.parametrize("reports_in", [0, 1.2])
def test_a_pod_that_ends_by_itself_before_its_kubelet_is_asked_has_its_own_end(reports_in: float) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("done", **with_handler({}))
            await world.pass_time(9.9)
            world.api.go_deaf()
            await world.edit(Kind.SCHEDULED_RUN, "done", cancel=True)
            await world.pass_time(0.2)
            world.api.hear_again()
            await world.pass_time(30)
        assert world.status(Kind.SCHEDULED_RUN, "done")["phase"] == "Succeeded"

    play(story, lambda pod: Plan(runs=10, reports_in=reports_in))


def test_a_pod_that_ends_by_itself_before_its_kubelet_notices_has_its_own_end() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("done", **with_handler({}))
            await world.pass_time(9)
            await world.edit(Kind.SCHEDULED_RUN, "done", cancel=True)
            await world.pass_time(30)
        assert world.status(Kind.SCHEDULED_RUN, "done")["phase"] == "Succeeded"

    play(story, lambda pod: Plan(runs=10, notices_in=2))


def test_attempts_go_on_under_the_next_number_while_the_pods_before_stay() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            retry = {"limit": 2, "initial": "1s", "factor": 1, "jitterPercent": 0}
            await world.run("slow", timeout="5s", retry=retry, **with_handler({}))
            for _ in range(40):
                await world.pass_time(1)
                assert sum(pod["status"]["phase"] not in ("Succeeded", "Failed") for pod in world.pods()) <= 1
        status = world.status(Kind.SCHEDULED_RUN, "slow")
        assert [attempt["reason"] for attempt in status["attempts"]] == ["TimedOut"] * 3
        assert status["phase"] == "TimedOut"
        assert [pod["metadata"]["name"] for pod in world.pods()] == ["slow-1", "slow-2", "slow-3"]
        assert [stopped_by(pod) for pod in world.pods()] == ["TimedOut"] * 3

    play(story, lambda pod: Plan(runs=None, stops_in=2))


def test_a_pod_that_stays_may_go_meanwhile_and_nothing_is_done_again() -> None:
    """Somebody removes the pod of an attempt before, and the one of this attempt, in either order."""

    async def story(world: World) -> None:
        async with world.operator():
            retry = {"limit": 1, "initial": "1s", "jitterPercent": 0, "onLost": "Fail"}
            await world.run("slow", timeout="5s", retry=retry, **with_handler({}))
            await world.pass_time(9)
            for number in (2, 1):
                await world.api.remove(ObjectKey(Kind.POD, NAMESPACE, f"slow-{number}"))
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "slow")
        assert (status["phase"], [attempt["number"] for attempt in status["attempts"]]) == ("Failed", [1, 2])
        assert world.pods() == []

    play(story, lambda pod: Plan(runs=None))


def test_pods_that_stay_are_in_nobodys_way_and_go_with_their_runs() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("newest", interval="30s", concurrency={"policy": "Replace"}, history={"failed": 1})
            await world.task("other", concurrency={"group": "g"})
            await world.task("another", concurrency={"group": "g"})
            await world.run("first", taskRef={"name": "other"})
            await world.pass_time(2)
            await world.run("second", taskRef={"name": "another"})
            await world.pass_time(2)
            assert world.status(Kind.SCHEDULED_RUN, "second")["phase"] == "Queued"
            await world.edit(Kind.SCHEDULED_RUN, "first", cancel=True)
            await world.pass_time(4)
            assert world.status(Kind.SCHEDULED_RUN, "second")["phase"] == "Running"
            await world.pass_time(100)
            pods = [pod for pod in world.pods() if pod["metadata"]["labels"]["crontask.dev/task"] == "newest"]
            assert [stopped_by(pod) for pod in pods] == ["Replaced", "Replaced", None]
            assert world.status(Kind.CRON_TASK, "newest")["activeCount"] == 1
            await world.pass_time(20 * 60)
            pods = [pod for pod in world.pods() if pod["metadata"]["labels"]["crontask.dev/task"] == "newest"]
            # None younger than ten minutes is removed.
            assert len(pods) == 21

    play(story, lambda pod: Plan(runs=None, stops_in=2))


def test_a_reason_that_somebody_words_like_a_replacement_is_a_cancel() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("long", **with_handler({}))
            await world.pass_time(3)
            await world.edit(Kind.SCHEDULED_RUN, "long", cancel=True, cancelReason="replaced by hand")
            await world.pass_time(10)
        (pod,) = world.pods()
        assert stopped_by(pod) == "Canceled"

    play(story, lambda pod: Plan(runs=None))


def _refuse_patches(verb: str, key: ObjectKey) -> ApiError | None:
    return ApiError(403, "Forbidden", "no changes of pods") if (verb, key.kind) == ("patch", Kind.POD) else None


def _lose_answers(world: World) -> Callable[[str, ObjectKey], ApiError | None]:
    left = [3]

    def fault(verb: str, key: ObjectKey) -> ApiError | None:
        if (verb, key.kind) != ("patch", Kind.POD) or not left[0]:
            return None
        left[0] -= 1
        return ApiError(0, "Unreachable", "lost")

    return fault


def test_where_a_policy_lets_nobody_change_pods_they_are_deleted() -> None:
    async def story(world: World) -> None:
        world.api.fault = _refuse_patches
        async with world.operator():
            await world.run("long", timeout="5s", **with_handler({}))
            await world.pass_time(60)
        assert world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "TimedOut"
        assert world.pods() == []

    play(story, lambda pod: Plan(runs=None))


def test_a_stop_that_does_not_get_through_is_tried_again() -> None:
    async def story(world: World) -> None:
        world.api.fault = _lose_answers(world)
        async with world.operator():
            await world.run("long", timeout="5s", **with_handler({}))
            await world.pass_time(60)
        assert world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "TimedOut"
        assert len(world.pods()) == 1

    play(story, lambda pod: Plan(runs=None))


@pytest.mark.parametrize("deadline", [1, 3, 4000])
def test_a_template_with_a_deadline_of_its_own_is_stopped_all_the_same(deadline: int) -> None:
    """A deadline only comes nearer."""
    spec: dict[str, Any] = {"activeDeadlineSeconds": deadline, "containers": [{"name": "main", "image": "i"}]}

    async def story(world: World) -> None:
        async with world.operator():
            await world.run("long", handler={"podTemplate": {"spec": spec}})
            await world.pass_time(0.5)
            await world.edit(Kind.SCHEDULED_RUN, "long", cancel=True)
            await world.pass_time(10)
        assert world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "Canceled"
        assert deletions(world) == 0

    play(story, lambda pod: Plan(runs=None))

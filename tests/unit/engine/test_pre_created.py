"""Runs that are pre-created, and many that are due at once: only the pod is to be made, and first."""

from datetime import UTC, datetime, timedelta

import pytest
from engine_world import NAMESPACE, World, play

from crontask.engine.queue import WriteQueue
from crontask.ports import ApiError, Document, Kind
from crontask.simulation.kubelet import Plan
from crontask.timetable import IntervalTimetable, Jitter


def test_a_run_is_pre_created_of_its_time_and_at_its_time_only_the_pod() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(5)
            assert world.reserved() == []
            await world.pass_time(16)
            assert world.reserved() == ["12:01:00"]
            assert world.status(Kind.CRON_TASK, "tick")["counts"]["succeeded"] == 0
            written = len(world.api.log)
            await world.pass_time(8.99)
            assert len(world.api.log) == written
            await world.pass_time(0.02)
            assert world.api.log[written].key.kind is Kind.POD
            assert len(world.pods()) == 1
            await world.pass_time(20)
        (run,) = world.runs()
        assert run["status"]["phase"] == "Succeeded"
        assert world.status(Kind.CRON_TASK, "tick")["scheduledCount"] == 1

    play(story)


@pytest.mark.parametrize(
    ("edit", "later"),
    [
        ({"suspend": True}, []),
        ({"schedule": "2 * * * *"}, []),
        ({"endTime": "2026-03-01T12:00:55Z"}, []),
        ({"skip": [{"from": "2026-03-01"}]}, []),
        ({"maxRuns": 0}, []),
        # 12:01 in UTC.
        ({"schedule": "31 17 * * *", "timeZone": "Asia/Kolkata"}, ["12:01:00"]),
        ({"timeout": "5s"}, ["12:01:00"]),
    ],
)
def test_an_edit_lets_a_run_go_that_was_pre_created_for_nothing(edit: Document, later: list[str]) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(21)
            assert world.reserved() == ["12:01:00"]
            await world.edit(Kind.CRON_TASK, "tick", **edit)
            await world.pass_time(1)
            assert world.reserved() == later
            await world.pass_time(10)
            assert len(world.pods()) == len(later)
        assert world.status(Kind.CRON_TASK, "tick")["counts"]["skipped"] == 0

    play(story)


def test_a_run_in_the_way_keeps_the_next_from_being_pre_created_until_it_ends() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(30 + 50)
            assert world.reserved() == []
            await world.pass_time(6)
            # The first has ended after 55 seconds.
            assert world.reserved() == ["12:02:00"]
            await world.pass_time(10)
        assert world.status(Kind.CRON_TASK, "tick")["scheduledCount"] == 2

    play(story, lambda pod: Plan(runs=55))


@pytest.mark.parametrize(
    ("policy", "phases"), [("Forbid", ["Running"]), ("Queue", ["Running", "Queued"]), ("Allow", ["Running", "Running"])]
)
def test_a_place_taken_meanwhile_decides_as_if_nothing_had_been_pre_created(policy: str, phases: list[str]) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="1 12 * * *", concurrency={"policy": policy})
            await world.pass_time(21)
            assert world.reserved() == ["12:01:00"]
            await world.run("by-hand", taskRef={"name": "tick"})
            await world.pass_time(20)
            assert [run["status"]["phase"] for run in world.runs()] == phases
            assert world.reserved() == []
            assert world.status(Kind.CRON_TASK, "tick")["counts"]["skipped"] == (policy == "Forbid")
            await world.pass_time(300)
        assert {run["status"]["phase"] for run in world.runs()} == {"Succeeded"}
        assert len(world.runs()) == len(phases)

    play(story, lambda pod: Plan(runs=100))


def test_the_next_operator_starts_what_was_pre_created() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(21)
        async with world.operator():
            await world.pass_time(20)
            assert world.reserved() == []
        (run,) = world.runs()
        assert run["status"]["phase"] == "Succeeded"
        assert world.status(Kind.CRON_TASK, "tick")["scheduledCount"] == 1

    play(story)


@pytest.mark.parametrize(("policy", "started"), [("Latest", 1), ("None", 0), ("All", 6)])
def test_what_was_pre_created_for_a_time_that_was_missed_changes_nothing(policy: str, started: int) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task(
                "tick", schedule="* * * * *", catchUp={"policy": policy}, concurrency={"policy": "Allow", "max": 9}
            )
            await world.pass_time(21)
            assert world.reserved() == ["12:01:00"]
        await world.pass_time(60 * 5 + 30)
        async with world.operator():
            await world.pass_time(15)
        status = world.status(Kind.CRON_TASK, "tick")
        assert (status.get("scheduledCount", 0), status["counts"]["missed"]) == (started, 6 - started)
        assert len(world.runs()) == started
        assert world.reserved() in ([], ["12:07:00"])

    play(story)


def test_a_run_pre_created_that_somebody_cancels_does_not_start() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="1 12 * * *")
            await world.pass_time(21)
            (made,) = world.api.documents(Kind.SCHEDULED_RUN)
            await world.edit(Kind.SCHEDULED_RUN, made["metadata"]["name"], cancel=True)
            await world.pass_time(60)
        assert world.pods() == []
        status = world.status(Kind.CRON_TASK, "tick")
        assert (status["counts"]["canceled"], status["scheduledCount"]) == (1, 1)

    play(story)


def test_what_cannot_be_pre_created_is_made_at_its_time() -> None:
    async def story(world: World) -> None:
        world.api.fault = lambda verb, key: (
            ApiError(403, "Forbidden", "quota") if (verb, key.kind) == ("create", Kind.SCHEDULED_RUN) else None
        )
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(29)
            assert world.api.requests["create", "ScheduledRun", ""] == 1
            world.api.fault = lambda verb, key: None
            await world.pass_time(2)
            assert [pod["metadata"]["creationTimestamp"] for pod in world.pods()] == ["2026-03-01T12:01:00Z"]

    play(story)


def test_what_is_due_goes_before_what_has_changed() -> None:
    """Of 300 tasks due at once, over a slow API server: no status is written before the last pod is asked for."""

    async def story(world: World) -> None:
        async with world.operator():
            for number in range(300):
                await world.task(f"task-{number}", schedule="1 12 * * *")
            await world.pass_time(29)
            world.api.latency = 0.2
            world.api.log.clear()
            await world.pass_time(60)
        verbs = [(write.key.kind, write.subresource) for write in world.api.log]
        last_pod = max(index for index, verb in enumerate(verbs) if verb == (Kind.POD, ""))
        assert verbs.count((Kind.POD, "")) == 300
        # Those of the pods are the kubelet's.
        before = [verb for verb in verbs[:last_pod] if verb[1] == "status" and verb[0] is not Kind.POD]
        assert len(before) < 100

    play(story)


def test_where_launches_never_cease_what_has_changed_is_looked_at_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(WriteQueue, "launches", 1)

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("job", concurrency={"policy": "Allow"})
            for number in range(600):
                await world.run(f"by-hand-{number}", taskRef={"name": "job"})
            await world.pass_time(10)
            assert {run["status"]["phase"] for run in world.runs()} == {"Succeeded"}

    play(story, lambda pod: Plan(runs=1))


def test_what_is_not_launched_waits_until_the_watch_tells_of_the_pod_but_not_for_ever() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("job", schedule="* * * * *")
            await world.pass_time(29)
            world.api.go_deaf()
            await world.pass_time(5)
            assert len(world.pods()) == 1
            assert [run["status"] for run in world.runs() if "status" in run] == []
            await world.pass_time(2)
            assert [run["status"]["phase"] for run in world.runs()] == ["Running"]

    play(story, lambda pod: Plan(runs=30))


HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC)
JITTERED = {"schedule": "0 * * * *", "jitter": "30m"}


@pytest.mark.parametrize("edited", [False, True])
def test_a_time_from_before_the_creation_or_an_edit_is_not_pre_created_though_its_start_is_to_come(
    edited: bool,
) -> None:
    """12:00 starts at 12:28:17 by its jitter, for a task of this name; the task is of 12:00:30."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("nightly", **({"schedule": "0 0 1 1 *"} if edited else JITTERED))
            await world.pass_time(10)
            if edited:
                await world.edit(Kind.CRON_TASK, "nightly", **JITTERED)
            await world.pass_time(1)
            status = world.status(Kind.CRON_TASK, "nightly")
            assert status["nextRunTime"] == "2026-03-01T13:00:00Z"
            assert status["upcoming"][:2] == ["2026-03-01T13:00:00Z", "2026-03-01T14:00:00Z"]
            await world.pass_time(1800)
            assert world.api.documents(Kind.SCHEDULED_RUN) == []
        jitter, hourly = (
            Jitter(timedelta(minutes=30), f"{NAMESPACE}/nightly"),
            IntervalTimetable(HOUR, timedelta(hours=1)),
        )
        assert jitter.start_of(HOUR, hourly) == HOUR + timedelta(minutes=28, seconds=17)

    play(story)


@pytest.mark.parametrize(
    ("edit", "later"),
    [
        ({"suspend": True}, ("Pending", "held back: spec.suspend is true")),
        ({"suspend": True, "cancel": True}, ("Canceled", "canceled before it started")),
        ({"timeout": "5m"}, ("Succeeded", None)),
        ({"at": "2030-01-01T00:00:00Z"}, ("Pending", None)),
    ],
)
@pytest.mark.parametrize("killed", [False, True])
def test_a_pre_created_run_that_somebody_edits_says_what_becomes_of_it(
    edit: Document, later: tuple[str, str | None], killed: bool
) -> None:
    """At no time before its own does it start, and its time is decided once."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(21)
            (name,) = [run["metadata"]["name"] for run in world.api.documents(Kind.SCHEDULED_RUN)]
            await world.edit(Kind.SCHEDULED_RUN, name, **edit)
            await world.pass_time(3)
            assert world.pods() == []
            if not killed:
                await world.pass_time(30)
        if killed:
            async with world.operator():
                await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, name)
        assert (status["phase"], status.get("message")) == later
        counts = world.status(Kind.CRON_TASK, "tick")["counts"]
        assert (counts["skipped"], counts["missed"]) == (0, 0)

    play(story, lambda pod: Plan(runs=5))


def test_a_pre_created_run_that_is_held_back_and_let_go_starts_at_its_time() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(21)
            (name,) = [run["metadata"]["name"] for run in world.api.documents(Kind.SCHEDULED_RUN)]
            await world.edit(Kind.SCHEDULED_RUN, name, suspend=True)
            await world.pass_time(2)
            await world.edit(Kind.SCHEDULED_RUN, name, suspend=False)
            await world.pass_time(6.9)
            assert world.pods() == []
            await world.pass_time(2)
            assert len(world.pods()) == 1
            await world.pass_time(20)
        assert world.status(Kind.SCHEDULED_RUN, name)["startTime"] == "2026-03-01T12:01:00Z"

    play(story)

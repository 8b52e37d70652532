"""The whole engine on virtual time, against an API server in memory: launches, restarts, faults, idleness."""

import json
from datetime import timedelta

from engine_world import NAMESPACE, World, play, with_handler

from crontask.ports import ApiError, Kind, ObjectKey
from crontask.simulation.kubelet import Plan


def test_a_minute_starts_on_the_minute_and_its_end_is_recorded() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(29)
            assert world.runs() == []
            await world.pass_time(2)
            assert [pod["metadata"]["creationTimestamp"] for pod in world.pods()] == ["2026-03-01T12:01:00Z"]
            assert world.status(Kind.CRON_TASK, "tick")["activeCount"] == 1
            await world.pass_time(10)
        status = world.status(Kind.CRON_TASK, "tick")
        assert status["counts"]["succeeded"] == 1
        assert status["lastScheduledTime"] == "2026-03-01T12:01:00Z"
        assert status["nextRunTime"] == "2026-03-01T12:02:00Z"
        assert status["scheduledCount"] == 1
        assert status["activeCount"] == 0

    play(story)


def test_what_is_null_in_a_result_stays_there_and_in_what_follows() -> None:
    result = {"a": None, "b": [None, {"c": None}]}

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("next", after={"task": "first"})
            await world.task("first", resultSchema={"type": "object", "required": ["a"]})
            await world.run("by-hand", taskRef={"name": "first"})
            await world.pass_time(40)
        assert world.status(Kind.SCHEDULED_RUN, "by-hand")["result"] == result
        (pod,) = (pod for pod in world.pods() if pod["metadata"]["labels"]["crontask.dev/task"] == "next")
        variables = {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}
        assert json.loads(variables["CRONTASK_TRIGGER"])["result"] == result

    play(story, lambda pod: Plan(message=json.dumps({"result": result})))


def test_an_ordinary_run_costs_six_writes_and_two_events() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(5)
            world.api.writes.clear()
            await world.pass_time(45)
        ours = {key: count for key, count in world.api.writes.items() if key != ("patch status", "Pod")}
        assert ours == {
            ("create", "ScheduledRun"): 1,
            ("create", "Pod"): 1,
            ("update status", "ScheduledRun"): 2,
            ("update status", "CronTask"): 2,
            ("create", "Event"): 2,
        }

    play(story)


def test_idle_tasks_cost_no_write() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            for number in range(50):
                await world.task(f"yearly-{number}", schedule="0 0 1 1 *")
            await world.pass_time(60)
            world.api.writes.clear()
            await world.pass_time(36 * 3600)
        assert not world.api.writes

    play(story)


def test_a_restart_neither_loses_nor_doubles() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(30.001)
        async with world.operator():
            await world.pass_time(200)
        times = [run["spec"]["scheduledTime"] for run in world.runs()]
        assert times == [f"2026-03-01T12:0{minute}:00Z" for minute in (1, 2, 3, 4)]
        assert len(world.pods()) == len(times)
        assert world.status(Kind.CRON_TASK, "tick")["counts"]["succeeded"] == 4

    play(story)


def test_a_launch_cut_short_between_run_and_pod_goes_on() -> None:
    async def story(world: World) -> None:
        world.api.fault = lambda verb, key: (
            ApiError(0, "Unreachable", "cut") if verb == "create" and key.kind is Kind.POD else None
        )
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(31)
        assert len(world.api.documents(Kind.SCHEDULED_RUN)) == 1
        assert world.pods() == []
        world.api.fault = lambda verb, key: None
        async with world.operator():
            await world.pass_time(15)
        assert [run["status"]["phase"] for run in world.runs()] == ["Succeeded"]

    play(story)


def test_the_latest_of_the_missed_times_starts_and_the_others_are_counted() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(60)
        await world.pass_time(600)
        async with world.operator():
            await world.pass_time(20)
        status = world.status(Kind.CRON_TASK, "tick")
        assert status["counts"]["missed"] == 9
        missed = status["recentDecisions"][0]
        assert (missed["type"], missed["count"]) == ("Missed", 9)
        assert (missed["nominalTime"], missed["until"]) == ("2026-03-01T12:02:00Z", "2026-03-01T12:10:00Z")
        assert [run["spec"]["scheduledTime"][11:16] for run in world.runs()] == ["12:01", "12:11"]

    play(story)


def test_resuming_and_editing_never_fire_the_past() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *", suspend=True)
            await world.pass_time(300)
            await world.edit(Kind.CRON_TASK, "tick", suspend=False)
            await world.pass_time(5)
            assert world.runs() == []
            await world.edit(Kind.CRON_TASK, "tick", schedule="0,1,2,3,4 12 * * *")
            await world.pass_time(5)
            assert world.runs() == []
            assert world.status(Kind.CRON_TASK, "tick")["counts"]["missed"] == 0

    play(story)


def test_forbid_skips_and_replace_never_has_two_pods() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("slow", interval="60s")
            await world.task("newest", interval="60s", concurrency={"policy": "Replace"})
            for _ in range(100):
                await world.pass_time(3)
                pods = [p for p in world.pods() if p["metadata"]["labels"]["crontask.dev/task"] == "newest"]
                assert sum(p["status"]["phase"] not in ("Succeeded", "Failed") for p in pods) <= 1
        slow, newest = world.status(Kind.CRON_TASK, "slow"), world.status(Kind.CRON_TASK, "newest")
        assert slow["counts"]["skipped"] == 3
        assert slow["recentDecisions"][0]["reason"] == "RunAlreadyActive"
        assert newest["counts"]["canceled"] == 3
        assert newest["counts"]["skipped"] == 0

    play(story, lambda pod: Plan(runs=500, stops_in=7))


def test_a_run_that_people_make_queues_and_is_never_skipped() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("job")
            await world.run("first", taskRef={"name": "job"})
            await world.pass_time(1)
            await world.run("second", taskRef={"name": "job"})
            await world.run("early", taskRef={"name": "missing"})
            await world.pass_time(1)
            assert world.status(Kind.SCHEDULED_RUN, "second")["phase"] == "Queued"
            assert "does not exist" in world.status(Kind.SCHEDULED_RUN, "early")["message"]
            await world.pass_time(12)
            assert world.status(Kind.SCHEDULED_RUN, "second")["phase"] == "Running"
            await world.task("missing")
            await world.pass_time(30)
        assert world.status(Kind.SCHEDULED_RUN, "early")["phase"] == "Succeeded"

    play(story)


def test_a_refused_pod_is_tried_again_until_it_is_taken() -> None:
    async def story(world: World) -> None:
        world.api.fault = lambda verb, key: (
            ApiError(403, "Forbidden", "exceeded quota") if verb == "create" and key.kind is Kind.POD else None
        )
        async with world.operator():
            await world.run("now", **with_handler({}))
            await world.pass_time(60)
            status = world.status(Kind.SCHEDULED_RUN, "now")
            assert (status["phase"], "exceeded quota" in status["message"]) == ("Pending", True)
            world.api.fault = lambda verb, key: None
            await world.pass_time(80)
        assert world.status(Kind.SCHEDULED_RUN, "now")["phase"] == "Succeeded"

    play(story)


def test_without_time_on_the_lease_nothing_is_written() -> None:
    async def story(world: World) -> None:
        world.lease_seconds = 0.5
        await world.task("tick", interval="10s")
        world.api.writes.clear()
        async with world.operator():
            await world.pass_time(100)
        assert not world.api.writes

    play(story)


def test_the_informer_sweeps_what_vanished_while_its_watch_was_down() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("gone", schedule="* * * * *")
            await world.pass_time(10)
            world.api.fault = lambda verb, key: ApiError(500, "InternalError", "down") if verb == "list" else None
            await world.api.end_watches(expire=True)
            await world.api.remove(ObjectKey(Kind.CRON_TASK, NAMESPACE, "gone"))
            await world.api.end_watches(expire=True)
            world.api.fault = lambda verb, key: None
            await world.pass_time(120)
        assert world.runs() == []

    play(story)


def test_finished_runs_are_pruned_after_ten_minutes_and_stay_counted() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *", history={"succeeded": 2, "failed": 1})
            await world.pass_time(30 * 60)
        status = world.status(Kind.CRON_TASK, "tick")
        assert status["counts"]["succeeded"] == 30
        assert 10 <= len(world.runs()) <= 13
        assert len(status["recentRuns"]) == 10

    play(story)


def test_a_late_edit_is_recorded_not_fired() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(45)
        await world.edit(Kind.CRON_TASK, "tick", schedule="*/2 * * * *")
        await world.pass_time(timedelta(minutes=10).total_seconds())
        async with world.operator():
            await world.pass_time(5)
        assert len(world.runs()) == 1
        assert world.status(Kind.CRON_TASK, "tick")["recentDecisions"][0]["reason"] == "TimingChangedUnseen"

    play(story)


def test_a_cancel_after_the_end_is_answered_once_and_changes_nothing() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("done", **with_handler({}))
            await world.pass_time(15)
            await world.edit(Kind.SCHEDULED_RUN, "done", cancel=True)
            await world.pass_time(5)
            assert world.status(Kind.SCHEDULED_RUN, "done")["phase"] == "Succeeded"
            world.api.writes.clear()
            await world.pass_time(3600)
        told = [event for event in world.api.documents(Kind.EVENT) if event["reason"] == "CancelIgnored"]
        assert [event["count"] for event in told] == [1]
        assert not world.api.writes

    play(story)


def test_a_canceled_run_ends_when_its_pod_has_stopped_and_the_pod_stays() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("long", **with_handler({}))
            await world.pass_time(3)
            await world.edit(Kind.SCHEDULED_RUN, "long", cancel=True, cancelReason="enough")
            await world.pass_time(3)
            assert world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "Canceling"
            await world.pass_time(5)
        status = world.status(Kind.SCHEDULED_RUN, "long")
        assert (status["phase"], status["message"]) == ("Canceled", "enough")
        assert [attempt["exitCode"] for attempt in status["attempts"]] == [143]
        (pod,) = world.pods()
        assert pod["metadata"]["annotations"]["crontask.dev/stopped"] == "Canceled"
        assert "deletionTimestamp" not in pod["metadata"]

    play(story, lambda pod: Plan(runs=500, stops_in=6))


def test_a_timeout_survives_a_restart_in_the_middle() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("slow", timeout="20s", **with_handler({}))
            await world.pass_time(22)
        async with world.operator():
            await world.pass_time(15)
        assert world.status(Kind.SCHEDULED_RUN, "slow")["phase"] == "TimedOut"

    play(story, lambda pod: Plan(runs=500, stops_in=8))


def test_a_pod_whose_end_is_news_that_come_late_is_not_stopped_for_its_timeout() -> None:
    """The stop names the version of the pod that it means, and the end counts as it was."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("job", schedule="1 12 * * *", timeout="20s", retry={"limit": 3})
            await world.pass_time(40)
            world.api.go_deaf()
            await world.pass_time(20)
            world.api.hear_again()
            await world.pass_time(60)
        (run,) = world.runs()
        assert run["status"]["phase"] == "Succeeded"
        assert [attempt["reason"] for attempt in run["status"]["attempts"]] == ["Completed"]
        assert len(world.pods()) == 1

    play(story, lambda pod: Plan(runs=15))

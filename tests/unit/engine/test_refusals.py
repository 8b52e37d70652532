"""What the API server refuses, for long: pods, and runs. Nothing is lost without a record, and each says why."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from engine_world import NAMESPACE, World, play, with_handler

from crontask.ports import ApiError, Document, Kind, ObjectKey
from crontask.simulation.kubelet import Plan

QUOTA = ApiError(403, "Forbidden", "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0")
WEBHOOK = ApiError(500, "InternalError", 'failed calling webhook "policy.example.com": connection refused')
TOO_LARGE = ApiError(500, "InternalError", "etcdserver: request is too large")
BAD_NAME = ApiError(422, "Invalid", 'Pod "x" is invalid: spec.containers[0].name: Invalid value: "NO"')
NO_DRY_RUN = ApiError(400, "BadRequest", 'admission webhook "a.example.com" does not support dry run')


def refuse(world: World, kind: Kind, error: ApiError) -> None:
    """Each creation of that kind, from now on."""
    world.api.fault = lambda verb, key: error if verb in ("create", "dry-run") and key.kind is kind else None


def accept(world: World) -> None:
    world.api.fault = lambda verb, key: None


def conditions(world: World, kind: Kind, name: str) -> dict[str, Document]:
    return {condition["type"]: condition for condition in world.status(kind, name).get("conditions", [])}


def events(world: World, reason: str, kind: Kind) -> list[Document]:
    found = [event for event in world.api.documents(Kind.EVENT) if event["reason"] == reason]
    return [event for event in found if event["involvedObject"]["kind"] == kind.kind]


def test_each_attempt_that_is_refused_has_its_own_tries_and_pause() -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, QUOTA)
        async with world.operator():
            retry = {"limit": 2, "initial": "30s", "factor": 1, "jitterPercent": 0}
            await world.run("once", startTimeout="20s", retry=retry, **with_handler({}))
            await world.pass_time(200)
        attempts = world.status(Kind.SCHEDULED_RUN, "once")["attempts"]
        ends = [datetime.fromisoformat(attempt["completionTime"]) for attempt in attempts]
        assert [int((later - earlier).total_seconds()) for earlier, later in pairwise(ends)] == [50, 50]

    play(story)


@pytest.mark.parametrize("error", [QUOTA, WEBHOOK, TOO_LARGE], ids=["quota", "webhook", "too large"])
def test_a_run_whose_pod_is_refused_holds_its_slot_and_starts_when_it_may(error: ApiError) -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, error)
        async with world.operator():
            await world.task("tick", interval="4s")
            await world.pass_time(21)
            status = world.status(Kind.CRON_TASK, "tick")
            waiting = [run for run in world.runs() if "completionTime" not in run["status"]]
            assert len(waiting) == 1
            assert waiting[0]["status"]["message"] == f"the pod is refused: {error.message}"
            assert (status["activeCount"], status["counts"]["skipped"]) == (1, 4)
            assert status["recentDecisions"][0]["run"] == waiting[0]["metadata"]["name"]
            assert status["phase"] == "Rejected"
            assert error.message in conditions(world, Kind.CRON_TASK, "tick")["Ready"]["message"]
            assert "Stalled" not in conditions(world, Kind.CRON_TASK, "tick")
            assert len(events(world, "FailedCreate", Kind.SCHEDULED_RUN)) == 1
            assert len(events(world, "FailedCreate", Kind.CRON_TASK)) == 1
            accept(world)
            await world.pass_time(60)
            status = world.status(Kind.CRON_TASK, "tick")
            assert status["phase"] == "Active"
            starts = [run["status"]["startTime"] for run in sorted(world.runs(), key=nominal)]
            assert starts == sorted(starts)

    play(story)


def nominal(run: Document) -> str:
    return str(run["spec"]["scheduledTime"])


@pytest.mark.parametrize("error", [QUOTA, WEBHOOK], ids=["quota", "webhook"])
def test_a_pod_that_is_refused_for_longer_than_it_may_take_to_start_has_failed(error: ApiError) -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, error)
        async with world.operator():
            await world.run("once", startTimeout="8s", **with_handler({}))
            await world.pass_time(20)
        status = world.status(Kind.SCHEDULED_RUN, "once")
        assert (status["phase"], status["message"]) == (
            "Failed",
            f"the pod was refused for 8s, its startTimeout: {error.message}",
        )

    play(story)


@pytest.mark.parametrize("error", [QUOTA, WEBHOOK], ids=["quota", "webhook"])
@pytest.mark.parametrize(
    ("spec", "change", "phase", "seconds"),
    [
        ({"startingDeadline": "20s"}, {}, "Missed", 20),
        ({}, {"suspend": True}, "Skipped", 10),
    ],
    ids=["its deadline", "a pause"],
)
def test_a_run_whose_pod_is_refused_does_not_start_after_its_deadline_nor_in_a_pause(
    error: ApiError, spec: dict[str, Any], change: dict[str, Any], phase: str, seconds: int
) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="0 * * * *", **spec)
            await world.pass_time(5)
            refuse(world, Kind.POD, error)
            await world.pass_time(TO_13 - 5 + seconds - 0.5)
            (run,) = world.runs()
            assert run["status"]["phase"] == "Pending"
            await world.edit(Kind.CRON_TASK, "tick", **change)
            await world.pass_time(1)
            assert world.status(Kind.SCHEDULED_RUN, run["metadata"]["name"])["phase"] == phase
            accept(world)
            await world.pass_time(120)
            assert world.pods() == []

    play(story)


TO_13 = 59 * 60 + 30
"""Seconds from the beginning to 13:00."""


def test_what_is_refused_is_logged_once_and_not_at_each_try(caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, WEBHOOK)
        async with world.operator():
            await world.run("once", **with_handler({}))
            await world.pass_time(60)

    play(story)
    assert len([record for record in caplog.records if "failed calling webhook" in record.getMessage()]) == 1


def test_a_pod_whose_creation_was_answered_by_500_and_was_made_all_the_same_is_not_made_again() -> None:
    async def story(world: World) -> None:
        create = world.api.create

        async def lost(kind: Kind, namespace: str, body: Document, *, dry_run: bool = False) -> bytes:
            answer = await create(kind, namespace, body, dry_run=dry_run)
            if kind is Kind.POD and not dry_run:
                raise WEBHOOK
            return answer

        world.api.create = lost  # type: ignore[method-assign]
        async with world.operator():
            await world.run("once", **with_handler({}))
            await world.pass_time(60)
        assert world.status(Kind.SCHEDULED_RUN, "once")["phase"] == "Succeeded"
        assert [pod["metadata"]["name"] for pod in world.pods()] == ["once-1"]

    play(story)


def test_a_pod_that_was_made_though_the_answer_was_500_is_no_refusal_of_the_next_attempt() -> None:
    async def story(world: World) -> None:
        world.api.fail_next("create", Kind.POD, status=500, landed=True)
        async with world.operator():
            await world.run("once", retry={"limit": 1, "initial": "30s", "jitterPercent": 0}, **with_handler({}))
            await world.pass_time(20)
            status = world.status(Kind.SCHEDULED_RUN, "once")
            assert (status["phase"], len(world.pods())) == ("Retrying", 1)
            assert status["message"] == "attempt 1 failed: exit code 1"
            await world.pass_time(25)
            assert len(world.pods()) == 2

    play(story, lambda pod: Plan(exit_code=1))


@pytest.mark.parametrize(("error", "phase"), [(WEBHOOK, "Failed"), (QUOTA, "Succeeded")], ids=["500", "403"])
def test_at_most_once_is_not_tried_again_after_an_answer_that_leaves_open_what_happened(
    error: ApiError, phase: str
) -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, error)
        async with world.operator():
            await world.run("once", retry={"onLost": "Fail"}, **with_handler({}))
            await world.pass_time(1)
            accept(world)
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "once")
        assert status["phase"] == phase
        if phase == "Failed":
            assert status["message"] == error.message

    play(story)


def test_a_pod_that_may_be_taken_later_is_shown_again_after_growing_pauses() -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, ApiError(403, "Forbidden", "error looking up service account jobs/later: not found"))
        async with world.operator():
            await world.task("yearly", schedule="0 0 1 1 *", serviceAccountName="later")
            await world.pass_time(30)
            assert conditions(world, Kind.CRON_TASK, "yearly")["Ready"]["reason"] == "PodRejected"
            said = conditions(world, Kind.CRON_TASK, "yearly")["Ready"]["message"]
            assert "jobs/later: not found; write kubectl create serviceaccount later -n jobs" in said
            assert world.status(Kind.CRON_TASK, "yearly")["phase"] == "Rejected"
            accept(world)
            await world.pass_time(300)
            assert conditions(world, Kind.CRON_TASK, "yearly")["Ready"]["reason"] == "Scheduled"
            assert world.status(Kind.CRON_TASK, "yearly")["phase"] == "Active"
            assert len(events(world, "PodRejected", Kind.CRON_TASK)) == 1
            world.api.writes.clear()
            await world.pass_time(24 * 3600)
            assert not world.api.writes

    play(story)


def test_a_pod_that_will_never_be_taken_says_that_only_an_edit_helps() -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, BAD_NAME)
        async with world.operator():
            await world.task("yearly", schedule="0 0 1 1 *")
            await world.pass_time(5)
            stalled = conditions(world, Kind.CRON_TASK, "yearly")["Stalled"]
            assert (stalled["status"], stalled["reason"]) == ("True", "PodRejected")
            assert BAD_NAME.message in stalled["message"]
            accept(world)
            await world.pass_time(3600)
            assert conditions(world, Kind.CRON_TASK, "yearly")["Stalled"]["status"] == "True"
            await world.edit(Kind.CRON_TASK, "yearly", handler={"container": {"image": "other"}})
            await world.pass_time(5)
            assert conditions(world, Kind.CRON_TASK, "yearly")["Stalled"]["status"] == "False"
            assert world.status(Kind.CRON_TASK, "yearly")["phase"] == "Active"

    play(story)


def test_an_invalid_task_is_stalled() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("bad", schedule="61 * * * *")
            await world.pass_time(5)
        assert conditions(world, Kind.CRON_TASK, "bad")["Stalled"]["reason"] == "InvalidSpec"

    play(story)


def test_a_webhook_that_cannot_be_asked_in_a_dry_run_says_nothing_about_the_pod() -> None:
    async def story(world: World) -> None:
        world.api.fault = lambda verb, key: NO_DRY_RUN if verb == "dry-run" else None
        async with world.operator():
            await world.task("yearly", schedule="0 0 1 1 *")
            await world.pass_time(5)
        assert conditions(world, Kind.CRON_TASK, "yearly")["Ready"]["status"] == "True"

    play(story)


RUN_QUOTA = ApiError(403, "Forbidden", "exceeded quota: runs, limited: count/scheduledruns.crontask.dev=0")


def test_runs_that_are_refused_are_told_and_what_is_missed_meanwhile_has_that_reason() -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.SCHEDULED_RUN, RUN_QUOTA)
        async with world.operator():
            await world.task("tick", interval="5s")
            await world.pass_time(63)
            status = world.status(Kind.CRON_TASK, "tick")
            ready = conditions(world, Kind.CRON_TASK, "tick")["Ready"]
            assert (ready["status"], ready["reason"]) == ("False", "RunRejected")
            assert RUN_QUOTA.message in ready["message"]
            assert status["phase"] == "Rejected"
            assert len(events(world, "RunRejected", Kind.CRON_TASK)) == 1
            # The last one may still start; the others are recorded as they pass.
            assert status["counts"]["missed"] == 11
            assert {entry["reason"] for entry in status["recentDecisions"]} == {"RunRejected"}
            accept(world)
            await world.pass_time(120)
            status = world.status(Kind.CRON_TASK, "tick")
            assert status["phase"] == "Active"
            made, counts = len(world.runs()), status["counts"]
            assert counts["missed"] == 12
            assert made + counts["missed"] + counts["skipped"] == 36

    play(story)


@pytest.mark.parametrize("follows", ["after", "onComplete"])
def test_an_end_whose_follow_up_is_refused_says_so_and_is_followed_up_later(follows: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("first", startTime="2030-01-01T00:00:00Z", interval="1h")
            await world.task("second", after={"task": "first", "on": "Finished"}) if follows == "after" else None
            on_complete = {"onComplete": {"taskRef": {"name": "first"}}} if follows == "onComplete" else {}
            await world.run("once", taskRef={"name": "first"}, **on_complete)
            await world.pass_time(5)
            refuse(world, Kind.SCHEDULED_RUN, RUN_QUOTA)
            await world.pass_time(60)
            status = world.status(Kind.SCHEDULED_RUN, "once")
            assert status["phase"] == "Running"
            assert status["message"].startswith("Succeeded; recorded once run ")
            assert status["message"].endswith(RUN_QUOTA.message)
            assert len(events(world, "FailedCreate", Kind.SCHEDULED_RUN)) == 1
            follower = "second" if follows == "after" else "first"
            assert conditions(world, Kind.CRON_TASK, follower)["Ready"]["reason"] == "RunRejected"
            accept(world)
            await world.pass_time(120)
            assert world.status(Kind.SCHEDULED_RUN, "once")["phase"] == "Succeeded"
            assert len(world.runs()) == 2
            assert conditions(world, Kind.CRON_TASK, follower)["Ready"]["status"] == "True"

    play(story)


def test_events_of_skips_aggregate() -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, QUOTA)
        async with world.operator():
            await world.task("tick", interval="10s")
            await world.pass_time(160)
        skipped = events(world, "RunAlreadyActive", Kind.CRON_TASK)
        assert len(skipped) == 1
        assert skipped[0]["count"] == 14
        assert world.status(Kind.CRON_TASK, "tick")["counts"]["skipped"] == 14

    play(story)


def test_events_of_failed_attempts_aggregate() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("again", retry={"limit": 5, "initial": "1s", "factor": 1}, **with_handler({}))
            await world.pass_time(120)
        told = events(world, "AttemptFailed", Kind.SCHEDULED_RUN)
        assert [event["count"] for event in told] == [5]

    play(story, lambda pod: Plan(exit_code=1))


def test_the_task_tells_how_its_runs_failed() -> None:
    async def story(world: World) -> None:
        refuse(world, Kind.POD, BAD_NAME)
        async with world.operator():
            await world.task("tick", interval="10s")
            await world.pass_time(11)
        told = events(world, "PodRejected", Kind.CRON_TASK)
        assert [event["type"] for event in told if event["message"].startswith("Failed")] == ["Warning"]

    play(story)


def test_pods_with_copied_labels_count_for_nothing() -> None:
    async def story(world: World) -> None:
        labels = {"crontask.dev/task": "tick", "crontask.dev/run": "tick-copied"}
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "web-uid", "controller": True}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web-1", "labels": labels, "ownerReferences": [owner]},
        }
        world.api.apply({**pod, "spec": {"containers": [{"name": "c"}]}, "status": {"phase": "Running"}}, NAMESPACE)
        async with world.operator():
            await world.task("tick", interval="30s")
            await world.pass_time(35)
        assert len(world.runs()) == 1

    play(story)


def test_an_end_that_was_seen_stays_though_its_pod_goes_before_its_follow_up_is_taken() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("first")
            await world.task("second", after={"task": "first"})
            await world.pass_time(2)
            await world.run("only", taskRef={"name": "first"})
            await world.pass_time(1)
            refuse(world, Kind.SCHEDULED_RUN, QUOTA)
            await world.pass_time(15)
            assert "Succeeded; recorded once run second-" in world.status(Kind.SCHEDULED_RUN, "only")["message"]
            (pod,) = world.pods()
            key = ObjectKey(Kind.POD, NAMESPACE, pod["metadata"]["name"])
            await world.api.delete(key, uid=pod["metadata"]["uid"], grace_seconds=0)
            await world.pass_time(60)
            assert world.pods() == []
            accept(world)
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "only")
        assert (status["phase"], len(status["attempts"])) == ("Succeeded", 1)
        assert len([run for run in world.runs() if run["metadata"]["name"].startswith("second-")]) == 1

    play(story, lambda pod: Plan(runs=5))


def test_an_end_that_is_recorded_long_after_it_was_seen_is_counted() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("first", concurrency={"policy": "Allow"})
            await world.task("second")
            await world.run("followed", taskRef={"name": "first"}, onComplete={"taskRef": {"name": "second"}})
            await world.run("later", taskRef={"name": "first"}, delay="80s")
            await world.pass_time(1)
            refuse(world, Kind.SCHEDULED_RUN, QUOTA)
            await world.pass_time(10)
            (pod,) = world.pods()
            key = ObjectKey(Kind.POD, NAMESPACE, pod["metadata"]["name"])
            await world.api.delete(key, uid=pod["metadata"]["uid"], grace_seconds=0)
            # The record of what is counted moves past the end that was seen.
            await world.pass_time(90)
            assert world.status(Kind.CRON_TASK, "first")["counts"]["succeeded"] == 1
            accept(world)
            await world.pass_time(60)
        assert world.status(Kind.SCHEDULED_RUN, "followed")["phase"] == "Succeeded"
        assert world.status(Kind.CRON_TASK, "first")["counts"]["succeeded"] == 2

    play(story, lambda pod: Plan(runs=2))


@pytest.mark.parametrize("kind", [Kind.CRON_TASK, Kind.SCHEDULED_RUN])
def test_a_status_that_is_refused_is_told_by_an_event_of_its_object(kind: Kind) -> None:
    async def story(world: World) -> None:
        policy = ApiError(403, "Forbidden", "ValidatingAdmissionPolicy 'frozen' denied request: no changes today")
        world.api.fault = lambda verb, key: policy if verb == "update" and key.kind is kind else None
        async with world.operator():
            await world.task("tick", interval="1h")
            await world.run("now", taskRef={"name": "tick"})
            await world.pass_time(120)
            (event,) = events(world, "FailedUpdate", kind)
            assert event["type"] == "Warning"
            assert event["message"].endswith(policy.message)
            assert event["count"] > 1
            accept(world)
            await world.pass_time(60)
            assert world.status(kind, "tick" if kind is Kind.CRON_TASK else "now")["phase"] in ("Active", "Succeeded")

    play(story)

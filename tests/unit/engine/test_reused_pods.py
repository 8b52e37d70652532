"""Batches of which one pod does several, played: what a kill, a pause, a cancel and a lost pod leave of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from composite_world import environment, given, parts, status
from engine_world import NAMESPACE, World, play

from crontask.api.names import pod_name
from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.batches import batches_in
from crontask.simulation.kubelet import Plan

PYTHON = {"python": {"source": "def handler(ctx, **args):\n    return {'isDone': True}\n"}}


def batches(**fields: Any) -> dict[str, Any]:
    return {"batch": {"size": 10, "reusePodFor": "60s", "handler": PYTHON, **fields}}


def paging(pages: int, takes: float = 2, **more: Any) -> Callable[[Document], Plan]:
    """Each batch does the page after its cursor; `more`: what the one of a page says instead, by `pN`."""

    def gives(cursor: Any, number: int) -> Document:
        page = (cursor or 0) + 1
        return {"cursor": page, "isDone": page == pages, "processedCount": 10, **more.get(f"p{page}", {})}

    def plan(pod: Document) -> Plan:
        asked = batches_in(pod)
        assert asked is not None
        writes = tuple(asked.messages(gives, takes, takes))
        return Plan(runs=writes[-1][0], writes=writes)

    return plan


def failing(page: int, pages: int, takes: float = 2, times: int = 100, code: int = 1) -> Callable[[Document], Plan]:
    """The batch of a page fails, so many times."""
    left = [times]
    well = paging(pages, takes)

    def plan(pod: Document) -> Plan:
        known, seen = well(pod), environment(pod)
        before = page - 1 - json.loads(seen.get("CRONTASK_CURSOR", "0"))
        if before < 0 or left[0] <= 0 or before >= len(known.writes):
            return known
        left[0] -= 1
        said = json.loads(known.writes[before - 1][1]) if before else {"batches": 0, "isDone": False}
        last = json.dumps({**said, "status": "failed", "message": "no", **({"timedOut": True} if code == 124 else {})})
        writes = (*known.writes[:before], ((before + 1) * takes, last))
        return Plan(runs=writes[-1][0], exit_code=code, writes=writes)

    return plan


def done_by(world: World) -> list[tuple[str, int]]:
    """How each part has ended, and how many batches it did."""
    found = [part["status"] for part in parts(world, "all")]
    return [(each["phase"], each.get("batch", {}).get("batches", 0)) for each in found]


def pod_of(world: World, attempt: int = 1, part: int = 0) -> ObjectKey:
    name = parts(world, "all")[part]["metadata"]["name"]
    return ObjectKey(Kind.POD, NAMESPACE, pod_name(name, attempt))


def test_one_pod_does_them_all() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            args = {"from": {"$ref": "${cursor}", "default": 0}, "n": "${batch}", "of": "${size}"}
            await world.run("all", handler=batches(args=args, delay="1s", timeout="20s"))
            await world.pass_time(1)
            (part,) = parts(world, "all")
            assert part["spec"]["timeout"] == "1m20s"
            assert part["spec"]["parent"]["batch"] == {
                **{"number": 1, "part": 1, "size": 10},
                "reuse": {
                    **{"for": "1m", "delay": "1s", "timeout": "20s", "most": 10**9},
                    "args": [
                        {"at": ["from"], "value": ["cursor"], "default": 0},
                        {"at": ["n"], "value": ["batch"]},
                    ],
                },
            }
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["progress"], found["processedCount"]) == ("Succeeded", "5 batches", 50)
        assert found["batch"] == {
            **{"batches": 5, "parts": 1, "partial": 0, "done": True, "cursor": 5, "processedCount": 50}
        }
        (pod,) = world.pods()
        seen = environment(pod)
        assert json.loads(seen["CRONTASK_ARGS"]) == {"from": None, "n": 1, "of": 10}
        assert json.loads(seen["CRONTASK_REUSE"])["for"] == 60
        assert pod["spec"]["terminationGracePeriodSeconds"] == 30
        assert done_by(world) == [("Succeeded", 5)]

    play(story, paging(5))


def test_the_next_pod_goes_on_when_its_time_is_over() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(reusePodFor="9s"))
            await world.pass_time(60)
        assert (status(world)["phase"], status(world)["batch"]["parts"]) == ("Succeeded", 3)
        assert done_by(world) == [("Succeeded", 4), ("Succeeded", 4), ("Succeeded", 2)]
        assert given(world) == [("1", None, "1"), ("5", "4", "5"), ("9", "8", "9")]

    play(story, paging(10))


def test_no_more_than_max_batches() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(reusePodFor="9s", maxBatches=6))
            await world.pass_time(60)
        assert (status(world)["phase"], status(world)["batch"]["cursor"]) == ("Partial", 6)
        assert done_by(world) == [("Succeeded", 4), ("Succeeded", 2)]

    play(story, paging(10))


ENDS: list[tuple[str, Document, str, str]] = [
    (
        "the same cursor",
        {"cursor": 2},
        "CursorStuck",
        "batch 3 gave back the cursor with which it began, 2, and is not",
    ),
    ("no cursor", {"cursor": None}, "BatchResultIncomplete", "batch 3 is not the last, and gave back no cursor"),
]


@pytest.mark.parametrize(("said", "reason", "message"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_what_leads_no_further_fails_and_keeps_the_cursor(said: Document, reason: str, message: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["conditions"][0]["reason"]) == ("Failed", reason)
        assert found["message"].startswith(message)
        assert (found["batch"]["batches"], found["batch"]["cursor"]) == (3, 2)

    play(story, paging(9, p3=said))


def test_a_cursor_may_come_back_to_where_its_pod_began() -> None:
    """Without going round at once: it is no cursor that is stuck."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(reusePodFor="5s", maxBatches=6), cursor=1)
            await world.pass_time(60)
        assert (status(world)["phase"], status(world)["batch"]["batches"]) == ("Partial", 6)

    play(story, paging(9, p3={"cursor": 1}))


# --- attempts --------------------------------------------------------------------------------------------------------


def test_a_failed_batch_is_tried_again_from_where_it_began() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(retry={"limit": 1, "initial": "1s", "jitterPercent": 0}))
            await world.pass_time(60)
        assert (status(world)["phase"], status(world)["processedCount"]) == ("Succeeded", 50)
        assert given(world) == [("1", None, "1"), ("3", "2", "3")]
        (part,) = parts(world, "all")
        assert (part["status"]["batch"]["batches"], part["status"]["processedCount"]) == (5, 50)
        assert [attempt["exitCode"] for attempt in part["status"]["attempts"]] == [1, 0]

    play(story, failing(3, 5, times=1))


def test_the_limit_of_retries_is_that_of_each_batch() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(retry={"limit": 1, "initial": "1s", "jitterPercent": 0}))
            await world.pass_time(120)
        assert (status(world)["phase"], status(world)["batch"]["batches"]) == ("Succeeded", 6)
        assert [batch for batch, _, _ in given(world)] == ["1", "2", "4", "6"]
        (part,) = parts(world, "all")
        begun = [attempt["startTime"] for attempt in part["status"]["attempts"]]
        # The pauses do not grow either.
        assert [time[-3:-1] for time in begun] == ["30", "35", "42", "49"]

    first, second, third = failing(2, 6, times=1), failing(4, 6, times=1), failing(6, 6, times=1)

    def plan(pod: Document) -> Plan:
        begins = environment(pod)["CRONTASK_BATCH"]
        return {"1": first, "2": second, "4": third}.get(begins, paging(6))(pod)

    play(story, plan)


def test_when_it_fails_for_good_what_was_done_before_is_counted_once() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(retry={"limit": 1, "initial": "1s"}))
            await world.pass_time(60)
            found = status(world)
            assert (found["phase"], found["message"]) == ("Failed", "batch 3 is Failed: no")
            assert (found["batch"]["batches"], found["batch"]["cursor"], found["processedCount"]) == (2, 2, 20)
            assert done_by(world) == [("Failed", 2)]
            await world.run("again", rerunOf={"name": "all"})
            await world.pass_time(60)
        again = status(world, "again")
        assert (again["phase"], again["batch"]["batches"], again["processedCount"]) == ("Succeeded", 5, 50)
        assert given(world)[-1] == ("3", "2", "3")
        assert (
            environment(world.pods()[-1])["CRONTASK_IDEMPOTENCY_KEY"]
            == environment(world.pods()[-2])["CRONTASK_IDEMPOTENCY_KEY"]
        )

    play(story, failing(3, 5, times=2))


def test_a_cancel_in_the_last_batch_leaves_nothing_to_a_rerun() -> None:
    """It has said isDone, and no cursor: that is where the first began."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(5)
            await world.edit(Kind.SCHEDULED_RUN, "all", cancel=True)
            await world.pass_time(10)
            assert (status(world)["phase"], status(world)["batch"]["done"]) == ("Canceled", True)
            await world.run("again", rerunOf={"name": "all"})
            await world.pass_time(30)
        again = status(world, "again")
        assert (again["phase"], again["batch"]["batches"], again["processedCount"]) == ("Succeeded", 3, 30)
        assert len(given(world)) == 1

    play(story, paging(3, p3={"cursor": None}))


def test_all_of_a_chain_of_reruns_begins_where_its_first_run_did() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(20)
            await world.run("again", rerunOf={"name": "all"})
            await world.pass_time(20)
            await world.run("anew", rerunOf={"name": "again", "from": "Start"})
            await world.pass_time(30)
        assert (status(world, "anew")["phase"], status(world, "anew")["batch"]["batches"]) == ("Succeeded", 5)
        assert given(world) == [("1", None, "1"), ("3", "2", "3"), ("1", None, "1")]

    play(story, failing(3, 5, times=2))


def test_one_that_takes_too_long_is_timed_out() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(timeout="5s"))
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["message"]) == ("Failed", "batch 3 is TimedOut: no")
        assert (done_by(world), found["batch"]["cursor"]) == ([("TimedOut", 2)], 2)

    play(story, failing(3, 5, code=124))


@pytest.mark.parametrize("evict", [False, True])
@pytest.mark.parametrize("at", [number / 4 for number in range(1, 44, 3)])
def test_after_a_kill_at_most_one_batch_runs_again(at: float, evict: bool) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(retry={"limit": 1, "initial": "1s"}))
            await world.pass_time(at)
            world.kubelet.kill(pod_of(world), evict=evict)
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["batch"]["batches"], found["processedCount"]) == ("Succeeded", 5, 50)
        done = min(5, int(at // 2))
        begun = [int(batch) for batch, _, _ in given(world)]
        assert begun == ([1, done + 1] if done < 5 else [1])
        assert len(parts(world, "all")) == 1

    play(story, paging(5))


def test_a_kill_after_the_last_word_changes_nothing() -> None:
    """It had said isDone, or done as many as it may, and not ended yet."""

    async def story(world: World, **fields: Any) -> None:
        async with world.operator():
            await world.run("all", handler=batches(**fields))
            await world.pass_time(7)
            world.kubelet.kill(pod_of(world))
            await world.pass_time(30)
        assert (done_by(world), len(world.pods())) == ([("Succeeded", 3)], 1)
        assert status(world)["phase"] == ("Partial" if fields else "Succeeded")

    def slow_to_end(pages: int) -> Callable[[Document], Plan]:
        def plan(pod: Document) -> Plan:
            known = paging(pages)(pod)
            return Plan(runs=60, writes=known.writes)

        return plan

    play(story, slow_to_end(3))
    play(lambda world: story(world, maxBatches=3), slow_to_end(9))


def test_a_pod_that_is_lost_runs_again_from_the_last_cursor_that_is_recorded() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(retry={"limit": 1, "initial": "1s"}))
            await world.pass_time(5)
            world.kubelet.kill(pod_of(world))
            await world.pass_time(6)
            await world.api.remove(pod_of(world, 2))
            await world.pass_time(60)
        assert [batch for batch, _, _ in given(world)] == ["1", "3"]
        found = parts(world, "all")[0]["status"]
        assert [attempt["reason"] for attempt in found["attempts"]] == ["OOMKilled", "PodLost", "Completed"]
        assert (status(world)["phase"], status(world)["batch"]["batches"]) == ("Succeeded", 5)
        assert status(world)["processedCount"] == 50

    play(story, paging(5))


@pytest.mark.parametrize("at", [number / 2 for number in range(1, 30)])
def test_an_operator_that_is_killed_leaves_nothing_out_and_counts_once(at: float) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(reusePodFor="5s", retry={"limit": 9, "initial": "1s"}))
            await world.pass_time(at)
        running = [pod for pod in world.pods() if pod["status"].get("phase") == "Running"]
        for pod in running:
            world.kubelet.kill(ObjectKey(Kind.POD, NAMESPACE, pod["metadata"]["name"]))
        await world.pass_time(at % 3)
        async with world.operator():
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["batch"]["batches"], found["processedCount"]) == ("Succeeded", 6, 60)
        begun = [int(batch) for batch, _, _ in given(world)]
        assert begun == sorted(begun)

    play(story, paging(6))


# --- pause, cancel, timeout ------------------------------------------------------------------------------------------


def test_a_pause_ends_the_pod_after_its_batch_and_another_goes_on() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(5)
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=True)
            await world.pass_time(30)
            assert done_by(world) == [("Succeeded", 3)]
            (part,) = parts(world, "all")
            assert (part["status"]["conditions"][0]["reason"], part["status"]["message"]) == (
                "Paused",
                "paused: run all, which it is a part of, is; it ended after 3 batches",
            )
            assert (status(world)["phase"], status(world)["batch"]["cursor"]) == ("Running", 3)
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=False)
            await world.pass_time(60)
        assert (done_by(world), status(world)["phase"]) == ([("Succeeded", 3), ("Succeeded", 3)], "Succeeded")
        assert given(world) == [("1", None, "1"), ("4", "3", "4")]

    play(story, paging(6))


@pytest.mark.parametrize("on_lost", ["Retry", "Fail"])
def test_a_batch_that_does_not_end_in_time_for_a_pause_is_lost(on_lost: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            handler = {**PYTHON, "pod": {"spec": {"terminationGracePeriodSeconds": 3}}}
            retry = {"onLost": on_lost, "initial": "1s"}
            await world.run("all", handler=batches(handler=handler, retry=retry, reusePodFor="5m"))
            await world.pass_time(22)
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=True)
            await world.pass_time(60)
            if on_lost == "Fail":
                found = status(world)
                assert (found["phase"], found["batch"]["batches"], found["batch"]["cursor"]) == ("Failed", 2, 2)
                return
            assert (len(world.pods()), parts(world, "all")[0]["status"]["phase"]) == (1, "Retrying")
            assert "paused" in parts(world, "all")[0]["status"]["message"]
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=False)
            await world.pass_time(90)
        assert (status(world)["phase"], status(world)["processedCount"]) == ("Succeeded", 40)
        assert given(world) == [("1", None, "1"), ("3", "2", "3")]

    play(story, paging(4, takes=10))


def test_a_pause_before_the_pod_has_started_lets_it_begin_and_stops_it() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(1)
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=True)
            await world.pass_time(30)
            assert [phase for phase, _ in done_by(world)] == ["Succeeded"]
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=False)
            await world.pass_time(60)
        assert (status(world)["phase"], status(world)["batch"]["batches"]) == ("Succeeded", 3)

    def plan(pod: Document) -> Plan:
        known = paging(3)(pod)
        return Plan(runs=known.runs, writes=known.writes, starts_in=4)

    play(story, plan)


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_an_end_from_outside_comes_after_the_batch_and_keeps_it(how: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(), **({"timeout": "5s"} if how == "timeout" else {}))
            await world.pass_time(5)
            if how == "cancel":
                await world.edit(Kind.SCHEDULED_RUN, "all", cancel=True)
            await world.pass_time(60)
        found = status(world)
        assert found["phase"] == ("TimedOut" if how == "timeout" else "Canceled")
        assert (found["batch"]["batches"], found["batch"]["cursor"], found["processedCount"]) == (3, 3, 30)
        assert done_by(world) == [("Canceled", 3)]

    play(story, paging(9))


def test_a_handler_that_is_deaf_to_its_timeout_is_ended_with_its_pod() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run(
                "all", handler=batches(reusePodFor="20s", timeout="5s", retry={"limit": 1, "initial": "1s"})
            )
            await world.pass_time(150)
        assert (status(world)["phase"], status(world)["processedCount"]) == ("Succeeded", 50)
        assert given(world) == [("1", None, "1"), ("3", "2", "3")]
        (part,) = parts(world, "all")
        assert [attempt["reason"] for attempt in part["status"]["attempts"]] == ["TimedOut", "Completed"]

    def plan(pod: Document) -> Plan:
        known = paging(5)(pod)
        if environment(pod)["CRONTASK_BATCH"] != "1":
            return known
        # It goes on with the third for hours.
        return Plan(runs=None, writes=(*known.writes[:2], (10_000, known.writes[2][1])))

    play(story, plan)


def test_a_pod_that_somebody_stops_before_it_began_is_lost() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(retry={"maxLost": 1, "initial": "1s"}))
            await world.pass_time(60)
        assert (status(world)["phase"], len(world.pods())) == ("Failed", 2)
        (part,) = parts(world, "all")
        assert [attempt["reason"] for attempt in part["status"]["attempts"]] == ["Stopped", "Stopped"]

    play(story, lambda pod: Plan(runs=1, message='{"status": "success", "batches": 0, "isDone": false}'))


def test_a_runner_that_does_one_is_followed_by_another_pod() -> None:
    """An image has a runner of its own, of a version that does not go on."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(60)
        assert (status(world)["phase"], status(world)["processedCount"]) == ("Succeeded", 30)
        assert [batch for batch, _, _ in given(world)] == ["1", "2", "3"]
        assert done_by(world) == [("Succeeded", 1)] * 3

    def plan(pod: Document) -> Plan:
        page = json.loads(environment(pod).get("CRONTASK_CURSOR", "0")) + 1
        return Plan(runs=1, message=json.dumps({"cursor": page, "isDone": page == 3, "processedCount": 10}))

    play(story, plan)


# --- values, and many of them ----------------------------------------------------------------------------------------


def test_args_that_name_what_a_later_cursor_does_not_have_fail_it() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(args={"p": "${cursor.page}"}), cursor={"page": 1})
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["conditions"][0]["reason"]) == ("Failed", "ReferenceMissing")
        assert found["message"].startswith("batch 2: cursor.page is missing")

    said = json.dumps({"batches": 1, "isDone": False, "cursor": {"other": 1}})
    play(story, lambda pod: Plan(runs=1, message=said))


def test_of_many_parts_the_last_are_kept() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(reusePodFor="5s"))
            await world.pass_time(2500)
            assert status(world)["phase"] == "Succeeded"
            assert status(world)["batch"]["batches"] == 1000
            assert status(world)["batch"]["firstKept"] > 300
        assert status(world)["processedCount"] == 10000

    play(story, paging(1000))

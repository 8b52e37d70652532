"""Batches, played: one after the other by the cursor, how they end, what is kept of them, and what a crash leaves."""

import json
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from composite_world import IMAGE, environment, given, parts, status
from engine_world import NAMESPACE, World, play

from crontask.ports import ApiError, Document, Kind, ObjectKey
from crontask.simulation.kubelet import Plan


def batches(**fields: Any) -> dict[str, Any]:
    return {"batch": {"size": 10, "handler": IMAGE, **fields}}


def paging(pages: int, runs: float = 2, failing: tuple[int, ...] = (), **more: Any) -> Callable[[Document], Plan]:
    """Each batch does the page after its cursor, and says what it did; `more`: it says that, too."""

    def plan(pod: Document) -> Plan:
        seen = environment(pod)
        page = json.loads(seen.get("CRONTASK_CURSOR", "0")) + 1
        given = {"cursor": page, "isDone": page == pages, "processedCount": 10, **more}
        return Plan(runs=runs, exit_code=int(page in failing), message=json.dumps(given))

    return plan


def numbers(world: World, run: str = "all") -> list[int]:
    return [part["spec"]["parent"]["batch"]["number"] for part in parts(world, run)]


def test_one_after_the_other_until_it_is_done() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(args={"from": "${cursor}", "n": "${batch}", "of": "${size}"}))
            await world.pass_time(1)
            assert (status(world)["phase"], status(world)["progress"]) == ("Running", "0 batches")
            assert status(world)["batch"]["run"] == parts(world, "all")[0]["metadata"]["name"]
            await world.pass_time(20)
        found = status(world)
        assert (found["phase"], found["progress"]) == ("Succeeded", "3 batches")
        assert found["result"] == {"batches": 3, "processedCount": 30, "errorCount": None}
        assert found["batch"] == {"batches": 3, "partial": 0, "done": True, "cursor": 3, "processedCount": 30}
        assert given(world) == [("1", None, "1"), ("2", "1", "2"), ("3", "2", "3")]
        seen = environment(world.pods()[1])
        assert json.loads(seen["CRONTASK_ARGS"]) == {"from": 1, "n": 2, "of": 10}
        assert (seen["CRONTASK_BATCH_SIZE"], seen["CRONTASK_PARENT_RUN"]) == ("10", "all")
        first = parts(world, "all")[0]["status"]["batch"]
        assert first == {"batches": 1, "partial": 0, "done": False, "cursor": 1, "processedCount": 10}

    play(story, paging(3))


def test_progress_is_in_per_cent_of_the_total() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(5)
            assert (status(world)["progress"], status(world)["batch"]["percent"]) == ("57 %", 57)
            await world.pass_time(20)
        assert (status(world)["progress"], status(world)["result"]) == ("85 %", {"rows": 30})

    play(story, paging(3, total=35, result={"rows": 30}))


def test_the_next_waits_for_its_delay() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(delay="7s"))
            await world.pass_time(60)
        begun = [datetime.fromisoformat(part["metadata"]["creationTimestamp"]) for part in parts(world, "all")]
        assert [round((then - before).total_seconds()) for before, then in pairwise(begun)] == [9, 9]
        assert status(world)["phase"] == "Succeeded"

    play(story, paging(3))


CURSORS: list[Any] = ["a", 0, False, {"a": None, "b": [1]}, [None], "", 2.5, 2**63 - 1, -(2**63) + 1]


@pytest.mark.parametrize("cursor", CURSORS, ids=repr)
def test_a_cursor_is_any_json(cursor: Any) -> None:
    def plan(pod: Document) -> Plan:
        first = "CRONTASK_CURSOR" not in environment(pod)
        return Plan(runs=1, message=json.dumps({"cursor": cursor, "isDone": not first}))

    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(20)
        assert json.loads(given(world)[1][1] or "") == cursor
        assert parts(world, "all")[1]["spec"]["parent"]["batch"]["cursor"] == cursor
        assert parts(world, "all")[1]["status"]["batch"]["cursor"] == cursor
        assert (status(world)["phase"], status(world)["batch"]["cursor"]) == ("Succeeded", cursor)

    play(story, plan)


BAD_RESULTS: list[tuple[Any, str, str]] = [
    ("", "BatchResultIncomplete", "batch 1 did not give back isDone; give back a JSON object with isDone"),
    ("all is well", "BatchResultIncomplete", "batch 1 did not give back isDone"),
    ({"cursor": 1}, "BatchResultIncomplete", "batch 1 did not give back isDone"),
    (
        {"cursor": 1, "isDone": "yes"},
        "BatchFailed",
        "batch 1 is Failed: isDone is 'yes', which is neither true nor false; give back true or false",
    ),
    ({"cursor": 1, "isDone": 1}, "BatchFailed", "batch 1 is Failed: isDone is 1, which is neither true nor false"),
    ({"isDone": False}, "BatchResultIncomplete", "batch 1 is not the last, and gave back no cursor; give back"),
    ({"isDone": False, "cursor": None}, "BatchResultIncomplete", "batch 1 is not the last, and gave back no cursor"),
    ({"isDone": False, "cursor": {"b": 1, "a": 2}}, "CursorStuck", 'gave back the cursor with which it began, {"a":2'),
    ({"isDone": False, "cursor": "x" * 1023}, "BatchFailed", "batch 1 is Failed: cursor has 1025 bytes as JSON, over"),
    *(
        (
            {"isDone": False, "cursor": cursor},
            "BatchFailed",
            f"batch 1 is Failed: cursor has the number {number}, which",
        )
        for cursor, number in (
            (2**63, 2**63),
            ({"a": [0, {"b": -(2**63)}]}, -(2**63)),
            (2**64, float(2**64)),
        )
    ),
    ({"isDone": True, "status": "failed"}, "BatchFailed", "batch 1 is Failed"),
]


@pytest.mark.parametrize(("said", "reason", "message"), BAD_RESULTS)
def test_what_leads_no_further_fails_and_says_what_to_give_back(said: Any, reason: str, message: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(20)
        found = status(world)
        assert (found["phase"], found["conditions"][0]["reason"]) == ("Failed", reason)
        assert message in found["message"]

    text = said if isinstance(said, str) else json.dumps(said)
    play(story, lambda pod: Plan(runs=1, message=text))


def test_true_is_another_cursor_than_1() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(), cursor=1)
            await world.pass_time(20)
        assert status(world)["phase"] == "Succeeded"

    def plan(pod: Document) -> Plan:
        known = environment(pod)["CRONTASK_CURSOR"]
        return Plan(runs=1, message=json.dumps({"cursor": known == "1", "isDone": known == "true"}))

    play(story, plan)


def test_a_failed_batch_keeps_the_cursor_of_the_last_good_one() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(retry={"limit": 1, "initial": "1s"}))
            await world.pass_time(60)
            found = status(world)
            assert (found["phase"], found["conditions"][0]["reason"]) == ("Failed", "BatchFailed")
            assert found["message"].startswith("batch 3 is Failed: ")
            assert (found["batch"]["batches"], found["batch"]["cursor"], found["batch"]["done"]) == (2, 2, False)
            assert found["processedCount"] == 20
            assert [batch for batch, _, _ in given(world)] == ["1", "2", "3", "3"]
            await world.run("again", handler=batches(), cursor=3)
            await world.pass_time(60)
        assert (status(world, "again")["phase"], status(world, "again")["batch"]["batches"]) == ("Succeeded", 1)

    play(story, paging(4, failing=(3,)))


def test_max_batches_ends_it_and_says_how_to_go_on() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(maxBatches=2))
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["conditions"][0]["reason"]) == ("Partial", "MaxBatches")
        assert found["message"].endswith("it is not done; to continue, create a run with spec.cursor: 2")
        assert (found["batch"]["done"], found["batch"]["cursor"], len(world.pods())) == (False, 2, 2)

    play(story, paging(4))


def test_a_batch_that_was_partial_makes_the_run_partial() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["message"]) == ("Partial", "2 of 2 batches were partial")
        assert (found["errorCount"], found["batch"]["errorCount"], found["batch"]["partial"]) == (2, 2, 2)

    play(story, paging(2, status="partial", errorCount=1))


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_an_end_from_outside_keeps_the_cursor(how: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(), **({"timeout": "6s"} if how == "timeout" else {}))
            await world.pass_time(6)
            if how == "cancel":
                await world.edit(Kind.SCHEDULED_RUN, "all", cancel=True)
            await world.pass_time(60)
        found = status(world)
        assert found["phase"] == ("TimedOut" if how == "timeout" else "Canceled")
        assert (found["batch"]["batches"], found["batch"]["cursor"]) == (1, 1)
        assert [part["status"]["phase"] for part in parts(world, "all")] == ["Succeeded", "Canceled"]

    play(story, paging(9, runs=4))


def test_a_pause_starts_no_other_batch() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(1)
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=True)
            await world.pass_time(30)
            assert (numbers(world), status(world)["batch"]["batches"]) == ([1], 1)
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=False)
            await world.pass_time(30)
        assert (numbers(world), status(world)["phase"]) == ([1, 2, 3], "Succeeded")

    play(story, paging(3))


def test_a_batch_whose_run_is_gone_has_failed_and_is_not_made_again() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(4)
            last = parts(world, "all")[-1]["metadata"]["name"]
            await world.api.remove(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, last))
            await world.pass_time(30)
        found = status(world)
        assert (found["phase"], found["conditions"][0]["reason"]) == ("Failed", "PartGone")
        assert (found["batch"]["batches"], found["batch"]["cursor"]) == (1, 1)

    play(story, paging(3, runs=3))


def test_one_that_was_made_though_the_answer_was_an_error_is_not_made_again_either() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            # Of the part: the run itself is there.
            world.api.fail_next("create", Kind.SCHEDULED_RUN, status=500, landed=True)
            await world.pass_time(10)
            (first,) = parts(world, "all")
            await world.api.remove(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, first["metadata"]["name"]))
            await world.pass_time(30)
        found = status(world)
        assert (found["phase"], found["conditions"][0]["reason"]) == ("Failed", "PartGone")

    play(story, paging(3, runs=15))


def test_args_that_name_what_is_not_there_fail_it() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            default = {"$ref": "${cursor.page}", "default": 1}
            await world.run("all", handler=batches(args={"page": default, "other": "${args.other}"}))
            await world.pass_time(10)
        found = status(world)
        assert (found["phase"], found["conditions"][0]["reason"]) == ("Failed", "ReferenceMissing")
        assert found["message"].startswith("batch 1: args.other is missing")

    play(story)


# --- one run after the other -----------------------------------------------------------------------------------------


async def trigger(world: World, name: str, seconds: float = 30, **spec: Any) -> Document:
    await world.run(name, taskRef={"name": "nightly"}, **spec)
    await world.pass_time(seconds)
    return status(world, name)


def test_a_run_goes_on_where_the_last_one_ended() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("nightly", handler=batches(continueFrom="LastRun", maxBatches=2))
            first = await trigger(world, "r1")
            assert (first["phase"], first["message"][-30:]) == ("Partial", "next run of the task continues")
            assert world.status(Kind.CRON_TASK, "nightly")["batch"] == {"cursor": 2, "done": False, "run": "r1"}
            second = await trigger(world, "r2")
            assert (second["phase"], second["batch"]["cursor"], second["plan"]["cursor"]) == ("Partial", 4, 2)
            third = await trigger(world, "r3")
            assert (third["phase"], third["batch"]["cursor"], third["batch"]["batches"]) == ("Succeeded", 5, 1)
            assert world.status(Kind.CRON_TASK, "nightly")["batch"] == {"cursor": 5, "done": True, "run": "r3"}
            anew = await trigger(world, "r4")
            assert (anew["batch"]["cursor"], "cursor" in anew["plan"]) == (2, False)
            asked = await trigger(world, "r5", cursor=4)
            assert (asked["phase"], asked["batch"]["batches"]) == ("Succeeded", 1)

    play(story, paging(5))


def test_a_run_that_follows_at_once_goes_on_from_there_too() -> None:
    """Its task's status does not say yet how the one before it ended."""

    async def story(world: World) -> None:
        async with world.operator():
            spec = {"handler": batches(continueFrom="LastRun", maxBatches=1), "concurrency": {"policy": "Queue"}}
            await world.task("nightly", **spec)
            for number in range(6):
                await world.run(f"r{number}", taskRef={"name": "nightly"})
            await world.pass_time(60)
        assert sorted(json.loads(cursor or "0") for _, cursor, _ in given(world)) == [0, 1, 2, 3, 4, 5]

    play(story, paging(50, runs=0.1))


def test_a_run_that_failed_is_gone_on_from() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("nightly", handler=batches(continueFrom="LastRun"))
            first = await trigger(world, "r1")
            assert (first["phase"], first["batch"]["cursor"]) == ("Failed", 1)
            second = await trigger(world, "r2")
        assert (second["phase"], second["batch"]["batches"], second["batch"]["cursor"]) == ("Failed", 0, 1)
        assert world.status(Kind.CRON_TASK, "nightly")["batch"] == {"cursor": 1, "done": False, "run": "r2"}

    play(story, paging(5, failing=(2,)))


def test_a_cursor_for_a_task_without_batches_is_refused() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("nightly")
            found = await trigger(world, "r1", cursor=4)
        assert (found["phase"], found["conditions"][0]["reason"]) == ("Failed", "CursorInVain")
        assert world.pods() == []

    play(story)


# --- many of them ----------------------------------------------------------------------------------------------------


def test_of_many_batches_the_runs_of_the_last_are_kept() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(1000)
            kept = numbers(world)
            # Ten minutes of them, and little more.
            assert 300 <= len(kept) <= 310
            assert kept == list(range(kept[0], kept[0] + len(kept)))
            assert status(world)["batch"]["firstKept"] in (kept[0], kept[0] - 1)
            assert status(world)["batch"]["batches"] > 450
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=True)
            await world.pass_time(700)
            assert numbers(world) == list(range(numbers(world)[-1] - 9, numbers(world)[-1] + 1))
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=False)
            await world.pass_time(900)
        found = status(world)
        assert (found["phase"], found["batch"]["batches"]) == ("Succeeded", 600)
        assert (found["processedCount"], found["batch"]["cursor"]) == (6000, 600)

    play(story, paging(600, runs=2))


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [number / 4 for number in range(1, 40)])
def test_an_operator_that_is_killed_leaves_nothing_out_and_counts_once(at: float) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=batches(delay="1s"))
            await world.pass_time(at)
        await world.pass_time(at % 3)
        async with world.operator():
            await world.pass_time(60)
        found = status(world)
        assert (found["phase"], found["batch"]["batches"], found["processedCount"]) == ("Succeeded", 4, 40)
        assert given(world) == [("1", None, "1"), ("2", "1", "2"), ("3", "2", "3"), ("4", "3", "4")]

    play(story, paging(4, runs=1.1))


@pytest.mark.parametrize("nth", range(1, 12))
def test_a_write_whose_answer_is_lost_is_no_second_batch(nth: int) -> None:
    async def story(world: World) -> None:
        update, seen = world.api.update_status, [0]

        async def dropped(key: ObjectKey, **asked: Any) -> bytes:
            answer = await update(key, **asked)
            seen[0] += key.kind is Kind.SCHEDULED_RUN
            if seen[0] == nth:
                seen[0] += 1
                raise ApiError(0, "Dropped", "the answer was lost")
            return answer

        world.api.update_status = dropped  # type: ignore[method-assign]
        async with world.operator():
            await world.run("all", handler=batches())
            await world.pass_time(90)
        found = status(world)
        assert (found["phase"], found["batch"]["batches"], found["processedCount"]) == ("Succeeded", 3, 30)
        assert [batch for batch, _, _ in given(world)] == ["1", "2", "3"]

    play(story, paging(3))

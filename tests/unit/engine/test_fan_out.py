"""Fan-outs, played: so many items at a time, failures that are tolerated or not, totals, and what a crash leaves."""

import json
from typing import Any

import pytest
from composite_world import IMAGE, args_of, environment, part_of, parts, result
from engine_world import NAMESPACE, World, play

from crontask.ports import ApiError, Kind, ObjectKey
from crontask.simulation.kubelet import Plan


def each(items: Any, **fields: Any) -> dict[str, Any]:
    return {"forEach": {"items": items, "handler": IMAGE, **fields}}


def items_of(world: World, run: str = "all") -> dict[str, Any]:
    return dict(world.status(Kind.SCHEDULED_RUN, run)["items"])


def ends(world: World, run: str = "all") -> str:
    return str(items_of(world, run)["ends"])


def failing(*indexes: int, runs: float = 2) -> dict[str, Plan]:
    return {str(index): Plan(runs=runs, exit_code=1) for index in indexes}


def plan_by_item(plans: dict[str, Plan]) -> Any:
    """As by step, but without the hash of the item."""

    def plan(pod: dict[str, Any]) -> Plan:
        return plans.get(part_of(pod).partition("-")[0], Plan(runs=2))

    return plan


def test_so_many_at_a_time_in_order() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run(
                "all", handler=each([{"id": n} for n in range(5)], parallelism=2, args={"id": "${item.id}"})
            )
            await world.pass_time(1)
            assert items_of(world) == {"total": 5, "pending": 3, "running": 2, "ends": "R2-3"} | _NOTHING_ENDED
            await world.pass_time(20)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["progress"], status["items"]["ends"]) == ("Succeeded", "5/5", "S5")
        assert status["result"] == {"total": 5, "succeeded": 5, "failed": 0}
        seen = [environment(pod) for pod in world.pods()]
        assert [each["CRONTASK_ITEM_INDEX"] for each in seen] == ["0", "1", "2", "3", "4"]
        assert (seen[3]["CRONTASK_ITEM"], seen[3]["CRONTASK_ARGS"]) == ('{"id":3}', '{"id":3}')
        assert "CRONTASK_STEP" not in seen[0]

    play(story, plan_by_item({}))


_NOTHING_ENDED = {"succeeded": 0, "failed": 0, "canceled": 0, "failedItems": []}


# (items, args of the run, the items that there are)
LISTS: list[tuple[Any, dict[str, Any], list[Any]]] = [
    ([1, None, {"a": None}, "x", [2]], {}, [1, None, {"a": None}, "x", [2]]),
    ("${args.ids}", {"ids": ["a", "b"]}, ["a", "b"]),
    ("${args.pages}", {"pages": 3}, [0, 1, 2]),
    (2, {}, [0, 1]),
    ("${args.deep[0].ids}", {"deep": [{"ids": [7]}]}, [7]),
    (["${args.ids}"], {"ids": 1}, ["${args.ids}"]),
]


@pytest.mark.parametrize(("items", "args", "wanted"), LISTS)
def test_the_items_are_a_list_or_a_reference_to_one_or_to_a_number(
    items: Any, args: dict[str, Any], wanted: list[Any]
) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each(items, args={"it": "${item}", "at": "${index}"}), args=args)
            await world.pass_time(20)
        assert world.status(Kind.SCHEDULED_RUN, "all")["phase"] == "Succeeded"
        given = [environment(pod) for pod in world.pods()]
        assert [json.loads(_given(each, "ITEM")) for each in given] == wanted
        assert [json.loads(_given(each, "ARGS")) for each in given] == [
            {"it": item, "at": index} for index, item in enumerate(wanted)
        ]

    play(story, plan_by_item({}))


def _given(seen: dict[str, str], name: str) -> str:
    """As a container sees it: the kubelet makes one $ of two."""
    return seen[f"CRONTASK_{name}"].replace("$$", "$")


BAD_LISTS: list[tuple[Any, dict[str, Any], str]] = [
    ("${args.ids}", {"ids": "abc"}, "items, ${args.ids}, is 'abc'; it has to be a list, or a whole number"),
    ("${args.ids}", {"ids": -1}, "items, ${args.ids}, is -1; it has to be a list, or a whole number"),
    ("${args.ids}", {"ids": 1001}, "items, ${args.ids}, has 1001 items, over 1000; hand over fewer"),
    ("${args.ids}", {"ids": [0] * 1002}, "items, ${args.ids}, has 1002 items, over 1000"),
    ("${args.ids}", {"id": 1}, "items: args.ids is missing: args has the keys id"),
    ("${trigger.result}", {}, "items: trigger.result is missing"),
]


@pytest.mark.parametrize(("items", "args", "said"), BAD_LISTS)
def test_what_is_no_list_fails_and_says_what_it_is(items: Any, args: dict[str, Any], said: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each(items), args=args)
            await world.pass_time(5)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["conditions"][0]["reason"]) == ("Failed", "ItemsInvalid")
        assert status["message"].startswith(said)

    play(story)


def test_nothing_to_do_is_a_success_and_is_collected() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each([], collect=IMAGE))
            await world.pass_time(30)
        assert world.status(Kind.SCHEDULED_RUN, "all")["phase"] == "Succeeded"
        assert args_of(world, "collect") == {
            **{"total": 0, "succeeded": 0, "failed": 0, "failedItems": [], "results": []},
            **{"processedCount": None, "errorCount": None},
        }

    play(story)


# (policy, maxFailed, how it ends, its items)
POLICIES = [
    ("Continue", 0, "Failed", "SF2S3"),
    ("Continue", 2, "Partial", "SF2S3"),
    ("Continue", "33%", "Failed", "SF2S3"),
    ("Continue", "34%", "Partial", "SF2S3"),
    ("Stop", 0, "Failed", "SF2N3"),
    ("Stop", 1, "Failed", "SF2SN2"),
    ("Stop", 2, "Partial", "SF2S3"),
    ("FailFast", 0, "Failed", "SFCN3"),
]


@pytest.mark.parametrize(("policy", "most", "phase", "wanted"), POLICIES)
def test_failures(policy: str, most: int | str, phase: str, wanted: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            asked = each([0] * 6, parallelism=2, failurePolicy=policy, maxFailed=most)
            await world.run("all", handler=asked)
            await world.pass_time(40)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["items"]["ends"]) == (phase, wanted)
        assert [item["index"] for item in status["items"]["failedItems"]][:1] == [1]

    # The second fails; then the third, which is slower than the fourth.
    plans = {"0": Plan(runs=2), "1": Plan(runs=3, exit_code=1), "2": Plan(runs=6, exit_code=1), "3": Plan(runs=9)}
    play(story, plan_by_item(plans))


def test_failed_items_are_told_once() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each(list(range(40)), parallelism=40))
            await world.pass_time(20)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["items"]["failed"]) == ("Failed", 40)
        assert status["message"].startswith("40 of 40 items failed, and maxFailed is 0; item 0: ")
        told = status["items"]["failedItems"]
        assert [item["index"] for item in told] == list(range(20))
        assert told[3]["item"] == "3"
        assert told[3]["run"].startswith("all-3-")
        events = [event for event in world.api.documents(Kind.EVENT) if event["involvedObject"]["name"] == "all"]
        assert len(events) <= 10
        (failed,) = [event for event in events if event["message"].startswith("an item: Failed")]
        # All fail at the same moment: any of them may be the first that is seen.
        words = "an item: Failed; the first that went wrong was item "
        assert failed["message"] in {f"{words}{item}: {told[0]['message']}" for item in range(40)}
        assert failed["count"] > 10

    play(story, plan_by_item(failing(*range(40))))


def test_totals_are_collected() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            asked = each(["a", "b", "c"], maxFailed=1, collect={**IMAGE, "args": {"name": "${run.name}"}})
            await world.run("all", handler=asked)
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["result"], status["processedCount"]) == ("Partial", {"sum": 3}, 10)
        given = args_of(world, "collect")
        assert given["results"] == [{"n": 1}, None, {"n": 2}]
        assert (given["total"], given["succeeded"], given["failed"], given["name"]) == (3, 2, 1, "all")
        assert [(item["index"], item["item"]) for item in given["failedItems"]] == [(1, '"b"')]
        assert given["processedCount"] == 10
        assert status["items"]["collect"]["phase"] == "Succeeded"

    counted = json.dumps({"result": {"n": 1}, "processedCount": 7})
    play(
        story,
        plan_by_item(
            {
                "0": Plan(runs=2, message=counted),
                "1": Plan(runs=2, exit_code=1),
                "2": Plan(runs=3, message=json.dumps({"result": {"n": 2}, "processedCount": 3})),
                "collect": Plan(runs=2, message=result(sum=3)),
            }
        ),
    )


def test_a_collect_that_fails_fails_the_run() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each(["a"], collect=IMAGE))
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["conditions"][0]["reason"]) == ("Failed", "CollectFailed")
        assert status["items"]["collect"]["phase"] == "Failed"

    play(story, plan_by_item({"collect": Plan(runs=1, exit_code=1)}))


@pytest.mark.parametrize("at", [3, 9])
def test_a_cancel_ends_what_runs_and_starts_nothing(at: float) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each([0] * 4, parallelism=2, collect=IMAGE))
            await world.pass_time(at)
            await world.edit(Kind.SCHEDULED_RUN, "all", cancel=True)
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert status["phase"] == "Canceled"
        assert status["items"]["ends"] == ("C2N2" if at == 3 else "S4")
        assert at == 3 or status["items"]["collect"]["phase"] == "Canceled"

    play(story, plan_by_item({**{str(n): Plan(runs=4) for n in range(4)}, "collect": Plan(runs=30)}))


def test_a_pause_starts_no_other_item() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each([0] * 4, parallelism=1))
            await world.pass_time(1)
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=True)
            await world.pass_time(20)
            assert ends(world) == "S-3"
            await world.edit(Kind.SCHEDULED_RUN, "all", suspend=False)
            await world.pass_time(30)
        assert ends(world) == "S4"

    play(story, plan_by_item({}))


def test_a_timeout_is_of_the_items_and_collect_has_its_own() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("slow", handler=each([0] * 4, parallelism=1), timeout="5s")
            await world.run("all", handler=each([0], collect=IMAGE), timeout="10s")
            await world.pass_time(60)
        assert world.status(Kind.SCHEDULED_RUN, "slow")["phase"] == "TimedOut"
        assert ends(world, "slow") == "S2CN"
        assert world.status(Kind.SCHEDULED_RUN, "all")["phase"] == "Succeeded"

    play(story, plan_by_item({"collect": Plan(runs=30)}))


def test_a_removed_part_has_failed_and_is_not_made_again() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each([0] * 3, parallelism=1, maxFailed=1))
            await world.pass_time(3)
            (_, second) = parts(world, "all")
            await world.api.remove(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, second["metadata"]["name"]))
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["items"]["ends"]) == ("Partial", "SFS")
        assert "is gone, and nobody saw its end" in status["items"]["failedItems"][0]["message"]

    play(story, plan_by_item({str(n): Plan(runs=2.5) for n in range(3)}))


def test_an_item_without_what_its_args_refer_to_fails_alone() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            items = [{"id": 1}, {"di": 2}, {"id": 3}]
            await world.run("all", handler=each(items, args={"id": "${item.id}"}, maxFailed=1))
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["items"]["ends"]) == ("Partial", "SFS")
        assert status["items"]["failedItems"][0]["message"] == "item.id is missing: item has the keys di"
        assert len(parts(world, "all")) == 2

    play(story, plan_by_item({}))


def test_ten_minutes_later_only_what_failed_is_kept() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each([0] * 5, collect=IMAGE, maxFailed=1))
            await world.pass_time(560)
            assert len(parts(world, "all")) == 6
            await world.pass_time(120)
        assert [run["spec"]["parent"].get("item", {}).get("index") for run in parts(world, "all")] == [1, None]
        assert ends(world) == "SFS3"
        assert items_of(world)["failedItems"][0]["run"] == parts(world, "all")[0]["metadata"]["name"]

    play(story, plan_by_item(failing(1)))


def test_a_thousand_items() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("all", handler=each(1000, parallelism=100))
            await world.pass_time(120)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["progress"], status["items"]["ends"]) == ("Succeeded", "1000/1000", "S1000")

    play(story, plan_by_item({}))


@pytest.mark.parametrize("on_lost", ["Retry", "Fail"])
@pytest.mark.parametrize("status", [403, 500, 429])
def test_items_that_are_refused_are_tried_again(on_lost: str, status: int) -> None:
    async def story(world: World) -> None:
        error = ApiError(status, "Forbidden", "exceeded quota: runs")
        world.api.fault = lambda verb, key: error if verb == "create" and key.name.startswith("all-") else None
        async with world.operator():
            await world.run("all", handler=each(5, parallelism=3, retry={"onLost": on_lost}))
            await world.pass_time(20)
            known = world.status(Kind.SCHEDULED_RUN, "all")
            assert (known["phase"], known["items"]["failed"]) == ("Running", 0)
            assert status == 429 or "exceeded quota: runs" in known["message"]
            world.api.fault = lambda verb, key: None
            await world.pass_time(60)
        assert ends(world) == "S5"

    play(story, plan_by_item({}))


@pytest.mark.parametrize("on_lost", ["Retry", "Fail"])
@pytest.mark.parametrize("refused", ["2", "4", "collect"])
def test_what_could_start_while_another_is_refused_is_not_taken_for_gone(on_lost: str, refused: str) -> None:
    async def story(world: World) -> None:
        error = ApiError(403, "Forbidden", "exceeded quota: runs")
        world.api.fault = lambda verb, key: (
            error
            if verb == "create" and key.kind is Kind.SCHEDULED_RUN and key.name.startswith(f"all-{refused}-")
            else None
        )
        async with world.operator():
            retry = {"onLost": on_lost}
            asked = each(6, parallelism=3, retry=retry, collect={**IMAGE, "retry": retry})
            await world.run("all", handler=asked)
            await world.pass_time(40)
            assert world.status(Kind.SCHEDULED_RUN, "all")["items"]["failed"] == 0
            world.api.fault = lambda verb, key: None
            await world.pass_time(90)
        status = world.status(Kind.SCHEDULED_RUN, "all")
        assert (status["phase"], status["items"]["ends"]) == ("Succeeded", "S6")
        assert len(parts(world, "all")) == 7

    play(story, plan_by_item({}))

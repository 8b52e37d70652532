"""Functions that trigger tasks, in a sandbox: as often as they ask, however often they are tried again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from crontask import Crons
from crontask.runner.context import Context
from crontask.testing import Sandbox

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "trigger-from-handler.yaml"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(now="2027-01-01T00:00:00Z") as box:
        box.register("ship", on_demand=True, image="i", concurrency={"policy": "Allow"})
        yield box


def asked(box: Sandbox, task: str = "ship") -> list[Any]:
    """What was asked for."""
    return [run.spec.get("args") for run in box.runs(task)]


def test_what_is_triggered_is_triggered_once(box: Sandbox) -> None:
    def sell(ctx: Context) -> list[str]:
        names = [ctx.trigger("ship", args={"order": order}) for order in (1, 2, 2)]
        names.append(ctx.trigger("ship", args={"order": 3}, delay=timedelta(hours=1), key="order-3"))
        if ctx.attempt < 3:
            raise ConnectionError("try again")
        return names

    box.register(sell, on_demand=True, retry={"limit": 2}, may_trigger=True)
    run = box.trigger("sell")
    names = run.result()
    assert asked(box) == [{"order": 1}, {"order": 2}, {"order": 2}, {"order": 3}]
    assert sorted(names) == sorted(each.name for each in box.runs("ship"))
    box.advance(hours=1, seconds=10)
    assert {each.phase for each in box.runs("ship")} == {"Succeeded"}
    # Another run is another matter, but for what has a key.
    assert box.trigger("sell").result()[3] == names[3]
    assert sorted(args["order"] for args in asked(box)) == [1, 1, 2, 2, 2, 2, 3]


def test_a_key_means_the_same_to_clients_and_handlers(box: Sandbox) -> None:
    def sell(ctx: Context) -> str:
        return ctx.trigger("ship", args={"order": 1}, delay=timedelta(hours=1), key="order-1")

    box.register(sell, on_demand=True, may_trigger=True)
    shipped = box.trigger("ship", args={"order": 1}, delay="60m", key="order-1")
    assert [box.trigger("sell").result(), box.trigger("sell").result()] == [shipped.name, shipped.name]
    assert asked(box) == [{"order": 1}]


def test_a_run_from_its_start_triggers_anew_but_for_what_has_a_key(box: Sandbox) -> None:
    def sell(ctx: Context) -> None:
        ctx.trigger("ship", args={"order": 1})
        ctx.trigger("ship", args={"order": 2}, key="order-2")

    box.register(sell, on_demand=True, may_trigger=True)
    run = box.trigger("sell").wait()
    run.rerun(from_="Start").result()
    assert asked(box) == [{"order": 1}, {"order": 2}, {"order": 1}]


def test_a_run_that_is_run_again_triggers_nothing_twice(box: Sandbox) -> None:
    broken = True

    def sell(ctx: Context) -> None:
        ctx.trigger("ship", args={"order": 1})
        if broken:
            raise ConnectionError

    box.register(sell, on_demand=True, may_trigger=True)
    run = box.trigger("sell").wait()
    broken = False
    assert run.rerun().wait().phase == "Succeeded"
    assert asked(box) == [{"order": 1}]


def test_each_part_triggers_for_itself(box: Sandbox) -> None:
    def sell(ctx: Context, order: int) -> str:
        return ctx.trigger("ship", args={"order": order})

    pod = {"spec": {"serviceAccountName": "crontask-trigger", "automountServiceAccountToken": True}}
    each = {"items": [1, 2], "args": {"order": "${item}"}, "handler": {"python": sell, "pod": pod}}
    box.register("sell", on_demand=True, handler={"forEach": each})
    box.trigger("sell").wait()
    assert sorted(args["order"] for args in asked(box)) == [1, 2]


CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("ship", {"at": datetime(2027, 1, 1)}, "at is .*which has no time zone"),
    ("ship", {"at": "2026-01-01T00:00:00Z", "delay": "5m"}, "at and delay are both given"),
    ("ship", {"delay": 5}, "delay is 5, which has no unit; write timedelta"),
    ("ship", {"delay": timedelta(seconds=0.5)}, "delay is 0:00:00.500000, which is no number of whole seconds"),
    ("ship", {"delay": "soon"}, "the API server refused the run: .*spec.delay"),
    ("ship", {"args": {"at": datetime(2027, 1, 1)}}, "args.at: datetime is not valid JSON; write text"),
    ("Ship It", {}, "'Ship It' is not the name of a task"),
]


@pytest.mark.parametrize(("task", "how", "words"), CALLS)
def test_calls_that_are_refused(box: Sandbox, task: str, how: dict[str, Any], words: str) -> None:
    def sell(ctx: Context) -> None:
        with pytest.raises(Exception, match=words) as caught:
            ctx.trigger(task, **how)
        assert type(caught.value).__name__ == "TriggerError"

    box.register(sell, on_demand=True, may_trigger=True)
    run = box.trigger("sell").wait()
    assert (run.phase, run.message, asked(box)) == ("Succeeded", "", [])


SAID = [
    (None, "call 1 of this run has triggered {}", "; give each its own key, like ctx.trigger('ship', key='order-42')"),
    ("k", "key 'k' has been used for run {}", "; write another key for another run"),
]


@pytest.mark.parametrize(("key", "which", "fix"), SAID)
def test_a_call_that_asks_for_something_else_the_next_time(box: Sandbox, key: str | None, which: str, fix: str) -> None:
    def sell(ctx: Context) -> None:
        ctx.trigger("ship", args={"order": ctx.attempt}, key=key)
        raise ConnectionError

    box.register(sell, on_demand=True, retry={"limit": 1}, may_trigger=True)
    run = box.trigger("sell").wait()
    said = which.format(box.runs("ship")[0].name)
    assert run.message.startswith(f"TriggerError: {said}")
    assert f"with different args{fix}" in run.message
    assert asked(box) == [{"order": 1}]


def test_a_pod_without_a_token_may_not(box: Sandbox) -> None:
    box.register("sell", on_demand=True, handler=lambda ctx: ctx.trigger("ship"))
    message = box.trigger("sell").wait().message
    assert message.startswith("TriggerError: ctx.trigger: the pod has no service account token; register the task with")


def sell_one(ctx: Context, *, order: int) -> str:
    return ctx.trigger("ship", args={"order": order})


def test_a_function_of_a_registry_triggers(box: Sandbox) -> None:
    crons = Crons(owner="shop", image="registry/shop:1")
    sell = crons.interval("sell", "1h", run=sell_one, args={"order": 1}, may_trigger=True)
    box.register(crons)
    box.advance(hours=1)
    assert sell.trigger(box.client, order=2).result() in [run.name for run in box.runs("ship")]
    assert asked(box) == [{"order": 1}, {"order": 2}]


def test_the_example_in_a_sandbox() -> None:
    with Sandbox() as box:
        functions: dict[str, Any] = {}
        exec(yaml_source("find-orders"), functions)
        box.call("find-orders", functions["handler"])
        box.register(EXAMPLE)
        result = box.client.get("find-orders-now").result()
        assert asked(box, "ship-order") == [{"order": 7}, {"order": 8}, {"order": "check"}]
        assert [*result["shipped"], result["check"]] == [run.name for run in box.runs("ship-order")]


def yaml_source(task: str) -> str:
    found = (each for each in yaml.safe_load_all(EXAMPLE.read_text()) if each["metadata"]["name"] == task)
    return str(next(found)["spec"]["handler"]["python"]["source"])


def test_what_a_cluster_refuses_before_it_is_sent(box: Sandbox) -> None:
    box.register("mail", on_demand=True, image="i", args_schema={"required": ["to"]})

    def sell(ctx: Context) -> None:
        for task, words in (("shp", r"no task shp in .*; did you mean ship\?"), ("mail", r"args\.to: is missing")):
            with pytest.raises(Exception, match=words):
                ctx.trigger(task)
        ctx.trigger("later", missing_ok=True)

    box.register(sell, on_demand=True, may_trigger=True)
    assert box.trigger("sell").wait().phase == "Succeeded"
    assert [run.task for run in box.runs()] == ["sell", "later"]

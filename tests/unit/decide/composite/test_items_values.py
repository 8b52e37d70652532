"""What the items of a fan-out are given, and what becomes of what they give: counts, failures, results and totals."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from composite_views import C, decided, fan_out, own, part
from run_life import annotated, at

from crontask.api.composite import TOTALS
from crontask.api.composite_status import FailedItem, ItemsStatus, StepPhase, StepStatus
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import Item
from crontask.api.trigger import Trigger, trigger_json
from crontask.decide.composite.decide import at_its_start, planned_items
from crontask.decide.composite.fan_out import FanOut
from crontask.decide.composite.model import CompositeDecision, CompositeEnd, WantedPart
from crontask.decide.composite.part import create_part

P = RunPhase
KIB = 1024
COLLECT: dict[str, Any] = {"collect": C}


def ok(index: int, result: Any = None, **status: Any) -> Any:
    return part(str(index), P.SUCCEEDED, result=result, **status)


def bad(index: int, **status: Any) -> Any:
    return part(str(index), P.FAILED, **status)


def items(found: CompositeDecision) -> ItemsStatus:
    assert found.items is not None
    return found.items


def end(found: CompositeDecision) -> CompositeEnd:
    assert found.end is not None
    return found.end


def only(found: CompositeDecision) -> WantedPart:
    (wanted,) = found.wanted
    return wanted


# --- what an item is given -------------------------------------------------------------------------------------------


def test_what_the_part_of_an_item_is_made_from() -> None:
    view = fan_out(
        [{"id": 7}],
        each={"args": {"id": "${item.id}", "at": "${index}", "all": "${item}", "of": "${args.x}"}, "timeout": "5s"},
        plan={"retry": {"limit": 2}, "startTimeout": "7m", "args": {"x": None}},
    )
    made = create_part(view, only(decided(view)))
    assert (made.name, made.args) == (own("0"), {"id": 7, "at": 0, "all": {"id": 7}, "of": None})
    assert (made.asked.item, made.asked.part) == (Item(index=0, value={"id": 7}), "0")
    assert (made.asked.name, made.asked.uid, made.asked.root, made.asked.depth) == ("flow", "flow-uid", "flow", 1)
    assert (made.retry, made.timeout, made.start_timeout) == (
        view.plan.retry,
        timedelta(seconds=5),
        timedelta(minutes=7),
    )


@pytest.mark.parametrize(("each", "args"), [({}, {"x": 1}), ({"args": {}}, {}), ({"args": {"y": 2}}, {"y": 2})])
def test_without_args_of_its_own_an_item_is_given_those_of_the_run(each: dict[str, Any], args: dict[str, Any]) -> None:
    assert only(decided(fan_out(1, each=each, args={"x": 1}))).args == args


@pytest.mark.parametrize("item", [None, 0, False, "", [], {}, {"a": None, "b": [None]}, "${args.x}", "$${x}"])
def test_an_item_is_handed_on_as_it_is(item: Any) -> None:
    wanted = only(decided(fan_out([item], each={"args": {"it": "${item}"}})))
    assert (wanted.asked["item"].value, wanted.args) == (item, {"it": item})


def test_the_key_of_an_item_is_its_index_and_its_hash_whatever_the_order_of_its_fields() -> None:
    def keys(*listed: Any) -> list[str]:
        return [wanted.key for wanted in decided(fan_out(list(listed))).wanted]

    one, other, third = keys({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3})
    assert (one[:2], other[:2], third[:2]) == ("0-", "1-", "2-")
    assert one[2:] == other[2:] != third[2:]
    assert len(one) == 10
    assert create_part(fan_out([1]), only(decided(fan_out([1])))).asked.key.startswith("flow-uid/0-")


def test_what_collects_is_made_from() -> None:
    each = {
        "collect": {**C, "args": {"how": "${run.phase}", "why": "${run.message}", "x": "${args.x}"}},
        "maxFailed": 1,
    }
    view = fan_out(2, parts=(ok(0), bad(1)), each=each, args={"x": 1}, plan={"retry": {"limit": 2}})
    wanted = only(decided(view))
    assert {name: wanted.args[name] for name in ("how", "why", "x")} == {
        **{"how": "Partial", "why": "1 of 2 items failed", "x": 1},
    }
    assert (wanted.part, wanted.key, dict(wanted.asked)) == ("collect", "collect", {"collect": True})
    assert (wanted.retry, wanted.timeout) == (view.plan.retry, timedelta(hours=1))
    assert create_part(view, wanted).asked.part == "collect"
    # Without args it is given the totals, and not the args of the run.
    assert set(only(decided(fan_out(1, "S", each=COLLECT, args={"x": 1}))).args) == set(TOTALS)


def test_what_collects_has_its_own_settings() -> None:
    each = {"collect": {**C, "timeout": "5s", "retry": {"limit": 7}}, "retry": {"limit": 5}, "timeout": "9s"}
    wanted = only(decided(fan_out(1, "S", each=each)))
    assert wanted.retry is not None
    assert (wanted.retry.limit, wanted.timeout) == (7, timedelta(seconds=5))


# --- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "parts", "recorded", "counts"),
    [
        ("-3", (ok(0), part("1")), (None, None), (None, None)),
        ("-3", (ok(0, processed_count=5), ok(1, processed_count=3, error_count=0)), (None, None), (8, 0)),
        # What is recorded has been counted.
        ("S-2", (ok(0, processed_count=5), ok(1, processed_count=3)), (5, 1), (8, 1)),
        ("S2-", (ok(0, processed_count=5), ok(1, processed_count=3)), (8, None), (8, None)),
        # Failed ones too, and whatever the run of one that goes on says so far is not counted yet.
        ("-3", (bad(0, processed_count=2, error_count=2), part("1", processed_count=100)), (None, None), (2, 2)),
        ("-3", (ok(0, processed_count=0),), (None, None), (0, None)),
        # Of one that is gone nothing is known.
        ("R-2", (), (4, 1), (4, 1)),
    ],
)
def test_counts_are_sums_and_each_is_counted_once(
    ends: str,
    parts: Any,
    recorded: tuple[int | None, int | None],
    counts: tuple[int | None, int | None],
) -> None:
    known = {"processed_count": recorded[0], "error_count": recorded[1]}
    found = decided(fan_out(3, ends, parts=parts, status=known, each={"parallelism": 1}))
    assert (found.processed_count, found.error_count) == counts


def test_the_end_has_the_counts() -> None:
    status = {"processed_count": 4, "error_count": 1}
    found = end(decided(fan_out(2, "S-", parts=(ok(1, processed_count=3),), status=status)))
    assert (found.processed_count, found.error_count) == (7, 1)


# --- what failed -----------------------------------------------------------------------------------------------------


def test_what_failed_is_listed_with_why() -> None:
    listed = [{"id": 1}, {"di": 2}, "x" * 300, 4]
    parts = (bad(0, message="m" * 2000), part("2", P.TIMED_OUT, message="too long"))
    found = decided(fan_out(listed, parts=parts, each={"args": {"id": "${item.id}"}}, refused={"3": "taken"}))
    assert items(found).failed_items == (
        FailedItem(index=0, item='{"id":1}', run=own("0"), message="m" * 1023 + "…"),
        FailedItem(index=1, item='{"di":2}', message="item.id is missing: item has the keys di"),
        FailedItem(index=2, item='"' + "x" * 254 + "…", run=own("2"), message="too long"),
        FailedItem(index=3, item="4", message="taken"),
    )


def test_the_first_twenty_that_failed_are_listed() -> None:
    found = items(decided(fan_out(40, parts=tuple(bad(index) for index in range(40)), each={"parallelism": 40})))
    assert [item.index for item in found.failed_items] == list(range(20))
    # Once it is recorded that they failed, they stand, and those that follow have what room is left.
    known = tuple(FailedItem(index=index) for index in range(20, 39))
    later = fan_out(40, "-20F19-", said={"failed_items": known}, parts=(bad(3), bad(5)), each={"parallelism": 40})
    assert [item.index for item in items(decided(later)).failed_items] == [3, *range(20, 39)]


def test_the_message_has_the_first_of_the_list() -> None:
    known = (FailedItem(index=4, message="the fourth"),)
    parts = (ok(0), bad(1, message="the first"), ok(2), ok(3))
    found = decided(fan_out(5, "-4F", said={"failed_items": known}, parts=parts))
    assert end(found).message == "2 of 5 items failed, and maxFailed is 0; item 1: the first"


def test_no_message_is_longer_than_a_status_has_room_for() -> None:
    key = "k" * 5000
    huge = {"collect": {**C, "args": {"x": "${args.none}"}}}
    views = [
        fan_out("${args.none}", args={key: 1}),
        fan_out(f"${{args.{key}}}", args={key: 1.5}),
        fan_out(1, "S", each=huge, args={key: 1}),
        fan_out([{key: 1}], each={"args": {"x": "${item.y}"}}),
        fan_out(1, "S", each=COLLECT, refused={"collect": key}),
        fan_out(1, parts=(bad(0, message=key[:4096]),)),
    ]
    for view in views:
        found = decided(view)
        assert len(end(found).message or "") <= KIB
        assert len(found.message or "") <= KIB


# --- items that are too long, and args that are looked up ------------------------------------------------------------


LONG = "x" * 32 * KIB


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        (["a", LONG], "item 1 has 32770 bytes as JSON, over 32768; hand over a reference to the data"),
        ([LONG[2:]], None),
        (["a" * 20 * KIB, "b" * 20 * KIB], None),
    ],
)
def test_an_item_is_no_longer_than_it_may_be_wherever_it_comes_from(listed: list[str], wanted: str | None) -> None:
    found = decided(fan_out("${args.ids}", args={"ids": listed}))
    if wanted is None:
        assert found.end is None
        return
    assert end(found).reason == "ItemsInvalid"
    assert (end(found).message or "").startswith(f"items, ${{args.ids}}, cannot be used: {wanted}")


def test_what_args_of_an_item_refer_to_is_looked_up_once_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    before = FanOut._made

    def counted(fan: FanOut, index: int) -> WantedPart:
        made.append(index)
        return before(fan, index)

    monkeypatch.setattr(FanOut, "_made", counted)
    found = decided(
        fan_out([{"id": 1}, {}, {"id": 3}, {"id": 4}], each={"args": {"x": "${item.id}"}, "parallelism": 2})
    )
    assert [wanted.part for wanted in found.wanted] == ["0", "2"]
    assert made == [0, 1, 2]


# --- results ---------------------------------------------------------------------------------------------------------


def test_results_are_kept_for_what_collects_and_for_nobody_else() -> None:
    parts = (ok(0, {"n": 1}), bad(1, result={"n": 2}), part("2", P.PARTIAL, result=[3]), ok(3))
    found = items(decided(fan_out(5, "-5", parts=parts, each=COLLECT)))
    assert (found.results, found.results_omitted) == ({"0": {"n": 1}, "2": [3]}, None)
    assert items(decided(fan_out(5, "-5", parts=parts))).results is None


@pytest.mark.parametrize("result", [0, False, "", [], {}, 1.5, {"a": None}])
def test_a_result_is_what_it_is(result: Any) -> None:
    wanted = only(decided(fan_out(2, parts=(ok(0, result), ok(1)), each=COLLECT)))
    assert wanted.args["results"] == [result, None]


def test_results_come_together_as_they_come() -> None:
    said = {"results": {"1": "b"}}
    found = items(decided(fan_out(3, "-S-", said=said, parts=(ok(0, "a"), ok(1, "not again")), each=COLLECT)))
    assert found.results == {"0": "a", "1": "b"}
    wanted = only(decided(fan_out(3, "S3", said={"results": found.results}, each=COLLECT)))
    assert wanted.args["results"] == ["a", "b", None]


def test_results_that_are_too_long_together_are_left_out_for_good() -> None:
    long = "x" * ((64 * KIB - len('{"0":"","1":""}')) // 2)
    fits = items(decided(fan_out(3, parts=(ok(0, long), ok(1, long + "x")), each=COLLECT)))
    assert fits.results == {"0": long, "1": long + "x"}
    over = items(decided(fan_out(3, "S-2", said={"results": {"0": long}}, parts=(ok(1, long + "xx"),), each=COLLECT)))
    assert (over.results, over.results_omitted) == (None, True)
    # Not even those that come later, and would fit.
    later = fan_out(3, "S2-", said={"results_omitted": True}, parts=(ok(2, "c"),), each=COLLECT)
    found = decided(later)
    assert (items(found).results, items(found).results_omitted) == (None, True)
    assert set(only(found).args) == set(TOTALS) - {"results"}


def test_so_are_all_once_one_of_them_did_not_fit_into_its_message() -> None:
    parts = (ok(0, "a"), ok(1, result_truncated=True), ok(2, "c"))
    found = decided(fan_out(3, parts=parts, each=COLLECT))
    assert (items(found).results, items(found).results_omitted) == (None, True)
    assert "results" not in only(found).args
    # What a failed one would have given back is not missed.
    failed = decided(fan_out(2, parts=(ok(0, "a"), bad(1, result_truncated=True)), each=COLLECT))
    assert only(failed).args["results"] == ["a", None]


@pytest.mark.parametrize("results", [[1, 2], "abc", 5, True])
def test_results_that_somebody_has_mangled_are_none(results: Any) -> None:
    found = decided(fan_out(2, "S-", said={"results": results}, parts=(ok(1, "b"),), each=COLLECT))
    assert only(found).args["results"] == [None, "b"]


# --- totals, and the result of the run -------------------------------------------------------------------------------


def test_the_totals() -> None:
    parts = (ok(0, 1, processed_count=3), part("1", P.PARTIAL, error_count=1), bad(2), part("3", P.CANCELED))
    found = decided(fan_out(5, "-5", parts=(*parts, part("4", P.TIMED_OUT)), each={**COLLECT, "maxFailed": "100%"}))
    args = dict(only(found).args)
    failed = args.pop("failedItems")
    assert args == {
        **{"total": 5, "succeeded": 2, "failed": 3, "processedCount": 3, "errorCount": 1},
        "results": [1, None, None, None, None],
    }
    assert failed[0] == {"index": 2, "item": "2", "run": own("2")}
    assert [item["index"] for item in failed] == [2, 3, 4]
    assert {*args, "failedItems"} == set(TOTALS)
    json.dumps(args)


def test_they_are_the_same_when_the_runs_of_the_items_are_gone() -> None:
    parts = (ok(0, {"n": 1}, processed_count=3), bad(1, message="no"))
    view = fan_out(2, parts=parts, each={**COLLECT, "maxFailed": 1})
    first = decided(view)
    status = {"processed_count": first.processed_count, "error_count": first.error_count}
    said = items(first).model_dump(exclude={"ends", "total"})
    again = decided(fan_out(2, items(first).ends, said=said, status=status, each={**COLLECT, "maxFailed": 1}))
    assert only(again).args == only(first).args


@pytest.mark.parametrize(
    ("each", "parts", "result"),
    [
        ({}, (ok(0, "a"), ok(1)), {"total": 2, "succeeded": 2, "failed": 0}),
        ({}, (part("0", P.PARTIAL), ok(1)), {"total": 2, "succeeded": 2, "failed": 0}),
        ({"maxFailed": 1}, (ok(0), bad(1)), {"total": 2, "succeeded": 1, "failed": 1}),
        ({"maxFailed": 1}, (ok(0), part("1", P.CANCELED)), {"total": 2, "succeeded": 1, "failed": 1}),
        ({}, (ok(0), bad(1)), None),
        (COLLECT, (ok(0), ok(1), part("collect", P.SUCCEEDED, result="all")), "all"),
        (COLLECT, (ok(0), ok(1), part("collect", P.SUCCEEDED)), None),
        (COLLECT, (ok(0), bad(1), part("collect", P.SUCCEEDED, result="all")), "all"),
        (COLLECT, (ok(0), ok(1), part("collect", P.FAILED, result="all")), None),
    ],
)
def test_the_result_of_the_run(each: dict[str, Any], parts: Any, result: Any) -> None:
    assert end(decided(fan_out(2, parts=parts, each=each))).result == result


def test_a_result_that_did_not_fit_is_no_result_of_the_run_either() -> None:
    collected = part("collect", P.SUCCEEDED, result_truncated=True)
    assert end(decided(fan_out(1, "S", parts=(collected,), each=COLLECT))).result_truncated


def test_how_it_goes_that_collects_is_shown_as_of_a_step() -> None:
    collected = part("collect", P.SUCCEEDED, 7, result={"sum": 3})
    found = items(decided(fan_out(1, "S", parts=(collected,), each=COLLECT))).collect
    assert found is not None
    assert (found.name, found.phase, found.run, found.attempts) == ("collect", StepPhase.SUCCEEDED, own("collect"), 1)
    assert found.result == {"sum": 3}
    long = part("collect", P.SUCCEEDED, 7, result="x" * 1100)
    shown = items(decided(fan_out(1, "S", parts=(long,), each=COLLECT))).collect
    assert shown is not None
    assert shown.result is None


def test_a_long_result_of_what_collects_is_gone_with_its_run() -> None:
    known = StepStatus(name="collect", phase=StepPhase.SUCCEEDED, run=own("collect"))
    found = end(decided(fan_out(1, "S", said={"collect": known}, each=COLLECT)))
    assert (found.phase, found.result, found.result_truncated) == (P.SUCCEEDED, None, True)


# --- the items -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "args", "said"),
    [
        ("${args.ids}", {"ids": {"a": 1}}, "items, ${args.ids}, is {a: 1}; it has to be a list, or a whole number"),
        ("${args.ids}", {"ids": True}, "items, ${args.ids}, is true; it has to be"),
        ("${args.ids}", {"ids": 3.0}, "items, ${args.ids}, is 3.0; it has to be"),
        ("${args.ids}", {"ids": None}, "items, ${args.ids}, is null; it has to be"),
        ("${args.ids}", {"ids": -1}, "items, ${args.ids}, is -1; it has to be"),
        ("${args.ids}", {"ids": 5000}, "items, ${args.ids}, has 5000 items, over 1000; hand over fewer"),
        ("${args.ids}", {"ids": 2**63}, f"items, ${{args.ids}}, has {2**63} items, over 1000; hand over fewer"),
        ("${args.ids}", {"ids": [0] * 1001}, "items, ${args.ids}, has 1001 items, over 1000; hand over fewer"),
        ("${args.ids[2]}", {"ids": [0, 1]}, "items: args.ids[2] is missing: args.ids is a list of 2"),
        ("${trigger.result}", {}, "items: trigger.result is missing"),
    ],
)
def test_what_is_no_list_says_so_and_fails(listed: Any, args: dict[str, Any], said: str) -> None:
    found = decided(fan_out(listed, args=args))
    assert (found.phase, found.progress, end(found).reason) == (P.FAILED, "0/0", "ItemsInvalid")
    assert (found.message or "").startswith(said)
    assert end(found).message == found.message


@pytest.mark.parametrize(("value", "total"), [(0, 0), (1, 1), (1000, 1000), ([], 0), ([None], 1), (["a"] * 1000, 1000)])
def test_how_many_there_are(value: Any, total: int) -> None:
    assert items(decided(fan_out("${args.ids}", args={"ids": value}))).total == total


def test_items_of_what_triggered_it_stand_in_the_plan() -> None:
    run = fan_out("${trigger.result.ids}").run
    end_of_another = {"task": "t", "run": "r", "run_uid": "u", "phase": "Succeeded", "completion_time": at(0)}
    trigger = Trigger(**end_of_another, depth=1, result={"ids": ["a", None]})
    triggered = annotated(run, trigger=trigger_json(trigger))
    handler = triggered.spec.handler
    assert handler is not None
    assert planned_items(triggered, handler, {}) == {"items": ["a", None]}
    assert at_its_start(triggered, handler, {})["progress"] == "0/2"
    # An edit of the annotation changes nothing then.
    planned = fan_out("${trigger.result.ids}", plan={"items": ["a", None]}, each={"parallelism": 9})
    assert [wanted.asked["item"].value for wanted in decided(planned).wanted] == ["a", None]


def test_items_of_the_args_do_not_stand_twice_in_the_plan() -> None:
    run = fan_out("${args.ids}", args={"ids": [1]}).run
    assert run.spec.handler is not None
    assert planned_items(run, run.spec.handler, {"ids": [1]}) == {}
    assert at_its_start(run, run.spec.handler, {"ids": [1, 2]}) == {
        **{"progress": "0/2", "items": ItemsStatus(total=2, pending=2, ends="-2")},
    }


def test_too_many_items_of_a_plan_that_somebody_has_mangled() -> None:
    assert end(decided(fan_out("${args.ids}", plan={"items": [0] * 1001}))).reason == "ItemsInvalid"


def test_an_edit_of_what_triggered_it_does_not_stop_an_item_whose_creation_had_no_answer() -> None:
    view = fan_out(1, "R", each={"args": {"x": "${trigger.result}"}, "retry": {"onLost": "Fail"}}, unmade=(own("0"),))
    found = decided(replace(view, run=annotated(view.run, trigger="{}")))
    assert (items(found).ends, found.wanted) == ("F", ())

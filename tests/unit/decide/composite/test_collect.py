"""The policy of a fan-out whose items have ended: what is given the totals, and how the run ends with it."""

import pytest
from composite_views import C, decided, fan_out, own, part, rejected
from item_rows import (
    COLLECT,
    COLLECT_ONCE,
    FAILED,
    ONCE,
    STOP,
    P,
    Row,
    as_decided,
    begun,
    made,
    should_be,
    summed_up,
    summed_up_by_letters,
)

from crontask.api.composite_status import StepPhase

# Items by letter, as in test_items.py.
ROWS = (
    Row("not before all have ended", fan_out(2, parts=made("SR"), each=COLLECT), "SR"),
    Row(
        "then it does",
        fan_out(2, parts=made("SS"), each=COLLECT),
        "S2",
        wanted=("collect",),
        collect="P",
        first=True,
        says="waits for collect",
    ),
    Row("also of nothing", fan_out([], each=COLLECT), "", wanted=("collect",), collect="P", first=True),
    Row(
        "also after too many failures",
        fan_out(3, "FR-", parts=made("FS"), each={**COLLECT, **STOP}, halt=FAILED),
        "FSN",
        wanted=("collect",),
        halt="too many",
        collect="P",
        first=True,
        says="too many; waits for collect",
    ),
    Row(
        "it is wanted until it is there",
        fan_out(1, "S", each=COLLECT, **begun()),
        "S",
        wanted=("collect",),
        collect="P",
        first=True,
    ),
    Row("it runs", fan_out(1, "S", parts=(part("collect"),), each=COLLECT, **begun()), "S", collect="R"),
    Row(
        "it has ended",
        fan_out(1, "S", parts=(part("collect", P.SUCCEEDED),), each=COLLECT),
        "S",
        P.SUCCEEDED,
        end="Completed",
        collect="S",
    ),
    Row(
        "in part",
        fan_out(1, "S", parts=(part("collect", P.PARTIAL),), each=COLLECT),
        "S",
        P.PARTIAL,
        end="Completed",
        collect="A",
    ),
    Row(
        "well, of what had failed",
        fan_out(2, "F2", parts=(part("collect", P.SUCCEEDED),), each=COLLECT),
        "F2",
        P.FAILED,
        end="ItemsFailed",
        collect="S",
        says="2 of 2 items failed",
    ),
    Row(
        "well, of what was tolerated",
        fan_out(2, "SF", parts=(part("collect", P.SUCCEEDED),), each={**COLLECT, "maxFailed": 1}),
        "SF",
        P.PARTIAL,
        end="Completed",
        collect="S",
    ),
    *(
        Row(
            f"badly: {phase.value}",
            fan_out(1, "S", parts=(part("collect", phase, message="no room"),), each=COLLECT),
            "S",
            P.FAILED,
            end="CollectFailed",
            collect=letter,
            says=f"collect is {phase.value}: no room",
        )
        for phase, letter in ((P.FAILED, "F"), (P.TIMED_OUT, "T"), (P.CANCELED, "C"))
    ),
    Row(
        "its run is gone after its end was recorded",
        fan_out(1, "S", each=COLLECT, **begun(StepPhase.SUCCEEDED, own("collect"), result=1)),
        "S",
        P.SUCCEEDED,
        end="Completed",
        collect="S",
    ),
    Row(
        "its run is gone, and nobody saw its end",
        fan_out(1, "S", each=COLLECT, **begun(StepPhase.RUNNING, own("collect"))),
        "S",
        P.FAILED,
        end="CollectFailed",
        collect="F",
        says=f"collect is Failed: run {own('collect')} is gone, and nobody saw its end",
    ),
    Row(
        "its run is gone, and its pod is not",
        fan_out(1, "S", each=COLLECT, orphaned=(own("collect"),), **begun(StepPhase.RUNNING, own("collect"))),
        "S",
        collect="R",
    ),
    Row(
        "canceled before it begins: it does not",
        fan_out(2, parts=made("SS"), each=COLLECT, cancel=True),
        "S2",
        P.CANCELED,
        halt="",
        first=True,
        end="Canceled",
    ),
    Row(
        "its run is gone, its pod is not, and it is canceled",
        fan_out(
            1, "S", each=COLLECT, orphaned=(own("collect"),), cancel=True, **begun(StepPhase.RUNNING, own("collect"))
        ),
        "S",
        P.CANCELING,
        halt="",
        first=True,
        collect="R",
    ),
    Row(
        "its name is taken",
        fan_out(1, "S", each=COLLECT, refused={"collect": "run flow-collect exists"}),
        "S",
        P.FAILED,
        end="CollectFailed",
        collect="F",
        says="collect is Failed: run flow-collect exists",
    ),
    Row(
        "its run is refused for good",
        fan_out(1, "S", each=COLLECT, refused={"collect": rejected()}),
        "S",
        P.FAILED,
        end="CollectFailed",
        collect="F",
        says="collect is Failed: spec.args: Invalid value",
    ),
    Row(
        "what it refers to is missing",
        fan_out(1, "S", each={"collect": {**C, "args": {"x": "${args.none}"}}}),
        "S",
        P.FAILED,
        end="CollectFailed",
        says="collect: args.none is missing: args is an empty object",
    ),
    Row(
        "at most once: it is named before it begins",
        fan_out(1, "S", each=COLLECT_ONCE),
        "S",
        wanted=("collect",),
        collect="R",
        first=True,
    ),
    Row(
        "by the task's retry",
        fan_out(1, "S", each=COLLECT, plan=ONCE),
        "S",
        wanted=("collect",),
        collect="R",
        first=True,
    ),
    Row(
        "while creations are refused, it is not",
        fan_out(1, "S", each=COLLECT_ONCE, held=True),
        "S",
        wanted=("collect",),
        collect="P",
        first=True,
    ),
    Row(
        "its creation had no good answer: it is tried again",
        fan_out(1, "S", each=COLLECT_ONCE, unmade=(own("collect"),), **begun(StepPhase.RUNNING, own("collect"))),
        "S",
        wanted=("collect",),
        collect="R",
        first=True,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_should_be_so(row: Row) -> None:
    assert as_decided(row) == should_be(row)
    assert summed_up(row) == summed_up_by_letters(row)


def test_it_is_given_the_results_of_what_ended_well_alone() -> None:
    ends = (P.SUCCEEDED, P.PARTIAL, P.FAILED, P.TIMED_OUT, P.CANCELED)
    parts = tuple(part(str(index), phase, result=index) for index, phase in enumerate(ends))
    items = decided(fan_out(5, parts=parts, each={**COLLECT, "maxFailed": 3})).items
    assert items is not None
    assert items.results == {"0": 0, "1": 1}


@pytest.mark.parametrize(("message", "said"), [("no", True), ('"' * 500, True), ('"' * 1000, False)])
def test_it_is_given_why_items_failed_as_far_as_there_is_room_beside_their_results(message: str, said: bool) -> None:
    failed = tuple(part(str(index), P.FAILED, message=message) for index in range(20))
    well = tuple(part(str(index), P.SUCCEEDED, result="x" * 1000) for index in range(20, 80))
    (wanted,) = decided(fan_out(80, parts=(*failed, *well), each={**COLLECT, "maxFailed": 20})).wanted
    assert [("message" in item, item["index"]) for item in wanted.args["failedItems"]] == [(said, n) for n in range(20)]
    assert len(wanted.args["results"]) == 80


def test_each_way_of_it_is_in_a_row() -> None:
    assert set("".join(row.collect for row in ROWS)) == set("PRSAFTC")

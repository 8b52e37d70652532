"""The policy of a fan-out: how its items are, which may start now, and how it ends."""

from typing import Any

import pytest
from composite_views import fan_out, own, part
from item_rows import (
    CANCELED,
    COLLECT,
    FAILED,
    FAST,
    ONCE,
    ONE,
    STOP,
    TIMED_OUT,
    TWO,
    P,
    Row,
    as_decided,
    asked_to_end,
    made,
    should_be,
    summed_up,
    summed_up_by_letters,
)

from crontask.decide.composite.items import most_failed

REFERS: dict[str, Any] = {"args": {"id": "${item.id}"}}
SEVERAL = tuple(str(index) for index in range(10))
# Items by letter: to come -, Running, Succeeded, Partial, Failed, Timed out, Canceled, Not reached.
ROWS = (
    # --- so many at a time, in order ---
    Row("it begins", fan_out(12), "-12", wanted=SEVERAL),
    Row("no more than there are", fan_out(2), "-2", wanted=("0", "1")),
    Row("two at a time", fan_out(4, each=TWO), "-4", wanted=("0", "1")),
    Row("one of two runs", fan_out(4, each=TWO, parts=made("R")), "R-3", wanted=("1",)),
    Row("both run", fan_out(4, each=TWO, parts=made("RR")), "R2-2"),
    Row("more run than may: nothing else starts", fan_out(4, each=ONE, parts=made("RR")), "R2-2"),
    Row("the later has ended", fan_out(4, each=TWO, parts=made("RS")), "RS-2", wanted=("2",)),
    Row("both have", fan_out(4, each=TWO, parts=made("SS")), "S2-2", wanted=("2", "3")),
    Row("an earlier one is not there", fan_out(4, each=TWO, parts=made("-RS-")), "-RS-", wanted=("0",)),
    Row("its run has not begun", fan_out(2, each=ONE, parts=(part("0", P.PENDING),)), "R-"),
    Row("its run has no status yet", fan_out(2, each=ONE, parts=(part("0", None),)), "R-"),
    Row("its run is tried again", fan_out(2, each=ONE, parts=(part("0", P.RETRYING),)), "R-"),
    Row("what is recorded counts where the run is gone", fan_out(4, "S2F", each=TWO), "S2F-", wanted=("3",)),
    Row("and where its run says something else", fan_out(2, "F", parts=made("S")), "F-", wanted=("1",)),
    Row("of a record that is short, the others are to come", fan_out(4, "S", each=ONE), "S-3", wanted=("1",)),
    Row("of one that is long, nothing more", fan_out(2, "S9", parts=made("SS")), "S2", P.SUCCEEDED, end="Completed"),
    Row(
        "what cannot be read, and what follows it, is to come",
        fan_out(4, "S?SS", each=ONE, parts=made("SR")),
        "SR-2",
    ),
    # --- the end ---
    Row("all well", fan_out(3, parts=made("SSS")), "S3", P.SUCCEEDED, end="Completed"),
    Row("nothing to do", fan_out([]), "", P.SUCCEEDED, end="Completed"),
    Row("one in part", fan_out(3, parts=made("SPS")), "SPS", P.PARTIAL, end="Completed"),
    Row("one in part, as recorded", fan_out(3, "SP", parts=made("--S")), "SPS", P.PARTIAL, end="Completed"),
    *(
        Row(
            f"one does not succeed: {letter}",
            fan_out(3, parts=made(f"S{letter}S")),
            f"S{letter}S",
            P.FAILED,
            end="ItemsFailed",
            says="1 of 3 items failed, and maxFailed is 0",
        )
        for letter in "FTC"
    ),
    Row("the others run all the same", fan_out(3, each=ONE, parts=made("F")), "F-2", wanted=("1",)),
    Row(
        "as many as may fail did",
        fan_out(3, each={"maxFailed": 2}, parts=made("FST")),
        "FST",
        P.PARTIAL,
        end="Completed",
        says="2 of 3 items failed",
    ),
    Row(
        "one more",
        fan_out(3, each={"maxFailed": 2}, parts=made("FCT")),
        "FCT",
        P.FAILED,
        end="ItemsFailed",
        says="3 of 3 items failed, and maxFailed is 2",
    ),
    Row(
        "in per cent, rounded down",
        fan_out(3, each={"maxFailed": "66%"}, parts=made("FSF")),
        "FSF",
        P.FAILED,
        end="ItemsFailed",
        says="2 of 3 items failed, and maxFailed is 66%",
    ),
    Row("just enough", fan_out(3, each={"maxFailed": "67%"}, parts=made("FSF")), "FSF", P.PARTIAL, end="Completed"),
    # --- once too many have failed ---
    Row("not yet too many", fan_out(4, each={**STOP, **ONE, "maxFailed": 1}, parts=made("F")), "F-3", wanted=("1",)),
    Row(
        "nothing more starts, what runs ends by itself",
        fan_out(4, each={**STOP, **TWO}, parts=made("FR")),
        "FR-2",
        halt="1 of 4 items failed, and maxFailed is 0",
        first=True,
        says="1 of 4 items failed, and maxFailed is 0; waits for the end of 1 run",
    ),
    Row(
        "and is not waited for in vain",
        fan_out(4, "FR-2", each={**STOP, **TWO}, parts=made("FS"), halt=FAILED),
        "FSN2",
        P.FAILED,
        halt="too many",
        end="ItemsFailed",
    ),
    Row(
        "one that came too late has done nothing",
        fan_out(4, "FR-2", each={**STOP, **TWO}, parts=made("FSN"), halt=FAILED),
        "FSN2",
        P.FAILED,
        halt="too many",
        end="ItemsFailed",
    ),
    Row(
        "canceled ones count",
        fan_out(4, each={**STOP, **TWO, "maxFailed": 1}, parts=made("FC")),
        "FCN2",
        P.FAILED,
        halt="2 of 4 items failed, and maxFailed is 1",
        first=True,
        end="ItemsFailed",
    ),
    Row(
        "with FailFast, what runs is ended",
        fan_out(4, each={**FAST, "parallelism": 3}, parts=made("RFR")),
        "RFR-",
        cancels=("0", "2"),
        halt="1 of 4 items failed, and maxFailed is 0",
        first=True,
    ),
    Row(
        "which is asked for once",
        fan_out(4, "RFR-", each={**FAST, "parallelism": 3}, parts=(*made("-FR"), *asked_to_end(0)), halt=FAILED),
        "RFR-",
        cancels=("2",),
        halt="too many",
    ),
    Row(
        "and then it has failed",
        fan_out(4, "RFR-", each={**FAST, "parallelism": 3}, parts=made("CFC"), halt=FAILED),
        "CFCN",
        P.FAILED,
        halt="too many",
        end="ItemsFailed",
    ),
    Row(
        "the last to end: there is nothing to stop",
        fan_out(2, each=STOP, parts=made("SF")),
        "SF",
        P.FAILED,
        end="ItemsFailed",
    ),
    # --- items without a run ---
    Row(
        "what its args refer to is missing: it fails, and others start",
        fan_out([{"di": 1}, {"id": 2}, {"id": 3}], each={**REFERS, **ONE}),
        "F-2",
        wanted=("1",),
    ),
    Row(
        "of those whose turn it may be",
        fan_out([{"id": 1}, {}, {"id": 2}, {}], each={**REFERS, **TWO}, parts=made("R")),
        "RF-F",
        wanted=("2",),
    ),
    Row("of no other", fan_out([{"id": 1}, {}, {}], each={**REFERS, **ONE}), "-3", wanted=("0",)),
    Row(
        "it has a default",
        fan_out([{}], each={"args": {"id": {"$ref": "${item.id}", "default": 1}}}),
        "-",
        wanted=("0",),
    ),
    Row(
        "none of them can start",
        fan_out([{}, {}], each={**REFERS, **ONE}),
        "F2",
        P.FAILED,
        end="ItemsFailed",
        says="2 of 2 items failed, and maxFailed is 0; item 0: item.id is missing: item is an empty object",
    ),
    Row(
        "nothing is looked at any more once nothing starts",
        fan_out([{}, {}], "FR", each={**REFERS, **STOP}, parts=made("-S"), halt=FAILED),
        "FS",
        P.FAILED,
        halt="too many",
        end="ItemsFailed",
    ),
    Row(
        "its name is taken: that is recorded before others start",
        fan_out(2, each=ONE, refused={"0": "run flow-0 exists"}),
        "F-",
        wanted=("1",),
        first=True,
    ),
    Row("once it is", fan_out(2, "F", each=ONE, refused={"0": "run flow-0 exists"}), "F-", wanted=("1",)),
    Row("its run is gone, and nobody saw its end", fan_out(3, "SR", each=ONE), "SF-", wanted=("2",), first=True),
    Row(
        "its run is gone, and its pod is not: it counts as running",
        fan_out(3, "R-2", each=ONE, orphaned=(own("0"),)),
        "R-2",
    ),
    Row("its pod is gone as well", fan_out(3, "R-2", each=ONE, orphaned=(own("1"),)), "F-2", wanted=("1",), first=True),
    Row("nothing said that it was there", fan_out(3, "-3", each=ONE, orphaned=(own("0"),)), "-3", wanted=("0",)),
    Row(
        "its run is gone after its end was recorded",
        fan_out(2, "S-", each=ONE, orphaned=(own("0"),)),
        "S-",
        wanted=("1",),
    ),
    Row(
        "its run is gone, which is one too many",
        fan_out(3, "R-2", each={**STOP, **ONE}),
        "FN2",
        P.FAILED,
        halt="1 of 3 items failed, and maxFailed is 0; item 0: run",
        first=True,
        end="ItemsFailed",
    ),
    # --- at most once ---
    Row(
        "what happens at most once is recorded before it begins",
        fan_out(3, each={**TWO, **ONCE}),
        "R2-",
        wanted=("0", "1"),
        first=True,
    ),
    Row("the task's retry is meant too", fan_out(1, plan=ONCE), "R", wanted=("0",), first=True),
    Row("unless there is its own", fan_out(1, plan=ONCE, each={"retry": {}}), "-", wanted=("0",)),
    Row(
        "its creation had no good answer: it is tried again",
        fan_out(2, "R-", each={**ONE, **ONCE}, unmade=(own("0"),)),
        "R-",
        wanted=("0",),
        first=True,
    ),
    Row(
        "so it is though its run was lost",
        fan_out(2, "R2", each={**TWO, **ONCE}, unmade=(own("1"),)),
        "FR",
        wanted=("1",),
        first=True,
    ),
    Row(
        "while creations are refused, none is recorded",
        fan_out(3, "R-2", each={**TWO, **ONCE}, unmade=(own("0"),), held=True),
        "-3",
        wanted=("0", "1"),
    ),
    Row(
        "one whose creation had no good answer is not reached",
        fan_out(2, "R-", each=ONCE, unmade=(own("0"),), cancel=True),
        "N2",
        P.CANCELED,
        halt="",
        first=True,
        end="Canceled",
    ),
    # --- a pause ---
    Row(
        "a pause starts nothing new",
        fan_out(3, each=TWO, parts=made("RS"), suspend=True),
        "RS-",
        says="paused: spec.suspend is true",
    ),
    Row(
        "at the end it makes no difference",
        fan_out(2, parts=made("SS"), suspend=True),
        "S2",
        P.SUCCEEDED,
        end="Completed",
    ),
    Row(
        "what collects is not paused",
        fan_out(1, parts=made("S"), each=COLLECT, suspend=True),
        "S",
        wanted=("collect",),
        collect="P",
        first=True,
    ),
    # --- a cancel ---
    Row(
        "a cancel before anything is there",
        fan_out(3, cancel=True),
        "N3",
        P.CANCELED,
        halt="",
        first=True,
        end="Canceled",
    ),
    Row(
        "a cancel ends what runs",
        fan_out(4, each=TWO, parts=made("SRR"), cancel=True, cancelReason="no longer"),
        "SR2-",
        P.CANCELING,
        cancels=("1", "2"),
        halt="no longer",
        first=True,
        says="no longer; waits for the end of 2 runs",
    ),
    Row(
        "which is asked for once, too",
        fan_out(2, "R-", parts=asked_to_end(0), halt=CANCELED, cancel=True),
        "R-",
        P.CANCELING,
        halt="",
    ),
    Row(
        "a run that is gone, and its pod is not, cannot be asked",
        fan_out(2, "R-", orphaned=(own("0"),), halt=CANCELED, cancel=True),
        "R-",
        P.CANCELING,
        halt="",
    ),
    Row(
        "and then it is canceled",
        fan_out(4, "SR2-", parts=made("SCS"), halt=CANCELED, cancel=True),
        "SCSN",
        P.CANCELED,
        halt="",
        end="Canceled",
    ),
    Row(
        "nothing collects then",
        fan_out(2, "R-", parts=made("C"), each=COLLECT, halt=CANCELED, cancel=True),
        "CN",
        P.CANCELED,
        halt="",
        end="Canceled",
    ),
    Row(
        "a cancel while what runs ends by itself",
        fan_out(4, "FR-2", each={**STOP, **TWO}, parts=made("FR"), halt=FAILED, cancel=True),
        "FR-2",
        P.CANCELING,
        cancels=("1",),
        halt="",
        first=True,
    ),
    Row(
        "a cancel while it collects",
        fan_out(1, "S", parts=(*made("S"), part("collect")), each=COLLECT, cancel=True),
        "S",
        P.CANCELING,
        cancels=("collect",),
        halt="",
        collect="R",
        first=True,
        says="Canceled; waits for the end of 1 run",
    ),
    Row(
        "a cancel while it collects what failed",
        fan_out(2, "FN", parts=(*made("F"), part("collect")), each={**COLLECT, **STOP}, halt=FAILED, cancel=True),
        "FN",
        P.CANCELING,
        cancels=("collect",),
        halt="",
        collect="R",
        first=True,
    ),
    Row(
        "and then, whatever it gave",
        fan_out(1, "S", parts=(*made("S"), part("collect", P.SUCCEEDED)), each=COLLECT, halt=CANCELED, cancel=True),
        "S",
        P.CANCELED,
        halt="",
        collect="S",
        end="Canceled",
    ),
    Row(
        "a cancel before it collects",
        fan_out(1, "S", parts=made("S"), each=COLLECT, cancel=True),
        "S",
        P.CANCELED,
        halt="",
        first=True,
        end="Canceled",
    ),
    Row(
        "at once is no different",
        fan_out(2, each=ONE, parts=made("R"), cancel=True, cancelMode="Immediate"),
        "R-",
        P.CANCELING,
        cancels=("0",),
        halt="",
        first=True,
    ),
    # --- time ---
    Row("a timeout is to come", fan_out(2, parts=made("SR"), plan={"timeout": "10s"}), "SR", wakes=10),
    Row(
        "a pause is left out",
        fan_out(1, parts=made("R"), plan={"timeout": "9s"}, status={"paused": {"seconds": 5}}),
        "R",
        wakes=14,
    ),
    Row(
        "no timeout counts in a pause",
        fan_out(1, parts=made("R"), plan={"timeout": "9s"}, suspend=True),
        "R",
        says="paused",
    ),
    Row(
        "but totalTimeout does",
        fan_out(1, parts=made("R"), plan={"timeout": "9s", "totalTimeout": "20s"}, suspend=True),
        "R",
        wakes=20,
        says="paused",
    ),
    Row(
        "a timeout ends what runs",
        fan_out(3, each=TWO, parts=made("SR"), plan={"timeout": "9s"}),
        "SR-",
        cancels=("1",),
        halt="took longer than its timeout, 9s",
        first=True,
    ),
    Row(
        "and then the run, which is not collected",
        fan_out(3, "SR-", parts=made("SC"), each=COLLECT, halt=TIMED_OUT, plan={"timeout": "9s"}),
        "SCN",
        P.TIMED_OUT,
        halt="too long",
        end="TimedOut",
    ),
    Row(
        "it is over when the last has ended",
        fan_out(1, parts=made("S"), plan={"timeout": "9s"}),
        "S",
        P.SUCCEEDED,
        end="Completed",
    ),
    Row(
        "what collects has a limit of its own",
        fan_out(
            1, "S", parts=(*made("S"), part("collect")), each=COLLECT, plan={"timeout": "9s", "totalTimeout": "9s"}
        ),
        "S",
        collect="R",
    ),
    Row(
        "it is too late after too many failures",
        fan_out(2, "FR", parts=made("FR"), each=STOP, halt=FAILED, plan={"timeout": "9s"}),
        "FR",
        halt="too many",
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_should_be_so(row: Row) -> None:
    assert as_decided(row) == should_be(row)
    assert summed_up(row) == summed_up_by_letters(row)


def test_each_way_of_an_item_is_in_a_row() -> None:
    assert set("".join(row.ends for row in ROWS)) >= set("-RSPFTCN")


@pytest.mark.parametrize(
    ("asked", "total", "most"),
    [
        (0, 5, 0),
        (7, 5, 7),
        ("0%", 5, 0),
        ("100%", 5, 5),
        ("50%", 5, 2),
        ("99%", 100, 99),
        ("1%", 99, 0),
        ("1%", 100, 1),
    ],
)
def test_how_many_may_fail(asked: int | str, total: int, most: int) -> None:
    assert most_failed(asked, total) == most

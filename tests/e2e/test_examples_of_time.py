"""Examples of when things run: each file, applied as it is, on real pods."""

import json
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bench import Bench

from installation import NAMESPACE


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _status(bench: Bench, task: str) -> dict[str, Any]:
    return dict(bench.get("ct", task).get("status") or {})


def _succeeded(bench: Bench, task: str, count: int) -> list[dict[str, Any]]:
    """The runs of a task that succeeded, once there are so many, in the order of their starts."""

    def look() -> list[dict[str, Any]]:
        runs = [run for run in bench.runs(task) if (run.get("status") or {}).get("phase") == "Succeeded"]
        return sorted(runs, key=lambda run: str(run["status"]["startTime"])) if len(runs) >= count else []

    return list(bench.until(f"{count} runs of {task} have succeeded", look, 90))


def _under_way(run: dict[str, Any]) -> tuple[datetime, datetime]:
    return _time(run["status"]["startTime"]), _time(run["status"]["completionTime"])


def test_a_nightly_task_says_when_it_comes_next(bench: Bench) -> None:
    bench.apply("nightly.yaml")
    upcoming = bench.until("it is looked at", lambda: _status(bench, "nightly").get("upcoming"))
    assert upcoming[0] >= "2027-01-01T01:30:00Z"
    assert all(time.endswith(("00:30:00Z", "01:30:00Z")) for time in upcoming)
    row = bench.kubectl("get", "ct", "nightly", "-o", "wide")
    assert "Europe/Berlin" in row
    assert upcoming[0] in row


def _upcoming(bench: Bench, task: str) -> list[datetime]:
    """The five times to come that its status tells."""
    told = bench.until(f"{task} is looked at", lambda: _status(bench, task).get("upcoming"))
    assert len(told) == 5
    return list(map(_time, told))


def test_a_change_of_the_clock_leaves_a_time_out_or_repeats_it(bench: Bench) -> None:
    bench.apply("dst.yaml")
    skipping = [f"{time:%m-%d %H:%M}" for time in _upcoming(bench, "dst-skip")]
    assert skipping == ["03-30 01:30", "04-01 00:30", "04-02 00:30", "04-03 00:30", "04-04 00:30"]
    both = [f"{time:%m-%d %H:%M}" for time in _upcoming(bench, "dst-both")]
    assert both == ["10-26 00:30", "10-27 00:30", "10-27 01:30", "10-28 01:30", "10-29 01:30"]


def test_several_schedules_are_due_when_any_of_them_is(bench: Bench) -> None:
    bench.apply("schedules.yaml")
    local = [time.astimezone(ZoneInfo("Europe/Berlin")) for time in _upcoming(bench, "opening-hours")]
    assert [time.hour for time in local] == [9 if time.weekday() < 5 else 11 for time in local]
    assert {after.date() - before.date() for before, after in pairwise(local)} == {timedelta(days=1)}
    assert "0 9 * * mon-fri | 0 11 * * sat,sun" in bench.kubectl("get", "ct", "opening-hours")


def test_a_time_that_the_name_chooses_is_the_same_each_night(bench: Bench) -> None:
    bench.apply("chosen-time.yaml")
    upcoming = _upcoming(bench, "chosen-time")
    assert 1 <= upcoming[0].hour <= 4
    assert {after - before for before, after in pairwise(upcoming)} == {timedelta(days=1)}


def _weekdays(year: int, month: int) -> list[int]:
    days = range(1, monthrange(year, month)[1] + 1)
    return [day for day in days if date(year, month, day).weekday() < 5]


def test_days_whose_number_depends_on_the_month(bench: Bench) -> None:
    bench.apply("end-of-month.yaml")
    wages, closing = _upcoming(bench, "wages"), _upcoming(bench, "closing")
    months = sorted({(time.year, time.month) for time in wages})
    paid = sorted(
        date(*month, day)
        for month in months
        for day in {min(_weekdays(*month), key=lambda day: abs(day - 15)), _weekdays(*month)[-1]}
    )
    first = paid.index(wages[0].date())
    assert [time.date() for time in wages] == paid[first : first + 5]
    assert [time.day for time in closing] == [monthrange(time.year, time.month)[1] - 3 for time in closing]
    assert {(time.hour, time.minute) for time in closing} == {(18, 0)}


def test_a_run_at_a_time_waits_for_it_and_for_another_one(bench: Bench) -> None:
    bench.apply("run-at.yaml")
    bench.until("it waits", lambda: bench.phase("run-at") == "Pending")
    assert "2030-01-01T00:00:00Z" in bench.kubectl("get", "sr", "run-at")
    soon = (datetime.now(UTC) + timedelta(seconds=5)).replace(microsecond=0)
    at = soon.isoformat().replace("+00:00", "Z")
    bench.kubectl("patch", "sr", "run-at", "--type=merge", "-p", json.dumps({"spec": {"at": at}}))
    bench.until("it has succeeded", lambda: bench.phase("run-at") == "Succeeded")
    assert _time(bench.get("sr", "run-at")["status"]["startTime"]) >= soon


def test_a_pause_between_runs_counts_from_the_end(bench: Bench) -> None:
    bench.apply("pause-between.yaml")
    runs = _succeeded(bench, "pause-between", 3)
    for before, after in pairwise(runs):
        assert _time(after["spec"]["scheduledTime"]) >= _under_way(before)[1] + timedelta(seconds=5)
    assert "5s after end" in bench.kubectl("get", "ct", "pause-between")


def test_a_chain_follows_success_and_failure_and_says_the_cause(bench: Bench) -> None:
    bench.apply("chain.yaml")
    load, alert = _succeeded(bench, "load", 1)[0], _succeeded(bench, "chain-alert", 1)[0]
    causes = {"load": (load, "extract-well", "Succeeded"), "alert": (alert, "extract-badly", "Failed")}
    for run, cause, phase in causes.values():
        log = bench.kubectl("logs", run["status"]["podName"])
        trigger = json.loads(log[log.index("{") :])
        assert (trigger["run"], trigger["phase"]) == (cause, phase)
        assert run["status"]["origin"] == "After"
    assert len(bench.runs("load")) == len(bench.runs("chain-alert")) == 1
    assert "after extract" in bench.kubectl("get", "ct", "load")


def test_a_queue_starts_each_time_in_turn_and_then_the_task_is_completed(bench: Bench) -> None:
    bench.apply("queue.yaml")
    runs = _succeeded(bench, "in-turn", 3)
    nominal = [_time(run["spec"]["scheduledTime"]) for run in runs]
    assert nominal == sorted(nominal)
    assert all(end <= start for (_, end), (start, _) in pairwise(map(_under_way, runs)))
    bench.until("it is completed", lambda: _status(bench, "in-turn").get("phase") == "Completed")
    assert _status(bench, "in-turn")["scheduledCount"] == 3


def test_tasks_of_a_group_never_run_at_the_same_time(bench: Bench) -> None:
    bench.apply("one-at-a-time-group.yaml")
    runs = [*_succeeded(bench, "vacuum", 2), *_succeeded(bench, "reindex", 2)]
    stretches = sorted(_under_way(run) for run in runs)
    assert all(end <= start for (_, end), (start, _) in pairwise(stretches))


def test_failures_in_a_row_stop_a_task_until_somebody_resumes_it(bench: Bench) -> None:
    bench.apply("stop-after-failures.yaml")
    bench.until("it is suspended", lambda: _status(bench, "flaky").get("phase") == "Suspended")
    assert len(bench.runs("flaky")) == 2
    condition = next(c for c in _status(bench, "flaky")["conditions"] if c["type"] == "Suspended")
    assert "crontask.dev/resume" in condition["message"]
    bench.kubectl("annotate", "ct", "flaky", "crontask.dev/resume=now")
    bench.until("it runs again", lambda: len(bench.runs("flaky")) > 2)


def _overdue(bench: Bench, task: str) -> dict[str, Any]:
    return next(each for each in _status(bench, task)["conditions"] if each["type"] == "Overdue")


def test_what_takes_too_long_or_never_succeeds_says_so_and_clears_by_itself(bench: Bench) -> None:
    bench.apply("expect.yaml")
    bench.until("imports should have succeeded", lambda: _overdue(bench, "broken-import")["status"] == "True")
    assert _overdue(bench, "broken-import")["reason"] == "NoSuccess"
    bench.until("a report takes too long", lambda: _overdue(bench, "slow-report")["status"] == "True", 120)
    assert _overdue(bench, "slow-report")["reason"] == "RunTakesTooLong"
    (header, *rows) = bench.kubectl("get", "ct", "-o", "wide").splitlines()
    column = header.index("OVERDUE")
    assert {row.split()[0]: row[column:].split()[0] for row in rows} == {"slow-report": "True", "broken-import": "True"}
    bench.until("it has ended", lambda: _overdue(bench, "slow-report")["status"] == "False")
    (run,) = bench.runs("slow-report")
    assert run["status"]["phase"] == "Succeeded"
    about = ("get", "events", "--field-selector", "reason=Overdue", "-o", "json")

    def told() -> set[str]:
        return {event["involvedObject"]["name"] for event in json.loads(bench.kubectl(*about))["items"]}

    bench.until("events tell of both", lambda: told() == {"slow-report", "broken-import"})


def test_a_task_that_spreads_out_keeps_its_own_minute(bench: Bench) -> None:
    bench.apply("spread.yaml")
    upcoming = bench.until("it is looked at", lambda: _status(bench, "spread").get("upcoming"))
    assert len({_time(time).minute for time in upcoming}) == 1
    assert all(after - before == timedelta(hours=1) for before, after in pairwise(map(_time, upcoming)))


@pytest.mark.alone
def test_missed_times_start_once_not_at_all_or_each(bench: Bench) -> None:
    bench.apply("catch-up.yaml")
    names = ("catch-up-latest", "catch-up-none", "catch-up-all")
    bench.until("each has run", lambda: all(_status(bench, name).get("lastScheduledTime") for name in names))
    _scale_operator(bench, 0)
    bench.tools.kubectl("-n", NAMESPACE, "wait", "--for=delete", "pod", "--all", "--timeout=60s")
    gone = datetime.now(UTC)
    try:
        bench.until("three times have passed", lambda: datetime.now(UTC) >= gone + timedelta(seconds=46), 60)
    finally:
        _scale_operator(bench, 1)
    back = datetime.now(UTC)
    bench.until("each goes on", lambda: min(_mark(bench, name) for name in names) > back + timedelta(seconds=15), 90)
    missed = {}
    for name in names:
        # The task first: the runs of the times up to its mark are there by then.
        task = bench.get("ct", name)
        mark, created = _time(task["status"]["lastScheduledTime"]), _time(task["metadata"]["creationTimestamp"])
        runs = [run for run in bench.runs(name) if _time(run["spec"]["scheduledTime"]) <= mark]
        missed[name] = task["status"]["counts"].get("missed", 0)
        assert len(runs) + missed[name] == (mark - created) / timedelta(seconds=15), name
    assert missed["catch-up-all"] == 0
    assert missed["catch-up-none"] >= missed["catch-up-latest"] >= 2
    assert "Missed" in [decision["type"] for decision in _status(bench, "catch-up-none")["recentDecisions"]]


def _mark(bench: Bench, task: str) -> datetime:
    return _time(_status(bench, task)["lastScheduledTime"])


def _scale_operator(bench: Bench, replicas: int) -> None:
    bench.tools.kubectl("-n", NAMESPACE, "scale", "deployment", "crontask", f"--replicas={replicas}")

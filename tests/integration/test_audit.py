"""`crontask audit` and the plans of `crontask backfill`, of tasks whose status is written by the tests: no operator."""

import json
import os
import pty
import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_server import ROOT
from verbs import Verbs

from cluster.control_plane import ControlPlane
from crontask.api.json_schema import violations
from crontask.api.names import run_name
from crontask.engine.parse import parse_task

TASK = {"schedule": "0 6 * * *", "timeZone": "Europe/Berlin", "handler": {"container": {"image": "busybox:1.36"}}}
MARCH = ("--from", "2026-03-25", "--to", "2026-04-01")
# 06:00 in Berlin is 05:00 in UTC, and 04:00 from the 29th on.
DECIDED = {
    "phase": "Active",
    "timing": {"hash": "", "since": "2026-03-20T00:00:00Z"},
    "lastScheduledTime": "2026-03-31T04:00:00Z",
    "decided": "S86400 F86400 s86400 S82800 S86400x2",
    "decidedSince": "2026-03-25T05:00:00Z",
    "recentRuns": [
        {
            "name": run_name("daily", datetime(2026, 3, 31, 4, tzinfo=UTC)),
            "phase": "Succeeded",
            "scheduledTime": "2026-03-31T04:00:00Z",
            "startTime": "2026-03-31T04:01:30Z",
            "duration": "10m",
        }
    ],
    "recentDecisions": [
        {"type": "Skipped", "nominalTime": "2026-03-28T05:00:00Z", "reason": "RunAlreadyActive", "run": "daily-x"}
    ],
}


@pytest.fixture
def verbs(control_plane: ControlPlane, namespace: str) -> Verbs:
    return Verbs(control_plane, namespace)


def checked(text: str, of: str) -> dict[str, Any]:
    """A report, which fits the schema that docs/backfill-and-audit.md has of it."""
    page = (ROOT / "docs" / "backfill-and-audit.md").read_text(encoding="utf-8")
    audit, plan = (json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    report = dict(json.loads(text))
    assert list(violations({"audit": audit, "plan": plan}[of], report)) == []
    return report


def make(verbs: Verbs, name: str, spec: dict[str, Any], **status: Any) -> None:
    """A task with a status; its timing is the one that is effective."""
    verbs.make("CronTask", name, spec)
    task = json.dumps(verbs.get("ct", name))
    known = {**DECIDED, **status}
    known["timing"] = {**known["timing"], "hash": parse_task(task.encode(), lambda meta: None).timing_hash}
    patch = json.dumps({"status": {key: value for key, value in known.items() if value is not None}})
    verbs.kubectl("patch", "ct", name, "--subresource=status", "--type=merge", "-p", patch)


def test_each_nominal_time_and_what_became_of_it(verbs: Verbs) -> None:
    make(verbs, "daily", TASK)
    done = verbs("audit", "daily", *MARCH)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["DUE", "UNTIL", "TIMES", "RESULT", "START", "RUN", "REASON"]
    assert lines[1][:4] == ["2026-03-25T05:00:00Z", "1", "Unknown", "-"]
    assert lines[2][:3] == ["2026-03-26T05:00:00Z", "1", "Succeeded"]
    assert lines[3][:3] == ["2026-03-27T05:00:00Z", "1", "Failed"]
    assert "RunAlreadyActive: run daily-x was in the way" in done.stdout.splitlines()[4]
    assert lines[5][:4] == ["2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z", "2", "Succeeded"]
    assert "1m30s late" in done.stdout.splitlines()[6]
    assert "7 times, 4 Succeeded, 1 Unknown, 1 Failed, 1 Skipped, 1 of them late" in done.stdout
    assert "the record of daily begins at 2026-03-25T05:00:00Z" in done.stdout
    assert done.stderr == ""


def test_what_nothing_explains_is_the_exit_code(verbs: Verbs) -> None:
    make(verbs, "daily", TASK, decided="S86400 F86400 S169200 S86400x2")
    done = verbs("audit", "daily", *MARCH, "-o", "json", code=1)
    report = checked(done.stdout, "audit")
    assert report["totals"] == {
        "times": 7,
        "onTime": 0,
        "late": 1,
        "unexplained": 1,
        "results": {"Unknown": 1, "Succeeded": 4, "Failed": 1, "Unexplained": 1},
    }
    assert [each["nominal"] for each in report["times"] if each["result"] == "Unexplained"] == ["2026-03-28T05:00:00Z"]
    assert done.stderr == "1 time unexplained, the first 2026-03-28T05:00:00Z\n"


def test_nobody_decides_any_more(verbs: Verbs) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    known = {"timing": {"since": f"{now:%Y-%m-%dT%H:%M:%SZ}"}, "lastScheduledTime": None, "decided": None}
    spec = {**TASK, "schedule": "* * * * *"}
    make(verbs, "minutely", spec, **known, decidedSince=f"{now:%Y-%m-%dT%H:%M:%SZ}")
    report = json.loads(verbs("audit", "minutely", "--from", "1h", "-o", "json", code=None).stdout)
    # What is older than the task is not known, and of the minute that is over it may be seen to it yet.
    assert set(report["totals"]["results"]) <= {"Unknown", "Waiting", "Overdue"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nope", "--from", "7d"), "there is no CronTask nope"),
        (("daily", "--from", "soon"), "'soon' is not a time; write "),
        (("daily", "--from", "2090-01-01"), "is still to come"),
        (("daily", "--from", "2026-03-02", "--to", "2026-03-01"), "swap them"),
        (("daily", "--to", "2020-01-01"), "is not after --from"),
    ],
)
@pytest.mark.parametrize("verb", ["audit", "backfill"])
def test_what_cannot_be_meant(verbs: Verbs, verb: str, words: tuple[str, ...], said: str) -> None:
    make(verbs, "daily", TASK)
    assert said in verbs(verb, *words, code=2).stderr


def test_a_long_range_is_asked_for_in_parts(verbs: Verbs) -> None:
    make(verbs, "minutely", {**TASK, "schedule": "* * * * *"})
    done = verbs("audit", "minutely", "--from", "2026-03-01", "--to", "2026-04-01", code=2)
    first, *commands = done.stderr.splitlines()
    assert first == "44,640 nominal times are more than 10,000; ask for them one after the other:"
    assert len(commands) == 5
    part = commands[0].split("audit ")[1].split()
    assert "Unknown" in verbs("audit", *part[: part.index("-n")], *part[part.index("-n") + 2 :]).stdout
    assert " --to 2026-04-01T00:00:00Z" in commands[-1]
    # Decades of seconds are counted, not gone through.
    make(verbs, "secondly", {"interval": "1s", "startTime": "1990-01-01T00:00:00Z", "handler": TASK["handler"]})
    assert " more, to " in verbs("audit", "secondly", "--from", "1990-01-01", code=2).stderr


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"after": {"task": "a"}}, "it runs after a"),
        ({}, "it has no schedule"),
        ({"delay": "5s"}, "its times follow from the ends of its runs"),
    ],
)
def test_a_task_without_times_of_its_own(verbs: Verbs, spec: dict[str, Any], said: str) -> None:
    make(verbs, "other", {**spec, "handler": TASK["handler"]}, decided=None, recentRuns=[])
    assert said in verbs("audit", "other", "--from", "7d").stderr
    assert said in verbs("backfill", "other", "--from", "7d", code=2).stderr


def plan(verbs: Verbs, *words: str) -> dict[str, Any]:
    return checked(verbs("backfill", "daily", *words, "--dry-run", "-o", "json").stdout, "plan")


def test_a_plan_says_what_it_would_do(verbs: Verbs) -> None:
    make(verbs, "daily", TASK)
    text = verbs("backfill", "daily", *MARCH, "--only", "all", "--parallel", "3", "--dry-run").stdout
    assert "7 runs of daily, 1 at a time: concurrency Forbid allows no more, as run daily-backfill-" in text
    assert "2026-03-29T04:00:00Z   Sun 2026-03-29 06:00:00 +0200" in text
    assert "clock forward 1h" in text
    assert "it takes about 1h10m, if its runs take as long as the last ones" in text
    missing, failed, everything = (plan(verbs, *MARCH, "--only", only) for only in ("missing", "failed", "all"))
    assert [each["nominal"] for each in missing["times"]] == ["2026-03-28T05:00:00Z"]
    assert [each["nominal"] for each in failed["times"]] == ["2026-03-27T05:00:00Z"]
    assert len(everything["times"]) == everything["totals"]["chosen"] == 7
    assert len({each["run"] for each in (missing, failed, everything)}) == 3
    assert missing["totals"]["results"] == {"Unknown": 1, "Succeeded": 4, "Failed": 1, "Skipped": 1}
    assert (missing["created"], missing["takesSeconds"]) == (False, 600)
    assert missing["run"] == plan(verbs, "--from", "2026-03-24T12:00:00Z", "--to", "2026-04-01T03:00:00Z")["run"]
    assert verbs.kubectl("get", "sr", "-o", "name") == ""


def test_what_is_older_than_the_record_is_not_taken_for_missing(verbs: Verbs) -> None:
    make(verbs, "daily", TASK)
    done = verbs("backfill", "daily", "--from", "2026-01-01", "--to", "2026-03-01")
    assert "nothing to do: none of them is missing" in done.stdout
    assert "older than the record: they may have run" in done.stdout
    assert verbs.kubectl("get", "sr", "-o", "name") == ""


def test_many_are_asked_about_and_too_many_are_commands(verbs: Verbs) -> None:
    make(verbs, "daily", TASK)
    done = verbs("backfill", "daily", "--from", "2026-01-01", "--to", "2026-03-01", "--only", "all", code=2)
    assert "59 runs are more than 20; write --yes to make them, or --dry-run to see which" in done.stderr
    done = verbs("backfill", "daily", "--from", "2021-01-01", "--to", "2026-03-01", "--only", "all", code=2)
    first, *commands = done.stderr.splitlines()
    assert first == "1,885 runs are more than the 1,000 of one backfill; write one after the other:"
    assert len(commands) == 2
    assert all("--yes --wait --only all" in line for line in commands)
    assert verbs.kubectl("get", "sr", "-o", "name") == ""


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 2)])
def test_on_a_terminal_it_asks(verbs: Verbs, answer: str, code: int) -> None:
    make(verbs, "daily", TASK)
    ours, theirs = pty.openpty()
    words = ("backfill", "daily", "--from", "2026-01-01", "--to", "2026-03-01", "--only", "all")
    asking = subprocess.Popen(
        verbs.command(*words), env=verbs.environment(), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.write(ours, f"{answer}\n".encode())
    stdout, stderr = asking.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert asking.returncode == code, stderr
    assert b"Make 59 runs? [y/N]: " in stderr
    # All of its runs are in the plan, of which the middle is summed up.
    assert b"more\n" in stderr
    made = verbs.kubectl("get", "sr", "-o", "name").strip()
    assert stdout.decode() == (f"{made} created\n" if code == 0 else "")
    assert bool(made) is (code == 0)
    assert (b"nothing is made" in stderr) is (code != 0)


def test_the_same_again_is_refused_and_so_is_what_overlaps(verbs: Verbs) -> None:
    make(verbs, "daily", TASK)
    done = verbs("backfill", "daily", *MARCH)
    name = done.stdout.strip().removeprefix("scheduledrun.crontask.dev/").removesuffix(" created")
    assert "1 run of daily" in done.stderr
    run = verbs.get("sr", name)
    assert run["spec"]["handler"]["forEach"] == {
        "items": ["2026-03-28T05:00:00Z"],
        "parallelism": 1,
        "handler": {"task": "daily"},
        "scheduledTime": "${item}",
    } | {key: run["spec"]["handler"]["forEach"][key] for key in ("maxFailed", "failurePolicy")}
    assert run["metadata"]["annotations"] == {"crontask.dev/backfill": "missing"}
    again = verbs("backfill", "daily", *MARCH, code=2).stderr
    assert f"run {name}, which is Pending; to wait for it: " in again
    other = ("--from", "2026-03-26", "--to", "2026-03-29")
    overlaps = verbs("backfill", "daily", *other, code=2).stderr
    assert f"{name} is open and is for some of these times; wait for it: " in overlaps
    assert f"wait {name} -n {verbs.namespace}; or write --force" in overlaps
    assert f"run {name} is open" in verbs("backfill", "daily", *other, "--dry-run").stdout
    assert " created" in verbs("backfill", "daily", *other, "--force").stdout
    waits = checked(verbs("audit", "daily", *other, "-o", "json").stdout, "audit")["times"]
    (skipped,) = [each["backfills"] for each in waits if each["result"] == "Skipped"]
    assert len(skipped) == 2
    assert name in skipped

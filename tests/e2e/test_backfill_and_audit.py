"""Times that have passed, on real pods: they are made up for, and accounted for, by the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import Bench

ROOT = Path(__file__).resolve().parents[2]


def crontask(bench: Bench, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A verb in the namespace of the test; fails unless it ends with this code."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(bench.tools.kubeconfig),
        "PYTHONPATH": str(ROOT / "operator"),
    }
    command = [sys.executable, "-m", "crontask.cli.main", "-n", bench.namespace, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def audit(bench: Bench, task: str, *words: str) -> dict[str, Any]:
    """What became of each time; no time may be unexplained."""
    return dict(json.loads(crontask(bench, "audit", task, *words, "-o", "json").stdout))


def test_last_week_is_replayed_and_accounted_for(bench: Bench) -> None:
    """The example makes up for three days; the command for those before and after, once each."""
    bench.apply("backfill.yaml")
    bench.ended("backfill", "Succeeded")
    week = ("--from", "2026-02-28", "--to", "2026-03-06")
    # Of the days of the example it is known, and the others are older than the task.
    assert audit(bench, "daily-report", *week)["totals"]["results"] == {"Unknown": 3, "Succeeded": 3}
    assert "nothing to do" in crontask(bench, "backfill", "daily-report", *week, "--dry-run").stdout
    around = ("--from", "2026-03-04", "--to", "2026-03-06", "--only", "all", "--parallel", "2", "--wait")
    done = crontask(bench, "backfill", "daily-report", *around, "--timeout", "180s")
    name = done.stdout.splitlines()[1].split()[0]
    parts = bench.parts(name)
    assert {run["status"]["origin"] for run in parts} == {"Backfill"}
    logs = sorted(bench.kubectl("logs", run["status"]["podName"]) for run in parts)
    assert logs == [f"the report of 2026-03-0{day}T06:00:00Z\n" for day in (4, 5)]
    found = audit(bench, "daily-report", *week)
    assert found["totals"]["results"] == {"Unknown": 1, "Succeeded": 5}
    assert {each["reason"] for each in found["times"] if each["result"] == "Succeeded"} == {
        "made up for by run backfill",
        f"made up for by run {name}",
    }
    again = crontask(bench, "backfill", "daily-report", *around, code=2)
    assert f"run {name}, which is Succeeded" in again.stderr


def test_nothing_of_a_schedule_is_left_out(bench: Bench) -> None:
    """Also of what is skipped in a pause, which is made up for while that lasts."""
    bench.apply("interval.yaml")
    name = "every-ten-seconds"
    bench.until("two runs are over", lambda: bench.get("ct", name)["status"]["counts"]["succeeded"] >= 2, 90)
    crontask(bench, "suspend", name, "--reason", "deploy")
    results = bench.until(
        "a time has passed in the pause", lambda: _with_a_pause(audit(bench, name, "--from", "1h")["totals"]), 60
    )
    assert results["results"]["Succeeded"] >= 2
    assert results["onTime"] >= 2
    done = crontask(bench, "backfill", name, "--from", "1h", "--wait", "--timeout", "180s")
    assert "the task is suspended: that holds back its schedule, and not these runs" in done.stderr
    after = audit(bench, name, "--from", "1h")
    made_up = [each for each in after["times"] if each["reason"].startswith("made up for by run ")]
    assert made_up
    assert all(each["result"] == "Succeeded" for each in made_up)
    bench.until("the task says so", lambda: bench.get("ct", name)["status"]["phase"] == "Suspended")


def _with_a_pause(totals: dict[str, Any]) -> dict[str, Any] | None:
    return totals if totals["results"].get("NotDue") else None

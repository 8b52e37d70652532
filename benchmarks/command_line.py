"""What the commands that need no cluster take: processor time of the process, beside a bare interpreter's."""

import os
import subprocess
import sys
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.world import ROOT

_TASK = ROOT / "examples" / "every-minute.yaml"
_YEARLY = """\
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {name: yearly}
spec: {schedule: "0 9 1 1 *", handler: {container: {image: busybox}}}
"""
_ROUNDS, _LONG_ROUNDS = 21, 3


def measure() -> list[dict[str, Any]]:
    """Milliseconds of processor, medians of rounds in which all take turns; compiled modules are there."""
    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        yearly = os.path.join(folder, "yearly.yaml")
        with open(yearly, "w", encoding="utf-8") as file:
            file.write(_YEARLY)
        bare = {"a bare interpreter": [sys.executable, "-c", "pass"]}
        rows = _in_turn({**bare, **_short()}, _ROUNDS)
        rows += _in_turn(_long(yearly), _LONG_ROUNDS)
    least = rows[0]["milliseconds"]
    return [{**row, "more": round(row["milliseconds"] - least, 1), "load": round(load, 2)} for row in rows]


def _short() -> dict[str, list[str]]:
    return {
        "--help": _command("--help"),
        "next -f": _command("next", "-f", str(_TASK)),
        "validate -f": _command("validate", "-f", str(_TASK)),
    }


def _long(yearly: str) -> dict[str, list[str]]:
    years = ("--from", "2026-01-02T00:00:00Z", "--to", "2036-01-02T00:00:00Z")
    year = ("--from", "2026-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z")
    return {
        "simulate, ten runs in ten years": _command("simulate", "-f", yearly, *years),
        "simulate, a year of each minute": _command("simulate", "-f", str(_TASK), *year),
    }


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "crontask.cli.main", *arguments]


def _in_turn(commands: dict[str, list[str]], rounds: int) -> list[dict[str, Any]]:
    for command in commands.values():
        _processor(command)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name].append(_processor(command))
    return [{"variant": name, "milliseconds": round(median(times), 1)} for name, times in taken.items()]


def _processor(command: list[str]) -> float:
    """Milliseconds of processor that a process takes from its start to its end, in user and system mode."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return 1000 * (used.ru_utime + used.ru_stime)

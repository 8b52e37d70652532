"""Ends: from the end of a pod until its run, or its Job, says so, as one client sees both."""

import json
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import kubelet, watch
from benchmarks.lag import manager_arguments, p99, scheduled
from benchmarks.world import world

VARIANTS = ("crontask", "cronjob", "cronjob-tuned")
_POD_SECONDS = "5"


@dataclass(frozen=True)
class End:
    """Seconds from the pod's end to its owner's."""

    variant: str
    ends: int
    p50: float
    p99: float
    max: float
    load: float


def measure(variant: str, tasks: int) -> End:
    """So many pods that were started at once, and so end at once."""
    load = os.getloadavg()[0]
    with world(manager_arguments(variant)) as running:
        ended = running.logs / "ended.jsonl"
        owners = "scheduledruns" if variant == "crontask" else "jobs"
        running.start_and_wait("benchmarks.watch", "pods", owners, says=watch.READY, output=ended)
        running.start_and_wait("benchmarks.kubelet", _POD_SECONDS, says=kubelet.READY)
        _, due = scheduled(running, variant, tasks)
        wait = max(0.0, due - time.time()) + 60
        running.until("every run has ended", lambda: ended.read_bytes().count(b"\n") >= 2 * tasks, wait)
        lags = _lags(ended)
        return End(
            variant=variant,
            ends=len(lags),
            p50=round(statistics.median(lags), 3),
            p99=round(p99(lags), 3),
            max=round(lags[-1], 3),
            load=round(load, 2),
        )


def _lags(ended: Path) -> list[float]:
    told = [json.loads(line) for line in ended.read_text().splitlines()]
    owners = {each["name"]: each["ended"] for each in told if each["kind"] != "pods"}
    return sorted(owners[each["owner"]] - each["ended"] for each in told if each["kind"] == "pods")

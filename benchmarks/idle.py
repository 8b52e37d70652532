"""Idle: what N tasks that are not due cost: requests, processor time, memory. Beside it, CronJob's controller."""

import os
import time
from collections import Counter
from typing import Any, cast

import uvloop

from benchmarks.lag import Requests, cron_job, cron_task, manager_arguments
from benchmarks.start import CONNECTIONS, each
from benchmarks.world import WRITES, World, rss_megabytes, world
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import Kind

VARIANTS = ("crontask", "cronjob")
_NEVER = "0 0 1 1 *"
_LONGEST_WITHOUT = 60


class _CronJobs:
    """CronJobs, as a kind of object that the client can create."""

    prefix: str = "apis/batch/v1"
    plural: str = "cronjobs"
    kind: str = "CronJob"


def measure(variant: str, tasks: int, seconds: int) -> dict[str, Any]:
    """Requests of any kind, less those of as long a time without an operator; Leases are told apart."""
    load = os.getloadavg()[0]
    with world(manager_arguments(variant)) as running:
        uvloop.run(_create(running, variant, tasks))
        running.settle()
        without = Counter[tuple[str, str, str]]()
        if variant == "crontask":
            without = _requests_without(running, seconds)
            running.start_operator()
            running.until("every task is known", lambda: _is_known(running, tasks), 60 + tasks / 20)
            running.settle(60 + tasks / 20)
        pid = running.starter()
        cpu = running.cpu()
        made = _requests_in(running, seconds) - without
        used = running.cpu() - cpu
        leases = sum(n for key, n in made.items() if key[1] == "leases")
        others = {key: n for key, n in made.items() if key[1] != "leases"}
        return {
            "variant": variant,
            "tasks": tasks,
            "seconds": seconds,
            "writes": sum(n for key, n in others.items() if key[0] in WRITES),
            "requests": {" ".join(filter(None, key)): n for key, n in sorted(others.items())},
            "leaseRequests": leases,
            "cpuPercentOfACore": round(100 * used / seconds, 2),
            "rssMegabytes": round(rss_megabytes(pid), 1),
            "load": round(load, 2),
        }


async def _create(running: World, variant: str, tasks: int) -> None:
    kind = cast(Kind, _CronJobs()) if variant == "cronjob" else Kind.CRON_TASK
    make = cron_job if variant == "cronjob" else cron_task
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), CONNECTIONS) as api:

        async def create(number: int) -> None:
            await api.create(kind, "bench", make(number, _NEVER))

        await each(range(tasks), create)


def _is_known(running: World, tasks: int) -> bool:
    return running.requests()["PUT", "crontasks", "status"] >= tasks


def _requests_without(running: World, seconds: int) -> Requests:
    """What the API server asks itself in as long a time, from a shorter one."""
    shorter = min(seconds, _LONGEST_WITHOUT)
    made = _requests_in(running, shorter)
    return Counter({key: n * seconds // shorter for key, n in made.items()})


def _requests_in(running: World, seconds: int) -> Requests:
    before = running.requests()
    time.sleep(seconds)
    return running.requests() - before

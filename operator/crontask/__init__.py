"""crontask: an operator that runs scheduled work on Kubernetes, and its Python SDK.

    from crontask import AsyncClient, Client, Context, Crons, Retry, errors

Each name is loaded when it is asked for: the operator, the command line and handlers in pods pay nothing for it.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crontask.api.crontask import CronTaskSpec
    from crontask.api.handler import Handler
    from crontask.api.policies import After, CatchUp, Concurrency, DstPolicy, History, Retry, SkippedDates
    from crontask.crons.cron import Cron, CronFunction
    from crontask.crons.registry import Crons
    from crontask.crons.sync import Synced
    from crontask.runner.context import Context
    from crontask.sdk import errors
    from crontask.sdk.aio import AsyncClient
    from crontask.sdk.aio_run import AsyncRun, AsyncRunEvent
    from crontask.sdk.objects import Attempt, Step, Task, Upcoming
    from crontask.sdk.sync import Client, Run, RunEvent
    from crontask.version import __version__

__all__ = [
    "After",
    "AsyncClient",
    "AsyncRun",
    "AsyncRunEvent",
    "Attempt",
    "CatchUp",
    "Client",
    "Concurrency",
    "Context",
    "Cron",
    "CronFunction",
    "CronTaskSpec",
    "Crons",
    "DstPolicy",
    "Handler",
    "History",
    "Retry",
    "Run",
    "RunEvent",
    "SkippedDates",
    "Step",
    "Synced",
    "Task",
    "Upcoming",
    "__version__",
    "errors",
]

_MODULES = {
    "crontask.api.crontask": ("CronTaskSpec",),
    "crontask.api.handler": ("Handler",),
    "crontask.api.policies": ("After", "CatchUp", "Concurrency", "DstPolicy", "History", "Retry", "SkippedDates"),
    "crontask.crons.cron": ("Cron", "CronFunction"),
    "crontask.crons.registry": ("Crons",),
    "crontask.crons.sync": ("Synced",),
    "crontask.runner.context": ("Context",),
    "crontask.sdk.aio": ("AsyncClient",),
    "crontask.sdk.aio_run": ("AsyncRun", "AsyncRunEvent"),
    "crontask.sdk.objects": ("Attempt", "Step", "Task", "Upcoming"),
    "crontask.sdk.sync": ("Client", "Run", "RunEvent"),
    "crontask.version": ("__version__",),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("crontask.sdk.errors")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _WHERE[name] == "crontask.api.policies" and "CRONTASK_HANDLER" in os.environ:
        from crontask.crons.deferred import DeferredModel, in_pod_of_runner

        if in_pod_of_runner():
            return DeferredModel(_WHERE[name], name)
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

"""Names completed from the cluster when somebody presses TAB: quick, and silent where anything goes wrong."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from crontask.cli.connection import flags
from crontask.cli.exits import ENDS

if TYPE_CHECKING:
    from crontask.api.resources import Resource

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
_SECONDS = 2.0
_NAMES_ALONE = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_OPEN = ",".join(f"status.phase!={phase}" for phase in ENDS)


def tasks(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of tasks."""
    from crontask.api.resources import CRON_TASK

    return _named(ctx, parameter, begun, CRON_TASK)


def runs(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of runs, parts left out."""
    from crontask.api.resources import SCHEDULED_RUN

    return _named(ctx, parameter, begun, SCHEDULED_RUN, "spec.parent.name=")


def open_runs(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of runs that have not ended."""
    from crontask.api.resources import SCHEDULED_RUN

    return _named(ctx, parameter, begun, SCHEDULED_RUN, f"spec.parent.name=,{_OPEN}")


def tasks_and_runs(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of both."""
    return [*tasks(ctx, parameter, begun), *runs(ctx, parameter, begun)]


def namespaces(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of namespaces."""
    from crontask.api.resources import NAMESPACE

    return _named(ctx, parameter, begun, NAMESPACE)


def contexts(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of contexts of the kubeconfig: no cluster is asked."""
    from crontask.client import errors
    from crontask.client.access import context_names

    try:
        known = context_names(flags(ctx))
    except errors.ClientError:
        return []
    return [CompletionItem(name) for name in known if name.startswith(begun)]


def _named(
    ctx: click.Context, parameter: click.Parameter, begun: str, kind: "Resource", fields: str = ""
) -> list[CompletionItem]:
    """Names that go on as begun, without those that are written already."""
    from crontask.client import Cluster, errors, operations, requests

    # A plugin that logs in may take long, or ask something: whoever types does not wait for it.
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        with Cluster.load(replace(flags(ctx), request_timeout=_SECONDS)) as cluster:
            page = requests.list_page(kind, cluster.namespace if kind.namespaced else "", fields=fields)
            found = cluster.run(operations.once(replace(page, accept=_NAMES_ALONE)))
    except errors.ClientError:
        return []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    written = ctx.params.get(parameter.name or "")
    there = written if isinstance(written, tuple | list) else ()
    names = [str(item["metadata"]["name"]) for item in found.get("items") or ()]
    return [CompletionItem(name) for name in names if name.startswith(begun) and name not in there]


def _give_up(number: int, frame: FrameType | None) -> None:
    os._exit(0)

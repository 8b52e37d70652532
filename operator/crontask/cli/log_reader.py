"""Logs read and followed: of one attempt, and of all attempts and parts of a run that goes on.

Each log that is followed has a thread of its own, for they are read at once; lines come to stdout by the main thread.
"""

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from crontask.api.names import LABEL_PARENT
from crontask.cli.exits import GONE, explain, stop
from crontask.cli.waiting import ended
from crontask.client.log_sources import Source, sources_of
from crontask.client.tree import Parts, is_composite

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

_PAUSE = 0.5
# What comes after the end of a run, of logs that are still read, is waited for so long.
_PATIENCE = 5.0


@dataclass(frozen=True)
class Options:
    """How logs are shown."""

    prefix: bool = True
    tail: int | None = None
    timestamps: bool = False
    container: str = ""


def read_one(cluster: "Cluster", namespace: str, source: Source, options: Options) -> bool:
    """The log as far as it is; where the pod is gone, what is known of the attempt, on stderr. Whether it is there."""
    from crontask.client import errors

    prefix = source.prefix if options.prefix else ""
    container = container_of(cluster, namespace, source.pod, options.container)
    if container is None:
        click.echo(f"{source.prefix}{source.obituary}", err=True)
        return False
    try:
        lines = cluster.logs(
            source.pod,
            namespace=namespace,
            container=container,
            tail_lines=options.tail,
            timestamps=options.timestamps,
        )
        for line in lines:
            click.echo(prefix.encode() + line)
    except (errors.NotFound, errors.Invalid) as error:
        # The container has not started, or its node does not answer any more.
        click.echo(f"{source.prefix}{error.message}", err=True)
    return True


def container_of(cluster: "Cluster", namespace: str, pod: str, wanted: str = "") -> str | None:
    """The container whose log is meant: the one wanted, else the handler's; None without a pod."""
    from crontask.api.resources import POD
    from crontask.client import errors
    from crontask.client.pods import handler_container

    try:
        found = cluster.get(POD, pod, namespace=namespace)
    except errors.NotFound:
        return None
    return wanted or handler_container(found)


@dataclass
class _Following:
    """What is known of a run while its logs are followed. `lines`: what the threads hand over; None: look again."""

    cluster: "Cluster"
    run: "Document"
    options: Options
    parts: "dict[str, Document]" = field(default_factory=dict)
    lines: "queue.SimpleQueue[tuple[bytes, bool] | BaseException | None]" = field(default_factory=queue.SimpleQueue)
    readers: dict[str, threading.Thread] = field(default_factory=dict)
    gone: bool = False

    @property
    def namespace(self) -> str:
        return str(self.run["metadata"]["namespace"])

    def start(self, name: str, target: object, *arguments: object) -> None:
        """A thread that does not keep the program from ending."""
        thread = threading.Thread(target=self._guarded, args=(target, *arguments), name=name, daemon=True)
        self.readers[name] = thread
        thread.start()

    def _guarded(self, target: object, *arguments: object) -> None:
        assert callable(target)
        try:
            target(*arguments)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self.lines.put(error)
        finally:
            self.lines.put(None)

    def watch_run(self) -> None:
        """Until the run has ended."""
        from crontask.api.resources import SCHEDULED_RUN

        name = self.run["metadata"]["name"]
        for event in self.cluster.watch(SCHEDULED_RUN, namespace=self.namespace, name=name, after=self.run):
            if event.type == "DELETED":
                self.gone = True
                return
            self.run = event.object
            self.lines.put(None)
            if ended(event.object):
                return

    def watch_parts(self) -> None:
        """Until the program ends."""
        from crontask.api.resources import SCHEDULED_RUN

        for event in self.cluster.watch(SCHEDULED_RUN, namespace=self.namespace, selector=LABEL_PARENT):
            if event.type != "DELETED":
                self.parts[event.object["metadata"]["uid"]] = event.object
                self.lines.put(None)

    def follow(self, source: Source) -> None:
        """A log, from the start of its container to its end."""
        from crontask.client import errors

        prefix = source.prefix if self.options.prefix else ""
        while True:
            container = container_of(self.cluster, self.namespace, source.pod, self.options.container)
            if container is None:
                self.lines.put((f"{source.prefix}{source.obituary}".encode(), True))
                return
            try:
                lines = self.cluster.logs(
                    source.pod,
                    namespace=self.namespace,
                    container=container,
                    follow=True,
                    tail_lines=self.options.tail,
                    timestamps=self.options.timestamps,
                )
                for line in lines:
                    self.lines.put((prefix.encode() + line, False))
                return
            except (errors.NotFound, errors.Invalid) as error:
                # The container has not started, or its node does not answer any more.
                if ended(self.run):
                    self.lines.put((f"{source.prefix}{error.message}".encode(), True))
                    return
                time.sleep(_PAUSE)


def follow_all(cluster: "Cluster", run: "Document", options: Options, until: float | None = None) -> "Document":
    """The logs of all attempts and parts, until the run has ended, or that monotonic second; the run as it is then.

    A run that is deleted meanwhile ends the program.
    """
    from crontask.client import errors

    following = _Following(cluster, run, options)
    following.start("watch", following.watch_run)
    deadline: float | None = None
    while True:
        if is_composite(following.run) and "parts" not in following.readers:
            following.start("parts", following.watch_parts)
        for source in list(sources_of(following.run, Parts(list(following.parts.values())))):
            if source.pod not in following.readers:
                following.start(source.pod, following.follow, source)
        over = following.gone or ended(following.run)
        deadline = deadline or (time.monotonic() + _PATIENCE if over else None)
        busy = [
            name for name, thread in following.readers.items() if thread.is_alive() and name not in ("watch", "parts")
        ]
        if until is not None and time.monotonic() > until:
            break
        if over and following.lines.empty() and (not busy or time.monotonic() > (deadline or 0)):
            break
        try:
            said = following.lines.get(timeout=_PAUSE)
        except queue.Empty:
            continue
        if isinstance(said, errors.ClientError):
            stop(*explain(said))
        if isinstance(said, BaseException):
            raise said
        if said is not None:
            click.echo(said[0], err=said[1])
    if following.gone:
        stop(GONE, f"{run['metadata']['name']} was deleted")
    return following.run

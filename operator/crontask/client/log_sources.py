"""Whose log is read: the attempts of a run and of its parts, and what is said where a pod is gone. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crontask.client.tree import Document, Parts, label_of

# Whoever wrote it, nothing else becomes a link, or reaches a terminal.
_URL = re.compile("https?://[!-~]+")


@dataclass(frozen=True)
class Source:
    """The log of one attempt. `url`: where the run's can be read when its pod is gone, if that is known."""

    prefix: str
    pod: str
    attempt: Document
    url: str = ""

    @property
    def obituary(self) -> str:
        """What is known of the attempt where its pod is gone: when it ended, why, and what it had written."""
        ended, reason = self.attempt.get("completionTime"), self.attempt.get("reason")
        how = f"it ended at {ended}" if ended else "its end is not recorded"
        code = self.attempt.get("exitCode")
        why = ", ".join(filter(None, (str(reason or ""), f"exit code {code}" if code is not None else "")))
        message = " ".join(str(self.attempt.get("message") or "").split())
        kept = f"; its message was: {message}" if message else ""
        return f"pod {self.pod} is gone, and its log with it: {how}{f' ({why})' if why else ''}{kept}"


def logs_url(status: Document) -> str:
    """Where the log of a run can be read when its pod is gone: a URL of http or https; empty where none is known."""
    url = status.get("logsURL")
    return url if isinstance(url, str) and _URL.fullmatch(url) else ""


def sources_of(run: Document, parts: Parts) -> Iterator[Source]:
    """The run's attempts, or those of its parts and theirs, in the order in which they began."""
    yield from _own(run, "")
    for part in parts.within(run):
        yield from _own(part, _path(part, run, parts))


def _own(run: Document, path: str) -> Iterator[Source]:
    status = run.get("status") or {}
    attempts = list(status.get("attempts") or ())
    pod = status.get("podName")
    if pod and pod not in [attempt.get("pod") for attempt in attempts]:
        number = (attempts[-1].get("number", 0) if attempts else 0) + 1
        attempts.append({"number": number, "pod": pod})
    for attempt in attempts:
        prefix = " ".join(filter(None, (path, f"#{attempt.get('number')}")))
        # The message of the run is that of its last attempt, and longer.
        if attempt is attempts[-1] and not attempt.get("message"):
            attempt = {**attempt, "message": status.get("message")}
        yield Source(f"[{prefix}] ", str(attempt.get("pod")), attempt, logs_url(status))


def _path(part: Document, top: Document, parts: Parts) -> str:
    """`charge`, or of a part of a part `pay/charge`."""
    above = {run["metadata"]["uid"]: run for run in parts.within(top)}
    labels = [label_of(part)]
    while (uid := part["spec"]["parent"].get("uid")) in above:
        part = above[uid]
        labels.append(label_of(part))
    return "/".join(reversed(labels))

"""`ctx.trigger`: a handler has a task run. By the standard library alone, for images that have nothing else.

With a key, a run is named by its task and the key, as by the clients: whoever asks again is given the same run. Without
one it is named by the run whose handler asks for it and by the call: an attempt that is made again asks for the same.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

from crontask.runner.fitting import misfit, no_such_task
from crontask.runner.result import NotJsonError, plain, same_json

Document = dict[str, Any]
API_VERSION = "crontask.dev/v1alpha1"
MANAGER = "crontask-runner"
"""The field manager of the runs that handlers ask for."""
# As api.names has them: a test says so.
_LONGEST_NAME, _DRAWN = 60, 10
_LONGEST_KEY = 256
_TASK = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_ASKED = ("idempotencyKey", "taskRef", "args", "at", "delay")
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


class TriggerError(Exception):
    """A task cannot be triggered; the text says why, and what to do about it."""


class Runs(Protocol):
    """Where runs are made."""

    def have(self, namespace: str, body: Document) -> Document:
        """The run as it is there: made now, or before by that name. Raises TriggerError."""

    def task(self, namespace: str, name: str) -> Document | None:
        """The task; an empty object where it may not be read; None without one. Raises TriggerError."""

    def tasks(self, namespace: str) -> list[str]:
        """The names of the tasks, as far as they may be read. Raises TriggerError."""


class Triggers:
    """The runs that one attempt asks for. `key`: what is the same in each attempt of its run."""

    def __init__(self, runs: Runs, namespace: str, key: str) -> None:
        self._runs = runs
        self._namespace = namespace
        self._key = key
        self._calls = 0
        self._known: dict[str, Document | None] = {}

    def ask(
        self,
        task: str,
        args: Mapping[str, Any] | None,
        at: datetime | str | None,
        delay: timedelta | str | None,
        key: str | None,
        missing_ok: bool = False,
    ) -> str:
        """The name of the run. Raises TriggerError, also where the same was asked for before with something else."""
        if key is None:
            self._calls += 1
            body = run_body(task, _fitting(f"{self._key}/call-{self._calls}"), args, at, delay)
        else:
            body = run_body(task, _checked_key(key), args, at, delay)
        self._check_fits(task, body["spec"].get("args") or {}, missing_ok)
        found = self._runs.have(self._namespace, body)
        name, spec = found["metadata"]["name"], found.get("spec") or {}
        differing = [each for each in _ASKED if not _same(each, spec, body["spec"])]
        if differing and key is None:
            raise TriggerError(
                f"call {self._calls} of this run has triggered {name} before, with different "
                f"{' and '.join(differing)}; give each its own key, like ctx.trigger({task!r}, key='order-42')"
            )
        if differing:
            raise TriggerError(
                f"key {key!r} has been used for run {name}, with different {' and '.join(differing)}; "
                "write another key for another run"
            )
        return str(name)

    def _check_fits(self, name: str, args: Mapping[str, Any], missing_ok: bool) -> None:
        """Raises TriggerError for a task that there is not, and for args that it does not take or lacks."""
        if name not in self._known:
            self._known[name] = self._runs.task(self._namespace, name)
        task = self._known[name]
        if task is None:
            del self._known[name]
            if missing_ok:
                return
            problem, fix = no_such_task(name, self._namespace, self._runs.tasks(self._namespace))
            raise TriggerError(f"ctx.trigger: {problem}; {fix}")
        found = misfit(task, args)
        if found is not None:
            where, problem, fix = found
            raise TriggerError(f"ctx.trigger: {where}: {problem}; {fix}")


class NoRuns:
    """Where nobody can make any, and why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def have(self, namespace: str, body: Document) -> Document:
        """See Runs."""
        raise TriggerError(self._why)

    def task(self, namespace: str, name: str) -> Document | None:
        """See Runs."""
        raise TriggerError(self._why)

    def tasks(self, namespace: str) -> list[str]:
        """See Runs."""
        raise TriggerError(self._why)


def run_body(
    task: str,
    key: str,
    args: Mapping[str, Any] | None,
    at: datetime | str | None,
    delay: timedelta | str | None,
) -> Document:
    """The run that is asked for. Raises TriggerError."""
    if not isinstance(task, str) or not _TASK.fullmatch(task):
        raise TriggerError(f"{task!r} is not the name of a task; write one like ctx.trigger('clean-up')")
    if at is not None and delay is not None:
        raise TriggerError("at and delay are both given; keep one of them")
    spec: Document = {"taskRef": {"name": task}, "idempotencyKey": key}
    if args:
        spec["args"] = _args(args)
    if at is not None:
        spec["at"] = _instant(at)
    if delay is not None:
        spec["delay"] = _duration(delay)
    return {"apiVersion": API_VERSION, "kind": "ScheduledRun", "metadata": {"name": run_name(task, key)}, "spec": spec}


def run_name(task: str, key: str) -> str:
    """The name of a run that is asked for by a key."""
    room = _LONGEST_NAME - _DRAWN - 1
    asked = key if len(task) <= room else f"{task}\0{key}"
    return f"{task[:room].rstrip('-')}-{sha256(asked.encode()).hexdigest()[:_DRAWN]}"


def _checked_key(key: object) -> str:
    """The key, if it can be one."""
    if not isinstance(key, str) or not 1 <= len(key) <= _LONGEST_KEY:
        raise TriggerError(f"key is {key!r:.60}; write a text of 1 to {_LONGEST_KEY} characters, like 'order-42'")
    if not _is_text(key):
        raise TriggerError(f"key is {key!r:.60}, which has half of a surrogate pair; write whole characters")
    return key


def _fitting(key: str) -> str:
    """A key of our own, hashed where the key of the run that it begins with makes it too long."""
    return key if len(key) <= _LONGEST_KEY else sha256(key.encode()).hexdigest()


def _same(field: str, one: Document, other: Document) -> bool:
    return same_json(_meant(field, one.get(field)), _meant(field, other.get(field)))


def _meant(field: str, value: Any) -> Any:
    """The value, where a client may have written the same in another way: 1h is 3600s, and +00:00 is Z."""
    if field == "args":
        return value or {}
    if field == "delay" and isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if field == "at" and isinstance(value, str):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            return value
    return value


def _is_text(written: str) -> bool:
    """Whether it can be sent: half of a surrogate pair cannot."""
    try:
        written.encode()
    except UnicodeEncodeError:
        return False
    return True


def _args(args: Mapping[str, Any]) -> Any:
    try:
        written = json.dumps(plain(dict(args), "args"), ensure_ascii=False)
        if not _is_text(written):
            raise TriggerError("args have half of a surrogate pair, which is no text; write whole characters")
        # As they come back: a tuple is a list.
        return json.loads(written)
    except NotJsonError as error:
        raise TriggerError(str(error).replace("return ", "write ")) from error


def _instant(at: datetime | str) -> str:
    if isinstance(at, str):
        return at
    if not isinstance(at, datetime) or at.utcoffset() is None:
        raise TriggerError(f"at is {at!r}, which has no time zone; write datetime(2026, 3, 29, 1, 0, tzinfo=UTC)")
    utc = at.astimezone(UTC)
    whole = utc.replace(microsecond=0) + timedelta(seconds=bool(utc.microsecond))
    return f"{whole.replace(tzinfo=None).isoformat()}Z"


def _duration(delay: timedelta | str) -> str:
    if isinstance(delay, str):
        return delay
    if not isinstance(delay, timedelta):
        raise TriggerError(f"delay is {delay!r:.60}, which has no unit; write timedelta(minutes=5), or '5m'")
    if delay < timedelta(0) or delay % timedelta(seconds=1):
        raise TriggerError(
            f"delay is {delay}, which is no number of whole seconds; write timedelta(seconds=90), or '90s'"
        )
    return f"{delay // timedelta(seconds=1)}s"

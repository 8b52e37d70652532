"""One batch after the other in one process: `reusePodFor`.

After each the termination message says how far it is: the end of this process, whenever it comes and however, is then
known, and at most the batch that was under way runs again. SIGTERM ends it after that batch.
"""

import copy
import json
import logging
import os
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from crontask.runner.batch import batch_report
from crontask.runner.context import MOST, Counts, make_context
from crontask.runner.execute import call_function, check_arguments
from crontask.runner.failure import describe_error, failure, out_of_time
from crontask.runner.given import BrokenInputError, Given, Reuse, message_bytes, message_path
from crontask.runner.limit import Limit
from crontask.runner.log import JsonFormatter, complain
from crontask.runner.message import BROKEN_INPUT, FAILED, OK, TIMED_OUT, Report, to_bytes, write_whole
from crontask.runner.source import load_function
from crontask.runner.stop import Stop

# The args of a run may have so many bytes.
_LONGEST_ARGS = 100 * 1024
_log = logging.getLogger("crontask.runner")


class MissingError(Exception):
    """There is no such value in the cursor, or the args become too long: the operator says so of the next batch."""


@dataclass(slots=True)
class _Progress:
    """How far this process is. The counts are sums over the batches that are done."""

    cursor: Any
    counts: Counts
    batches: int = 0
    partial: int = 0
    done: bool = False
    total: int | None = None
    stuck: Literal["NoIsDone", "NoCursor", "SameCursor"] | None = None

    def add(self, report: Report, counts: Counts) -> None:
        """One more batch is done."""
        given = report.batch or {}
        self.batches += 1
        self.partial += bool(counts.errors)
        self.counts.processed = _sum(self.counts.processed, counts.processed)
        self.counts.errors = _sum(self.counts.errors, counts.errors)
        self.total = given.get("total", self.total)
        self.done = given.get("isDone") is True
        # As it is when it was written and read: to the next process it would come so.
        cursor = json.loads(to_bytes(given.get("cursor")))
        if not self.done:
            self.stuck = _why_stuck(given, cursor, self.cursor)
        self.cursor = cursor if cursor is not None or self.done else self.cursor

    def report(self, result: Any = None) -> Report:
        """That all has gone well so far."""
        report = Report("partial" if self.counts.errors else "success", OK, result=result, batch=self.batch())
        report.processed, report.errors = self.counts.processed, self.counts.errors
        return report

    def batch(self) -> dict[str, Any]:
        """What a message says of it."""
        known = {
            "batches": self.batches,
            "partialBatches": self.partial or None,
            "cursor": self.cursor,
            "isDone": self.done,
            "total": self.total,
            "stuck": self.stuck,
        }
        return {key: value for key, value in known.items() if value is not None}


def run_batches(
    given: Given, reuse: Reuse, environ: Mapping[str, str], formatter: JsonFormatter, counts: Counts, stop: Stop
) -> Report:
    """The report of all of them. `counts`: what they have counted. Raises BrokenInputError."""
    progress = _Progress(given.cursor, counts)
    began = time.monotonic()
    try:
        function = load_function(given.handler, environ)
    except BrokenInputError:
        raise
    except BaseException as error:  # noqa: BLE001 - however the user's code ends, that has to be reported
        return _failed(failure(error, stop_asked=False, seconds=time.monotonic() - began), progress)
    try:
        with _Waker() as waker, stop.reaction(waker.wake):
            return _Batches(given, reuse, environ, formatter, function, began).run(progress, stop, waker)
    except BrokenInputError as error:
        complain(str(error))
        return _failed(Report("failed", BROKEN_INPUT, str(error)), progress)
    except Exception as error:  # noqa: BLE001 - whatever ends it, what has been done before has to be reported
        return _failed(Report("failed", FAILED, f"the runner itself failed: {describe_error(error)}"), progress)


class _Batches:
    """The loop, and what it goes by."""

    def __init__(
        self,
        given: Given,
        reuse: Reuse,
        environ: Mapping[str, str],
        formatter: JsonFormatter,
        function: Callable[..., Any],
        began: float,
    ) -> None:
        self._given = given
        self._reuse = reuse
        self._formatter = formatter
        self._function = function
        self._began = began
        self._path = message_path(environ)
        self._limit = message_bytes(environ)
        self._longest = 0.0

    def run(self, progress: _Progress, stop: Stop, waker: "_Waker") -> Report:
        """Until one is the last, or nothing more is to be begun."""
        report = progress.report()
        while not stop.asked:
            try:
                given = self._next(progress)
            except MissingError as error:
                if progress.batches:
                    return report
                raise BrokenInputError(f"batch {self._given.batch}: {error}") from error
            counts, began = Counts(), time.monotonic()
            report = self._do(given, counts)
            if report.status == "failed":
                return _failed(report, progress)
            progress.add(report, counts)
            self._longest = max(self._longest, time.monotonic() - began)
            _log.info("batch done", extra={"processed": counts.processed, "errors": counts.errors})
            report = progress.report(report.result)
            try:
                write_whole(self._path, report, self._limit)
            except OSError as error:
                message = f"how far it is cannot be written to {self._path}: {error.strerror}"
                return _failed(Report("failed", FAILED, message), progress)
            if progress.done or progress.stuck or progress.batches >= self._reuse.most or not self._another_fits():
                return report
            waker.wait(self._reuse.delay)
        return report

    def _another_fits(self) -> bool:
        """Whether another batch, if it takes as long as the longest, would end in time."""
        ends = time.monotonic() + self._reuse.delay + self._longest
        return ends - self._began <= self._reuse.lasts

    def _next(self, progress: _Progress) -> Given:
        """What the next batch is given. Raises MissingError."""
        first = self._given
        number = (first.batch or 0) + progress.batches
        key = f"{first.idempotency_key.removesuffix(f'/{first.batch}')}/{number}"
        roots = {"cursor": progress.cursor, "batch": number}
        args = copy.deepcopy(first.args)
        for late in self._reuse.args:
            _put(args, late["at"], _value(roots, late))
        if self._reuse.args and len(to_bytes(args)) > _LONGEST_ARGS:
            raise MissingError("the args are too long")
        os.environ |= {"CRONTASK_BATCH": str(number), "CRONTASK_IDEMPOTENCY_KEY": key}
        os.environ["CRONTASK_ARGS"] = json.dumps(args)
        if progress.cursor is not None:
            os.environ["CRONTASK_CURSOR"] = json.dumps(progress.cursor)
        self._formatter.identity["batch"] = number
        cursor = copy.deepcopy(progress.cursor)
        return replace(first, batch=number, idempotency_key=key, cursor=cursor, args=args)

    def _do(self, given: Given, counts: Counts) -> Report:
        """The report of one batch."""
        context, limit = make_context(given, counts), Limit(self._reuse.timeout)
        began = time.monotonic()
        try:
            check_arguments(self._function, context)
            with limit:
                value = call_function(self._function, context, limit)
        except BrokenInputError:
            raise
        except BaseException as error:  # noqa: BLE001 - however the user's code ends, that has to be reported
            if limit.asked and limit.seconds is not None:
                return out_of_time(error, limit.seconds)
            report = failure(error, stop_asked=False, seconds=time.monotonic() - began)
            if report.status == "failed":
                return report
            # It ended the process, and said nothing of another batch.
            value = {}
        return batch_report(value, counts, self._limit - 1)


class _Waker:
    """A pause that ends at once when something happens, also if that was just before it began."""

    def __enter__(self) -> "_Waker":
        self._read, self._write = os.pipe()
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._read)
        os.close(self._write)

    def wake(self) -> None:
        """It has happened."""
        os.write(self._write, b"!")

    def wait(self, seconds: float) -> None:
        """Until then at most."""
        select.select([self._read], [], [], seconds)


def _failed(report: Report, progress: _Progress) -> Report:
    """The failure of a batch, with what those before have done."""
    timed_out = {"timedOut": True} if report.exit_code == TIMED_OUT else {}
    return replace(report, batch={**progress.batch(), **timed_out}, result=None)


def _why_stuck(
    given: Mapping[str, Any], cursor: Any, before: Any
) -> Literal["NoIsDone", "NoCursor", "SameCursor"] | None:
    """Why no other batch can follow one that was not the last."""
    if given.get("isDone") is None:
        return "NoIsDone"
    if cursor is None:
        return "NoCursor"
    return "SameCursor" if _text(cursor) == _text(before) else None


def _text(cursor: Any) -> str:
    return json.dumps(cursor, sort_keys=True)


def _sum(before: int | None, more: int | None) -> int | None:
    return before if more is None else min(MOST, (before or 0) + more)


def _value(roots: Mapping[str, Any], late: Mapping[str, Any]) -> Any:
    """What stands in the cursor, or which batch it is. Raises MissingError."""
    value: Any = roots
    for part in late["value"]:
        found = isinstance(value, dict) and isinstance(part, str) and part in value
        found = found or (isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value))
        if not found:
            if "default" in late:
                return copy.deepcopy(late["default"])
            raise MissingError(f"{'.'.join(map(str, late['value']))} is missing")
        value = value[part]
    return copy.deepcopy(value)


def _put(args: Any, at: list[Any], value: Any) -> None:
    """Put a value where the operator has put that of the first batch."""
    for part in at[:-1]:
        args = args[part]
    args[at[-1]] = value

"""Kinds of values on the command line: times, durations, stretches of time, and how bad ones are refused."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import click

from crontask.api.names import DNS_LABEL
from crontask.api.times import parse_duration, parse_since, parse_time

BAD_INPUT = 2
# Each is watched by connections of its own.
_MOST_NAMESPACES = 50
_LONGEST_LABEL = 63


class DurationParam(click.ParamType[timedelta]):
    """A duration such as 90s, 5m, 1h30m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse, or fail with what to write instead."""
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class TextFile(click.File):
    """A file to read; -: stdin. A name that no file can have is refused like one of which there is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See File, which lets the error of such a name through."""
        try:
            return super().convert(value, param, ctx)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class TimeParam(click.ParamType[datetime]):
    """An instant in RFC 3339, or a date, which stands for its midnight in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse, or fail with what to write instead."""
        try:
            return parse_time(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SinceParam(click.ParamType[datetime]):
    """An instant, or how long ago it was: `2026-03-29T01:00:00Z`, `7d`, `-7d`, `yesterday`."""

    name = "duration|time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse, or fail with what to write instead."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_since(value, datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class NamespacesParam(click.ParamType[tuple[str, ...]]):
    """Names of namespaces, with commas between them; each once, in the order given."""

    name = "namespaces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split, or fail with what to write instead."""
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(name.strip() for name in str(value).split(",") if name.strip()))
        for name in names:
            if len(name) > _LONGEST_LABEL or not DNS_LABEL.fullmatch(name):
                self.fail(f"{name!r} is not the name of a namespace; write them like shop,billing", param, ctx)
        if len(names) > _MOST_NAMESPACES:
            self.fail(
                f"{len(names)} namespaces are more than {_MOST_NAMESPACES}; name none, to watch all of the cluster, or "
                "install several operators",
                param,
                ctx,
            )
        return names


class StretchParam(click.ParamType[tuple[datetime, datetime]]):
    """A stretch of time, T1/T2."""

    name = "t1/t2"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[datetime, datetime]:
        """Parse, or fail with what to write instead."""
        if isinstance(value, tuple):
            return value
        first, slash, last = str(value).partition("/")
        try:
            if not slash:
                raise ValueError(
                    f"{value!r} is not a stretch of time; write it like 2026-03-29T01:00:00Z/2026-03-29T02:00:00Z"
                )
            stretch = parse_time(first), parse_time(last)
            if stretch[0] >= stretch[1]:
                raise ValueError(f"{value!r} ends before it begins; exchange the times")
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return stretch


class AssignedParam(click.ParamType[tuple[datetime, str]]):
    """Something at a time, TIME=SOMETHING."""

    name = "time=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[datetime, str]:
        """Parse the time, or fail with what to write instead."""
        if isinstance(value, tuple):
            return value
        time, equals, rest = str(value).partition("=")
        try:
            if not equals or not rest:
                raise ValueError(
                    f"{value!r} has no {'=' if not equals else 'value'}; write it like 2026-03-29T01:00:00Z=…"
                )
            return parse_time(time), rest
        except ValueError as error:
            self.fail(str(error), param, ctx)


def refuse(messages: Iterable[object]) -> NoReturn:
    """Say what is wrong on stderr, a line each, and exit with 2."""
    for message in messages:
        click.echo(str(message), err=True)
    sys.exit(BAD_INPUT)

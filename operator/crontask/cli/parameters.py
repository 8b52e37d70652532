"""Kinds of values on the command line: times, durations, stretches of time, and how bad ones are refused."""

import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import click

from crontask.api.names import DNS_LABEL
from crontask.api.times import parse_duration, parse_time

BAD_INPUT = 2
# Each is watched by connections of its own.
_MOST_NAMESPACES = 50
_LONGEST_LABEL = 63
# Days begin at midnight in UTC, as dates do.
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_EXAMPLES = "2026-03-29T01:00:00Z, 2026-03-29 (midnight in UTC)"
# A time of day alone; without a zone it is refused.
_CLOCK = re.compile(r"(\d{1,2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:?\d{2})?", re.ASCII)


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
    """An instant in RFC 3339, a date, which stands for its midnight in UTC, or a day: `tomorrow`."""

    name = "time"
    # In which direction a duration counts from now; 0: it is none that could be meant.
    _towards = 0
    _besides = "today, yesterday or tomorrow"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse, or fail with what to write instead."""
        if isinstance(value, datetime):
            return value
        text, now = str(value).strip(), datetime.now(UTC)
        if text == "now":
            return now
        if text in _DAYS:
            return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=_DAYS[text])
        try:
            if (clock := _CLOCK.fullmatch(text)) is not None:
                return self._at_clock(clock[1], clock[2], now)
            if self._towards and not (text[:4].isdigit() and "-" in text):
                return self._from_now(text, now)
            return parse_time(text)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def _from_now(self, text: str, now: datetime) -> datetime:
        try:
            return now + self._towards * parse_duration(text.removeprefix("-" if self._towards < 0 else "+"))
        except (ValueError, OverflowError):
            raise ValueError(f"{text!r} is not a time; write {_EXAMPLES}, {self._besides}") from None

    def _at_clock(self, clock: str, zone: str | None, now: datetime) -> datetime:
        """The nearest time of that clock in the direction that is meant."""
        if zone is None or not self._towards:
            day = f"{now:%Y-%m-%d}T{clock.zfill(5)}"
            fix = f"{clock}Z for UTC, or {clock}+02:00" if self._towards else f"{day}Z for UTC, or {day}+02:00"
            raise ValueError(f"{clock!r} has no {'zone' if zone is None else 'date'}; write {fix}")
        try:
            at = parse_time(f"{now:%Y-%m-%d}T{clock if clock[2] == ':' else f'0{clock}'}{zone}")
        except ValueError:
            raise ValueError(f"{clock + zone!r} is not a time of day; write it like 18:00Z") from None
        # In its zone it may be another day.
        days = (at + timedelta(days=days) for days in (-2, -1, 0, 1, 2))
        return min(
            (day for day in days if (day - now).total_seconds() * self._towards > 0), key=lambda day: abs(day - now)
        )


class SinceParam(TimeParam):
    """An instant, or how long ago it was: `2026-03-29T01:00:00Z`, `7d`, `-7d`, `yesterday`, `18:00Z`."""

    name = "duration|time"
    _towards = -1
    _besides = "yesterday, or how long ago it was, like 7d or 36h"


class UntilParam(TimeParam):
    """An instant to come, or in how long it is: `2026-03-29T01:00:00Z`, `2h`, `+2h`, `tomorrow`, `18:00Z`."""

    name = "duration|time"
    _towards = 1
    _besides = "tomorrow, or in how long it is, like 2h or 1d"


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


class LogsUrlParam(click.ParamType[str]):
    """The template of a URL, `https://logs.example.com/{namespace}/{pod}`; empty: none."""

    name = "template"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same, or fail with what to write instead."""
        from crontask.api.logs_url import logs_url_problem

        template = str(value).strip()
        problem = logs_url_problem(template, "") if template else None
        if problem is not None:
            self.fail(str(problem), param, ctx)
        return template


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

"""Nominal times as the zone of a task has them, and what is worth saying of each: for people who read them."""

from collections.abc import Iterator
from datetime import datetime

from crontask.api.base import format_duration
from crontask.decide.model import CronTask
from crontask.timetable import CronExpression, Dst, load_zone, parse_cron
from crontask.timetable.description import describe
from crontask.timetable.notes import clock_change, note_on


class LocalTimes:
    """The zone and the expressions of a task."""

    def __init__(self, task: CronTask) -> None:
        self._spec = spec = task.spec
        texts = [spec.schedule] if spec.schedule is not None else list(spec.schedules or ())
        self.expressions: list[CronExpression] = [
            parse_cron(text, f"{task.meta.namespace}/{task.meta.name}") for text in texts
        ]
        self._zone = load_zone(spec.time_zone)
        self._dst = Dst(spec.dst.missing, spec.dst.repeated)

    def described(self) -> str:
        """When the task runs, like `At 02:30 (Europe/Berlin)`."""
        spec = self._spec
        if self.expressions:
            first, *others = map(describe, self.expressions)
            return f"{'; and '.join([first, *(text[:1].lower() + text[1:] for text in others)])} ({spec.time_zone})"
        if spec.interval is not None:
            return f"Every {format_duration(spec.interval)}"
        if spec.delay is not None:
            return f"{format_duration(spec.delay)} after the end of each run; the next one"
        return "After each run of another task" if spec.after is not None else "On demand"

    def local(self, nominal: datetime) -> datetime:
        """The time there."""
        return nominal.astimezone(self._zone)

    def note(self, nominal: datetime) -> str:
        """Why it is where it is: shifted, or the first or second of two; nothing of most."""
        return note_on(nominal, self.expressions, self._zone, self._dst) if self.expressions else ""

    def change(self, nominal: datetime) -> str:
        """How the clock changes on that day; nothing where it does not."""
        return clock_change(nominal, self._zone)

    def notes(self, nominal: datetime) -> str:
        """Both."""
        return "; ".join(filter(None, (self.note(nominal), self.change(nominal))))

    def written(self, nominal: datetime) -> str:
        """As people read it: `Sun 2026-03-29 03:00:00 +0200`."""
        return f"{self.local(nominal):%a %Y-%m-%d %H:%M:%S %z}"

    def changes(self, times: "list[datetime]") -> Iterator[tuple[datetime, str]]:
        """Those of the times that a change of the clock has moved or doubled, and what it did."""
        for nominal in times:
            if note := self.note(nominal):
                yield nominal, note

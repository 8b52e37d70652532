"""Times as the page shows them: in the task's zone, in the viewer's, or in UTC, and always with which. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from crontask.api.times import format_time
from crontask.client.timing import distance, instant
from crontask.timetable import load_zone

TASK = "task"
"""The choice: the zone of the task that a time is about."""
_NEAR = timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time for a template. `iso`: in UTC; `exact`: with its zone; `short`: with the zone's abbreviation.

    The short one has no date where that is today's.
    """

    iso: str
    exact: str
    short: str
    relative: str
    ahead: bool


@dataclass(frozen=True, slots=True)
class Clock:
    """Now, and in which zone times are shown. `choice`: TASK, or the name of a zone."""

    now: datetime
    choice: str = TASK

    def zone(self, task_zone: str = "UTC") -> tuple[str, ZoneInfo | None]:
        """The name of the zone in which times of such a task are shown, and the zone; None: UTC."""
        name = task_zone if self.choice == TASK else self.choice
        return ("UTC", None) if name == "UTC" else _loaded(name)

    def moment(self, time: object, task_zone: str = "UTC") -> Moment | None:
        """The time, as an object or as its text; None where there is none, or somebody has mangled it."""
        at = time if isinstance(time, datetime) else instant(time)
        if at is None:
            return None
        name, zone = self.zone(task_zone)
        try:
            local, today = at.astimezone(zone or UTC), self.now.astimezone(zone or UTC)
        except OverflowError:
            return None
        abbreviation = local.strftime("%Z")
        offset = f" ({abbreviation})" if zone is not None and abbreviation.isalpha() else ""
        day = "" if local.date() == today.date() else _day(local, today)
        return Moment(
            format_time(at),
            f"{local.strftime('%a %d %b %Y %H:%M:%S')} {name}{offset}",
            f"{day}{local.strftime('%H:%M:%S')} {abbreviation}",
            distance(at, self.now),
            at > self.now,
        )


def _day(local: datetime, today: datetime) -> str:
    if abs(local - today) < _NEAR:
        return local.strftime("%a ")
    return local.strftime("%d %b " if local.year == today.year else "%d %b %Y ")


def _loaded(name: str) -> tuple[str, ZoneInfo | None]:
    """The zone; UTC where nobody knows the name: the task itself says what is wrong."""
    try:
        return name, load_zone(name)
    except ValueError:
        return "UTC", None


def is_zone(name: str) -> bool:
    """Whether times can be shown in it."""
    try:
        load_zone(name)
    except ValueError:
        return False
    return True

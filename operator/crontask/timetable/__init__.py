"""When a task is due: cron in a zone, fixed rate, or on demand.

Role: pure; no clock, no I/O beyond zone data. `timetable` holds the interface.
"""

from crontask.timetable.cron import parse_cron
from crontask.timetable.dst import DEFAULT_DST, Dst
from crontask.timetable.expression import CronExpression
from crontask.timetable.field import CronError
from crontask.timetable.jitter import NO_JITTER, Jitter
from crontask.timetable.timetable import CronTimetable, Due, IntervalTimetable, OnDemand, Timetable
from crontask.timetable.window import Hole, WindowedTimetable, holes_of
from crontask.timetable.zone import ZoneError, load_zone, zone_names

__all__ = [
    "DEFAULT_DST",
    "NO_JITTER",
    "CronError",
    "CronExpression",
    "CronTimetable",
    "Dst",
    "Due",
    "Hole",
    "IntervalTimetable",
    "Jitter",
    "OnDemand",
    "Timetable",
    "WindowedTimetable",
    "ZoneError",
    "holes_of",
    "load_zone",
    "parse_cron",
    "zone_names",
]

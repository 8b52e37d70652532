"""The part of the table of `conformance` that is about schedules: time zones, changes of the clock.

A spec is written in crontask's words. CronJob's facts come from running the controller's code of the versions named in
`conformance`.
"""

from conformance import ADMISSION, CONTROLLER, PARSER, SPEC, Case, starts_at
from conformance_expressions import EXPRESSIONS

ZONES, CLOCKS = "Time zones", "Changes of the clock"

BERLIN, CAIRO, LORD_HOWE = "Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe"
SPRING, AUTUMN = ("2026-03-28 23:30", "2026-03-29 03:30"), ("2026-10-24 22:30", "2026-10-25 03:30")

_ZONES = (
    Case(
        ZONES,
        "a zone",
        {"schedule": "0 12 * * *", "timeZone": "Asia/Tokyo"},
        "the schedule is read in it",
        (CONTROLLER, PARSER),
        starts_at("03:00"),
        starts_at("03:00"),
    ),
    Case(
        ZONES,
        "no zone",
        {"schedule": "0 3 * * *"},
        "the zone of the process kube-controller-manager, mostly UTC",
        (CONTROLLER, PARSER),
        starts_at("03:00"),
        why="A schedule should not depend on where the operator runs: it is UTC",
    ),
    Case(
        ZONES,
        "an unknown zone",
        {"schedule": "0 3 * * *", "timeZone": "Mars/Olympus"},
        "refused. Where the controller does not know it: event `UnknownTimeZone`, and nothing starts",
        (ADMISSION, CONTROLLER),
        ("spec.timeZone: there is no time zone 'Mars/Olympus'; write an IANA name, e.g. Europe/Berlin, or UTC",),
    ),
    Case(
        ZONES,
        "the zone Local",
        {"schedule": "0 3 * * *", "timeZone": "Local"},
        "refused",
        (ADMISSION,),
        ("spec.timeZone: there is no time zone 'Local'; write an IANA name, e.g. Europe/Berlin, or UTC",),
    ),
    Case(
        ZONES,
        "a zone in the schedule",
        {"schedule": "TZ=Asia/Tokyo 0 3 * * *"},
        "refused, but for objects that had one already: those still run by it, with the event `UnsupportedSchedule`",
        (ADMISSION, CONTROLLER),
        (
            "spec.schedule: a time zone cannot stand in the expression; write timeZone: Asia/Tokyo beside schedule: "
            "'0 3 * * *'",
        ),
        why="There are no old objects",
    ),
)

_MISSING_IS_LOST = "A time that the clock leaves out is not left out: the backup of that night exists"
_ONCE_IS_ONCE = "Once a day is once a day, also when its hour comes twice"

_CLOCKS = (
    Case(
        CLOCKS,
        "spring, a time that does not exist",
        {"schedule": "30 2 * * *", "timeZone": BERLIN},
        "nothing that day",
        (SPEC,),
        starts_at("01:00", "03-29"),
        (),
        why=_MISSING_IS_LOST,
        happens="from 02:00 the clock goes on to 03:00",
        between=SPRING,
    ),
    Case(
        CLOCKS,
        "spring, as CronJob",
        {"schedule": "30 2 * * *", "timeZone": BERLIN, "dst": {"missing": "Skip"}},
        "nothing that day",
        (SPEC,),
        (),
        (),
        between=SPRING,
    ),
    Case(
        CLOCKS,
        "spring, several times in the gap",
        {"schedule": "0,30 2-3 * * *", "timeZone": BERLIN},
        "what exists",
        (SPEC,),
        starts_at("01:00 01:30", "03-29"),
        starts_at("01:00 01:30", "03-29"),
        between=SPRING,
    ),
    Case(
        CLOCKS,
        "spring, midnight does not exist",
        {"schedule": "0 0 * * *", "timeZone": CAIRO},
        "nothing that day",
        (SPEC,),
        starts_at("22:00", "04-23"),
        (),
        why=_MISSING_IS_LOST,
        happens="at 00:00 of 24 April the clock goes on to 01:00",
        between=("2026-04-23 12:00", "2026-04-24 12:00"),
    ),
    Case(
        CLOCKS,
        "spring, hourly",
        {"schedule": "0 * * * *", "timeZone": BERLIN},
        "each real hour",
        (SPEC,),
        starts_at("00:00 01:00 02:00 03:00", "03-29"),
        starts_at("00:00 01:00 02:00 03:00", "03-29"),
        between=SPRING,
    ),
    Case(
        CLOCKS,
        "spring, every 20 minutes",
        {"schedule": "*/20 * * * *", "timeZone": BERLIN},
        "each 20 real minutes",
        (SPEC,),
        starts_at("00:40 01:00 01:20", "03-29"),
        starts_at("00:40 01:00 01:20", "03-29"),
        between=("2026-03-29 00:25", "2026-03-29 01:35"),
    ),
    Case(
        CLOCKS,
        "spring, every second hour",
        {"schedule": "0 */2 * * *", "timeZone": BERLIN},
        "the even hours of the wall clock; 02:00 does not exist",
        (SPEC,),
        starts_at("02:00", "03-29"),
        starts_at("02:00", "03-29"),
        between=SPRING,
    ),
    Case(
        CLOCKS,
        "autumn, a time that comes twice",
        {"schedule": "30 2 * * *", "timeZone": BERLIN},
        "both times",
        (SPEC,),
        starts_at("00:30", "10-25"),
        starts_at("00:30 01:30", "10-25"),
        why=_ONCE_IS_ONCE,
        happens="from 03:00 the clock goes back to 02:00",
        between=AUTUMN,
    ),
    Case(
        CLOCKS,
        "autumn, as CronJob",
        {"schedule": "30 2 * * *", "timeZone": BERLIN, "dst": {"repeated": "Both"}},
        "both times",
        (SPEC,),
        starts_at("00:30 01:30", "10-25"),
        starts_at("00:30 01:30", "10-25"),
        between=AUTUMN,
    ),
    Case(
        CLOCKS,
        "autumn, hourly",
        {"schedule": "0 * * * *", "timeZone": BERLIN},
        "each real hour",
        (SPEC,),
        (*starts_at("23:00", "10-24"), *starts_at("00:00 01:00 02:00 03:00", "10-25")),
        (*starts_at("23:00", "10-24"), *starts_at("00:00 01:00 02:00 03:00", "10-25")),
        between=AUTUMN,
    ),
    Case(
        CLOCKS,
        "autumn, every 20 minutes",
        {"schedule": "*/20 * * * *", "timeZone": BERLIN},
        "each 20 real minutes",
        (SPEC,),
        starts_at("00:40 01:00 01:20", "10-25"),
        starts_at("00:40 01:00 01:20", "10-25"),
        between=("2026-10-25 00:25", "2026-10-25 01:35"),
    ),
    Case(
        CLOCKS,
        "autumn, every second hour",
        {"schedule": "0 */2 * * *", "timeZone": BERLIN},
        "02:00 comes twice",
        (SPEC,),
        starts_at("00:00 01:00 03:00", "10-25"),
        starts_at("00:00 01:00 03:00", "10-25"),
        between=AUTUMN,
    ),
    Case(
        CLOCKS,
        "autumn, a range of hours",
        {"schedule": "0 1-3 * * *", "timeZone": BERLIN},
        "02:00 comes twice",
        (SPEC,),
        (*starts_at("23:00", "10-24"), *starts_at("00:00 02:00", "10-25")),
        (*starts_at("23:00", "10-24"), *starts_at("00:00 01:00 02:00", "10-25")),
        why="Named hours are hours of the wall clock; only an hour field that begins with `*` follows real time",
        between=AUTUMN,
    ),
    Case(
        CLOCKS,
        "a change by half an hour",
        {"schedule": "15 2 * * *", "timeZone": LORD_HOWE},
        "nothing that day",
        (SPEC,),
        starts_at("15:30", "10-03"),
        (),
        why=_MISSING_IS_LOST,
        happens="from 02:00 the clock goes on to 02:30",
        between=("2026-10-03 12:00", "2026-10-04 12:00"),
    ),
)

SCHEDULES = (*EXPRESSIONS, *_ZONES, *_CLOCKS)

"""The part of the table of `conformance` that is about schedules: expressions, time zones, changes of the clock.

A spec is written in crontask's words. CronJob's facts come from running the controller's code of the versions named in
`conformance`. Callers: conformance_cases.
"""

from conformance import ADMISSION, CONTROLLER, DELAY, PARSER, SPEC, UTILS, Case

EXPRESSIONS, ZONES, CLOCKS = "Expressions", "Time zones", "Changes of the clock"

BERLIN, CAIRO, LORD_HOWE = "Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe"
SPRING, AUTUMN = ("2026-03-28 23:30", "2026-03-29 03:30"), ("2026-10-24 22:30", "2026-10-25 03:30")
NIGHT = ("00:30", "03:30")
FORTNIGHT = ("2026-06-01", "2026-06-14")
AS_CRON_DAEMONS = "Cron daemons know it, and it can mean only one thing"


def starts_on(days: str, time: str = "03:00") -> tuple[str, ...]:
    """Starts on time on days of June: `02 05`."""
    return tuple(f"Start 06-{day} {time}" for day in days.split())


def starts_at(times: str, day: str = "") -> tuple[str, ...]:
    """Starts on time: `01:00 02:00`, of a day that is not DAY: `03-29`."""
    return tuple(f"Start {day} {time}" if day else f"Start {time}" for time in times.split())


_EXPRESSIONS = (
    Case(
        EXPRESSIONS,
        "five fields",
        {"schedule": "0 3 * * *"},
        "minute, hour, day of month, month, day of week",
        (PARSER,),
        starts_at("03:00"),
        starts_at("03:00"),
    ),
    Case(
        EXPRESSIONS,
        "a question mark",
        {"schedule": "0 3 ? * ?"},
        "`?` is read as `*`",
        (PARSER,),
        starts_at("03:00"),
        starts_at("03:00"),
    ),
    Case(
        EXPRESSIONS,
        "a step from a question mark",
        {"schedule": "0 3 ?/5 * *"},
        "`?/5` is `*/5`",
        (PARSER,),
        (
            "spec.schedule: day of month '?/5': it cannot be read; write 1-31 or L (the last day), lists a,b, "
            "ranges a-b, steps */n or a-b/n, or *",
        ),
        ("Start 03:00", *starts_on("06 11")),
        why="Nobody writes it, and `*/5` says it",
        between=FORTNIGHT,
    ),
    Case(
        EXPRESSIONS,
        "names, in any case",
        {"schedule": "0 3 * JUN Mon"},
        "names of three letters, in capitals or not",
        (PARSER, SPEC),
        ("Start 03:00", *starts_on("08")),
        ("Start 03:00", *starts_on("08")),
        between=FORTNIGHT,
    ),
    Case(
        EXPRESSIONS,
        "a step from a number",
        {"schedule": "5/20 3 * * *"},
        "`N/step` is from N to the end of the field",
        (PARSER,),
        starts_at("03:05 03:25 03:45"),
        starts_at("03:05 03:25 03:45"),
    ),
    Case(
        EXPRESSIONS,
        "0 for Sunday",
        {"schedule": "0 3 * * 0"},
        "Sunday is 0",
        (SPEC,),
        starts_on("07"),
        starts_on("07"),
        between=FORTNIGHT,
    ),
    Case(
        EXPRESSIONS,
        "7 for Sunday",
        {"schedule": "0 3 * * 7"},
        "refused: the day of week ends at 6",
        (SPEC, ADMISSION),
        starts_on("07"),
        why=AS_CRON_DAEMONS,
        between=FORTNIGHT,
    ),
    Case(
        EXPRESSIONS,
        "a range over the end of the week",
        {"schedule": "0 3 * * sat-mon"},
        "refused: the range begins beyond its end",
        (PARSER, ADMISSION),
        ("Start 03:00", *starts_on("06 07 08 13")),
        why=AS_CRON_DAEMONS,
        between=FORTNIGHT,
    ),
    Case(
        EXPRESSIONS,
        "the last day of the month",
        {"schedule": "0 3 L * *"},
        "refused: not a number",
        (PARSER, ADMISSION),
        starts_on("30"),
        why="Without it, nobody can say the last day",
        between=("2026-06-02", "2026-07-02"),
    ),
    Case(
        EXPRESSIONS,
        "the second Monday",
        {"schedule": "0 3 * * mon#2"},
        "refused: not a number",
        (PARSER, ADMISSION),
        starts_on("08"),
        why="Days of month 8-14 cannot say it: a day of week beside them is an or",
        between=("2026-06-02", "2026-07-02"),
    ),
    Case(
        EXPRESSIONS,
        "the last Friday",
        {"schedule": "0 3 * * L5"},
        "refused: not a number",
        (PARSER, ADMISSION),
        starts_on("26"),
        why="As above",
        between=("2026-06-02", "2026-07-02"),
    ),
    Case(
        EXPRESSIONS,
        "a minute chosen by the name",
        {"schedule": "H 3 * * *"},
        "refused: not a number",
        (PARSER, ADMISSION),
        starts_at("03:33"),
        why="Many tasks at 03:00 need not all start at 03:00",
    ),
    Case(
        EXPRESSIONS,
        "a macro",
        {"schedule": "@hourly"},
        "`@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`",
        (PARSER,),
        starts_at("01:00 02:00 03:00"),
        starts_at("01:00 02:00 03:00"),
        between=NIGHT,
    ),
    Case(
        EXPRESSIONS,
        "every so often",
        {"schedule": "@every 90m"},
        "counted from the last time that started, at first from the creation",
        (PARSER, DELAY, UTILS),
        ("spec.schedule: @every is not a cron expression; write interval: 90m instead of schedule",),
        ("Start 02:00", "Start 03:30", "Start 05:00"),
        why="It is no cron expression; `interval` says it",
    ),
    Case(
        EXPRESSIONS,
        "a rate instead",
        {"interval": "90m"},
        "has no such field; `@every 90m` starts then",
        (PARSER, DELAY),
        starts_at("02:00 03:30 05:00"),
        starts_at("02:00 03:30 05:00"),
    ),
    Case(
        EXPRESSIONS,
        "at boot",
        {"schedule": "@reboot"},
        "refused: not a known descriptor",
        (PARSER, ADMISSION),
        (
            "spec.schedule: @reboot has no meaning here: nothing boots; leave schedule out, and create a ScheduledRun "
            "when it should run",
        ),
    ),
    Case(
        EXPRESSIONS,
        "six fields",
        {"schedule": "*/10 * * * * *"},
        "refused: exactly five fields are expected",
        (PARSER, ADMISSION),
        (
            "spec.schedule: 6 fields instead of five; there is no field for seconds or years; write interval: 10s "
            "instead of schedule",
        ),
    ),
    Case(
        EXPRESSIONS,
        "a number that is too high",
        {"schedule": "61 * * * *"},
        "refused. Where the controller meets one all the same: event `UnparseableSchedule`, and no further look until "
        "the spec is edited",
        (PARSER, ADMISSION, CONTROLLER),
        ("spec.schedule: minute '61': 61 is not in 0-59; write 0-59, lists a,b, ranges a-b, steps */n or a-b/n, or *",),
    ),
    Case(
        EXPRESSIONS,
        "an empty item of a list",
        {"schedule": "0,,30 3 * * *"},
        "the empty item is passed over",
        (PARSER,),
        (
            "spec.schedule: minute '': an empty item in its list; write 0-59, lists a,b, ranges a-b, steps */n or "
            "a-b/n, or *",
        ),
        starts_at("03:00 03:30"),
        why="Something was forgotten there; it is better said than guessed",
    ),
    Case(
        EXPRESSIONS,
        "a day that never comes",
        {"schedule": "0 0 30 2 *"},
        "accepted; event `InvalidSchedule` when the controller looks at it, and nothing ever starts",
        (ADMISSION, UTILS, CONTROLLER),
        (
            "spec.schedule: the day never comes: day of month '30' in month '2'; write a day that the month has, or L "
            "for its last day",
        ),
        why="The one who writes it should hear of it at once",
    ),
    Case(
        EXPRESSIONS,
        "both days restricted",
        {"schedule": "0 3 13 * 5"},
        "either matches: each Friday, and the 13th",
        (SPEC,),
        starts_on("05 12 13"),
        starts_on("05 12 13"),
        between=FORTNIGHT,
    ),
    Case(
        EXPRESSIONS,
        "a step is a restriction",
        {"schedule": "0 3 */5 * mon"},
        "`*/5` restricts, so that either matches",
        (PARSER, SPEC),
        ("Start 03:00", *starts_on("06 08 11")),
        ("Start 03:00", *starts_on("06 08 11")),
        between=FORTNIGHT,
    ),
    Case(
        EXPRESSIONS,
        "a step of one is none",
        {"schedule": "0 3 */1 * mon"},
        "`*/1` is `*`: only Mondays",
        (PARSER, SPEC),
        ("Start 03:00", *starts_on("08")),
        ("Start 03:00", *starts_on("08")),
        between=FORTNIGHT,
    ),
)

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

SCHEDULES = (*_EXPRESSIONS, *_ZONES, *_CLOCKS)

"""An expression described for people: made of the times and days that it stands for, never of how it is written.

Role: what is said is true because it is read off the values: `*/50` is "At minutes 0 and 50 of every hour". Where
a description would be longer than what it explains, the expression itself stands. Times are those of the clock on
the wall; what happens where that clock changes is no part of a description.
"""

from collections.abc import Sequence
from itertools import pairwise

from crontask.timetable.expression import LAST, CronExpression, Days, RelativeDay

_MONTHS = ("", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}
_EVERY_DAY, _EVERY_WEEKDAY, _EVERY_MONTH = (1 << 32) - 2, (1 << 7) - 1, (1 << 13) - 2
_LONGEST = 130
_MOST_CLOCK_TIMES = 6
_FEWEST_STEPS = 5


def describe(expression: CronExpression) -> str:
    """The expression described, like "At 08:00, Monday through Friday"; its text where that is not longer."""
    message = _times(expression) + _days(expression.days)
    return message if len(message) <= _LONGEST else expression.text


def _times(expression: CronExpression) -> str:
    minutes, hours = expression.minutes, expression.hours
    # Named hours are of the wall clock, in which an hour may be missing or come twice.
    each_hour = len(hours) == 24 and expression.real_time
    if not each_hour and len(minutes) * len(hours) <= _MOST_CLOCK_TIMES:
        return f"At {_listed([_clock(hour, minute) for hour in hours for minute in minutes])}"
    every = _divides_the_hour(minutes)
    if every and each_hour:
        return f"Every {_counted(every, 'minute')}"
    if every and hours[-1] - hours[0] == len(hours) - 1:
        return f"Every {_counted(every, 'minute')} from {_clock(hours[0], 0)} to {_clock(hours[-1], minutes[-1])}"
    if minutes == (0,) and each_hour:
        return "Every hour"
    step = _step_of(hours)
    if len(minutes) == 1 and not each_hour and step:
        first, last = _clock(hours[0], minutes[0]), _clock(hours[-1], minutes[0])
        return f"Every {_counted(step, 'hour')} from {first} to {last}"
    hour = "every hour" if each_hour else _numbers([f"{each:02}" for each in hours], hours, "hour")
    return f"At {_numbers([str(each) for each in minutes], minutes, 'minute')} of {hour}"


def _days(days: Days) -> str:
    """What follows the times: on which days, in which months; empty for all of them."""
    by_day = days.days != _EVERY_DAY
    by_weekday = days.weekdays != _EVERY_WEEKDAY
    if days.either and not (by_day and by_weekday):
        by_day = by_weekday = False
    months = _cycle(_bits(days.months), _MONTHS, 12) if days.months != _EVERY_MONTH else ""
    of = months or "the month"
    if by_day and by_weekday:
        message = f", on {_days_of_month(days)} of the month or {_weekdays(days, 'the month')}"
    elif by_day:
        return f", on {_days_of_month(days)} of {of}"
    elif by_weekday and days.nth and not days.weekdays:
        return f", {_weekdays(days, of)}"
    else:
        message = f", {_weekdays(days, 'the month')}" if by_weekday else ""
    if not months:
        return message
    return f"{message}, {'from' if 'through' in months else 'in'} {months}"


def _days_of_month(days: Days) -> str:
    numbers = _bits(days.days)
    if not days.relative:
        return _numbers([str(day) for day in numbers], numbers, "day")
    plain = [_numbers([str(day) for day in run], run, "day") for run in _runs(numbers)]
    return _listed([*plain, *(_relative(day) for day in sorted(days.relative, key=_position))])


def _position(day: RelativeDay) -> tuple[bool, RelativeDay]:
    return day.day <= 0, day


def _relative(day: RelativeDay) -> str:
    if day == RelativeDay(0, True):
        return "the last weekday"
    if day.day > 0:
        name = f"day {day.day}"
    elif day.day == 0:
        name = "the last day"
    else:
        name = "the day before the last" if day.day == -1 else f"the {_ordinal(-day.day)} day before the last"
    return f"the weekday nearest to {name}" if day.weekday else name


def _weekdays(days: Days, of: str) -> str:
    """With the preposition that leads there: `Monday through Friday`, `on Friday and the first Monday of the month`."""
    numbers = _bits(days.weekdays)
    if not days.nth:
        message = _cycle(numbers, _WEEKDAYS, 7)
        return message if "through" in message else f"on {message}"
    nth = sorted(days.nth, key=lambda pair: (pair[1] == LAST, pair[1], pair[0]))
    named = [_WEEKDAYS[number] for number in numbers] + [f"the {_NTH[n]} {_WEEKDAYS[day]}" for day, n in nth]
    return f"on {_listed(named)} of {of}"


def _cycle(numbers: Sequence[int], names: Sequence[str], size: int) -> str:
    """`Friday through Monday`, `March through May` for three and more in a row, also over the end; else a list."""
    gaps = [at for at, (left, right) in enumerate(pairwise([*numbers, numbers[0] + size])) if right - left > 1]
    if len(gaps) == 1 and len(numbers) > 2:
        start = (gaps[0] + 1) % len(numbers)
        return f"{names[numbers[start]]} through {names[numbers[gaps[0]]]}"
    # A week begins on Monday.
    ordered = sorted(numbers, key=lambda number: (size == 7 and number == 0, number))
    return _listed([names[number] for number in ordered])


def _numbers(shown: Sequence[str], numbers: Sequence[int], noun: str) -> str:
    """`minute 7`, `minutes 0 to 10`, `every 7th minute from 0 to 56`, `minutes 0, 5 to 10 and 50`."""
    if len(numbers) == 1:
        return f"{noun} {shown[0]}"
    step = _step_of(numbers)
    if step > 1 and len(numbers) >= _FEWEST_STEPS:
        return f"every {_ordinal(step)} {noun} from {shown[0]} to {shown[-1]}"
    spelled = dict(zip(numbers, shown, strict=True))
    runs = [
        [f"{spelled[run[0]]} to {spelled[run[-1]]}"] if len(run) > 2 else [spelled[number] for number in run]
        for run in _runs(numbers)
    ]
    return f"{noun}s {_listed([part for run in runs for part in run])}"


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Numbers that follow each other, together."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _step_of(numbers: Sequence[int]) -> int:
    """The distance from each of the numbers to the next; 0 where it is not the same."""
    steps = {right - left for left, right in pairwise(numbers)}
    return steps.pop() if len(steps) == 1 else 0


def _divides_the_hour(minutes: Sequence[int]) -> int:
    """The step of minutes that go on evenly from hour to hour, from minute 0; 0 for others, and for a single one."""
    step = _step_of(minutes)
    return step if step and minutes[0] == 0 and minutes[-1] + step == 60 else 0


def _bits(mask: int) -> list[int]:
    return [number for number in range(mask.bit_length()) if mask >> number & 1]


def _counted(step: int, noun: str) -> str:
    return noun if step == 1 else f"{step} {noun}s"


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))

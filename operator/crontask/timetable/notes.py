"""What is worth saying about a nominal time: that its local time was shifted, or comes twice, or that clocks change.

And about an expression: which of its steps begin anew before they come round. Role: for people; nothing is decided
here.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from crontask.timetable.dst import DEFAULT_DST, Dst, policy_for
from crontask.timetable.expression import CronExpression
from crontask.timetable.field import DAY, FIELDS, HOUR, MINUTE
from crontask.timetable.zone import EPOCH, Segment, segments, year_of

_DAY = timedelta(days=1)
_STEP = re.compile(r"\*/0*([1-9]\d*)", re.ASCII)
_INTERVALS = {MINUTE: ("minutes", "m"), HOUR: ("hours", "h"), DAY: ("days", "d")}


def uneven_steps(expression: CronExpression) -> Iterator[str]:
    """Of each step that does not divide its field (`*/50` of minutes): that it begins anew, and what counts on."""
    fields = expression.text.split()
    for index, text in enumerate(fields):
        step = _STEP.fullmatch(text)
        field = FIELDS[index]
        if step is None or int(step[1]) == 1 or (index != DAY and field.size % int(step[1]) == 0):
            continue
        note = f"*/{step[1]} begins anew {field.restart}"
        finer = (expression.minutes, expression.hours)[:index]
        if index in _INTERVALS and set(fields[index + 1 :]) <= {"*", "?"} and all(len(each) == 1 for each in finer):
            noun, unit = _INTERVALS[index]
            note += f"; for every {step[1]} {noun} write interval: {step[1]}{unit} instead of schedule"
        yield note


def note_on(nominal: datetime, expressions: Sequence[CronExpression], zone: ZoneInfo, dst: Dst = DEFAULT_DST) -> str:
    """Why a nominal time is where it is; empty where there is nothing to say."""
    second = (nominal - EPOCH) // timedelta(seconds=1)
    segment = _segment_at(zone, second)
    local = second + segment.offset
    by_wall = [e for e in expressions if not e.real_time]
    if any(_matches(e, local) for e in expressions):
        if any(_matches(e, local) for e in by_wall):
            return _repeated(zone, second, segment, dst)
        return ""
    if second == segment.start:
        for expression in by_wall:
            left_out = expression.first_in(segment.seen, local)
            if left_out is not None and policy_for(expression, dst).missing == "Shift":
                return f"shifted: {_clock(left_out)} does not exist"
    return ""


def clock_change(nominal: datetime, zone: ZoneInfo) -> str:
    """How the zone's clock changes on the local day of an instant; empty where it does not."""
    day = nominal.astimezone(zone).date()
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    before, after = midnight.utcoffset(), (midnight + _DAY).utcoffset()
    if before is None or after is None or before == after:
        return ""
    minutes = int((after - before).total_seconds() // 60)
    return f"clock {'forward' if minutes > 0 else 'back'} {_amount(abs(minutes))}"


def _repeated(zone: ZoneInfo, second: int, segment: Segment, dst: Dst) -> str:
    local = second + segment.offset
    if local < segment.seen:
        return f"{_clock(local)} comes twice: this is the second" if dst.repeated == "Both" else ""
    following = _segment_at(zone, segment.end)
    if following.start + following.offset <= local < segment.end + segment.offset and following.offset < segment.offset:
        return f"{_clock(local)} comes twice: this is the first"
    return ""


def _segment_at(zone: ZoneInfo, second: int) -> Segment:
    return next(segment for segment in segments(zone, year_of(second)) if segment.start <= second < segment.end)


def _matches(expression: CronExpression, local: int) -> bool:
    return expression.first_in(local, local + 1) is not None


def _clock(local: int) -> str:
    return (EPOCH + timedelta(seconds=local)).strftime("%H:%M")


def _amount(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours}h"] * bool(hours) + [f"{rest}m"] * bool(rest))

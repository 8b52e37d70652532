"""Reads a description of an expression back: which minutes of a day, on which days, its words claim.

Shares no code with crontask.timetable; days are told by the oracle's items (`15W`, `L5`).
"""

import re
from calendar import day_name, month_name
from collections.abc import Iterator
from datetime import date

from timetable_oracle import day_matches, weekday_matches

WEEKDAYS = [day_name[6], *day_name[:6]]
NTH = ["first", "second", "third", "fourth", "fifth"]
Times = frozenset[tuple[int, int]]
ALL_DAY: Times = frozenset((hour, minute) for hour in range(24) for minute in range(60))


class Claim:
    """What the words say. `by_the_hour`: of every hour that there is, without a first and a last of a day."""

    def __init__(self, words: str) -> None:
        day_words = r"(?:on|in|from|(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day through) "
        match = re.fullmatch(rf"(.*?)((?:, {day_words}.*)?)", words)
        assert match, words
        self.times = times_of(match[1])
        self.by_the_hour = bool(re.fullmatch(r"Every [^:]*|.* of every hour", match[1]))
        days = match[2]
        months = re.search(r", (?:in|from) ([^0-9]*)$", days)
        self.months = months_of(months[1]) if months else range(1, 13)
        days = days[: months.start()] if months else days
        of = re.fullmatch(r"(.*) of ((?!the month)[A-Z].*)", days)
        if of:
            assert not months, words
            days, self.months = of[1], months_of(of[2])
        self.any_of = list(day_items(days.removeprefix(", ").replace(" of the month", "")))

    def on(self, day: date) -> bool:
        """Whether the words claim that day."""
        if day.month not in self.months:
            return False
        told = {"day": day_matches, "weekday": weekday_matches}
        return not self.any_of or any(told[kind](item, day) for kind, item in self.any_of)


def times_of(words: str) -> Times:
    """The (hour, minute) pairs of what stands before the days."""
    rate = re.fullmatch(r"Every (?:(\d+) )?(minute|hour)s?(?: from (\d\d:\d\d) to (\d\d:\d\d))?", words)
    if rate:
        step = int(rate[1] or 1) * (60 if rate[2] == "hour" else 1)
        first, last = (clock(text) if text else default for text, default in ((rate[3], 0), (rate[4], 1439)))
        assert rate[3] is None or (last - first) % step == 0, words
        return frozenset(divmod(minute, 60) for minute in range(first, last + 1, step))
    assert words.startswith("At "), words
    if ":" in words:
        return frozenset(divmod(clock(text), 60) for text in parts_of(words.removeprefix("At ")))
    minutes, _, hours = words.removeprefix("At ").partition(" of ")
    chosen = range(24) if hours == "every hour" else numbers_of(hours, "hour")
    return frozenset((hour, minute) for hour in chosen for minute in numbers_of(minutes, "minute"))


def numbers_of(words: str, noun: str) -> list[int]:
    """`minute 5`, `minutes 0 to 10 and 50`, `every 7th minute from 0 to 56`."""
    stepped = re.fullmatch(rf"every (\d+)(?:st|nd|rd|th) {noun} from (\d+) to (\d+)", words)
    if stepped:
        step, first, last = map(int, stepped.groups())
        assert (last - first) % step == 0, words
        return list(range(first, last + 1, step))
    match = re.fullmatch(rf"{noun}(s?) (.*)", words)
    assert match, words
    found: list[int] = []
    for part in parts_of(match[2]):
        low, _, high = part.partition(" to ")
        found += range(int(low), int(high or low) + 1)
    assert bool(match[1]) == (len(found) > 1), words
    return found


def day_items(words: str) -> Iterator[tuple[str, str]]:
    """Each item of the oracle that is meant, with its field; any of them is enough."""
    for part in filter(None, words.split(" or ")):
        yield from map(day_item, parts_of(part.removeprefix("on ")))


def day_item(words: str) -> tuple[str, str]:
    """One of a list of days: `the last Friday`, `days 15 to 17`, `the weekday nearest to day 1`, `Monday`."""
    if match := re.fullmatch(r"(?:days? )?(\d+)(?: to (\d+))?", words):
        return "day", f"{match[1]}-{match[2]}" if match[2] else match[1]
    if match := re.fullmatch(r"every (\d+)(?:st|nd|rd|th) day from (\d+) to (\d+)", words):
        return "day", f"{match[2]}-{match[3]}/{match[1]}"
    nearest = words.removeprefix("the weekday nearest to ")
    if nearest != words:
        return "day", f"{day_item(nearest)[1]}W"
    if match := re.fullmatch(r"the (?:(\d+)\w\w )?day before the last", words):
        return "day", f"L-{match[1] or 1}"
    if words in ("the last day", "the last weekday"):
        return "day", "L" if words == "the last day" else "LW"
    if match := re.fullmatch(r"the (\w+) (\w+)", words):
        return "weekday", f"L{match[2]}" if match[1] == "last" else f"{match[2]}#{NTH.index(match[1]) + 1}"
    first, through, last = words.partition(" through ")
    return "weekday", f"{first}-{last}" if through else first


def months_of(words: str) -> list[int]:
    """`March`, `January and March`, `November through January`."""
    names = list(month_name)
    first, through, last = words.partition(" through ")
    if not through:
        return [names.index(name) for name in parts_of(words)]
    found = [names.index(first)]
    while names[found[-1]] != last:
        found.append(found[-1] % 12 + 1)
    return found


def parts_of(words: str) -> list[str]:
    """The parts of `a, b and c`."""
    return re.split(r", | and ", words)


def clock(text: str) -> int:
    """Minutes since midnight."""
    hour, minute = map(int, text.split(":"))
    return hour * 60 + minute

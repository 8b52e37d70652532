"""What became of each nominal time of a task, as `status.decided` has it: a text like `S60x480 F60 S60x19`.

A token is a letter, the seconds since the time before, and how many times in a row that is so; the newest comes last.
The first is so many seconds after `status.decidedSince`: each time that came due after that instant is there.

Who: the decide core, which writes it, and whoever reads it: it imports the standard library alone. Pure.
"""

import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

LONGEST = 1024
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOKEN = re.compile(r"([SPFTCRsmr])([1-9][0-9]{0,11})(?:x([1-9][0-9]{0,8}))?")
_SECOND = timedelta(seconds=1)
_MOST = 999_999_999


class Became(StrEnum):
    """What became of a nominal time."""

    SUCCEEDED = "S"
    PARTIAL = "P"
    FAILED = "F"
    TIMED_OUT = "T"
    CANCELED = "C"
    RUNS = "R"
    """Its run has started, or waits for its turn: an end of it is not recorded."""
    SKIPPED = "s"
    MISSED = "m"
    REPLACED = "r"
    """Its run was canceled, so that a newer one could start."""


@dataclass(frozen=True, slots=True)
class Row:
    """Nominal times of which the same became, and which are evenly apart: one, or `count` of them."""

    became: Became
    first: datetime
    gap: int = 1
    count: int = 1

    @property
    def last(self) -> datetime:
        """The last of them."""
        return self.first + timedelta(seconds=self.gap * (self.count - 1))

    def times(self, start: datetime | None = None, end: datetime | None = None) -> range:
        """Those in [start, end), in seconds since 1970, oldest first."""
        first = _second(self.first)
        skipped = 0 if start is None else max(0, -((first - _second(start)) // self.gap))
        until = first + self.gap * self.count
        return range(first + self.gap * skipped, until if end is None else min(until, _second(end)), self.gap)


def times_of(text: str | None, since: datetime | None) -> Iterator[tuple[datetime, Became]]:
    """Each nominal time of a record and what became of it, newest first. Raises ValueError for what is no record."""
    for row in rows_of(text, since):
        for time in reversed(row.times()):
            yield EPOCH + timedelta(seconds=time), row.became


def rows_of(text: str | None, since: datetime | None) -> Iterator[Row]:
    """The same in rows, newest first: a record may have more times than anybody can go through. Raises ValueError."""
    if since is None:
        if text:
            raise ValueError("decided has no decidedSince beside it: it cannot be read")
        return
    record = Record(text, since)
    newest = record.newest
    for token in reversed(record.tokens):
        letter, gap, count = _parsed(token)
        first = newest - timedelta(seconds=gap * (count - 1))
        yield Row(Became(letter), first, gap, count)
        newest = first - timedelta(seconds=gap)


def became_of(text: str | None, since: datetime | None, time: datetime) -> Became | None:
    """What became of a nominal time; None of one that is not there. Raises ValueError for what is no record."""
    for row in rows_of(text, since):
        if row.first <= time:
            return row.became if time <= row.last and not (time - row.first) % timedelta(seconds=row.gap) else None
    return None


class Record:
    """A record that is read, added to and corrected, and becomes a text again. Raises ValueError for what is none.

    `since`: after it each time is there. `newest`: the last time, or `since` where there is none.
    """

    __slots__ = ("newest", "since", "tokens")

    def __init__(self, text: str | None, since: datetime) -> None:
        self.since = since
        if text is not None and len(text) > LONGEST:
            raise ValueError(f"decided is longer than {LONGEST} characters")
        self.tokens = text.split(" ") if text else []
        # Most are alike, and each kind is looked at once: a decision has no time to read all of them.
        kinds = Counter(self.tokens).items()
        try:
            self.newest = since + timedelta(seconds=sum(_seconds(token) * times for token, times in kinds))
        except OverflowError:
            raise ValueError("decided has times that no calendar has") from None

    def append(self, row: Row) -> None:
        """Add times that follow, evenly apart. What is not newer than the newest is there already, and left out."""
        first, count = row.first, row.count
        if first <= self.newest:
            known = (self.newest - first) // _SECOND // row.gap + 1
            first, count = first + timedelta(seconds=known * row.gap), count - known
        if count < 1:
            return
        self._push(row.became.value, (first - self.newest) // _SECOND, 1)
        if count > 1:
            self._push(row.became.value, row.gap, count - 1)
        self.newest = first + timedelta(seconds=row.gap * (count - 1))

    def correct(self, time: datetime, became: Became, instead_of: Set[Became]) -> bool:
        """Say that this became of a time, where the record has it with one of those letters. Whether it is another."""
        back = (self.newest - time) // _SECOND
        for index in range(len(self.tokens) - 1, -1, -1):
            letter, gap, count = _parsed(self.tokens[index])
            if back < 0:
                return False
            if back < gap * count:
                break
            back -= gap * count
        else:
            return False
        after, rest = divmod(back, gap)
        if rest or letter == became or letter not in instead_of:
            return False
        later = self.tokens[index + 1 :]
        del self.tokens[index:]
        for token in ((letter, gap, count - after - 1), (became.value, gap, 1), (letter, gap, after)):
            self._push(*token)
        if later:
            self._push(*_parsed(later[0]))
            self.tokens += later[1:]
        return True

    def begin_anew(self, since: datetime) -> None:
        """Forget what is not newer than that instant: what follows it is all there, and nothing else is known."""
        if since >= self.newest:
            self.tokens, self.since, self.newest = [], since, since
        while self.since < since:
            self._drop_oldest()

    def text(self) -> str:
        """As it is written: as much as there is room for, without the oldest."""
        text = " ".join(self.tokens)
        while len(text) > LONGEST:
            text = text[len(self.tokens[0]) + 1 :]
            self._drop_oldest()
        return text

    def _drop_oldest(self) -> None:
        self.since += timedelta(seconds=_seconds(self.tokens.pop(0)))

    def _push(self, letter: str, gap: int, count: int) -> None:
        if count < 1:
            return
        if self.tokens:
            last, last_gap, before = _parsed(self.tokens[-1])
            if (last, last_gap) == (letter, gap) and before + count <= _MOST:
                self.tokens.pop()
                count += before
        self.tokens.append(f"{letter}{gap}x{count}" if count > 1 else f"{letter}{gap}")


@lru_cache(maxsize=4096)
def _parsed(token: str) -> tuple[str, int, int]:
    """Its letter, the seconds, and how many in a row. Raises ValueError."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ValueError("decided is not a row of letters and seconds, like S60x480 F60")
    letter, gap, count = match.groups()
    return letter, int(gap), int(count or 1)


def _seconds(token: str) -> int:
    _, gap, count = _parsed(token)
    return gap * count


def _second(instant: datetime) -> int:
    """The first whole second at or after the instant, since 1970."""
    return -((EPOCH - instant) // _SECOND)

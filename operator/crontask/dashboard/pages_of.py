"""Which rows of a long list a page shows, and where the others are. Pure."""

from dataclasses import dataclass

from crontask.dashboard.address import Ask


@dataclass(frozen=True, slots=True)
class Pages:
    """Where in the list one is. `first`, `last`: of the rows shown, from 1."""

    total: int
    first: int
    last: int
    before: str
    after: str


def pages_of(ask: Ask, total: int, size: int) -> Pages:
    """The page that the address asks for, or the last one."""
    most = max(1, -(-total // size))
    number = min(ask.number("page", 1, 1_000_000), most)
    before = ask.again(page=number - 1 if number > 2 else None) if number > 1 else ""
    after = ask.again(page=number + 1) if number < most else ""
    return Pages(total, (number - 1) * size + 1 if total else 0, min(number * size, total), before, after)

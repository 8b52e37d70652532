"""Which times an edit moves, takes away, brings: rows of two lists of times, and what becomes of them."""

from datetime import UTC, datetime, timedelta

import pytest

from crontask.cli.edited_times import Comparison, Due, compare

DAY = datetime(2026, 6, 1, tzinfo=UTC)


def due(*hours: float, start: float = 0.0) -> list[Due]:
    times = [DAY + timedelta(hours=hour) for hour in hours]
    return [Due(at, at + timedelta(hours=start)) for at in times]


def said(found: Comparison) -> dict[str, list[str]]:
    def hour(of: Due | None) -> str:
        return f"{(of.nominal - DAY) / timedelta(hours=1):g}" if of is not None else ""

    return {
        f"{group.kind}{'' if group.shift is None else f' {group.shift / timedelta(hours=1):+g}'}": [
            f"{hour(change.old)}>{hour(change.new)}" for change in group.changes
        ]
        for group in found.groups
    }


@pytest.mark.parametrize(
    ("old", "new", "stay", "wanted"),
    [
        ([], [], 0, {}),
        (due(1, 25), due(1, 25), 2, {}),
        (due(1, 25), [], 0, {"goes": ["1>", "25>"]}),
        ([], due(1, 25), 0, {"comes": [">1", ">25"]}),
        # Daily, later and earlier; and over the end of what is compared.
        (due(1, 25, 49), due(3, 27, 51), 0, {"moves +2": ["1>3", "25>27", "49>51"]}),
        (due(3, 27), due(1, 25), 0, {"moves -2": ["3>1", "27>25"]}),
        (due(3, 27), due(4, 28, 52), 0, {"moves +1": ["3>4", "27>28"], "comes": [">52"]}),
        # Half-way to its neighbour no time has moved.
        (due(0, 24, 48), due(12, 36), 0, {"goes": ["0>", "24>", "48>"], "comes": [">12", ">36"]}),
        # Each hour, then each fourth: those between have not moved anywhere.
        (due(0, 1, 2, 3, 4), due(0, 4), 2, {"goes": ["1>", "2>", "3>"]}),
        # Each third hour, then each second one.
        (due(0, 3, 6), due(0, 2, 4, 6), 2, {"goes": ["3>"], "comes": [">2", ">4"]}),
        # One a week remains of one a day, an hour later.
        (due(9, 33, 57), due(34), 0, {"moves +1": ["33>34"], "goes": ["9>", "57>"]}),
        # A clock change: not all move by as much.
        (due(1, 25, 48), due(3, 27, 51), 0, {"moves +2": ["1>3", "25>27"], "moves +3": ["48>51"]}),
        # Jitter moves starts alone.
        (due(1, 25), due(1, start=0.5) + due(25), 1, {"startMoves": ["1>1"]}),
        (due(1), due(2, start=0.5), 0, {"moves +1.5": ["1>2"]}),
        # More amounts than anybody reads are summed up.
        (due(0, 24, 48, 72, 96), due(1, 26, 51, 76, 101), 0, {"moves": ["0>1", "24>26", "48>51", "72>76", "96>101"]}),
    ],
)
def test_what_becomes_of_times(old: list[Due], new: list[Due], stay: int, wanted: dict[str, list[str]]) -> None:
    found = compare(old, new)
    assert said(found) == wanted
    assert found.stay == stay
    assert found.count("moves", "startMoves", "goes") + stay == len(old)
    assert found.count("moves", "startMoves", "comes") + stay == len(new)


def test_there_and_back_again_is_the_reverse() -> None:
    old, new = due(0, 3, 6, 30), due(0, 2, 4, 6, 31)
    there, back = compare(old, new), compare(new, old)
    assert there.stay == back.stay
    assert there.count("goes") == back.count("comes")
    assert there.count("moves") == back.count("moves") == 1

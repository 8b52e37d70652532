"""The write queue: priorities, the number in flight, the start rate, the gate just before each write."""

import asyncio
from datetime import UTC, datetime

import pytest

from crontask.engine.gate import Gate, LeaseLostError
from crontask.engine.queue import Priority, WriteQueue
from crontask.simulation.virtual_time import VirtualClock, run_virtual

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def test_launches_go_before_those_of_parts_before_status_before_events_before_clean_up() -> None:
    async def main() -> list[str]:
        queue = WriteQueue(Gate(lambda: 10), VirtualClock(EPOCH), in_flight=1)
        sent: list[str] = []

        async def write(name: str) -> None:
            sent.append(name)
            await asyncio.sleep(1)

        waiting = [asyncio.create_task(queue.send(Priority.EVENT, lambda: write("first")))]
        await asyncio.sleep(0.1)
        for priority in (Priority.CLEANUP, Priority.EVENT, Priority.STATUS, Priority.PART, Priority.LAUNCH):
            waiting.append(asyncio.create_task(queue.send(priority, lambda p=priority: write(p.name))))  # type: ignore[misc]
        await asyncio.gather(*waiting)
        return sent

    assert run_virtual(main) == ["first", "LAUNCH", "PART", "STATUS", "EVENT", "CLEANUP"]


@pytest.mark.parametrize(
    ("priority", "limit"),
    [(Priority.LAUNCH, 64), (Priority.PART, 64), (Priority.STATUS, 4), (Priority.EVENT, 2), (Priority.CLEANUP, 2)],
)
def test_no_more_than_so_many_are_in_flight(priority: Priority, limit: int) -> None:
    async def main() -> int:
        queue = WriteQueue(Gate(lambda: 10), VirtualClock(EPOCH), in_flight=64)
        now, most = 0, 0

        async def write() -> None:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(1)
            now -= 1

        await asyncio.gather(*(queue.send(priority, write) for _ in range(100)))
        return most

    assert run_virtual(main) == limit


def test_writes_that_hang_hold_up_their_own_kind_alone() -> None:
    async def main() -> list[str]:
        queue, done = WriteQueue(Gate(lambda: 10), VirtualClock(EPOCH), in_flight=64), list[str]()

        async def write(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            done.append(name)

        def send(priority: Priority, name: str, seconds: float = 0.1) -> asyncio.Task[None]:
            return asyncio.create_task(queue.send(priority, lambda: write(name, seconds)))

        hanging = [send(Priority.STATUS, "hangs", 30) for _ in range(5)]
        await asyncio.sleep(1)
        later = [send(Priority.STATUS, "status"), send(Priority.EVENT, "event"), send(Priority.LAUNCH, "launch")]
        await asyncio.gather(*hanging, *later)
        return done

    # Four of sixty-four may be statuses: the fifth and the sixth have to wait.
    assert run_virtual(main) == ["event", "launch", *["hangs"] * 4, "status", "hangs"]


@pytest.mark.parametrize(
    ("first", "then", "few", "all_of_it"),
    [(Priority.LAUNCH, Priority.PART, 2, 256), (Priority.PART, Priority.STATUS, 4, 16)],
)
def test_what_waits_for_others_has_a_small_share_as_long_as_these_are_on_their_way(
    first: Priority, then: Priority, few: int, all_of_it: int
) -> None:
    async def main() -> list[int]:
        clock = VirtualClock(EPOCH)
        queue = WriteQueue(Gate(lambda: 100), clock, in_flight=256)
        now, seen = 0, list[int]()

        async def write() -> None:
            nonlocal now
            now += 1
            await asyncio.sleep(1)
            now -= 1

        launch = asyncio.create_task(queue.send(first, lambda: asyncio.sleep(4.5)))
        await asyncio.sleep(0)
        others = [asyncio.create_task(queue.send(then, write)) for _ in range(300)]
        for _ in range(6):
            await asyncio.sleep(0.9)
            seen.append(now)
        await asyncio.gather(launch, *others)
        return seen

    # A few beside the first, though that one takes long; with its end the others go, and wait for nothing.
    assert run_virtual(main) == [*[few] * 5, all_of_it]


def test_the_gate_is_asked_when_the_turn_comes_not_before() -> None:
    async def main() -> bool:
        left = 10.0
        queue = WriteQueue(Gate(lambda: left), VirtualClock(EPOCH), in_flight=1)
        sent = False

        async def slow() -> None:
            await asyncio.sleep(5)

        async def late() -> None:
            nonlocal sent
            sent = True

        first = asyncio.create_task(queue.send(Priority.LAUNCH, slow))
        await asyncio.sleep(0)
        second = asyncio.create_task(queue.send(Priority.LAUNCH, late))
        await asyncio.sleep(1)
        left = 0.0
        await first
        with pytest.raises(LeaseLostError):
            await second
        return sent

    assert run_virtual(main) is False


def test_starts_keep_to_their_rate() -> None:
    async def main() -> list[float]:
        queue = WriteQueue(Gate(lambda: 10), VirtualClock(EPOCH), start_rate=10)
        assert queue.start_slot("p-0") == 0
        waits = [queue.start_slot(f"p-{number}") for number in range(1, 4)]
        # Who asks again keeps its slot, and nobody else has it.
        assert queue.start_slot("p-2") == pytest.approx(0.2)
        assert queue.start_slot("p-4") == pytest.approx(0.4)
        await asyncio.sleep(0.1)
        assert queue.start_slot("p-1") == 0
        assert queue.start_slot("p-1") == pytest.approx(0.4)
        return waits

    assert run_virtual(main) == pytest.approx([0.1, 0.2, 0.3])


def test_without_a_rate_nobody_waits() -> None:
    async def main() -> float:
        queue = WriteQueue(Gate(lambda: 10), VirtualClock(EPOCH))
        return sum(queue.start_slot(f"p-{number}") for number in range(100))

    assert run_virtual(main) == 0

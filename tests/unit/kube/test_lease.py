"""The Lease on virtual time: how soon a standby leads, with an API server that takes a while to answer."""

import asyncio
from datetime import UTC, datetime

import pytest

from crontask.kube.lease import Lease
from crontask.ports import Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock, run_virtual

ANSWERS_AFTER = 0.05


def _two(clock: VirtualClock) -> tuple[MemoryApi, Lease, Lease]:
    api = MemoryApi(clock)
    api.latency = ANSWERS_AFTER
    return api, Lease(api, clock, "default", "crontask", "first"), Lease(api, clock, "default", "crontask", "second")


@pytest.mark.parametrize("looks_after", [0.0, 0.2, 0.5, 0.9])
def test_a_standby_leads_as_soon_as_the_lease_that_it_saw_has_run_out(looks_after: float) -> None:
    async def main() -> tuple[float, float]:
        clock = VirtualClock(datetime(2027, 1, 1, tzinfo=UTC))
        _, first, second = _two(clock)
        await first.acquire()
        renewed = clock.monotonic()
        await clock.sleep(looks_after)
        await second.acquire()
        return clock.monotonic() - renewed, first.time_left()

    taken, left = run_virtual(main)
    assert left < 0
    # One answer until it saw the lease; and one, with that to the write, when it had run out.
    assert 15 + looks_after < taken < 15 + looks_after + 3 * ANSWERS_AFTER + 0.02


def test_a_standby_looks_once_a_second_at_a_lease_that_is_renewed() -> None:
    async def main() -> tuple[str, int]:
        clock = VirtualClock(datetime(2027, 1, 1, tzinfo=UTC))
        api, first, second = _two(clock)
        await first.acquire()
        tasks = [asyncio.create_task(first.hold()), asyncio.create_task(second.acquire())]
        await clock.sleep(60)
        for task in tasks:
            task.cancel()
        holder = api.document(ObjectKey(Kind.LEASE, "default", "crontask"))["spec"]["holderIdentity"]
        return holder, api.requests["get", "Lease", ""]

    # Twelve renewals, and fewer than sixty looks, for each has to be answered.
    holder, looks = run_virtual(main)
    assert holder == "first"
    assert 65 <= looks <= 73


@pytest.mark.parametrize("hundredths", range(0, 14))
def test_a_lease_that_is_given_up_while_it_is_renewed_is_taken_at_once(hundredths: int) -> None:
    """Whether the renewal has been written by then or not, and whether its answer has come."""

    async def main() -> tuple[float, str]:
        clock = VirtualClock(datetime(2027, 1, 1, tzinfo=UTC))
        api, first, second = _two(clock)
        await first.acquire()
        holding, waiting = asyncio.create_task(first.hold()), asyncio.create_task(second.acquire())
        await clock.sleep(5 + hundredths / 100)
        holding.cancel()
        await asyncio.wait((holding,))
        began = clock.monotonic()
        await first.release()
        await waiting
        holder = api.document(ObjectKey(Kind.LEASE, "default", "crontask"))["spec"]["holderIdentity"]
        return clock.monotonic() - began, holder

    taken, holder = run_virtual(main)
    assert holder == "second"
    # Given up in three answers at most, seen within a second, and taken in two.
    assert taken < 1 + 6 * ANSWERS_AFTER

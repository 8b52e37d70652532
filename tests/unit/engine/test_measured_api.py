"""Each write is measured, however it ends, and everything else is passed on as it is."""

import asyncio
from datetime import UTC, datetime

import pytest
from engine_world import with_handler

from crontask.engine.measured_api import MeasuredApi
from crontask.ports import ApiError, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock, run_virtual

KEY = ObjectKey(Kind.CRON_TASK, "jobs", "tick")
TASK = {"metadata": {"name": "tick"}, "spec": with_handler({})}
Wrote = list[tuple[str, str, int, float]]


def test_each_write_is_measured_and_what_is_read_is_not() -> None:
    async def main() -> Wrote:
        clock, wrote = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC)), Wrote()
        memory = MemoryApi(clock)
        api = MeasuredApi(memory, clock, lambda kind, verb, code, took: wrote.append((kind.plural, verb, code, took)))
        raw = await api.create(Kind.CRON_TASK, "jobs", TASK)
        assert b'"tick"' in raw
        assert await api.get(KEY) == raw
        assert len((await api.list_page(Kind.CRON_TASK)).items) == 1
        await api.create(Kind.CRON_TASK, "jobs", {**TASK, "metadata": {"name": "x"}}, dry_run=True)
        await api.warm(3)
        await api.patch(KEY, {"spec": {"suspend": True}})
        meta = memory.document(KEY)["metadata"]
        await api.update_status(KEY, uid=meta["uid"], version=meta["resourceVersion"], status={"queued": 1})
        with pytest.raises(ApiError):
            await api.create(Kind.CRON_TASK, "jobs", TASK)
        await api.delete(KEY, uid=meta["uid"])
        return wrote

    found = run_virtual(main)
    assert [each[:3] for each in found] == [
        ("crontasks", "create", 201),
        ("crontasks", "patch", 200),
        ("crontasks", "update", 200),
        ("crontasks", "create", 409),
        ("crontasks", "delete", 200),
    ]


def test_a_write_takes_as_long_as_it_takes_and_one_that_is_given_up_is_no_answer() -> None:
    async def main() -> Wrote:
        clock, wrote = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC)), Wrote()

        class Slow(MemoryApi):
            async def create(self, *arguments: object, **options: object) -> bytes:
                await asyncio.sleep(7)
                return b"{}"

        api = MeasuredApi(
            Slow(clock), clock, lambda kind, verb, code, took: wrote.append((kind.plural, verb, code, took))
        )
        await api.create(Kind.POD, "jobs", {})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(api.create(Kind.POD, "jobs", {}), 1)
        return wrote

    assert run_virtual(main) == [("pods", "create", 201, 7.0)]

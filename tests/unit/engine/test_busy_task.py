"""A task whose runs begin and end each second: its status is written once a second, and nothing of it is lost."""

from collections import Counter
from datetime import datetime

import pytest
from engine_world import World, play

from crontask.engine.work import Next, Worker
from crontask.ports import Kind, ObjectKey
from crontask.simulation.kubelet import Plan

STATUS = ("update status", "CronTask")


def brief(pod: object) -> Plan:
    return Plan(runs=0.4)


def test_its_status_is_written_once_a_second() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("busy", interval="1s")
            await world.pass_time(30)
            world.api.writes.clear()
            await world.pass_time(60)
            assert world.api.writes["create", "Pod"] == 60
            # It would be twice as many: one when a run begins, one when it ends.
            assert 59 <= world.api.writes[STATUS] <= 61
            status = world.status(Kind.CRON_TASK, "busy")
            assert status["scheduledCount"] >= 88
            await world.edit(Kind.CRON_TASK, "busy", suspend=True)
            await world.pass_time(3)
            status, runs = world.status(Kind.CRON_TASK, "busy"), len(world.pods())
            assert status["phase"] == "Suspended"
            assert status["counts"]["succeeded"] == status["scheduledCount"] == runs
            world.api.writes.clear()
            await world.pass_time(60)
            assert world.api.writes[STATUS] == 0

    play(story, brief)


@pytest.mark.parametrize("begin", [0.40309281, 0.1 + 0.2, 2.3800203])
def test_at_no_instant_is_it_decided_about_again_and_again(begin: float, monkeypatch: pytest.MonkeyPatch) -> None:
    decided, decide = Counter[datetime](), Worker.work_on

    async def counting(self: Worker, key: ObjectKey) -> Next:
        if key.kind is Kind.SCHEDULED_RUN:
            return await decide(self, key)
        decided[self._clock.now()] += 1
        # The engine logs this, and tries again later.
        assert decided[self._clock.now()] <= 50, "it does not settle"
        return await decide(self, key)

    async def story(world: World) -> None:
        async with world.operator():
            await world.pass_time(begin)
            await world.task("busy", interval="1s")
            await world.pass_time(60)
            assert world.api.writes["create", "Pod"] >= 58

    monkeypatch.setattr(Worker, "work_on", counting)
    play(story, lambda pod: Plan(runs=0.1 + begin / 7, starts_in=0.013))
    assert 0 < max(decided.values()) <= 5


def test_that_of_a_task_that_is_due_each_minute_is_written_at_once() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            for _ in range(20):
                await world.pass_time(29.9)
                world.api.writes.clear()
                await world.pass_time(0.6)
                assert world.api.writes[STATUS] == 2
                assert world.status(Kind.CRON_TASK, "tick")["activeCount"] == 0
                await world.pass_time(29.5)

    play(story, brief)


def test_an_operator_that_is_killed_in_between_loses_nothing() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("busy", interval="1s")
            # In the middle of a second: the run has ended, and that is not in the status yet.
            await world.pass_time(30.6)
        before = world.status(Kind.CRON_TASK, "busy")
        assert before["counts"].get("succeeded", 0) < len(world.pods())
        async with world.operator():
            await world.pass_time(0.2)
            assert world.status(Kind.CRON_TASK, "busy")["counts"]["succeeded"] == len(world.pods())

    play(story, brief)

"""Events: written when somebody says so, and a start not any more once more is known of its run."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from crontask.decide.decisions import DecisionKind, Transition
from crontask.engine import events
from crontask.engine.events import EventRecorder, Subject
from crontask.engine.gate import Gate
from crontask.engine.keys import run_key, task_key
from crontask.engine.queue import WriteQueue
from crontask.ports import Kind
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock, run_virtual

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)


JOB = Subject(task_key("jobs", "job"), "uid-job")


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock(EPOCH)
        self.api = MemoryApi(self.clock)
        self.recorder = EventRecorder(self.api, WriteQueue(Gate(lambda: 10), self.clock), self.clock)
        self.asked = 0
        self.recorder.has_more = self._ask

    def _ask(self) -> None:
        self.asked += 1

    def tell_start(self, run: str) -> None:
        told = Transition("SuccessfulCreate", f"started run {run}", task="job", run=run, kind=DecisionKind.START)
        self.recorder.record(told, JOB)

    def tell_end(self, run: str) -> None:
        told = Transition("Completed", f"{run} ended", run=run)
        self.recorder.record(told, Subject(run_key("jobs", run), f"uid-{run}"))

    def written(self) -> list[str]:
        return sorted(str(event["message"]) for event in self.api.documents(Kind.EVENT))


def play(story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    run_virtual(lambda: story(World()))


def test_an_event_waits_until_it_is_asked_for() -> None:
    async def story(world: World) -> None:
        world.tell_start("a")
        await asyncio.sleep(1)
        assert (world.written(), world.asked) == ([], 1)
        world.recorder.write_some()
        await asyncio.sleep(1)
        assert world.written() == ["started run a"]
        assert world.api.documents(Kind.EVENT)[0]["firstTimestamp"] == "2026-03-01T12:00:00Z"

    play(story)


def test_a_start_that_waits_is_not_written_once_more_is_known_of_its_run() -> None:
    async def story(world: World) -> None:
        world.tell_start("a")
        world.tell_start("b")
        world.tell_end("b")
        await world.recorder.finish()
        assert world.written() == ["b ended", "started run a"]
        world.tell_end("a")
        await world.recorder.finish()
        assert world.written() == ["a ended", "b ended", "started run a"]

    play(story)


def test_few_are_on_their_way_at_a_time_and_the_end_of_each_asks_for_more() -> None:
    async def story(world: World) -> None:
        for number in range(20):
            world.tell_end(f"{number}")
        asked = world.asked
        world.recorder.write_some()
        await asyncio.sleep(1)
        assert len(world.written()) == 8
        assert world.asked == asked + 8
        await world.recorder.finish()
        assert len(world.written()) == 20

    play(story)


def test_where_too_many_wait_the_oldest_is_let_go_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events, "_MOST", 3)

    async def story(world: World) -> None:
        for run in "abcd":
            world.tell_start(run)
        # What is let go is forgotten.
        world.tell_end("a")
        await world.recorder.finish()
        assert world.written() == ["a ended", "started run c", "started run d"]

    play(story)
    assert [r.message for r in caplog.records if "too many wait" in r.message] == [
        "event SuccessfulCreate of job is not written: too many wait",
        "event SuccessfulCreate of job is not written: too many wait",
    ]


def test_a_task_that_runs_all_the_time_has_some_events_and_neither_warnings_nor_its_pause_are_among_those_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")

    async def story(world: World) -> None:
        for number in range(60):
            world.tell_start(f"{number}")
            await world.recorder.finish()
            await asyncio.sleep(1)
        world.recorder.record(Transition("Failed", "it failed", task="job", run="60", warning=True), JOB)
        world.recorder.record(Transition("Suspended", "it is paused", task="job"), JOB)
        other = Subject(task_key("jobs", "other"), "uid-other")
        world.recorder.record(Transition("Started", "other", task="other", run="a"), other)
        await world.recorder.finish()
        # 25, and one for each 10 s of which the first ended meanwhile.
        starts = [words for words in world.written() if words.startswith("started run")]
        assert len(starts) == 25 + 5
        assert sorted(set(world.written()) - set(starts)) == ["it failed", "it is paused", "other"]

    play(story)
    assert len([record for record in caplog.records if "started run" in record.message]) == 60

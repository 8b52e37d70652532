"""The operator's own metrics, from engines on virtual time: what is counted, with which labels, and what is read."""

import asyncio
import logging
from datetime import timedelta

import pytest
from engine_world import with_handler
from scraped import Samples, ScrapedWorld, play_scraped

from crontask.engine.metric import OPERATOR_METRICS, OTHER, TASK_METRICS
from crontask.engine.metrics import Metrics
from crontask.engine.queue import Priority
from crontask.ports import ApiError, Kind
from crontask.simulation.kubelet import Plan
from crontask.version import __version__

QUOTA = ApiError(403, "Forbidden", "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0")


def counted(samples: Samples, name: str) -> Samples:
    """Those of a counter that are not zero, by their labels."""
    begin = f"{name}{{"
    return {key.removeprefix(begin)[:-1]: value for key, value in samples.items() if key.startswith(begin) and value}


def test_starts_and_ends_are_counted_by_who_made_the_run_and_how_it_ended() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("tick", interval="10s", concurrency={"policy": "Allow"})
            await world.pass_time(25)
            await world.run("by-hand", taskRef={"name": "tick"})
            await world.run("alone", **with_handler({}), onComplete={"taskRef": {"name": "tick"}})
            await world.pass_time(4)
            samples = await world.scrape()
        assert counted(samples, "starts_total") == {
            'origin="Schedule"': 2,
            'origin="Manual"': 2,
            'origin="OnComplete"': 1,
        }
        assert counted(samples, "runs_finished_total") == {
            'origin="Schedule",phase="Succeeded"': 2,
            'origin="Manual",phase="Succeeded"': 2,
            'origin="OnComplete",phase="Succeeded"': 1,
        }

    play_scraped(story, lambda pod: Plan(runs=1))


def test_a_failure_and_a_retry_are_one_start_and_one_end() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("flaky", interval="1h", retry={"limit": 2, "initial": "5s"})
            await world.pass_time(3700)
            samples = await world.scrape()
        assert counted(samples, "starts_total") == {'origin="Schedule"': 1}
        assert counted(samples, "runs_finished_total") == {'origin="Schedule",phase="Failed"': 1}
        assert samples["start_lag_seconds_count"] == 1
        assert samples["start_lag_seconds_sum"] < 1

    play_scraped(story, lambda pod: Plan(exit_code=1))


def test_parts_are_of_origin_child() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            container = {"container": {"image": "busybox:1.36"}}
            await world.run("flow", handler={"steps": [{"name": "a", **container}, {"name": "b", **container}]})
            await world.pass_time(60)
            samples = await world.scrape()
        assert counted(samples, "starts_total") == {'origin="Manual"': 1, 'origin="Child"': 2}
        assert counted(samples, "runs_finished_total") == {
            'origin="Child",phase="Succeeded"': 2,
            'origin="Manual",phase="Succeeded"': 1,
        }

    play_scraped(story)


def test_a_start_is_as_late_as_the_operator_made_it_and_what_waits_for_its_turn_is_not_late() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("turns", interval="10s", concurrency={"policy": "Queue"})
            await world.pass_time(100)
            samples = await world.scrape()
        assert counted(samples, "starts_total")['origin="Schedule"'] > 3
        assert samples["start_lag_seconds_count"] == 1
        assert samples["start_lag_seconds_sum"] < 1
        async with world.measured_operator():
            await world.edit(Kind.CRON_TASK, "turns", suspend=True)
            await world.task("late", schedule="0 * * * *")
            await world.pass_time(60)
        await world.pass_time(3600)
        async with world.measured_operator():
            await world.pass_time(60)
            samples = await world.scrape()
        assert samples["start_lag_seconds_count"] == 2
        assert samples["start_lag_seconds_sum"] > 60

    play_scraped(story, lambda pod: Plan(runs=25))


def test_decisions_are_counted_by_reason_and_as_many_times_as_they_are_about() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("busy", interval="10s")
            await world.pass_time(35)
            await world.edit(Kind.CRON_TASK, "busy", suspend=True)
            await world.pass_time(1)
            await world.edit(Kind.CRON_TASK, "busy", suspend=False, catchUp={"policy": "None"})
            await world.pass_time(1)
            samples = await world.scrape()
        assert counted(samples, "decisions_total") == {
            'decision="Skip",reason="RunAlreadyActive"': 2,
            'decision="Suspend",reason="Suspended"': 1,
            'decision="Resume",reason="Resumed"': 1,
        }
        await world.pass_time(100)
        async with world.measured_operator():
            await world.pass_time(1)
            samples = await world.scrape()
        # The last of the ten is late by less than a failover takes, and meets the run that is still under way.
        assert samples['decisions_total{decision="Miss",reason="NotStartedInTime"}'] == 9

    play_scraped(story, lambda pod: Plan(runs=1000))


def test_a_reason_that_nobody_foresaw_is_another_one() -> None:
    from crontask.decide.decisions import DecisionKind, Transition

    async def story(world: ScrapedWorld) -> None:
        world.metrics.observe(Transition("Skipped", "", kind=DecisionKind.SKIP, why="run-of-somebody"))
        assert counted(await world.scrape(), "decisions_total") == {f'decision="Skip",reason="{OTHER}"': 1}

    play_scraped(story)


def test_writes_are_measured_by_kind_verb_and_answer() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            world.api.fault = lambda verb, key: QUOTA if (verb, key.kind) == ("create", Kind.POD) else None
            await world.task("tick", interval="10s")
            await world.pass_time(15)
            samples = await world.scrape()
        writes = counted(samples, "write_seconds_count")
        assert writes['code="403",kind="pods",verb="create"'] >= 1
        assert writes['code="201",kind="scheduledruns",verb="create"'] >= 1
        assert writes['code="200",kind="crontasks",verb="update"'] >= 1
        assert not any('code="200",kind="pods"' in key for key in writes)

    play_scraped(story)


def test_what_waits_to_be_written_is_read_by_priority() -> None:
    async def story(world: ScrapedWorld) -> None:
        async def write() -> None:
            await asyncio.sleep(100)

        sending = [asyncio.create_task(world.queue.send(Priority.EVENT, write)) for _ in range(30)]
        await asyncio.sleep(1)
        samples = await world.scrape()
        # As many as there may be of them are on their way.
        assert counted(samples, "queue_length") == {'priority="event"': 30 - 256 // 32}
        await asyncio.gather(*sending)
        assert counted(await world.scrape(), "queue_length") == {}

    play_scraped(story)


def test_a_watch_that_breaks_is_counted_and_one_that_ends_is_not() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.pass_time(300)
            await world.api.end_watches()
            await world.pass_time(10)
            assert counted(await world.scrape(), "watch_restarts_total") == {}
            world.api.down = True
            await world.api.end_watches()
            await world.pass_time(60)
            restarts = counted(await world.scrape(), "watch_restarts_total")
        assert set(restarts) == {'kind="crontasks"', 'kind="scheduledruns"', 'kind="pods"'}

    play_scraped(story)


def test_what_is_known_is_read() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("tick", interval="1h")
            await world.run("by-hand", taskRef={"name": "tick"})
            await world.pass_time(30)
            world.skew, world.certificate_end = -3.0, 1.8e9
            samples = await world.scrape()
            assert counted(samples, "objects") == {'kind="crontasks"': 1, 'kind="scheduledruns"': 1, 'kind="pods"': 1}
            assert samples["leader"] == 1
            assert samples["clock_skew_seconds"] == -3
            assert samples["webhook_certificate_end_timestamp_seconds"] == 1.8e9
            assert samples[f'build_info{{version="{__version__}"}}'] == 1
            assert samples['decide_seconds_count{kind="crontasks"}'] > 1
            world.leads, world.certificate_end = False, None
            samples = await world.scrape()
            assert samples["leader"] == 0
            assert "webhook_certificate_end_timestamp_seconds" not in samples
            assert not any(key.startswith("task_") for key in samples)

    play_scraped(story)


def test_labels_are_there_from_the_beginning_and_only_those_that_are_defined() -> None:
    known = {metric.name: metric for metric in (*OPERATOR_METRICS, *TASK_METRICS)}

    async def story(world: ScrapedWorld) -> None:
        samples = await world.scrape()
        families = Metrics().registry.collect()
        assert {name for metric in known.values() if metric in OPERATOR_METRICS for name in [metric.name]} - {
            key.partition("{")[0].removesuffix("_bucket") for key in samples
        } <= {"webhook_certificate_end_timestamp_seconds", "watch_restarts_total"}
        for origin in known["starts_total"].labels["origin"]:
            assert samples[f'starts_total{{origin="{origin}"}}'] == 0
        assert [family for family in families if not family.documentation] == []

    play_scraped(story)


@pytest.mark.parametrize("limit", [2, 3])
def test_from_so_many_tasks_on_theirs_are_left_out_which_is_logged_once(
    limit: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("crontask.engine.exposition.MOST_TASKS", limit)

    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            for name in ("a", "b"):
                await world.task(name, interval="1h")
            await world.pass_time(1)
            exposition = world.exposition()
            pages = [await exposition.page(0) for _ in range(3)]
            shown = [b"crontask_task_active_runs" in page for page in pages]
            assert shown == [limit == 3] * 3
            assert b"crontask_task_active_runs" in await world.exposition("on").page(0)
            assert b"crontask_task_active_runs" not in await world.exposition("off").page(0)

    with caplog.at_level(logging.INFO, "crontask"):
        play_scraped(story)
    said = [record.message for record in caplog.records if "metrics of tasks" in record.message]
    assert said == (
        ["the metrics of tasks are left out of /metrics from here on: there are 2 tasks, and the limit is 2"]
        if limit == 2
        else []
    )


def test_a_lag_of_nothing_is_not_negative() -> None:
    from datetime import UTC, datetime

    from crontask.api.phases import Origin
    from crontask.decide.decisions import DecisionKind, Transition

    async def story(world: ScrapedWorld) -> None:
        early = Transition(
            "SuccessfulCreate",
            "",
            kind=DecisionKind.START,
            origin=Origin.SCHEDULE,
            nominal=datetime.now(UTC),
            lag=timedelta(seconds=-1),
        )
        world.metrics.observe(early)
        samples = await world.scrape()
        assert (samples["start_lag_seconds_count"], samples["start_lag_seconds_sum"]) == (1, 0)

    play_scraped(story)

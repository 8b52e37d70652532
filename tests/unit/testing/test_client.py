"""The clients of a sandbox: what waits lets its time pass, and what time it is, is that of the sandbox."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from shop_crons import Totals, crons, rebuild, ship_it

from crontask import Client, Context, Crons, errors
from crontask.client.errors import BadInput
from crontask.crons.manifests import InvalidCrons
from crontask.testing import Outcome, Sandbox

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(now=NEW_YEAR) as box:
        box.register("t", on_demand=True, image="i", timeout="1h")
        yield box


@pytest.fixture
def client(box: Sandbox) -> Client:
    return box.client


def test_waiting_lets_time_pass(box: Sandbox, client: Client) -> None:
    box.outcome("t", duration="5m")
    run = client.trigger("t", delay="1d")
    with pytest.raises(errors.WaitTimeout, match="has not ended within 60 s; it is Pending and goes on"):
        run.wait(timeout=60)
    assert box.now == NEW_YEAR + timedelta(minutes=1)
    assert run.wait(timeout=timedelta(days=2)).completion_time == box.now == NEW_YEAR + timedelta(days=1, minutes=5)
    held = client.trigger("t", suspend=True)
    with pytest.raises(errors.Timeout, match="nothing ended the waiting within 366 days of the sandbox"):
        held.wait()


def test_what_has_passed_is_what_has_in_the_sandbox(box: Sandbox, client: Client) -> None:
    assert client.trigger("t", at=NEW_YEAR + timedelta(hours=1)).wait().start_time == NEW_YEAR + timedelta(hours=1)
    with pytest.raises(BadInput, match="at: 2027-01-01T00:00:00Z has passed: it is 2027-01-01T01:00:10Z"):
        client.trigger("t", at=NEW_YEAR)
    with pytest.raises(BadInput, match="has passed"):
        client.pause("t", until=NEW_YEAR)
    box.register("daily", schedule="0 9 * * *", image="i")
    assert [each.start_time for each in client.upcoming(timedelta(days=2))] == [
        NEW_YEAR + timedelta(hours=9),
        NEW_YEAR + timedelta(days=1, hours=9),
    ]


def test_a_pause_ends_by_itself(box: Sandbox, client: Client) -> None:
    box.register("hourly", interval="1h", image="i")
    client.pause("hourly", until=NEW_YEAR + timedelta(hours=2, minutes=30))
    assert client.task("hourly").paused
    box.advance(hours=4)
    assert [run.start_time for run in client.runs(task="hourly")] == [
        NEW_YEAR + timedelta(hours=4),
        NEW_YEAR + timedelta(hours=3),
    ]


def test_runs_are_watched_canceled_run_again_and_deleted(box: Sandbox, client: Client) -> None:
    box.outcome("t", duration="10m")
    run = client.trigger("t")
    phases = [event.run.phase for event in client.watch_runs(task="t", existing=True, timeout=900)]
    assert list(dict.fromkeys(phases)) == ["Running", "Succeeded"]
    again = run.rerun(from_="Start")
    box.advance(minutes=1)
    again.cancel("enough")
    with pytest.raises(errors.RunCanceled, match="enough"):
        again.result()
    assert list(run.logs(follow=True)) == []
    client.delete("t")
    with pytest.raises(errors.RunGone):
        run.refresh()
    assert [each.phase for each in box.runs("t")] == ["Succeeded", "Canceled"], "as it was last"


async def test_the_other_client_awaits_the_same(box: Sandbox) -> None:
    async with box.async_client as client:
        run = await client.trigger("t", args={"x": 1})
        seen = [event.run.phase async for event in client.watch_runs(task="t", existing=True, timeout=60)]
        assert (await run.wait()).phase == seen[-1] == "Succeeded"
        assert [each.name for each in await client.runs()] == [run.name]


def test_names_are_looked_for_in_a_namespace(box: Sandbox, client: Client) -> None:
    client.register("t", interval="1h", image="i", namespace="other")
    box.advance(hours=1)
    assert [run.namespace for run in box.runs("t")] == ["other"]
    assert client.runs() == []
    with pytest.raises(errors.NotFound):
        client.get("nothing")


# --- crons in code ----------------------------------------------------------------------------------------------------


def test_functions_of_a_registry_are_called_with_what_their_annotations_say(box: Sandbox, client: Client) -> None:
    tasks = box.register(crons)
    assert {task.name for task in tasks} == {cron.name for cron in crons}
    assert rebuild.trigger(client, index="books").result(Totals) == Totals("books", [])
    assert ship_it.trigger(client, 42).result(int) == 42
    run = client.trigger("mixed")
    assert run.result() == {"index": "red", "rows": []}
    with pytest.raises(BadInput, match=r"args\.color: "):
        client.trigger("mixed", args={"color": "blue"})
    box.outcome("rebuild", lambda ctx: Outcome(result={"index": 1}))
    assert rebuild.trigger(client).wait().attempts[0].reason == "ResultInvalid"


def test_registered_again_it_is_as_it_was(box: Sandbox) -> None:
    first = [task.spec for task in box.register(crons)]
    assert [task.spec for task in box.register(crons)] == first
    box.advance(minutes=15)
    assert [run.phase for run in box.runs("clean-up")] == ["Running"]


def test_a_client_does_not_replace_a_task_of_a_registry(box: Sandbox) -> None:
    before = {task.name: task.spec for task in box.register(crons)}
    same = box.client_of(crons.owner)
    with pytest.raises(
        errors.FieldConflict, match=r"CronTask clean-up: .*owner is owned by the registry Crons\('shop'\)"
    ):
        same.register("clean-up", on_demand=True, image="busybox")
    assert before["clean-up"] == box.task("clean-up").spec
    # What has one is taken, as it is said.
    same.register("clean-up", {**before["clean-up"], "timeout": "2h"}, take_over=True)
    assert box.task("clean-up").spec["timeout"] == "2h"


def nothing(ctx: Context) -> None:
    """In a module that imports what the runner's image does not have."""


def test_a_registry_that_could_not_be_applied(box: Sandbox) -> None:
    own = Crons(owner="own")
    own.interval("t", "1h", run=nothing)
    with pytest.raises(InvalidCrons, match="imports pytest, which is not of the standard library"):
        box.register(own)
    with pytest.raises(BadInput, match=r"rebuild is registered in a Crons, with its timing; .*box.register\(crons\)"):
        box.register(rebuild)

"""Which operator a namespace belongs to, on virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from crontask.kube.claim import CLAIM, LASTS, Claim, ClaimsOfOthers
from crontask.ports import ApiError, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock, run_virtual

KEY = ObjectKey(Kind.LEASE, "shop", CLAIM)


class World:
    """An API server, and two installations that claim the same namespace."""

    def __init__(self) -> None:
        self.clock = VirtualClock(datetime(2027, 1, 1, tzinfo=UTC))
        self.api = MemoryApi(self.clock)
        self.first, self.second = (Claim(self.api, self.clock, "shop", f"home/{name}") for name in ("first", "second"))

    @property
    def holder(self) -> str:
        """As stored."""
        return str(self.api.document(KEY)["spec"]["holderIdentity"])

    async def keep(self, claim: Claim) -> None:
        """As an operator does."""
        while True:
            await claim.look()
            await self.clock.sleep(claim.pause)


def play(story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await story(World())

    run_virtual(main)


def test_a_claim_that_is_renewed_stays_with_who_has_it(caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World) -> None:
        await world.first.look()
        keeping = [asyncio.create_task(world.keep(claim)) for claim in (world.first, world.second)]
        await world.clock.sleep(10 * LASTS)
        assert (world.first.is_ours, world.second.is_ours, world.second.other) == (True, False, "home/first")
        assert world.holder == "home/first"
        for task in keeping:
            task.cancel()

    play(story)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "kubectl delete lease crontask-claim -n shop" in said[0]


def test_a_claim_that_nobody_renews_lapses_and_its_holder_finds_another() -> None:
    async def story(world: World) -> None:
        await world.first.look()
        began = world.clock.monotonic()
        keeping = asyncio.create_task(world.keep(world.second))
        while not world.second.is_ours:
            await world.clock.sleep(0.5)
        assert LASTS < world.clock.monotonic() - began <= LASTS + 6
        await world.first.look()
        assert (world.first.is_ours, world.first.other) == (False, "home/second")
        keeping.cancel()

    play(story)


def test_a_claim_that_is_deleted_goes_to_who_looks_first() -> None:
    async def story(world: World) -> None:
        await world.first.look()
        await world.second.look()
        await world.api.remove(KEY)
        await world.second.look()
        await world.first.look()
        assert (world.first.is_ours, world.second.is_ours) == (False, True)

    play(story)


def test_replicas_of_one_installation_hold_it_together() -> None:
    async def story(world: World) -> None:
        replica = Claim(world.api, world.clock, "shop", "home/first")
        world.api.latency = 0.2
        keeping = [asyncio.create_task(world.keep(claim)) for claim in (world.first, replica)]
        await world.clock.sleep(2)
        for _ in range(100):
            assert (world.first.is_ours, replica.is_ours) == (True, True)
            await world.clock.sleep(1)
        for task in keeping:
            task.cancel()

    play(story)


@pytest.mark.parametrize(("status", "said"), [(403, "or this operator has no rights in it"), (404, "does not exist:")])
def test_a_namespace_that_is_not_there_is_a_problem_once_that_is_sure(status: int, said: str) -> None:
    async def story(world: World) -> None:
        world.api.fault = lambda verb, key: ApiError(status, "", "no")
        for _ in range(4):
            await world.first.look()
            assert not world.first.is_known
        await world.first.look()
        assert said in world.first.problem
        assert "namespace shop does not exist" in world.first.problem
        world.api.fault = lambda verb, key: None
        await world.first.look()
        assert (world.first.is_ours, world.first.problem) == (True, "")

    play(story)


def test_an_api_server_that_is_away_changes_nothing() -> None:
    async def story(world: World) -> None:
        await world.first.look()
        world.api.down = True
        with pytest.raises(ApiError):
            await world.first.look()
        assert world.first.is_ours

    play(story)


def test_the_operator_of_the_whole_cluster_knows_of_claims_until_they_lapse() -> None:
    async def story(world: World) -> None:
        claims = ClaimsOfOthers(world.api, world.clock, "home/whole")
        assert await claims.look() == {}
        await world.first.look()
        world.api.apply({"kind": "Lease", "metadata": {"name": "other"}, "spec": {"holderIdentity": "x"}}, "billing")
        assert await claims.look() == {"shop": "home/first"}
        await world.clock.sleep(LASTS - 5)
        await world.first.look()
        assert await claims.look() == {"shop": "home/first"}
        await world.clock.sleep(LASTS + 1)
        assert await claims.look() == {}

    play(story)


def test_an_installation_that_watches_all_now_does_not_wait_for_its_own_claims() -> None:
    async def story(world: World) -> None:
        await world.first.look()
        assert await ClaimsOfOthers(world.api, world.clock, "home/first").look() == {}

    play(story)


@pytest.mark.parametrize(("age", "lapsed"), [(10 * LASTS - 1, False), (10 * LASTS + 1, True)])
def test_nobody_who_begins_waits_for_a_claim_of_long_ago(age: int, lapsed: bool) -> None:
    """As of an operator that was uninstalled: its Leases stay."""

    async def story(world: World) -> None:
        await world.first.look()
        await world.clock.sleep(age)
        assert bool(await ClaimsOfOthers(world.api, world.clock, "home/whole").look()) is not lapsed
        await world.second.look()
        assert world.second.is_ours is lapsed

    play(story)


def test_a_claim_that_does_not_say_when_it_was_renewed_lapses_by_what_is_seen_of_it() -> None:
    async def story(world: World) -> None:
        claims = ClaimsOfOthers(world.api, world.clock, "home/whole")
        spec = {"holderIdentity": "x", "renewTime": "yesterday"}
        world.api.apply({"kind": "Lease", "metadata": {"name": CLAIM}, "spec": spec}, "billing")
        assert await claims.look() == {"billing": "x"}
        await world.clock.sleep(LASTS + 1)
        assert await claims.look() == {}

    play(story)

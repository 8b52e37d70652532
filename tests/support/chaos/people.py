"""What people in a world answer to steps that wait for them."""

from random import Random

from chaos.approvals import APPROVE, REJECT, approvals_of
from chaos.changes import Later
from crontask.ports import Document, Kind
from crontask.simulation.memory_api import MemoryApi

# So often, and every so many seconds, people look at what waits for them.
_LOOKS, _EVERY = 70, 4.0


def free_name(api: MemoryApi, name: str) -> str:
    """The name, or one like it: what two people apply under one name would be merged, and be neither's."""
    known = {each["metadata"]["name"] for kind in (Kind.CRON_TASK, Kind.SCHEDULED_RUN) for each in api.stored(kind)}
    while name in known:
        name += "-too"
    return name


class People:
    """They answer, one at a time and over each other, early, late, and with names that there are not."""

    def __init__(self, api: MemoryApi, later: Later) -> None:
        self._api = api
        self._later = later
        self._looking = False

    def begin(self, number: float) -> None:
        """From now on somebody looks now and then."""
        if not self._looking:
            self._looking = True
            self._later(_EVERY, self._look(Random(f"people {number}"), _LOOKS))

    async def _look(self, random: Random, left: int) -> None:
        for run in self._api.stored(Kind.SCHEDULED_RUN):
            names = [step["name"] for step in approvals_of(run)]
            if names and random.random() < 0.4:
                self._answer(run, random.choice(names), random)
        if left:
            self._later(_EVERY, self._look(random, left - 1))

    def _answer(self, run: Document, name: str, random: Random) -> None:
        """One annotation has another value: what it said before is overwritten."""
        chance = random.random()
        annotation = REJECT if chance < 0.25 else APPROVE
        text = random.choice([name, name, f"{name} by eve", f"{name}, nobody", "nobody", None])
        named = {"name": run["metadata"]["name"], "namespace": run["metadata"]["namespace"]}
        self._api.apply({"kind": "ScheduledRun", "metadata": {**named, "annotations": {annotation: text}}})

"""What people do with workflows in a world: they run, edit and cancel them, and remove parts of them."""

from collections.abc import Callable
from random import Random

from chaos.changes import Later
from chaos.people import People, free_name
from chaos.story import CHAOS_SECONDS, Event
from chaos.workflows import make_workflow
from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi


def _alone(handler: Document) -> Document:
    """The handler in place of any other: what is applied is merged."""
    return {"steps": None, "forEach": None, **handler}


_START: Document = {"startTimeout": "15s"}


def workflow_events(seed: int) -> list[Event]:
    """In some stories people run workflows. By chances of their own: what else happens is as it would be without."""
    random = Random(f"workflows {seed}")
    if random.random() < 0.6:
        return []
    # The last has time to end.
    latest = CHAOS_SECONDS - 60
    found = [Event(_time(random, latest), "run a workflow", random.random()) for _ in range(random.randint(1, 4))]
    if random.random() < 0.5:
        found += [Event(_time(random, latest), "remove a part", random.random()) for _ in range(2)]
    return found


def _time(random: Random, latest: float) -> float:
    return round(random.uniform(5, latest), 3)


class WorkflowActs:
    """Does what a story says, by the event's own number alone. `count`: of the runs that there were."""

    def __init__(self, api: MemoryApi, later: Later, count: Callable[[], int]) -> None:
        self._api = api
        self._later = later
        self._count = count
        self._people = People(api, later)
        self.acts: dict[str, Callable[[Event], None]] = {
            "run a workflow": self._run_workflow,
            "remove a part": self._remove_part,
        }

    def _run_workflow(self, event: Event) -> None:
        name, handler = free_name(self._api, f"flow-{self._count()}"), _alone(make_workflow(event.number))
        self._people.begin(event.number)
        if event.number < 0.4:
            queue: Document = {"policy": "Queue"}
            self._apply("CronTask", name, {"handler": handler, "interval": "45s", "concurrency": queue, **_START})
            self._later(50 + event.number * 20, self._edit(name, event.number))
            return
        self._apply("ScheduledRun", name, {"handler": handler, "timeout": "60s", **_START})
        if event.number > 0.8:
            self._later(event.number * 10, self._cancel(name))

    async def _edit(self, name: str, number: float) -> None:
        """What has started goes on as it was; later runs have other steps."""
        if self._is_there(Kind.CRON_TASK, name):
            self._apply("CronTask", name, {"handler": _alone(make_workflow(number, "efgh"))})

    async def _cancel(self, name: str) -> None:
        if self._is_there(Kind.SCHEDULED_RUN, name):
            self._apply("ScheduledRun", name, {"cancel": True})

    def _remove_part(self, event: Event) -> None:
        parts = [run for run in self._api.stored(Kind.SCHEDULED_RUN) if "parent" in run["spec"]]
        # One that has not ended, if there is one.
        parts = [run for run in parts if "completionTime" not in run.get("status", {})] or parts
        if parts:
            meta = parts[int(event.number * 997) % len(parts)]["metadata"]
            self._later(0, self._api.remove(ObjectKey(Kind.SCHEDULED_RUN, meta["namespace"], meta["name"])))

    def _is_there(self, kind: Kind, name: str) -> bool:
        return any(each["metadata"]["name"] == name for each in self._api.stored(kind))

    def _apply(self, kind: str, name: str, spec: Document) -> None:
        self._api.apply({"kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec})

"""What people do in a world with runs that have ended: they run them again, and remove them meanwhile."""

from collections.abc import Callable
from random import Random

from chaos.changes import Later
from chaos.people import free_name
from chaos.record import TERMINAL
from chaos.story import CHAOS_SECONDS, Event
from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi


def rerun_events(seed: int) -> list[Event]:
    """In some stories people run again what has ended. By chances of their own, as of workflows."""
    random = Random(f"reruns {seed}")
    if random.random() < 0.4:
        return []
    # The last has time to end.
    latest = CHAOS_SECONDS - 50
    return [Event(round(random.uniform(20, latest), 3), "run again", random.random()) for _ in range(7)]


class RerunActs:
    """Does what a story says, by the event's own number alone. `count`: of the runs that there were."""

    def __init__(self, api: MemoryApi, later: Later, count: Callable[[], int]) -> None:
        self._api = api
        self._later = later
        self._count = count
        self.acts: dict[str, Callable[[Event], None]] = {"run again": self._run_again}

    def _run_again(self, event: Event) -> None:
        random, runs = Random(event.number), self._api.stored(Kind.SCHEDULED_RUN)
        known = [run for run in runs if random.random() < 0.1 or _may_be(run)]
        composite = [run for run in known if _has_run(run)]
        if composite and random.random() < 0.9:
            known = composite
        if not known:
            return
        failed = [run for run in composite if run["status"]["phase"] not in ("Succeeded", "Running")]
        source = random.choice(failed if failed and random.random() < 0.8 else known)
        for copy in range(2 if random.random() < 0.3 else 1):
            self._apply(free_name(self._api, f"again-{self._count()}-{copy}"), _asked(source, random))
        if random.random() < 0.2:
            gone = ObjectKey(Kind.SCHEDULED_RUN, "default", source["metadata"]["name"])
            self._later(random.random() * 5, self._api.remove(gone))

    def _apply(self, name: str, spec: Document) -> None:
        self._api.apply({"kind": "ScheduledRun", "metadata": {"name": name, "namespace": "default"}, "spec": spec})


def _may_be(run: Document) -> bool:
    return (run.get("status") or {}).get("phase") in TERMINAL and "parent" not in run["spec"]


def _has_run(run: Document) -> bool:
    """Whether it consists of parts, and has begun with them."""
    return "plan" in (run.get("status") or {})


def _asked(source: Document, random: Random) -> Document:
    rerun: Document = {"name": source["metadata"]["name"], "definition": random.choice(["Same", "Same", "Latest"])}
    steps = [step["name"] for step in source["status"].get("steps", ())] if "status" in source else []
    rerun["from"] = random.choice(["Failed"] * 4 + ["Start"] + (steps or ["Start"]))
    spec: Document = {"rerunOf": rerun}
    if "taskRef" in source["spec"]:
        spec["taskRef"] = source["spec"]["taskRef"]
    if random.random() < 0.1:
        spec["delay"] = "5s"
    return spec

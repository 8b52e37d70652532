"""What people do in a world with what runs in batches: they run it, pause and cancel it, and remove batches of it."""

from collections.abc import Callable
from random import Random

from chaos.batches import asked_of
from chaos.changes import Later
from chaos.people import free_name
from chaos.pods import has_ended
from chaos.story import CHAOS_SECONDS, Event
from crontask.api.names import ANNOTATION_STOPPED
from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.batches import batches_in
from crontask.simulation.kubelet import MemoryKubelet
from crontask.simulation.memory_api import MemoryApi

# Each alone: what is applied is merged.
_CONTAINER: Document = {"container": {"image": "busybox:1.36"}, "python": None}
_PYTHON: Document = {"container": None, "python": {"source": "def handler(ctx): ..."}}


def batch_events(seed: int) -> list[Event]:
    """In some stories people run something in batches. By chances of their own, as of workflows."""
    random = Random(f"batches {seed}")
    if random.random() < 0.7:
        return []
    # The last has time to end.
    latest = CHAOS_SECONDS - 80
    found = [Event(_time(random, latest), "run in batches", random.random()) for _ in range(random.randint(1, 4))]
    if random.random() < 0.3:
        found.append(Event(_time(random, latest), "remove a batch", random.random()))
    # By others again, which came later.
    random = Random(f"kills of batches {seed}")
    found += [Event(_time(random, CHAOS_SECONDS), "kill a batch", random.random()) for _ in range(random.randint(0, 6))]
    return found


def _time(random: Random, latest: float) -> float:
    return round(random.uniform(5, latest), 3)


class BatchActs:
    """Does what a story says, by the event's own number alone. `count`: of the runs that there were.

    `evicts`: is given each pod that its node takes away.
    """

    def __init__(
        self,
        api: MemoryApi,
        kubelet: MemoryKubelet,
        later: Later,
        count: Callable[[], int],
        evicts: Callable[[ObjectKey], None],
    ) -> None:
        self._api = api
        self._kubelet = kubelet
        self._evicts = evicts
        self._later = later
        self._count = count
        self.acts: dict[str, Callable[[Event], None]] = {
            "run in batches": self._run,
            "remove a batch": self._remove,
            "kill a batch": self._kill,
        }

    def _run(self, event: Event) -> None:
        random, name = Random(event.number), free_name(self._api, f"batches-{self._count()}")
        retry: Document = {"limit": random.choice([0, 2]), "max": "2s", "onLost": random.choice(["Retry", "Fail"])}
        batch: Document = {"size": 10, "handler": _CONTAINER, "reusePodFor": None, "timeout": "20s", "retry": retry}
        reuse = Random(f"reuse {event.number}")
        if reuse.random() < 0.5:
            batch |= {"handler": _PYTHON, "reusePodFor": reuse.choice(["3s", "20s", "60s"])}
        if random.random() < 0.3:
            batch["delay"] = "3s"
        if random.random() < 0.3:
            batch["maxBatches"] = random.randint(1, 3)
        if random.random() < 0.5:
            batch["continueFrom"] = "LastRun"
            queue: Document = {"policy": random.choice(["Queue", "Forbid", "Replace"])}
            timed: Document = {"interval": "40s", "concurrency": queue, "startTimeout": "15s"}
            self._apply("CronTask", name, {"handler": {"batch": batch}, **timed})
            return
        spec: Document = {"handler": {"batch": batch}, "timeout": "120s", "startTimeout": "15s"}
        if random.random() < 0.3:
            spec["cursor"] = random.randint(1, 3)
        self._apply("ScheduledRun", name, spec)
        if event.number > 0.7:
            self._later(event.number * 10, self._change(name, {"cancel": True}))
        elif event.number > 0.4:
            self._later(event.number * 20, self._change(name, {"suspend": True}))
            self._later(event.number * 60, self._change(name, {"suspend": False}))

    async def _change(self, name: str, spec: Document) -> None:
        if any(run["metadata"]["name"] == name for run in self._api.stored(Kind.SCHEDULED_RUN)):
            self._apply("ScheduledRun", name, spec)

    def _remove(self, event: Event) -> None:
        parts = [run for run in self._api.stored(Kind.SCHEDULED_RUN) if asked_of(run) is not None]
        if parts:
            meta = parts[int(event.number * 997) % len(parts)]["metadata"]
            self._later(0, self._api.remove(ObjectKey(Kind.SCHEDULED_RUN, meta["namespace"], meta["name"])))

    def _kill(self, event: Event) -> None:
        """One of those that do several, within a batch or between two."""
        pods = [
            pod
            for pod in self._api.stored(Kind.POD)
            if batches_in(pod) is not None
            and pod["status"].get("phase") == "Running"
            and not has_ended(pod)
            and "deletionTimestamp" not in pod["metadata"]
            and ANNOTATION_STOPPED not in pod["metadata"].get("annotations", {})
        ]
        if not pods:
            return
        meta = pods[int(event.number * 997) % len(pods)]["metadata"]
        key, evict = ObjectKey(Kind.POD, meta["namespace"], meta["name"]), event.number > 0.6
        if evict:
            self._evicts(key)
        self._kubelet.kill(key, evict=evict)

    def _apply(self, kind: str, name: str, spec: Document) -> None:
        self._api.apply({"kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec})

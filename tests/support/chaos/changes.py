"""What people change in a world, and what the API server refuses: edits, pauses, absences that end in one, refusals."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from chaos.ledger import Ledger
from chaos.story import CHAOS_SECONDS, Event
from chaos.timings import grid_of
from crontask.ports import ApiError, Document, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock

Act = Callable[[Event], None]
# What a quota, an admission webhook that cannot be reached and a rule of validation say.
_ANSWERS = (
    (403, "Forbidden", "exceeded quota: none"),
    (403, "Forbidden", "exceeded quota: none"),
    (500, "InternalError", 'failed calling webhook "policy.example.com": connection refused'),
    (422, "Invalid", "spec: Invalid value"),
)


class Later(Protocol):
    """Does something after so many seconds."""

    def __call__(self, seconds: float, act: Coroutine[Any, Any, None]) -> None: ...


@dataclass(frozen=True)
class Refusal:
    """The API server takes no object of this kind; of `task` alone, if it is said."""

    kind: Kind
    task: str | None
    answer: tuple[int, str, str]

    def error(self, verb: str, key: ObjectKey) -> ApiError | None:
        """What it says against a request, None if nothing."""
        concerned = self.task is None or key.name.startswith(f"{self.task}-")
        if verb not in ("create", "dry-run") or key.kind is not self.kind or not concerned:
            return None
        return ApiError(*self.answer)


class Changes:
    """Does what a story says, by the event's own number alone."""

    def __init__(
        self,
        api: MemoryApi,
        clock: VirtualClock,
        ledger: Ledger,
        later: Later,
        kill_all: Callable[[], None],
        start: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self._api = api
        self._clock = clock
        self._ledger = ledger
        self._later = later
        self._kill_all = kill_all
        self._start = start
        self._refusals: list[Refusal] = []
        api.fault = self._fault
        self.acts: dict[str, Act] = {
            "pause": self._pause_some,
            "edit": self._edit_some,
            "pause in between": lambda event: self._in_between(event, self._pause),
            "edit in between": lambda event: self._in_between(event, self._edit),
            "absence and pause": lambda event: self._in_absence(event, self._pause),
            "absence and edit": lambda event: self._in_absence(event, self._edit),
            "refuse runs": lambda event: self._refuse(event, Kind.SCHEDULED_RUN),
            "refuse pods": lambda event: self._refuse(event, Kind.POD),
            "refuse and pause": self._refuse_and_pause,
            "take, and say no": self._take_and_say_no,
        }

    def calm(self) -> None:
        """Refuse nothing any more."""
        self._refusals.clear()

    # --- edits and pauses --------------------------------------------------------------------------------------------

    def _pause_some(self, event: Event) -> None:
        self._pause(self._task(event), event)

    def _edit_some(self, event: Event) -> None:
        self._edit(self._task(event), event)

    def _pause(self, task: ObjectKey | None, event: Event) -> None:
        if task is not None:
            self._apply(task, {"suspend": True})
            self._later(event.number * 60, self._resume(task))

    async def _resume(self, task: ObjectKey) -> None:
        self._apply(task, {"suspend": False})

    def _edit(self, task: ObjectKey | None, event: Event) -> None:
        """Another interval, the other kind of schedule, or other jitter."""
        if task is None or grid_of(self._api.document(task)) is None:
            return
        interval = {"interval": f"{10 + int(event.number * 50)}s", "schedule": None}
        changes: tuple[Document, ...] = (
            interval,
            {"interval": None, "schedule": "* * * * *"},
            {"jitter": f"{int(event.number * 30)}s"},
            {**interval, "jitter": "9s"},
        )
        self._apply(task, changes[int(event.number * 9973) % len(changes)])

    def _in_between(self, event: Event, change: Callable[[ObjectKey, Event], None]) -> None:
        """Between a nominal time of a task with jitter and its start."""
        task = self._task(event, lambda task: "jitter" in task["spec"] and grid_of(task) is not None)
        if task is None:
            return
        grid, now = grid_of(self._api.document(task)), self._clock.now()
        assert grid is not None, "it has been chosen for that"
        nominal = grid.times(now, now + 2 * grid.gap)[0]
        wait = (nominal - now) + (grid.start_of(nominal) - nominal) * event.number

        async def act() -> None:
            if self._exists(task):
                change(task, event)

        self._later(wait.total_seconds(), act())

    def _in_absence(self, event: Event, change: Callable[[ObjectKey, Event], None]) -> None:
        """Nobody follows those who are killed for a while, and in it somebody changes a task."""
        task = self._task(event)
        if task is None:
            return
        away = 10 + event.number * 60
        self._kill_all()

        async def act() -> None:
            if self._exists(task):
                change(task, event)

        self._later(away * (1 - event.number / 2), act())
        self._later(away, self._start())

    # --- refusals ----------------------------------------------------------------------------------------------------

    def _fault(self, verb: str, key: ObjectKey) -> ApiError | None:
        error = next((error for refusal in self._refusals if (error := refusal.error(verb, key))), None)
        if error is not None and verb == "create":
            self._ledger.refused(key, error)
        return error

    def _refuse(self, event: Event, kind: Kind) -> None:
        task = self._task(event)
        name = task.name if task is not None and event.number < 0.7 else None
        refusal = Refusal(kind, name, _ANSWERS[int(event.number * 9973) % len(_ANSWERS)])
        self._ledger.say(f"*** {refusal}")
        self._refusals.append(refusal)
        self._later(5 + event.number * 85, self._take_again(refusal))

    async def _take_again(self, refusal: Refusal) -> None:
        if refusal in self._refusals:
            self._refusals.remove(refusal)
            self._ledger.say(f"*** no more {refusal}")

    def _refuse_and_pause(self, event: Event) -> None:
        """A task is paused while its runs are refused."""
        task = self._task(event)
        if task is None:
            return
        refusal = Refusal(Kind.SCHEDULED_RUN, task.name, _ANSWERS[0])
        self._refusals.append(refusal)
        self._later(5 + event.number * 85, self._take_again(refusal))

        async def act() -> None:
            if self._exists(task):
                self._pause(task, event)

        self._later(event.number * 80, act())

    def _take_and_say_no(self, event: Event) -> None:
        """The next pods, or runs, are taken, and the answer is an error all the same."""
        kind = Kind.POD if event.number < 0.6 else Kind.SCHEDULED_RUN
        self._api.fail_next("create", kind, status=500, landed=True, times=1 + int(event.number * 3))

    # --- choices -----------------------------------------------------------------------------------------------------

    def _task(self, event: Event, wanted: Callable[[Document], bool] = lambda task: True) -> ObjectKey | None:
        tasks = [task for task in self._api.stored(Kind.CRON_TASK) if wanted(task)]
        if not tasks or self._clock.monotonic() > CHAOS_SECONDS:
            return None
        metadata = tasks[int(event.number * 997) % len(tasks)]["metadata"]
        return ObjectKey(Kind.CRON_TASK, metadata["namespace"], metadata["name"])

    def _apply(self, task: ObjectKey, spec: Document) -> None:
        if self._exists(task):
            metadata = {"name": task.name, "namespace": task.namespace}
            self._api.apply({"kind": "CronTask", "metadata": metadata, "spec": spec})

    def _exists(self, task: ObjectKey) -> bool:
        return any(known["metadata"]["name"] == task.name for known in self._api.stored(Kind.CRON_TASK))

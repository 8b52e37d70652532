"""What happens to a task, as small numbers: seconds from its creation. Made a scenario, its lines read back."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from crontask.api.names import ANNOTATION_CATCH_UP, LABEL_RUN, nominal_of
from crontask.api.outcomes import times_of
from crontask.cli.manifest import complete
from crontask.decide.refusal import POD_REJECTED, RUN_REJECTED
from crontask.decide.task.record import TIMING_CHANGED, UNKNOWN
from crontask.ports import ApiError, Document, Kind, ObjectKey
from crontask.simulation.simulate import Failing, Happening, Scenario, Simulation, simulate
from crontask.timetable import IntervalTimetable, Jitter

CREATED = datetime(2026, 3, 1, tzinfo=UTC)
NAME = "default/a"
Stretches = tuple[tuple[int, int], ...]
# The first second, the one after the last, and the status with which the API server answers.
Refused = tuple[tuple[int, int, int], ...]
# How many histories, told at the end of a run of the tests.
tally: Counter[str] = Counter()
# Clocks further apart are not believed (guarantee 7).
SKEW = 30
# Late by less is a failover, and no time missed (guarantee 8).
FAILOVER = 10


@dataclass(frozen=True)
class History:
    """A task that is due every `gap` seconds, and what happens to it. Ends of stretches are left out of them."""

    gap: int = 300
    takes: int = 10
    length: int = 3600
    policy: str = "Forbid"
    max: int | None = None
    queue_limit: int = 10
    catch_up: str = "Latest"
    limit: int = 10
    deadline: int | None = None
    downs: Stretches = ()
    pauses: Stretches = ()
    edits: tuple[tuple[int, int], ...] = ()
    backs: tuple[tuple[int, int], ...] = ()
    jitter: int = 0
    refused_runs: Refused = ()
    refused_pods: Refused = ()
    start_timeout: int = 900
    # Whether runs may be pre-created. One that is taken so says that runs are taken again.
    reserves: bool = True
    failing: float = 0.0
    seed: int = 0
    # Further fields of the spec, which the oracle does not know.
    spec: dict[str, Any] = field(default_factory=dict)

    def is_down(self, now: int) -> bool:
        """Whether there is no operator at that second."""
        return any(first <= now < last for first, last in self.downs)

    def is_paused(self, now: int) -> bool:
        """Whether spec.suspend is true at that second."""
        return any(first <= now < last for first, last in self.pauses)

    def gap_at(self, now: int) -> int:
        """The gap that the spec has at that second."""
        return next((gap for when, gap in reversed(self.edits) if when <= now), self.gap)

    def behind(self, now: int) -> int:
        """How many seconds the operator's clock is behind the true one at that second."""
        return sum(by for when, by in self.backs if when <= now)

    def is_away(self, now: int) -> bool:
        """Whether nobody decides about times at that second."""
        return self.is_down(now) or self.behind(now) > SKEW

    def start_of(self, nominal: int, gap: int) -> int:
        """When the run of a nominal time may start, by a timing with that gap."""
        jitter, timetable = Jitter(timedelta(seconds=self.jitter), NAME), IntervalTimetable(CREATED, _seconds(gap))
        return _second(jitter.start_of(at(nominal), timetable))

    def refused_run(self, now: int) -> int | None:
        """What the API server answers to the creation of a run at that second, None if it takes it."""
        return _answer(self.refused_runs, now)

    def refused_pod(self, now: int) -> int | None:
        """The same of a pod."""
        return _answer(self.refused_pods, now)


@dataclass(frozen=True, order=True)
class Decided:
    """One decision about one nominal time, both in seconds from the creation."""

    time: int
    nominal: int
    what: str


def _answer(refused: Refused, now: int) -> int | None:
    return next((status for first, last, status in refused if first <= now < last), None)


def timing(gap: int) -> dict[str, Any]:
    """The timing fields of a task that is due every `gap` seconds, as a merge patch sets them."""
    minutes, rest = divmod(gap, 60)
    if rest or minutes > 60 or 60 % minutes:
        return {"schedule": None, "interval": f"{gap}s"}
    return {"schedule": "0 * * * *" if minutes == 60 else f"*/{minutes} * * * *", "interval": None}


def at(second: int) -> datetime:
    """The instant that many seconds after the creation."""
    return CREATED + timedelta(seconds=second)


def scenario(history: History, by_stretches: bool = True) -> Scenario:
    """The history as the simulation takes it."""
    concurrency: dict[str, Any] = {"policy": history.policy}
    if history.max is not None:
        concurrency["max"] = history.max
    if history.policy == "Queue":
        concurrency["queueLimit"] = history.queue_limit
    catch_up: dict[str, Any] = {"policy": history.catch_up}
    if history.catch_up == "All":
        catch_up["limit"] = history.limit
    spec = {
        **{name: value for name, value in timing(history.gap).items() if value is not None},
        "concurrency": concurrency,
        "catchUp": catch_up,
        "handler": {"container": {"image": "busybox"}},
        **history.spec,
    }
    if history.deadline is not None:
        spec["startingDeadline"] = f"{history.deadline}s"
    if history.jitter:
        spec["jitter"] = f"{history.jitter}s"
    if history.refused_pods:
        spec["startTimeout"] = f"{history.start_timeout}s"
    happenings = [Happening(at(when), partial(_edit, timing(gap))) for when, gap in history.edits]
    for first, last in history.pauses:
        happenings.append(Happening(at(first), partial(_edit, {"suspend": True})))
        happenings.append(Happening(at(last), partial(_edit, {"suspend": False})))
    happenings += [Happening(at(when), partial(_turn_back, by)) for when, by in history.backs]
    for first, last in history.downs:
        happenings.append(Happening(at(first), Simulation.operator_down, order=1))
        happenings.append(Happening(at(last), Simulation.operator_up, order=1))
    return Scenario(
        complete({"metadata": {"name": "a"}, "spec": spec}, CREATED),
        CREATED,
        at(history.length),
        CREATED,
        timedelta(seconds=history.takes),
        Failing(history.failing, history.seed),
        tuple(happenings),
        by_stretches,
    )


def decided(history: History, by_stretches: bool = True) -> list[Decided]:
    """What the simulation decides, one entry a nominal time: a count stands for times that follow each other."""
    if history.refused_runs or history.refused_pods:
        # A quiet stretch does not ask the API server.
        return watch(history).entries
    return _entries(history, scenario(history, by_stretches))


def _entries(history: History, played: Scenario) -> list[Decided]:
    entries = []
    for line in simulate(played):
        time = _second(line.time)
        if line.nominal is not None:
            gap, nominal = _gap_until(history, time), _second(line.nominal)
            what = _what(line.decision.value, line.reason)
            entries += [Decided(time, nominal + n * gap, what) for n in range(line.count)]
        elif line.reason in UNKNOWN:
            # It tells of no time: nobody knows which they were.
            entries.append(Decided(time, time, "Unseen"))
    return sorted(entries)


def _what(decision: str, reason: str) -> str:
    """The decision, in words of its own where an edit, a pause or the API server made it."""
    if decision == "Skip" and reason in (TIMING_CHANGED, "Suspended"):
        return "Drop"
    return "Reject" if decision == "Miss" and reason == RUN_REJECTED else decision


def _gap_until(history: History, second: int) -> int:
    """The gap of the times that a decision of that second is about: an edit that is seen then counts from then."""
    seen = next((now for now in reversed(range(second)) if not history.is_away(now)), 0)
    return history.gap_at(seen)


@dataclass
class Watched:
    """What was seen of a history: decisions, watermarks as they were written, the most pods and catching-up at once."""

    history: History
    entries: list[Decided] = field(default_factory=list)
    watermarks: list[str] = field(default_factory=list)
    most_pods: int = 0
    most_catching_up: int = 0
    statuses: int = 0
    status: Document = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._alive: set[str] = set()
        self._late: set[str] = set()
        # The ends of runs that never had a pod, which no decision about a time tells of.
        self._ends: dict[str, Decided] = {}

    def play(self) -> None:
        """Play the history in the engine alone, and watch."""
        played = scenario(self.history, by_stretches=False)
        begin = Happening(CREATED, self._begin, order=-1)
        entries = _entries(self.history, replace(played, happenings=(begin, *played.happenings)))
        self.entries = sorted((*entries, *self._ends.values()))

    def record(self) -> tuple[dict[int, str], int, int]:
        """What the last status says of each nominal time; after when that is complete, and up to when."""
        if "decidedSince" not in self.status:
            return {}, 0, 0
        since = datetime.fromisoformat(self.status["decidedSince"])
        until = datetime.fromisoformat(self.status.get("lastScheduledTime") or self.status["decidedSince"])
        times = times_of(self.status.get("decided"), since)
        return {_second(time): letter.value for time, letter in times}, _second(since), _second(until)

    def _begin(self, world: Simulation) -> None:
        world.api.fault = partial(_refuse, self.history, world)
        for kind, see in (
            (Kind.CRON_TASK, self._see_task),
            (Kind.POD, self._see_pod),
            (Kind.SCHEDULED_RUN, self._see_run),
        ):
            self._tasks.append(asyncio.create_task(self._follow(world, kind, see)))

    async def _follow(self, world: Simulation, kind: Kind, see: Callable[[Document, bool, int], None]) -> None:
        async for event in world.api.follow(kind):
            see(orjson.loads(event.object), event.type != "DELETED", _second(world.clock.now()))

    def _see_task(self, task: Document, is_there: bool, now: int) -> None:
        self.status = task.get("status", {})
        watermark = self.status.get("lastScheduledTime")
        self.statuses += 1
        if watermark is not None:
            self.watermarks.append(watermark)

    def _see_pod(self, pod: Document, is_there: bool, now: int) -> None:
        name = pod["metadata"]["name"]
        self._late.discard(pod["metadata"]["labels"][LABEL_RUN])
        if is_there and pod["status"]["phase"] not in ("Succeeded", "Failed"):
            self._alive.add(name)
        else:
            self._alive.discard(name)
        self.most_pods = max(self.most_pods, len(self._alive))

    def _see_run(self, run: Document, is_there: bool, now: int) -> None:
        """Runs of times that were missed, as long as they wait; and how those end whose pod is refused."""
        name, status = run["metadata"]["name"], run.get("status", {})
        nominal, phase = _second(datetime.fromisoformat(run["spec"]["scheduledTime"])), status.get("phase")
        reasons = [condition["reason"] for condition in status.get("conditions", ())]
        if POD_REJECTED in reasons:
            self._ends.setdefault(name, Decided(now, nominal, "Fail"))
        elif phase == "Canceled" and "startTime" not in status:
            self._ends.setdefault(name, Decided(now, nominal, "Cancel"))
        if not is_there or status.get("podName") or "completionTime" in status:
            self._late.discard(name)
        elif not status and ANNOTATION_CATCH_UP in run["metadata"].get("annotations", {}):
            created = _second(datetime.fromisoformat(run["metadata"]["creationTimestamp"]))
            if created - self.history.behind(created) - nominal >= FAILOVER:
                self._late.add(name)
        self.most_catching_up = max(self.most_catching_up, len(self._late))


def watch(history: History) -> Watched:
    """Play a history in the engine alone, and watch all that it writes."""
    watched = Watched(history)
    watched.play()
    return watched


def _refuse(history: History, world: Simulation, verb: str, key: ObjectKey) -> ApiError | None:
    """What the API server says against a creation, None if nothing."""
    now, status = _second(world.clock.now()), None
    if key.kind is Kind.POD and verb in ("create", "dry-run"):
        status = history.refused_pod(now)
    elif key.kind is Kind.SCHEDULED_RUN and verb == "create":
        status = history.refused_run(now) or (403 if not history.reserves and _is_ahead(history, world, key) else None)
    return ApiError(status, _REASONS[status], "refused by the test") if status is not None else None


def _is_ahead(history: History, world: Simulation, key: ObjectKey) -> bool:
    """Whether the run is pre-created."""
    nominal, now = nominal_of(world.key.name, key.name), world.clock.now()
    start = history.start_of(_second(nominal), history.gap_at(_second(now))) if nominal is not None else 0
    return at(start) > world.operator_clock.now()


_REASONS = {403: "Forbidden", 422: "Invalid", 500: "InternalError"}


def _seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


def _second(instant: datetime) -> int:
    return int((instant - CREATED).total_seconds())


def _edit(spec: dict[str, Any], world: Simulation) -> None:
    world.edit({"spec": spec})


def _turn_back(by: int, world: Simulation) -> None:
    world.turn_back(timedelta(seconds=by))

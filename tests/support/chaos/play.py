"""Play a seed: the world comes up, goes wrong, and is left alone; then it is judged."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from chaos.batch_acts import BatchActs, batch_events
from chaos.batches import with_batches
from chaos.changes import Changes
from chaos.fan_outs import with_counts
from chaos.ledger import Ledger
from chaos.network import Sent, Weather
from chaos.operators import Operator
from chaos.pods import has_ended
from chaos.rerun_acts import RerunActs, rerun_events
from chaos.story import CHAOS_SECONDS, CONTAINER, Event, Story, make_story
from chaos.verdict import judge
from chaos.workflow_acts import WorkflowActs, workflow_events
from crontask.api.names import run_name
from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.kubelet import MemoryKubelet
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock, run_virtual

EPOCH = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
QUIET_SECONDS = 240
_LAST_SECONDS = 90


@dataclass(frozen=True)
class Outcome:
    """What came of a seed: everything that is wrong, and the trace to read."""

    seed: int
    wrong: tuple[str, ...]
    trace: tuple[str, ...]
    runs: int

    def __str__(self) -> str:
        return "\n".join((f"seed {self.seed}:", *self.wrong, "", *self.trace))


def play(seed: int) -> Outcome:
    """Play it, on virtual time."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return run_virtual(lambda: _World(make_story(seed)).play())
    finally:
        logging.disable(before)


class _World:
    """The API server, the kubelet, and operators that come and go."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._random = Random(story.seed + 1)
        self._clock = VirtualClock(EPOCH)
        self._api = MemoryApi(self._clock, logs=False)
        self._ledger = Ledger(self._clock)
        self._api.observers.append(self._ledger.observe)
        self._weather = Weather(slow=0.01)
        self._operators: list[Operator] = []
        self._names = count(1)
        self._do_again = False
        self._take_names = False
        self._kill_at_stops = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._changes = Changes(self._api, self._clock, self._ledger, self._later, self._kill_all, self._start_again)

        self._workflows = WorkflowActs(self._api, self._later, lambda: len(self._ledger.runs))
        self._kubelet = MemoryKubelet(self._api, self._clock, with_counts(with_batches(self._story.plan)))
        self._batches = BatchActs(
            self._api, self._kubelet, self._later, lambda: len(self._ledger.runs), self._take_away
        )
        self._reruns = RerunActs(self._api, self._later, lambda: len(self._ledger.runs))

    async def play(self) -> Outcome:
        """All of the story, then the quiet, then what came of it."""
        kubelet = asyncio.create_task(self._kubelet.run())
        for task in self._story.tasks:
            self._api.apply(task)
        self._start_operator()
        if self._story.standby:
            self._start_operator()
        seed = self._story.seed
        others = (*workflow_events(seed), *batch_events(seed), *rerun_events(seed))
        for event in sorted((*self._story.events, *others), key=lambda event: event.at):
            await self._clock.sleep(event.at - self._clock.monotonic())
            self._ledger.say(f"*** {event.what}")
            self._happen(event)
        await self._clock.sleep(CHAOS_SECONDS - self._clock.monotonic())
        self._calm()
        await self._clock.sleep(QUIET_SECONDS - _LAST_SECONDS)
        self._ledger.idle_writes.clear()
        await self._clock.sleep(_LAST_SECONDS)
        wrong = (*self._ledger.violations, *judge(self._api, self._ledger, self._clock.now()), *self._faults())
        for operator in self._operators:
            operator.kill()
        kubelet.cancel()
        return Outcome(self._story.seed, wrong, tuple(self._ledger.trace), len(self._ledger.runs))

    # --- operators ---------------------------------------------------------------------------------------------------

    def _start_operator(self) -> None:
        name = f"op{next(self._names)}"
        random = Random(self._random.random())
        operator = Operator(name, self._api, self._clock, random, self._weather, self._before, self._ledger.landing)
        self._operators.append(operator)
        operator.start()
        self._ledger.say(f"{name} starts")

    @property
    def _leader(self) -> Operator | None:
        alive = [operator for operator in self._operators if not operator.process.dead]
        return next((operator for operator in alive if operator.leads), alive[0] if alive else None)

    def _calm(self) -> None:
        self._ledger.say("*** calm")
        self._weather.errors = self._weather.drops = self._weather.slow = 0.0
        self._api.down = False
        self._changes.calm()
        for operator in self._operators:
            operator.process.cut = False
            operator.process.thaw()
            operator.process.offset = timedelta(0)
            operator.check_clock()
        if all(operator.process.dead for operator in self._operators):
            self._start_operator()

    def _faults(self) -> tuple[str, ...]:
        """Operators that ended by themselves."""
        return tuple(
            f"{operator.process.name} ended: {operator.main.exception()!r}"
            for operator in self._operators
            if operator.main is not None
            and operator.main.done()
            and not operator.main.cancelled()
            and operator.main.exception()
        )

    def _later(self, seconds: float, act: Coroutine[Any, Any, None]) -> None:
        async def wait() -> None:
            await self._clock.sleep(seconds)
            await act

        task = asyncio.create_task(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what happens ------------------------------------------------------------------------------------------------

    def _happen(self, event: Event) -> None:
        acts = {
            "kill": self._kill,
            "kill at a stop": self._begin_killing_at_stops,
            "terminate": self._terminate,
            "freeze": self._freeze,
            "cut": self._cut,
            "api down": self._api_down,
            "drop watches": lambda _: self._api.drop_watches(),
            "forget versions": self._forget_versions,
            "bad weather": self._bad_weather,
            "delete a pod": self._delete_pod,
            "evict a pod": self._evict_pod,
            "lose a pod": self._lose_pod,
            "remove a run": self._remove_run,
            "cancel a run": self._cancel_run,
            "remove a task": self._remove_task,
            "clock": self._turn_clock,
            "manual run": self._run_manually,
            "run with a key": self._run_with_key,
            "run and complete": self._run_and_complete,
            "do again": self._begin_doing_again,
            "take a name": self._take_name,
            "take a pod's name": self._take_pod_name,
            **self._changes.acts,
            **self._workflows.acts,
            **self._batches.acts,
            **self._reruns.acts,
        }
        acts[event.what](event)

    def _kill(self, event: Event) -> None:
        leader = self._leader
        if leader is None:
            return
        leader.kill()
        self._later(event.number * 25, self._start_again())

    def _kill_all(self) -> None:
        for operator in self._operators:
            if not operator.process.dead:
                operator.kill()

    async def _start_again(self) -> None:
        if sum(not operator.process.dead for operator in self._operators) < 2:
            self._start_operator()

    def _begin_killing_at_stops(self, event: Event) -> None:
        self._kill_at_stops = True

    def _kill_at_stop(self, sent: Sent) -> None:
        """It is killed when it has asked for a pod's end, before it can record it."""
        if self._kill_at_stops and self._random.random() < 0.5 and self._clock.monotonic() < CHAOS_SECONDS:
            for operator in self._operators:
                if operator.process.name == sent.sender and not operator.process.dead:
                    self._ledger.say(f"*** {sent.sender} is killed as it stops {sent.key.name}")
                    operator.kill()
                    self._later(self._random.uniform(0, 20), self._start_again())

    def _terminate(self, event: Event) -> None:
        leader = self._leader
        if leader is not None:
            self._later(0, self._stop(leader))
            self._later(0.1 + event.number * 3, self._start_again())

    async def _stop(self, operator: Operator) -> None:
        await operator.stop()
        operator.kill()

    def _freeze(self, event: Event) -> None:
        leader = self._leader
        if leader is not None:
            leader.process.freeze()
            self._later(1 + event.number * 40, self._thaw(leader))

    async def _thaw(self, operator: Operator) -> None:
        self._ledger.say(f"{operator.process.name} goes on")
        operator.process.thaw()

    def _cut(self, event: Event) -> None:
        leader = self._leader
        if leader is not None:
            leader.process.cut = True
            self._later(1 + event.number * 40, self._join(leader))

    async def _join(self, operator: Operator) -> None:
        operator.process.cut = False

    def _api_down(self, event: Event) -> None:
        self._api.down = True
        self._later(1 + event.number * 20, self._api_up())

    async def _api_up(self) -> None:
        self._api.down = False

    def _forget_versions(self, event: Event) -> None:
        """The watches break, things happen, and where they were is forgotten."""
        self._api.drop_watches()
        pod = self._some_pod(event)
        if pod is not None:
            self._take_away(pod)
            self._later(0, self._api.remove(pod))
        self._api.compact()

    def _bad_weather(self, event: Event) -> None:
        self._weather.errors, self._weather.drops, self._weather.slow = 0.05 + 0.3 * event.number, 0.1, 0.1
        self._later(20, self._better_weather())

    async def _better_weather(self) -> None:
        slow = 0.01 if self._clock.monotonic() < CHAOS_SECONDS else 0.0
        self._weather.errors, self._weather.drops, self._weather.slow = 0.0, 0.0, slow

    def _delete_pod(self, event: Event) -> None:
        pod = self._some_pod(event)
        if pod is not None:
            self._take_away(pod)
            uid = self._api.document(pod)["metadata"]["uid"]
            self._later(0, self._api.delete(pod, uid=uid))

    def _evict_pod(self, event: Event) -> None:
        pod = self._some_pod(event)
        if pod is not None:
            self._take_away(pod)
            self._api.set_status(pod, {"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"})

    def _lose_pod(self, event: Event) -> None:
        pod = self._some_pod(event)
        if pod is not None:
            self._take_away(pod)
            self._later(0, self._api.remove(pod))

    def _take_away(self, pod: ObjectKey) -> None:
        for owner in self._api.document(pod)["metadata"].get("ownerReferences", ()):
            self._ledger.lost[owner["uid"]].add(pod.name)

    def _remove_run(self, event: Event) -> None:
        run = self._some(Kind.SCHEDULED_RUN, event)
        if run is not None:
            self._later(0, self._api.remove(run))

    def _cancel_run(self, event: Event) -> None:
        run = self._some(Kind.SCHEDULED_RUN, event)
        if run is not None:
            self._api.apply({"kind": "ScheduledRun", "metadata": _named(run), "spec": {"cancel": True}})

    def _remove_task(self, event: Event) -> None:
        task = self._some(Kind.CRON_TASK, event)
        if task is not None:
            self._ledger.touched.add(task.name)
            self._later(0, self._api.remove(task))

    def _turn_clock(self, event: Event) -> None:
        leader = self._leader
        if leader is None:
            return
        by = timedelta(seconds=round((event.number - 0.5) * 120))
        self._ledger.tolerance = max(self._ledger.tolerance, timedelta(seconds=30))
        # What is missed by a wrong clock is not what the times below expect.
        self._ledger.touched |= {task["metadata"]["name"] for task in self._story.tasks}
        leader.process.offset += by
        leader.check_clock()

    async def _before(self, sent: Sent) -> None:
        """Just before the operator removes or makes a run, somebody does it, and another has the name then."""
        if sent.key.kind is Kind.POD and sent.verb in ("patch", "delete"):
            self._kill_at_stop(sent)
        if sent.key.kind is not Kind.SCHEDULED_RUN:
            return
        if sent.verb == "create" and self._take_names and self._random.random() < 0.2:
            self._take(sent.key.name)
        if sent.verb == "delete" and self._do_again and self._random.random() < 0.5:
            self._ledger.say(f"*** {sent.key.name} is done again")
            await self._api.remove(sent.key)
            self._create_run(sent.key.name, {"taskRef": {"name": "on-demand"}, "at": "2030-01-01T00:00:00Z"})

    # --- what people do ----------------------------------------------------------------------------------------------

    def _begin_doing_again(self, event: Event) -> None:
        self._do_again = True

    def _run_manually(self, event: Event) -> None:
        spec: Document = {"taskRef": {"name": self._task_name(event)}}
        if event.number < 0.3:
            spec["delay"] = "10s"
        if event.number > 0.7:
            spec = {"handler": CONTAINER, "timeout": "30s", "startTimeout": "30s", "ttlAfterFinished": "20s"}
        self._create_run(f"hand-{len(self._ledger.runs)}", spec)

    def _run_with_key(self, event: Event) -> None:
        spec = {"taskRef": {"name": "on-demand"}, "idempotencyKey": f"k{int(event.number * 2)}", "timeout": "30s"}
        for copy in range(2):
            self._create_run(f"key-{len(self._ledger.runs)}-{copy}", spec)

    def _run_and_complete(self, event: Event) -> None:
        spec = {"taskRef": {"name": self._task_name(event)}, "onComplete": {"taskRef": {"name": "on-demand"}}}
        self._create_run(f"then-{len(self._ledger.runs)}", spec)

    def _create_run(self, name: str, spec: Document) -> None:
        self._api.apply({"kind": "ScheduledRun", "metadata": {"name": name, "namespace": "default"}, "spec": spec})

    def _take_name(self, event: Event) -> None:
        """Somebody's run has the name that a scheduled one would have."""
        timed = [task for task in self._story.tasks if {"interval", "schedule"} & set(task["spec"])]
        task = timed[int(event.number * 997) % len(timed)] if timed else self._story.tasks[0]
        now, due = self._clock.now(), EPOCH
        if "interval" in task["spec"]:
            gap = timedelta(seconds=int(task["spec"]["interval"].rstrip("s")))
            due = EPOCH + gap * ((now - EPOCH) // gap + 1)
        else:
            due = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        self._take_names = True
        self._take(run_name(task["metadata"]["name"], due))

    def _take(self, name: str) -> None:
        spec = {"taskRef": {"name": "on-demand"}, "at": "2030-01-01T00:00:00Z"}
        if not any(run["metadata"]["name"] == name for run in self._api.stored(Kind.SCHEDULED_RUN)):
            self._create_run(name, spec)

    def _take_pod_name(self, event: Event) -> None:
        """Somebody's pod has the name that a run's would have."""
        name = f"taken-{len(self._ledger.runs)}"
        pod = {"kind": "Pod", "metadata": {"name": f"{name}-1", "namespace": "default"}, "spec": {"containers": []}}
        self._api.apply(pod)
        self._create_run(name, {"handler": CONTAINER})

    # --- choices -----------------------------------------------------------------------------------------------------

    def _task_name(self, event: Event) -> str:
        tasks = self._story.tasks
        return str(tasks[int(event.number * 997) % len(tasks)]["metadata"]["name"])

    def _some(self, kind: Kind, event: Event) -> ObjectKey | None:
        documents = self._api.stored(kind)
        if not documents:
            return None
        metadata = documents[int(event.number * 997) % len(documents)]["metadata"]
        return ObjectKey(kind, metadata["namespace"], metadata["name"])

    def _some_pod(self, event: Event) -> ObjectKey | None:
        """A pod of a run that neither has ended nor is being stopped."""
        found = [
            ObjectKey(Kind.POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
            for pod in self._api.stored(Kind.POD)
            if pod["metadata"].get("ownerReferences")
            and not has_ended(pod)
            and "deletionTimestamp" not in pod["metadata"]
        ]
        return found[int(event.number * 997) % len(found)] if found else None


def _named(key: ObjectKey) -> Document:
    return {"name": key.name, "namespace": key.namespace}

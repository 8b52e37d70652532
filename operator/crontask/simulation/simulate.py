"""What the operator would do with a task: its own engine, decisions and timetable on virtual time.

The API server, the kubelet and time are simulated; long quiet stretches are gone through by `quiet`.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from crontask.api.names import ANNOTATION_APPROVE, ANNOTATION_REJECT, LABEL_RUN
from crontask.api.scheduledrun import Parent, ScheduledRunStatus
from crontask.decide.composite.approval_record import WAITING_FOR_APPROVAL
from crontask.decide.decisions import DecisionKind, Transition
from crontask.decide.model import ScheduledRun
from crontask.decide.run.decide import decide_run
from crontask.decide.task.conditions import CLOCK_SKEWED
from crontask.engine.keys import key_of, run_key
from crontask.ports import ApiError, Document, Kind, ObjectKey
from crontask.simulation.batches import batches_in, counting
from crontask.simulation.kubelet import MemoryKubelet, Plan
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.operator import CLOCK_SKEW, OperatorClock, SimulatedOperator
from crontask.simulation.quiet import QuietStretch, Runs, quiet_stretch
from crontask.simulation.stand_in import stand_ins
from crontask.simulation.unstarted import unstarted
from crontask.simulation.virtual_time import VirtualClock, VirtualTimeLoop

# The operator wakes so late that what ends at an instant is known to have ended at that instant (guarantee 9).
_WAKES_LATE = 0.002
_ENDS_LATE = 0.0005
# So many changes are kept for watches, which deliver each before time goes on.
_HISTORY = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """A decision: when, about which nominal time and run, and for how many times.

    `message`, where the reason alone does not say what to do about it. `fails`: the run that starts will fail. `part`:
    of the run, where it is about one; `unstarted`: one that no run does.
    """

    time: datetime
    decision: DecisionKind
    nominal: datetime | None
    reason: str
    run: str | None
    count: int = 1
    message: str | None = None
    fails: bool = False
    part: str | None = None
    unstarted: bool = False


@dataclass(frozen=True, slots=True)
class Failing:
    """How many of a hundred runs fail, chosen by the seed and the run's name."""

    percent: float = 0.0
    seed: int = 0

    def fails(self, run: str) -> bool:
        """Whether that run fails."""
        number = int.from_bytes(sha256(f"{self.seed}\0{run}".encode()).digest()[:8])
        return number < self.percent / 100 * 2**64


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens at a time, to the task or to the operator."""

    at: datetime
    act: "Callable[[Simulation], Any]"
    # At one instant, ends come before beginnings, in the order given.
    order: int = 0


@dataclass(frozen=True)
class Scenario:
    """What is simulated: an object from its creation on, in [start, end), and what happens meanwhile.

    It is a CronTask; or a ScheduledRun, alone, and `task`, where it names one.
    """

    manifest: Document
    start: datetime
    end: datetime
    created: datetime
    run_takes: timedelta = timedelta(seconds=10)
    failing: Failing = Failing()
    happenings: tuple[Happening, ...] = ()
    by_stretches: bool = True
    # Observe of the time each time that some has passed.
    passed: Callable[[datetime], None] = lambda now: None
    # Of workflows: the parts that fail, NAME or NAME/undo, and how long each takes that does not take `run_takes`. Of
    # approvals: which are rejected, and how long each is waited for.
    failing_parts: frozenset[str] = frozenset()
    part_takes: Mapping[str, timedelta] = field(default_factory=dict)
    # What they give back.
    part_results: Mapping[str, Any] = field(default_factory=dict)
    task: Document | None = None
    # Of a task in batches: after so many all is done.
    batches: int = 3


@dataclass
class Simulation:
    """The world of one scenario. What happens to it are its methods."""

    scenario: Scenario
    clock: VirtualClock
    lines: deque[Line] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.api = MemoryApi(self.clock, history=_HISTORY, logs=False)
        self.operator_clock = OperatorClock(self.clock, _WAKES_LATE)
        self.kubelet = MemoryKubelet(self.api, self.clock, self._plan)
        self.operator: SimulatedOperator | None = None
        self._replacing: set[str] = set()
        # What keeps the task from starting, decided before the first instant that is shown.
        self._standing: Line | None = None
        self._skewed = False
        # When it was last looked for a quiet stretch: the version of the world, and until when it might have lasted.
        self._looked_at: tuple[int, datetime] | None = None
        # What is said already about parts of runs.
        self._said: set[tuple[str, str]] = set()
        self._ended = False
        manifest = self.scenario.manifest
        kind = next(kind for kind in Kind if kind.kind == manifest["kind"])
        self.key = ObjectKey(kind, manifest["metadata"]["namespace"], manifest["metadata"]["name"])

    async def run(self) -> AsyncIterator[Line]:
        """The lines of the scenario as they come."""
        playing = asyncio.create_task(self.kubelet.run())
        documents = [document for document in (self.scenario.task, self.scenario.manifest) if document]
        for document in (*documents, *stand_ins(documents)):
            self.api.apply(document)
        await self.operator_up()
        first = Happening(self.scenario.start, Simulation._show, order=-1)
        last = Happening(self.scenario.end, lambda simulation: None, order=9)
        for happening in sorted((first, *self.scenario.happenings, last), key=lambda h: (h.at, h.order)):
            async for line in self._until(happening.at):
                yield line
            if happening.at < self.scenario.end:
                outcome = happening.act(self)
                if outcome is not None:
                    await outcome
        await self.operator_down()
        playing.cancel()

    # --- what happens ------------------------------------------------------------------------------------------------

    async def operator_up(self) -> None:
        """An operator starts."""
        if self.operator is None:
            self.operator = SimulatedOperator(self.api, self.operator_clock, observe=self._observe, only_observe=True)
            await self.operator.start()
            self._compare_clocks()

    async def operator_down(self) -> None:
        """The operator is killed."""
        if self.operator is not None:
            await self.operator.kill()
            self.operator = None

    def edit(self, patch: Document) -> None:
        """Somebody applies a merge patch to what is simulated."""
        allowed = {name: value for name, value in patch.items() if name in ("spec", "metadata")}
        named = {**allowed, "kind": self.key.kind.kind}
        named["metadata"] = {**allowed.get("metadata", {}), "name": self.key.name, "namespace": self.key.namespace}
        self.api.apply(named)

    def turn_back(self, by: timedelta) -> None:
        """Somebody turns back the operator's clock."""
        self.operator_clock.offset -= by
        if self.operator is not None:
            self.operator.check_clock()
            self._compare_clocks()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _until(self, at: datetime) -> AsyncIterator[Line]:
        """Let time pass up to an instant, in quiet stretches where there are any."""
        loop = _virtual_time()
        while self.clock.now() < at:
            # What has just happened to the task is seen before time goes on.
            await loop.settled()
            stretch = self._quiet_stretch(at)
            if stretch is None:
                await loop.pass_time((at - self.clock.now()).total_seconds())
            else:
                for line in self._lines_of(stretch):
                    yield line
                await self._jump(stretch)
            self.scenario.passed(self.clock.now())
            while self.lines:
                yield self.lines.popleft()

    def _quiet_stretch(self, until: datetime) -> QuietStretch | None:
        """The quiet stretch that begins now. Where there was none, there is none before something changes."""
        offset = self.operator_clock.offset
        if self.key.kind is not Kind.CRON_TASK:
            return None
        if not self.scenario.by_stretches or self.operator is None or abs(offset) > CLOCK_SKEW:
            return None
        looked_at = self.api.version, until
        if looked_at == self._looked_at:
            return None
        self._looked_at = looked_at
        view = self.operator.store.task_view(self.key, self.clock.now())
        if view is None:
            return None
        runs = Runs(self.scenario.run_takes, self.scenario.failing.fails, behind=-offset)
        return quiet_stretch(view, self.clock.now(), until, runs)

    def _lines_of(self, stretch: QuietStretch) -> Iterator[Line]:
        for start in stretch.starts:
            if start.at >= self.scenario.start:
                fails = self.scenario.failing.fails(start.run)
                yield Line(start.at, DecisionKind.START, start.nominal, _STARTED, start.run, fails=fails)

    async def _jump(self, stretch: QuietStretch) -> None:
        """Have the status say what the stretch did, and pass over it."""
        loop = _virtual_time()
        self.api.set_status(self.key, stretch.status)
        await loop.settled()
        loop.skip((stretch.ends - self.clock.now()).total_seconds())
        await loop.settled()

    def _observe(self, subject: ObjectKey, transition: Transition) -> None:
        if self.key.kind is Kind.SCHEDULED_RUN and transition.run != self.key.name:
            return
        kind = transition.kind
        if transition.reason == WAITING_FOR_APPROVAL and transition.part is not None:
            self._answer_later(subject, transition.part)
        if kind is DecisionKind.REPLACE and transition.run is not None:
            self._replacing.add(transition.run)
        if kind is DecisionKind.QUEUE and transition.run in self._replacing:
            # Its turn in the queue is part of the replacement.
            return
        if kind is None:
            self._observe_end(transition)
            return
        # What the end of a part leads to is said after it; what was so when a part starts, or the run ends, before.
        if kind is not DecisionKind.START and (transition.part is None or transition.why == _STARTED_PART):
            self._add_unstarted(transition.run)
        self._add(self._line(kind, transition))
        self._add_unstarted(transition.run)

    def _line(self, kind: DecisionKind, transition: Transition) -> Line:
        run, part = transition.run, transition.part
        if run is not None and part is not None:
            self._said.add((run, part))
        reason = _STARTED if kind is DecisionKind.START else transition.why or transition.reason
        message = transition.message if kind in _EXPLAINED else None
        fails = kind is DecisionKind.START and run is not None and self.scenario.failing.fails(run)
        nominal = transition.nominal if part is None else None
        return Line(self.clock.now(), kind, nominal, reason, run, transition.count, message, fails, part)

    def _observe_end(self, transition: Transition) -> None:
        """Of a run that is simulated alone, an end is worth a line also where it is no decision of its task."""
        run = self._run(self.key.name) if self.key.kind is Kind.SCHEDULED_RUN else None
        phase = run.status.phase if run is not None and run.ended else None
        if phase is not None and not self._ended:
            self._ended = True
            self._add(self._line(DecisionKind.END, replace(transition, why=phase.value)))

    def _add_unstarted(self, name: str | None) -> None:
        """What has become of the parts of a run that no run does: as it is decided, and soon recorded."""
        run = self._run(name) if name is not None else None
        if run is None or run.status.composite is None:
            return
        for kind, part, reason, message in unstarted(self._status(run)):
            if (run.meta.name, part) not in self._said:
                self._said.add((run.meta.name, part))
                now = self.clock.now()
                self._add(Line(now, kind, None, reason, run.meta.name, message=message, part=part, unstarted=True))

    def _status(self, run: ScheduledRun) -> ScheduledRunStatus:
        """What is decided about a run by now: that is recorded within a second."""
        view = self.operator.store.run_view(key_of(run)) if self.operator is not None else None
        if view is None or run.ended:
            return run.status
        return decide_run(view, self.operator_clock.now()).status

    def _run(self, name: str) -> ScheduledRun | None:
        """A run as the operator knows it."""
        return self.operator.store.run(run_key(self.key.namespace, name)) if self.operator is not None else None

    def _answer_later(self, run: ObjectKey, step: str) -> None:
        """Somebody answers a step that waits for approval: at once, unless that takes a while."""
        # A timer, and no task: whoever answers does not go with the operator.
        loop, takes = asyncio.get_running_loop(), self.scenario.part_takes.get(step, timedelta(0))
        loop.call_later(self._until_second(takes), self._answer, run, step)

    def _answer(self, run: ObjectKey, step: str) -> None:
        rejected = step in self.scenario.failing_parts or self.scenario.failing.fails(run.name)
        annotation = ANNOTATION_REJECT if rejected else ANNOTATION_APPROVE
        try:
            before = self.api.document(run)["metadata"].get("annotations", {}).get(annotation)
        except ApiError:
            # The run is gone.
            return
        named = {annotation: f"{before},{step}" if before else step}
        metadata = {"name": run.name, "namespace": run.namespace, "annotations": named}
        self.api.apply({"kind": run.kind.kind, "metadata": metadata})

    def _compare_clocks(self) -> None:
        """While the operator does not believe its clock, nothing starts on schedule."""
        skewed = abs(self.operator_clock.offset) > CLOCK_SKEW
        if skewed != self._skewed:
            self._skewed = skewed
            kind = DecisionKind.SUSPEND if skewed else DecisionKind.RESUME
            reason, message = ("ClockSkew", CLOCK_SKEWED) if skewed else ("ClocksAgree", None)
            self._add(Line(self.clock.now(), kind, None, reason, None, message=message))

    def _add(self, line: Line) -> None:
        """To the second; before the first instant that is shown, only what keeps the task from starting."""
        line = replace(line, time=line.time.replace(microsecond=0))
        if line.time >= self.scenario.start:
            self.lines.append(line)
        elif line.decision in _STANDING:
            self._standing = line
        elif line.decision is DecisionKind.RESUME:
            self._standing = None

    def _show(self) -> None:
        """The first instant that is shown has come."""
        if self._standing is not None:
            self.lines.append(replace(self._standing, time=self.scenario.start))

    def _plan(self, pod: Document) -> Plan:
        """A pod that starts at once and ends on the second, before the operator wakes for what is due then."""
        run = pod["metadata"]["labels"][LABEL_RUN]
        asked = self.api.document(ObjectKey(Kind.SCHEDULED_RUN, self.key.namespace, run))["spec"].get("parent", {})
        part = Parent.model_validate(asked).part if asked else ""
        # A run that fails does so in its first step.
        fails = self.scenario.failing.fails(asked.get("root", run)) and "undo" not in asked
        wanted = self.scenario.part_takes.get(part, self.scenario.run_takes)
        results = self.scenario.part_results
        message = json.dumps({"result": results[part]}) if part in results else ""
        writes: tuple[tuple[float, str], ...] = ()
        if (several := batches_in(pod)) is not None and not (fails or part in self.scenario.failing_parts):
            first = self._until_second(wanted)
            writes = tuple(several.messages(counting(self.scenario.batches), wanted.total_seconds(), first))
            wanted += timedelta(seconds=writes[-1][0] - first)
        elif "batch" in asked:
            message = json.dumps(counting(self.scenario.batches)(asked["batch"].get("cursor"), 0))
        code = int(fails or part in self.scenario.failing_parts)
        return Plan(runs=self._until_second(wanted), exit_code=code, message=message, stops_in=0, writes=writes)

    def _until_second(self, takes: timedelta) -> float:
        """Seconds until what takes so long from this second on has ended."""
        within = self.clock.now().microsecond / 1e6
        return max(0.0, takes.total_seconds() - within + _ENDS_LATE)


_STARTED = "Due"
# Why is said where the reason alone does not.
_EXPLAINED = (DecisionKind.INVALID, DecisionKind.END, DecisionKind.OVERDUE)
_STARTED_PART = "Started"
_STANDING = (DecisionKind.SUSPEND, DecisionKind.INVALID, DecisionKind.COMPLETE)
_BATCH = 1000


def _virtual_time() -> VirtualTimeLoop:
    """The loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop), "a simulation runs on virtual time"
    return loop


def simulate(scenario: Scenario) -> Iterator[Line]:
    """The decisions of a scenario, in the order of their times."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:

        async def make() -> AsyncIterator[Line]:
            return Simulation(scenario, VirtualClock(scenario.created)).run()

        lines = runner.run(make())

        async def following() -> list[Line]:
            batch = []
            async for line in lines:
                batch.append(line)
                if len(batch) == _BATCH:
                    break
            return batch

        while batch := runner.run(following()):
            yield from batch

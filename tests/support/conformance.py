"""Beside CronJob: what a case is, and what crontask does in it.

The facts are those of the versions below. `outcome` computes ours with the operator's own engine, or with validate.
The cases are in conformance_cases.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as member
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from crontask.api.base import API_VERSION
from crontask.api.names import run_name
from crontask.api.validate import validate_name, validate_task
from crontask.decide.decisions import DecisionKind
from crontask.ports import Document, Kind
from crontask.simulation.simulate import Happening, Line, Scenario, Simulation, simulate

KUBERNETES, ROBFIG_CRON = "1.35.4", "3.0.1"
CONTROLLER = "pkg/controller/cronjob/cronjob_controllerv2.go"
UTILS = "pkg/controller/cronjob/utils.go"
ADMISSION = "pkg/apis/batch/validation/validation.go"
DEFAULTS = "pkg/apis/batch/v1/defaults.go"
STRATEGY = "pkg/registry/batch/cronjob/strategy.go"
SPEC, PARSER, DELAY = "robfig/cron/spec.go", "robfig/cron/parser.go", "robfig/cron/constantdelay.go"
SOURCES = (CONTROLLER, UTILS, ADMISSION, DEFAULTS, STRATEGY, PARSER, SPEC, DELAY)
DAY = "2026-06-01"


@dataclass(frozen=True)
class Event:
    """Something that happens: to the task (`edit`, `delete`), the operator (`down`, `up`) or a name (`take`)."""

    at: str
    what: str
    patch: Mapping[str, Any] = member(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One behaviour. Times are UTC, of DAY unless they begin with a date.

    `ours` is what `outcome` must be. `cronjob_starts` are in the same words; None where they depend on more than the
    schedule, or where one of the two refuses the object. `why`: where ours differs, the reason.
    """

    topic: str
    name: str
    spec: Mapping[str, Any]
    cronjob: str
    sources: tuple[str, ...]
    ours: tuple[str, ...]
    cronjob_starts: tuple[str, ...] | None = None
    why: str = ""
    happens: str = ""
    between: tuple[str, str] = ("00:30", "06:30")
    events: tuple[Event, ...] = ()
    takes: timedelta = timedelta(seconds=10)
    counts_runs: bool = False
    named: str = "task"

    @property
    def refused(self) -> bool:
        """Whether crontask refuses it."""
        return self.ours[:1] != () and self.ours[0].startswith(("spec.", "metadata."))


def outcome(case: Case) -> tuple[str, ...]:
    """What crontask does: its decisions as they are made, or why it refuses the spec."""
    spec = {**case.spec, "handler": {"container": {"image": "busybox:1.36"}}}
    problems = (*validate_name(case.named), *validate_task(spec, f"default/{case.named}")[1])
    if problems:
        return tuple(str(problem) for problem in problems)
    runs: list[str] = []
    start, end = at(case.between[0]), at(case.between[1])
    happenings = [_happening(event) for event in case.events]
    if case.counts_runs:
        happenings.append(Happening(end - timedelta(seconds=1), partial(_count_runs, runs), 2))
    metadata = {"name": case.named, "namespace": "default"}
    manifest = {"apiVersion": API_VERSION, "kind": "CronTask", "metadata": metadata, "spec": spec}
    scenario = Scenario(manifest, start, end, start, case.takes, happenings=tuple(happenings), by_stretches=False)
    lines = list(simulate(scenario))
    if case.counts_runs:
        return tuple(runs)
    return tuple(_words(line) for line in lines)


def starts(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Only the starts."""
    return tuple(line for line in lines if " Start " in f" {line} ")


def starts_on(days: str, time: str = "03:00") -> tuple[str, ...]:
    """Starts on time on days of June: `02 05`."""
    return tuple(f"Start 06-{day} {time}" for day in days.split())


def starts_at(times: str, day: str = "") -> tuple[str, ...]:
    """Starts on time: `01:00 02:00`, of a day that is not DAY: `03-29`."""
    return tuple(f"Start {day} {time}" if day else f"Start {time}" for time in times.split())


def at(text: str) -> datetime:
    """`05:30`, or `2026-10-25 00:30`."""
    return datetime.fromisoformat(text if len(text) > len("05:30:00") else f"{DAY} {text}").replace(tzinfo=UTC)


def _words(line: Line) -> str:
    on_time = line.nominal == line.time
    nominal = [_clock(line.nominal)] if line.nominal is not None else []
    count = [f"x{line.count}"] if line.count > 1 else []
    reason = [line.reason] if line.decision in (DecisionKind.MISS, DecisionKind.SKIP) else []
    return " ".join([*([] if on_time else [_clock(line.time)]), str(line.decision), *nominal, *count, *reason])


def _clock(time: datetime) -> str:
    clock = time.strftime("%H:%M:%S" if time.second else "%H:%M")
    return clock if time.date().isoformat() == DAY else f"{time:%m-%d} {clock}"


def _happening(event: Event) -> Happening:
    acts: dict[str, Callable[[Simulation], Any]] = {
        "down": Simulation.operator_down,
        "up": Simulation.operator_up,
        "edit": partial(_edit, dict(event.patch)),
        "delete": _delete,
        "take": partial(_take, event.patch.get("time", "")),
    }
    return Happening(at(event.at), acts[event.what], int(event.what in ("down", "up")))


def _edit(spec: Document, world: Simulation) -> None:
    world.edit({"spec": spec})


def _delete(world: Simulation) -> Any:
    return world.api.remove(world.key)


def _take(time: str, world: Simulation) -> None:
    """Somebody else makes a run of the name that the task's run of that time would have."""
    other = {"taskRef": {"name": "another"}, "at": "2030-01-01T00:00:00Z"}
    world.api.apply({"kind": "ScheduledRun", "metadata": {"name": run_name("task", at(time))}, "spec": other})


def _count_runs(found: list[str], world: Simulation) -> None:
    found.append(f"{len(world.api.documents(Kind.SCHEDULED_RUN))} runs are there at the end")

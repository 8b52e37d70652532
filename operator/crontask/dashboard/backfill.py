"""A backfill as the page has it: what is asked for, the plan of it, and that as templates show it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crontask.api.names import BACKFILL_CHOICES, BACKFILL_MISSING
from crontask.api.times import format_time, parse_since
from crontask.client.answers import written as written_json
from crontask.client.requests import Document
from crontask.client.tree import phase_of
from crontask.dashboard.command_lines import backfill_line
from crontask.dashboard.forms import BadFormError
from crontask.dashboard.moments import Moment
from crontask.dashboard.plain import one_line, plain
from crontask.dashboard.symbols import Look, look_of
from crontask.dashboard.views import Scene
from crontask.decide.task.backfill import MEANS, MOST_RUNS, BackfillPlan, note_on, ranges_of, why_never
from crontask.decide.task.local_times import LocalTimes
from crontask.decide.task.past import MOST_TIMES, Outcome, TooManyTimesError, past_times
from crontask.decide.task.range import BadRangeError, Range
from crontask.engine.parse import parse_run, parse_task

DEFAULTS = {"from": "7d", "to": "", "only": BACKFILL_MISSING, "parallel": "1"}
_MEANS = {**MEANS, Outcome.UNKNOWN: f"{MEANS[Outcome.UNKNOWN]}; “all” takes them, and what is done"}
_LONGEST, _MOST_RANGES = 64, 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for."""

    within: Range
    only: str
    parallel: int

    @property
    def fields(self) -> dict[str, str]:
        """As a form has it: the same times, whenever it is sent."""
        start, end = format_time(self.within.start), format_time(self.within.end)
        return {"from": start, "to": end, "only": self.only, "parallel": str(self.parallel)}


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """How many of the times have an outcome."""

    count: int
    look: Look
    taken: bool
    note: str


@dataclass(frozen=True, slots=True)
class TimeRow:
    """A time that it is for; or, where `left` is not 0, so many that are not shown."""

    moment: Moment | None
    look: Look | None
    note: str
    left: int = 0


@dataclass(frozen=True, slots=True)
class PlanModel:
    """The plan. `first`: the run of one that was made before for the same; `ranges`: where it is too much for one.

    `fields`: of the form that makes it.
    """

    outcomes: tuple[OutcomeRow, ...]
    summary: str
    times: tuple[TimeRow, ...]
    meanwhile: tuple[str, ...]
    in_the_way: tuple[tuple[str, str], ...]
    first: str
    first_href: str
    first_look: Look | None
    ranges: tuple[tuple[str, str], ...]
    count: int
    fields: Mapping[str, str]
    line: str


@dataclass(frozen=True, slots=True)
class BackfillModel:
    """What the template shows. `why_never`: why the task has no times to be made up for; `nothing`: why no plan."""

    namespace: str
    name: str
    href: str
    action: str
    fields: Mapping[str, str]
    choices: tuple[str, ...]
    most: int
    why_never: str
    nothing: str
    plan: PlanModel | None


def asked_of(form: Mapping[str, str], now: datetime) -> Asked:
    """What a form asks for. Raises BadFormError."""
    written = {**DEFAULTS, **{key: form[key].strip() for key in DEFAULTS if key in form}}
    if written["only"] not in BACKFILL_CHOICES:
        choices = ", ".join(BACKFILL_CHOICES)
        raise BadFormError(f"only: {one_line(written['only'])[:_LONGEST]!r} is none of {choices}")
    parallel = written["parallel"]
    is_number = parallel.isascii() and parallel.isdigit() and len(parallel) < 9
    if not is_number or not 1 <= int(parallel) <= MOST_RUNS:
        raise BadFormError(f"at a time: {one_line(parallel)[:_LONGEST]!r} is not a number from 1 to {MOST_RUNS}")
    start, end = _time("from", written["from"], now), _time("to", written["to"], now) if written["to"] else None
    try:
        return Asked(Range.of(start, end, now), written["only"], int(parallel))
    except BadRangeError as error:
        raise BadFormError(str(error)) from None


def plan_of(task: Document, runs: tuple[Document, ...], asked: Asked) -> BackfillPlan | None:
    """What it would do; None where there is no nominal time at all. Raises BadFormError.

    `runs`: of the task, and those without a task, among which its backfills are. Of many times it takes a while.
    """
    parsed = parse_task(written_json(task), lambda meta: None)
    if not parsed.valid:
        raise BadFormError("\n".join(plain(f"the task is not valid: {problem}") for problem in parsed.problems))
    if why := why_never(parsed):
        raise BadFormError(f"{parsed.meta.name} has no times that could be made up for: {why}")
    known = tuple(parse_run(written_json(run), lambda meta: None) for run in runs)
    within = asked.within
    try:
        times = past_times(parsed, known, within.start, within.end, within.now, MOST_TIMES)
    except TooManyTimesError as error:
        raise BadFormError(
            f"{error.count:,} nominal times are more than {MOST_TIMES:,}; ask for a shorter range"
        ) from None
    return BackfillPlan(parsed, within, times, asked.only, asked.parallel, known) if times else None


def model_of(
    task: Document, form: Mapping[str, str], scene: Scene, plan: PlanModel | None = None, nothing: str = ""
) -> BackfillModel:
    """What is shown. `form`: what was written, or asked for before."""
    namespace, name = task["metadata"]["namespace"], task["metadata"]["name"]
    parsed = parse_task(written_json(task), lambda meta: None)
    return BackfillModel(
        namespace,
        name,
        scene.links.task(namespace, name),
        scene.links.task(namespace, name, "backfill"),
        {key: form.get(key, default)[:_LONGEST] for key, default in DEFAULTS.items()},
        BACKFILL_CHOICES,
        MOST_RUNS,
        why_never(parsed) if parsed.valid else "",
        nothing,
        plan,
    )


def shown(plan: BackfillPlan, asked: Asked, first: Document | None, scene: Scene) -> PlanModel:
    """The plan. `first`: the run that was made for the same before."""
    namespace, name = plan.task.meta.namespace, plan.task.meta.name
    count = len(plan.chosen)
    too_many = ranges_of(plan.chosen, plan.asked.end, MOST_RUNS) if count > MOST_RUNS else []
    return PlanModel(
        tuple(
            OutcomeRow(number, look_of(outcome.value), taken, _MEANS.get(outcome, ""))
            for outcome, number, taken in plan.outcomes
        ),
        plan.summary,
        tuple(_times(plan, scene)) if count else (),
        tuple(plan.meanwhile()) if count else (),
        tuple((run, scene.links.run(namespace, run)) for run in plan.in_the_way),
        plan.name if first is not None else "",
        scene.links.run(namespace, plan.name) if first is not None else "",
        look_of(phase_of(first)) if first is not None else None,
        tuple(_range(asked, start, end, scene, namespace, name) for start, end in too_many[:_MOST_RANGES]),
        count,
        asked.fields,
        backfill_line(namespace, name, asked.fields, yes=count > _UNASKED, force=bool(plan.in_the_way)),
    )


# As many as the command line makes without asking.
_UNASKED = 20


def _times(plan: BackfillPlan, scene: Scene) -> list[TimeRow]:
    local, zone = LocalTimes(plan.task), plan.task.spec.time_zone
    rows = []
    for each in plan.shown(local):
        if isinstance(each, int):
            rows.append(TimeRow(None, None, "", each))
        else:
            note = one_line(note_on(each, local))
            rows.append(TimeRow(scene.clock.moment(each.nominal, zone), look_of(each.outcome.value), note))
    return rows


def _range(asked: Asked, start: datetime, end: datetime, scene: Scene, *task: str) -> tuple[str, str]:
    """The address of a part of it, and what it is called."""
    namespace, name = task
    fields = {**asked.fields, "from": format_time(start), "to": format_time(end)}
    address = scene.links.to("ns", namespace, "tasks", name, "backfill", **fields)
    return address, f"{fields['from']} to {fields['to']}"


def _time(field: str, text: str, now: datetime) -> datetime:
    try:
        return parse_since(text[:_LONGEST], now)
    except (ValueError, OverflowError) as error:
        raise BadFormError(f"{field}: {one_line(error)}") from None

"""The creation of a part: which run it is, and what it is made from. Only the plan and its args decide that."""

from collections.abc import Iterable

from crontask.api.names import PART_OF_COLLECT, part_name, step_of_part
from crontask.api.rerun import RerunOf
from crontask.api.scheduledrun import Parent
from crontask.api.simple_handler import SimpleHandler
from crontask.decide.composite.model import CompositeView, WantedPart
from crontask.decide.decisions import CreatePart
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import Plan

_SIMPLE_FIELDS = tuple(SimpleHandler.model_fields)


def create_part(view: CompositeView, wanted: WantedPart) -> CreatePart:
    """The creation of a part of the run."""
    return CreatePart(
        view.name_of(wanted.part),
        view.run,
        _asked(view.run, view.plan, wanted),
        None if wanted.task is not None else _simple(wanted.handler),
        view.plan.handler.pod,
        wanted.args,
        wanted.retry,
        wanted.timeout,
        wanted.start_timeout,
        wanted.task,
        wanted.scheduled_time,
        _rerun(view, wanted),
    )


def _rerun(view: CompositeView, wanted: WantedPart) -> RerunOf | None:
    """What the part runs again: that of the run that is run again, where it is composite and has failed."""
    name, asked = view.plan.again.parts.get(wanted.part), view.run.spec.rerun_of
    return RerunOf(name=name, definition=asked.definition) if name is not None and asked is not None else None


def _simple(handler: SimpleHandler) -> SimpleHandler:
    """The handler, without what is said of the part beside it."""
    return SimpleHandler(**{name: getattr(handler, name) for name in _SIMPLE_FIELDS})


def own_parts(run: ScheduledRun, claiming: Iterable[ScheduledRun]) -> dict[str, ScheduledRun]:
    """By part, of the runs that say that they are parts of a run, those that the operator has made for it."""
    return {key: part for part in claiming if (key := _part_of(run, part)) is not None}


def _part_of(run: ScheduledRun, part: ScheduledRun) -> str | None:
    """Which part of the run it is; None if it only says so. Each decision asks that of each of a thousand parts."""
    known: tuple[str, str | None] | None = part.memo.get("part")
    if known is None or known[0] != run.meta.uid:
        asked, key = part.spec.parent, None
        if asked is not None and part.meta.owner_uid == run.meta.uid:
            key = asked.part if part.meta.name == part_name(run.meta.name, run.meta.uid, asked.part) else None
        known = part.memo["part"] = (run.meta.uid, key)
    return known[1]


def begin_of_key(run: ScheduledRun, plan: Plan, part: str) -> str:
    """With what the idempotency key of a part begins: with that of the run, or of the one that this runs again."""
    again, above = plan.again, run.spec.parent
    kept = again.keys.get(step_of_part(part)) or (again.key if part != PART_OF_COLLECT else None)
    if kept is not None:
        return kept
    # The parts of a part that is run again have to differ from those that it had.
    return above.key if above is not None and run.spec.rerun_of is None else run.meta.uid


def _asked(run: ScheduledRun, plan: Plan, wanted: WantedPart) -> Parent:
    above = run.spec.parent
    return Parent(
        name=run.meta.name,
        uid=run.meta.uid,
        root=above.root if above is not None else run.meta.name,
        depth=run.depth + 1,
        key=f"{begin_of_key(run, plan, wanted.part)}/{wanted.key}",
        **wanted.asked,
    )

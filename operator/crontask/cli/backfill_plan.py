"""The plan of a backfill as the terminal shows it, and as data."""

from collections.abc import Iterator
from typing import Any

from crontask.api.times import format_time
from crontask.cli.columns import aligned
from crontask.decide.task.backfill import MEANS, BackfillPlan, note_on
from crontask.decide.task.local_times import LocalTimes
from crontask.decide.task.past import Outcome

_MEANS = {**MEANS, Outcome.UNKNOWN: f"{MEANS[Outcome.UNKNOWN]}; --only all runs them, and what is done"}


def lines_of(plan: BackfillPlan) -> Iterator[str]:
    """The plan for people."""
    first, last = plan.times[0].nominal, plan.times[-1].nominal
    yield f"{plan.task.meta.namespace}/{plan.task.meta.name} from {format_time(first)} to {format_time(last)}"
    rows = [("TIMES", "RESULT", "RUN", "NOTE")]
    for outcome, count, taken in plan.outcomes:
        rows.append((f"{count:,}", outcome.value, "yes" if taken else "no", _MEANS.get(outcome, "")))
    yield from (line.rstrip() for line in aligned(rows))
    yield ""
    yield plan.summary
    if plan.chosen:
        yield from _listed(plan)
        yield from plan.meanwhile()


def report_on(plan: BackfillPlan, *, created: bool) -> dict[str, Any]:
    """As docs/backfill-and-audit.md has it."""
    local, takes = LocalTimes(plan.task), plan.takes
    results = {outcome.value: count for outcome, count, _ in plan.outcomes}
    return {
        "namespace": plan.task.meta.namespace,
        "task": plan.task.meta.name,
        "from": format_time(plan.asked.start),
        "to": format_time(plan.asked.end),
        "only": plan.only,
        "parallel": plan.parallel,
        "run": plan.name,
        "created": created,
        "openBackfills": plan.in_the_way,
        "totals": {"times": len(plan.times), "chosen": len(plan.chosen), "results": results},
        "takesSeconds": int(takes.total_seconds()) if takes is not None else None,
        "liveTimes": plan.live_times,
        "times": [
            {
                "nominal": format_time(each.nominal),
                "local": local.local(each.nominal).isoformat(),
                "note": local.notes(each.nominal),
                "result": each.outcome.value,
                "reason": each.why,
            }
            for each in plan.chosen
        ],
    }


def _listed(plan: BackfillPlan) -> Iterator[str]:
    """The times that it is for."""
    local = LocalTimes(plan.task)
    rows = [("NOMINAL (UTC)", "LOCAL", "RESULT", "NOTE")]
    for each in plan.shown(local):
        if isinstance(each, int):
            rows.append((f"… {each:,} more", "", "", ""))
        else:
            note = note_on(each, local)
            rows.append((format_time(each.nominal), local.written(each.nominal), each.outcome.value, note))
    yield from (line.rstrip() for line in aligned(rows, "  "))

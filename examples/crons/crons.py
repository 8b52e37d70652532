"""The crons of a shop: what is registered here is what runs.

    crontask apply examples/crons/crons.py --prune

Applied again it changes what has changed; what is not registered any more is deleted, once its runs have ended. Each
function runs in a pod of its own, which loads this very file. Called from a program or a test it is a plain function.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from crontask import Concurrency, Context, Crons, Retry

crons = Crons(owner="shop")


@dataclass
class Totals:
    """What a run gives back; the task's resultSchema is made of it."""

    index: str
    documents: int
    day: date | None = None


def clean_up(ctx: Context, *, max_age_days: int) -> dict[str, int]:
    """Remove what is too old."""
    ctx.logger.info("removing what is older than %d days", max_age_days)
    return {"removed": max_age_days}


def report(ctx: Context) -> str:
    """The numbers of the last working day."""
    return f"sales for {ctx.scheduled_time:%Y-%m-%d}"


crons.interval("clean-up", minutes=15, run=clean_up, args={"max_age_days": 30})
crons.cron("daily-report", "0 9 * * 1-5", time_zone="Europe/Berlin", run=report)


@crons.task(schedule="H 3 * * *", retry=Retry(limit=3), timeout=timedelta(hours=1))
def rebuild(ctx: Context, *, index: str = "main", day: date | None = None) -> Totals:
    """Build an index anew: each night, and whenever somebody asks for it."""
    ctx.progress(processed=3, errors=0)
    return Totals(index, documents=3, day=day)


@crons.task(on_demand=True, concurrency=Concurrency(policy="Queue"))
async def ship(ctx: Context, *, order: int) -> int:
    """Ship an order: triggered, never scheduled."""
    return order


def main() -> None:
    """What an application does with them: run one now, with its arguments checked by the type checker."""
    # Here, since the pods have no need of it.
    from crontask import Client

    with Client(app="shop") as client:
        run = rebuild.trigger(client, index="books", day=date(2026, 3, 1))
        print(run.result(Totals, timeout=300))
        ship.trigger.options(delay=timedelta(seconds=5), key="order-42")(client, order=42)


if __name__ == "__main__":
    main()

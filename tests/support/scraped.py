"""A world whose operator is measured, and what Prometheus reads of it.

Callers: tests/unit/engine.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import Any

from engine_world import World
from prometheus_client.parser import text_string_to_metric_families

from crontask.decide.model import Config
from crontask.engine.exposition import Exposition, OfTasks
from crontask.engine.metrics import Metrics, Sources
from crontask.ports import Document
from crontask.simulation.kubelet import Plan
from crontask.simulation.virtual_time import run_virtual

Samples = dict[str, float]


class ScrapedWorld(World):
    """`leads`, `skew`, `certificate_end`: what the metrics say of them."""

    def __init__(self, plan: Callable[[Document], Plan] = lambda pod: Plan()) -> None:
        super().__init__(plan)
        self.metrics = Metrics()
        self.leads, self.skew = True, 0.0
        self.certificate_end: float | None = None

    def measured_operator(self, config: Config | None = None) -> AbstractAsyncContextManager[None]:
        """An operator that leads, whose metrics are these."""
        return self.operator(config, metrics=self.metrics)

    def exposition(self, of_tasks: OfTasks = "auto", timer: Callable[[], float] = perf_counter) -> Exposition:
        """The page of the operator that leads."""
        sources = Sources(
            lambda: self.leads, self.queue, self.store, self.informers, lambda: self.skew, lambda: self.certificate_end
        )
        return Exposition(self.metrics, sources, self.clock, of_tasks, timer)

    async def scrape(self, of_tasks: OfTasks = "auto") -> Samples:
        """What there is to read now: the values of all samples, like `starts_total{origin="Manual"}`."""
        return samples_of(await self.exposition(of_tasks).page(0))


def samples_of(page: bytes) -> Samples:
    """The samples of a page that are ours, without the prefix, their labels in order of the alphabet."""
    found: Samples = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return {key.removeprefix("crontask_"): value for key, value in found.items() if key.startswith("crontask_")}


def of_task(samples: Samples, task: str, namespace: str = "jobs") -> Samples:
    """Those of one task, without its name: `active_runs`, or `suspended Suspended` with the reason."""
    found: Samples = {}
    for key, value in samples.items():
        name, _, labels = key.removesuffix("}").partition("{")
        pairs = dict(pair.split("=", 1) for pair in labels.split(",") if pair)
        if pairs.get("task") == f'"{task}"' and pairs.get("namespace") == f'"{namespace}"':
            reason = pairs.get("reason", "").strip('"')
            found[f"{name.removeprefix('task_')} {reason}".strip()] = value
    return found


def play_scraped(
    story: Callable[[ScrapedWorld], Coroutine[Any, Any, None]], plan: Callable[[Document], Plan] | None = None
) -> None:
    """Run a story on virtual time."""

    async def main() -> None:
        world = ScrapedWorld(plan or (lambda pod: Plan()))
        kubelet = asyncio.create_task(world.kubelet.run())
        await story(world)
        kubelet.cancel()

    run_virtual(main)

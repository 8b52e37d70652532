"""Jobs that are done side by side, each as soon as those that it needs are done; all end if one fails.

Called by prepare. Standard library only.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from cluster import commands, report


@dataclass(frozen=True)
class Job:
    """`needs`: the names of the jobs that come before it; those that are not among the jobs are done already."""

    name: str
    do: Callable[[], object]
    needs: tuple[str, ...] = ()


def run(jobs: Iterable[Job]) -> None:
    """Do all jobs. If one fails, or on a Ctrl-C, the long commands of the others are ended, and its error is raised."""
    waiting = list(jobs)
    running: dict[Future[object], Job] = {}
    with commands.together(), ThreadPoolExecutor(max_workers=max(1, len(waiting))) as threads:
        try:
            while waiting or running:
                _start_ready(waiting, running, threads)
                assert running, f"needed, but by no job made: {waiting}"
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    future.result()
        except BaseException:
            if running:
                report.say("     ending what else runs")
            commands.end_all()  # Before the threads are awaited, which is at the end of the block.
            raise


def _start_ready(waiting: list[Job], running: dict[Future[object], Job], threads: ThreadPoolExecutor) -> None:
    not_done = {job.name for job in (*waiting, *running.values())}
    for job in [job for job in waiting if not not_done.intersection(job.needs)]:
        waiting.remove(job)
        running[threads.submit(job.do)] = job

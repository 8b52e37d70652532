"""Counts of what happened, for Prometheus. Fed by transitions alone."""

from prometheus_client import Counter, Histogram

from crontask.decide.decisions import Transition

TRANSITIONS = Counter("crontask_transitions_total", "What happened to tasks and runs, by reason.", ["reason"])
START_LAG = Histogram(
    "crontask_start_lag_seconds",
    "From the nominal time of a run to the creation of its pod.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)


def observe(transition: Transition) -> None:
    """Count a transition; of a launch also how late it was."""
    TRANSITIONS.labels(transition.reason).inc(transition.count)
    if transition.lag is not None:
        START_LAG.observe(max(0.0, transition.lag.total_seconds()))

"""The metrics of the operator itself: counted as things happen, or read when Prometheus asks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from crontask.decide.decisions import Transition
from crontask.engine import metric
from crontask.engine.informer import Informer
from crontask.engine.metric import OTHER, REASONS, WRITES, Metric
from crontask.engine.queue import Priority, WriteQueue
from crontask.engine.store import Store
from crontask.ports import Kind
from crontask.version import __version__

DECIDED_KINDS = (Kind.CRON_TASK, Kind.SCHEDULED_RUN)
_WATCHED = (Kind.CRON_TASK, Kind.SCHEDULED_RUN, Kind.POD)


class Metrics:
    """What happened since the process began. Labels that are known beforehand are there from the beginning."""

    def __init__(self) -> None:
        # When each series began says nothing that its first value does not.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._starts = _counter(metric.STARTS, self.registry)
        self._start_lag = _histogram(metric.START_LAG, self.registry)
        self._finished = _counter(metric.RUNS_FINISHED, self.registry)
        self._decisions = _counter(metric.DECISIONS, self.registry)
        self._writes = _histogram(metric.WRITE, self.registry)
        self._decides = _histogram(metric.DECIDE, self.registry)
        for origin in metric.STARTS.labels["origin"]:
            self._starts.labels(origin)
            for phase in metric.RUNS_FINISHED.labels["phase"]:
                self._finished.labels(phase, origin)
        for kind, reasons in REASONS.items():
            for reason in reasons:
                self._decisions.labels(kind, reason)
        for written, verbs in WRITES.items():
            for verb in verbs:
                self._writes.labels(written.plural, verb, "201" if verb == "create" else "200")
        self._of_kind = {kind: self._decides.labels(kind.plural) for kind in DECIDED_KINDS}

    def observe(self, transition: Transition) -> None:
        """Count what happened: a start and how late it was, an end, a decision."""
        if transition.origin is not None and transition.ended is None:
            self._starts.labels(transition.origin).inc()
        if transition.origin is not None and transition.ended is not None:
            self._finished.labels(transition.ended.value, transition.origin).inc()
        if transition.lag is not None and transition.nominal is not None and transition.origin == "Schedule":
            self._start_lag.observe(max(0.0, transition.lag.total_seconds()))
        kind = transition.kind
        if kind is not None and kind in REASONS:
            reason = transition.why or transition.reason
            self._decisions.labels(kind, reason if reason in REASONS[kind] else OTHER).inc(transition.count)

    def wrote(self, kind: Kind, verb: str, code: int, seconds: float) -> None:
        """A write has been answered with that HTTP status; 0: it has not."""
        self._writes.labels(kind.plural, verb, str(code)).observe(seconds)

    def decided(self, kind: Kind, seconds: float) -> None:
        """A task or a run has been decided about."""
        self._of_kind[kind].observe(seconds)


@dataclass(frozen=True)
class Sources:
    """What is read when Prometheus asks. `skew`: seconds; `certificate_end`: a Unix time, None without one."""

    leading: Callable[[], bool]
    queue: WriteQueue
    store: Store
    informers: Sequence[Informer]
    skew: Callable[[], float]
    certificate_end: Callable[[], float | None]


class Readings(Collector):
    """The metrics that are how things are, and no count of what happened."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Family]:
        """See Collector."""
        sources = self._sources
        yield _gauge(metric.LEADER, float(sources.leading()))
        yield _by(metric.QUEUE_LENGTH, {each.name.lower(): sources.queue.waiting(each) for each in Priority})
        restarts = CounterMetricFamily(metric.WATCH_RESTARTS.full_name, metric.WATCH_RESTARTS.help, labels=("kind",))
        for kind in _WATCHED:
            # Where namespaces are watched by themselves, there is an informer for each.
            restarts.add_metric((kind.plural,), sum(each.restarts for each in sources.informers if each.kind is kind))
        yield restarts
        yield _by(metric.OBJECTS, {kind.plural: sources.store.count(kind) for kind in _WATCHED})
        yield _gauge(metric.CLOCK_SKEW, sources.skew())
        end = sources.certificate_end()
        if end is not None:
            yield _gauge(metric.CERTIFICATE_END, end)
        yield _by(metric.BUILD_INFO, {__version__: 1})


def _counter(defined: Metric, registry: CollectorRegistry) -> Counter:
    return Counter(defined.full_name, defined.help, tuple(defined.labels), registry=registry)


def _histogram(defined: Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(defined.full_name, defined.help, tuple(defined.labels), buckets=defined.buckets, registry=registry)


def _gauge(defined: Metric, value: float) -> Family:
    return GaugeMetricFamily(defined.full_name, defined.help, value=value)


def _by(defined: Metric, values: dict[str, int]) -> Family:
    """A gauge with one label."""
    family = GaugeMetricFamily(defined.full_name, defined.help, labels=tuple(defined.labels))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family

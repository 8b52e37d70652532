"""What `doctor` finds wrong with an installation and its tasks, of what was read of them. Pure."""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from crontask.api.names import PREDECESSOR_MISSING
from crontask.api.resources import CRON_TASK
from crontask.api.times import format_duration, format_time
from crontask.client.certificate import ends_of
from crontask.client.timing import instant
from crontask.decide.task.pause import TOO_MANY_FAILURES

Document = dict[str, Any]
State = Literal["ok", "warning", "problem", "unknown"]
_SKEW = timedelta(seconds=30)
_LONG = timedelta(days=7)
_SOON = timedelta(days=30)
_REFUSED_BY_US = re.compile(rf"admission webhook .*\.{CRON_TASK.group}\\?\" denied the request")
_NAMESPACE = "kubernetes.io/metadata.name"
_LEASE = timedelta(seconds=15)
_TIMED = ("schedule", "schedules", "interval", "delay")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at, how it is, and what to do."""

    check: str
    state: State
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.state:<9}{self.check}: {self.message}{f'; {self.fix}' if self.fix else ''}"


def of_leases(leases: Iterable[Document], now: datetime) -> Diagnosis:
    """Whether an operator leads."""
    spec = next(iter(leases), {}).get("spec")
    if spec is None:
        return Diagnosis("operator", "problem", "no operator has ever led here", "install the chart, or start it")
    holder, renewed = spec.get("holderIdentity"), instant(spec.get("renewTime"))
    lasts = timedelta(seconds=spec.get("leaseDurationSeconds") or _LEASE.total_seconds())
    if not holder or renewed is None:
        return Diagnosis("operator", "problem", "no operator leads", "see why its pod does not run")
    if now - renewed > lasts:
        ago = format_duration(now - renewed)
        return Diagnosis(
            "operator", "problem", f"{holder} led until {ago} ago, and nobody since", "see why its pod does not run"
        )
    return Diagnosis("operator", "ok", f"{holder} leads")


def our_webhooks(configurations: Iterable[Document]) -> list[Document]:
    """Those of them that ask about our objects."""
    hooks = [hook for each in configurations for hook in each.get("webhooks") or ()]
    return [hook for hook in hooks if str(hook.get("name", "")).endswith(f".{CRON_TASK.group}")]


def watched_by(ours: Iterable[Document]) -> frozenset[str] | None:
    """The namespaces of which the webhooks are asked: those that operators watch. None: all, or nobody knows."""
    found: set[str] = set()
    for hook in ours:
        selector = hook.get("namespaceSelector") or {}
        wanted = [{"key": key, "values": [value]} for key, value in (selector.get("matchLabels") or {}).items()]
        wanted += [each for each in selector.get("matchExpressions") or () if each.get("operator") == "In"]
        names = [each["values"] for each in wanted if each["key"] == _NAMESPACE]
        if not names:
            return None
        found.update(*names)
    return frozenset(found) or None


def of_namespaces(watched: frozenset[str] | None, here: str, tasks: Iterable[Document]) -> Iterator[Diagnosis]:
    """Those that no operator watches, of the one that is asked about (empty: all) and of the tasks."""
    if watched is None:
        return
    fix = f"add it to watchNamespaces of the chart, or use one that is there: {', '.join(sorted(watched))}"
    with_tasks = {str(task["metadata"]["namespace"]) for task in tasks}
    for namespace in sorted((with_tasks | {here}) - watched - {""}):
        state: State = "problem" if namespace in with_tasks else "warning"
        yield Diagnosis(f"namespace {namespace}", state, "no operator watches it: nothing starts here", fix)


def of_webhooks(ours: Sequence[Document], now: datetime) -> Iterator[Diagnosis]:
    """Whether what people write is looked at before it is stored, and until when that lasts."""
    if not ours:
        message = "none is configured: kubectl apply takes expressions, zones and code that cannot be used"
        yield Diagnosis("webhook", "warning", message, "set webhook.enabled=true in the chart, or read Ready")
    yield from dict.fromkeys(_of_bundle(hook, now) for hook in ours)


def _of_bundle(hook: Document, now: datetime) -> Diagnosis:
    """Whether the API server can trust the service, by the authorities that the configuration has."""
    text = (hook.get("clientConfig") or {}).get("caBundle")
    renew = "renew it: with the chart's own, delete its Secret and upgrade the release"
    if not text:
        message = "its configuration has no caBundle: the API server cannot trust the service"
        return Diagnosis("webhook", "problem", message, "see webhook.secretName and webhook.annotations of the chart")
    try:
        end = max(ends_of(base64.b64decode(text)))
    except ValueError as error:
        return Diagnosis("webhook", "problem", f"its caBundle cannot be read: {error}", renew)
    if end <= now:
        return Diagnosis("webhook", "problem", f"its certificate ended on {format_time(end)}", renew)
    if end - now < _SOON:
        return Diagnosis("webhook", "warning", f"its certificate ends on {format_time(end)}", renew)
    return Diagnosis("webhook", "ok", f"it is configured, with a certificate until {format_time(end)}")


def of_answer(said: str | None) -> Diagnosis:
    """Whether the webhook's service answers. `said`: against a task that it has to refuse; None: it was taken."""
    if said is None:
        message = "it does not answer: a task with the minute 61 would be taken"
        fix = "see whether the operator's pod is ready, and its Service reachable from the API server"
        return Diagnosis("webhook", "problem", message, fix)
    if _REFUSED_BY_US.search(said):
        return Diagnosis("webhook", "ok", "it answers, and refuses what cannot be used")
    return Diagnosis("webhook", "unknown", f"it was not reached: {said}")


def of_clock(ours: datetime, theirs: datetime | None) -> Diagnosis:
    """Whether this machine's clock agrees with the API server's."""
    if theirs is None:
        return Diagnosis("clock", "unknown", "the API server does not say its time")
    apart = abs(ours - theirs)
    if apart > _SKEW:
        message = f"this machine's clock and the API server's are {format_duration(apart)} apart"
        return Diagnosis("clock", "warning", message, "correct it: --at and --until are meant by the server's")
    return Diagnosis("clock", "ok", "it agrees with the API server's")


def of_tasks(tasks: Iterable[Document], now: datetime) -> Iterator[Diagnosis]:
    """Tasks that do not run, as far as they may not be meant to."""
    for task in tasks:
        yield from _of_task(task, now)


def of_runs(runs: Iterable[Document]) -> Iterator[Diagnosis]:
    """Runs that are to go on and do not, of those that are open: those of a task that say the same are one."""
    found: dict[tuple[str, str, str], list[Document]] = {}
    for run in runs:
        status = run.get("status") or {}
        if message := status.get("message"):
            task = (run["spec"].get("taskRef") or {}).get("name") or run["metadata"]["name"]
            said = f"{status.get('phase')}: {message}"
            found.setdefault((run["metadata"]["namespace"], task, said), []).append(run)
    for (_, _, said), alike in found.items():
        more = f" (and {len(alike) - 1} more of its task)" if len(alike) > 1 else ""
        fix = f"{_described(alike[0])} says more"
        yield Diagnosis(f"run {_name(alike[0])}", "warning", said + more, fix)


def of_namesakes(tasks: Iterable[Document], cron_jobs: Iterable[Document]) -> Iterator[Diagnosis]:
    """CronJobs and CronTasks of one name that both start what they do."""
    active = {_name(job) for job in cron_jobs if not job["spec"].get("suspend")}
    for task in tasks:
        if _name(task) in active and not task["spec"].get("suspend"):
            message = "a CronJob of this name is active as well: both start it"
            yield Diagnosis(f"task {_name(task)}", "problem", message, "suspend one of them")


def _of_task(task: Document, now: datetime) -> Iterator[Diagnosis]:
    spec, status = task["spec"], task.get("status") or {}
    check, phase = f"task {_name(task)}", status.get("phase")
    conditions = {each.get("type"): each for each in status.get("conditions") or ()}
    ready = conditions.get("Ready") or {}
    if phase is None:
        yield Diagnosis(check, "warning", "the operator has not seen it", "see whether one leads, and watches here")
    elif phase in ("Invalid", "Rejected"):
        said = ready.get("message") or ready.get("reason") or "its spec has a problem"
        yield Diagnosis(check, "problem", f"nothing starts: {said}")
    elif ready.get("reason") == PREDECESSOR_MISSING:
        fix = "create that one, or correct after.task"
        yield Diagnosis(check, "problem", f"nothing starts: it {ready.get('message')}", fix)
    elif phase == "Suspended":
        yield from _paused(task, conditions.get("Suspended") or {}, now)
    elif phase == "Active" and any(key in spec for key in _TIMED) and not _goes_on(status):
        yield Diagnosis(check, "warning", "it has no time to come", "see crontask next for why")
    if (overdue := conditions.get("Overdue") or {}).get("status") == "True":
        fix = f"{_described(task)} says what has become of its runs"
        yield Diagnosis(check, "problem", str(overdue.get("message") or "it is overdue"), fix)


def _goes_on(status: Document) -> bool:
    return bool(status.get("nextRunTime") or status.get("activeCount") or status.get("queued"))


def _paused(task: Document, condition: Document, now: datetime) -> Iterator[Diagnosis]:
    check, since = f"task {_name(task)}", instant(condition.get("lastTransitionTime"))
    if condition.get("reason") == TOO_MANY_FAILURES:
        meta = task["metadata"]
        fix = f"{_described(task)} says why; then: crontask resume {meta['name']} -n {meta['namespace']}"
        yield Diagnosis(check, "problem", str(condition.get("message") or "it has failed too often"), fix)
    elif since is not None and now - since > _LONG:
        why = condition.get("message") or condition.get("reason")
        message = f"it is suspended since {format_duration(now - since)}: {why}"
        yield Diagnosis(check, "warning", message, "resume it with crontask resume, or delete it")


def _described(found: Document) -> str:
    return f"crontask describe {found['metadata']['name']} -n {found['metadata']['namespace']}"


def _name(found: Document) -> str:
    return f"{found['metadata']['namespace']}/{found['metadata']['name']}"

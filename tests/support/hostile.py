"""Hostile input: objects that are odd, bad or forged, each with the message that it has to have.

`written_cases` are by hand; tests/support/hostile_drawn.py draws others from the CRDs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crontask.api.base import format_time
from crontask.api.names import run_name

Document = dict[str, Any]
MOST = 2**63 - 1
YEARLY = "0 3 1 1 *"
DEEPEST = 4000
ODD_TEXTS = {
    "rtl": "\u202etxt.exe \u05e9\u05dc\u05d5\u05dd",
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f3f4",
    "nul": "a\0b",
    "combining": "e" + "\u0301" * 40,
    "bom": "\ufeff\u200b",
    "noncharacter": "\uffff\ufffe",
    "lines": "a\r\nb\u2028c\u2029",
    "controls": "\x01\x1b[31m\x7f\x85",
    "astral": "\U0010ffff" * 12,
    "quotes": "\"'`$(CRONTASK_RUN)\\%s{}",
}


@dataclass(frozen=True)
class Case:
    """An object, and what is to be said of it.

    `refused`: by the API server, with these words (of `status`, if that is forged). Else `ready` (of a task) or `phase`
    (of a run), with `words` among those of the condition or message. `fires`: its task goes on starting runs. `event`:
    an event with that reason is told. `deep`: so many lists in one another as its args.
    """

    name: str
    kind: str
    spec: Any
    metadata: Document = field(default_factory=dict)
    status: Document = field(default_factory=dict)
    refused: str = ""
    ready: str = ""
    phase: str = ""
    words: str = ""
    fires: bool = False
    event: str = ""
    deep: int = 0

    @property
    def object_name(self) -> str:
        """The name of the object."""
        return str(self.metadata.get("name", self.name))


def played(seconds: float = 0.1, exit_code: int = 0, **spec: Any) -> Document:
    """A handler whose pods the stand-in kubelet plays."""
    template = {
        "metadata": {"annotations": {"stand-in/seconds": str(seconds), "stand-in/exit-code": str(exit_code)}},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "main", "image": "busybox:1.36"}], **spec},
    }
    return {"podTemplate": template}


def task(name: str, ready: str = "True", words: str = "", **fields: Any) -> Case:
    """A CronTask, of which something is said."""
    spec = fields.pop("spec", {})
    if not {"schedule", "schedules", "interval", "delay", "after"} & spec.keys():
        spec = {"schedule": YEARLY, **spec}
    return Case(
        name,
        "CronTask",
        {"handler": played(), **spec},
        ready="" if "refused" in fields else ready,
        words=words,
        **fields,
    )


def ticking(name: str, **fields: Any) -> Case:
    """A CronTask that starts a run each twenty seconds, whatever is odd about it."""
    spec = fields.pop("spec", {})
    return task(name, fires=True, spec={"interval": "20s", **spec}, **fields)


def run(name: str, phase: str = "Succeeded", words: str = "", **fields: Any) -> Case:
    """A ScheduledRun, of which something is said."""
    spec = fields.pop("spec", {})
    if "taskRef" not in spec:
        spec = {"handler": played(), **spec}
    return Case(name, "ScheduledRun", spec, phase="" if "refused" in fields else phase, words=words, **fields)


def written_cases(now: datetime) -> tuple[Case, ...]:
    """All cases that are written by hand."""
    return (
        *_args(),
        *_texts(),
        *_names(),
        *_times(),
        *_schedules(),
        *_zones_and_durations(),
        *_policies(),
        *_templates(),
        *_task_statuses(),
        *_run_statuses(),
        *_refused_statuses(),
        *_annotations(),
        *_owners(),
        *_chains(),
        *_taken_names(now),
    )


# --- what is handed over ---------------------------------------------------------------------------------------------


def _args() -> Iterator[Case]:
    full, over = {"a": "x" * (100 * 1024 - 8)}, {"a": "x" * (100 * 1024 - 7)}
    yield task("args-full", spec={"args": full})
    yield task("args-over", "False", "spec.args: has 102401 bytes", spec={"args": over})
    yield task("args-over-in-bytes", "False", "spec.args: has", spec={"args": {"a": "\u00e9" * (51 * 1024)}})
    yield run("run-args-full", spec={"args": full})
    yield run("run-args-over", "Failed", "spec.args: has 102401 bytes", spec={"args": over})
    yield run("run-args-many", spec={"args": {f"k{number}": number for number in range(2000)}})
    yield run("run-args-numbers", spec={"args": {"a": MOST, "b": -MOST - 1, "c": 1e300, "d": -0.0, "e": 5e-324}})
    yield run("run-args-empty-names", spec={"args": {"": {"": [None, {}, []]}, " ": None}})
    for kind, make, bad in (("task", task, "False"), ("run", run, "Failed")):
        for depth in (2, 150):
            yield make(f"{kind}-depth-{depth}", deep=depth)
        for depth in (200, 260, 1000, 1030, DEEPEST):
            yield make(f"{kind}-depth-{depth}", bad, "nested more than", deep=depth)
    pod: Any = "x"
    for _ in range(100):
        pod = {"x": pod}
    yield run("template-deep", "Failed", "unknown field", spec={"handler": played(odd=pod)})
    for _ in range(110):
        pod = {"x": pod}
    yield run("template-too-deep", "Failed", "nested more than", spec={"handler": played(odd=pod)})
    for name in ("argsSchema", "resultSchema"):
        circle: Any = {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}
        yield task(f"{name.lower()}-circle", "False", "leads back to itself", spec={name: circle})
        yield task(f"{name.lower()}-elsewhere", "False", "leads elsewhere", spec={name: {"$ref": "file:///etc/passwd"}})
        yield task(f"{name.lower()}-odd", "False", ".type", spec={name: {"type": "strin"}})
    for name, value in (("list", [1]), ("text", "x"), ("number", 1), ("null", None)):
        refused = {} if value is None else {"refused": "spec.args"}
        yield task(f"args-{name}", spec={"args": value}, **refused)


def _texts() -> Iterator[Case]:
    for name, text in ODD_TEXTS.items():
        yield task(f"args-{name}", spec={"args": {text: [text]}})
        yield run(f"run-args-{name}", spec={"args": {text: {text: text}}})
        yield run(f"cancel-{name}", "Canceled", text, spec={"cancel": True, "cancelReason": text})
        yield task(f"suspend-{name}", words="Suspended", spec={"suspend": True, "suspendReason": text})
        yield run(f"key-{name}", spec={"idempotencyKey": text})
        yield run(f"ref-{name}", "Failed", "spec.taskRef.name", spec={"taskRef": {"name": text}})
        yield run(
            f"then-{name}", "Failed", "spec.onComplete.taskRef.name", spec={"onComplete": {"taskRef": {"name": text}}}
        )
        yield task(f"cron-{name}", "False", "spec.schedule", spec={"schedule": text})
        yield task(f"zone-{name}", "False", "spec.timeZone", spec={"timeZone": text})
        yield task(f"group-{name}", spec={"concurrency": {"group": text}})
        yield task(f"after-{name}", spec={"after": {"task": text}})
    yield run("key-longest", spec={"idempotencyKey": "\U0001f511" * 256})
    yield run("key-too-long", refused="spec.idempotencyKey", spec={"idempotencyKey": "k" * 257})
    yield run("cancel-longest", "Canceled", "\u00e9" * 1024, spec={"cancel": True, "cancelReason": "\u00e9" * 1024})
    yield task("suspend-longest", words="Suspended", spec={"suspend": True, "suspendReason": "\u00e9" * 256})


def _names() -> Iterator[Case]:
    for length in (1, 51, 52):
        yield ticking(f"name-{length}", metadata={"name": "n" * length})
    for length in (53, 63, 253):
        yield task(f"name-{length}", refused="metadata.name", metadata={"name": "n" * length})
    for length in (2, 59, 60):
        yield run(f"run-name-{length}", metadata={"name": "r" * length})
    for length in (61, 63, 253, 254):
        yield run(f"run-name-{length}", refused="metadata.name", metadata={"name": "r" * length})
    for number, name in enumerate(("", "-a", "a-", "A", "a.b", "a_b", "a b", "\u00e9", "a/b", "..", "a\0")):
        yield task(f"name-odd-{number}", refused="name", metadata={"name": name})
        yield run(f"run-name-odd-{number}", refused="name", metadata={"name": name})


# --- when ------------------------------------------------------------------------------------------------------------

REFUSED, BAD, EARLY, LATE = "refused", "bad", "early", "late"
TIMES = {
    "year-1": ("0001-01-01T00:00:00Z", BAD),
    "before-1970": ("1969-12-31T23:59:59Z", BAD),
    "epoch": ("1970-01-01T00:00:00Z", EARLY),
    "fraction": ("2001-01-01T00:00:00.123456789Z", EARLY),
    "last-second": ("9999-12-31T23:59:59Z", LATE),
    "after-the-last": ("9999-12-31T23:59:59.5Z", BAD),
    "past-the-last": ("9999-12-31T23:59:59-12:00", BAD),
    "leap-second": ("2016-12-31T23:59:60Z", REFUSED),
    "no-day": ("2026-02-30T00:00:00Z", REFUSED),
    "no-zone": ("2026-03-01T00:00:00", REFUSED),
    "no-time": ("2026-03-01", REFUSED),
    "words": ("tomorrow", REFUSED),
}


def _times() -> Iterator[Case]:
    task_words = {
        # After the last second there is no time of the schedule.
        "startTime": {EARLY: "Scheduled", LATE: "spec.startTime"},
        "endTime": {EARLY: "Completed", LATE: "Scheduled"},
        "suspendUntil": {EARLY: "Scheduled", LATE: "SuspendedUntil"},
    }
    run_phases = {
        "at": {EARLY: ("Failed", "spec.at"), LATE: ("Pending", "")},
        "scheduledTime": {EARLY: ("Succeeded", ""), LATE: ("Succeeded", "")},
    }
    for name, (time, what) in TIMES.items():
        for path, words in task_words.items():
            spec, called = {path: time}, f"{path.lower()}-{name}"
            if what == REFUSED:
                yield task(called, refused=f"spec.{path}", spec=spec)
            elif what == BAD:
                yield task(called, "False", f"spec.{path}", spec=spec)
            else:
                ready = "False" if words[what].startswith("spec.") else "True"
                yield task(called, ready, words[what], spec=spec)
        for path, phases in run_phases.items():
            spec, called = {path: time}, f"run-{path.lower()}-{name}"
            if what == REFUSED:
                yield run(called, refused=f"spec.{path}", spec=spec)
            elif what == BAD:
                yield run(called, "Failed", f"spec.{path}", spec=spec)
            else:
                yield run(called, *phases[what], spec=spec)
    yield ticking("interval-for-decades", spec={"interval": "1s", "startTime": "1970-01-01T00:00:00Z", "maxRuns": 3})
    yield ticking(
        "interval-not-yet-ended", spec={"endTime": "9999-12-31T23:59:59Z", "startTime": "1970-01-01T00:00:00Z"}
    )
    days = [{"from": f"{1990 + number}-01-01", "to": f"{1990 + number}-12-30"} for number in range(100)]
    yield task("skip-100", spec={"interval": "1s", "skip": days})
    yield task("skip-101", refused="spec.skip", spec={"skip": [*days, {"from": "1980-01-01"}]})
    all_days = {"schedule": "* * * * *", "skip": [{"from": "1970-01-01", "to": "9999-12-31"}]}
    yield task("skip-all-days", "False", "spec.skip", spec=all_days)
    yield task(
        "skip-all-of-an-interval", spec={"interval": "1s", "skip": [{"from": "1970-01-01", "to": "9999-12-31"}] * 100}
    )
    yield task("skip-year-1", refused="spec.skip[0].from", spec={"skip": [{"from": "0001-01-01"}]})
    yield task(
        "skip-backwards", refused="to is before from", spec={"skip": [{"from": "2026-01-02", "to": "2026-01-01"}]}
    )


BAD_CRONS = (
    "* * * *", "* * * * * *", "@every 5s", "TZ=UTC * * * * *", "CRON_TZ=UTC 0 0 * * *", "60 * * * *", "*/0 * * * *",
    "-1 * * * *", "5-99 * * * *", "1-2-3 * * * *", "0 0 30 2 *", "0 0 31 4,6 *", "a b c d e", "9" * 200 + " * * * *",
    "\u0663 * * * *", "0x1 * * * *", "1e1 * * * *", "+5 * * * *", "H(5-1) * * * *", ", * * * *", "1,,2 * * * *",
    "*/-5 * * * *", "* * * * 8", "1/ * * * *", "mon * * * *", "@reboot", "@", "@HOURLY@", " ", "* * * 0 *", "* * 0 * *",
    "* 24 * * *", "** * * * *", "* * * * *;rm -rf /", "1.5 * * * *", "* * * jan-foo *", "* * 32 * *", "? ? ? ? ?x",
)  # fmt: skip


def _schedules() -> Iterator[Case]:
    yield task("schedules-20-equal", spec={"schedules": ["* * * * *"] * 20})
    yield task("schedules-20-dense", spec={"schedules": [f"{n}-59 * * * *" for n in range(20)]})
    yield task("schedules-21", refused="spec.schedules", spec={"schedules": ["* * * * *"] * 21})
    yield task("schedules-none", refused="spec.schedules", spec={"schedules": []})
    yield task("schedule-empty", refused="spec.schedule", spec={"schedule": ""})
    yield task("schedule-257", refused="spec.schedule", spec={"schedule": "*" * 257})
    yield task("schedule-longest-list", spec={"schedule": ",".join(map(str, range(60))) + " * * * *"})
    yield task("schedule-and-interval", refused="at most one of", spec={"schedule": YEARLY, "interval": "1h"})
    yield task("schedules-one-bad", "False", "spec.schedules[1]", spec={"schedules": [YEARLY, "x", YEARLY]})
    yield task("schedules-all-bad", "False", "spec.schedules[19]"[:16], spec={"schedules": ["\u202e" * 256] * 20})
    for number, text in enumerate(BAD_CRONS):
        yield task(f"cron-bad-{number}", "False", "spec.schedule", spec={"schedule": text})


def _zones_and_durations() -> Iterator[Case]:
    zones = (
        "Mars/Olympus", "../../../etc/passwd", "/etc/localtime", "utc", "Europe/Berlin ", "EST5EDT,M3.2.0", "zone.tab",
        "posixrules", "a" * 64, "Europe", "Europe/", "__init__", "UTC\n",
    )  # fmt: skip
    for number, zone in enumerate(zones):
        yield task(f"zone-bad-{number}", "False", "spec.timeZone", spec={"timeZone": zone})
    yield task("zone-65", refused="spec.timeZone", spec={"timeZone": "a" * 65})
    yield task("zone-empty", refused="spec.timeZone", spec={"timeZone": ""})
    bad = ("", "s", "1", "1x", "-1s", "1.5s", "1s1m", "1m 1s", "3661d", "1e3s", "\u0661s", "99999999999s", "PT1S", "1S")
    for number, text in enumerate(bad):
        yield task(f"interval-bad-{number}", refused="spec.interval", spec={"interval": text})
        yield task(f"timeout-bad-{number}", refused="spec.timeout", spec={"timeout": text})
        yield run(f"delay-bad-{number}", refused="spec.delay", spec={"delay": text})
    for name in ("interval", "timeout", "startingDeadline"):
        yield task(f"{name.lower()}-0s", refused=f"spec.{name}", spec={name: "0s"})
    yield task("interval-longest", spec={"interval": "3660d"})
    yield run("delay-longest", "Pending", spec={"delay": "3660d"})
    yield run("delay-0s", spec={"delay": "0s"})
    yield ticking("task-delay-0s", spec={"interval": None, "delay": "0s", "maxRuns": 3, "handler": played(0)})
    yield ticking("jitter-longest", spec={"jitter": "3660d"})
    yield run("total-timeout-0s", "TimedOut", spec={"totalTimeout": "0s", "handler": played(30)})
    yield run("start-timeout-0s", "", spec={"startTimeout": "0s"})
    yield run("ttl-longest", spec={"ttlAfterFinished": "3660d", "totalTimeout": "3660d", "timeout": "3660d"})
    for name, value in (("interval", 60), ("interval", ["1s"]), ("suspend", "yes"), ("maxRuns", "3"), ("maxRuns", 0)):
        yield task(f"type-{name.lower()}-{type(value).__name__}", refused=f"spec.{name}", spec={name: value})


# --- how -------------------------------------------------------------------------------------------------------------


def _policies() -> Iterator[Case]:
    most = {"limit": 100, "initial": "3660d", "factor": 10, "max": "3660d", "jitterPercent": 100, "maxLost": 100}
    codes = {"nonRetryableExitCodes": [255] * 50, "onLost": "Fail"}
    yield run("retry-most", spec={"retry": {**most, **codes}})
    yield run("retry-most-fails", "Retrying", "exit code 1", spec={"retry": most, "handler": played(exit_code=1)})
    least = {"limit": 0, "initial": "0s", "factor": 1, "max": "0s", "jitterPercent": 0, "maxLost": 0}
    yield run("retry-least", "Failed", "exit code 1", spec={"retry": least, "handler": played(exit_code=1)})
    at_once = {**least, "limit": 3}
    yield run("retry-at-once", "Failed", "exit code 1", spec={"retry": at_once, "handler": played(exit_code=1)})
    over = {"limit": 101, "factor": 11, "jitterPercent": 101, "maxLost": 101, "initial": "3661d", "max": "3661d"}
    for name, value in over.items():
        yield run(f"retry-{name.lower()}-over", refused=f"spec.retry.{name}", spec={"retry": {name: value}})
        yield task(f"task-retry-{name.lower()}-over", refused=f"spec.retry.{name}", spec={"retry": {name: value}})
    for name in ("limit", "factor", "jitterPercent", "maxLost"):
        yield run(f"retry-{name.lower()}-under", refused=f"spec.retry.{name}", spec={"retry": {name: -1}})
        yield run(f"retry-{name.lower()}-huge", refused=f"spec.retry.{name}", spec={"retry": {name: MOST}})
    yield ticking("catch-up-most", spec={"catchUp": {"policy": "All", "limit": 100}, "startingDeadline": "3660d"})
    yield ticking("queue-most", spec={"concurrency": {"policy": "Queue", "queueLimit": 1000, "max": 10000}})
    yield task("history-none", spec={"history": {"succeeded": 0, "failed": 0}, "ttlAfterFinished": "0s"})
    yield task("max-runs-most", spec={"maxRuns": 1_000_000_000, "suspendAfterFailures": 1000})
    yield task("max-runs-over", refused="spec.maxRuns", spec={"maxRuns": 1_000_000_001})
    yield task("max-runs-huge", refused="spec.maxRuns", spec={"maxRuns": MOST})
    yield task("unknown-fields", spec={"later": {"version": 2}, "concurrency": {"fairness": "x"}})
    yield run("unknown-run-fields", spec={"later": {"version": 2}, "retry": {"budget": "x"}})
    for name in ("http", "python", "steps", "forEach", "batch"):
        handler: Document = {name: [] if name == "steps" else {}}
        yield task(f"handler-{name.lower()}", refused="spec.handler", spec={"handler": handler})
    for name, value in (
        ("none", {}),
        ("null", None),
        ("text", "x"),
        ("list", []),
        ("two", {**played(), "container": {"image": "i"}}),
    ):
        yield Case(f"handler-{name}", "CronTask", {"handler": value}, refused="spec.handler")
        yield Case(f"run-handler-{name}", "ScheduledRun", {"handler": value}, refused="spec")
    for name, value in (("none", {}), ("null", None), ("text", "x"), ("list", []), ("number", 1)):
        yield Case(f"spec-{name}", "CronTask", value, refused="spec")
        yield Case(f"run-spec-{name}", "ScheduledRun", value, refused="spec")


def _containers(count: int, **fields: Any) -> list[Document]:
    return [{"name": f"c{number}", "image": "busybox:1.36", **fields} for number in range(count)]


def _templates() -> Iterator[Case]:
    main: Document = {"name": "main", "image": "busybox:1.36"}
    ours = [
        {"name": f"CRONTASK_{name}", "value": "mine"} for name in ("NAME", "RUN", "ARGS", "ARGS", "IDEMPOTENCY_KEY")
    ]
    taken: dict[str, Document] = {
        "env-of-ours": {"containers": [{**main, "env": [{"name": "A", "value": "$(CRONTASK_RUN)"}]}]},
        "env-null": {"containers": [{**main, "env": None}]},
        "deadline": {"activeDeadlineSeconds": 600},
        "host-network": {"hostNetwork": True},
        "init-without-end": {"initContainers": [{**main, "name": "init", "command": ["sleep", "inf"]}]},
        "sidecar": {"initContainers": [{**main, "name": "side", "restartPolicy": "Always"}]},
        "grace-longest": {"terminationGracePeriodSeconds": MOST},
        "containers-100": {"containers": _containers(100)},
        "token": {"automountServiceAccountToken": True},
        "nulls": {"volumes": None, "initContainers": None, "nodeSelector": None},
    }
    for name, spec in taken.items():
        yield task(f"template-{name}", spec={"handler": played(**spec)})
        yield run(f"run-template-{name}", spec={"handler": played(**spec)})
    rejected: dict[str, tuple[Document, str]] = {
        "deadline-0": ({"activeDeadlineSeconds": 0}, "activeDeadlineSeconds"),
        "deadline-huge": ({"activeDeadlineSeconds": MOST}, "activeDeadlineSeconds"),
        "deadline-text": ({"activeDeadlineSeconds": "x"}, "activeDeadlineSeconds"),
        "grace-text": ({"terminationGracePeriodSeconds": {}}, "terminationGracePeriodSeconds"),
        "twice": ({"containers": [main, main]}, "Duplicate value"),
        "no-image": ({"containers": [{"name": "main"}]}, "image"),
        "bad-name": ({"containers": [{**main, "name": "Not A Name"}]}, "spec.containers[0].name"),
        "no-second-name": ({"containers": [main, {"image": "x"}]}, "spec.containers[1].name"),
        "all-wrong": (
            {"containers": _containers(100, ports=[{"containerPort": 70000 + n} for n in range(20)])},
            "ports",
        ),
        "unknown-field": ({"containers": [{**main, "imag": "x"}], "later": [None]}, "unknown field"),
        "command-text": ({"containers": [{**main, "command": "sleep 1"}]}, "command"),
        "volume": ({"containers": [{**main, "volumeMounts": [{"name": "no", "mountPath": "/x"}]}]}, "volumeMounts"),
        "resources": ({"containers": [{**main, "resources": {"limits": {"cpu": "-1"}}}]}, "resources"),
        "env-number": ({"containers": [{**main, "env": [{"name": "A", "value": 1}]}]}, "env"),
        "env-no-name": ({"containers": [{**main, "env": [{"value": "a"}]}]}, "env"),
        "init-odd": ({"initContainers": [{**main, "name": "\u202e"}]}, "initContainers"),
    }
    for name, (spec, words) in rejected.items():
        yield task(f"rejected-{name}", "False", words, spec={"handler": played(**spec)})
        yield run(f"run-rejected-{name}", "Failed", words, spec={"handler": played(**spec)})
    env_ours = {"handler": played(containers=[{**main, "env": ours}])}
    yield task("template-env-ours", "False", "'CRONTASK_NAME' begins with CRONTASK_", spec=env_ours)
    yield run("run-template-env-ours", "Failed", "'CRONTASK_NAME' begins with CRONTASK_", spec=env_ours)
    unserved: dict[str, tuple[Document, str]] = {
        "restart-always": ({"restartPolicy": "Always"}, "spec.restartPolicy"),
        "init-number": ({"initContainers": 5}, "spec.initContainers"),
        "init-map": ({"initContainers": {"name": "x"}}, "spec.initContainers"),
        "init-texts": ({"initContainers": ["x"]}, "spec.initContainers[0]"),
    }
    for name, (spec, words) in unserved.items():
        yield task(f"template-{name}", refused=words, spec={"handler": played(**spec)})
        yield run(f"run-template-{name}", refused=words, spec={"handler": played(**spec)})
    malformed: dict[str, tuple[Document, str]] = {
        "env-map": ({"containers": [{**main, "env": {"A": "a"}}]}, "containers[0].env"),
        "env-texts": ({"containers": [{**main, "env": ["A=a"]}]}, "containers[0].env"),
        "env-text": ({"containers": [{**main, "env": "A=a"}]}, "containers[0].env"),
        "env-true": ({"containers": [{**main, "env": True}]}, "containers[0].env"),
        "init-env": ({"initContainers": [{**main, "env": {"A": "a"}}]}, "spec.initContainers[0].env"),
    }
    for name, (spec, words) in malformed.items():
        yield task(f"malformed-{name}", "False", words, spec={"handler": played(**spec)})
        yield run(f"run-malformed-{name}", "Failed", words, spec={"handler": played(**spec)})
    metadata: dict[str, tuple[Any, str]] = {
        "text": ("x", "podTemplate.metadata"),
        "list": ([], "podTemplate.metadata"),
        "labels-list": ({"labels": ["a"]}, "podTemplate.metadata.labels"),
        "annotations-text": ({"annotations": "a"}, "podTemplate.metadata.annotations"),
        "label-number": ({"labels": {"a": 1}}, "labels"),
        "label-odd": ({"labels": {"a": "\u202e"}}, "labels"),
    }
    for name, (value, words) in metadata.items():
        handler = {"podTemplate": {"metadata": value, "spec": {"containers": [main]}}}
        yield task(f"metadata-{name}", "False", words, spec={"handler": handler})
        yield run(f"run-metadata-{name}", "Failed", words, spec={"handler": handler})
    container: dict[str, tuple[Any, str]] = {
        "env-map": ({"image": "i", "env": {"A": "a"}}, "spec.handler.container.env"),
        "env-texts": ({"image": "i", "env": ["A=a"]}, "spec.handler.container.env"),
        "command-text": ({"image": "i", "command": "x"}, "command"),
        "pull-policy": ({"image": "i", "imagePullPolicy": "Sometimes"}, "imagePullPolicy"),
        "image-spaces": ({"image": " i "}, "image"),
    }
    for name, (value, words) in container.items():
        yield task(f"container-{name}", "False", words, spec={"handler": {"container": value}})
        yield run(f"run-container-{name}", "Failed", words, spec={"handler": {"container": value}})
    refused: dict[str, Any] = {
        "no-image": {}, "empty-image": {"image": ""}, "image-number": {"image": 1},
        "named": {"image": "i", "name": "x"}, "long-image": {"image": "i" * 1025},
        "text": "x", "null-image": {"image": None},
    }  # fmt: skip
    for name, value in refused.items():
        yield task(f"container-{name}", refused="spec.handler.container", spec={"handler": {"container": value}})
    for name, value in (("none", []), ("101", _containers(101)), ("text", "x"), ("unnamed", [{"image": "i"}])):
        handler = {"podTemplate": {"spec": {"containers": value}}}
        yield task(f"containers-{name}", refused="spec.handler.podTemplate", spec={"handler": handler})
    yield run("waits-for-priority", "Pending", "the pod is refused", spec={"handler": played(priorityClassName="none")})


# --- forged ----------------------------------------------------------------------------------------------------------

FAR = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z")


def _condition(type_: str, time: str = "2026-01-01T00:00:00Z", status: str = "True", **fields: Any) -> Document:
    return {"type": type_, "status": status, "reason": "Forged", "lastTransitionTime": time, **fields}


def _task_statuses() -> Iterator[Case]:
    forged: dict[str, Document] = {
        "completed": {"phase": "Completed"},
        "invalid": {"phase": "Invalid"},
        "suspended": {"phase": "Suspended", "conditions": [_condition("Suspended", reason="SuspendedUntil")]},
        "hash": {"timing": {"hash": "\u202e" * 64, "since": "2026-01-01T00:00:00Z"}},
        "hash-empty": {"timing": {"hash": "", "since": FAR[0]}},
        "twice": {"conditions": [_condition("Ready"), _condition("Ready", status="False"), _condition("Ready")]},
        "conditions-16": {"conditions": [_condition("\u00e9" * 64, reason="\u00e9" * 64)] * 16},
        "active": {"activeCount": MOST, "active": ["nobody", "", "\u202e"], "queued": MOST},
        "scheduled": {"scheduledCount": MOST, "observedGeneration": MOST},
        "generation": {"observedGeneration": -MOST},
        "failures": {"consecutiveFailures": MOST},
        "counts": {"counts": dict.fromkeys(("succeeded", "failed", "skipped", "missed", "canceled"), MOST)},
        "counted-none": {"counted": {"through": FAR[0], "runs": []}},
        "counted-all": {"counted": {"through": FAR[2], "runs": ["\u202e", ""]}},
        "counted-many": {"counted": {"through": FAR[1], "runs": [f"r{number}" for number in range(10000)]}},
        "decisions": {
            "recentDecisions": [{"type": "Missed", "nominalTime": FAR[2], "reason": "Forged", "count": MOST}] * 10
        },
        "texts": {"nextRunTime": "\0", "scheduleText": "\u202e" * 300},
        "upcoming": {"upcoming": [*FAR, *FAR[:2]]},
        "last-run": {"lastRun": {"name": "\u202e", "phase": "Bogus", "processedCount": -MOST, "message": "\0"}},
        "tripped": {"tripped": {"generation": MOST, "resume": "\0" * 1024}},
        "unknown": {"later": {"version": 2}, "counts": {"exploded": 1}},
        "empty": {"conditions": [], "recentRuns": [], "counts": {}, "active": []},
    }
    for number, time in enumerate(FAR):
        runs = [
            {"name": "r", "phase": "Succeeded", "scheduledTime": time, "startTime": time, "completionTime": time}
        ] * 10
        forged[f"recent-runs-{number}"] = {"recentRuns": runs, "lastRun": runs[0], "lastSuccessfulTime": time}
        forged[f"condition-time-{number}"] = {
            "conditions": [_condition(t, time) for t in ("Ready", "Suspended", "ClockSkew")]
        }
    for number, time in enumerate(FAR[:2]):
        forged[f"mark-{number}"] = {"lastScheduledTime": time, "phase": "Active"}
        since = {"hash": "x", "since": time, "resumed": time}
        forged[f"since-{number}"] = {"timing": since, "phase": "Active", "lastScheduledTime": time}
    for name, status in forged.items():
        yield ticking(f"forged-{name}", status=status)
    late = {"timing": {"hash": "x", "since": FAR[2]}, "lastScheduledTime": FAR[2], "counted": {"through": FAR[2]}}
    for name in ("timing", "lastScheduledTime"):
        spec: Document = {"interval": "20s"}
        yield task(f"forged-late-{name.lower()}", spec=spec, status={name: late[name], "phase": "Active"})
        yield task(
            f"forged-late-{name.lower()}-delay", spec={"delay": "60s"}, status={name: late[name], "phase": "Active"}
        )
    yield task("forged-late-ends", spec={"delay": "3660d"}, status=forged["recent-runs-2"])


def _attempt(number: int, end: str | None = "2026-01-01T00:00:00Z", **fields: Any) -> Document:
    ended = {"completionTime": end} if end else {}
    return {"number": number, "pod": "x", "startTime": "2026-01-01T00:00:00Z", **ended, **fields}


def _run_statuses() -> Iterator[Case]:
    for phase in ("Succeeded", "Partial", "Failed", "TimedOut", "Canceled", "Skipped", "Missed"):
        yield run(f"forged-{phase.lower()}", phase, status={"phase": phase})
        ended = {"phase": phase, "completionTime": FAR[2], "conditions": [_condition("Failed", FAR[2])]}
        yield run(f"forged-{phase.lower()}-late", phase, status=ended)
        owned = {"taskRef": {"name": "hub"}}
        yield run(f"forged-{phase.lower()}-of-task", phase, spec=owned, status=ended)
    yield run("forged-pending", status={"phase": "Pending", "message": "\u202e" * 4096})
    yield run("forged-queued", status={"phase": "Queued"})
    yield run("forged-running", status={"phase": "Running"})
    yield run("forged-canceling", "Canceled", spec={"handler": played(600)}, status={"phase": "Canceling"})
    yield run("forged-retrying", status={"phase": "Retrying"})
    yield run("forged-other-pod", status={"phase": "Running", "podName": "somebodys-pod"})
    yield run("forged-own-pod", "", status={"phase": "Running", "podName": "forged-own-pod-1"})
    yield run(
        "forged-conditions", status={"conditions": [_condition("Complete"), _condition("Failed"), _condition("x")]}
    )
    yield run("forged-origin", status={"origin": "Schedule", "scheduledTime": FAR[2], "duration": "\u202e"})
    yield run("forged-run-counts", status={"processedCount": -MOST, "errorCount": MOST, "lostAttempts": MOST})
    yield run("forged-start", status={"startTime": FAR[2], "completionTime": FAR[2]}, spec={"totalTimeout": "3660d"})
    yield run("forged-start-early", status={"startTime": FAR[0], "completionTime": FAR[0]})
    deep: Any = 1
    for _ in range(180):
        deep = [deep]
    yield run("forged-result", status={"result": {"a": deep}, "resultTruncated": True})
    yield run("forged-run-unknown", status={"later": 1, "children": {"total": MOST}})
    for number in (1, 2, 10**9, MOST):
        retrying = {"phase": "Retrying", "attempts": [_attempt(number)]}
        yield run(f"forged-attempt-{number}", status=retrying)
        yield run(
            f"forged-attempt-open-{number}",
            "Failed",
            status={"phase": "Running", "attempts": [_attempt(number, None)]},
            spec={"retry": {"maxLost": 0}},
        )
    disorder = [_attempt(number) for number in (7, 3, 3, 9, 1, 2)]
    yield run("forged-attempts-disorder", status={"phase": "Retrying", "attempts": disorder})
    yield run("forged-attempts-10", status={"phase": "Retrying", "attempts": [_attempt(n) for n in range(1, 11)]})
    yield run("forged-attempt-times", status={"phase": "Retrying", "attempts": [_attempt(1, FAR[0])]})
    late = {"phase": "Retrying", "attempts": [_attempt(1)], "nextRetryTime": FAR[2]}
    yield run("forged-next-retry", "Succeeded", status=late)
    yield run("forged-next-retry-canceled", "Canceled", spec={"cancel": True}, status=late)


def _refused_statuses() -> Iterator[Case]:
    of_task: dict[str, Any] = {
        "counts.succeeded": -1, "counts": "many", "phase": "Bogus", "lastScheduledTime": "never", "active": ["x"] * 11,
        "conditions": [_condition("Ready")] * 17, "activeCount": -1, "queued": "3", "observedGeneration": 2**63,
        "timing": {"hash": "x"}, "upcoming": [FAR[0]] * 6, "recentRuns": [{"name": "x"}],
        "counted": {"through": "x"}, "nextRunTime": "x" * 33, "consecutiveFailures": -5,
        "recentDecisions": [{"type": "Eaten", "nominalTime": FAR[0], "reason": "x"}], "tripped": {},
    }  # fmt: skip
    for number, (path, value) in enumerate(of_task.items()):
        head, _, tail = path.partition(".")
        status = {head: {tail: value} if tail else value}
        yield task(f"bad-status-{number}", refused=f"status.{path}", status=status)
    of_run: dict[str, Any] = {
        "phase": "Bogus", "attempts": [_attempt(1)] * 11, "podName": "x" * 64, "lostAttempts": -1, "result": None,
        "startTime": "x", "nextRetryTime": "", "conditions": [{"type": "Failed"}], "message": "x" * 4097,
        "origin": "Me", "duration": 5, "processedCount": "1",
    }  # fmt: skip
    for number, (path, value) in enumerate(of_run.items()):
        if value is not None:
            yield run(f"bad-run-status-{number}", refused=f"status.{path}", status={path: value})
    for number in (0, -1):
        yield run(
            f"bad-attempt-{-number}", refused="status.attempts[0].number", status={"attempts": [_attempt(number)]}
        )


# --- what metadata say -----------------------------------------------------------------------------------------------


def _annotations() -> Iterator[Case]:
    good = '"task":"a","run":"b","runUid":"c","phase":"Failed","completionTime":"2026-01-01T00:00:00Z"'
    triggers = (
        "", "{", "null", "[]", "7", "{}", "\u202e", "[" * 5000, f'{{{good},"depth":0}}', f'{{{good},"depth":-1}}',
        f'{{{good},"depth":1e400}}', f'{{{good},"depth":"1"}}', f'{{{good},"depth":{10**30}}}',
        f'{{{good},"depth":1,"cause":"malice"}}', f'{{{good},"depth":1,"message":"{"x" * 200_000}"}}',
        f'{{{good},"depth":1,"result":{"[" * 180}{"]" * 180}}}', f'{{{good},"depth":{10**9},"cause":"onComplete"}}',
        f'{{{good.replace("2026", "0001")},"depth":1}}', f'{{{good.replace("2026-01", "9999-12")},"depth":3}}',
    )  # fmt: skip
    for number, text in enumerate(triggers):
        yield run(f"trigger-{number}", metadata={"annotations": {"crontask.dev/trigger": text}})
    resumes = ("", "\u202e", "\0", "x" * 1024, "x" * 1025, "\U0001f511" * 50_000, "x" * 250_000)
    for number, text in enumerate(resumes):
        spec = {"suspendAfterFailures": 1}
        yield ticking(f"resume-{number}", spec=spec, metadata={"annotations": {"crontask.dev/resume": text}})
        failing = {**spec, "interval": "1s", "handler": played(exit_code=1)}
        yield task(
            f"tripped-{number}",
            words="TooManyFailures",
            spec=failing,
            metadata={"annotations": {"crontask.dev/resume": text}},
        )
    yield ticking(
        "annotations-ours", metadata={"annotations": {"crontask.dev/catch-up": "x", "crontask.dev/x": "y" * 9999}}
    )
    yield run("catch-up-forged", metadata={"annotations": {"crontask.dev/catch-up": "true"}})
    yield ticking("labels-ours", metadata={"labels": {"crontask.dev/task": "x", "crontask.dev/run": "y"}})
    yield task("annotations-huge", refused="metadata.annotations", metadata={"annotations": {"a": "x" * 270_000}})
    yield task("label-odd", refused="metadata.labels", metadata={"labels": {"a": "\u202e"}})
    yield run("finalizer", metadata={"finalizers": ["example.com/never"]})


OTHER_UID = "00000000-0000-4000-8000-000000000000"


def _owner(controller: bool, **fields: Any) -> Document:
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "name": "x",
        "uid": OTHER_UID,
        "controller": controller,
        **fields,
    }


def _owners() -> Iterator[Case]:
    yield task("hub", spec={"concurrency": {"policy": "Allow"}, "history": {"succeeded": 100, "failed": 100}})
    yield ticking("owned", metadata={"ownerReferences": [_owner(True)]})
    yield run("owned-run", metadata={"ownerReferences": [_owner(True)]})
    yield run("owned-loosely", spec={"taskRef": {"name": "hub"}}, metadata={"ownerReferences": [_owner(False)]})
    two = [_owner(True), _owner(True, uid=OTHER_UID.replace("8", "9"))]
    yield run("owned-twice", refused="metadata.ownerReferences", metadata={"ownerReferences": two})
    yield run("owned-oddly", refused="metadata.ownerReferences", metadata={"ownerReferences": [_owner(True, kind="")]})
    yield run("hub-zzzzzzzz", spec={"taskRef": {"name": "hub"}, "scheduledTime": FAR[1]})
    yield run("hub-0", spec={"taskRef": {"name": "hub"}, "scheduledTime": FAR[2]})
    yield run("hub-zz", spec={"taskRef": {"name": "hub"}})
    yield run("waits-for-nobody", "Pending", "waits for CronTask nobody", spec={"taskRef": {"name": "nobody"}})
    yield run("waits-for-invalid", "Pending", "whose spec is not valid", spec={"taskRef": {"name": "args-over"}})
    yield run("then-nobody", spec={"onComplete": {"taskRef": {"name": "nobody"}}})
    yield run("no-task", refused="exactly one of taskRef and handler", spec={"taskRef": None, "handler": None})
    yield run(
        "both", refused="exactly one of taskRef and handler", spec={"taskRef": {"name": "hub"}, "handler": played()}
    )
    yield run("ref-53", refused="spec.taskRef.name", spec={"taskRef": {"name": "x" * 53}})
    yield run("at-and-delay", refused="at and delay", spec={"at": FAR[2], "delay": "1s"})


def _chains() -> Iterator[Case]:
    yield task("after-itself", refused="cannot come after itself", spec={"after": {"task": "after-itself"}})
    yield task("after-nobody", spec={"after": {"task": "nobody", "on": "Finished"}})
    for name, tasks in (("two", 2), ("three", 3)):
        for number in range(tasks):
            before = f"loop-{name}-{(number - 1) % tasks}"
            event = "" if number else "ChainTooDeep"
            yield task(f"loop-{name}-{number}", spec={"after": {"task": before, "on": "Finished"}}, event="")
            if event:
                yield run(f"start-{name}", spec={"taskRef": {"name": f"loop-{name}-0"}}, event=event)
    deepest = (
        '{"task":"a","run":"b","runUid":"c","phase":"Failed","completionTime":"2026-01-01T00:00:00Z",'
        '"cause":"onComplete","depth":16}'
    )
    then = {"onComplete": {"taskRef": {"name": "hub"}, "args": {"a": 1}}}
    yield run(
        "then-too-deep", spec=then, event="ChainTooDeep", metadata={"annotations": {"crontask.dev/trigger": deepest}}
    )
    yield run("then", spec=then)


def _taken_names(now: datetime) -> Iterator[Case]:
    """Runs under the name that a time to come would have."""
    at = now.replace(microsecond=0) + timedelta(seconds=45)
    for name, controller in (("foreign", _owner(True)), ("inline", None)):
        tasks = f"taken-{name}"
        spec: Document = {"interval": "3600s", "startTime": format_time(at)}
        yield task(tasks, spec=spec, event="NameTaken")
        held: Document = {"taskRef": {"name": tasks}, "suspend": True} if controller else {"suspend": True}
        owners = {"ownerReferences": [controller]} if controller else {}
        if not controller:
            yield run(
                f"taken-{name}-run",
                "Pending",
                "spec.suspend",
                spec=held,
                metadata={"name": run_name(tasks, at), **owners},
            )
        else:
            yield run(f"taken-{name}-run", "", spec=held, metadata={"name": run_name(tasks, at), **owners})

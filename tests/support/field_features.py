"""A good manifest for each feature, manifests that are odd but good, and what only validate can know to be bad."""

from typing import Any

from url_templates import GOOD_TEMPLATES

Spec = dict[str, Any]
CONTAINER = {"container": {"image": "busybox:1.36"}}
_NOON = "2026-03-29T12:00:00Z"

# The defaults of the contract, by path.
DEFAULTS: dict[str, dict[str, Any]] = {
    "CronTask": {
        **{"timeZone": "UTC", "suspend": False, "after.on": "Succeeded"},
        **{"dst.missing": "Shift", "dst.repeated": "First"},
        **{"concurrency.policy": "Forbid", "concurrency.queueLimit": 10},
        **{"catchUp.policy": "Latest", "catchUp.limit": 10},
        **{"retry.limit": 0, "retry.initial": "1s", "retry.factor": 2, "retry.max": "5m", "retry.jitterPercent": 10},
        **{"retry.maxLost": 3, "retry.onLost": "Retry"},
        **{"history.succeeded": 3, "history.failed": 3},
        **{"handler.http.method": "POST", "handler.python.entrypoint": "handler"},
        **{"handler.forEach.parallelism": 10, "handler.forEach.failurePolicy": "Continue"},
        "handler.forEach.maxFailed": 0,
        **{"handler.steps[].continueOnFailure": False, "handler.steps[].always": False},
        **{"handler.steps[].compensateWhen": "Acted", "handler.steps[].approval.timeout": "7d"},
        "handler.batch.continueFrom": "Start",
    },
    "ScheduledRun": {
        **{"allowPast": False, "cancel": False},
        **{"retry.limit": 0, "retry.initial": "1s", "retry.factor": 2, "retry.max": "5m", "retry.jitterPercent": 10},
        **{"retry.maxLost": 3, "retry.onLost": "Retry"},
        **{"handler.http.method": "POST", "handler.python.entrypoint": "handler"},
        **{"handler.forEach.parallelism": 10, "handler.forEach.failurePolicy": "Continue"},
        "handler.forEach.maxFailed": 0,
        **{"handler.steps[].continueOnFailure": False, "handler.steps[].always": False},
        **{"handler.steps[].compensateWhen": "Acted", "handler.steps[].approval.timeout": "7d"},
        "handler.batch.continueFrom": "Start",
        **{"rerunOf.from": "Failed", "rerunOf.definition": "Same"},
    },
}
# The same parts of a handler elsewhere.
REPEATED = (
    *("handler.steps[].compensate.", "handler.steps[]."),
    *("handler.forEach.handler.", "handler.forEach.collect.", "handler.forEach."),
    *("handler.batch.handler.", "handler.batch."),
)

_CONTAINER_FULL = {
    "image": "busybox:1.36",
    "command": ["sh", "-c"],
    "args": ["exit 3"],
    "env": [{"name": "A", "value": "b"}, {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "16Mi"}},
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    "restartPolicy": "Never",
}
_TEMPLATE = {
    "metadata": {"labels": {"team": "data"}, "annotations": {"a": "b"}},
    "spec": {
        "serviceAccountName": "reports",
        "nodeSelector": {"disk": "ssd"},
        "restartPolicy": "Never",
        "initContainers": [
            {"name": "wait", "image": "busybox:1.36", "restartPolicy": "Never"},
            {"name": "sidecar", "image": "busybox:1.36", "restartPolicy": "Always"},
        ],
        "containers": [
            {"name": "proxy", "image": "envoy", "restartPolicy": "Never"},
            {"name": "work", "image": "busybox:1.36", "tty": False},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
    },
}
# Of a key that nobody has.
_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBJjCBzqADAgECAgEBMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB2V4YW1wbGUw
IBcNMjYwMTAxMDAwMDAwWhgPMjEyNjAxMDEwMDAwMDBaMBIxEDAOBgNVBAMMB2V4
YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS9dShThAYC5cYT0mdV+EbC
B7jIC2GdaxE/vN9OGo20ESPK7RJ3ssOdcOH2LG4pqHYExMTBsESrSedzgts2Q8/D
oxMwETAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIEmHFmE+k7VA
N9IP/Xbn2Iw/ugjxv0vQQpGSOtArjIjGAiB1mNC85VE6Eq8lfxPT8AQKwwspNA8c
cwLdlnJ/kAPxew==
-----END CERTIFICATE-----
"""
_PARTIAL = {
    "metadata": {"labels": {"team": "data"}},
    "spec": {
        "restartPolicy": "Never",
        "nodeSelector": {"disk": "ssd"},
        "containers": [{"name": "main", "restartPolicy": "Never", "env": [{"name": "A", "value": "b"}]}],
        "initContainers": [{"name": "a", "restartPolicy": "Never"}, {"name": "b", "restartPolicy": "Always"}],
    },
}
_HTTP_FULL = {
    "url": "https://example.com:8443/a/b?c=d#e",
    "method": "PUT",
    "headers": [
        {"name": "X-Team", "value": "data"},
        {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ],
    "body": "{}",
    "expect": {"status": ["200", "2xx"], "jsonPath": "$.id"},
    "caBundle": _CERTIFICATE,
}
_TEMPLATE_URL = {"http": {"urlTemplate": "https://example.com/a/{region}/b{?deep*}"}}
_ARGS: Spec = {"region": "eu", "deep": {"list": [1, 2.5, None, "x", {"y": True}], "empty": {}}, "none": None, "1": []}


def _task(**fields: Any) -> tuple[str, Spec]:
    return "CronTask", {"handler": CONTAINER, **fields}


def _run(**fields: Any) -> tuple[str, Spec]:
    return "ScheduledRun", {"taskRef": {"name": "x"}, **fields}


def _call(**fields: Any) -> tuple[str, Spec]:
    return _task(handler={"http": {"url": "https://example.com", **fields}})


def _python(source: str) -> tuple[str, Spec]:
    return _task(handler={"python": {"source": source}})


_RETRIES: Spec = {
    **{"limit": 3, "initial": "10s", "factor": 3, "max": "10m", "jitterPercent": 0, "maxLost": 0},
    "nonRetryableExitCodes": [2],
}
_PYTHON_FULL: Spec = {"configMapKeyRef": {"name": "c", "key": "k"}, "image": "own:1", "entrypoint": "main"}
_SOURCE: Spec = {"source": "def handler(ctx): pass"}
_FLOW: Spec = {
    "steps": [
        {
            "name": "a",
            "container": _CONTAINER_FULL,
            "pod": _PARTIAL,
            "dependsOn": [],
            "args": _ARGS,
            "retry": {**_RETRIES, "onLost": "Fail"},
            **{"timeout": "5m", "startTimeout": "5m", "continueOnFailure": True, "compensateWhen": "Started"},
            "compensate": {
                **{"http": _HTTP_FULL, "pod": _PARTIAL, "args": {"x": "${steps.a.result}"}, "timeout": "1h"},
                "retry": {**_RETRIES, "onLost": "Retry"},
            },
        },
        {
            **{"name": "b", "podTemplate": _TEMPLATE, "resultFrom": "work", "dependsOn": ["a"], "delay": "5s"},
            "when": {"value": "${steps.a.result}", "in": [1, "x", None]},
            "retry": {"onLost": "Retry"},
            "compensateWhen": "Acted",
            "compensate": {"podTemplate": _TEMPLATE, "resultFrom": "work", "retry": {"onLost": "Fail"}},
        },
        {
            **{"name": "c", "http": _HTTP_FULL, "dependsOn": ["a"], "when": {"value": 1, "notIn": [{}]}},
            "compensate": {"container": _CONTAINER_FULL},
        },
        {"name": "d", "python": _PYTHON_FULL, "dependsOn": [], "compensate": {"python": _PYTHON_FULL}},
        {"name": "e", "python": _SOURCE, "dependsOn": [], "compensate": {"python": _SOURCE}},
        {"name": "t", "task": "extract", "dependsOn": [], "args": {"x": 1}, "timeout": "5m"},
        {"name": "f", **_TEMPLATE_URL, "args": {"region": "eu"}, "dependsOn": [], "compensate": _TEMPLATE_URL},
        {"name": "g", "container": {"image": "i"}, "always": True},
        {"name": "i", "approval": {"message": "sure?", "timeout": "2d"}, "dependsOn": ["a"], "delay": "5s"},
        {"name": "h", "approval": {}, "dependsOn": ["i"], "when": {"value": "${steps.i.phase}", "in": ["Succeeded"]}},
    ],
    **{"onFailure": "Cancel", "maxParallel": 2, "stepResultFrom": "b", "pod": _PARTIAL},
}
_LIST: Spec = {"steps": [{"name": "a", **CONTAINER}, {"name": "b", **CONTAINER}], "onFailure": "Finish"}
_EACH: Spec = {
    "forEach": {
        **{"items": [1, "a", None, {"id": [None]}], "parallelism": 2, "maxFailed": "10%", "failurePolicy": "Stop"},
        "handler": {"container": _CONTAINER_FULL, "pod": _PARTIAL},
        "args": {"id": "${item.id}", "at": {"$ref": "${index}", "default": None}},
        "retry": {**_RETRIES, "onLost": "Fail"},
        "timeout": "5m",
        "collect": {
            **{"http": _HTTP_FULL, "pod": _PARTIAL, "args": {"how": "${run.phase}"}, "timeout": "1h"},
            "retry": {**_RETRIES, "onLost": "Retry"},
        },
    },
    "pod": _PARTIAL,
}


def _each(handler: Spec, **fields: Any) -> Spec:
    """Of some number, by a handler."""
    return {"forEach": {"items": 3, "handler": handler, **fields}}


# The same handlers in the one place and in the other.
_EACHES: dict[str, Spec] = {
    "all of it": _EACH,
    "no more than that": _each(CONTAINER),
    "of a list of the args": {"forEach": {"items": "${args.ids}", "handler": CONTAINER, "failurePolicy": "FailFast"}},
    "of a pod template": _each(
        {"podTemplate": _TEMPLATE, "resultFrom": "work"},
        maxFailed=1,
        collect={"podTemplate": _TEMPLATE, "resultFrom": "work", "retry": {"onLost": "Fail"}},
    ),
    "of a URL with args": _each(
        _TEMPLATE_URL, args={"region": "${item}"}, collect={**_TEMPLATE_URL, "args": {"region": "eu"}}
    ),
    "of a task": _each({"task": "invoice"}, args={"id": "${item}"}, timeout="5m"),
    "of times of a task": _each({"task": "report"}, scheduledTime="${item.at}"),
    "of a call": _each(
        {"http": _HTTP_FULL},
        failurePolicy="Continue",
        retry={"onLost": "Retry"},
        collect={"container": _CONTAINER_FULL},
    ),
    "of python": _each({"python": _SOURCE}, items=[], collect={"python": _SOURCE}),
    "of python of a config map": _each({"python": _PYTHON_FULL}, collect={"python": _PYTHON_FULL}),
}


def _batch(handler: Spec, **fields: Any) -> Spec:
    """In batches, by a handler."""
    return {"batch": {"size": 500, "handler": handler, **fields}}


_BATCHES: dict[str, Spec] = {
    "all of it": {
        "batch": {
            **{"size": 1, "delay": "1s", "maxBatches": 9, "continueFrom": "Start", "timeout": "5m"},
            "handler": {"python": _PYTHON_FULL, "pod": _PARTIAL},
            "args": {"from": "${cursor}", "page": {"$ref": "${cursor.page}", "default": 1}, "n": "${batch}"},
            "retry": {**_RETRIES, "onLost": "Fail"},
        },
        "pod": _PARTIAL,
    },
    "no more than that": _batch(CONTAINER),
    "of a container": _batch({"container": _CONTAINER_FULL}, retry={"onLost": "Retry"}, args={"size": "${size}"}),
    "of a pod template": _batch({"podTemplate": _TEMPLATE, "resultFrom": "work"}),
    "of python": _batch({"python": _SOURCE}),
    "that share a pod": _batch({"python": _SOURCE}, reusePodFor="5m", delay="1s", timeout="1m", args={"n": "${batch}"}),
    "that could share a pod": _batch({"python": _SOURCE}, reusePodFor="0s"),
}
_PARENT: Spec = {"name": "flow", "uid": "u", "root": "r", "depth": 1, "key": "k"}

FEATURES: dict[str, tuple[str, Spec]] = {
    "on demand": _task(),
    "schedule": _task(schedule="*/15 9-17 * * mon-fri"),
    "schedule by name": _task(schedule="@hourly"),
    "schedule spread": _task(schedule="H H(0-5) * * *"),
    "schedule of the last friday": _task(schedule="0 18 ? * L5", timeZone="America/New_York"),
    "schedules": _task(schedules=["0 9 * * 1-5", "0 12 L * *"], timeZone="Europe/Berlin"),
    "interval": _task(interval="1h30m"),
    "interval from a start to an end": _task(interval="1s", startTime=_NOON, endTime="2027-03-29T12:00:00.5+02:00"),
    "delay": _task(delay="5m"),
    "delay of nothing": _task(delay="0s", concurrency={"max": 1, "group": "db"}),
    "after success": _task(after={"task": "extract"}),
    "after failure": _task(after={"task": "extract", "on": "Failed"}),
    "after any end": _task(after={"task": "extract", "on": "Finished"}),
    "after success, said so": _task(after={"task": "extract", "on": "Succeeded"}),
    **{f"after, unquoted, {on}": _task(after={"task": "e", "true": on}) for on in ("Succeeded", "Failed", "Finished")},
    "changes of the clock": _task(schedule="30 2 * * *", dst={"missing": "Skip", "repeated": "Both"}),
    "changes of the clock, as by default": _task(schedule="30 2 * * *", dst={"missing": "Shift", "repeated": "First"}),
    "at most so many": _task(schedule="@daily", maxRuns=3),
    "jitter": _task(schedule="@daily", jitter="10m"),
    "holidays": _task(schedule="@daily", skip=[{"from": "2026-12-24", "to": "2027-01-01"}, {"from": "2026-05-01"}]),
    "no holidays": _task(schedule="@daily", skip=[]),
    "suspended": _task(schedule="@daily", suspend=True, suspendReason="the disk is full"),
    "suspended for a while": _task(schedule="@daily", suspendUntil=_NOON),
    "suspended by failures": _task(schedule="@daily", suspendAfterFailures=3),
    **{f"overlap: {policy}": _task(concurrency={"policy": policy}) for policy in ("Forbid", "Allow", "Replace")},
    "overlap: Allow up to": _task(interval="5s", concurrency={"policy": "Allow", "max": 5}),
    "overlap: Queue": _task(interval="5s", concurrency={"policy": "Queue", "queueLimit": 50, "max": 2}),
    "a mutex": _task(interval="5s", concurrency={"group": "database"}),
    "an expectation of runs": _task(schedule="@daily", expect={"finishWithin": "30m"}),
    "an expectation of runs and of successes": _task(
        schedule="@daily", expect={"finishWithin": "1s", "successWithin": "1d2h"}
    ),
    "a deadline": _task(schedule="@daily", startingDeadline="10m"),
    "catch up with the latest": _task(schedule="@daily", catchUp={"policy": "Latest"}),
    "catch up with none": _task(schedule="@daily", catchUp={"policy": "None"}),
    "catch up with all": _task(schedule="@daily", catchUp={"policy": "All", "limit": 100}),
    "a container": _task(handler={"container": _CONTAINER_FULL}),
    "a pod template": _task(handler={"podTemplate": _TEMPLATE}),
    "a pod template's second container": _task(handler={"podTemplate": _TEMPLATE, "resultFrom": "work"}),
    "a call": _task(handler={"http": {"url": "https://example.com"}}),
    "a call with all of it": _task(handler={"http": _HTTP_FULL, "pod": _PARTIAL}),
    "a call whose URL has args in it": _task(handler=_TEMPLATE_URL),
    "a few lines of python": _task(handler={"python": {"source": "def handler(ctx):\n    return 1\n"}}),
    "python of a config map": _task(
        handler={"python": {"configMapKeyRef": {"name": "c", "key": "k"}, "entrypoint": "main"}, "pod": _PARTIAL}
    ),
    "python of an image": _task(handler={"python": {"image": "own:1", "entrypoint": "a.b:c"}}),
    "a container in a pod of its own": _task(handler={"container": _CONTAINER_FULL, "pod": _PARTIAL}),
    "args": _task(args=_ARGS),
    "a timeout": _task(timeout="1h"),
    "history": _task(history={"succeeded": 0, "failed": 10}),
    "a part of the history": _task(history={"failed": 10}),
    "a schema of args": _task(argsSchema={"type": "object", "required": ["region"]}, args={"region": "eu"}),
    "a schema of the result": _task(resultSchema={"type": "object"}),
    "longest times": _task(startTimeout="15m", totalTimeout="6h", ttlAfterFinished="168h"),
    "retry": _task(retry={"limit": 3, "initial": "10s", "factor": 3, "max": "10m", "jitterPercent": 0}),
    "retry unless": _task(retry={"limit": 1, "nonRetryableExitCodes": [0, 2, 255], "maxLost": 0, "onLost": "Fail"}),
    "retry of lost attempts": _task(retry={"onLost": "Retry"}),
    "a run of a task": _run(),
    "a run with args": _run(args=_ARGS),
    "a run later": _run(delay="2h"),
    "a run at a time": _run(at="2090-01-01T00:00:00Z"),
    "a run at a time past": _run(at=_NOON, allowPast=True),
    "a run for another time": _run(scheduledTime=_NOON),
    "a run that is canceled": _run(cancel=True, cancelReason="no longer needed"),
    "a run with a timeout": _run(timeout="90s"),
    "a run held": _run(suspend=True),
    "a run's longest times": _run(startTimeout="15m", totalTimeout="6h", ttlAfterFinished="168h"),
    "a run with retries": _run(retry={"limit": 3, "initial": "10s", "factor": 3, "max": "10m", "jitterPercent": 0}),
    "a run with retries unless": _run(retry={"nonRetryableExitCodes": [2], "maxLost": 0, "onLost": "Fail"}),
    "a run with retries of lost attempts": _run(retry={"onLost": "Retry"}),
    "a run once": _run(idempotencyKey="order-42"),
    "a run with another after it": _run(onComplete={"taskRef": {"name": "report"}, "args": {"a": 1}}),
    "a run of a container": ("ScheduledRun", {"handler": {"container": _CONTAINER_FULL}, "args": _ARGS}),
    "a run of a call": ("ScheduledRun", {"handler": {"http": _HTTP_FULL, "pod": _PARTIAL}}),
    "a run of a call whose URL has args in it": ("ScheduledRun", {"handler": _TEMPLATE_URL, "args": {"region": "eu"}}),
    "a run of python": ("ScheduledRun", {"handler": {"python": {"source": "async def handler(ctx, **args): ..."}}}),
    "a run of python of a config map": (
        "ScheduledRun",
        {"handler": {"python": {"configMapKeyRef": {"name": "c", "key": "k"}, "image": "own:1", "entrypoint": "main"}}},
    ),
    "a workflow": _task(handler=_FLOW),
    "a list of steps": _task(handler=_LIST),
    "a run of a workflow": ("ScheduledRun", {"handler": _FLOW}),
    "a run of a list of steps": ("ScheduledRun", {"handler": _LIST}),
    **{f"a fan-out: {what}": _task(handler=handler) for what, handler in _EACHES.items()},
    **{f"a run of a fan-out: {what}": ("ScheduledRun", {"handler": handler}) for what, handler in _EACHES.items()},
    "a run that ends at once": _run(cancel=True, cancelMode="Immediate"),
    "a run that is undone": _run(cancel=True, cancelMode="Compensate"),
    "a step of a run": _run(parent={**_PARENT, "step": "a", "always": True}),
    "an undo of a run": _run(parent={**_PARENT, "undo": "a"}),
    "an item of a run": _run(parent={**_PARENT, "item": {"index": 999, "value": {"id": [None]}}}),
    "a time that is made up for": _run(parent={**_PARENT, "item": {"index": 0}, "backfill": True}),
    "what collects in a run": _run(parent={**_PARENT, "collect": True}),
    **{f"batches: {name}": _task(handler=handler) for name, handler in _BATCHES.items()},
    **{f"a run in batches: {name}": ("ScheduledRun", {"handler": each}) for name, each in _BATCHES.items()},
    **{
        f"batches that go on: {policy}": _task(
            handler=_batch(CONTAINER, continueFrom="LastRun"), concurrency={"policy": policy, "max": 1}
        )
        for policy in ("Forbid", "Replace", "Queue", "Allow")
    },
    "a run that begins at a cursor": _run(cursor={"page": [3, None]}),
    "a run that begins at a number": ("ScheduledRun", {"handler": _batch(CONTAINER), "cursor": 0}),
    "several batches of a run": _run(
        parent={
            **_PARENT,
            "batch": {
                **{"number": 31, "size": 500, "part": 4},
                "reuse": {
                    **{"for": "5m", "delay": "1s", "timeout": "1m", "most": 9},
                    "args": [{"at": ["a", 0], "value": ["cursor", "x"], "default": None}],
                },
            },
        }
    ),
    "a batch of a run": _run(parent={**_PARENT, "batch": {"number": 3, "size": 500, "cursor": {"page": None}}}),
    "a run again": _run(rerunOf={"name": "r-1"}),
    "a run again as it was": _run(rerunOf={"name": "r", "definition": "Same"}),
    "a run again by what its task says now": _run(rerunOf={"name": "r", "definition": "Latest", "from": "Start"}),
    "a run again from a step on": ("ScheduledRun", {"rerunOf": {"name": "r", "from": "charge-2"}, "args": _ARGS}),
    "a run of a pod template": ("ScheduledRun", {"handler": {"podTemplate": _TEMPLATE, "resultFrom": "proxy"}}),
}

_OUTSIDE_IN_UTC = ("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00")

# Odd, but both take it.
ODD: list[tuple[str, Spec]] = [
    *(
        _task(startTime=text)
        for text in (
            *("2026-03-29T01:00:00Z", "2026-03-29T01:00:00+01:00", "2026-03-29T01:00:00-00:00"),
            *("2026-03-29T01:00:00.123456789Z", "2026-03-29T01:00:00.1Z", "2026-03-29T01:00:00,5Z"),
            *("2026-03-29T01:00:00+23:59", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-02-29T00:00:00Z"),
        )
    ),
    *(
        _task(timeout=text)
        for text in ("3660d", "87840h", "1d1h1m1s", "0d1s", "000000000d000000000h000000000m000000001s")
    ),
    *(_task(delay=text) for text in ("0s", "0d0h0m0s", "3660d")),
    *(_task(suspendReason=text) for text in ("", "ü" * 256, "😀" * 256)),
    _task(skip=[{"from": "2028-02-29", "to": "2028-02-29"}, {"from": "1970-01-01", "to": "9999-12-31"}]),
    _task(concurrency={"policy": "Replace", "queueLimit": 5, "max": 10000}),
    _task(handler={"container": {"image": " "}}),
    *(_task(handler={"http": {"urlTemplate": template}}) for template in GOOD_TEMPLATES),
    *(_call(url=url) for url in ("HTTPS://example.com", "Http://example.com/a")),
    _task(handler={"http": {"urlTemplate": "HTTPS://example.com/{id}"}}),
    _task(handler={"http": {"url": None, "urlTemplate": "https://example.com/{id}"}}),
    _task(handler={"podTemplate": {"spec": {"containers": [{"name": "a"}, {"image": "b"}]}}, "resultFrom": "a"}),
    # Fields of another version are dropped by the one, and not looked at by the other.
    _task(unheardOf={"x": 1}, concurrency={"unheardOf": 1}),
    # Null is as good as left out, wherever the schema knows a field.
    *(_task(**{name: None}) for name in ("schedule", "timeZone", "skip", "suspend", "concurrency", "history", "args")),
    *(_task(**{name: None}) for name in ("catchUp", "dst", "maxRuns", "retry", "timeout", "after", "startTime")),
    _task(delay="5s", startingDeadline=None, catchUp=None),
    _task(concurrency={"policy": None, "max": None}, dst={"missing": None}, history={"failed": None}),
    _task(skip=[{"from": "2026-12-24", "to": None}], after={"task": "x", "on": None, "true": None}),
    _task(handler={"container": {"image": "i", "name": None}, "podTemplate": None, "resultFrom": None, "http": None}),
    _task(args={"kept": None, "list": [None]}),
    *(_run(**{name: None}) for name in ("handler", "at", "delay", "args", "cancel", "suspend", "onComplete", "retry")),
]

# What the API server takes and validate refuses, with its words: no schema and no CEL rule can know it.
ONLY_VALIDATE: list[tuple[str, Spec, str]] = [
    (*_task(timeZone="Europe/Berln"), "spec.timeZone: there is no time zone 'Europe/Berln'"),
    (*_task(timeZone="local"), "spec.timeZone: there is no time zone"),
    (*_task(schedule="* * *"), "spec.schedule: 3 fields instead of five; write five fields"),
    (*_task(schedule="61 * * * *"), "spec.schedule: "),
    (*_task(schedule="0 0 31 2 *"), "spec.schedule: "),
    (*_task(schedule="@every 5m"), "spec.schedule: "),
    (*_task(schedule="TZ=UTC * * * * *"), "spec.schedule: "),
    (*_task(schedules=["@daily", "x y z a b"]), "spec.schedules[1]: "),
    (*_call(url="https://a:99999"), "spec.handler.http.url: 'https://a:99999' is not a valid URL; write it like"),
    (
        *_task(handler={"http": {"urlTemplate": "https://a:99999/{x}"}}),
        "spec.handler.http.urlTemplate: 'https://a:99999/{x}' is not the template of a URL; write it like https://",
    ),
    (*_call(headers=[{"name": "A b", "value": "c"}]), "spec.handler.http.headers[0].name: 'A b' is not a valid header"),
    (*_call(headers=[{"name": "A", "value": "b\nC: d"}]), "spec.handler.http.headers[0].value: has a line break or"),
    (*_call(expect={"jsonPath": "$["}), "spec.handler.http.expect.jsonPath: is not a JSONPath: unexpected end"),
    (*_call(expect={"jsonPath": "id"}), "spec.handler.http.expect.jsonPath: is not a JSONPath: it does not begin"),
    (*_python("def handler(): pass"), "spec.handler.python.source: handler takes no argument; write def handler(ctx)"),
    (*_python("async def handler(): pass"), "spec.handler.python.source: handler takes no argument; write def handler"),
    (*_call(caBundle="x"), "spec.handler.http.caBundle: has no certificate that can be read; write PEM"),
    (
        *_python("def handler(ctx):\n  retrun 1"),
        "spec.handler.python.source: line 2: invalid syntax: retrun 1",
    ),
    (
        *_python("x = 1\nreturn x\n"),
        "spec.handler.python.source: line 2: 'return' outside function; correct it",
    ),
    (*_python("def other(ctx): pass"), "spec.handler.python.source: has no function handler; write def handler(ctx)"),
    (*_python("x = '\0'"), "spec.handler.python.source: "),
    (*_python("x = " + "1+" * 100_000 + "1"), "spec.handler.python.source: cannot be read as Python: "),
    (*_python("x = " + "-" * 200_000 + "1"), "spec.handler.python.source: cannot be read as Python"),
    # Items, args and what they refer to are free-form to the server.
    *(
        (*_task(handler=_each(CONTAINER, items=items)), f"spec.handler.forEach.items: {words}")
        for items, words in (
            *((True, "true is not a list; write a list, how many there are,"), (1.5, "1.5 is not a list; write a")),
            *(("a,b", "'a,b' is not a list; write a list"), ({"a": 1}, "{a: 1} is not a list; write a list")),
            *((-1, "is -1, below 0; write a number from 0 to 1000"), (1001, "has 1001 items, over 1000; hand over")),
            *(
                ([None] * 1001, "has 1001 items, over 1000; hand over fewer"),
                ("${run.name}", "run.name is never a list"),
            ),
            ("${steps.a.result}", "steps.a.result: there is steps in steps only; write one of args, trigger"),
        )
    ),
    (
        *_task(handler=_each(CONTAINER, items=["x" * 33_000])),
        "spec.handler.forEach.items[0]: has 33002 bytes as JSON, over 32768; hand over a reference to the data",
    ),
    (*_task(handler=_each(CONTAINER, items=["x" * 30_000] * 3)), "spec.handler: has 90"),
    *(
        (*_task(handler=_each(CONTAINER, args={"x": text})), f"spec.handler.forEach.args.x: {words}")
        for text, words in (
            ("${steps.a.result}", "steps.a.result: there is steps in steps only; write one of args, run, trigger,"),
            ("p-${item}", "'p-${item}' has a reference in a part of a string; write the whole string"),
        )
    ),
    *(
        (*_task(handler=_each(CONTAINER, collect={**CONTAINER, "args": args})), f"spec.handler.forEach.collect.{words}")
        for args, words in (
            ({"x": "${item}"}, "args.x: item: there is item in forEach.args only; write one of args, run, trigger"),
            ({"total": 1}, "args.total: is one of the totals that it is given; rename it"),
        )
    ),
    # The server's maps have no size in bytes.
    (*_task(args={"x": "y" * 110_000}), "spec.args: has 110008 bytes as JSON, over 102400; hand over a reference"),
    (*_run(args={"x": "y" * 110_000}), "spec.args: has 110008 bytes as JSON, over 102400; hand over a reference"),
    # To the server a day's offset is one.
    (*_task(startTime="2026-03-29T01:00:00+24:00"), "spec.startTime: '2026-03-29T01:00:00+24:00' is not a time"),
    # A rule that reads a time would refuse lower case letters in it, which are good.
    *(
        (*_task(**{name: text}), f"spec.{name}: is before 1970 or after 9999; write a time in between, like 2026")
        for name in ("startTime", "endTime", "suspendUntil")
        for text in (*("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"), *_OUTSIDE_IN_UTC)
    ),
    *(
        (*_run(**{name: "1969-12-31T23:59:59Z"}), f"spec.{name}: is before 1970 or after 9999; write a time in between")
        for name in ("at", "scheduledTime")
    ),
    (*_task(startTime="0000-01-01T00:00:00Z"), "spec.startTime: '0000-01-01T00:00:00Z' is not a time; write it in UTC"),
    # The server stores it as 5, so that the operator never sees it.
    (*_task(maxRuns=5.0), "spec.maxRuns: must be a whole number, not 5.0; write maxRuns: 5"),
]

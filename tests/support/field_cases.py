"""Every field of both specs, and every rule across fields: what the API server refuses, and in which words."""

from dataclasses import dataclass, field
from typing import Any

from field_kinds import (
    ABSENT,
    AMOUNT,
    DATE,
    DURATION,
    DURATION_WORDS,
    FLAG,
    FREE,
    LASTING,
    NOT_AMOUNT,
    NOT_TEXT,
    OUTSIDE_DATE,
    TEN_YEARS,
    TIME,
    Field,
    choice,
    items,
    number,
    restart_policy,
    text,
    under,
    whole,
)
from url_templates import BAD_TEMPLATES, NO_HOST

CONTAINER = {"image": "busybox:1.36"}
HTTP = {"url": "https://example.com"}
SOURCE = "def handler(ctx): pass"
_NO_URL = "url is not a valid URL; write it like https://example.com/path"
_NO_HTTP = "http goes with no batch: an answer has no cursor; write python, and make the call there"
_NO_METHOD = "method is not an HTTP method; write it like GET or POST"
_ONE_VALUE = "exactly one of value and valueFrom must be set; set one of them"
TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "busybox:1.36"}]}}
TASK_BASE = {"handler": {"container": CONTAINER}}
RUN_BASE = {"taskRef": {"name": "x"}}

_RETRY = {
    "retry": whole(),
    "retry.limit": number(0, 100),
    "retry.initial": DURATION,
    "retry.factor": number(1, 10),
    "retry.max": DURATION,
    "retry.jitterPercent": number(0, 100),
    "retry.nonRetryableExitCodes": items(None, 50, 1),
    "retry.nonRetryableExitCodes[]": number(0, 255),
    "retry.maxLost": number(0, 100),
    "retry.onLost": choice("Retry", "Fail"),
}
_KEY = {"name": text(1, 253), "key": text(1, 253)}
_CALLS = {
    "http": whole(),
    "http.url": text(1, 2048),
    "http.urlTemplate": text(1, 2048),
    "http.method": text(1, 16),
    "http.headers": items(None, 50, {"name": "A", "value": "b"}),
    "http.headers[]": whole("name"),
    "http.headers[].name": text(1, 256),
    "http.headers[].value": text(None, 4096),
    "http.headers[].valueFrom": whole("secretKeyRef"),
    "http.headers[].valueFrom.secretKeyRef": whole("name", "key"),
    **under("http.headers[].valueFrom.secretKeyRef", _KEY),
    "http.body": text(None, 100_000),
    "http.expect": whole(),
    "http.expect.status": items(None, 20, "2xx"),
    "http.expect.status[]": text(None, 3, ("600", "should match"), ("2x", "should match")),
    "http.expect.jsonPath": text(None, 1024),
    "http.caBundle": text(None, 100_000),
    "python": whole(),
    "python.source": text(None, 262_144),
    "python.configMapKeyRef": whole("name", "key"),
    **under("python.configMapKeyRef", _KEY),
    "python.entrypoint": text(None, 256),
    "python.image": text(None, 1024),
}
_ONE_ATTEMPT = restart_policy("Never")
_CONTAINER_PARTS = {
    "": Field((("a", "must be of type object"), (None, "must be of type object"))),
    ".name": text(None, 63),
}
_POD_SPEC = {
    "": FREE,
    ".restartPolicy": _ONE_ATTEMPT,
    ".containers": items(None, 100, {"name": "a"}),
    **{f".containers[]{part}": field for part, field in _CONTAINER_PARTS.items()},
    ".containers[].restartPolicy": _ONE_ATTEMPT,
    ".initContainers": items(None, 100, {"name": "a"}),
    **{f".initContainers[]{part}": field for part, field in _CONTAINER_PARTS.items()},
    ".initContainers[].restartPolicy": restart_policy("Never", "Always"),
}
_PLAIN = {**_CALLS, "container": FREE, "podTemplate": FREE, "resultFrom": text(None, 63), "pod": FREE}
# Where a handler of one pod may stand: the handler itself, a step, what undoes it, an item, and what collects.
STEP, UNDO = "handler.steps[]", "handler.steps[].compensate"
EACH, ITEM, COLLECT = "handler.forEach", "handler.forEach.handler", "handler.forEach.collect"
BATCH, EVERY = "handler.batch", "handler.batch.handler"
_PARTS = (STEP, UNDO, ITEM, COLLECT, EVERY)
MOUNTS = ("handler", *_PARTS)
_SIMPLE = {
    **_CALLS,
    "container": FREE,
    "container.image": text(None, 1024, ("", "image is missing; name the image to run, like busybox:1.36")),
    "container.name": text(None, 63, ("x", "name is given by crontask; remove it")),
    "container.restartPolicy": _ONE_ATTEMPT,
    "podTemplate": FREE,
    **{f"podTemplate.spec{part}": field for part, field in _POD_SPEC.items()},
    "resultFrom": text(None, 63),
    "pod": FREE,
    **{f"pod.spec{part}": field for part, field in _POD_SPEC.items()},
}
_HANDLER = {
    "handler": whole(),
    **under("handler", _SIMPLE),
    "handler.steps": items(1, 50, {"name": "a"}),
    STEP: whole("name"),
    **under(STEP, _SIMPLE),
    **under(STEP, _RETRY),
    f"{STEP}.name": text(1, 24),
    f"{STEP}.task": text(1, 52),
    f"{STEP}.approval": whole(),
    f"{STEP}.approval.message": text(None, 512),
    f"{STEP}.approval.timeout": LASTING,
    f"{STEP}.args": FREE,
    f"{STEP}.dependsOn": items(None, 50, "a"),
    f"{STEP}.dependsOn[]": text(1, 24),
    f"{STEP}.when": whole("value"),
    f"{STEP}.when.in": items(None, 100, 1),
    f"{STEP}.when.notIn": items(None, 100, 1),
    f"{STEP}.delay": DURATION,
    f"{STEP}.timeout": LASTING,
    f"{STEP}.startTimeout": DURATION,
    f"{STEP}.continueOnFailure": FLAG,
    f"{STEP}.always": FLAG,
    f"{STEP}.compensateWhen": choice("Acted", "Started"),
    UNDO: whole(),
    **under(UNDO, _SIMPLE),
    **under(UNDO, _RETRY),
    f"{UNDO}.args": FREE,
    f"{UNDO}.timeout": LASTING,
    "handler.onFailure": choice("Finish", "Cancel"),
    "handler.maxParallel": number(1, 50),
    "handler.stepResultFrom": text(1, 24),
    EACH: whole("items", "handler"),
    **under(EACH, _RETRY),
    f"{EACH}.parallelism": number(1, 1000),
    f"{EACH}.maxFailed": AMOUNT,
    f"{EACH}.failurePolicy": choice("Continue", "Stop", "FailFast"),
    f"{EACH}.args": FREE,
    f"{EACH}.timeout": LASTING,
    f"{EACH}.scheduledTime": text(None, 256),
    ITEM: whole(),
    **under(ITEM, _SIMPLE),
    f"{ITEM}.task": text(1, 52),
    COLLECT: whole(),
    **under(COLLECT, _SIMPLE),
    **under(COLLECT, _RETRY),
    f"{COLLECT}.args": FREE,
    f"{COLLECT}.timeout": LASTING,
    BATCH: whole("size", "handler"),
    **under(BATCH, _RETRY),
    f"{BATCH}.size": number(1, 1_000_000),
    f"{BATCH}.delay": DURATION,
    f"{BATCH}.maxBatches": number(1, 1_000_000_000),
    f"{BATCH}.continueFrom": choice("Start", "LastRun"),
    f"{BATCH}.reusePodFor": DURATION,
    f"{BATCH}.args": FREE,
    f"{BATCH}.timeout": LASTING,
    EVERY: whole(),
    **under(EVERY, _SIMPLE),
}
# Told of what was written, which is an unquoted `on`.
UNQUOTED_ON = "on has a value that is not allowed; write Succeeded, Failed or Finished"
_ENDS = ("Succeeded", "Failed", "Finished")
FIELDS: dict[str, dict[str, Field]] = {
    "CronTask": {
        "schedule": text(1, 256),
        "schedules": items(1, 20, "@daily"),
        "schedules[]": text(1, 256),
        "interval": LASTING,
        "delay": DURATION,
        "after": whole("task"),
        "after.task": text(1, 52),
        "after.on": choice(*_ENDS),
        # As YAML 1.1 reads an unquoted `on`.
        "after.true": Field((("failed", UNQUOTED_ON), ("Never", UNQUOTED_ON), NOT_TEXT), None, 16, "text"),
        "timeZone": text(1, 64),
        "dst": whole(),
        "dst.missing": choice("Shift", "Skip"),
        "dst.repeated": choice("First", "Both"),
        "startTime": TIME,
        "endTime": TIME,
        "maxRuns": number(1, 1_000_000_000),
        "jitter": DURATION,
        "skip": items(None, 100, {"from": "2026-12-24"}),
        "skip[]": whole("from"),
        "skip[].from": DATE,
        "skip[].to": DATE,
        "suspend": FLAG,
        "suspendUntil": TIME,
        "suspendReason": text(None, 256),
        "suspendAfterFailures": number(1, 1000),
        "concurrency": whole(),
        "concurrency.policy": choice("Forbid", "Allow", "Replace", "Queue"),
        "concurrency.max": number(1, 10_000),
        "concurrency.queueLimit": number(1, 1000),
        "concurrency.group": text(1, 63),
        "startingDeadline": LASTING,
        "catchUp": whole(),
        "catchUp.policy": choice("Latest", "None", "All"),
        "catchUp.limit": number(1, 100),
        **_HANDLER,
        "args": FREE,
        "argsSchema": FREE,
        "resultSchema": FREE,
        "timeout": LASTING,
        "startTimeout": DURATION,
        "totalTimeout": DURATION,
        **_RETRY,
        "expect": whole(),
        "expect.finishWithin": LASTING,
        "expect.successWithin": LASTING,
        "history": whole(),
        "history.succeeded": number(0, 1000),
        "history.failed": number(0, 1000),
        "ttlAfterFinished": DURATION,
    },
    "ScheduledRun": {
        "taskRef": whole("name"),
        "taskRef.name": text(1, 52),
        **_HANDLER,
        "at": TIME,
        "delay": DURATION,
        "allowPast": FLAG,
        "scheduledTime": TIME,
        "args": FREE,
        "cancel": FLAG,
        "cancelReason": text(None, 1024),
        "timeout": LASTING,
        "suspend": FLAG,
        "startTimeout": DURATION,
        "totalTimeout": DURATION,
        **_RETRY,
        "ttlAfterFinished": DURATION,
        "idempotencyKey": text(1, 256),
        "onComplete": whole("taskRef"),
        "onComplete.taskRef": whole("name"),
        "onComplete.taskRef.name": text(1, 52),
        "onComplete.args": FREE,
        "cancelMode": choice("Compensate", "Immediate"),
        "rerunOf": whole("name"),
        "rerunOf.name": text(1, 63),
        "rerunOf.from": text(1, 24),
        "rerunOf.definition": choice("Same", "Latest"),
        "parent": whole("name", "uid", "root", "depth", "key"),
        "parent.name": text(1, 63),
        "parent.uid": text(1, 64),
        "parent.root": text(1, 63),
        "parent.depth": number(1, 16),
        "parent.key": text(1, 512),
        "parent.step": text(None, 24),
        "parent.undo": text(None, 24),
        "parent.item": whole("index"),
        "parent.item.index": number(0, 999),
        "parent.batch": whole("number", "size"),
        "parent.batch.number": number(1, 1_000_000_000),
        "parent.batch.size": number(1, 1_000_000),
        "parent.batch.part": number(1, 1_000_000_000),
        "parent.batch.reuse": whole("for", "most"),
        "parent.batch.reuse.for": DURATION,
        "parent.batch.reuse.delay": DURATION,
        "parent.batch.reuse.timeout": DURATION,
        "parent.batch.reuse.most": number(1, 1_000_000_000),
        "parent.collect": FLAG,
        "parent.always": FLAG,
        "parent.backfill": FLAG,
    },
}
# Fields without a bad value: they take anything.
_ANYTHING = {f"{EACH}.items", *(f"{STEP}.when.{name}" for name in ("value", "in[]", "notIn[]"))}
ANYTHING = {
    "CronTask": _ANYTHING,
    "ScheduledRun": {*_ANYTHING, "parent.item.value", "parent.batch.cursor", "parent.batch.reuse.args", "cursor"},
}
# Lists and texts whose values just inside a limit are refused for another reason.
INSIDE = {
    "after.true": UNQUOTED_ON,
    **{f"{mount}.container.name": "name is given by crontask; remove it" for mount in MOUNTS},
    **{f"{mount}.http.url": _NO_URL for mount in MOUNTS},
    **{f"{mount}.http.urlTemplate": NO_HOST for mount in MOUNTS},
    **{f"{mount}.http.method": _NO_METHOD for mount in MOUNTS},
    # A batch makes no call.
    **{path: _NO_HTTP for path in _HANDLER if path.startswith(f"{EVERY}.http.")},
}
# Just inside a limit by the schema, and yet refused by validate, which knows cron and time zones: no CEL rule can.
_TOO_LARGE = "bytes as JSON, over 65536"
ONLY_VALIDATE: dict[tuple[str, int], tuple[str, ...]] = {
    ("schedule", 1): ("five",),
    ("schedules[]", 1): ("five",),
    ("timeZone", 1): ("there is no time zone",),
    ("timeZone", 64): ("there is no time zone",),
    (f"{EACH}.scheduledTime", 256): ("is not a reference",),
    **{(f"{mount}.http.expect.jsonPath", 1024): ("is not a JSONPath",) for mount in MOUNTS},
    ("handler.http.caBundle", 100_000): ("has no certificate that can be read",),
    ("handler.python.source", 262_144): ("has no function handler",),
    **{(f"{mount}.http.body", 100_000): (_TOO_LARGE,) for mount in _PARTS},
    **{(f"{mount}.http.caBundle", 100_000): ("has no certificate that", _TOO_LARGE) for mount in _PARTS},
    **{(f"{mount}.python.source", 262_144): ("has no function handler", _TOO_LARGE) for mount in _PARTS},
    # It is looked at before the whole is; of a call that no batch makes, only how large it is.
    (f"{EVERY}.python.source", 262_144): ("has no function handler", _TOO_LARGE),
    (f"{EVERY}.http.caBundle", 100_000): (_TOO_LARGE,),
    (f"{EVERY}.http.expect.jsonPath", 1024): (),
}
# What an object needs that is there for the sake of one of its fields.
_NEEDED: dict[str, Any] = {
    "name": "n",
    "key": "k",
    "secretKeyRef": {"name": "n", "key": "k"},
    "task": "x",
    "from": "2026-01-01",
    "size": 1,
    "handler": {},
    "taskRef": {"name": "x"},
    **{"value": "v", "uid": "u", "root": "r", "depth": 1, "items": [1], "index": 0, "number": 1},
    **{"for": "5m", "most": 1},
}
_VARIANTS = {"container", "podTemplate", "http", "python", "task", "approval"}


def spec_with(kind: str, path: str, value: Any) -> dict[str, Any]:
    """A spec that is good but, perhaps, for the value at the path (ABSENT: left out)."""
    inner = _at(kind, "", path.replace("[]", ".[]").split("."), value)
    handler = inner.get("handler")
    if isinstance(handler, dict):
        _complete_handler(handler, path, value)
    if path == "cancelMode":
        inner["cancel"] = True
    base = TASK_BASE if kind == "CronTask" else {} if path.startswith("handler") else RUN_BASE
    return {**base, **inner} if inner else {}


def _complete_handler(handler: dict[str, Any], path: str, value: Any) -> None:
    """What stands beside a field of a handler, so that nothing but the field may be wrong."""
    if path in ("handler.onFailure", "handler.maxParallel", "handler.stepResultFrom"):
        name = value if isinstance(value, str) and path == "handler.stepResultFrom" else "a"
        handler["steps"] = [{"name": name, "container": CONTAINER}]
    steps, each, batch = handler.get("steps"), handler.get("forEach"), handler.get("batch")
    if isinstance(batch, dict):
        _complete_parts(batch, (EVERY,), path, value)
        return
    if isinstance(each, dict):
        _complete_parts(each, (ITEM, COLLECT), path, value)
        return
    if not isinstance(steps, list):
        _complete(handler, path.removeprefix("handler."), value)
        return
    if path == "handler.steps":
        handler["steps"] = [{"name": f"s{number}", "container": CONTAINER} for number in range(len(steps))]
    for step in [step for step in handler["steps"] if isinstance(step, dict)]:
        if path.startswith(f"{UNDO}.") and isinstance(step.get("compensate"), dict):
            _complete(step["compensate"], path.removeprefix(f"{UNDO}."), value)
            _with_variant(step["compensate"])
        elif path.startswith(f"{STEP}."):
            _complete(step, path.removeprefix(f"{STEP}."), value)
        _with_variant(step)
        named = {name for name in step.get("dependsOn") or () if isinstance(name, str) and name}
        if path.startswith(f"{STEP}.dependsOn"):
            others = [{"name": name, "container": CONTAINER, "dependsOn": []} for name in sorted(named)]
            handler["steps"] = [step, *others]


def _complete_parts(composite: dict[str, Any], mounts: tuple[str, ...], path: str, value: Any) -> None:
    if path == f"{EACH}.scheduledTime":
        composite["handler"] = {"task": "x"}
    if path == f"{BATCH}.reusePodFor":
        composite["handler"] = {"python": {"source": "def handler(ctx): ..."}}
    for mount in mounts:
        handler = composite.get(mount.rpartition(".")[2])
        if isinstance(handler, dict):
            if path.startswith(f"{mount}."):
                _complete(handler, path.removeprefix(f"{mount}."), value)
            _with_variant(handler)


def _with_variant(handler: dict[str, Any]) -> None:
    if not handler.keys() & _VARIANTS:
        handler["container"] = CONTAINER


def _complete(handler: dict[str, Any], path: str, value: Any) -> None:
    """The same of the handler of one pod; `path` within it."""
    if path == "resultFrom":
        named = value if isinstance(value, str) else "a"
        handler["podTemplate"] = {"spec": {"containers": [{"name": named}]}}
    if path in ("container.name", "container.restartPolicy"):
        handler["container"].update(CONTAINER)
    if path.startswith("pod.") or path == "pod":
        handler["container"] = CONTAINER
    if path.startswith("podTemplate.spec.") and ".containers" not in path:
        handler["podTemplate"]["spec"].update(TEMPLATE["spec"])
    if path == "podTemplate.spec.containers[].restartPolicy":
        handler["podTemplate"]["spec"]["containers"][0].update(name="a")
    if path.startswith("http.") and not handler["http"].keys() & {"url", "urlTemplate"}:
        handler["http"].update(HTTP)
    if path.startswith("http.headers[]."):
        for header in handler["http"]["headers"]:
            header.update({} if header.keys() & {"value", "valueFrom"} else {"value": "v"})
    python = handler.get("python")
    if isinstance(python, dict) and not python.keys() & {"source", "configMapKeyRef"} and path != "python":
        name = value if path == "python.entrypoint" and isinstance(value, str) else "handler"
        python["source"] = SOURCE.replace("handler", name)


def _at(kind: str, here: str, names: list[str], value: Any) -> Any:
    if not names:
        return value
    first, *rest = names
    if first == "[]":
        return [_at(kind, f"{here}[]", rest, value)]
    path = f"{here}.{first}" if here else first
    known = FIELDS[kind].get(here)
    beside = {name: _NEEDED[name] for name in (known.required if known else ()) if name != first}
    if value is ABSENT and not rest:
        return beside
    return {**beside, first: _at(kind, path, rest, value)}


@dataclass(frozen=True)
class Rule:
    """A rule across fields: the manifest that breaks it, and its words; `path` is where validate says so, if it can."""

    message: str
    spec: dict[str, Any]
    path: str = ""
    name: str = "t"
    phase: str = ""
    change: dict[str, Any] = field(default_factory=dict)


_TIMINGS = {"schedule": "@daily", "schedules": ["@daily"], "interval": "5s", "delay": "5s", "after": {"task": "x"}}
_HOLLOW: tuple[dict[str, Any], ...] = (
    {},
    {"spec": {}},
    {"spec": {"containers": []}},
    {"spec": {"containers": [{"image": "i"}]}},
)
_ONE_TIMING = "at most one of schedule, schedules, interval, delay and after can be set; keep one of them"
_ONE_VARIANT = "exactly one of container, podTemplate, http, python, steps, forEach, batch must be set; set one of them"
_ONE_SIMPLE = "exactly one of container, podTemplate, http, python must be set; set one of them"
_ONE_OF_PART = "exactly one of container, podTemplate, http, python, task must be set; set one of them"
_ONE_OF_STEP = "exactly one of container, podTemplate, http, python, task, approval must be set; set one of them"
_OF_THE_TASK = "does not go with task: it is that of the CronTask; remove it, or set it there"
_ALWAYS = "does not go with always, since the step runs last; remove it"
_NOT_BACK = "cancelMode never goes back from Immediate; leave it as it is"
_RESULT_FROM = "resultFrom names no container of podTemplate; name one of them"
_NO_CONTAINERS = "spec.containers is empty; write at least one container with a name"
_NO_IMAGE = "image is missing; name the image to run, like busybox:1.36"
_WITH_DELAY = "has no meaning with delay, which is never missed; remove it"
_ONLY_FORBID = "with delay, concurrency.policy can only be Forbid; remove it"
_EMPTY = "startTime is not before endTime, so that nothing would ever be due; correct one of them"
_ONE_KIND = "exactly one of taskRef and handler must be set; name a CronTask or say what runs"
_NO_HANDLER = "handler does not go with rerunOf, by which the run has that of the other; remove it"
_NOT_FROM = "is neither Failed nor Start nor the name of a step; write from: Failed, or where to begin"
_BACK = "cancel never goes back; create another ScheduledRun"
_STARTED = "spec.at cannot be changed once the run has started; create another ScheduledRun"
_SHORT = "shorter than a second; write at least 1s"
_JANUARY, _MARCH = "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"


def _name(longest: int) -> str:
    return f"metadata.name: must be a DNS label of at most {longest} characters; write lower case letters, digits and -"


def _handler(given: dict[str, Any]) -> dict[str, Any]:
    return {"handler": given}


def _step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "container": CONTAINER, **fields}


def _steps(*steps: dict[str, Any]) -> dict[str, Any]:
    return _handler({"steps": list(steps)})


def _each(**fields: Any) -> dict[str, Any]:
    return _handler({"forEach": {"items": [1], "handler": {"container": CONTAINER}, **fields}})


def _batch(**fields: Any) -> dict[str, Any]:
    return _handler({"batch": {"size": 1, "handler": {"container": CONTAINER}, **fields}})


_ONLY_PYTHON = "reusePodFor goes with handler.python only, which can be called again; remove it, or write python"
_ONE_OF_A_BATCH = "exactly one of container, podTemplate, python must be set; set one of them"
_ONE_AT_A_TIME = "concurrency: with continueFrom: LastRun one run is at a time; write max: 1"
_ONLY_OF_TASKS = (
    "handler.batch.continueFrom: LastRun is of the runs of a CronTask, and this run has none; remove it, or write "
    "where to begin as spec.cursor"
)
_LAST_RUN = {"continueFrom": "LastRun"}
_TEMPLATED = {"podTemplate": TEMPLATE}
_BESIDE_APPROVAL: tuple[tuple[str, Any, str], ...] = (
    ("args", {}, "args does not go with approval, which is given none; remove it"),
    ("retry", {"limit": 1}, "retry does not go with approval, which is asked for once; remove it"),
    ("timeout", "1h", "timeout does not go with approval, which has its own; move it into approval"),
    ("startTimeout", "1h", "startTimeout does not go with approval, which has no pod; remove it"),
    ("always", True, "always does not go with approval: what runs last waits for nobody; remove it"),
    (
        "compensate",
        {"container": CONTAINER},
        "compensate does not go with approval, which does nothing that could be undone; remove it",
    ),
)
_PARENT = {"name": "n", "uid": "u", "root": "r", "depth": 1, "key": "k", "step": "a"}
_HANDLER_RULES = (
    Rule(_ONE_VARIANT, _handler({}), "spec.handler"),
    Rule(_ONE_VARIANT, _handler({"container": CONTAINER, "podTemplate": TEMPLATE}), "spec.handler"),
    Rule(
        "resultFrom goes with podTemplate only; remove it",
        _handler({"container": CONTAINER, "resultFrom": "a"}),
        "spec.handler.resultFrom",
    ),
    Rule(_RESULT_FROM, _handler({"podTemplate": TEMPLATE, "resultFrom": "b"}), "spec.handler.resultFrom"),
    Rule(_RESULT_FROM, _handler({"podTemplate": TEMPLATE, "resultFrom": ""}), "spec.handler.resultFrom"),
    *(
        Rule(_NO_CONTAINERS, _handler({"podTemplate": template}), "spec.handler.podTemplate.spec.containers")
        for template in _HOLLOW
    ),
    Rule(
        "pod goes with container, http and python only; remove it",
        _handler({"podTemplate": TEMPLATE, "pod": {}}),
        "spec.handler.pod",
    ),
    *(
        Rule(_NO_URL, _handler({"http": {"url": url}}), "spec.handler.http.url")
        for url in (
            *("example.com", "ftp://example.com", "https://", "https:///a", "https://a b", "https://a/b c"),
            " ",
        )
    ),
    *(
        Rule(
            f"{field} has a name or a password in it, which everybody would see who may read the task; "
            "write an Authorization header with valueFrom.secretKeyRef",
            _handler({"http": {field: f"{scheme}://{user}@example.com/a"}}),
            f"spec.handler.http.{field}",
        )
        for field in ("url", "urlTemplate")
        for scheme in ("https", "HTTPS")
        for user in ("user:word", "user", ":word")
    ),
    *(
        Rule(
            "exactly one of url and urlTemplate must be set; set one of them",
            _handler({"http": http}),
            "spec.handler.http",
        )
        for http in ({}, {**HTTP, "urlTemplate": "https://example.com/{id}"})
    ),
    *(
        Rule(message, _handler({"http": {"urlTemplate": template}}), "spec.handler.http.urlTemplate")
        for message, templates in BAD_TEMPLATES.items()
        for template in templates
    ),
    *(
        Rule(_NO_METHOD, _handler({"http": {**HTTP, "method": method}}), "spec.handler.http.method")
        for method in ("get", "GET ", "A-B", "GET\r\nA: b")
    ),
    *(
        Rule(
            _ONE_VALUE,
            _handler({"http": {**HTTP, "headers": [{"name": "A", **value}]}}),
            "spec.handler.http.headers[0]",
        )
        for value in ({}, {"value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})
    ),
    Rule(
        "there is no code; write source or configMapKeyRef, or name an image that has it",
        _handler({"python": {}}),
        "spec.handler.python",
    ),
    Rule(
        "source and configMapKeyRef are both set; keep one of them",
        _handler({"python": {"source": SOURCE, "configMapKeyRef": {"name": "c", "key": "k"}}}),
        "spec.handler.python",
    ),
    *(
        Rule(
            "entrypoint does not name a function of the image; write it like package.module:function",
            _handler({"python": {"image": "busybox:1.36", **given}}),
            "spec.handler.python.entrypoint",
        )
        for given in ({}, *({"entrypoint": name} for name in ("handler", "a.b", "a:", ":b", "a.b:c.d", "a-b:c")))
    ),
    *(
        Rule(
            "entrypoint is not a function name; write it like handler",
            _handler({"python": {"source": SOURCE, "entrypoint": name}}),
            "spec.handler.python.entrypoint",
        )
        for name in ("", "a.b", "a:b", "1a", "a b", "a()")
    ),
    Rule(
        "image is empty; leave it out, or name an image",
        _handler({"python": {"source": SOURCE, "image": ""}}),
        "spec.handler.python.image",
    ),
    Rule(_NO_IMAGE, _handler({"container": {}}), "spec.handler.container.image"),
    Rule(_NO_IMAGE, _handler({"container": {"image": ""}}), "spec.handler.container.image"),
    Rule(
        "name is given by crontask; remove it",
        _handler({"container": {**CONTAINER, "name": "a"}}),
        "spec.handler.container.name",
    ),
    *(
        Rule(
            f"{name} goes with steps only; remove it",
            _handler({"container": CONTAINER, name: value}),
            f"spec.handler.{name}",
        )
        for name, value in (("onFailure", "Cancel"), ("maxParallel", 1), ("stepResultFrom", "a"))
    ),
    Rule(
        "stepResultFrom names no step; name one of them",
        _handler({"steps": [_step("a")], "stepResultFrom": "b"}),
        "spec.handler.stepResultFrom",
    ),
    Rule(
        "name is not a DNS label; write lower case letters, digits and -",
        _steps(_step("A_")),
        "spec.handler.steps[0].name",
    ),
    Rule(_ONE_OF_STEP, _steps({"name": "a"}), "spec.handler.steps[0]"),
    Rule(_ONE_OF_STEP, _steps(_step("a", approval={})), "spec.handler.steps[0]"),
    *(
        Rule(message, _steps({"name": "a", "approval": {}, name: value}), f"spec.handler.steps[0].{name}")
        for name, value, message in _BESIDE_APPROVAL
    ),
    Rule(_ONE_SIMPLE, _steps(_step("a", compensate={})), "spec.handler.steps[0].compensate"),
    Rule(f"dependsOn {_ALWAYS}", _steps(_step("a", always=True, dependsOn=[])), "spec.handler.steps[0].dependsOn"),
    Rule(
        f"compensate {_ALWAYS}",
        _steps(_step("a", always=True, compensate={"container": CONTAINER})),
        "spec.handler.steps[0].compensate",
    ),
    Rule(
        "two steps have the same name; rename one of them", _steps(_step("a"), _step("a")), "spec.handler.steps[1].name"
    ),
    Rule(
        "dependsOn names a step that there is not; name one of the list",
        _steps(_step("a", dependsOn=["b"])),
        "spec.handler.steps[0].dependsOn[0]",
    ),
    Rule(
        "dependsOn is missing: a step without it would now start at once, since another step has it; write "
        "dependsOn: [], or name what it follows",
        _steps(_step("a", dependsOn=[]), _step("b")),
        "spec.handler.steps[1].dependsOn",
    ),
    *(
        Rule(
            f"{field} {_OF_THE_TASK}",
            _steps({"name": "a", "task": "x", field: value}),
            f"spec.handler.steps[0].{field}",
        )
        for field, value in (("retry", {}), ("startTimeout", "5s"))
    ),
    Rule(f"retry {_OF_THE_TASK}", _each(handler={"task": "x"}, retry={}), "spec.handler.forEach.retry"),
    Rule(
        "scheduledTime goes with handler.task only; remove it, or name a task",
        _each(scheduledTime="${item}"),
        "spec.handler.forEach.scheduledTime",
    ),
    Rule(_ONE_OF_PART, _each(handler={}), "spec.handler.forEach.handler"),
    Rule(_ONE_OF_PART, _each(handler={"container": CONTAINER, **_TEMPLATED}), "spec.handler.forEach.handler"),
    Rule(_ONE_SIMPLE, _each(collect={}), "spec.handler.forEach.collect"),
    *(
        Rule(words, _each(**{part: given}), f"spec.handler.forEach.{part}.{field}")
        for part in ("handler", "collect")
        for words, field, given in (
            (_RESULT_FROM, "resultFrom", {**_TEMPLATED, "resultFrom": "b"}),
            ("pod goes with container, http and python only; remove it", "pod", {**_TEMPLATED, "pod": {}}),
            (_NO_IMAGE, "container.image", {"container": {}}),
            (_NO_URL, "http.url", {"http": {"url": "example.com"}}),
        )
    ),
    *(Rule(NOT_AMOUNT, _each(maxFailed=value), "spec.handler.forEach.maxFailed") for value in ("5", "5 %", "101%", -1)),
    *(
        Rule(_SHORT, _each(**given), f"spec.handler.forEach.{field}")
        for field, given in (
            ("timeout", {"timeout": "0s"}),
            ("collect.timeout", {"collect": {"container": CONTAINER, "timeout": "0s"}}),
        )
    ),
    Rule(_NO_HTTP, _batch(handler={"http": HTTP}), f"spec.{EVERY}.http"),
    Rule(_NO_HTTP, _batch(handler={"http": HTTP, "container": CONTAINER}), f"spec.{EVERY}.http"),
    Rule(_ONE_OF_A_BATCH, _batch(handler={}), f"spec.{EVERY}"),
    Rule(_ONE_OF_A_BATCH, _batch(handler={"container": CONTAINER, **_TEMPLATED}), f"spec.{EVERY}"),
    *(
        Rule(words, _batch(handler=given), f"spec.{EVERY}.{field}")
        for words, field, given in (
            (_RESULT_FROM, "resultFrom", {**_TEMPLATED, "resultFrom": "b"}),
            ("pod goes with container, http and python only; remove it", "pod", {**_TEMPLATED, "pod": {}}),
            (_NO_IMAGE, "container.image", {"container": {}}),
        )
    ),
    Rule(_SHORT, _batch(timeout="0s"), f"spec.{BATCH}.timeout"),
    *(
        Rule(_ONLY_PYTHON, _batch(reusePodFor=lasts, handler=given), f"spec.{BATCH}.reusePodFor")
        for lasts in ("5m", "0s")
        for given in ({"container": CONTAINER}, _TEMPLATED)
    ),
)
RULES: dict[str, tuple[Rule, ...]] = {
    "CronTask": (
        *(
            Rule(_ONE_TIMING, {**TASK_BASE, one: _TIMINGS[one], other: _TIMINGS[other]}, "spec")
            for one in _TIMINGS
            for other in _TIMINGS
            if one < other
        ),
        *(
            Rule(_SHORT, {**TASK_BASE, name: "0s"}, f"spec.{name}")
            for name in ("interval", "startingDeadline", "timeout")
        ),
        *(
            Rule(_SHORT, {**TASK_BASE, "expect": {name: "0s"}}, f"spec.expect.{name}")
            for name in ("finishWithin", "successWithin")
        ),
        Rule("expect says nothing; write finishWithin or successWithin", {**TASK_BASE, "expect": {}}, "spec.expect"),
        Rule(DURATION_WORDS, {**TASK_BASE, "interval": "5"}, "spec.interval"),
        Rule(TEN_YEARS, {**TASK_BASE, "interval": "527041h"}, "spec.interval"),
        Rule(OUTSIDE_DATE, {**TASK_BASE, "skip": [{"from": "1969-12-31"}]}, "spec.skip[0].from"),
        Rule(
            f"startingDeadline {_WITH_DELAY}",
            {**TASK_BASE, "delay": "5s", "startingDeadline": "5s"},
            "spec.startingDeadline",
        ),
        Rule(f"catchUp {_WITH_DELAY}", {**TASK_BASE, "delay": "5s", "catchUp": {}}, "spec.catchUp"),
        *(
            Rule(
                _ONLY_FORBID, {**TASK_BASE, "delay": "5s", "concurrency": {"policy": policy}}, "spec.concurrency.policy"
            )
            for policy in ("Allow", "Replace", "Queue")
        ),
        Rule(_EMPTY, {**TASK_BASE, "startTime": _MARCH, "endTime": _JANUARY}, "spec.startTime"),
        Rule(_EMPTY, {**TASK_BASE, "startTime": _MARCH, "endTime": "2026-03-01T01:00:00+01:00"}, "spec.startTime"),
        Rule(
            "to is before from; swap them",
            {**TASK_BASE, "skip": [{"from": "2026-12-25", "to": "2026-12-24"}]},
            "spec.skip[0].to",
        ),
        Rule(
            "spec.after.task: a task cannot come after itself; name another task",
            {**TASK_BASE, "after": {"task": "t"}},
            "spec.after.task",
        ),
        *(
            Rule(_ONE_AT_A_TIME, {**_batch(**_LAST_RUN), "concurrency": given}, "spec.concurrency")
            for given in ({"policy": "Allow"}, {"policy": "Queue", "max": 2})
        ),
        Rule(UNQUOTED_ON, {**TASK_BASE, "after": {"task": "x", "true": "failed"}}, "spec.after.on"),
        *(Rule(_name(52), TASK_BASE, name=name) for name in ("x" * 53, "a.b")),
        *_HANDLER_RULES,
    ),
    "ScheduledRun": (
        Rule(_ONE_KIND, {}, "spec"),
        Rule(_ONE_KIND, {**RUN_BASE, **TASK_BASE}, "spec"),
        Rule(_NO_HANDLER, {**TASK_BASE, "rerunOf": {"name": "r"}}, "spec.handler"),
        Rule(_NO_HANDLER, {**RUN_BASE, **TASK_BASE, "rerunOf": {"name": "r"}}, "spec.handler"),
        *(Rule(_NOT_FROM, {"rerunOf": {"name": "r", "from": name}}, "spec.rerunOf.from") for name in ("Begin", "a b")),
        Rule("at and delay are both set; keep one of them", {**RUN_BASE, "at": _MARCH, "delay": "5s"}, "spec"),
        Rule(_SHORT, {**RUN_BASE, "timeout": "0s"}, "spec.timeout"),
        Rule(DURATION_WORDS, {**RUN_BASE, "delay": "5"}, "spec.delay"),
        Rule(TEN_YEARS, {**RUN_BASE, "delay": "527041h"}, "spec.delay"),
        *(Rule(_name(60), RUN_BASE, name=name) for name in ("x" * 61, "a.b")),
        *_HANDLER_RULES,
        Rule(
            "goes with cancel: true only; add it, or remove cancelMode",
            {**RUN_BASE, "cancelMode": "Immediate"},
            "spec.cancelMode",
        ),
        Rule(_ONLY_OF_TASKS, _batch(**_LAST_RUN), f"spec.{BATCH}.continueFrom"),
        # What only the server knows: the object before.
        Rule(_NOT_BACK, {**RUN_BASE, "cancel": True, "cancelMode": "Immediate"}, change={"cancelMode": "Compensate"}),
        Rule(_BACK, {**RUN_BASE, "cancel": True}, change={"cancel": False}),
        *(
            Rule(f"spec.{name} cannot be changed; create another ScheduledRun", RUN_BASE, change={name: value})
            for name, value in {
                **{"taskRef": {"name": "y"}, "delay": "5s", "allowPast": True, "scheduledTime": _MARCH},
                **{"timeout": "5s", "startTimeout": "5s", "totalTimeout": "5s", "ttlAfterFinished": "5s"},
                **{"retry": {"limit": 1}, "idempotencyKey": "k", "onComplete": {"taskRef": {"name": "x"}}},
                **{"rerunOf": {"name": "r"}, "parent": _PARENT},
            }.items()
        ),
        Rule(_STARTED, {**RUN_BASE, "at": _MARCH}, phase="Running", change={"at": _JANUARY}),
    ),
}

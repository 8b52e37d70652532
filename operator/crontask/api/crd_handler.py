"""The CRDs' rules about a handler: what can be said in CEL and in a schema of what validate_handler says."""

from collections.abc import Iterable, Sequence
from copy import deepcopy

from crontask.api.base import DURATION_PATTERN
from crontask.api.composite import HOW_MANY, PERCENT
from crontask.api.structure import Schema
from crontask.api.url_template import AFTER_HOST, CREDENTIALS, DOTS, EXAMPLE, FORM, HOST
from crontask.api.validate_approval import BESIDE_APPROVAL
from crontask.api.validate_batch import NO_HTTP, ONE_BATCH_HANDLER, ONLY_PYTHON
from crontask.api.validate_call import CREDENTIALS_IN_URL, FUNCTION, METHOD, MODULE_FUNCTION, ONE_URL, SCHEME
from crontask.api.validate_handler import ONE_HANDLER, ONE_OF_PART, ONE_OF_STEP, ONE_VARIANT
from crontask.api.validate_template import (
    INIT_RESTART_POLICIES,
    LONGEST_CONTAINER,
    LONGEST_IMAGE,
    MOST_CONTAINERS,
    RESTART_POLICIES,
)


def rule(rule: str, message: str) -> Schema:
    """A CEL rule, and what is said where it is broken."""
    return {"rule": rule, "message": message}


def joined(rules: Iterable[Schema], *, unless: str) -> Schema:
    """One rule that holds where all of these do, or `unless`; its message is that of the first that is broken.

    The API server evaluates every rule whenever it writes the object, its status too, and for each field that a rule
    reads it makes a map of the fields that the object could have.
    """
    rules = list(rules)
    every = " && ".join(f"({each['rule']})" for each in rules)
    *others, last = rules
    message = "".join(f"!({each['rule']}) ? '{each['message']}' : " for each in others) + f"'{last['message']}'"
    return {
        "rule": f"{unless} || ({every})",
        "messageExpression": message,
        **({"optionalOldSelf": True} if "oldSelf.hasValue()" in unless else {}),
    }


# Where a duration of 0s has no meaning. Of a part, too: the API server would refuse the run that is made for it.
SECOND_RULE = rule(
    f"!self.matches('{DURATION_PATTERN}') || self.matches('[1-9]')", "shorter than a second; write at least 1s"
)
# Spares the API server the rules at the writes that do not touch what they are about.
AS_IT_WAS = "(oldSelf.hasValue() && oldSelf.value() == self)"


def at_most_one(fields: Sequence[str]) -> str:
    """The condition that at most one of the fields is set."""
    return f"[{', '.join(f'has(self.{field})' for field in fields)}].filter(x, x).size() <= 1"


def _cel(pattern: str) -> str:
    """A regular expression as it is written in a text of CEL."""
    return pattern.replace("\\", "\\\\")


_VARIANTS = ("container", "podTemplate", "http", "python", "steps", "forEach", "batch")
_ONE_OF_ALL = rule(
    f"{at_most_one(_VARIANTS)} && ({' || '.join(f'has(self.{variant})' for variant in _VARIANTS)})",
    f"{ONE_VARIANT}; set one of them",
)
_SIMPLE = ("container", "podTemplate", "http", "python")
_ONE_OF_SIMPLE = rule(
    f"{at_most_one(_SIMPLE)} && ({' || '.join(f'has(self.{variant})' for variant in _SIMPLE)})",
    f"{ONE_HANDLER}; set one of them",
)
_RESULT_FROM_RULES = [
    rule("!has(self.resultFrom) || has(self.podTemplate)", "resultFrom goes with podTemplate only; remove it"),
    rule(
        "!has(self.resultFrom) || !has(self.podTemplate) || !has(self.podTemplate.spec) || "
        "!has(self.podTemplate.spec.containers) || "
        "self.podTemplate.spec.containers.exists(c, has(c.name) && c.name == self.resultFrom)",
        "resultFrom names no container of podTemplate; name one of them",
    ),
]
_POD_RULE = rule(
    "!has(self.pod) || has(self.container) || has(self.http) || has(self.python)",
    "pod goes with container, http and python only; remove it",
)
_HANDLER_RULES = [
    _ONE_OF_ALL,
    *_RESULT_FROM_RULES,
    # Of what has parts it is that of every part.
    rule(f"has(self.steps) || has(self.forEach) || has(self.batch) || {_POD_RULE['rule']}", _POD_RULE["message"]),
    *(
        rule(f"!has(self.{field}) || has(self.steps)", f"{field} goes with steps only; remove it")
        for field in ("onFailure", "maxParallel", "stepResultFrom")
    ),
    rule(
        "!has(self.stepResultFrom) || !has(self.steps) || self.steps.exists(s, s.name == self.stepResultFrom)",
        "stepResultFrom names no step; name one of them",
    ),
]


def _unset(field: str) -> str:
    """The condition that a field of a step is not set: a flag, which has a default, is false."""
    return f"!has(self.{field})" if field != "always" else "!has(self.always) || !self.always"


# What is free-form, like the lists of `when`, no rule can see.
_PART = (*_SIMPLE, "task")
_ONE_OF_PART = rule(
    f"{at_most_one(_PART)} && ({' || '.join(f'has(self.{variant})' for variant in _PART)})",
    f"{ONE_OF_PART}; set one of them",
)


def _of_the_task(field: str, task: str) -> Schema:
    message = f"{field} does not go with task: it is that of the CronTask; remove it, or set it there"
    return rule(f"!has(self.{field}) || !({task})", message)


_STEP = (*_PART, "approval")
_ONE_OF_STEP = rule(
    f"{at_most_one(_STEP)} && ({' || '.join(f'has(self.{variant})' for variant in _STEP)})",
    f"{ONE_OF_STEP}; set one of them",
)
_STEP_RULES = [
    rule(
        "self.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "name is not a DNS label; write lower case letters, digits and -",
    ),
    _ONE_OF_STEP,
    *_RESULT_FROM_RULES,
    _POD_RULE,
    *(_of_the_task(field, "has(self.task)") for field in ("retry", "startTimeout")),
    *(
        rule(
            f"!has(self.always) || !self.always || !has(self.{field})",
            f"{field} does not go with always, since the step runs last; remove it",
        )
        for field in ("dependsOn", "compensate")
    ),
    *(
        rule(
            f"!has(self.approval) || {_unset(field)}",
            f"{field} {said}; {fix}",
        )
        for field, (said, fix) in BESIDE_APPROVAL.items()
    ),
]
_STEPS_RULES = [
    rule("self.all(s, self.exists_one(t, t.name == s.name))", "two steps have the same name; rename one of them"),
    rule(
        "self.all(s, !has(s.dependsOn) || s.dependsOn.all(d, self.exists(t, t.name == d)))",
        "dependsOn names a step that there is not; name one of the list",
    ),
    rule(
        "!self.exists(s, has(s.dependsOn)) || self.all(s, has(s.dependsOn) || (has(s.always) && s.always))",
        "dependsOn is missing: a step without it would now start at once, since another step has it; write "
        "dependsOn: [], or name what it follows",
    ),
]
_FOR_EACH_RULES = [
    _of_the_task("retry", "has(self.handler.task)"),
    rule(
        "!has(self.scheduledTime) || has(self.handler.task)",
        "scheduledTime goes with handler.task only; remove it, or name a task",
    ),
]
_MAX_FAILED_RULES = [
    rule(
        f"type(self) == int ? int(self) >= 0 : string(self).matches('^{PERCENT}$')",
        f"maxFailed is not a number of items; {HOW_MANY}",
    )
]
_URL_TEMPLATE_RULES = [
    rule(f"!self.urlTemplate.matches('{CREDENTIALS}')", f"urlTemplate {'; '.join(CREDENTIALS_IN_URL)}"),
    rule(
        f"self.urlTemplate.matches('^{_cel(HOST)}{AFTER_HOST}')",
        f"urlTemplate does not begin with a scheme and a host as they are, without braces; write it like {EXAMPLE}",
    ),
    rule(
        f"self.urlTemplate.matches('^{_cel(FORM)}$')",
        "urlTemplate is not a template that is served; write {id} in the path, {?id,rest*} at its end, {&rest*} after "
        "a ?, and %20 for a space",
    ),
    rule(
        f"!self.urlTemplate.matches('{_cel(DOTS)}')",
        "urlTemplate has . or .. as a part of its path; write the path that is meant",
    ),
]
_OF_A_BATCH = ("container", "podTemplate", "python")
_BATCH_HANDLER_RULES = [
    rule("!has(self.http)", f"http goes with no batch: {'; '.join(NO_HTTP)}"),
    rule(
        f"{at_most_one(_OF_A_BATCH)} && ({' || '.join(f'has(self.{variant})' for variant in _OF_A_BATCH)})",
        f"{ONE_BATCH_HANDLER}; set one of them",
    ),
    *_RESULT_FROM_RULES,
    _POD_RULE,
]
_BATCH_RULES = [
    rule("!has(self.reusePodFor) || has(self.handler.python)", f"reusePodFor {'; '.join(ONLY_PYTHON)}"),
]
_URL_RULES = [
    rule(
        f"self.url.matches('^{SCHEME}[^/?# ]+([/?#][^ ]*)?$')",
        "url is not a valid URL; write it like https://example.com/path",
    ),
    rule(f"!self.url.matches('^{SCHEME}[^/?#]*@')", f"url {'; '.join(CREDENTIALS_IN_URL)}"),
]
_HTTP_RULES = [
    rule("has(self.url) != has(self.urlTemplate)", f"{ONE_URL}; set one of them"),
    joined(_URL_RULES, unless="!has(self.url)"),
    joined(_URL_TEMPLATE_RULES, unless="!has(self.urlTemplate)"),
    rule(
        f"!has(self.method) || self.method.matches('^{METHOD}$')",
        "method is not an HTTP method; write it like GET or POST",
    ),
]
_HEADER_RULE = rule(
    "has(self.value) != has(self.valueFrom)", "exactly one of value and valueFrom must be set; set one of them"
)
_PYTHON_RULES = [
    rule(
        "!has(self.source) || !has(self.configMapKeyRef)", "source and configMapKeyRef are both set; keep one of them"
    ),
    rule(
        "has(self.source) || has(self.configMapKeyRef) || (has(self.image) && self.image != '')",
        "there is no code; write source or configMapKeyRef, or name an image that has it",
    ),
    rule(
        f"has(self.source) || has(self.configMapKeyRef) || (has(self.entrypoint) && "
        f"self.entrypoint.matches('^{_cel(MODULE_FUNCTION)}$'))",
        "entrypoint does not name a function of the image; write it like package.module:function",
    ),
    rule(
        f"!(has(self.source) || has(self.configMapKeyRef)) || !has(self.entrypoint) || "
        f"self.entrypoint.matches('^{FUNCTION}$')",
        "entrypoint is not a function name; write it like handler",
    ),
    rule("!has(self.image) || self.image != ''", "image is empty; leave it out, or name an image"),
]
_KEEP: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
# Of the core types only what a rule reads; all else is kept as it is, and checked when the pod is created.


def _restart_policy(policies: tuple[str, ...]) -> Schema:
    text = "Never, or left out: spec.retry makes further attempts."
    if len(policies) > 1:
        text = "Always makes a sidecar of it; else Never, or left out."
    return {"type": "string", "enum": list(policies), "description": text}


_CONTAINER: Schema = {
    "properties": {
        "image": {"type": "string", "maxLength": LONGEST_IMAGE, "description": "The image to run, like busybox:1.36."},
        "name": {"type": "string", "maxLength": 63, "description": "Given by crontask: leave it out."},
        "restartPolicy": _restart_policy(RESTART_POLICIES),
    },
    "x-kubernetes-validations": [
        rule("has(self.image) && self.image != ''", "image is missing; name the image to run, like busybox:1.36"),
        rule("!has(self.name)", "name is given by crontask; remove it"),
    ],
}
_CONTAINER_NAME: Schema = {
    "type": "string",
    "maxLength": LONGEST_CONTAINER,
    "description": "The name of the container.",
}


def _containers(policies: tuple[str, ...]) -> Schema:
    known = {"name": dict(_CONTAINER_NAME), "restartPolicy": _restart_policy(policies)}
    return {
        "type": "array",
        "maxItems": MOST_CONTAINERS,
        "description": "As in core/v1: each with a name and an image.",
        "items": {**_KEEP, "properties": known},
    }


_POD_SPEC: Schema = {
    **_KEEP,
    "description": "A core/v1 PodSpec.",
    "properties": {
        "restartPolicy": _restart_policy(RESTART_POLICIES),
        "containers": _containers(RESTART_POLICIES),
        "initContainers": _containers(INIT_RESTART_POLICIES),
    },
}
_HAS_CONTAINERS = rule(
    "has(self.spec) && has(self.spec.containers) && self.spec.containers.exists(c, has(c.name))",
    "spec.containers is empty; write at least one container with a name",
)


def add_handler_rules(handler: Schema) -> None:
    """Add them to the schema of `handler`."""
    handler["x-kubernetes-validations"] = [joined(_HANDLER_RULES, unless=AS_IT_WAS)]
    _add_simple_rules(handler)
    steps = handler["properties"]["steps"]
    steps["x-kubernetes-validations"] = deepcopy(_STEPS_RULES)
    step = steps["items"]
    step["x-kubernetes-validations"] = [joined(_STEP_RULES, unless="false")]
    step["properties"]["approval"]["properties"]["timeout"]["x-kubernetes-validations"].append(dict(SECOND_RULE))
    _add_simple_rules(step)
    _add_rules_of_part(step["properties"]["compensate"])
    for_each = handler["properties"]["forEach"]
    for_each["x-kubernetes-validations"] = deepcopy(_FOR_EACH_RULES)
    batch = handler["properties"]["batch"]
    for part in (step, step["properties"]["compensate"], for_each, for_each["properties"]["collect"], batch):
        part["properties"]["timeout"]["x-kubernetes-validations"].append(dict(SECOND_RULE))
    for_each["properties"]["maxFailed"]["x-kubernetes-validations"] = deepcopy(_MAX_FAILED_RULES)
    item = for_each["properties"]["handler"]
    item["x-kubernetes-validations"] = [joined([_ONE_OF_PART, *_RESULT_FROM_RULES, _POD_RULE], unless="false")]
    _add_simple_rules(item)
    _add_rules_of_part(for_each["properties"]["collect"])
    batch["x-kubernetes-validations"] = deepcopy(_BATCH_RULES)
    each = batch["properties"]["handler"]
    each["x-kubernetes-validations"] = [joined(_BATCH_HANDLER_RULES, unless="false")]
    _add_simple_rules(each)
    # What is refused as a whole is not looked at.
    http = each["properties"]["http"]
    del http["x-kubernetes-validations"], http["properties"]["headers"]["items"]["x-kubernetes-validations"]


def _add_rules_of_part(handler: Schema) -> None:
    """Those of a handler of one pod, and of which it is."""
    handler["x-kubernetes-validations"] = [joined([_ONE_OF_SIMPLE, *_RESULT_FROM_RULES, _POD_RULE], unless="false")]
    _add_simple_rules(handler)


def _add_simple_rules(handler: Schema) -> None:
    """Those about the parts of a handler of one pod."""
    handler["properties"]["container"].update(deepcopy(_CONTAINER))
    for name in ("podTemplate", "pod"):
        handler["properties"][name]["properties"] = {"spec": deepcopy(_POD_SPEC)}
    handler["properties"]["podTemplate"]["x-kubernetes-validations"] = [dict(_HAS_CONTAINERS)]
    http, python = handler["properties"]["http"], handler["properties"]["python"]
    http["x-kubernetes-validations"] = deepcopy(_HTTP_RULES)
    http["properties"]["headers"]["items"]["x-kubernetes-validations"] = [dict(_HEADER_RULE)]
    python["x-kubernetes-validations"] = deepcopy(_PYTHON_RULES)

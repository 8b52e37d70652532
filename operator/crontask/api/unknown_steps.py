"""Fields that no workflow has, by the names that other tools give them: what is written here."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from crontask.api.near_reference import meant
from crontask.api.problem import NO_SUCH_FIELD
from crontask.api.written import as_yaml

_WITHIN = "cannot be within a step: that would be a composite within a composite"
_WITHIN_A_PART = "cannot be here, in what runs for a part: that would be a composite within a composite"
_OF_ITS_OWN = "put it into a CronTask of its own, and write task: NAME"
_ONE_POD = "write what one pod runs: container, podTemplate or python"
# In lower case, without separators.
_OF_A_STEP: dict[str, tuple[str, ...]] = {
    "dependsOn": (
        *("needs", "need", "depends", "dependency", "dependencies", "requires", "require", "requirements", "runafter"),
        *("after", "follows", "waitfor", "upstream", "prerequisites", "previous"),
    ),
    "when": ("if", "condition", "conditions", "runif", "onlyif", "only", "whenexpressions", "expression", "guard"),
    "compensate": ("undo", "rollback", "compensation", "compensator", "compensatewith", "revert", "onrollback"),
    "always": (
        *("finally", "onexit", "ensure", "cleanup", "teardown", "runalways", "alwaysrun", "oncomplete"),
        *("exithandler", "posthook", "defer"),
    ),
    "continueOnFailure": (
        *("allowfailure", "allowedtofail", "ignorefailure", "ignorefailures", "ignoreerror", "ignoreerrors"),
        *("continueonerror", "continueon", "optional", "canfail", "softfail", "onfailure", "onerror"),
    ),
    "args": ("arguments", "params", "parameters", "inputs", "input", "with", "variables", "vars", "data", "payload"),
    "delay": ("sleep", "wait", "pause", "startdelay", "delayseconds"),
    "retry": ("retries", "maxretries", "retrystrategy", "retrypolicy", "attempts", "maxattempts", "backofflimit"),
    "timeout": ("deadline", "maxduration", "timeoutseconds", "timeoutminutes", "activedeadlineseconds"),
    "name": ("id", "key", "step", "title", "stepname"),
    "task": ("taskref", "crontask", "cronjob", "job", "uses", "call", "templateref", "workflowref"),
}
_COMPOSITES = ("steps", "foreach", "batch", "tasks", "dag", "workflow", "parallel", "matrix", "loop", "withitems")
_OF_THE_HANDLER: dict[str, tuple[str, ...]] = {
    "steps": ("tasks", "jobs", "stages", "dag", "workflow", "pipeline", "flow", "sequence", "step"),
    "maxParallel": ("parallelism", "parallel", "concurrency", "maxparallelism", "maxconcurrency", "maxconcurrent"),
    "onFailure": ("failfast", "onerror", "failurepolicy", "failurestrategy"),
    "stepResultFrom": ("output", "outputs", "result", "results", "resultstep", "returns"),
}
_OF_WHEN: dict[str, tuple[str, ...]] = {
    "in": ("equals", "equal", "eq", "is", "values", "oneof", "anyof", "matches"),
    "notIn": ("not", "notequals", "notequal", "ne", "noneof", "nin", "isnot"),
    "value": ("input", "left", "expression", "reference", "ref", "key", "of"),
}
_AFTER_A_FAILURE = 'always: true and when: {value: "${run.phase}", in: [Failed]}'
_LONGEST_SHOWN = 60
_NAMES = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def of_a_workflow(key: str, value: Any, beside: Mapping[str, Any], known: Collection[str]) -> tuple[str, str] | None:
    """What is wrong with a field, and what to write; None where it is not about a workflow, or nobody knows.

    `beside`: the object that has it; `known`: the fields that such an object has.
    """
    word = re.sub(r"[^a-z]", "", key.lower())
    if word in map(str.lower, known):
        return None
    if "dependsOn" in known:
        if word in _COMPOSITES:
            return _WITHIN, _OF_ITS_OWN
        if word == "handler":
            return NO_SUCH_FIELD, 'write what is in it beside name, like container: {image: "busybox:1.36"}'
        return _renamed(word, _OF_A_STEP, value, beside, known)
    if "container" in known and "steps" not in known and word in _COMPOSITES:
        # Of items, batches, what collects, and what undoes a step: of these only items can be runs of a task.
        return _WITHIN_A_PART, _OF_ITS_OWN if "task" in known else _ONE_POD
    if "steps" in known and (found := _of_the_handler(word, value, beside)) is not None:
        return NO_SUCH_FIELD, found
    return _renamed(word, _OF_WHEN, value, beside, known) if "notIn" in known else None


def _of_the_handler(word: str, value: Any, beside: Mapping[str, Any]) -> str | None:
    """Of a field beside steps, or instead of them."""
    field = _field(word, _OF_THE_HANDLER)
    if field == "steps" and "steps" not in beside:
        return "write steps"
    if "steps" not in beside:
        return None
    if field is not None:
        return _instead(field, value, beside)
    of_a_step = _field(word, _OF_A_STEP)
    if of_a_step == "always" or word == "always":
        return "write it as a step of its own, with always: true"
    if of_a_step in ("compensate", "dependsOn", "when", "continueOnFailure"):
        return f"write {of_a_step} in each step that it is about"
    return None


def _renamed(
    word: str, words: Mapping[str, tuple[str, ...]], value: Any, beside: Mapping[str, Any], known: Collection[str]
) -> tuple[str, str] | None:
    field = _field(word, words)
    return (NO_SUCH_FIELD, _instead(field, value, beside)) if field is not None and field in known else None


def _field(word: str, words: Mapping[str, tuple[str, ...]]) -> str | None:
    return next((field for field, others in words.items() if word in others), None)


def _instead(field: str, value: Any, beside: Mapping[str, Any]) -> str:
    if field in beside:
        return f"remove it: {field} is there already"
    return f"write {_WRITTEN[field](value)}" if field in _WRITTEN else f"write {field}"


def _depends_on(value: Any) -> str:
    """Also of an expression like `a && b.Succeeded`."""
    listed = re.split(r"[\s,&]+", value.strip()) if isinstance(value, str) else value
    if isinstance(listed, list) and all(isinstance(name, str) for name in listed):
        names = [name.partition(".")[0] for name in listed]
        if all(map(_NAMES.fullmatch, names)):
            return f"dependsOn: {as_yaml(names)}"
    return "dependsOn: […], with the names of the steps that it follows"


def _when(value: Any) -> str:
    """Also of what others call in a condition."""
    if value in ("always()", "${{ always() }}"):
        return "always: true"
    if value in ("failure()", "${{ failure() }}"):
        return _AFTER_A_FAILURE
    reference = meant(value) if isinstance(value, str) else None
    if reference is None or reference.startswith("{"):
        return 'when: {value: "${…}", in: [true]}, with a reference'
    return f"when: {{value: {reference}, in: [true]}}"


def _always(value: Any) -> str:
    """Of a flag, and of what runs then."""
    return "it as a step of its own, with always: true" if isinstance(value, dict | list) else "always: true"


def _continue_on_failure(value: Any) -> str:
    """Of a flag, and of what runs then."""
    return f"a step with {_AFTER_A_FAILURE}" if isinstance(value, dict | list) else "continueOnFailure: true"


def _retry(value: Any) -> str:
    counted = isinstance(value, int) and not isinstance(value, bool)
    return f"retry: {{limit: {value}}}" if counted else "retry, like retry: {limit: 3}"


def _of_seconds(field: str) -> Callable[[Any], str]:
    def written(value: Any) -> str:
        counted = isinstance(value, int) and not isinstance(value, bool)
        return f"{field}: {value}s" if counted else f"{field}, like {field}: 5m"

    return written


def _listed(field: str) -> Callable[[Any], str]:
    def written(value: Any) -> str:
        text = as_yaml(value if isinstance(value, list) else [value])
        return f"{field}: {text}" if len(text) <= _LONGEST_SHOWN else field

    return written


def _task(value: Any) -> str:
    name = value.get("name") if isinstance(value, dict) else value
    return f"task: {name}" if isinstance(name, str) and _NAMES.fullmatch(name) else "task: NAME"


# What is written by the value of the other name; all else is only called otherwise.
_WRITTEN: dict[str, Callable[[Any], str]] = {
    "dependsOn": _depends_on,
    "when": _when,
    "always": _always,
    "continueOnFailure": _continue_on_failure,
    "retry": _retry,
    "delay": _of_seconds("delay"),
    "timeout": _of_seconds("timeout"),
    "task": _task,
    "onFailure": lambda value: "onFailure: Cancel, or leave it out",
    "in": _listed("in"),
    "notIn": _listed("notIn"),
}

"""The CRDs, generated from the models: `python -m crontask.api.crd` writes crds/ and the chart's copy of them.

A structural schema has no references, no titles and no nulls; every list, map and string that a CEL rule reads is
bounded.
"""

import sys
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import yaml

from crontask.api.base import DURATION_PATTERN, FIRST_YEAR, GROUP, LONGEST, OUTSIDE_DATE, VERSION
from crontask.api.crd_handler import SECOND_RULE, add_handler_rules, at_most_one, joined, rule
from crontask.api.crontask import CronTaskSpec
from crontask.api.policies import End
from crontask.api.rerun import FROM_PATTERN, NOT_FROM, WITH_HANDLER
from crontask.api.scheduledrun import CompositeRunStatus, ScheduledRunSpec
from crontask.api.structure import SHORTHAND, Schema, structural
from crontask.api.task_status import CronTaskStatus
from crontask.api.validate import (
    CANCEL_MODE_ALONE,
    LONGEST_NAME,
    LONGEST_RUN_NAME,
    NOTHING_EXPECTED,
    TIMINGS,
    TOO_MANY_TIMINGS,
)
from crontask.api.validate_batch import ONE_AT_A_TIME, ONLY_OF_TASKS
from crontask.api.written import one_of

TARGETS = ("crds", "charts/crontask/charts/crontask-crds/files/crds")


def _in_crd(node: Any) -> Any:
    """A schema as a CRD takes it: without examples, with the size of numbers and the rules of durations."""
    if isinstance(node, list):
        return [_in_crd(item) for item in node]
    if not isinstance(node, dict):
        return node
    result: Schema = {}
    for key, value in node.items():
        if key in ("examples", SHORTHAND) or (key == "default" and not isinstance(value, str | int | bool)):
            continue
        if key == "properties":
            result[key] = {name: _in_crd(inner) for name, inner in value.items()}
        else:
            result[key] = _in_crd(value)
    if result.get("type") == "integer":
        result.setdefault("format", "int64")
    if result.get("pattern") == DURATION_PATTERN:
        # A copy, or the YAML would have aliases.
        result["x-kubernetes-validations"] = deepcopy(_DURATION_RULES)
    if "x-kubernetes-preserve-unknown-fields" not in result:
        result.pop("additionalProperties", None)
    return result


def _in_seconds(unit: str, size: int) -> str:
    return f"int('0' + self.find('[0-9]+{unit}').replace('{unit}', '')) * {size}"


_SECONDS = " + ".join(_in_seconds(unit, size) for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)))
# The pattern alone would say what is wrong in a regular expression.
_DURATION_RULES = [
    rule(f"self.matches('{DURATION_PATTERN}')", "not a duration; write it like 90s, 5m, 1h30m or 2d"),
    rule(
        f"!self.matches('{DURATION_PATTERN}') || {_SECONDS} <= {int(LONGEST.total_seconds())}",
        "longer than ten years; write a shorter duration",
    ),
]


def _unchanged(field: str) -> Schema:
    both = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    return rule(both, f"spec.{field} cannot be changed; create another ScheduledRun")


def _name_rule(longest: int) -> Schema:
    said = f"metadata.name: must be a DNS label of at most {longest} characters; write lower case letters, digits and -"
    fits = f"size(self.metadata.name) <= {longest} && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')"
    # A name never changes.
    return {**rule(f"oldSelf.hasValue() || ({fits})", said), "optionalOldSelf": True}


# Elsewhere a duration of 0s has a meaning.
_AT_LEAST_A_SECOND = ("interval", "startingDeadline", "timeout")
_WITHOUT_DELAY = ("startingDeadline", "catchUp")
_DELAY_RULES = [
    *(
        rule(f"!has(self.{field})", f"{field} has no meaning with delay, which is never missed; remove it")
        for field in _WITHOUT_DELAY
    ),
    rule(
        "!has(self.concurrency) || self.concurrency.policy == 'Forbid'",
        "with delay, concurrency.policy can only be Forbid; remove it",
    ),
]
_ONE_AT_A_TIME_RULE = rule(
    "!has(self.handler.batch) || !has(self.handler.batch.continueFrom) || "
    "self.handler.batch.continueFrom != 'LastRun' || !has(self.concurrency) || "
    "(has(self.concurrency.max) ? self.concurrency.max == 1 : self.concurrency.policy != 'Allow')",
    f"concurrency: {'; '.join(ONE_AT_A_TIME)}",
)
_TASK_RULES = [
    rule(at_most_one(TIMINGS), f"{TOO_MANY_TIMINGS}; keep one of them"),
    joined(_DELAY_RULES, unless="!has(self.delay)"),
    _ONE_AT_A_TIME_RULE,
    rule(
        "!has(self.startTime) || !has(self.endTime) || self.startTime < self.endTime",
        "startTime is not before endTime, so that nothing would ever be due; correct one of them",
    ),
]
_SKIP_RULES = [
    rule("!has(self.to) || self.from <= self.to", "to is before from; swap them"),
]
_EXPECT_RULE = rule("has(self.finishWithin) || has(self.successWithin)", f"expect {NOTHING_EXPECTED}")
# Of dates alone: a rule that reads a time fails for lower case letters in it, which the schema takes.
_DATE_RULE = rule(f"self.getFullYear() >= {FIRST_YEAR}", "; ".join(OUTSIDE_DATE))
_NOT_AFTER_ITSELF = rule(
    "!has(self.spec.after) || self.spec.after.task != self.metadata.name",
    "spec.after.task: a task cannot come after itself; name another task",
)
# YAML makes true of an unquoted `on`: whoever wrote it reads of `on`, which an enum would not do.
_UNQUOTED_ON_RULE = {
    **rule(
        f"!has(self.__true__) || self.__true__ in {list(get_args(End))}",
        f"on has a value that is not allowed; write {one_of(get_args(End))}",
    ),
    "fieldPath": ".on",
}
_LONGEST_WORD = {"type": "string", "maxLength": 16}
_FIXED = (
    *("taskRef", "delay", "allowPast", "scheduledTime", "timeout", "startTimeout", "totalTimeout"),
    *("retry", "ttlAfterFinished", "idempotencyKey", "onComplete", "rerunOf", "parent"),
)
_RUN_RULES = [
    rule(
        "has(self.rerunOf) || has(self.taskRef) != has(self.handler)",
        "exactly one of taskRef and handler must be set; name a CronTask or say what runs",
    ),
    rule("!has(self.rerunOf) || !has(self.handler)", f"handler {'; '.join(WITH_HANDLER)}"),
    rule("!has(self.at) || !has(self.delay)", "at and delay are both set; keep one of them"),
    joined(map(_unchanged, _FIXED), unless="self == oldSelf"),
    rule("!has(self.cancelMode) || self.cancel", CANCEL_MODE_ALONE),
    rule(
        "!has(self.handler) || !has(self.handler.batch) || !has(self.handler.batch.continueFrom) || "
        "self.handler.batch.continueFrom == 'Start'",
        f"handler.batch.continueFrom: {'; '.join(ONLY_OF_TASKS)}",
    ),
    rule(
        "!has(oldSelf.cancelMode) || oldSelf.cancelMode == 'Compensate' || "
        "(has(self.cancelMode) && self.cancelMode == 'Immediate')",
        "cancelMode never goes back from Immediate; leave it as it is",
    ),
]
_FROM_RULE = rule(f"self.matches('{FROM_PATTERN}')", "; ".join(NOT_FROM))
# It has a default, so that it is there before and after.
_CANCEL_RULE = rule("self || !oldSelf", "cancel never goes back; create another ScheduledRun")
# On the root, since it reads the status: rules on the spec cannot. Pending and Queued are the phases before a start.
_AT_RULE = rule(
    "(!has(self.spec.at) && !has(oldSelf.spec.at)) || "
    "(has(self.spec.at) && has(oldSelf.spec.at) && self.spec.at == oldSelf.spec.at) || "
    "!has(oldSelf.status) || !has(oldSelf.status.phase) || oldSelf.status.phase in ['Pending', 'Queued']",
    "spec.at cannot be changed once the run has started; create another ScheduledRun",
)


def _column(name: str, path: str, type_: str = "string", *, wide: bool = False) -> Schema:
    column: Schema = {"name": name, "type": type_, "jsonPath": path}
    return {**column, "priority": 1} if wide else column


_TASK_COLUMNS = [
    _column("Schedule", ".status.scheduleText"),
    _column("Status", ".status.phase"),
    _column("Active", ".status.activeCount", "integer"),
    _column("Last-Result", ".status.lastRun.phase"),
    _column("Last-Run", ".status.lastRun.startTime", "date"),
    _column("Next-Run", ".status.nextRunTime"),
    _column("Age", ".metadata.creationTimestamp", "date"),
    _column("TimeZone", ".spec.timeZone", wide=True),
    _column("Succeeded", ".status.counts.succeeded", "integer", wide=True),
    _column("Failed", ".status.counts.failed", "integer", wide=True),
    _column("Skipped", ".status.counts.skipped", "integer", wide=True),
    _column("Missed", ".status.counts.missed", "integer", wide=True),
    _column("Overdue", '.status.conditions[?(@.type=="Overdue")].status', wide=True),
    _column("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=True),
]
_RUN_COLUMNS = [
    _column("Task", ".spec.taskRef.name"),
    # The first of these that is there: most runs show their phase as it is, and need not write another.
    _column("Phase", ".status['display','phase']"),
    # A string: a date column shows a time to come as <invalid>.
    _column("Scheduled", ".status.scheduledTime"),
    _column("Started", ".status.startTime", "date"),
    _column("Duration", ".status.duration"),
    _column("Attempts", ".status.attempts[-1:].number", "integer"),
    _column("Progress", ".status.progress"),
    _column("Age", ".metadata.creationTimestamp", "date"),
    _column("Part-Of", ".spec.parent.name", wide=True),
    _column("Pod", ".status.podName", wide=True),
    _column("Message", ".status.message", wide=True),
    _column("Result", ".status.result", wide=True),
]


def _crd(
    names: Schema,
    spec: Schema,
    status: Schema,
    description: str,
    columns: list[Schema],
    selectable: list[str],
    root_rules: list[Schema],
) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": names,
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "selectableFields": [{"jsonPath": path} for path in selectable],
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "description": description,
                            "required": ["spec"],
                            "properties": {
                                "apiVersion": {"type": "string"},
                                "kind": {"type": "string"},
                                "metadata": {"type": "object"},
                                "spec": spec,
                                # One value: only the operator writes it. The API server keeps no list of who set which
                                # of its fields.
                                "status": {**status, "x-kubernetes-map-type": "atomic"},
                            },
                            "x-kubernetes-validations": root_rules,
                        }
                    },
                }
            ],
        },
    }


def _names(kind: str, short: str) -> Schema:
    return {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": f"{kind.lower()}s",
        "singular": kind.lower(),
        "shortNames": [short],
    }


def _with_rules(spec: Schema) -> None:
    for field in _AT_LEAST_A_SECOND:
        if field in spec["properties"]:
            spec["properties"][field]["x-kubernetes-validations"].append(dict(SECOND_RULE))
    add_handler_rules(spec["properties"]["handler"])


def cron_task_crd() -> Schema:
    """The CRD of CronTask."""
    spec, status = _in_crd(structural(CronTaskSpec)), _in_crd(structural(CronTaskStatus))
    spec["x-kubernetes-validations"] = _TASK_RULES
    _with_rules(spec)
    after = spec["properties"]["after"]
    after["properties"]["true"] = {**_LONGEST_WORD, "description": after["properties"]["true"]["description"]}
    after["x-kubernetes-validations"] = [_UNQUOTED_ON_RULE]
    expect = spec["properties"]["expect"]
    expect["x-kubernetes-validations"] = [_EXPECT_RULE]
    for duration in expect["properties"].values():
        duration["x-kubernetes-validations"].append(dict(SECOND_RULE))
    dates = spec["properties"]["skip"]["items"]
    dates["x-kubernetes-validations"] = _SKIP_RULES
    for date in dates["properties"].values():
        date["x-kubernetes-validations"] = [dict(_DATE_RULE)]
    status["properties"]["observedGeneration"]["default"] = -1
    description = "A task that runs by a schedule, at a fixed rate, after a pause, after another task, or on demand."
    selectable = [".spec.suspend", ".status.phase"]
    return _crd(
        _names("CronTask", "ct"),
        spec,
        status,
        description,
        _TASK_COLUMNS,
        selectable,
        [_name_rule(LONGEST_NAME), _NOT_AFTER_ITSELF],
    )


def scheduled_run_crd() -> Schema:
    """The CRD of ScheduledRun."""
    spec, status = _in_crd(structural(ScheduledRunSpec)), _in_crd(structural(CompositeRunStatus))
    spec["x-kubernetes-validations"] = _RUN_RULES
    spec["properties"]["cancel"]["x-kubernetes-validations"] = [_CANCEL_RULE]
    spec["properties"]["rerunOf"]["properties"]["from"]["x-kubernetes-validations"] = [_FROM_RULE]
    _with_rules(spec)
    description = "One run: of a CronTask, or of a handler of its own; now, after a delay, or at a time."
    selectable = [".spec.taskRef.name", ".spec.parent.name", ".status.phase", ".status.origin"]
    return _crd(
        _names("ScheduledRun", "sr"),
        spec,
        status,
        description,
        _RUN_COLUMNS,
        selectable,
        [_name_rule(LONGEST_RUN_NAME), _AT_RULE],
    )


def render() -> dict[str, str]:
    """The files by name."""
    header = "# Generated from the models by `make generate`. Do not edit.\n"
    return {
        f"{crd['metadata']['name'].partition('.')[2]}_{crd['metadata']['name'].partition('.')[0]}.yaml": header
        + yaml.safe_dump(crd, sort_keys=False, width=120)
        for crd in (cron_task_crd(), scheduled_run_crd())
    }


def main(targets: list[str]) -> None:
    """Write the files into each folder."""
    for target in targets or TARGETS:
        folder = Path(target)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in render().items():
            (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

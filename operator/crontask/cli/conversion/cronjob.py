"""A CronJob as a CronTask: its name, its policies, and the settings of its Jobs."""

from typing import Any

from crontask.cli.conversion.draft import Draft, Fields, RefusedError
from crontask.cli.conversion.handler import set_handler
from crontask.cli.conversion.origin import set_metadata
from crontask.cli.conversion.times import set_cronjob_times

_MOST_KEPT = 1000
_MOST_RETRIES = 100
_MOST_CODES = 50
_LONGEST_SECONDS = 3660 * 86400
_RETRY, _HISTORY = ("spec", "retry"), ("spec", "history")
_POLICIES = ("Allow", "Forbid", "Replace")
_JOBS = "spec.jobTemplate.spec"
_INDEXED = ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy")


def convert_cronjob(value: dict[str, Any], *, rename: bool = False, source_zone: str | None = None) -> Draft:
    """What a CronJob becomes. Raises RefusedError where that is nothing."""
    whole = Fields(value, "")
    for key in ("apiVersion", "kind"):
        whole.take(key)
    draft = Draft("")
    created = set_metadata(draft, whole.within("metadata"), rename=rename)
    last = whole.within("status").text("lastScheduleTime")
    spec = whole.within("spec")
    jobs = spec.within("jobTemplate")
    job = jobs.within("spec")
    _refuse_what_is_no_single_pod(job)
    _set_times(draft, spec, source_zone, last or created)
    _set_policies(draft, spec)
    _set_run_settings(draft, job)
    _set_history(draft, spec, job)
    main = set_handler(draft, job.within("template"))
    _set_failure_policy(draft, job.within("podFailurePolicy"), main)
    handler = draft.spec.pop("handler")
    draft.spec["handler"] = handler
    _lose_rest(draft, jobs, job, spec, whole)
    return draft


def _refuse_what_is_no_single_pod(job: Fields) -> None:
    for key in ("parallelism", "completions"):
        number = job.number(key)
        if number == 0:
            raise RefusedError(job.path(key), "is 0: its Jobs start no pod", "write 1, or remove it")
        if number not in (None, 1):
            message = f"is {number}: a run has one pod at a time"
            raise RefusedError(job.path(key), message, "write a task with handler.forEach, which is a pod an item")
    mode = job.text("completionMode")
    if mode not in (None, "NonIndexed"):
        fix = "write a task with handler.forEach: the item is in CRONTASK_ITEM, its index in CRONTASK_ITEM_INDEX"
        raise RefusedError(job.path("completionMode"), f"is {mode}: a run has no indexes", fix)
    for key in _INDEXED:
        if job.take(key) is not None:
            raise RefusedError(job.path(key), "is for indexed Jobs", "write a task with handler.forEach")
    if job.flag("suspend"):
        message = "its Jobs are made suspended, and something else starts them"
        raise RefusedError(job.path("suspend"), message, "keep the CronJob, or do without what admits its Jobs")
    manager = job.text("managedBy")
    if manager not in (None, "kubernetes.io/job-controller"):
        raise RefusedError(job.path("managedBy"), f"its Jobs are run by {manager}", "keep the CronJob")


def _set_times(draft: Draft, spec: Fields, source_zone: str | None, since: str | None) -> None:
    schedule, zone = spec.text("schedule"), spec.text("timeZone")
    if schedule is None:
        raise RefusedError(spec.path("schedule"), "is missing", "write when it should run")
    set_cronjob_times(draft, schedule, zone, source_zone, spec.path("schedule"), since)
    scheduled = "schedule" in draft.spec or "interval" in draft.spec
    if spec.flag("suspend") and scheduled:
        draft.spec["suspend"] = True
    deadline = spec.number("startingDeadlineSeconds")
    if deadline == 0:
        path = spec.path("startingDeadlineSeconds")
        raise RefusedError(path, "is 0, with which a CronJob never starts anything", "remove it, or write 10 or more")
    if deadline is not None and scheduled:
        draft.spec["startingDeadline"] = _seconds(deadline, spec.path("startingDeadlineSeconds"))


def _set_policies(draft: Draft, spec: Fields) -> None:
    policy = spec.text("concurrencyPolicy") or "Allow"
    if policy not in _POLICIES:
        raise RefusedError(spec.path("concurrencyPolicy"), f"must be Allow, Forbid or Replace, not {policy!r}")
    draft.spec["concurrency"] = {"policy": policy}
    comments = {
        "Allow": "As CronJob does unless told otherwise. Forbid, the default here, is often what was meant.",
        "Forbid": "A time that comes while a run is on is skipped and does not start late, as a CronJob's may. Queue "
        "starts it afterwards.",
        "Replace": "The new run starts when the pod of the old one has stopped; a CronJob does not wait for that.",
    }
    if "schedule" in draft.spec or "interval" in draft.spec:
        draft.comment(("spec", "concurrency"), comments[policy])


def _set_run_settings(draft: Draft, job: Fields) -> None:
    draft.comment(
        ("spec", "startTimeout"), "A Job waits for its pod without an end; after that long, something is wrong."
    )
    draft.spec["startTimeout"] = "24h"
    deadline = job.number("activeDeadlineSeconds")
    if deadline == 0:
        raise RefusedError(job.path("activeDeadlineSeconds"), "is 0: its Jobs fail at once", "write a longer one")
    if deadline is not None:
        draft.spec["totalTimeout"] = _seconds(deadline, job.path("activeDeadlineSeconds"))
    retries = job.number("backoffLimit")
    if retries == 0:
        draft.comment(_RETRY, "backoffLimit: 0: not even after a pod that was lost (evicted, its node gone).")
        draft.spec["retry"] = {"limit": 0, "maxLost": 0}
        return
    if retries is None:
        draft.comment(_RETRY, "A Job's own: six more tries after 10s, 20s, 40s and so on.")
    elif retries > _MOST_RETRIES:
        draft.lose(_RETRY, job.path("backoffLimit"), f"{retries}: a run is tried again {_MOST_RETRIES} times at most")
    draft.spec["retry"] = {
        "limit": min(6 if retries is None else retries, _MOST_RETRIES),
        "initial": "10s",
        "max": "6m",
    }


def _set_history(draft: Draft, spec: Fields, job: Fields) -> None:
    kept = {}
    for name, key, default in (
        ("succeeded", "successfulJobsHistoryLimit", 3),
        ("failed", "failedJobsHistoryLimit", 1),
    ):
        number = spec.number(key)
        if number is not None and number > _MOST_KEPT:
            draft.lose(_HISTORY, spec.path(key), f"{number}: {_MOST_KEPT} runs are kept at most")
        kept[name] = min(default if number is None else number, _MOST_KEPT)
    draft.spec["history"] = kept
    ttl = job.number("ttlSecondsAfterFinished")
    path = ("spec", "ttlAfterFinished")
    if ttl is None:
        draft.comment(path, "A CronJob keeps its Jobs by their number alone.")
        draft.spec["ttlAfterFinished"] = "365d"
        return
    if ttl < 600:
        draft.comment(path, "No finished run is removed before 10 minutes have passed.")
    draft.spec["ttlAfterFinished"] = _seconds(ttl, job.path("ttlSecondsAfterFinished"))


def _set_failure_policy(draft: Draft, policy: Fields, main: str | None) -> None:
    """Exit codes that fail a Job at once; and disruptions that do not count, which is so here anyway."""
    codes: set[int] = set()
    counted: set[int] = set()
    for index, value in enumerate(policy.items("rules")):
        path = policy.path(f"rules[{index}]")
        rule = Fields(value, path)
        action, conditions, exits = rule.text("action"), rule.items("onPodConditions"), rule.within("onExitCodes")
        container, operator, values = exits.text("containerName"), exits.text("operator"), exits.items("values")
        numbers = {code for code in values if type(code) is int and 0 < code <= 255}
        ours = container in (None, main) and operator == "In" and not conditions
        if action == "FailJob" and ours:
            codes |= numbers - counted
        elif action == "Count" and ours:
            counted |= numbers
        elif action == "Ignore" and _disruptions_only(conditions) and not values:
            draft.comment(
                _RETRY, "Lost pods (evicted, their node gone) do not count towards limit, as podFailurePolicy says."
            )
            draft.spec["retry"]["maxLost"] = _MOST_RETRIES
        else:
            draft.lose(_RETRY, path, "only exit codes that fail the run at once are (retry.nonRetryableExitCodes)")
    if len(codes) > _MOST_CODES:
        draft.lose(
            _RETRY, policy.path("rules"), f"{_MOST_CODES} exit codes are taken at most, and these are {len(codes)}"
        )
    elif codes and draft.spec["retry"]["limit"]:
        draft.spec["retry"]["nonRetryableExitCodes"] = sorted(codes)


def _disruptions_only(conditions: list[Any]) -> bool:
    return bool(conditions) and all(
        isinstance(each, dict) and each.get("type") == "DisruptionTarget" and each.get("status", "True") == "True"
        for each in conditions
    )


def _lose_rest(draft: Draft, jobs: Fields, job: Fields, spec: Fields, whole: Fields) -> None:
    metadata = jobs.within("metadata")
    template = draft.spec["handler"]["podTemplate"].get("metadata", {})
    for name in ("labels", "annotations"):
        found = metadata.strings(name)
        on_pods = template.get(name, {})
        missing = sorted(key for key, value in found.items() if on_pods.get(key) != value)
        if missing:
            text = f"there are no Jobs; its pods do not have {', '.join(missing)}"
            draft.lose(("spec", "handler", "podTemplate", "metadata"), metadata.path(name), text)
    # Whatever waits until a pod has ended before it makes another, which is what crontask does.
    job.take("podReplacementPolicy")
    job.take("manualSelector")
    for fields in (job, jobs, spec, whole):
        for key in fields.rest():
            where = "template" if fields is job or fields is jobs else "CronTask"
            draft.lose(("spec", key), fields.path(key), f"a {where} has nothing like it")


def _seconds(seconds: int, path: str) -> str:
    if seconds > _LONGEST_SECONDS:
        raise RefusedError(path, "is longer than ten years", "write a shorter one, or remove it")
    return f"{seconds // 60}m" if seconds and seconds % 60 == 0 and seconds % 3600 else _hours(seconds)


def _hours(seconds: int) -> str:
    return f"{seconds // 3600}h" if seconds and seconds % 3600 == 0 else f"{seconds}s"

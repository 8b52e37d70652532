"""CronJobs and crontabs as CronTasks: what each field becomes, what is lost, what is refused, and what is printed."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crontask.api.validate_object import validate_object
from crontask.cli.conversion.commented import as_commented_yaml
from crontask.cli.conversion.cronjob import convert_cronjob
from crontask.cli.conversion.crontab import Entry, convert_entry, read_crontab
from crontask.cli.conversion.draft import Draft, RefusedError
from crontask.cli.main import main
from crontask.cli.yaml_reader import yaml_documents

POD = "jobTemplate.spec.template.spec"


def cronjob(changes: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A small one, with other values at paths within its spec; None removes one."""
    container = {"name": "c", "image": "busybox:1.36"}
    found: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "report", **metadata},
        "spec": {
            "schedule": "*/5 * * * *",
            "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}},
        },
    }
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        inner = found["spec"]
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return found


def converted(changes: dict[str, Any] | None = None, **settings: Any) -> Draft:
    """What it becomes, which is valid."""
    draft = convert_cronjob(cronjob(changes), **settings)
    assert validate_object(draft.document, "CronTask", datetime.now(UTC)).problems == ()
    return draft


POD_OF_TASK = "spec.handler.podTemplate"
JUNK: list[Any] = [None, True, 0, 1, 2, -1, 1.5, 10**12, "", "a", "0 3 * * *", "Never", [], {}, ["a"], [{}], {"a": "b"}]
SCHEDULES = (
    *("*/5 * * * *", "30 2 * * 1-5", "@daily", "@every 90s", "@every x", "@reboot", "TZ=Asia/Tokyo 0 9 * * *"),
    *("*/90 * * * *", "H 3 * * *", "", "* * * *", "TZ=Nowhere 0 9 * * *", "@every 0.001ns", "0 0 30 2 *"),
)
PATHS = (
    *("schedule", "timeZone", "suspend", "concurrencyPolicy", "startingDeadlineSeconds", "successfulJobsHistoryLimit"),
    *("failedJobsHistoryLimit", "other", "jobTemplate", "jobTemplate.metadata", "jobTemplate.metadata.labels"),
    *("jobTemplate.spec", "jobTemplate.spec.backoffLimit", "jobTemplate.spec.activeDeadlineSeconds"),
    *("jobTemplate.spec.ttlSecondsAfterFinished", "jobTemplate.spec.parallelism", "jobTemplate.spec.podFailurePolicy"),
    *("jobTemplate.spec.completions", "jobTemplate.spec.template", "jobTemplate.spec.template.metadata", POD),
    *(f"{POD}.restartPolicy", f"{POD}.containers", f"{POD}.initContainers", f"{POD}.volumes", f"{POD}.serviceAccount"),
    *("jobTemplate.spec.podFailurePolicy.rules", "jobTemplate.spec.suspend", "jobTemplate.spec.managedBy"),
)


@st.composite
def cronjobs(draw: st.DrawFn) -> dict[str, Any]:
    """CronJobs with good values, and with others of any type in any field."""
    value = cronjob({"schedule": draw(st.sampled_from(SCHEDULES))}, name=draw(st.sampled_from(["a", "a.b", "x" * 52])))
    value["spec"]["timeZone"] = draw(st.sampled_from([None, "Europe/Berlin", "Etc/UTC", "Nowhere"]))
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=3, unique=True)):
        *parents, last = path.split(".")
        inner: Any = value["spec"]
        for parent in parents:
            inner = inner.setdefault(parent, {}) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner[last] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    return value


def said(draft: Draft, *path: str | int) -> str:
    return "\n".join(draft.comments.get(path, ()))


def test_a_small_one_as_a_whole() -> None:
    draft = converted()
    assert draft.lost == []
    assert draft.document == {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": "report"},
        "spec": {
            "schedule": "*/5 * * * *",
            "concurrency": {"policy": "Allow"},
            "startTimeout": "24h",
            "retry": {"limit": 6, "initial": "10s", "max": "6m"},
            "history": {"succeeded": 3, "failed": 1},
            "ttlAfterFinished": "365d",
            "handler": {
                "podTemplate": {
                    "spec": {
                        "containers": [{"name": "c", "image": "busybox:1.36"}],
                        "automountServiceAccountToken": True,
                    }
                }
            },
        },
    }


JOB = "jobTemplate.spec."
# What is changed in the CronJob; which fields of the CronTask come of it (None: none of that name).
FIELDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("suspended", {"suspend": True}, {"suspend": True}),
    ("suspend: false is left out", {"suspend": False}, {"suspend": None}),
    ("Forbid", {"concurrencyPolicy": "Forbid"}, {"concurrency": {"policy": "Forbid"}}),
    ("Replace", {"concurrencyPolicy": "Replace"}, {"concurrency": {"policy": "Replace"}}),
    ("a policy that is null", {"concurrencyPolicy": None}, {"concurrency": {"policy": "Allow"}}),
    ("a deadline", {"startingDeadlineSeconds": 90}, {"startingDeadline": "90s"}),
    ("history", {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 5},
     {"history": {"succeeded": 0, "failed": 5}}),
    ("the Job's deadline", {f"{JOB}activeDeadlineSeconds": 3600}, {"totalTimeout": "1h"}),
    ("retries", {f"{JOB}backoffLimit": 2}, {"retry": {"limit": 2, "initial": "10s", "max": "6m"}}),
    ("no retries, not even of lost pods", {f"{JOB}backoffLimit": 0}, {"retry": {"limit": 0, "maxLost": 0}}),
    ("ttl", {f"{JOB}ttlSecondsAfterFinished": 7200}, {"ttlAfterFinished": "2h"}),
    ("ttl of 0", {f"{JOB}ttlSecondsAfterFinished": 0}, {"ttlAfterFinished": "0s"}),
    ("one pod", {f"{JOB}parallelism": 1, f"{JOB}completions": 1, f"{JOB}completionMode": "NonIndexed"}, {}),
    ("a zone with changes, a fixed hour", {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"},
     {"timeZone": "Europe/Berlin", "dst": {"missing": "Skip", "repeated": "Both"}}),
    ("a zone with changes, each hour", {"timeZone": "Europe/Berlin"}, {"timeZone": "Europe/Berlin", "dst": None}),
    ("a zone without changes", {"schedule": "30 2 * * *", "timeZone": "Asia/Kolkata"}, {"dst": None}),
    ("UTC", {"schedule": "30 2 * * *", "timeZone": "Etc/UTC"}, {"timeZone": "Etc/UTC", "dst": None}),
    ("a zone in the schedule", {"schedule": "CRON_TZ=Asia/Tokyo 0 9 * * 1-5"},
     {"schedule": "0 9 * * 1-5", "timeZone": "Asia/Tokyo"}),
    ("a zone in the schedule, the short way", {"schedule": "TZ=Asia/Tokyo  @daily"},
     {"schedule": "@daily", "timeZone": "Asia/Tokyo"}),
    ("@every", {"schedule": "@every 1h30m"}, {"interval": "1h30m", "schedule": None, "startTime": None}),
    ("@every, cut to seconds", {"schedule": "@every 1.5s"}, {"interval": "1s"}),
    ("@every, too often", {"schedule": "@every 10ms"}, {"interval": "1s"}),
    ("@every in a zone", {"schedule": "TZ=Asia/Tokyo @every 90s"}, {"interval": "1m30s", "timeZone": None}),
    ("a step longer than its field", {"schedule": "*/90 5-9/30 * * *"}, {"schedule": "0 5 * * *"}),
    ("a day that never comes",
     {"schedule": "0 0 30 2 *", "suspend": True, "startingDeadlineSeconds": 60, "timeZone": "Asia/Tokyo"},
     {"schedule": None, "suspend": None, "startingDeadline": None, "timeZone": None}),
    ("exit codes that fail at once", {f"{JOB}podFailurePolicy": {"rules": [
        {"action": "FailJob", "onExitCodes": {"containerName": "c", "operator": "In", "values": [3, 2]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}},
     {"retry": {"limit": 6, "initial": "10s", "max": "6m", "maxLost": 100, "nonRetryableExitCodes": [2, 3]}}),
    ("a rule before it that counts one of them", {f"{JOB}podFailurePolicy": {"rules": [
        {"action": "Count", "onExitCodes": {"operator": "In", "values": [2]}},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3, 2]}}]}},
     {"retry": {"limit": 6, "initial": "10s", "max": "6m", "nonRetryableExitCodes": [3]}}),
    ("a sidecar", {f"{POD}.initContainers": [{"name": "s", "image": "a", "restartPolicy": "Always"}]}, {}),
    ("replacement that waits", {f"{JOB}podReplacementPolicy": "Failed"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "fields"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS])
def test_what_a_field_becomes(changes: dict[str, Any], fields: dict[str, Any]) -> None:
    draft = converted(changes)
    assert {name: draft.spec.get(name) for name in fields} == fields
    assert draft.lost == []


def pod_of(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = draft.spec["handler"]["podTemplate"]
    return found


def test_what_an_api_server_has_filled_in_is_left_out() -> None:
    defaults = {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "resources": {},
        "imagePullPolicy": "IfNotPresent",
    }
    draft = converted({
        f"{POD}.containers": [{"name": "c", "image": "a", **defaults}],
        f"{POD}.dnsPolicy": "ClusterFirst",
        f"{POD}.schedulerName": "default-scheduler",
        f"{POD}.securityContext": {},
        f"{POD}.terminationGracePeriodSeconds": 30,
        f"{POD}.serviceAccount": "bot",
        f"{POD}.serviceAccountName": "bot",
        "jobTemplate.metadata": {"creationTimestamp": None},
        "jobTemplate.spec.template.metadata": {"creationTimestamp": None},
    })  # fmt: skip
    assert draft.lost == []
    assert pod_of(draft) == {
        "spec": {
            "containers": [{"name": "c", "image": "a", "imagePullPolicy": "IfNotPresent"}],
            "serviceAccountName": "bot",
            "automountServiceAccountToken": True,
        }
    }


def test_a_token_that_was_not_wanted_stays_away() -> None:
    draft = converted({f"{POD}.automountServiceAccountToken": False})
    assert pod_of(draft)["spec"]["automountServiceAccountToken"] is False
    assert said(draft, "spec", "handler", "podTemplate", "spec", "automountServiceAccountToken") == ""


def test_a_zone_that_nobody_said_is_utc_or_what_is_said() -> None:
    draft = converted({"schedule": "30 2 * * *"})
    assert "timeZone" not in draft.spec
    assert "kube-controller-manager" in said(draft, "spec", "schedule")
    draft = converted({"schedule": "30 2 * * *"}, source_zone="America/New_York")
    assert draft.spec["timeZone"] == "America/New_York"
    assert said(draft, "spec", "schedule") == ""
    # The same instants in any zone.
    assert said(converted({"schedule": "*/5 * * * *"}), "spec", "schedule") == ""


def test_every_goes_on_in_step_with_the_cronjob() -> None:
    value = cronjob({"schedule": "@every 7m"}, creationTimestamp="2026-01-01T00:00:03Z")
    assert convert_cronjob(value).spec["startTime"] == "2026-01-01T00:00:03Z"
    value["status"] = {"lastScheduleTime": "2026-02-01T00:00:03Z"}
    assert convert_cronjob(value).spec["startTime"] == "2026-02-01T00:00:03Z"


LOST: list[tuple[str, dict[str, Any], tuple[str | int, ...], str]] = [
    ("OnFailure", {f"{POD}.restartPolicy": "OnFailure"},
     ("spec", "handler", "podTemplate", "spec", "restartPolicy"), "each attempt of spec.retry is a new pod"),
    ("two containers", {f"{POD}.containers": [{"name": "a", "image": "a"}, {"name": "b", "image": "b"}]},
     ("spec", "handler", "resultFrom"), "this run ends with a, and then stops b"),
    ("an init container that is restarted",
     {f"{POD}.initContainers": [{"name": "a", "image": "a", "restartPolicy": "OnFailure"}]},
     ("spec", "handler", "podTemplate", "spec", "initContainers", 0, "restartPolicy"), "not restarted within its pod"),
    ("the label of a Job", {f"{POD}.containers": [{"name": "a", "image": "a", "env": [
        {"name": "J", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['job-name']"}}}]}]},
     ("spec", "handler", "podTemplate", "spec", "containers", 0, "env", 0, "valueFrom", "fieldRef", "fieldPath"),
     "the label job-name is given by Jobs"),
    ("the label of a Job in a spread", {f"{POD}.topologySpreadConstraints": [{"matchLabelKeys": ["controller-uid"]}]},
     ("spec", "handler", "podTemplate", "spec", "topologySpreadConstraints", 0, "matchLabelKeys", 0), "controller-uid"),
    ("ignored exit codes", {f"{JOB}podFailurePolicy": {"rules": [
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [2]}}]}}, ("spec", "retry"), "rules[0]"),
    ("all but some exit codes", {f"{JOB}podFailurePolicy": {"rules": [
        {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [2]}}]}}, ("spec", "retry"), "rules[0]"),
    ("exit codes of another container", {f"{JOB}podFailurePolicy": {"rules": [
        {"action": "FailJob", "onExitCodes": {"containerName": "x", "operator": "In", "values": [2]}}]}},
     ("spec", "retry"), "rules[0]"),
    ("labels of Jobs", {"jobTemplate.metadata": {"labels": {"a": "b"}}},
     ("spec", "handler", "podTemplate", "metadata"), "its pods do not have a"),
    ("more retries than there are", {f"{JOB}backoffLimit": 1000}, ("spec", "retry"), "100 times at most"),
    ("more history than there is", {"failedJobsHistoryLimit": 5000}, ("spec", "history"), "1000 runs are kept"),
    ("a field of the future", {"newField": 1}, ("spec", "newField"), "nothing like it"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "at", "words"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_what_is_not_carried_over_is_a_comment_at_the_field(
    changes: dict[str, Any], at: tuple[str | int, ...], words: str
) -> None:
    draft = converted(changes)
    assert len(draft.lost) == 1
    (comment,) = [text for text in draft.comments[at] if text.startswith("Not carried over: spec.")]
    assert words in comment
    written = " ".join(as_commented_yaml(draft.document, draft.comments).split()).replace("# ", "")
    assert comment in written


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("parallel", {f"{JOB}parallelism": 3}, "spec.jobTemplate.spec.parallelism: is 3: a run has one pod at a time"),
    ("completions", {f"{JOB}completions": 2}, "spec.jobTemplate.spec.completions: is 2"),
    ("no pod", {f"{JOB}completions": 0}, "is 0: its Jobs start no pod"),
    ("indexed", {f"{JOB}completionMode": "Indexed"}, "completionMode: is Indexed: a run has no indexes"),
    ("by index", {f"{JOB}backoffLimitPerIndex": 1}, "backoffLimitPerIndex: is for indexed Jobs"),
    ("Jobs made suspended", {f"{JOB}suspend": True}, "something else starts them; keep the CronJob"),
    ("run by another", {f"{JOB}managedBy": "kueue.x-k8s.io/multikueue"}, "its Jobs are run by kueue"),
    ("reboot", {"schedule": "@reboot"}, "@reboot has no equal"),
    ("no schedule", {"schedule": None}, "spec.schedule: is missing"),
    ("a bad schedule", {"schedule": "61 * * * *"}, "spec.schedule: minute '61': 61 is not in 0-59"),
    ("two zones", {"schedule": "TZ=UTC @daily", "timeZone": "UTC"}, "has a zone of its own beside timeZone"),
    ("no such zone", {"timeZone": "Europe/Berln"}, "there is no time zone 'Europe/Berln'; did you mean"),
    ("a bad duration", {"schedule": "@every 5 minutes"}, "has no duration that Go understands"),
    ("a duration too long", {"schedule": "@every 999999h"}, "longer than ten years"),
    ("never in time", {"startingDeadlineSeconds": 0}, "is 0, with which a CronJob never starts anything"),
    ("failed at once", {f"{JOB}activeDeadlineSeconds": 0}, "is 0: its Jobs fail at once"),
    ("a policy that is none", {"concurrencyPolicy": "Queue"}, "must be Allow, Forbid or Replace, not 'Queue'"),
    ("restarted always", {f"{POD}.restartPolicy": "Always"}, "restartPolicy: must be Never or OnFailure"),
    ("no pod spec", {"jobTemplate.spec.template": {}}, "spec.jobTemplate.spec.template.spec: is missing"),
    ("a text for a number", {f"{JOB}backoffLimit": "six"}, "backoffLimit: must be a number from 0, not 'six'"),
    ("a list for an object", {"jobTemplate": []}, "spec.jobTemplate: must be an object, not"),
    ("one of our variables", {f"{POD}.containers": [{"name": "a", "image": "a", "env": [{"name": "CRONTASK_ARGS"}]}]},
     "CRONTASK_ARGS begins with CRONTASK_"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_one_is_refused_with_the_reason(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError) as refused:
        convert_cronjob(cronjob(changes))
    assert words in str(refused.value.problem)


def test_a_name_with_dots_is_refused_unless_it_may_be_renamed() -> None:
    with pytest.raises(RefusedError, match="has dots"):
        convert_cronjob(cronjob(name="a.b"))
    draft = convert_cronjob(cronjob(name="a.b"), rename=True)
    assert draft.metadata == {"name": "a-b"}
    assert "'a.b', renamed" in said(draft, "metadata", "name")


def test_what_an_api_server_and_other_tools_wrote_about_the_object_stays_behind() -> None:
    draft = convert_cronjob(
        cronjob(
            namespace="shop",
            uid="u",
            resourceVersion="1",
            generation=2,
            managedFields=[{}],
            labels={"app": "a", "helm.sh/chart": "c-1", "app.kubernetes.io/managed-by": "Helm"},
            annotations={
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "argocd.argoproj.io/tracking-id": "x",
                "team": "t",
            },
        )
    )
    assert draft.metadata == {
        "name": "report",
        "namespace": "shop",
        "labels": {"app": "a"},
        "annotations": {"team": "t"},
    }
    assert "helm.sh/chart" in said(draft, "metadata", "labels")
    assert "tracking-id" in said(draft, "metadata", "annotations")
    assert draft.lost == []
    assert convert_cronjob(cronjob(ownerReferences=[{"kind": "Backup"}])).lost[0].path == "metadata.ownerReferences"


def entries(text: str, **settings: Any) -> list[Entry]:
    found = list(read_crontab(text, **settings))
    assert all(isinstance(entry, Entry) for entry in found)
    return [entry for entry in found if isinstance(entry, Entry)]


def task(line: str, **settings: Any) -> Draft:
    (entry,) = entries(line, system=settings.pop("system", False))
    draft = convert_entry(entry, "alpine:3.22", set(), settings.pop("zone", None))
    assert validate_object(draft.document, "CronTask", datetime.now(UTC)).problems == ()
    return draft


def test_a_line_of_a_crontab_as_a_whole() -> None:
    draft = task("# Each night\n0 3 * * * /opt/backup.sh --full\n")
    assert draft.comments[()] == ["Each night", "Line 2: 0 3 * * * /opt/backup.sh --full"]
    assert "a crontab does not say in which zone" in said(draft, "spec", "schedule")
    assert draft.lost == []
    assert draft.metadata == {"name": "backup"}
    container = {"image": "alpine:3.22", "command": ["/bin/sh", "-c"], "args": ["/opt/backup.sh --full"]}
    assert draft.spec == {
        "schedule": "0 3 * * *",
        "concurrency": {"policy": "Allow"},
        "catchUp": {"policy": "None"},
        "handler": {"container": container},
    }


def container(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = draft.spec["handler"]["container"]
    return found


CRONTAB: list[tuple[str, str, Callable[[Draft], Any], Any]] = [
    ("the shell", "SHELL=/bin/bash\n@daily x", lambda d: container(d)["command"], ["/bin/bash", "-c"]),
    ("a variable", 'A = "b c"\n@daily x', lambda d: container(d)["env"], [{"name": "A", "value": "b c"}]),
    ("a zone", "CRON_TZ=Asia/Tokyo\n@daily x", lambda d: d.spec["timeZone"], "Asia/Tokyo"),
    ("TZ is a variable", "TZ=Asia/Tokyo\n@daily x", lambda d: container(d)["env"],
     [{"name": "TZ", "value": "Asia/Tokyo"}]),
    ("a delay", "RANDOM_DELAY=5\n@daily x", lambda d: d.spec["jitter"], "5m"),
    ("a percent", r"@daily date +\%F", lambda d: container(d)["args"], ["date +%F"]),
    ("input", "@daily mail me%Hello%you", lambda d: container(d)["args"],
     ["{ mail me\n} <<'CRONTASK_STDIN'\nHello\nyou\nCRONTASK_STDIN\n"]),
    ("two dollars", "@daily echo $$", lambda d: container(d)["args"], ["echo $$$$"]),
    ("a command in brackets", "@daily echo $(date)", lambda d: container(d)["args"], ["echo $(date)"]),
    ("a variable in brackets", "A=1\n@daily echo $(A)", lambda d: container(d)["args"], ["echo $$(A)"]),
    ("a range of chance", "0~30 3 * * * x", lambda d: d.spec["schedule"], "H(0-30) 3 * * *"),
    ("a quiet line", "-*/5 * * * * x", lambda d: d.spec["schedule"], "*/5 * * * *"),
    ("Sunday as 7", "0 3 * * 7 x", lambda d: d.spec["schedule"], "0 3 * * 7"),
    ("mail to nobody", 'MAILTO=""\n@daily x', lambda d: (d.lost, container(d).get("env")), ([], None)),
    ("mail", "MAILTO=me\n@daily x", lambda d: d.lost[0].path, "MAILTO=me"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "look", "wanted"), [row[1:] for row in CRONTAB], ids=[row[0] for row in CRONTAB])
def test_what_stands_in_a_crontab(text: str, look: Callable[[Draft], Any], wanted: Any) -> None:
    assert look(task(text)) == wanted


def test_a_user_before_the_command() -> None:
    draft = task("0 3 * * * www-data /opt/x", system=True)
    assert container(draft)["args"] == ["/opt/x"]
    assert [problem.path for problem in draft.lost] == ["the user www-data"]
    assert task("0 3 * * * root /opt/x", system=True).lost == []


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/bin/python3 /srv/Clean_Up.py --days 3", "clean-up"),
        ("cd /srv/app && php artisan schedule:run >> /dev/null 2>&1", "artisan"),
        ("flock -n /tmp/x.lock timeout 30m /opt/sync.sh", "sync"),
        ("sudo -u www-data FOO=1 nice -n 10 /opt/a.b", "a-b"),
        ("[ -f /x ] && /opt/there", "there"),
        ("/bin/sh -c 'unclosed", "unclosed"),
        ("'unclosed", "unclosed"),
        ("123", "command"),
        ("/opt/" + "x" * 80, "x" * 52),
    ],
)
def test_a_name_is_made_of_the_command(command: str, name: str) -> None:
    assert task(f"@daily {command}").metadata["name"] == name


@settings(max_examples=150)
@given(cronjobs())
def test_any_cronjob_becomes_a_valid_task_or_is_refused_with_a_reason(value: dict[str, Any]) -> None:
    try:
        draft = convert_cronjob(copy.deepcopy(value), rename=True)
    except RefusedError as error:
        assert error.problem.path
        assert error.problem.message
        return
    # What is in the way then is in the pod, which is that of the CronJob.
    problems = validate_object(draft.document, "CronTask", datetime.now(UTC)).problems
    assert [each for each in problems if not each.path.startswith(POD_OF_TASK)] == []
    (found,) = yaml_documents(as_commented_yaml(draft.document, draft.comments))
    assert (found.value, found.problems) == (draft.document, ())
    assert all(problem.path and problem.message for problem in draft.lost)


@settings(max_examples=100)
@given(st.text("\n @*/0123456789-~,%\\$()=#'\"abMAILTO.é\0", max_size=60) | st.text(max_size=40))
@example("0 3 * * * a\n@daily $(b) $$\n")
def test_any_crontab_becomes_valid_tasks_or_is_refused_with_a_reason(text: str) -> None:
    taken: set[str] = set()
    for entry in read_crontab(text):
        if isinstance(entry, tuple):
            assert entry[1].problem.message
            continue
        try:
            draft = convert_entry(entry, "i", taken, None)
        except RefusedError as error:
            assert error.problem.message
            continue
        taken.add(draft.metadata["name"])
        problems = validate_object(draft.document, "CronTask", datetime.now(UTC)).problems
        assert [each for each in problems if ".env[" not in each.path] == []
        (found,) = yaml_documents(as_commented_yaml(draft.document, draft.comments))
        assert (found.value, found.problems) == (draft.document, ())


def test_names_do_not_come_twice() -> None:
    taken: set[str] = set()
    for entry in entries("@daily a\n@hourly a\n@weekly a\n"):
        taken.add(convert_entry(entry, "i", taken, None).metadata["name"])
    assert taken == {"a", "a-2", "a-3"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("@reboot x", "@reboot has no equal"),
        ("0 0 */2 * 1 x", "cron wants both days to match"),
        ("61 * * * * x", "61 is not in 0-59"),
        ("@sometimes x", "is not known"),
    ],
)
def test_a_line_that_cannot_be_one(line: str, words: str) -> None:
    with pytest.raises(RefusedError, match=None) as refused:
        task(line)
    assert words in str(refused.value.problem)


TEXTS = (
    *(
        "",
        "y",
        "on",
        "No",
        "null",
        "~",
        "12:30",
        "010",
        "1e3",
        "1.5",
        "0x1f",
        "2026-01-01",
        "a: b",
        "a #b",
        "- a",
        "-c",
    ),
    *(
        "busybox:1.36",
        "a b",
        " a",
        "a ",
        "a\tb",
        "é",
        "\x7f",
        "\u2028",
        "\u0085",
        "😀",
        "\\",
        '"',
        "'",
        "%",
        "&a",
        "*a",
    ),
    *(
        "!a",
        "{a",
        "a, b",
        "[",
        "a\nb",
        "a\nb\n",
        "a\n\n",
        "\na",
        " a\nb",
        "a\n  b\n\nc\n",
        "a\n \n",
        "a\r\nb",
        "a\n\tb",
    ),
    *("---", "...", "a\n---\nb\n", "=", "<<", "1_000", "5m", "90s", "infinity", ".inf", "a\n#b\n", "?", "a:"),
)


@pytest.mark.parametrize("value", TEXTS)
def test_a_text_is_read_again_as_it_was(value: str) -> None:
    document = {
        "a": value,
        "list": [value, {"x": value, "y": [value]}],
        "in": {value or "k": value},
        "retry": {"k": value},
    }
    written = as_commented_yaml(document, {("a",): ["about a\nand more"], ("list", 1, "x"): ["of x"], ("b",): ["gone"]})
    (found,) = yaml_documents(written)
    assert found.value == document
    assert found.problems == ()
    assert all(f"# {text}" in written for text in ("about a", "and more", "of x", "gone"))
    # What others read is the same but for what YAML 1.1 makes of it.
    assert yaml.safe_load(written)["a"] == value


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["convert", *command.split()], input=stdin, catch_exceptions=False)


def test_files_folders_lists_and_what_is_passed_over(in_folder: Path) -> None:
    (in_folder / "d").mkdir()
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    items = [cronjob(name="b"), service, {"apiVersion": "v1", "kind": "List", "items": [cronjob(name="c")]}]
    Path("d/list.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    bare = copy.deepcopy(cronjob(name="e"))
    del bare["apiVersion"], bare["kind"]
    Path("d/other.yaml").write_text(
        yaml.safe_dump_all([service, service, {"apiVersion": "batch/v1", "kind": "CronJobList", "items": [bare]}])
    )
    done = run("-f d -f -", yaml.safe_dump(cronjob(name="z")))
    assert done.exit_code == 0
    documents = list(yaml.safe_load_all(done.stdout))
    assert [document["metadata"]["name"] for document in documents] == ["b", "c", "e", "z"]
    assert done.stderr == "d/list.json: passed over: Service\nd/other.yaml: passed over: 2 Service\n"


def test_what_is_lost_is_said_with_its_line_and_an_exit_code(in_folder: Path) -> None:
    Path("a.yaml").write_text(yaml.safe_dump(cronjob({f"{POD}.restartPolicy": "OnFailure"}, namespace="shop")))
    done = run("-f a.yaml")
    assert done.exit_code == 8
    first, last = done.stderr.splitlines()
    assert first.startswith(
        "a.yaml:14: warning: CronJob shop/report: spec.jobTemplate.spec.template.spec.restartPolicy"
    )
    assert last == "1 thing is not carried over; write --lossy to accept that"
    lossy = run("-f a.yaml --lossy")
    assert (lossy.exit_code, lossy.stdout, lossy.stderr) == (0, done.stdout, f"{first}\n")


def test_what_is_refused_does_not_keep_back_the_others(in_folder: Path) -> None:
    bad = cronjob({"jobTemplate.spec.parallelism": 2}, name="bad")
    twice = cronjob(name="good")
    Path("a.yaml").write_text(yaml.safe_dump_all([bad, cronjob(name="good"), twice]))
    done = run("-f a.yaml")
    assert done.exit_code == 2
    assert [document["metadata"]["name"] for document in yaml.safe_load_all(done.stdout)] == ["good"]
    assert "a.yaml:8: CronJob bad: spec.jobTemplate.spec.parallelism: is 2" in done.stderr
    assert "CronJob good: metadata.name: there is a good already; rename one of them" in done.stderr


def test_a_problem_of_the_pod_is_shown_where_it_is_in_the_cronjob(in_folder: Path) -> None:
    Path("a.yaml").write_text(yaml.safe_dump(cronjob({f"{POD}.containers": [{"name": 5, "image": "a"}]})))
    done = run("-f a.yaml")
    assert done.exit_code == 2
    assert ": CronJob report: spec.jobTemplate.spec.template.spec.containers[0].name: must be a string" in done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "write one of -f FILE, --from-cluster, --crontab FILE, --switch"),
        ("-f a --from-cluster", "too much"),
        ("name -f a", "names are of CronJobs in the cluster"),
        ("-f nowhere.yaml", "nowhere.yaml: cannot be read"),
        ("-f none.yaml", "there is no CronJob in it, but Service; name a file that has one"),
        ("-f nothing.yaml", "kind: is missing; write apiVersion: batch/v1 and kind: CronJob"),
        (
            "-f none.yaml --source-zone Berlin",
            "--source-zone: there is no time zone 'Berlin'; did you mean",
        ),
        ("--crontab none.yaml", "--crontab needs --image"),
        ("--crontab empty --image a", "empty: there is no line with a command in it"),
        ("--crontab bad --image a", "bad:1: is not a line of a crontab: 'x'; write five fields and a command"),
        ("--crontab nowhere --image a", "nowhere: cannot be read"),
        ("--from-cluster -A name", "-A does not go with convert; write -n NAMESPACE"),
    ],
)
def test_bad_input(in_folder: Path, command: str, words: str) -> None:
    Path("none.yaml").write_text("apiVersion: v1\nkind: Service\n")
    Path("nothing.yaml").write_text("a: 1\n")
    Path("empty").write_text("# nothing\nA=b\n")
    Path("bad").write_text("x\n")
    done = run(command)
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_crontab_by_command(in_folder: Path) -> None:
    Path("crontab").write_text("MAILTO=me\n0 3 * * * root /opt/a\n@reboot root b\n")
    done = run("--crontab crontab --system --image i --source-zone Europe/Rome")
    assert done.exit_code == 2
    (document,) = yaml.safe_load_all(done.stdout)
    assert document["spec"]["timeZone"] == "Europe/Rome"
    assert "crontab:2: warning: 0 3 * * * /opt/a: MAILTO=me: is not carried over" in done.stderr
    assert "crontab:3: @reboot b: schedule: @reboot has no equal" in done.stderr

"""Who may do what, on the real API server: the chart's roles and policies, tried as their users, field by field."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import chart
import pytest
import yaml
from api_server import ROOT, until

from cluster.control_plane import ControlPlane
from crontask.api.names import name_of_backfill
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN, Resource
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.client.access import Flags, load
from crontask.client.actions import drawn, name_by_key
from crontask.client.cluster import Cluster
from crontask.client.errors import Forbidden
from crontask.client.requests import Document
from crontask.runner.trigger import run_body

ROLES = ("view", "trigger", "operate", "edit")
ONE = "one-task-only"
"""May trigger and suspend `nightly` alone, by resourceNames."""
PODS = "pods"
"""May trigger, and create pods."""
ELSEWHERE = "pods-elsewhere"
"""May trigger, and create pods in another namespace."""
NAMESPACE = "rights"
ADMIN = "admin"
RUN, TASK = SCHEDULED_RUN, CRON_TASK
NIGHTLY: dict[str, Any] = {"taskRef": {"name": "nightly"}}
OTHER: dict[str, Any] = {"taskRef": {"name": "other"}}
CONTAINER: dict[str, Any] = {"container": {"image": "busybox:1.36"}}
SPEC: dict[str, Any] = {"schedule": "@daily", "handler": CONTAINER}


def fan_out(**more: Any) -> dict[str, Any]:
    """A handler that is a fan-out over a task."""
    return {"handler": {"forEach": {"items": [1], "handler": {"task": "nightly"}, **more}}}


@dataclass
class Users:
    """The API server, asked as one of them by the client that the command line and the SDK stand on."""

    kubeconfig: str
    drawn: int = 0
    clusters: dict[str, Cluster] = field(default_factory=dict)

    def create(self, user: str, kind: Resource, spec: dict[str, Any], dry: bool = True, **metadata: Any) -> str:
        """Its name, or the refusal; the name is one that anybody may choose, unless said."""
        self.drawn += 1
        named = metadata if {"name", "generateName"} & metadata.keys() else {"name": f"x-{self.drawn:011}", **metadata}
        body = {"apiVersion": "crontask.dev/v1alpha1", "kind": kind.kind, "metadata": named, "spec": spec}
        return _answer(lambda: self.as_user(user).create(kind, body, dry_run=dry))

    def patch(self, user: str, kind: Resource, name: str, patch: dict[str, Any]) -> str:
        """Its name, or the refusal of a merge patch that is not carried out."""
        return _answer(lambda: self.as_user(user).patch(kind, name, patch, dry_run=True))

    def as_user(self, user: str) -> Cluster:
        """A connection of that user."""
        if user not in self.clusters:
            flags = Flags(self.kubeconfig, namespace=NAMESPACE, as_user=None if user == ADMIN else user)
            self.clusters[user] = Cluster(load(flags))
        return self.clusters[user]


def _answer(ask: Callable[[], Document]) -> str:
    try:
        return f"taken: {ask()['metadata']['name']}"
    except Forbidden as refused:
        return f"forbidden: {refused}"


@pytest.fixture(scope="module")
def users(control_plane: ControlPlane) -> Iterator[Users]:
    """A namespace with two tasks and some runs, and a user for each role of the chart, named like it."""
    manifests = chart.rendered()
    text = chart.as_text(chart.policies(manifests)) + "\n---\n"
    text += chart.as_text(manifests, lambda m: m["kind"] == "ClusterRole" and m["metadata"]["name"] != chart.NAME)
    control_plane.kubectl("create", "-f", "-", stdin=text)
    control_plane.kubectl("create", "namespace", NAMESPACE)
    _bind(control_plane)
    asked = Users(str(control_plane.kubeconfig))
    for name in ("nightly", "other"):
        asked.create(ADMIN, TASK, SPEC, dry=False, name=name, annotations={"team": "a"})
    asked.create(ADMIN, RUN, NIGHTLY, dry=False, name="there", labels={"crontask.dev/task": "nightly"})
    asked.create(ADMIN, RUN, OTHER, dry=False, name="of-other")
    asked.create(ADMIN, RUN, {"handler": CONTAINER}, dry=False, name="inline")
    parent = {"name": "flow", "uid": "u", "root": "flow", "depth": 1, "key": "u/a"}
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u"}
    part = {"name": "part", "ownerReferences": [owner], "finalizers": ["example.com/x"]}
    asked.create(ADMIN, RUN, {**NIGHTLY, "parent": parent}, dry=False, **part)
    until("the policies are in force", lambda: "denied" in asked.create("view-and-create", RUN, OTHER), 30)
    until("the roles are known", lambda: asked.create("edit", RUN, NIGHTLY).startswith("taken"), 30)
    yield asked
    for cluster in asked.clusters.values():
        cluster.close()
    control_plane.kubectl("delete", "-f", "-", stdin=text)
    # Nothing is left for the operators of later tests: where there are no controllers a namespace never ends.
    here, let_go = ("-n", NAMESPACE), '{"metadata":{"finalizers":[]}}'
    control_plane.kubectl(*here, "patch", "sr", "part", "--type=merge", "-p", let_go)
    control_plane.kubectl(*here, "delete", "sr,ct", "--all")
    control_plane.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    until("the policies are gone", lambda: not control_plane.kubectl("get", "validatingadmissionpolicies").strip(), 30)


def _bind(control_plane: ControlPlane) -> None:
    here = ("-n", NAMESPACE, "create")
    for role in ROLES:
        bound = [role, *([PODS, ELSEWHERE] if role == "trigger" else [])]
        for user in bound:
            named = ("rolebinding", f"{user}-{role}", f"--clusterrole={chart.NAME}-{role}", f"--user={user}")
            control_plane.kubectl(*here, *named)
    _role(control_plane, PODS, "pods", "create")
    _role(control_plane, ELSEWHERE, "pods", "create", namespace="default")
    for resource in ("scheduledruns.crontask.dev", "crontasks.crontask.dev"):
        _role(control_plane, ONE, resource, "get,patch,update" + (",create" if resource.startswith("s") else ""))
    _role(control_plane, ONE, "crontasks.crontask.dev", "trigger,suspend", "--resource-name=nightly")
    _role(control_plane, "view-and-create", "scheduledruns.crontask.dev", "create")


def _role(
    control_plane: ControlPlane, user: str, resource: str, verbs: str, *more: str, namespace: str = NAMESPACE
) -> None:
    name = f"{user}-{resource.partition('.')[0]}-{verbs.replace(',', '-')}"
    # kubectl knows the verbs of its own resources alone.
    rules = {"apiGroups": [resource.partition(".")[2]], "resources": [resource.partition(".")[0]]}
    named = {"resourceNames": [each.partition("=")[2] for each in more]} if more else {}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name},
        "rules": [{**rules, "verbs": verbs.split(","), **named}],
    }
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(role))
    control_plane.kubectl("-n", namespace, "create", "rolebinding", name, f"--role={name}", f"--user={user}")


@pytest.mark.parametrize("task", ["nightly", "of-a-name-that-is-as-long-as-that-of-a-task-ever-isx"])
def test_what_a_handler_asks_for_is_taken_of_who_may_only_trigger(users: Users, task: str) -> None:
    body = run_body(task, "uid-1/call-1", {"order": 7}, None, "5m")
    for how in ({}, {"delay": "5m"}, {"args": {"order": 7}}):
        _assert_answer(users.create("trigger", RUN, {**body["spec"], **how}, name=body["metadata"]["name"]), "")


NO_PODS = "may not create pods in namespace rights"
FIELDS_OF_WHO_TRIGGERS: list[tuple[dict[str, Any], str]] = [
    ({"at": "2090-01-01T00:00:00Z"}, ""),
    ({"delay": "5m"}, ""),
    ({"scheduledTime": "2026-01-01T00:00:00Z"}, ""),
    ({"args": {"a": 1}}, ""),
    ({"idempotencyKey": "k"}, ""),
    ({"suspend": True}, ""),
    ({"cancel": True, "cancelReason": "no"}, ""),
    ({"cancel": True, "cancelMode": "Immediate"}, ""),
    ({"onComplete": {"taskRef": {"name": "other"}}}, ""),
    ({"rerunOf": {"name": "there", "definition": "Latest"}}, ""),
    ({"rerunOf": {"name": "there"}}, f"spec.rerunOf: trigger {NO_PODS}"),
    ({"rerunOf": {"name": "there", "definition": "Same"}}, f"spec.rerunOf: trigger {NO_PODS}"),
    ({"timeout": "1h"}, f"spec.timeout: trigger {NO_PODS}"),
    ({"startTimeout": "1h"}, "spec.startTimeout: "),
    ({"totalTimeout": "1h"}, "spec.totalTimeout: "),
    ({"retry": {"limit": 5}}, "spec.retry: "),
    ({"ttlAfterFinished": "9000h"}, "spec.ttlAfterFinished: "),
    ({"cursor": 5}, "spec.cursor: "),
    ({"at": "2020-01-01T00:00:00Z", "allowPast": True}, "spec.allowPast: "),
    ({"timeout": "1h", "cursor": 5}, "spec.cursor, spec.timeout: |spec.timeout, spec.cursor: "),
]


@pytest.mark.parametrize(("spec", "words"), FIELDS_OF_WHO_TRIGGERS, ids=lambda value: str(value)[:50])
@pytest.mark.parametrize("user", ["trigger", "operate"])
def test_what_a_run_may_say_of_who_may_only_trigger(users: Users, user: str, spec: dict[str, Any], words: str) -> None:
    answer = users.create(user, RUN, {**NIGHTLY, **spec})
    _assert_answer(answer, words.replace("trigger", user))


@pytest.mark.parametrize(("spec", "words"), FIELDS_OF_WHO_TRIGGERS, ids=lambda value: str(value)[:50])
def test_who_may_create_pods_may_say_all_of_it(users: Users, spec: dict[str, Any], words: str) -> None:
    _assert_answer(users.create(PODS, RUN, {**NIGHTLY, **spec}), "")


def test_every_field_of_a_run_is_in_the_table() -> None:
    """One that is new has to be thought about."""
    fields = {info.alias or name for name, info in ScheduledRunSpec.model_fields.items()}
    tried = {key for spec, _ in FIELDS_OF_WHO_TRIGGERS for key in spec}
    assert fields - tried == {"taskRef", "handler", "parent"}


@pytest.mark.parametrize(
    ("user", "spec", "words"),
    [
        ("trigger", {"handler": CONTAINER}, f"spec.handler: trigger {NO_PODS}"),
        (
            "trigger",
            {**NIGHTLY, "parent": {"name": "a", "uid": "u", "root": "a", "depth": 1, "key": "k"}},
            "spec.parent: ",
        ),
        (
            "edit",
            {**NIGHTLY, "parent": {"name": "a", "uid": "u", "root": "a", "depth": 1, "key": "k"}},
            "spec.parent: ",
        ),
        ("edit", {"handler": CONTAINER}, f"spec.handler: edit {NO_PODS}"),
        (PODS, {"handler": CONTAINER}, ""),
        (ELSEWHERE, {"handler": CONTAINER}, f"spec.handler: {ELSEWHERE} {NO_PODS}"),
        ("trigger", fan_out(), ""),
        ("trigger", fan_out(args={"day": "${item}"}, parallelism=3, scheduledTime="${item}"), ""),
        ("trigger", fan_out(handler={"task": "nightly"}, maxFailed="10%", failurePolicy="Stop"), ""),
        ("trigger", fan_out(handler=CONTAINER), f"spec.handler: trigger {NO_PODS}"),
        ("trigger", fan_out(collect=CONTAINER), "spec.handler: trigger"),
        ("trigger", {"handler": {"steps": [{"name": "a", "task": "nightly"}]}}, "spec.handler: trigger"),
        (ONE, fan_out(), ""),
        (ONE, fan_out(handler={"task": "other"}), "spec.handler.forEach.handler.task: one-task-only may not trigger"),
        (ONE, NIGHTLY, ""),
        (ONE, OTHER, "spec.taskRef: one-task-only may not trigger the CronTask other in namespace rights; bind a role"),
        (
            ONE,
            {**NIGHTLY, "onComplete": {"taskRef": {"name": "other"}}},
            "spec.onComplete.taskRef: one-task-only may not",
        ),
        ("view-and-create", NIGHTLY, "spec.taskRef: view-and-create may not trigger the CronTask nightly"),
        ("view", NIGHTLY, 'cannot create resource "scheduledruns"'),
    ],
)
def test_what_runs(users: Users, user: str, spec: dict[str, Any], words: str) -> None:
    _assert_answer(users.create(user, RUN, spec), words)


NAME = "metadata.name: trigger may not create pods"


@pytest.mark.parametrize(
    ("user", "metadata", "words"),
    [
        ("trigger", {"name": "nightly-0123456789"}, ""),
        ("trigger", {"generateName": "nightly-"}, ""),
        ("trigger", {"generateName": "nightly-t"}, NAME),
        ("trigger", {"name": "nightly-tcmys0"}, NAME),
        ("trigger", {"name": "nightly-tcmys0", "generateName": "nightly-"}, NAME),
        ("trigger", {"name": "any-0123456789a"}, ""),
        # Of keys: after the task's own name alone.
        ("trigger", {"name": "other-0123456789"}, NAME),
        ("trigger", {"name": "nightly-again-0123456789"}, NAME),
        # Of follow-ups, and of backfills.
        ("trigger", {"name": "nightly-0123456789ab"}, NAME),
        ("trigger", {"name": "nightly-backfill-0123456789abc"}, NAME),
        ("trigger", {"name": "nightly-01234567"}, NAME),
        ("trigger", {"name": "by-hand"}, NAME),
        (PODS, {"name": "by-hand"}, ""),
        ("trigger", {"finalizers": ["example.com/x"]}, "metadata.finalizers: "),
        (PODS, {"finalizers": ["example.com/x"]}, ""),
        ("trigger", {"labels": {"team": "a"}, "annotations": {"why": "deploy"}}, ""),
        *(
            (user, {"labels": {label: "nightly"}}, f"metadata: {label}: is written by the operator alone")
            for user in ("trigger", PODS)
            for label in ("crontask.dev/task", "crontask.dev/run", "crontask.dev/parent")
        ),
        ("trigger", {"annotations": {"crontask.dev/trigger": "{}"}}, "metadata: crontask.dev/trigger: is written by"),
        ("edit", {"annotations": {"crontask.dev/rerun-by": "a/b"}}, "metadata: crontask.dev/rerun-by: "),
        ("trigger", {"annotations": {"crontask.dev/approve": "a"}}, ""),
        ("trigger", {"annotations": {"crontask.dev/backfill": "missing"}}, ""),
        *(
            (user, {"ownerReferences": [{"apiVersion": api, "kind": kind, "name": "nightly", "uid": "u"}]}, words)
            for user, api, kind, words in (
                ("trigger", "crontask.dev/v1alpha1", "CronTask", "metadata.ownerReferences: "),
                ("trigger", "v1", "ConfigMap", "metadata.ownerReferences: "),
                (PODS, "crontask.dev/v1alpha1", "CronTask", "metadata.ownerReferences: only the operator makes"),
                (PODS, "v1", "ConfigMap", ""),
            )
        ),
    ],
)
def test_what_its_metadata_may_say(users: Users, user: str, metadata: dict[str, Any], words: str) -> None:
    _assert_answer(users.create(user, RUN, NIGHTLY, **metadata), words)


@pytest.mark.parametrize(
    ("user", "name", "patch", "words"),
    [
        ("trigger", "there", {"spec": {"cancel": True, "cancelReason": "enough"}}, ""),
        ("trigger", "there", {"spec": {"suspend": True}}, ""),
        ("trigger", "inline", {"spec": {"cancel": True}}, ""),
        ("trigger", "there", {"metadata": {"annotations": {"crontask.dev/approve": "a by ann"}}}, ""),
        ("trigger", "there", {"metadata": {"labels": {"team": "b"}}}, ""),
        (
            "trigger",
            "there",
            {"metadata": {"labels": {"crontask.dev/task": "other"}}},
            "metadata: crontask.dev/task: is",
        ),
        ("trigger", "there", {"metadata": {"labels": {"crontask.dev/task": None}}}, "metadata: crontask.dev/task: is"),
        ("trigger", "there", {"metadata": {"finalizers": ["example.com/x"]}}, "metadata.finalizers: "),
        (ONE, "there", {"spec": {"cancel": True}}, ""),
        (ONE, "of-other", {"spec": {"cancel": True}}, "spec.taskRef: one-task-only may not trigger the CronTask other"),
        (ONE, "inline", {"spec": {"cancel": True}}, "and so may not change a run with a handler of its own"),
        (
            ONE,
            "inline",
            {"metadata": {"annotations": {"crontask.dev/approve": "a"}}},
            "and so may not change a run with",
        ),
        (ONE, "part", {"spec": {"cancel": True}}, "and so may not change a run that is a part of another; ask who may"),
        ("trigger", "part", {"spec": {"cancel": True}}, ""),
        ("trigger", "part", {"metadata": {"ownerReferences": None}}, "metadata.ownerReferences: "),
        ("trigger", "part", {"metadata": {"finalizers": None}}, "metadata.finalizers: "),
        (PODS, "part", {"metadata": {"finalizers": None}}, ""),
        ("view", "there", {"spec": {"cancel": True}}, 'cannot patch resource "scheduledruns"'),
    ],
)
def test_what_may_be_changed_of_a_run(users: Users, user: str, name: str, patch: dict[str, Any], words: str) -> None:
    _assert_answer(users.patch(user, RUN, name, patch), words)


ONLY_PAUSES = "may not create CronTasks in namespace rights, and so may only change suspend"


@pytest.mark.parametrize(
    ("user", "name", "patch", "words"),
    [
        ("operate", "nightly", {"spec": {"suspend": True}}, ""),
        ("operate", "nightly", {"spec": {"suspend": True, "suspendReason": "deploy"}}, ""),
        ("operate", "nightly", {"spec": {"suspendUntil": "2090-01-01T00:00:00Z"}}, ""),
        ("operate", "nightly", {"metadata": {"annotations": {"crontask.dev/resume": "1"}}}, ""),
        ("operate", "nightly", {"metadata": {"annotations": {"crontask.dev/suspended-by": "ann"}}}, ""),
        *(
            ("operate", "nightly", {"spec": spec}, f"spec.{next(iter(spec))}: operate {ONLY_PAUSES}")
            for spec in (
                {"schedule": "@hourly"},
                {"handler": {"container": {"image": "evil"}}},
                {"timeout": "1h"},
                {"args": {"a": 1}},
                {"history": {"succeeded": 0}},
            )
        ),
        ("operate", "nightly", {"spec": {"schedule": None}}, "spec.schedule: operate"),
        ("operate", "nightly", {"metadata": {"labels": {"a": "b"}}}, "metadata: whoever may not create CronTasks here"),
        ("operate", "nightly", {"metadata": {"finalizers": ["a.b/c"]}}, "metadata: whoever may not create CronTasks"),
        ("operate", "nightly", {"metadata": {"annotations": {"team": "b"}}}, "metadata.annotations: whoever may not"),
        ("operate", "nightly", {"metadata": {"annotations": {"team": None}}}, "metadata.annotations: whoever may not"),
        ("trigger", "nightly", {"spec": {"suspend": True}}, 'cannot patch resource "crontasks"'),
        (ONE, "nightly", {"spec": {"suspend": True}}, ""),
        (ONE, "other", {"spec": {"suspend": True}}, "spec.suspend: one-task-only may not suspend the CronTask other"),
        ("edit", "nightly", {"spec": {"schedule": "@hourly", "suspend": True}}, ""),
        ("edit", "nightly", {"metadata": {"labels": {"crontask.dev/owner": "shop"}}}, ""),
        (
            "edit",
            "nightly",
            {"metadata": {"labels": {"crontask.dev/task": "a"}}},
            "metadata: crontask.dev/task: is written",
        ),
        (
            "edit",
            "nightly",
            {
                "metadata": {
                    "ownerReferences": [
                        {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "name": "other", "uid": "u"}
                    ]
                }
            },
            "metadata.ownerReferences: only the operator makes",
        ),
    ],
)
def test_what_may_be_changed_of_a_task(users: Users, user: str, name: str, patch: dict[str, Any], words: str) -> None:
    _assert_answer(users.patch(user, TASK, name, patch), words)


@pytest.mark.parametrize(
    ("user", "verb", "wanted"),
    [
        ("view", "get", True),
        ("view", "trigger", False),
        ("trigger", "trigger", True),
        ("trigger", "suspend", False),
        ("operate", "suspend", True),
        ("operate", "create", False),
        ("edit", "trigger", True),
        ("edit", "delete", True),
    ],
)
def test_anybody_can_ask_who_may(users: Users, user: str, verb: str, wanted: bool) -> None:
    assert users.as_user(user).can(verb, TASK, name="nightly").allowed is wanted


def test_the_role_of_the_page_is_of_one_task_alone(users: Users, control_plane: ControlPlane) -> None:
    page = (ROOT / "docs" / "roles.md").read_text()
    role = next(yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    role["metadata"]["namespace"] = NAMESPACE
    control_plane.kubectl("create", "-f", "-", stdin=json.dumps(role))
    bind = ("create", "rolebinding", "of-the-page", f"--role={role['metadata']['name']}", "--user=ann")
    control_plane.kubectl("-n", NAMESPACE, *bind)
    until("the role is known", lambda: users.create("ann", RUN, NIGHTLY).startswith("taken"), 20)
    _assert_answer(users.create("ann", RUN, OTHER), "spec.taskRef: ann may not trigger the CronTask other")
    _assert_answer(users.patch("ann", TASK, "nightly", {"spec": {"suspend": True}}), "")
    _assert_answer(users.patch("ann", TASK, "other", {"spec": {"suspend": True}}), "spec.suspend: ann may not suspend")


def test_the_page_lists_what_a_run_may_say_of_who_may_only_trigger() -> None:
    page = (ROOT / "docs" / "roles.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| may not create pods"))
    fields = {field.alias or name for name, field in ScheduledRunSpec.model_fields.items()}
    allowed = {key for spec, words in FIELDS_OF_WHO_TRIGGERS if not words for key in spec} | {"taskRef", "handler"}
    assert set(re.findall(r"`(\w+)`", row)) & fields == allowed


def _assert_answer(answer: str, words: str) -> None:
    if words:
        assert answer.startswith("forbidden: "), answer
        assert any(each in answer for each in words.split("|")), answer
    else:
        assert answer.startswith("taken: "), answer


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nightly-backfill-0123456789abc", ""),
        ("nightly-0123456789", ""),
        ("other-backfill-0123456789abc", "metadata.name: "),
        ("nightly-0123456789abc", "metadata.name: "),
        ("other-0123456789", "metadata.name: "),
    ],
)
def test_the_name_of_a_backfill_is_that_of_its_task(users: Users, name: str, words: str) -> None:
    _assert_answer(users.create("trigger", RUN, fan_out(), name=name), words)


@pytest.mark.parametrize("task", ["t" * 52, f"{'t' * 48}-abc", "a-b"])
def test_the_names_that_clients_make_are_taken(users: Users, task: str) -> None:
    """Also where they are cut."""
    run: dict[str, Any] = {"taskRef": {"name": task}}
    for name in (name_by_key(task, "order-42"), drawn(task), drawn(f"{task}-tfxk80")):
        _assert_answer(users.create("trigger", RUN, run, name=name), "")
    day = "2026-01-01T00:00:00Z"
    fans = fan_out(handler={"task": task})
    _assert_answer(users.create("trigger", RUN, fans, name=name_of_backfill(task, day, day, "all")), "")

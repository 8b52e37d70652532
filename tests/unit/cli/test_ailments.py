"""What the doctor finds: rows of what is known and what is said."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from certificates import self_signed

from crontask.cli.ailments import (
    of_answer,
    of_clock,
    of_leases,
    of_namesakes,
    of_namespaces,
    of_runs,
    of_tasks,
    of_webhooks,
    our_webhooks,
    watched_by,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = {"holderIdentity": "a", "renewTime": "2026-03-01T11:59:55.123456Z", "leaseDurationSeconds": 15}


def task(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "n", "name": "t"}, "spec": spec, "status": status}


def condition(type_: str, status: str, message: str, since: str = "2026-02-01T12:00:00Z") -> dict[str, Any]:
    return {"type": type_, "status": status, "message": message, "lastTransitionTime": since}


@pytest.mark.parametrize(
    ("leases", "state", "said"),
    [
        ([], "problem", "no operator has ever led here"),
        ([{"spec": LEASE}], "ok", "a leads"),
        ([{"spec": {**LEASE, "holderIdentity": ""}}], "problem", "no operator leads"),
        (
            [{"spec": {**LEASE, "renewTime": "2026-03-01T11:50:00Z"}}],
            "problem",
            "a led until 10m ago, and nobody since",
        ),
    ],
)
def test_who_leads(leases: list[dict[str, Any]], state: str, said: str) -> None:
    found = of_leases(leases, NOW)
    assert (found.state, found.message) == (state, said)


@pytest.mark.parametrize(
    ("apart", "state"), [(timedelta(0), "ok"), (timedelta(seconds=30), "ok"), (timedelta(seconds=-31), "warning")]
)
def test_clocks(apart: timedelta, state: str) -> None:
    assert of_clock(NOW, NOW + apart).state == state
    assert of_clock(NOW, None).state == "unknown"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (task({}), ["warning  task n/t: the operator has not seen it; see whether one leads, and watches here"]),
        (task({"phase": "Active"}), []),
        (task({"phase": "Active", "nextRunTime": "x"}, schedule="* * * * *"), []),
        (task({"phase": "Active", "activeCount": 1}, delay="5m"), []),
        (
            task({"phase": "Active"}, schedule="0 0 1 1 *"),
            ["warning  task n/t: it has no time to come; see crontask next for why"],
        ),
        (
            task(
                {
                    "phase": "Active",
                    "conditions": [
                        {**condition("Ready", "True", "comes after CronTask nope"), "reason": "PredecessorMissing"}
                    ],
                }
            ),
            ["problem  task n/t: nothing starts: it comes after CronTask nope; create that one, or correct after.task"],
        ),
        (
            task({"phase": "Invalid", "conditions": [condition("Ready", "False", "61 is not in 0-59")]}),
            ["problem  task n/t: nothing starts: 61 is not in 0-59"],
        ),
        (
            task({"phase": "Suspended", "conditions": [condition("Suspended", "True", "a deploy")]}),
            ["warning  task n/t: it is suspended since 28d: a deploy; resume it with crontask resume, or delete it"],
        ),
        (
            task(
                {
                    "phase": "Suspended",
                    "conditions": [condition("Suspended", "True", "a", since="2026-03-01T11:00:00Z")],
                }
            ),
            [],
        ),
        (
            task({"phase": "Active", "conditions": [condition("Overdue", "True", "no success for 2d")]}),
            ["problem  task n/t: no success for 2d; crontask describe t -n n says what has become of its runs"],
        ),
        (
            task(
                {
                    "phase": "Suspended",
                    "conditions": [
                        {**condition("Suspended", "True", "2 failures in a row"), "reason": "TooManyFailures"}
                    ],
                }
            ),
            ["problem  task n/t: 2 failures in a row; crontask describe t -n n says why; then: crontask resume t -n n"],
        ),
    ],
)
def test_tasks_that_do_not_run(known: dict[str, Any], said: list[str]) -> None:
    assert [str(each) for each in of_tasks([known], NOW)] == said


def run(name: str, phase: str, message: str | None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "n", "name": name}, "spec": spec, "status": {"phase": phase, "message": message}}


def test_runs_that_do_not_go_on() -> None:
    no_image, of_task = "container main does not start: ImagePullBackOff: none", {"taskRef": {"name": "t"}}
    found = of_runs(
        [
            run("well", "Running", None),
            {"metadata": {"namespace": "n", "name": "new"}, "spec": {}},
            run("t-1", "Running", no_image, **of_task),
            run("held", "Pending", "held back: spec.suspend is true"),
            run("t-2", "Running", no_image, **of_task),
        ]
    )
    assert [str(each) for each in found] == [
        f"warning  run n/t-1: Running: {no_image} (and 1 more of its task); crontask describe t-1 -n n says more",
        "warning  run n/held: Pending: held back: spec.suspend is true; crontask describe held -n n says more",
    ]


def test_a_cron_job_of_the_same_name_is_a_problem_while_both_are_active() -> None:
    assert len(list(of_namesakes([task({})], [task({})]))) == 1
    assert list(of_namesakes([task({}, suspend=True)], [task({})])) == []
    assert list(of_namesakes([task({})], [task({}, suspend=True)])) == []


def hook(ends: timedelta | None, name: str = "crontasks.crontask.dev") -> dict[str, Any]:
    bundle = base64.b64encode(self_signed(["a"], ends)[0].encode()).decode() if ends is not None else ""
    return {"webhooks": [{"name": name, "clientConfig": {"caBundle": bundle}}]}


@pytest.mark.parametrize(
    ("configurations", "said"),
    [
        ([], ["warning  webhook: none is configured: "]),
        ([hook(timedelta(days=99), "a.example.com"), {}], ["warning  webhook: none is configured: "]),
        ([hook(timedelta(days=99))], ["ok       webhook: it is configured, with a certificate until "]),
        ([hook(timedelta(days=29))], ["warning  webhook: its certificate ends on "]),
        ([hook(timedelta(days=-1))], ["problem  webhook: its certificate ended on "]),
        ([hook(None)], ["problem  webhook: its configuration has no caBundle"]),
        # Both kinds of ours say the same.
        (
            [hook(None), hook(None, "scheduledruns.crontask.dev")],
            ["problem  webhook: its configuration has no caBundle"],
        ),
        (
            [{"webhooks": [{"name": "a.crontask.dev", "clientConfig": {"caBundle": "!"}}]}],
            ["problem  webhook: its caBundle cannot be read: "],
        ),
        (
            [{"webhooks": [{"name": "a.crontask.dev", "clientConfig": {"caBundle": "YQ=="}}]}],
            ["problem  webhook: its caBundle cannot be read: there is no certificate in it; renew it"],
        ),
    ],
)
def test_the_webhook(configurations: list[dict[str, Any]], said: list[str]) -> None:
    found = [str(each) for each in of_webhooks(our_webhooks(configurations), datetime.now(UTC))]
    assert len(found) == len(said)
    assert all(line.startswith(words) for words, line in zip(said, found, strict=True)), found


def selecting(*namespaces: str) -> dict[str, Any]:
    expressions = [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}]
    return {"namespaceSelector": {"matchExpressions": expressions}}


@pytest.mark.parametrize(
    ("ours", "here", "said"),
    [
        ([], "n", []),
        ([{}], "n", []),
        ([selecting("a"), {}], "n", []),
        ([{"namespaceSelector": {"matchLabels": {"team": "a"}}}], "n", []),
        ([selecting("n", "a")], "n", []),
        ([selecting("n")], "", []),
        ([selecting("n")], "default", ["warning  namespace default"]),
        ([selecting("b"), selecting("a")], "a", ["problem  namespace n"]),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "a"}}}], "", ["problem  namespace n"]),
    ],
)
def test_namespaces_that_no_operator_watches(ours: list[dict[str, Any]], here: str, said: list[str]) -> None:
    found = [str(each) for each in of_namespaces(watched_by(ours), here, [task({"phase": "Active"})])]
    assert [each.partition(":")[0] for each in found] == said
    assert all("use one that is there: " in each for each in found)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ('admission webhook "crontasks.crontask.dev" denied the request: spec.schedule: 61 is not in 0-59', "ok"),
        (None, "problem"),
        ('admission webhook "policy.example.com" denied the request: no', "unknown"),
        ('User "bob" cannot create resource "crontasks"', "unknown"),
    ],
)
def test_whether_the_webhook_answers(said: str | None, state: str) -> None:
    assert of_answer(said).state == state

"""What the real API server refuses, for a while or for good: said where people look, recorded, and made up for."""

import json
from typing import Any

import pytest
from bench import Bench
from faults import IMAGE, assert_each_time_is_decided_once, described, goes_on, pod_of, row, single, ticking

pytestmark = pytest.mark.usefixtures("healthy")

NO_SERVICE = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "webhooks": [
        {
            "name": "pods.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 2,
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }
    ],
}


def conditions(bench: Bench, task: str) -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in bench.get("ct", task).get("status", {}).get("conditions", [])}


def skipped(bench: Bench, task: str) -> int:
    """How many times it has skipped; its first status may be on its way."""
    return int(bench.get("ct", task).get("status", {}).get("counts", {}).get("skipped", 0))


def ready_because(bench: Bench, task: str, reason: str, seconds: float = 30) -> str:
    """Wait until Ready has that reason; its message."""
    bench.until(
        f"Ready says {reason}", lambda: conditions(bench, task).get("Ready", {}).get("reason") == reason, seconds
    )
    return str(conditions(bench, task)["Ready"]["message"])


def test_a_refused_run_holds_its_slot_and_later_times_are_skipped(bench: Bench) -> None:
    bench.kubectl("create", "quota", "none", "--hard=pods=0")
    bench.apply(ticking("tick", 4, concurrency={"policy": "Forbid"}))
    bench.until("times are skipped", lambda: skipped(bench, "tick") >= 3)
    assert len(bench.runs("tick")) == 1
    assert "exceeded quota: none" in ready_because(bench, "tick", "PodRejected")
    assert "Rejected" in row(bench, "ct", "tick")
    described(bench, "ct", "tick", "FailedCreate")
    bench.until("an event tells of the skips", lambda: "RunAlreadyActive" in bench.kubectl("get", "events"))
    skips = [
        event
        for event in json.loads(bench.kubectl("get", "events", "-o", "json"))["items"]
        if event["reason"] == "RunAlreadyActive"
    ]
    assert len(skips) == 1
    bench.kubectl("delete", "quota", "none")
    goes_on(bench, "tick")
    ready_because(bench, "tick", "Scheduled")
    bench.kubectl("patch", "ct", "tick", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    assert_each_time_is_decided_once(bench, "tick")


def test_a_field_that_kubernetes_does_not_have_is_warned_of_and_never_dropped_in_silence(bench: Bench) -> None:
    container = {"image": IMAGE, "commands": ["sh", "-c", "exit 3"]}
    task = ticking("typo", 3600, handler={"container": container})
    warned = bench.kubectl("apply", "-f", "-", stdin=task, check=False)
    assert "commands: Kubernetes" in warned
    assert 'unknown field "spec.containers[0].commands"' in ready_because(bench, "typo", "PodRejected")
    assert conditions(bench, "typo")["Stalled"]["status"] == "True"
    bench.apply(single("once", {"container": container}))
    bench.until("the run has failed", lambda: bench.get("sr", "once")["status"].get("phase") == "Failed", 20)
    assert "unknown field" in bench.get("sr", "once")["status"]["message"]


def test_a_webhook_that_cannot_be_reached_is_named_and_the_start_timeout_is_kept(bench: Bench) -> None:
    webhook = json.loads(json.dumps(NO_SERVICE))
    webhook["metadata"] = {"name": bench.namespace}
    service = {"name": "nobody", "namespace": bench.namespace}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": bench.namespace}}
    webhook["webhooks"][0] |= {"clientConfig": {"service": service}, "namespaceSelector": selector}
    bench.tools.kubectl("apply", "-f", "-", stdin=json.dumps(webhook))
    try:
        bench.apply(single("once", pod_of("true"), startTimeout="10s"))
        bench.apply(ticking("tick", 3600))
        bench.until("the run says why", lambda: "the pod is refused: " in row(bench, "sr", "once"), 20)
        assert "failed calling webhook" in row(bench, "sr", "once")
        described(bench, "sr", "once", "FailedCreate")
        assert "failed calling webhook" in ready_because(bench, "tick", "PodRejected")
        bench.until("it has failed", lambda: bench.phase("once") == "Failed", 40)
        assert "failed calling webhook" in bench.get("sr", "once")["status"]["message"]
    finally:
        bench.tools.kubectl("delete", "validatingwebhookconfiguration", bench.namespace)
    ready_because(bench, "tick", "Scheduled", 60)


def test_what_etcd_finds_too_large_is_said(bench: Bench) -> None:
    args = {"text": "x" * 95_000}
    containers = [{"name": f"c{number}", "image": IMAGE, "command": ["true"]} for number in range(20)]
    handler = {"podTemplate": {"spec": {"containers": containers}}}
    bench.apply(single("large", handler, args=args, startTimeout="8s"))
    bench.until("it has failed", lambda: bench.phase("large") == "Failed", 40)
    assert "too large" in bench.get("sr", "large")["status"]["message"]


def test_an_account_that_is_made_after_its_task(bench: Bench) -> None:
    handler = pod_of("true")
    handler["podTemplate"]["spec"]["serviceAccountName"] = "later"
    bench.apply(ticking("tick", 365 * 86400, handler=handler))
    assert "serviceaccount" in ready_because(bench, "tick", "PodRejected")
    bench.kubectl("create", "serviceaccount", "later")
    ready_because(bench, "tick", "Scheduled", 60)
    assert " Active " in row(bench, "ct", "tick")


def test_runs_that_a_quota_refuses_are_misses_with_that_reason(bench: Bench) -> None:
    bench.kubectl("create", "quota", "no-runs", "--hard=count/scheduledruns.crontask.dev=0")
    bench.apply(ticking("tick", 5))
    message = ready_because(bench, "tick", "RunRejected")
    assert "exceeded quota: no-runs" in message
    bench.until("misses are recorded", lambda: bench.get("ct", "tick")["status"]["counts"]["missed"] >= 2, 40)
    assert {entry["reason"] for entry in bench.get("ct", "tick")["status"]["recentDecisions"]} == {"RunRejected"}
    assert "the API server refuses the run" in bench.kubectl("describe", "ct", "tick")
    bench.kubectl("delete", "quota", "no-runs")
    goes_on(bench, "tick")
    bench.kubectl("patch", "ct", "tick", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    assert_each_time_is_decided_once(bench, "tick")


def test_pods_that_carry_copied_labels_are_in_nobodys_way(bench: Bench) -> None:
    labels = {"app": "web", "crontask.dev/task": "tick", "crontask.dev/run": "tick-copied"}
    container = {"name": "web", "image": IMAGE, "command": ["sleep", "600"]}
    template = {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    bench.apply(json.dumps(web))
    bench.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    bench.apply(ticking("tick", 3, concurrency={"policy": "Forbid"}))
    goes_on(bench, "tick")
    assert bench.get("ct", "tick")["status"]["counts"]["skipped"] == 0


def test_a_pod_that_is_never_taken_stalls_the_task(bench: Bench) -> None:
    handler = pod_of("true")
    handler["podTemplate"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "missing", "mountPath": "/data"}]
    bench.apply(ticking("tick", 365 * 86400, handler=handler))
    bench.until("it is stalled", lambda: conditions(bench, "tick").get("Stalled", {}).get("status") == "True", 30)
    assert "Rejected" in row(bench, "ct", "tick")
    described(bench, "ct", "tick", "volumeMounts[0].name", "PodRejected")
    bench.apply(ticking("tick", 365 * 86400))
    bench.until("an edit mends it", lambda: conditions(bench, "tick")["Stalled"]["status"] == "False", 30)
    assert " Active " in row(bench, "ct", "tick")


def test_a_task_shows_how_its_runs_failed(bench: Bench) -> None:
    bench.apply(ticking("tick", 2, command="echo it broke > /dev/termination-log; exit 3"))
    said = "Failed after "
    bench.until("the task says so", lambda: said in bench.kubectl("describe", "ct", "tick"), 30)
    assert "it broke" in bench.kubectl("describe", "ct", "tick")

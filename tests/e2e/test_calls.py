"""Calls of a real server in the cluster: what goes wrong is said in words, and no secret shows anywhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import Bench
from certificates import self_signed
from on_cluster import namespace_of_its_own
from on_cluster import tools as tools

from crontask.api.base import API_VERSION
from installation import NAMESPACE, Tools

SERVER = Path(__file__).parent / "target" / "server.py"
KEY = "sesame-of-the-tests-4711"


@pytest.fixture(scope="module")
def target(tools: Tools) -> Iterator[Bench]:
    """A namespace with the server in it, and the certificate that its HTTPS has, as `ca.pem` of a file."""
    with namespace_of_its_own(tools) as bench:
        # As strict as it gets: the runner has to work there too.
        label = "pod-security.kubernetes.io/enforce=restricted"
        tools.kubectl("label", "namespace", bench.namespace, label)
        _bring_up(bench)
        yield bench


def _bring_up(bench: Bench) -> None:
    certificate, key = self_signed(["target"])
    bench.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": _server(bench.tools, certificate, key)}))
    bench.kubectl("wait", "--for=condition=Ready", "pod/target", "--timeout=180s")


def runner_image(tools: Tools) -> str:
    """The image that the operator starts for http and python."""
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    return tools.kubectl("-n", NAMESPACE, "get", "deployment", "crontask", "-o", path)


def _server(tools: Tools, certificate: str, key: str) -> list[dict[str, Any]]:
    restricted = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "server",
        "image": runner_image(tools),
        "command": ["python3", "/target/server.py"],
        "volumeMounts": [{"name": "target", "mountPath": "/target"}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "securityContext": restricted,
    }
    files = {"server.py": SERVER.read_text(), "tls.pem": certificate + key, "ca.pem": certificate}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "target"}, "data": files},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"key": KEY}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "target"},
            "spec": {
                "selector": {"app": "target"},
                "ports": [{"name": "http", "port": 8080}, {"name": "https", "port": 8443}],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "target", "labels": {"app": "target"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [container],
                "volumes": [{"name": "target", "configMap": {"name": "target"}}],
            },
        },
    ]


def _run(bench: Bench, name: str, handler: dict[str, Any], **spec: Any) -> None:
    metadata, spec = {"name": name}, {"handler": handler, **spec}
    bench.apply(json.dumps({"apiVersion": API_VERSION, "kind": "ScheduledRun", "metadata": metadata, "spec": spec}))


def _call(bench: Bench, name: str, http: dict[str, Any], **spec: Any) -> None:
    _run(bench, name, {"http": http}, **spec)


def test_args_are_the_body_and_the_answer_is_the_result(target: Bench) -> None:
    _call(target, "plain", {"url": "http://target:8080/"}, args={"a": ["$(HOME)", "$$"]})
    assert target.ended("plain", "Succeeded")["result"] == {"args": {"a": ["$(HOME)", "$$"]}, "run": "plain"}


def test_args_are_put_into_a_url_and_what_does_not_fit_is_never_sent(target: Bench) -> None:
    url, day = "http://target:8080/orders/{id}/lines{?filter*}", {"filter": {"day": "2026-03-01"}}
    _call(target, "one-order", {"urlTemplate": url}, args={"id": "a/b c", **day})
    path = "/orders/a%2Fb%20c/lines?day=2026-03-01"
    first = target.ended("one-order", "Succeeded")["result"]
    assert first["path"] == path
    for name, args, words in (
        ("no-order", day, "urlTemplate names id, for which args has no value; it has: filter"),
        ("way-up", {"id": "..", **day}, "{id} in the path of urlTemplate would become '..', which leads to another"),
    ):
        _call(target, name, {"urlTemplate": url}, args=args)
        status = target.ended(name, "Failed")
        assert status["message"].startswith(words)
        assert status["attempts"][0]["exitCode"] == 2
    _call(target, "next-order", {"urlTemplate": url}, args={"id": 2, "filter": {}})
    following = {"path": "/orders/2/lines", "call": first["call"] + 1}
    assert target.ended("next-order", "Succeeded")["result"] == following


def test_a_step_is_given_its_url_by_the_result_of_another(target: Bench) -> None:
    find = {"name": "find", "python": {"source": "def handler(ctx):\n    return {'order': 4711}\n"}}
    call = {"urlTemplate": "http://target:8080/orders/{order}"}
    tell = {"name": "tell", "http": call, "args": {"order": "${steps.find.result.order}"}}
    _run(target, "tells", {"steps": [find, tell]})
    assert target.ended("tells", "Succeeded", 120)["result"]["path"] == "/orders/4711"


def test_who_starts_runs_does_not_choose_the_host(target: Bench) -> None:
    spec = {"handler": {"http": {"urlTemplate": "http://{host}:8080/"}}}
    for kind in ("CronTask", "ScheduledRun"):
        bad = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "bad"}, "spec": spec}
        refused = target.kubectl("apply", "-f", "-", stdin=json.dumps(bad), check=False)
        assert "urlTemplate does not begin with a scheme and a host as they are" in refused


def test_a_wrong_key_fails_with_the_answer_and_shows_nowhere(target: Bench) -> None:
    header = {"name": "X-Api-Key", "valueFrom": {"secretKeyRef": {"name": "key", "key": "key"}}}
    _call(target, "wrong-key", {"url": "http://target:8080/wants-a-key", "headers": [header]})
    status = target.ended("wrong-key", "Failed")
    assert status["message"].startswith("401 Unauthorized, wanted 2xx: the key *** is wrong")
    (attempt,) = status["attempts"]
    texts = [
        target.kubectl("get", "sr,pods,events", "-o", "yaml"),
        target.kubectl("describe", "sr,pods,events"),
        target.kubectl("logs", attempt["pod"]),
        target.tools.kubectl("-n", NAMESPACE, "logs", "deployment/crontask", "--since=5m"),
    ]
    assert "***" in texts[2]
    assert [text for text in texts if KEY in text] == []


def test_who_does_not_answer_in_time_is_given_up(target: Bench) -> None:
    _call(target, "slow", {"url": "http://target:8080/slow"}, timeout="3s")
    status = target.ended("slow", "TimedOut")
    assert "3s" in status["message"]


def test_an_unknown_certificate_is_refused_unless_it_is_given(target: Bench) -> None:
    _call(target, "unknown-certificate", {"url": "https://target:8443/"})
    message = target.ended("unknown-certificate", "Failed")["message"]
    assert "target:8443" in message
    assert "certificate" in message
    bundle = target.get("configmap", "target")["data"]["ca.pem"]
    _call(target, "known-certificate", {"url": "https://target:8443/", "caBundle": bundle})
    assert target.ended("known-certificate", "Succeeded")["result"]["run"] == "known-certificate"


def test_who_cannot_be_reached_is_named(target: Bench) -> None:
    address = target.get("pod", "target")["status"]["podIP"]
    for name, host in (("closed-port", f"{address}:8079"), ("no-such-host", "no-such-host.invalid")):
        _call(target, name, {"url": f"http://{host}/"})
        status = target.ended(name, "Failed")
        assert host in status["message"]
        assert status["attempts"][0]["exitCode"] == 3


def test_an_ailing_server_is_tried_until_it_is_well(target: Bench) -> None:
    retry = {"limit": 3, "initial": "1s", "factor": 1, "jitterPercent": 0}
    _call(target, "ailing", {"url": "http://target:8080/ailing"}, retry=retry)
    status = target.ended("ailing", "Succeeded", 90)
    assert [attempt["exitCode"] for attempt in status["attempts"]] == [5, 5, 0]
    assert status["result"] == {"call": 3}


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (
            {"python": {"source": "def handler(ctx):\n    retrun 1\n"}},
            "spec.handler.python.source: line 2: invalid syntax",
        ),
        ({"python": {"source": "def other(ctx): ...\n"}}, "spec.handler.python.source: has no function handler"),
        (
            {"http": {"url": "https://a", "expect": {"jsonPath": "$["}}},
            "spec.handler.http.expect.jsonPath: is not a JSONPath",
        ),
        ({"http": {"url": "https://a:99999"}}, "spec.handler.http.url: 'https://a:99999' is not a valid URL"),
        (
            {"http": {"urlTemplate": "https://a:99999/{id}"}},
            "spec.handler.http.urlTemplate: 'https://a:99999/{id}' is not the template of a URL",
        ),
    ],
)
def test_what_could_not_run_is_refused_when_it_is_written(target: Bench, handler: dict[str, Any], words: str) -> None:
    for kind in ("CronTask", "ScheduledRun"):
        bad = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "bad"}, "spec": {"handler": handler}}
        refused = target.kubectl("apply", "-f", "-", stdin=json.dumps(bad), check=False)
        assert "denied the request" in refused
        assert words in refused


def test_a_schema_that_is_wrong_is_refused_when_it_is_written(target: Bench) -> None:
    spec = {"handler": {"http": {"url": "https://a"}}, "argsSchema": {"type": "object", "properties": {"a": 5}}}
    bad = {"apiVersion": API_VERSION, "kind": "CronTask", "metadata": {"name": "bad"}, "spec": spec}
    assert "spec.argsSchema.properties.a: " in target.kubectl("apply", "-f", "-", stdin=json.dumps(bad), check=False)


def test_what_is_null_in_a_result_is_kept(target: Bench) -> None:
    source = "def handler(ctx):\n    return {'a': None, 'b': [None, {'c': None}]}\n"
    _run(target, "nulls", {"python": {"source": source}})
    assert target.ended("nulls", "Succeeded")["result"] == {"a": None, "b": [None, {"c": None}]}


def test_a_config_map_that_is_not_there_is_named(target: Bench) -> None:
    python = {"configMapKeyRef": {"name": "no-such-map", "key": "a.py"}}
    _run(target, "no-map", {"python": python}, startTimeout="5s")
    assert 'configmap "no-such-map" not found' in target.ended("no-map", "Failed")["message"]


def test_a_trace_goes_into_the_log_and_its_end_into_the_run(target: Bench) -> None:
    source = "def share(total, count):\n    return total / count\n\ndef handler(ctx):\n    return share(1, 0)\n"
    _run(target, "divides", {"python": {"source": source}})
    status = target.ended("divides", "Failed")
    assert status["message"].startswith("ZeroDivisionError: division by zero")
    assert "handler.py:2 in share" in status["message"]
    assert "Traceback (most recent call last)" in target.kubectl("logs", status["attempts"][0]["pod"])


def test_a_run_that_is_canceled_has_time_to_clean_up(target: Bench) -> None:
    source = """
import time
import urllib.request

def handler(ctx):
    print("at work", flush=True)
    try:
        time.sleep(600)
    finally:
        urllib.request.urlopen("http://target:8080/clean-up", b"", timeout=5)
"""
    _run(target, "cleans-up", {"python": {"source": source}})
    target.until("it is at work", lambda: "at work" in target.kubectl("logs", "cleans-up-1", check=False))
    target.kubectl("patch", "sr", "cleans-up", "--type=merge", "-p", '{"spec": {"cancel": true}}')
    target.ended("cleans-up", "Canceled")
    _call(target, "has-cleaned-up", {"url": "http://target:8080/cleaned-up"})
    assert target.ended("has-cleaned-up", "Succeeded")["result"] == {"calls": 1}


def test_a_module_of_an_image_is_called(target: Bench) -> None:
    files = {"report.py": "async def run(ctx, region):\n    return {'region': region, 'task': ctx.task}\n"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "jobs"}, "data": files}
    main = {
        "name": "main",
        "workingDir": "/app",
        "volumeMounts": [{"name": "jobs", "mountPath": "/app/jobs"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    pod = {"spec": {"containers": [main], "volumes": [{"name": "jobs", "configMap": {"name": "jobs"}}]}}
    python = {"image": runner_image(target.tools), "entrypoint": "jobs.report:run"}
    target.apply(json.dumps(config))
    _run(target, "module", {"python": python, "pod": pod}, args={"region": "eu"})
    assert target.ended("module", "Succeeded")["result"] == {"region": "eu", "task": ""}

"""Examples of handlers that need no image: each file, applied as it is, on real pods."""

import json
from typing import Any

from bench import EXAMPLES, Bench


def test_a_url_is_called_with_a_key_that_only_the_pod_knows(bench: Bench) -> None:
    bench.apply("call.yaml")
    status = bench.ended("close-orders-now", "Succeeded")
    assert status["result"] == {"closed": 3}
    pod = status["attempts"][-1]["pod"]
    everything = [
        bench.kubectl("get", "ct,sr,pods,events", "-o", "yaml"),
        *(bench.kubectl("logs", attempt["pod"]) for attempt in status["attempts"]),
        bench.kubectl("describe", "pod", pod),
    ]
    assert all("only-for-the-example" not in text for text in everything)


def test_a_url_has_args_in_it(bench: Bench) -> None:
    bench.apply("call-one.yaml")
    assert bench.ended("remind-4711", "Succeeded")["result"] == {"order": "4711", "query": "by=mail"}


def test_lines_of_python_run_count_and_return(bench: Bench) -> None:
    bench.apply("python.yaml")
    status = bench.ended("totals-now", "Succeeded")
    assert status["result"]["total"] == 11
    assert (status["processedCount"], status["errorCount"]) == (2, 0)
    run = bench.until("the schedule has started one", lambda: bench.runs("totals")[1:], 75)[0]["metadata"]["name"]
    status = bench.ended(run, "Partial")
    assert (status["result"]["total"], status["processedCount"], status["errorCount"]) == (7, 4, 1)
    assert status["result"]["for"] == status["scheduledTime"].replace("Z", "+00:00")
    lines = [json.loads(line) for line in bench.kubectl("logs", status["attempts"][-1]["pod"]).splitlines()]
    assert any("left out: invalid literal for int()" in line["message"] for line in lines)
    assert {line["run"] for line in lines} == {run}


def test_python_of_a_config_map_and_parts_of_its_pod(bench: Bench) -> None:
    bench.apply("python-config-map.yaml")
    status = bench.ended("reachable", "Partial")
    assert status["result"]["kubernetes.default.svc"] == "ok"
    assert status["result"]["no-such-service.default.svc"].startswith("gaierror: ")
    assert (status["processedCount"], status["errorCount"]) == (2, 1)
    pod = bench.get("pod", status["attempts"][-1]["pod"])
    assert pod["metadata"]["labels"]["team"] == "platform"
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"memory": "128Mi"}


def test_failures_are_told_and_five_of_them_stop_the_task(bench: Bench) -> None:
    bench.apply("alert.yaml")
    bench.until("it is stopped", lambda: bench.get("ct", "import").get("status", {}).get("phase") == "Suspended", 120)
    alerts = bench.until("each is told", lambda: _succeeded(bench, "alert", 5), 120)
    failed = {run["metadata"]["name"] for run in bench.runs("import")}
    assert len(failed) == 5
    told = {run["status"]["result"] for run in alerts}
    assert told == {f"run {name} of import is Failed: no such table: orders" for name in failed}


def _succeeded(bench: Bench, task: str, number: int) -> list[dict[str, Any]]:
    found = [run for run in bench.runs(task) if run.get("status", {}).get("phase") == "Succeeded"]
    return found if len(found) >= number else []


def test_a_handler_has_other_tasks_run_each_once(bench: Bench) -> None:
    """Its service account has the chart's role for triggering; its second attempt triggers nothing anew."""
    text = (EXAMPLES / "trigger-from-handler.yaml").read_text()
    bench.apply(text.replace("namespace: default", f"namespace: {bench.namespace}"))
    status = bench.ended("find-orders-now", "Succeeded")
    assert [attempt["exitCode"] for attempt in status["attempts"]] == [1, 0]
    result = status["result"]
    bench.ended(result["shipped"][0], "Succeeded")
    runs = {run["metadata"]["name"]: run["spec"]["args"]["order"] for run in bench.runs("ship-order")}
    assert runs == dict(zip([*result["shipped"], result["check"]], [7, 8, "check"], strict=True))


def test_a_handler_that_may_not_says_what_to_bind(bench: Bench) -> None:
    text = (EXAMPLES / "trigger-from-handler.yaml").read_text()
    bench.apply("---".join(part for part in text.split("---") if "kind: RoleBinding" not in part))
    message = bench.ended("find-orders-now", "Failed")["message"]
    assert message.startswith("TriggerError: ctx.trigger: not allowed without the role crontask-trigger: ")
    assert f"kubectl create rolebinding crontask-trigger -n {bench.namespace} --clusterrole=crontask-trigger" in message
    assert bench.runs("ship-order") == []

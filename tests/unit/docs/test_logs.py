"""The page about logs: each template of it is good, and what becomes of it asks for what the page says."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml

import docs
from crontask.api.logs_url import VARIABLES, logs_url_problem
from crontask.api.metadata import Metadata
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.decide.run.logs_url import logs_url

PAGE = (docs.DOCS / "logs.md").read_text(encoding="utf-8")
TEMPLATES: dict[str, str] = {
    name: yaml.safe_load(text)["logsURL"]
    for name, text in re.findall(r"^```yaml\n# (\S+)\.yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}
START, END = datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, 59, tzinfo=UTC)
STATUS = ScheduledRunStatus(start_time=START, completion_time=END, pod_name="nightly-t2x4a0-2")
FROM, TO = "2026-03-29T01:00:00Z", "2026-03-29T01:01:00Z"
FROM_MILLIS, TO_MILLIS = "1774746000000", "1774746060000"


def expanded(name: str) -> str:
    meta = Metadata(name="nightly-t2x4a0", namespace="shop", creation_timestamp=START)
    url = logs_url(TEMPLATES[name], meta, STATUS)
    assert url is not None
    assert urlsplit(url).hostname == urlsplit(TEMPLATES[name].partition("{")[0]).hostname
    return url


def test_each_template_is_good() -> None:
    assert set(TEMPLATES) == {"values", "loki", "kibana", "cloudwatch", "google-cloud"}
    assert [logs_url_problem(template, name) for name, template in TEMPLATES.items()] == [None] * len(TEMPLATES)


def test_each_variable_is_on_the_page_with_what_it_becomes() -> None:
    assert [name for name in VARIABLES if not re.search(rf"^\| .*`{{{name}}}`.* \|$", PAGE, re.MULTILINE)] == []
    assert f"`{FROM}`" in PAGE
    assert f"`{FROM_MILLIS}`" in PAGE


def test_the_plain_one() -> None:
    assert parse_qs(urlsplit(expanded("values")).query) == {
        **{"ns": ["shop"], "pod": ["nightly-t2x4a0-2"]},
        **{"from": [FROM], "to": [TO]},
    }


def test_grafana_is_asked_for_the_pods_of_the_run_in_its_time() -> None:
    asked = parse_qs(urlsplit(expanded("loki")).query)
    assert asked["schemaVersion"] == ["1"]
    (pane,) = json.loads(asked["panes"][0]).values()
    assert pane["range"] == {"from": FROM_MILLIS, "to": TO_MILLIS}
    assert pane["queries"][0]["expr"] == '{namespace="shop", pod=~"nightly-t2x4a0-.*"}'
    assert pane["queries"][0]["datasource"] == {"type": "loki", "uid": pane["datasource"]}


def test_kibana_is_asked_for_the_pods_of_the_run_in_its_time() -> None:
    path, _, query = urlsplit(expanded("kibana")).fragment.partition("?")
    asked = parse_qs(query)
    assert path == "/"
    assert asked["_g"] == [f"(time:(from:'{FROM}',to:'{TO}'))"]
    found = re.fullmatch(r"\(columns:!\(message\),query:\(language:kuery,query:'([^']*)'\)\)", asked["_a"][0])
    assert found is not None
    assert found[1] == 'kubernetes.namespace:"shop" and kubernetes.pod.name:nightly-t2x4a0-*'


def _insights(text: str) -> dict[str, Any]:
    """What stands in the console's own encoding: ~(name~value~…), texts after ', *20 for a space."""
    flat = re.fullmatch(r"~\((.*)~source~\(~(.*)\)\)", text)
    assert flat is not None, text
    words = [*flat[1].split("~"), "source", flat[2]]
    plain = [re.sub(r"\*([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), word) for word in words]
    return dict(zip(plain[::2], plain[1::2], strict=True))


def test_cloudwatch_is_asked_for_the_pods_of_the_run_in_its_time() -> None:
    fragment = unquote(urlsplit(expanded("cloudwatch")).fragment.replace("$", "%"))
    view, _, detail = fragment.partition("?queryDetail=")
    asked = _insights(detail)
    assert view == "logsV2:logs-insights"
    assert (asked["start"], asked["end"], asked["timeType"]) == (FROM_MILLIS, TO_MILLIS, "'ABSOLUTE")
    assert asked["source"] == "'/aws/containerinsights/my-cluster/application"
    assert asked["editorString"].splitlines() == [
        "'fields @timestamp, log",
        '| filter kubernetes.namespace_name = "shop" and kubernetes.pod_name like "nightly-t2x4a0-"',
        "| sort @timestamp asc",
        "| limit 10000",
    ]


def test_google_cloud_is_asked_for_the_pods_of_the_run_in_its_time() -> None:
    url = urlsplit(expanded("google-cloud"))
    path, *matrix = url.path.split(";")
    asked = {name: unquote(value) for name, _, value in (each.partition("=") for each in matrix)}
    assert path == "/logs/query"
    assert parse_qs(url.query) == {"project": ["my-project"]}
    assert asked["timeRange"] == f"{FROM}/{TO}"
    assert asked["query"].splitlines() == [
        'resource.type="k8s_container"',
        'resource.labels.namespace_name="shop"',
        'resource.labels.pod_name:"nightly-t2x4a0-"',
    ]


@pytest.mark.parametrize("name", ["loki", "kibana", "cloudwatch", "google-cloud"])
def test_a_run_that_consists_of_parts_has_a_link_by_each_of_them(name: str) -> None:
    meta = Metadata(name="flow-1", namespace="shop", creation_timestamp=START)
    assert "flow-1-" in (logs_url(TEMPLATES[name], meta, STATUS.model_copy(update={"pod_name": None})) or "")

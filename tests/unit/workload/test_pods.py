"""The pod of each handler: what it runs, what is in its environment, and how a partial template is merged into it."""

import copy
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.api.handler import Handler
from crontask.api.scheduledrun import BatchPart, Parent, ReusedPod
from crontask.workload.environment import Identity, Interval
from crontask.workload.merge import merged
from crontask.workload.pod import build_pod

Document = dict[str, Any]
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
IDENTITY = Identity("report", "jobs", "report-1", "uid-1", 2)
SECRET = {"secretKeyRef": {"name": "api", "key": "token"}}
SOURCE = "def handler(ctx): pass"


def pod_of(handler: Document, args: Document | None = None) -> Document:
    model = Handler.model_validate(handler)
    return build_pod(model, IDENTITY, AT, Interval(), args or {}, runner_image="runner:1")


def as_a_kubelet_gives_it(container: Document) -> dict[str, str]:
    """The container's plain variables once `$$` is taken for `$`; no `$(NAME)` may be left to be replaced."""
    values = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    assert all("$(" not in value.replace("$$", "") for value in values.values())
    return {name: value.replace("$$", "$") for name, value in values.items()}


def handed_over(container: Document) -> Document:
    """What the runner is told to do."""
    values = as_a_kubelet_gives_it(container)
    pieces = [values["CRONTASK_HANDLER"]]
    while (name := f"CRONTASK_HANDLER_{len(pieces) + 1}") in values:
        pieces.append(values[name])
    told: Document = orjson.loads("".join(pieces))
    return told


def test_a_call_is_handed_to_the_runner_and_its_secret_only_referred_to() -> None:
    pod = pod_of(
        {
            "http": {
                "url": "https://example.com/$(CRONTASK_RUN)",
                "headers": [{"name": "X-Team", "value": "a$$b"}, {"name": "Authorization", "valueFrom": SECRET}],
                "expect": {"jsonPath": "$.id"},
            }
        }
    )
    (container,) = pod["spec"]["containers"]
    assert (container["name"], container["image"], container["command"]) == (
        "main",
        "runner:1",
        ["crontask-runner", "http"],
    )
    assert handed_over(container) == {
        "url": "https://example.com/$(CRONTASK_RUN)",
        "method": "POST",
        "headers": [{"name": "X-Team", "value": "a$$b"}, {"name": "Authorization", "env": "CRONTASK_HEADER_2"}],
        "expect": {"status": ["2xx"], "jsonPath": "$.id"},
    }
    assert {"name": "CRONTASK_HEADER_2", "valueFrom": SECRET} in container["env"]


def test_the_template_of_a_url_is_handed_over_as_it_is() -> None:
    template = "https://example.com/{id}/$(CRONTASK_RUN){?filter*}"
    pod = pod_of({"http": {"urlTemplate": template, "method": "GET"}})
    (container,) = pod["spec"]["containers"]
    told = {"urlTemplate": template, "method": "GET", "headers": []}
    assert handed_over(container) == told


def test_lines_of_python_are_handed_to_the_runner() -> None:
    (container,) = pod_of({"python": {"source": SOURCE, "entrypoint": "handler"}})["spec"]["containers"]
    assert container["command"] == ["crontask-runner", "python"]
    assert handed_over(container) == {"source": SOURCE, "entrypoint": "handler"}


def test_lines_of_a_config_map_come_by_a_variable() -> None:
    (container,) = pod_of({"python": {"configMapKeyRef": {"name": "code", "key": "report.py"}}})["spec"]["containers"]
    told = {"sourceEnv": "CRONTASK_SOURCE", "sourceFile": "report.py", "entrypoint": "handler"}
    assert handed_over(container) == told
    reference = {"configMapKeyRef": {"name": "code", "key": "report.py"}}
    assert {"name": "CRONTASK_SOURCE", "valueFrom": reference} in container["env"]


def test_the_runner_s_image_is_held_to_the_restricted_standard_and_has_a_place_for_files() -> None:
    spec = pod_of({"python": {"source": SOURCE}})["spec"]
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["volumeMounts"] == [{"name": "crontask-tmp", "mountPath": "/tmp"}]
    assert spec["volumes"] == [{"name": "crontask-tmp", "emptyDir": {}}]


def test_of_an_image_of_their_own_nothing_is_assumed() -> None:
    spec = pod_of({"python": {"image": "own:1", "entrypoint": "jobs.report:run"}})["spec"]
    (container,) = spec["containers"]
    assert container["image"] == "own:1"
    assert handed_over(container) == {"entrypoint": "jobs.report:run"}
    assert not container.keys() & {"securityContext", "volumeMounts"}
    assert "volumes" not in spec


@given(st.text(max_size=2000), st.integers(1, 60))
def test_a_source_of_any_length_and_any_text_arrives_whole(text: str, times: int) -> None:
    source = f"{text * times}\n{SOURCE}"[:262_144]
    (container,) = pod_of({"python": {"source": source}})["spec"]["containers"]
    assert handed_over(container)["source"] == source
    assert all(len(each.get("value", "").encode()) < 128 * 1024 * 2 for each in container["env"])
    assert all(len(value.encode()) < 128 * 1024 for value in as_a_kubelet_gives_it(container).values())


def test_args_with_a_dollar_arrive_as_they_are() -> None:
    args = {"price": "$$5", "name": "$(CRONTASK_RUN)", "path": "$HOME"}
    for handler in ({"container": {"image": "i"}}, {"podTemplate": {"spec": {"containers": [{"name": "a"}]}}}):
        (container,) = pod_of(handler, args)["spec"]["containers"]
        assert orjson.loads(as_a_kubelet_gives_it(container)["CRONTASK_ARGS"]) == args


@pytest.mark.parametrize(("sidecars", "limit"), [(0, 4096), (2, 4096), (3, 3072), (5, 2048), (60, 256)])
def test_the_runner_knows_how_much_of_its_message_is_kept(sidecars: int, limit: int) -> None:
    others = [{"name": f"side-{number}", "image": "i"} for number in range(sidecars)]
    pod = pod_of({"python": {"source": SOURCE}, "pod": {"spec": {"containers": others}}})
    main, *rest = pod["spec"]["containers"]
    assert as_a_kubelet_gives_it(main)["CRONTASK_MESSAGE_BYTES"] == str(limit)
    assert len(rest) == sidecars
    assert all("CRONTASK_MESSAGE_BYTES" not in as_a_kubelet_gives_it(each) for each in rest)


def test_init_containers_share_the_messages_too() -> None:
    partial = {"spec": {"initContainers": [{"name": f"i-{number}", "image": "i"} for number in range(5)]}}
    (main,) = pod_of({"python": {"source": SOURCE}, "pod": partial})["spec"]["containers"]
    assert as_a_kubelet_gives_it(main)["CRONTASK_MESSAGE_BYTES"] == "2048"


def test_a_partial_template_adds_to_the_handler_s_pod() -> None:
    handler = {
        "container": {
            "image": "busybox:1.36",
            "env": [{"name": "A", "value": "a"}, {"name": "B", "value": "b"}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        },
        "pod": {
            "metadata": {
                "labels": {"team": "data", "crontask.dev/run": "forged"},
                "annotations": {"note": "x", "crontask.dev/stopped": "forged"},
            },
            "spec": {
                "nodeSelector": {"disk": "ssd"},
                "restartPolicy": "Always",
                "volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [
                    {"name": "main", "resources": {"limits": {"cpu": "1"}}, "env": [{"name": "B", "value": "c"}]},
                    {"name": "side", "image": "envoy"},
                ],
            },
        },
    }
    before = copy.deepcopy(handler)
    pod = pod_of(handler)
    main, side = pod["spec"]["containers"]
    assert handler == before
    assert (main["image"], main["resources"], main["volumeMounts"]) == (
        "busybox:1.36",
        {"limits": {"cpu": "1"}},
        [{"name": "v", "mountPath": "/v"}],
    )
    theirs = {each["name"]: each["value"] for each in main["env"] if not each["name"].startswith("CRONTASK_")}
    assert theirs == {"A": "a", "B": "c"}
    assert side["name"] == "side"
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["nodeSelector"] == {"disk": "ssd"}
    labels = {"team": "data", "crontask.dev/run": "report-1", "crontask.dev/task": "report"}
    assert pod["metadata"]["labels"] == labels
    assert pod["metadata"]["annotations"] == {"note": "x", "kubectl.kubernetes.io/default-container": "main"}


@pytest.mark.parametrize(
    ("whole", "part", "wanted"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
        ({"tolerations": [1]}, {"tolerations": [2]}, {"tolerations": [2]}),
        ({"env": [{"name": "A"}]}, {"env": [{"name": "B"}]}, {"env": [{"name": "A"}, {"name": "B"}]}),
        (
            {"env": [{"name": "A", "value": "1"}, {"name": "B"}]},
            {"env": [{"name": "A", "value": "2"}]},
            {"env": [{"name": "A", "value": "2"}, {"name": "B"}]},
        ),
        (
            {"volumeMounts": [{"mountPath": "/tmp", "name": "a"}]},
            {"volumeMounts": [{"mountPath": "/tmp", "name": "b"}, {"mountPath": "/c", "name": "c"}]},
            {"volumeMounts": [{"mountPath": "/tmp", "name": "b"}, {"mountPath": "/c", "name": "c"}]},
        ),
        ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),
        ({"env": 5}, {"env": [{"name": "A"}]}, {"env": [{"name": "A"}]}),
        (
            {"env": [{"name": "A"}, 7]},
            {"env": [None, {"value": "b"}]},
            {"env": [{"name": "A"}, 7, None, {"value": "b"}]},
        ),
        ({"env": [{"name": "A"}]}, {"env": [{"name": ["A"]}]}, {"env": [{"name": "A"}, {"name": ["A"]}]}),
    ],
)
def test_what_has_a_name_is_merged_by_it_and_all_else_replaces(
    whole: Document, part: Document, wanted: Document
) -> None:
    assert merged(whole, part) == wanted


# --- pods that do several batches ------------------------------------------------------------------------------------


def several(reuse: Document, pod: Document | None = None) -> Document:
    """The pod of such a part, beginning with the seventh batch."""
    batch = BatchPart(number=7, size=5, cursor=6, part=2, reuse=ReusedPod.model_validate(reuse))
    parent = Parent(name="all", uid="u", root="all", depth=1, key="u/7", batch=batch)
    handler: Document = {"python": {"source": SOURCE}, **({"pod": pod} if pod is not None else {})}
    identity = Identity("report", "jobs", "report-1", "uid-1", 2, parent=parent)
    return build_pod(Handler.model_validate(handler), identity, AT, Interval(), {}, runner_image="runner:1")


@pytest.mark.parametrize(
    ("reuse", "handed"),
    [
        ({"for": "5m", "most": 9}, {"for": 300, "most": 9}),
        (
            {"for": "1h", "most": 9, "delay": "2s", "timeout": "1m", "args": [{"at": ["a"], "value": ["batch"]}]},
            {"for": 3600, "most": 9, "delay": 2, "timeout": 60, "args": [{"at": ["a"], "value": ["batch"]}]},
        ),
        ({"for": "5m", "most": 9, "delay": "0s"}, {"for": 300, "most": 9}),
    ],
)
def test_how_it_goes_on_is_handed_over_in_seconds(reuse: Document, handed: Document) -> None:
    values = as_a_kubelet_gives_it(several(reuse)["spec"]["containers"][0])
    assert orjson.loads(values["CRONTASK_REUSE"]) == handed
    assert (values["CRONTASK_BATCH"], values["CRONTASK_CURSOR"], values["CRONTASK_IDEMPOTENCY_KEY"]) == (
        "7",
        "6",
        "u/7",
    )


@pytest.mark.parametrize(
    ("reuse", "pod", "seconds"),
    [
        ({"for": "10s"}, None, 30),
        ({"for": "5m"}, None, 305),
        ({"for": "1h", "timeout": "2m"}, None, 125),
        ({"for": "5m"}, {"spec": {"terminationGracePeriodSeconds": 3}}, 3),
    ],
)
def test_it_is_given_time_to_end_its_batch(reuse: Document, pod: Document | None, seconds: int) -> None:
    assert several({**reuse, "most": 9}, pod)["spec"]["terminationGracePeriodSeconds"] == seconds


def test_any_other_has_the_grace_of_its_own() -> None:
    assert "terminationGracePeriodSeconds" not in pod_of({"python": {"source": SOURCE}})["spec"]

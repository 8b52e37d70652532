"""The page of symptoms where it quotes the API server as well: what that refuses, as `crontask describe` shows it."""

import json
import re
from collections.abc import Callable

import pytest
from api_server import ROOT, Processes, until
from verbs import Verbs, container

from cluster.control_plane import ControlPlane

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = {
    title: words
    for title, words in re.findall(r"^### ([^\n]+)\n\n```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    if title.startswith("STATUS is Rejected")
}


def without_names(text: str, namespace: str) -> str:
    """But for what differs each time: the namespace, and the time in the name of a run."""
    return re.sub(r"nightly-[0-9a-z]{6,7}\b", "nightly-RUN", text.replace(namespace, "shop")).strip()


def refuse_pods(verbs: Verbs) -> None:
    """By the namespace's own standard: the API server of these tests knows no service accounts."""
    verbs.control_plane.kubectl("label", "namespace", verbs.namespace, "pod-security.kubernetes.io/enforce=restricted")
    verbs.make("CronTask", "nightly", {"interval": "1s", "handler": container()})


def refuse_runs(verbs: Verbs) -> None:
    """A quota, of which the controller of quotas would write the status."""
    count = {"count/scheduledruns.crontask.dev": "50"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "runs"}, "spec": {"hard": count}}
    verbs.kubectl("create", "-f", "-", stdin=json.dumps(quota))
    status = json.dumps({"status": {"hard": count, "used": count}})
    verbs.kubectl("patch", "resourcequota", "runs", "--subresource=status", "--type=merge", "-p", status)
    verbs.make("CronTask", "nightly", {"interval": "1s", "handler": container()})


@pytest.mark.parametrize(
    ("title", "refuse", "same_up_to"),
    [
        ("STATUS is Rejected, REASON is PodRejected", refuse_pods, " is forbidden: "),
        ("STATUS is Rejected, REASON is RunRejected", refuse_runs, ""),
    ],
    ids=["pods", "runs"],
)
def test_what_the_api_server_refuses_is_said_as_the_page_says(
    title: str,
    refuse: Callable[[Verbs], None],
    same_up_to: str,
    control_plane: ControlPlane,
    namespace: str,
    processes: Processes,
) -> None:
    verbs = Verbs(control_plane, namespace)
    processes.operator()
    refuse(verbs)
    begin = QUOTED[title].partition(": the API server")[0]

    def said() -> str:
        lines = verbs("describe", "nightly").stdout.splitlines()
        return next((line.strip() for line in lines if line.strip().startswith(begin)), "")

    line, wanted = until(f"it says {begin}", said), QUOTED[title]
    if same_up_to:
        line, wanted = (text.partition(same_up_to)[0] for text in (line, wanted))
    assert without_names(line, namespace) == without_names(wanted, "shop")

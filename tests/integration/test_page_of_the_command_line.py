"""Pages about the command line, and tutorials, played against a real API server: commands print what the page says.

But for times, ages and the letters that names have by chance. Pods are played by the stand-in kubelet.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import ROOT, Processes, is_seen, until
from kubelet_logs import NODE, log_node
from verbs import Verbs

from cluster.control_plane import ControlPlane
from crontask.cli import exits

DOCS = ROOT / "docs"
PAGES = {
    "command-line.md": 10,
    "backfill-and-audit.md": 7,
    "first-task.md": 15,
    "first-workflow.md": 9,
    "a-migration.md": 7,
}
"""With how many commands at least."""
GIVEN_BACK: dict[tuple[str, str], Any] = {
    ("first-workflow.md", "reserve"): {"result": {"seat": 7, "euros": 120}},
    ("first-workflow.md", "charge"): {"result": {"charged": 120}},
    ("a-migration.md", "migrate.yaml"): {"cursor": 500, "isDone": False, "processedCount": 500, "total": 2000},
    ("a-migration.md", "all.yaml"): {"isDone": True, "processedCount": 1500, "total": 2000},
}
"""What handlers give back, by the page and the step or the file."""
WRITTEN: dict[str, dict[str, list[str]]] = {
    "command-line.md": {"fetch": ["fetched"], "charge": []},
    "first-task.md": {"hello": ['hello, {"name":"world"}']},
    "a-migration.md": {"one-batch": ["rows 1 to 500"]},
}
"""What containers write, by the page and part of the name of a pod."""
BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MASKS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"(-[a-z]+)?-[0-9a-f]{8}-1\b", "-POD"),
    (r"-[0-9a-f]{10,13}\b", "-DRAWN"),
    (r"\b(\d+[smhd])+\b", "AGE"),
)
ON_DEMAND = {"first-task.md"}
"""Pages on which nothing is to come due, whatever time it is."""
SAID_MEANWHILE = re.compile(r"^\S+: (Pending: the operator has not seen it yet|Running.*)$")
SAID_WHILE_WAITING = re.compile(r"^\S+: (Pending|Running|Retrying)\b.*$")


def masked(text: str) -> list[list[str]]:
    """Words of lines, without what is other each time; widths of columns are."""
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return [line.split() for line in text.splitlines()]


def played(page: str, manifest: str) -> str:
    """The manifest, for the stand-in kubelet: what has the command false fails."""
    file = manifest.partition("\n")[0].removeprefix("# ")
    return "\n---\n".join(json.dumps(_played(page, file, each)) for each in yaml.safe_load_all(manifest))


def _played(page: str, file: str, document: dict[str, Any]) -> dict[str, Any]:
    if "handler" not in document["spec"]:
        return document
    if page in ON_DEMAND:
        document["spec"]["startTime"] = "2100-01-01T00:00:00Z"
    handler = document["spec"]["handler"]
    spec = {"schedulerName": "nobody", "nodeName": NODE}
    handler["pod"] = {"spec": spec, **_annotations(page, file, handler.get("container", {}).pop("command", None))}
    for step in handler.get("steps", ()):
        step["pod"] = _annotations(page, step["name"], step.get("container", {}).get("command"))
        if "approval" in step:
            del step["pod"]
    return document


def _annotations(page: str, part: str, command: list[str] | None) -> dict[str, Any]:
    """By which the stand-in kubelet knows how a pod ends."""
    wanted = {"stand-in/exit-code": "1"} if command == ["false"] else {}
    if (page, part) in GIVEN_BACK:
        wanted["stand-in/message"] = json.dumps(GIVEN_BACK[page, part])
    return {"metadata": {"annotations": wanted}} if wanted else {}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_prints_what_the_commands_print(
    page: str,
    control_plane: ControlPlane,
    namespace: str,
    processes: Processes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verbs = Verbs(control_plane, namespace)
    monkeypatch.chdir(tmp_path)
    processes.kubelet()
    processes.operator()
    files: dict[str, str] = {}
    names: dict[str, str] = {}
    shown = 0
    with log_node(control_plane, tmp_path) as node:
        node.default = WRITTEN.get(page, {})
        for language, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
            if language == "yaml":
                file = text.partition("\n")[0].removeprefix("# ")
                files[file] = played(page, text)
                Path(file).write_text(text, encoding="utf-8")
                continue
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, _, wanted = part.partition("\n")
                printed = _printed(verbs, line, files, names)
                if line.startswith(("kubectl apply", "crontask suspend", "crontask resume")):
                    name = wanted.partition("/")[2].split()[0]
                    until("the operator has seen it", lambda name=name: is_seen(verbs.get("ct", name)))  # type: ignore[misc]
                _learn(names, wanted, printed)
                meanwhile = SAID_WHILE_WAITING if re.search(r" --wait| wait ", line) else SAID_MEANWHILE
                lines = [each for each in printed.splitlines() if not meanwhile.match(each)]
                printed = "\n".join(lines).partition("\n\nEvents:")[0].partition("\n\nEnd of the log")[0]
                for here, there in (
                    (f"{namespace}/", "default/"),
                    ("python -m crontask.cli.main", "crontask"),
                    (f" -n {namespace}", ""),
                ):
                    printed = printed.replace(here, there)
                assert masked(printed) == masked(wanted), line
                shown += 1
    assert shown >= PAGES[page]


def _printed(verbs: Verbs, line: str, files: dict[str, str], names: dict[str, str]) -> str:
    for there, here in names.items():
        line = re.sub(rf"\b{there}\b(?!-)", here, line)
    program, *words = shlex.split(line)
    if program == "kubectl":
        applied = words[0] == "apply"
        return verbs.kubectl("apply", "-f", "-", stdin=files[words[-1]]) if applied else verbs.kubectl(*words)
    done = verbs(*words, code=None)
    said_first = "created" in done.stderr or words[0] == "wait"
    return done.stderr + done.stdout if said_first else done.stdout + done.stderr


def _learn(names: dict[str, str], wanted: str, printed: str) -> None:
    """Which run here is meant by a name of the page."""
    created = r"^scheduledrun\.crontask\.dev/(\S+)(?: created)?$"
    for there, here in zip(
        re.findall(created, wanted, re.MULTILINE), re.findall(created, printed, re.MULTILINE), strict=True
    ):
        names[there] = here


CODES = sorted({value for name, value in vars(exits).items() if name.isupper() and type(value) is int} | {0})


@pytest.mark.parametrize("code", CODES)
def test_each_exit_code_is_on_the_page(code: int) -> None:
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {code} \|", page, re.MULTILINE)

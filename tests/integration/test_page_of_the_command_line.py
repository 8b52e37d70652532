"""Pages about the command line, played against a real API server: each command prints what the page says.

But for times, ages and the letters that names have by chance. Pods are played by the stand-in kubelet.
"""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from api_server import ROOT, Processes, until
from kubelet_logs import NODE, log_node
from verbs import Verbs

from cluster.control_plane import ControlPlane
from crontask.cli import exits

DOCS = ROOT / "docs"
PAGES = {"command-line.md": 10, "backfill-and-audit.md": 7}
"""With how many commands at least."""
BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MASKS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"(-[a-z]+)?-[0-9a-f]{8}-1\b", "-POD"),
    (r"-[0-9a-f]{10,13}\b", "-DRAWN"),
    (r"\b(\d+[smhd])+\b", "AGE"),
)
SAID_MEANWHILE = re.compile(r"^\S+: (Pending: the operator has not seen it yet|Running.*)$")


def masked(text: str) -> list[list[str]]:
    """Words of lines, without what is other each time; widths of columns are."""
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return [line.split() for line in text.splitlines()]


def played(manifest: str) -> str:
    """The manifest, for the stand-in kubelet: its step with the command false fails."""
    document = yaml.safe_load(manifest)
    handler = document["spec"]["handler"]
    handler["pod"] = {"spec": {"schedulerName": "nobody", "nodeName": NODE}}
    handler.get("container", {}).pop("command", None)
    for step in handler.get("steps", ()):
        if step["container"]["command"] == ["false"]:
            step["pod"] = {"metadata": {"annotations": {"stand-in/exit-code": "1"}}}
    return json.dumps(document)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_prints_what_the_commands_print(
    page: str, control_plane: ControlPlane, namespace: str, processes: Processes, tmp_path: Path
) -> None:
    verbs = Verbs(control_plane, namespace)
    processes.kubelet()
    processes.operator()
    files: dict[str, str] = {}
    names: dict[str, str] = {}
    shown = 0
    with log_node(control_plane, tmp_path) as node:
        node.default = {"fetch": ["fetched"], "charge": []}
        for language, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
            if language == "yaml":
                files[text.partition("\n")[0].removeprefix("# ")] = played(text)
                continue
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, _, wanted = part.partition("\n")
                printed = _printed(verbs, line, files, names)
                if line.startswith("kubectl"):
                    name = wanted.partition("/")[2].split()[0]
                    until("the operator has seen it", lambda name=name: _phase(verbs, name))  # type: ignore[misc]
                _learn(names, wanted, printed)
                lines = [each for each in printed.splitlines() if not SAID_MEANWHILE.match(each)]
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


def _phase(verbs: Verbs, task: str) -> str:
    return str(verbs.get("ct", task).get("status", {}).get("phase") or "")


def _printed(verbs: Verbs, line: str, files: dict[str, str], names: dict[str, str]) -> str:
    for there, here in names.items():
        line = re.sub(rf"\b{there}\b(?!-)", here, line)
    program, *words = shlex.split(line)
    if program == "kubectl":
        return verbs.kubectl("apply", "-f", "-", stdin=files[words[-1]])
    done = verbs(*words, code=None)
    return done.stderr + done.stdout if "created" in done.stderr else done.stdout + done.stderr


def _learn(names: dict[str, str], wanted: str, printed: str) -> None:
    """Which run here is meant by a name of the page."""
    created = r"^scheduledrun\.crontask\.dev/(\S+) created$"
    for there, here in zip(
        re.findall(created, wanted, re.MULTILINE), re.findall(created, printed, re.MULTILINE), strict=True
    ):
        names[there] = here


CODES = sorted({value for name, value in vars(exits).items() if name.isupper() and type(value) is int} | {0})


@pytest.mark.parametrize("code", CODES)
def test_each_exit_code_is_on_the_page(code: int) -> None:
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {code} \|", page, re.MULTILINE)

"""`make demo`: crontask on a real cluster, the examples applied, their runs shown as they happen.

Says how to use the cluster from another terminal as soon as it is up. Ends by itself after two minutes and a half of
runs, with a summary and the commands to go on by hand.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from cluster import layout, report
from installation import Tools, install, named_cluster, ready_cluster

NAMESPACE = "crontask-demo"
PAGE = f"crontask dashboard -n {NAMESPACE}"
SECONDS = 150
SHOWN = (
    "every-minute.yaml",
    "interval.yaml",
    "one-at-a-time-replace.yaml",
    "forbid.yaml",
    "queue.yaml",
    "one-at-a-time-group.yaml",
    "pause-between.yaml",
    "chain.yaml",
    "trigger.yaml",
    "run-now.yaml",
    "run-later.yaml",
    "timeout.yaml",
    "result.yaml",
    "python.yaml",
    "call.yaml",
    "sidecar.yaml",
    "suspended.yaml",
)
_COLOURS = {"Succeeded": "green", "Failed": "red", "TimedOut": "red", "Running": "cyan"}
_console = Console()


def main() -> int:
    """Exit code 0 if runs succeeded, 130 after Ctrl-C: what was made then stays, and it says how to remove it."""
    try:
        return _demo()
    except KeyboardInterrupt:
        _console.print("\nStopped. What was made is still there. Remove everything:")
        _how_to_remove(throw_away=named_cluster() is None)
        return 130


def _demo() -> int:
    tools = ready_cluster()
    _how_to_use(tools)
    install(tools)
    _apply_examples(tools)
    _show_runs(tools, SECONDS)
    succeeded = _summarize(tools)
    _how_to_go_on(tools)
    return 0 if succeeded else 1


def _apply_examples(tools: Tools) -> None:
    existing = tools.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found")
    if existing:
        with report.step("removing what an earlier demo left"):
            tools.kubectl("delete", "namespace", NAMESPACE, "--timeout=90s")
    tools.create_namespace(NAMESPACE)
    for name in SHOWN:
        tools.kubectl("-n", NAMESPACE, "apply", "-f", str(layout.REPOSITORY / "examples" / name))
    _console.print(
        f"\nApplied {len(SHOWN)} files of examples/ into namespace {NAMESPACE}: "
        f"{', '.join(name.removesuffix('.yaml') for name in SHOWN)}. Each begins with what it shows; the table "
        f'"What you can do" in README.md has all files of examples/.\n'
        f"\nTheir runs, as they happen, for {SECONDS} s (Ctrl-C ends it earlier; the cluster stays):\n",
        highlight=False,
        soft_wrap=True,
    )


def _show_runs(tools: Tools, seconds: int) -> None:
    """A line for each change of a run's phase."""
    _console.print(f"[bold]{'TIME':10}{'RUN':34}{'PHASE':12}{'DUE':10}MESSAGE OR RESULT[/bold]", soft_wrap=True)
    seen: dict[str, str] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for run in _objects(tools, "scheduledruns"):
            status = run.get("status", {})
            name, phase = run["metadata"]["name"], status.get("phase")
            if phase and seen.get(name) != phase:
                seen[name] = phase
                _print_run(name, status)
        time.sleep(1)


def _print_run(name: str, status: dict[str, Any]) -> None:
    colour = _COLOURS.get(status["phase"], "yellow")
    result = json.dumps(status["result"]) if "result" in status else ""
    words = status.get("message") or result
    due = status.get("scheduledTime", "")[11:19]
    _console.print(
        f"{time.strftime('%H:%M:%S'):10}{name:34}[{colour}]{status['phase']:12}[/{colour}]{due:10}{escape(words)}",
        highlight=False,
        soft_wrap=True,
    )


def _objects(tools: Tools, plural: str) -> list[dict[str, Any]]:
    items = json.loads(tools.kubectl("-n", NAMESPACE, "get", plural, "-o", "json"))["items"]
    return sorted(items, key=lambda item: str(item["metadata"]["creationTimestamp"]))


def _summarize(tools: Tools) -> int:
    """The list of tasks as kubectl shows it; how many runs succeeded."""
    columns = "NAME:.metadata.name,SCHEDULE:.status.scheduleText,STATUS:.status.phase,NEXT-RUN:.status.nextRunTime,"
    columns += ",".join(f"{o.upper()}:.status.counts.{o}" for o in ("succeeded", "skipped", "canceled", "missed"))
    listed = tools.kubectl("-n", NAMESPACE, "get", "crontasks", "-o", f"custom-columns={columns}")
    _console.print(f"\nThe tasks after {SECONDS} s:\n\n{listed}", highlight=False, soft_wrap=True)
    counts = [task.get("status", {}).get("counts", {}) for task in _objects(tools, "crontasks")]
    return sum(int(count.get("succeeded", 0)) for count in counts)


def _how_to_use(tools: Tools) -> None:
    """For a second terminal, while this one shows what happens."""
    _console.print(
        f"\nThe cluster is up. To look at it from a second terminal, in this folder:\n"
        f"  {_exports(tools)}\n"
        f"  kubectl -n {NAMESPACE} get crontasks,scheduledruns\n"
        f"Or in your browser:\n"
        f"  {PAGE}\n",
        highlight=False,
        soft_wrap=True,
    )


def _exports(tools: Tools) -> str:
    """The line that makes kubectl and crontask of a shell those of the cluster."""
    # Of a cluster that was handed over kubectl is the one on the PATH already.
    folders = [_relative(layout.VENV / "bin")]
    if tools.throw_away:
        folders.append(_relative(Path(tools.kubectl_path).parent))
    return f"export KUBECONFIG={_relative(tools.kubeconfig)} PATH={':'.join(folders)}:$PATH"


def _how_to_go_on(tools: Tools) -> None:
    _console.print(
        f"\nGo on by hand:\n"
        f"  {_exports(tools)}\n"
        f"  kubectl -n {NAMESPACE} get crontasks,scheduledruns\n"
        f"  crontask next -f examples/nightly.yaml\n"
        f"  kubectl -n {NAMESPACE} describe crontask slow-one\n"
        f'  kubectl -n {NAMESPACE} patch crontask paused --type=merge -p \'{{"spec":{{"suspend":false}}}}\'\n'
        f"\nThe same in your browser, with the buttons (it runs until Ctrl-C; on a machine without a browser: "
        f"--no-browser says which file opens it):\n"
        f"  {PAGE}\n"
        f"\nRemove everything:",
        highlight=False,
        soft_wrap=True,
    )
    _how_to_remove(tools.throw_away)


def _how_to_remove(throw_away: bool) -> None:
    if throw_away:
        _console.print("  make cluster-down\n")
    else:
        _console.print(f"  kubectl delete namespace {NAMESPACE}\n  helm uninstall crontask -n crontask-system\n")


def _relative(path: Path) -> str:
    here = Path.cwd()
    return f"$PWD/{path.relative_to(here)}" if path.is_relative_to(here) else str(path)


if __name__ == "__main__":
    sys.exit(main())

"""The page of symptoms: what it quotes is what the operator, the command line and the chart say, word for word.

Each of its sections that quotes something has a case here: a sandbox in which it happens, or the function that says it.
"""

import ast
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import yaml

import docs
from crontask.api.base import API_VERSION
from crontask.api.names import PREDECESSOR_MISSING
from crontask.api.pod import Pod
from crontask.api.resources import CRON_TASK
from crontask.api.validate import validate_task
from crontask.cli.ailments import of_answer, of_leases, of_namesakes, of_tasks
from crontask.cli.describe_task import lines
from crontask.cli.exits import explain
from crontask.client import errors, requests
from crontask.decide.attempt.starting import why_not_running
from crontask.decide.decisions import DecisionKind
from crontask.decide.model import Config
from crontask.decide.refusal import POD_REJECTED, RUN_REJECTED, with_advice
from crontask.decide.task import conditions
from crontask.decide.task.pause import pause_of
from crontask.engine.exposition import MOST_TASKS
from crontask.engine.metric import REASONS
from crontask.kube.claim import why_left
from crontask.testing import Sandbox

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PAGE = (docs.DOCS / "troubleshooting.md").read_text(encoding="utf-8")
SOURCE_OF_CONDITIONS = Path(conditions.__file__).read_text(encoding="utf-8")
POLICIES = docs.DOCS.parent / "charts/crontask/charts/crontask-crds/templates/_admission-rights.tpl"
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]}
QUOTED = {
    title: found
    for title, text in SECTIONS.items()
    if (found := re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
}
HANDLER = {"container": {"image": "busybox:1.36"}}
NIGHTLY = {"metadata": {"namespace": "shop", "name": "nightly"}, "spec": {}}


def described(name: str, spec: dict[str, Any], *, minutes: int = 5, **outcome: Any) -> str:
    """What `crontask describe` says of a task of that spec, some minutes after its creation at noon."""
    with Sandbox(now=NOON) as box:
        box.register({"metadata": {"name": name}, "spec": {"handler": HANDLER, **spec}})
        if outcome:
            box.outcome(name, **outcome)
        box.advance(minutes=minutes)
        return _described(box, name)


def _described(box: Sandbox, name: str) -> str:
    return "\n".join(lines(cast(Any, None), dict(box.task(name).document), box.now))


def paused() -> str:
    with Sandbox(now=NOON) as box:
        box.register("nightly", interval="1m", image="busybox:1.36")
        box.client.pause("nightly", reason="deploy")
        box.advance(minutes=1)
        return _described(box, "nightly")


def missed() -> str:
    with Sandbox(now=NOON) as box:
        box.register("nightly", interval="1m", image="busybox:1.36")
        with box.outage():
            box.advance(hours=1)
        box.advance(minutes=2)
        return _described(box, "nightly")


def invalid() -> str:
    _, problems = validate_task({"schedule": "61 * * * *", "handler": HANDLER})
    return f"State: Invalid\nReady is False: InvalidSpec: {'; '.join(map(str, problems))}"


def rejected(reason: str, what: str, quoted: str) -> str:
    """What is ours of it; what the API server says in it is its own matter."""
    begin = f"the API server refuses the {what}: "
    assert f'"{begin}{{' in SOURCE_OF_CONDITIONS.replace('f"', '"')
    said = quoted.partition(begin)[2].partition("; write kubectl")[0].strip()
    return f"Ready is False: {reason}: {begin}{with_advice(said)}"


def switched_off() -> str:
    """`pause_of` asks nothing else of an installation in which scheduling is switched off."""
    off = pause_of(cast(Any, SimpleNamespace(spec=None)), None, Config(scheduling_enabled=False), NOON)
    assert off is not None
    return f"Suspended is True: {off.reason}: {off.message}"


def decided_ahead() -> str:
    said = conditions._RECORDED_AHEAD.format("2027-01-01T00:00:00Z")
    return f"Ready is True: Scheduled: {said}"


def run_says(spec: dict[str, Any] | None, **outcome: Any) -> str:
    """What a run says that is asked for at noon after another one; None: there is no such task."""
    with Sandbox(now=NOON) as box:
        if spec is not None:
            box.register({"metadata": {"name": "later"}, "spec": {"handler": HANDLER, **spec}}, on_demand=True)
            box.outcome("later", **outcome)
            box.trigger("later")
        run = box.client.trigger("later", missing_ok=True)
        box.advance(minutes=1)
        return str(run.refresh().status.get("message"))


def _manifest(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / f"{document['metadata']['name']}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def held_back(folder: Path) -> str:
    run = {"apiVersion": API_VERSION, "kind": "ScheduledRun", "metadata": {"name": "held"}}
    with Sandbox(now=NOON) as box:
        box.register(_manifest(folder, {**run, "spec": {"suspend": True, "handler": HANDLER}}))
        box.advance(minutes=1)
        return str(box.runs()[0].status["message"])


def approval() -> str:
    steps = [{"name": "manager", "approval": {"message": "is that right?"}}]
    return run_says({"handler": {"steps": steps}, "concurrency": {"policy": "Allow"}})


def same_key(folder: Path) -> str:
    with Sandbox(now=NOON) as box:
        for name in ("ask-1", "ask-2"):
            run = {"apiVersion": API_VERSION, "kind": "ScheduledRun", "metadata": {"name": name}}
            box.register(_manifest(folder, {**run, "spec": {"idempotencyKey": "ask", "handler": HANDLER}}))
            box.advance(minutes=1)
        return str({run.name: run for run in box.runs()}["ask-2"].status["message"])


def bad_args() -> str:
    with Sandbox(now=NOON) as box:
        schema = {"type": "object", "properties": {"days": {"type": "integer"}}}
        box.register("nightly", on_demand=True, image="busybox:1.36", args_schema=schema)
        with pytest.raises(errors.ClientError) as refused:
            box.trigger("nightly", args={"days": "three"})
        return str(refused.value)


def pod_says(waiting: dict[str, str] | None = None, **status: Any) -> str:
    """What is said of a pod that is kept from starting."""
    containers = [{"name": "main", "state": {"waiting": waiting}}] if waiting else []
    observed = {
        "metadata": {"name": "r-1", "namespace": "shop", "uid": "u", "resourceVersion": "1", "creationTimestamp": NOON},
        "spec": {"containers": [{"name": "main", "image": "registry/report:2"}]},
        "status": {"containerStatuses": containers, **status},
    }
    return str(why_not_running(msgspec.convert(observed, Pod)))


def pods_say() -> str:
    secret = 'secret "token" not found'
    return "\n".join(
        (
            pod_says({"reason": "ErrImagePull", "message": "no such host"}),
            pod_says({"reason": "CreateContainerConfigError", "message": secret}),
        )
    )


def no_node() -> str:
    message = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector. …"
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return pod_says(conditions=[scheduled])


def policies_say(quoted: str) -> str:
    """The line itself, if a policy of the chart makes such sentences."""
    template = POLICIES.read_text(encoding="utf-8").replace("{{ $name }}", "crontask")
    for expression in re.findall(r"messageExpression: >-\n((?: {8}.*\n)+)", template):
        parts = re.split(r"\s*\+\s*", " ".join(expression.split()))
        sentence = "".join(re.escape(part[1:-1]) if part.startswith("'") else r"[\w., -]+" for part in parts)
        if re.fullmatch(sentence, quoted):
            return quoted
    return "no policy says so"


def not_installed() -> str:
    asked = requests.list_page(CRON_TASK, namespace="shop").asked
    return explain(errors.NotFound(asked, 404, "NotFound", "the server could not find the requested resource"))[1]


def doctor_of_task(document: dict[str, Any], cron_jobs: tuple[dict[str, Any], ...] = ()) -> str:
    found = (*of_tasks([document], NOON), *of_namesakes([document], cron_jobs))
    return "\n".join(map(str, found))


def exposition_says() -> str:
    source = (docs.DOCS.parent / "operator/crontask/engine/exposition.py").read_text(encoding="utf-8")
    what = "are left out of /metrics from here on"
    text = "the metrics of tasks %s: there are %d tasks, and the limit is %d"
    assert f'"{what}"' in source
    assert f'"{text}"' in source
    return text % (what, MOST_TASKS, MOST_TASKS)


CASES: dict[str, Callable[[str, Path], str]] = {
    "STATUS is Invalid": lambda quoted, folder: invalid(),
    "STATUS is Rejected, REASON is PodRejected": lambda quoted, folder: rejected("PodRejected", "pod", quoted),
    "STATUS is Rejected, REASON is RunRejected": lambda quoted, folder: rejected("RunRejected", "run", quoted),
    "STATUS is Suspended, and somebody did it": lambda quoted, folder: paused(),
    "STATUS is Suspended, by failures": lambda quoted, folder: described(
        "fails", {"interval": "1m", "suspendAfterFailures": 2}, phase="Failed", message="no connection"
    ),
    "All tasks are Suspended: SchedulingDisabled": lambda quoted, folder: switched_off(),
    "STATUS is Completed": lambda quoted, folder: described("once", {"interval": "1m", "maxRuns": 1}),
    "STATUS is Active, and it comes after a task that is not there": lambda quoted, folder: described(
        "second", {"after": {"task": "nope"}}
    ),
    "STATUS is Active, and the status says that it is all decided": lambda quoted, folder: decided_ahead(),
    "STATUS is empty": lambda quoted, folder: doctor_of_task(NIGHTLY),
    "Nothing starts on schedule anywhere: ClockSkew": lambda quoted, folder: (
        f"ClockSkew is True: ClockSkew: {conditions.CLOCK_SKEWED}"
    ),
    "It starts twice": lambda quoted, folder: doctor_of_task(NIGHTLY, (NIGHTLY,)),
    "Skipped: RunAlreadyActive": lambda quoted, folder: described("slow", {"interval": "1m"}, duration="10m"),
    "Missed: NotStartedInTime": lambda quoted, folder: missed(),
    "It is late, or has not succeeded for long: Overdue": lambda quoted, folder: described(
        "nightly", {"interval": "1h", "expect": {"successWithin": "2h"}}, minutes=130, phase="Failed"
    ),
    "Pending: held back": lambda quoted, folder: held_back(folder),
    "Pending: waits for CronTask X": lambda quoted, folder: run_says(None),
    "Queued: waits for its turn": lambda quoted, folder: run_says({"concurrency": {"policy": "Queue"}}, duration="1h"),
    "Running, and the container does not start": lambda quoted, folder: pods_say(),
    "Running, and no node takes the pod": lambda quoted, folder: no_node(),
    "Running, and waits for approval": lambda quoted, folder: approval(),
    "Failed: Error": lambda quoted, folder: run_says({}, phase="Failed"),
    "Failed: ArgsInvalid": lambda quoted, folder: bad_args(),
    "Skipped: Duplicate": lambda quoted, folder: same_key(folder),
    'no matches for kind "CronTask"': lambda quoted, folder: not_installed(),
    "You may not trigger, suspend or change it": lambda quoted, folder: "\n".join(
        map(policies_say, quoted.splitlines())
    ),
    "doctor says that no operator leads": lambda quoted, folder: str(of_leases([{"spec": {}}], NOON)),
    "doctor says that the webhook does not answer": lambda quoted, folder: str(of_answer(None)),
    "doctor or the log says that a namespace is claimed": lambda quoted, folder: why_left("shop", "team/crontask"),
    "Metrics of tasks are missing": lambda quoted, folder: exposition_says(),
}


def words(text: str) -> list[str]:
    """Lines, whatever the widths of columns are."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("title", CASES)
def test_what_is_quoted_is_what_is_said(title: str, tmp_path: Path) -> None:
    quoted = "".join(QUOTED[title])
    said = words(CASES[title](quoted, tmp_path))
    assert [line for line in words(quoted) if line not in said] == [], said


def test_each_section_that_quotes_something_has_a_case_and_says_what_to_do() -> None:
    assert set(QUOTED) == set(CASES)
    assert len(SECTIONS) > 25
    assert [title for title, text in SECTIONS.items() if "**Do:**" not in text] == []


def test_each_reason_of_a_task_that_is_in_its_way_is_on_the_page() -> None:
    """Those of the conditions, of pauses, and of what is overdue."""
    calls = [node for node in ast.walk(ast.parse(SOURCE_OF_CONDITIONS)) if isinstance(node, ast.Call)]
    made = [node for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "make"]
    reasons = {str(each.value) for call in made for each in call.args[2:3] if isinstance(each, ast.Constant)}
    reasons |= {
        *REASONS[DecisionKind.SUSPEND],
        *REASONS[DecisionKind.OVERDUE],
        POD_REJECTED,
        RUN_REJECTED,
        PREDECESSOR_MISSING,
    }
    as_it_should_be = {"NotSuspended", "ClocksAgree", "NotStalled", "AsExpected", "NothingExpected"}
    assert {"InvalidSpec", "Completed", "ClockSkew"} <= reasons
    assert sorted(reason for reason in reasons - as_it_should_be if reason not in PAGE) == []

"""What `simulate` shows of each step, also of those that never start; and a ScheduledRun that is played alone."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crontask.cli.main import main

HEAD = "apiVersion: crontask.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
WINDOW = "--from 2026-06-01T00:00:00Z --to 2026-06-01T01:30:00Z"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    return HEAD.format(kind=kind, name=name) + f"spec: {json.dumps(spec)}\n"


def simulate(text: str, options: str = "") -> Result:
    Path("m.yaml").write_text(text)
    command = shlex.split(f"simulate -f m.yaml {WINDOW} {options}")
    return CliRunner().invoke(main, command, catch_exceptions=False)


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "container": {"image": "i"}, **fields}


UNDO = {"container": {"image": "i"}}


def played(steps: list[dict[str, Any]], options: str = "", **beside: Any) -> list[str]:
    """What becomes of the parts of a workflow of a task, each line in short; with minutes and seconds."""
    spec = {"schedule": "0 1 * * *", "handler": {"steps": steps, **beside}}
    done = simulate(manifest("CronTask", "flow", spec), f"-o jsonl {options}")
    assert done.exit_code == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()[:-1]]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    return [_short(line) for line in lines if line["decision"] != "Start"]


def _short(line: dict[str, Any]) -> str:
    what = line.get("part", line["decision"])
    why = f": {line['message']}" if "message" in line and "part" in line else ""
    return f"{line['time'][14:19]} {what} {line['reason']}{why}"


IF_FAILED = {"value": "${run.phase}", "in": ["Failed"]}
NOT_HELD = "its condition, when, does not hold"


@pytest.mark.parametrize(
    ("steps", "options", "wanted"),
    [
        # A condition that does not hold, of the first, of one between, and of the last.
        (
            [step(name, when={"value": "${run.name}", "in": [held]}) for name, held in (("a", "x"), ("c", "y"))],
            "",
            [f"00:00 a Skipped: {NOT_HELD}", f"00:00 c Skipped: {NOT_HELD}", "00:00 End Succeeded"],
        ),
        (
            [step("a"), step("b", when={"value": "${steps.a.phase}", "in": ["Failed"]}), step("c")],
            "",
            [
                "00:00 a Started",
                "00:10 a Succeeded",
                f"00:10 b Skipped: {NOT_HELD}",
                "00:10 c Started",
                "00:20 c Succeeded",
                "00:20 End Succeeded",
            ],
        ),
        # Who refers to what was skipped.
        (
            [step("a", when={"value": "${run.name}", "in": []}), step("b", args={"x": "${steps.a.result}"})],
            "",
            [
                f"00:00 a Skipped: {NOT_HELD}",
                "00:00 b Skipped: steps.a.result is missing: step a is Skipped",
                "00:00 End Succeeded",
            ],
        ),
        # What cannot start, and is tolerated; what does not come any more.
        (
            [step("a"), step("b", args={"x": "${steps.a.result.n}"}, continueOnFailure=True), step("c"), step("d")],
            "--fail c",
            [
                "00:00 a Started",
                "00:10 a Succeeded",
                "00:10 b Failed: steps.a.result.n is missing: steps.a.result is null",
                "00:10 c Started",
                "00:20 c Failed",
                "00:20 d NotReached",
                "00:20 End Failed",
            ],
        ),
        # An undo that cannot start, before and after one that can, and one that fails.
        (
            [
                step("a", compensate={**UNDO, "args": {"x": "${steps.a.result.id}"}}),
                step("b", compensate={**UNDO, "retry": {"limit": 0}}),
                step("c", compensate=UNDO),
                step("d", compensate={**UNDO, "args": {"x": "${steps.c.result.id}"}}),
                step("e"),
            ],
            "--fail e --fail b/undo",
            [
                *("00:00 a Started", "00:10 a Succeeded", "00:10 b Started", "00:20 b Succeeded", "00:20 c Started"),
                *("00:30 c Succeeded", "00:30 d Started", "00:40 d Succeeded", "00:40 e Started", "00:50 e Failed"),
                "00:50 d/undo ReferenceMissing: steps.c.result.id is missing: steps.c.result is null",
                *("00:50 c/undo Started", "01:00 c/undo Succeeded", "01:00 b/undo Started", "01:10 b/undo Failed"),
                "01:10 a/undo ReferenceMissing: steps.a.result.id is missing: steps.a.result is null",
                "01:10 End Failed",
            ],
        ),
        # What always runs.
        (
            [step("a"), step("y", always=True, when=IF_FAILED), step("z", always=True)],
            "",
            [
                "00:00 a Started",
                "00:10 a Succeeded",
                f"00:10 y Skipped: {NOT_HELD}",
                "00:10 z Started",
                "00:20 z Succeeded",
                "00:20 End Succeeded",
            ],
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_each_step(steps: list[dict[str, Any]], options: str, wanted: list[str]) -> None:
    assert played(steps, options) == wanted


def test_a_step_is_skipped_when_that_is_known_however_many_end_at_once() -> None:
    """The status of a workflow is written once a second at most; what is decided is shown at once."""
    many = [step(f"s{number}", dependsOn=[]) for number in range(8)]
    names = [each["name"] for each in many]
    late = step("late", dependsOn=names, when={"value": "${steps.s0.phase}", "in": ["Failed"]})
    last = step("last", dependsOn=["late"], args={"x": "${steps.s7.result.x}"})
    found = played([*many, late, last])
    assert found[-3:] == [
        f"00:10 late Skipped: {NOT_HELD}",
        "00:10 last Failed: steps.s7.result.x is missing: steps.s7.result is null",
        "00:10 End Failed",
    ]


def test_no_part_is_told_of_twice_by_an_operator_that_comes_back() -> None:
    steps = [step("a", when={"value": "${run.name}", "in": []}), step("b"), step("c")]
    found = played(steps, "--fail b --down 2026-06-01T01:00:05Z/2026-06-01T01:00:20Z")
    assert found == [
        f"00:00 a Skipped: {NOT_HELD}",
        "00:00 b Started",
        "00:20 b Failed",
        "00:20 c NotReached",
        "00:20 End Failed",
    ]


def test_the_table_says_why() -> None:
    text = manifest("CronTask", "flow", {"schedule": "0 1 * * *", "handler": {"steps": [
        step("a", when={"value": "${run.name}", "in": []}), step("b", args={"x": "${steps.a.result}"}),
    ]}})  # fmt: skip
    rows = [line.split(maxsplit=4)[3:] for line in simulate(text).stdout.splitlines() if " Step " in line]
    (first, second) = (" ".join(row) for row in rows)
    assert first.startswith("Skipped flow-")
    assert first.endswith(f" a: {NOT_HELD}")
    assert second.endswith(" b: steps.a.result is missing: step a is Skipped")


# --- what had no effect ----------------------------------------------------------------------------------------------

TIMES = "from 2026-06-01T00:00:00Z to 2026-06-01T01:30:00Z"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("--fail b", []),
        ("--fail c", [f"--fail c had no effect: step c did not start {TIMES}"]),
        ("--fail a/undo", [f"--fail a/undo had no effect: the undo of step a did not start {TIMES}"]),
        ("--fail b --fail a/undo", []),
        (
            "--fail b --step-takes c=1s --step-result c=1 --step-result a=1",
            [
                f"--step-takes c had no effect: step c did not start {TIMES}",
                f"--step-result c had no effect: step c did not start {TIMES}",
            ],
        ),
    ],
)
def test_what_was_said_of_a_step_that_did_not_start(options: str, wanted: list[str]) -> None:
    nothing = {"value": "${run.name}", "in": []}
    steps = [step("a", compensate=UNDO), step("b"), step("c", when=nothing)]
    spec = {"schedule": "0 1 * * *", "handler": {"steps": steps}}
    done = simulate(manifest("CronTask", "flow", spec), options)
    assert (done.exit_code, done.stderr.splitlines()) == (0, wanted)


# --- one run ---------------------------------------------------------------------------------------------------------

FLOW = {"steps": [step("a"), step("b", when={"value": "${args.full}", "in": [True]})]}
INLINE = manifest("ScheduledRun", "once", {"handler": FLOW, "args": {"full": True}})
TASK = manifest("CronTask", "flow", {"schedule": "*/5 * * * *", "handler": FLOW, "args": {"full": False}})
ON_DEMAND = TASK.replace('"schedule": "*/5 * * * *", ', "")
OF_TASK = manifest("ScheduledRun", "now", {"taskRef": {"name": "flow"}, "args": {"full": True}})
PLAYED = [
    ("Start", "Due", None),
    ("Step", "Started", "a"),
    ("Step", "Succeeded", "a"),
    ("Step", "Started", "b"),
    ("Step", "Succeeded", "b"),
    ("End", "Succeeded", None),
]


def decisions(done: Result) -> list[tuple[str, str, str | None]]:
    assert done.exit_code == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()[:-1]]
    return [(line["decision"], line["reason"], line.get("part")) for line in lines]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (INLINE, ""),
        (INLINE, "once"),
        (INLINE, "sr/once"),
        (INLINE.replace("name: once", "generateName: once-"), ""),
        # Nothing of the task itself is seen beside it.
        (f"{OF_TASK}---\n{TASK}", "now"),
        (f"{TASK}---\n{OF_TASK}", "ScheduledRun/now"),
        (f"{TASK}---\n{OF_TASK.replace('now', 'flow')}", "scheduledruns/flow"),
        # Of a task that starts nothing by itself there is nothing else to be seen.
        (f"{ON_DEMAND}---\n{OF_TASK}", ""),
        (f"{TASK.replace('flow}', 'flow, namespace: x}')}---\n{OF_TASK}", "-n x now"),
    ],
)
def test_a_run_is_played_alone(text: str, name: str) -> None:
    assert decisions(simulate(text, f"{name} -o jsonl")) == PLAYED


def test_a_run_is_named_as_it_would_be() -> None:
    lines = simulate(INLINE.replace("name: once", "generateName: once-"), "-o jsonl").stdout.splitlines()
    assert {json.loads(line)["run"] for line in lines[:-1]} == {"once-xxxxx"}


def test_a_run_of_a_single_handler_is_seen_to_its_end() -> None:
    single = {"handler": {"container": {"image": "i"}}, "delay": "10m"}
    done = simulate(manifest("ScheduledRun", "once", single), "--run-result failed --run-takes 1m")
    rows = [line.split(maxsplit=4) for line in done.stdout.splitlines()[1:3]]
    assert [(row[0][11:16], row[1], row[-1]) for row in rows] == [
        ("00:10", "Start", "once fails"),
        ("00:11", "End", "once: exit code 1"),
    ]
    assert done.stdout.endswith("1 started, 1 failed\n")


def test_what_happens_to_a_run() -> None:
    Path("cancel.yaml").write_text("spec: {cancel: true, cancelReason: enough}")
    done = simulate(INLINE, "-o jsonl --run-takes 10m --edit 2026-06-01T00:05:00Z=cancel.yaml")
    assert decisions(done)[2:] == [("Step", "Canceled", "a"), ("Step", "NotReached", "b"), ("Cancel", "Canceled", None)]
    Path("hold.yaml").write_text("spec: {suspend: true}")
    edits = "--edit 2026-06-01T00:00:05Z=hold.yaml --edit 2026-06-01T00:05:00Z=cancel.yaml"
    assert decisions(simulate(INLINE, f"-o jsonl {edits}"))[2:] == [
        ("Step", "Succeeded", "a"),
        ("Step", "NotReached", "b"),
        ("Cancel", "Canceled", None),
    ]
    paused = "-o jsonl --suspended 2026-06-01T00:00:05Z/2026-06-01T01:00:00Z"
    lines = [json.loads(line) for line in simulate(INLINE, paused).stdout.splitlines()]
    assert [line["time"] for line in lines if line.get("part") == "b"][:1] == ["2026-06-01T01:00:00Z"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"delay": "2h"}, "nothing is due before 2026-06-01T01:30:00Z: the run is due at 2026-06-01T02:00:00Z"),
        ({"at": "2026-07-01T00:00:00Z"}, "nothing is due before 2026-06-01T01:30:00Z: the run is due at 2026-07-01T"),
        ({"suspend": True}, "nothing starts: the run is held, as spec.suspend is true"),
    ],
)
def test_why_a_run_is_not_seen(spec: dict[str, Any], words: str) -> None:
    done = simulate(manifest("ScheduledRun", "once", {"handler": FLOW, "args": {"full": True}, **spec}))
    assert done.exit_code == 0
    assert done.stderr.startswith(words)


def test_a_run_that_never_starts_says_why() -> None:
    text = manifest("ScheduledRun", "once", {"handler": FLOW, "at": "2026-05-01T00:00:00Z"})
    (line,) = [line for line in simulate(text).stdout.splitlines() if " End " in line]
    assert " Failed " in line
    assert "before the creation" in line


RERUN = """apiVersion: crontask.dev/v1alpha1
kind: ScheduledRun
metadata: {name: again}
spec: {rerunOf: {name: before}}
"""
SEVERAL = "m.yaml: there are several objects, CronTask and ScheduledRun; name one of: "


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (f"{TASK}---\n{OF_TASK}", "", f"{SEVERAL}flow, now"),
        (f"{TASK}---\n{OF_TASK.replace('now', 'flow')}", "flow", f"{SEVERAL}crontask/flow, scheduledrun/flow"),
        (f"{INLINE}---\n{INLINE.replace('once', 'other')}", "", "m.yaml: there are several ScheduledRuns; name one of"),
        (f"{TASK}---\n{OF_TASK}", "x", "m.yaml: there is no CronTask or ScheduledRun x; name one of: flow, now"),
        (f"{TASK}---\n{OF_TASK}", "sr/x", "m.yaml: there is no ScheduledRun x; name one of: now"),
        (TASK, "sr/x", "m.yaml: there is no ScheduledRun in it; write apiVersion: crontask.dev/v1alpha1 and kind: Sch"),
        (TASK, "pod/x", "pod/x: there is no kind pod; write crontask/x or scheduledrun/x"),
        (
            OF_TASK,
            "",
            "m.yaml:4: ScheduledRun now: spec.taskRef.name: there is no CronTask flow of namespace default in the file"
            "; add it, or write its handler into the run",
        ),
        (f"{TASK.replace('flow}', 'flow, namespace: x}')}---\n{OF_TASK}", "now", "m.yaml:9: ScheduledRun now: spec.t"),
        (f"{TASK.replace('*/5', '61')}---\n{OF_TASK}", "now", "m.yaml:4: CronTask flow: spec.schedule: "),
        (OF_TASK.replace("taskRef", "taskref"), "", "m.yaml:4: ScheduledRun now: spec.taskref: there is no such field"),
        (RERUN, "", "m.yaml:4: ScheduledRun again: spec.rerunOf: is not played: a simulation begins without any"),
        ("kind: ConfigMap", "", "m.yaml: there is no CronTask or ScheduledRun in it, but ConfigMap; write apiVersion"),
        (INLINE, "--fail c", "--fail c: there is no such step; "),
        (INLINE, "--edit 2026-06-01T00:05:00Z=args.yaml", "--edit args.yaml: spec.args cannot be changed; create ano"),
        (INLINE, "--edit 2026-06-01T00:05:00Z=mode.yaml", "--edit mode.yaml: spec.cancelMode: goes with cancel: true"),
        (INLINE, "--edit 2026-06-01T00:05:00Z=task.yaml", "--edit task.yaml: kind: 'CronTask' is not that of what is"),
        (INLINE, "--edit 2026-06-01T00:05:00Z=field.yaml", "--edit field.yaml:1: spec.schedule: there is no such fiel"),
    ],
)  # fmt: skip
def test_what_cannot_be_played(text: str, options: str, words: str) -> None:
    patches = {"args": "spec: {args: {}}", "mode": "spec: {cancelMode: Immediate}", "task": "kind: CronTask"}
    for name, patch in {**patches, "field": "spec: {schedule: x}"}.items():
        Path(f"{name}.yaml").write_text(patch)
    done = simulate(text, options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(words)


def test_a_run_of_the_cluster_is_not_played() -> None:
    done = CliRunner().invoke(main, shlex.split(f"simulate sr/now {WINDOW}"), catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (
        2,
        "sr/now: a ScheduledRun is played from a manifest only; write -f FILE\n",
    )

"""What people and scripts see of the commands: exit codes, streams, shapes of JSON, messages, help with an example."""

import json
import logging
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click import Group
from click.testing import CliRunner, Result

from crontask.cli.main import main

TASK = """\
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {{name: a}}
spec:
  {timing}
  handler: {{container: {{image: "busybox:1.36"}}}}
"""
WINDOW = "--from 2026-03-01T00:00:00Z --to 2026-03-01T00:03:00Z"
LINE = ["time", "nominal", "decision", "reason", "run", "count"]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files of the test's own; `simulate` switches logging off for its process, which is ours here."""
    monkeypatch.chdir(tmp_path)
    for name, timing in FILES.items():
        Path(name).write_text(TASK.format(timing=timing), encoding="utf-8")
    Path("two.yaml").write_text(
        "---\n".join(TASK.format(timing="interval: 5m").replace("name: a", f"name: {name}") for name in ("b", "c")),
        encoding="utf-8",
    )
    Path("run.yaml").write_text(
        "kind: ScheduledRun\nmetadata: {name: Not_a_label}\nspec: {taskRef: {name: a}}\n", encoding="utf-8"
    )
    Path("configmap.yaml").write_text("kind: ConfigMap\nmetadata: {name: a}\n", encoding="utf-8")
    Path("broken.yaml").write_text("a: [", encoding="utf-8")
    Path("patch.yaml").write_text("spec: {schedule: '*/2 * * * *', endTime: 2026-03-02T00:00:00Z}", encoding="utf-8")
    before = logging.root.manager.disable
    yield
    logging.disable(before)


FILES = {
    "minute.yaml": 'schedule: "* * * * *"',
    "berlin.yaml": 'schedule: "30 2 * * *"\n  timeZone: Europe/Berlin',
    "bad.yaml": 'schedule: "61 * * * *"\n  timeZone: Europe/Berln',
    "after.yaml": "after: {task: b, on: Failed}",
    "dates.yaml": 'schedule: "0 9 * * *"\n  startTime: 2026-03-02T00:00:00Z\n  skip: [{from: 2026-03-03}]',
}


def run(command: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, shlex.split(command), input=stdin, catch_exceptions=False)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("next", "no task is given; write -f FILE, or the name of a task in the cluster"),
        ("next -f bad.yaml", "spec.schedule"),
        ("next -f bad.yaml", "Europe/Berlin"),
        ("next -f nowhere.yaml", "nowhere.yaml"),
        ("next -f broken.yaml", "broken.yaml:2: this is not valid YAML"),
        ("next -f configmap.yaml", "configmap.yaml: there is no CronTask in it, but ConfigMap; write"),
        ("next -f two.yaml", "there are several CronTasks; name one of: b, c"),
        ("next -f two.yaml d", "there is no CronTask d; name one of: b, c"),
        ("next -f minute.yaml --from 2026-03-01T00:00:00", "has no zone; write 2026-03-01T00:00:00Z for UTC"),
        ("next -f minute.yaml --from lastweek", "'lastweek' is not a time; write it in RFC 3339"),
        (
            "next -f minute.yaml --from 9999-12-31T23:59:59-14:00",
            "is before 1970 or after 9999; write a time in between",
        ),
        (
            "next -f minute.yaml --from 0001-01-01T00:00:00+14:00",
            "is before 1970 or after 9999; write a time in between",
        ),
        ("next -f minute.yaml --from 1969-12-31", "is before 1970 or after 9999; write a time in between"),
        ("next -f minute.yaml --count 0", "0 is not in the range"),
        ("simulate -f bad.yaml " + WINDOW, "spec.timeZone"),
        ("simulate -f minute.yaml --from 2026-03-02 --to 2026-03-01", "swap them"),
        (f"simulate -f minute.yaml {WINDOW} --run-takes soon", "'soon' is not a duration; write it like 90s"),
        (f"simulate -f minute.yaml {WINDOW} --run-result 101%", "a share that fails, like 20%"),
        (f"simulate -f minute.yaml {WINDOW} --down 2026-03-01T00:00:00Z", "is not a stretch of time; write it like"),
        (f"simulate -f minute.yaml {WINDOW} --suspended 2026-03-02/2026-03-01", "ends before it begins"),
        (f"simulate -f minute.yaml {WINDOW} --edit 2026-03-01=nowhere.yaml", "--edit nowhere.yaml"),
        (f"simulate -f minute.yaml {WINDOW} --edit 2026-03-01=broken.yaml", "--edit broken.yaml"),
        (f"simulate -f minute.yaml {WINDOW} --edit 2026-03-01", "has no ="),
        (f"simulate -f minute.yaml {WINDOW} --clock-back 2026-03-01=long", "--clock-back: 'long' is not a duration"),
        ("validate -f bad.yaml", "CronTask a: spec.schedule"),
        ("validate -f run.yaml", "metadata.name: 'Not_a_label' is not a DNS label of at most 60 characters"),
        (
            "validate -f broken.yaml",
            "broken.yaml:2: this is not valid YAML: a list or an object in brackets is not closed",
        ),
    ],
)
def test_bad_input_is_told_on_stderr_with_exit_code_2(command: str, words: str) -> None:
    done = run(command)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_next_as_json() -> None:
    done = run("next -f berlin.yaml --from 2026-03-28T00:00:00Z --count 2 -o json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == [
        {
            "nominal": "2026-03-28T01:30:00Z",
            "start": "2026-03-28T01:30:00Z",
            "local": "2026-03-28T02:30:00+01:00",
            "note": "",
        },
        {
            "nominal": "2026-03-29T01:00:00Z",
            "start": "2026-03-29T01:00:00Z",
            "local": "2026-03-29T03:00:00+02:00",
            "note": "shifted: 02:30 does not exist",
        },
    ]


def test_next_as_a_table_says_the_schedule_in_words_and_marks_the_change() -> None:
    done = run("next -f berlin.yaml --from 2026-03-28T00:00:00Z --count 2")
    assert "At 02:30 (Europe/Berlin)" in done.stdout
    marked = [line for line in done.stdout.splitlines() if "clock forward 1h" in line]
    assert [line.split()[0] for line in marked] == ["2026-03-29T01:00:00Z"]


def test_next_reads_stdin_and_names_one_of_several() -> None:
    assert run("next -f - --count 1", TASK.format(timing='schedule: "0 0 * * *"')).exit_code == 0
    assert "default/c" in run("next -f two.yaml c --count 1").stdout


def test_unquoted_dates_and_on_are_read_as_kubectl_reads_them() -> None:
    times = json.loads(run("next -f dates.yaml --from 2026-03-01 --count 2 -o json").stdout)
    assert [time["nominal"] for time in times] == ["2026-03-02T09:00:00Z", "2026-03-04T09:00:00Z"]
    done = run("next -f after.yaml")
    assert (done.exit_code, done.stderr) == (0, "no times to come: it runs after b\n")


def test_simulate_as_json_lines_ends_with_a_summary() -> None:
    done = run(f"simulate -f minute.yaml {WINDOW} -o jsonl")
    assert done.exit_code == 0
    *decisions, summary = lines(done.stdout)
    assert [list(decision) for decision in decisions] == [LINE] * 2
    assert [(d["time"], d["nominal"], d["decision"], d["count"]) for d in decisions] == [
        (time, time, "Start", 1) for time in ("2026-03-01T00:01:00Z", "2026-03-01T00:02:00Z")
    ]
    assert summary["summary"]["started"] == 2
    assert set(summary["summary"].values()) == {0, 2}


def test_simulate_takes_each_happening_more_than_once() -> None:
    command = (
        "simulate -f minute.yaml --from 2026-03-01T00:00:00Z --to 2026-03-01T01:00:00Z -o jsonl --created 2026-02-28"
        " --down 2026-03-01T00:05:30Z/2026-03-01T00:08:30Z --down 2026-03-01T00:15:30Z/2026-03-01T00:18:30Z"
        " --suspended 2026-03-01T00:20:30Z/2026-03-01T00:22:30Z --suspended 2026-03-01T00:25:30Z/2026-03-01T00:26:30Z"
        " --edit 2026-03-01T00:40:30Z=patch.yaml --clock-back 2026-03-01T00:50:30Z=10s"
    )
    *decisions, summary = lines(run(command).stdout)
    assert min(decision["time"] for decision in decisions) >= "2026-03-01T00:00:00Z"
    totals = summary["summary"]
    assert (totals["missed"], totals["suspended"], totals["resumed"]) == (4, 2, 2)
    assert [d["nominal"][14:16] for d in decisions if d["nominal"] and d["nominal"] > "2026-03-01T00:41"] == [
        "42", "44", "46", "48", "50", "52", "54", "56", "58",
    ]  # fmt: skip


def test_failures_are_the_share_asked_for_and_the_same_for_the_same_seed() -> None:
    command = f"simulate -f minute.yaml --from 2026-03-01 --to 2026-03-02 -o jsonl {{}} --edit 2026-03-01={'trip.yaml'}"
    Path("trip.yaml").write_text("spec: {suspendAfterFailures: 2}", encoding="utf-8")
    always, never = (run(command.format(f"--run-result {result}")).stdout for result in ("failed", "success"))
    assert lines(always)[-1]["summary"]["started"] == 2
    assert lines(never)[-1]["summary"]["started"] == 1439
    assert lines(never)[-1]["summary"]["failed"] == 0
    assert all(line.get("fails") for line in lines(always)[:-1] if line["decision"] == "Start")
    some = [run(command.format(f"--run-result 20% --seed {seed}")).stdout for seed in (1, 1, 2)]
    assert some[0] == some[1] != some[2]
    *decisions, last = lines(some[0])
    assert 0 < sum(line.get("fails", False) for line in decisions) == last["summary"]["failed"]


def test_validate_as_json_names_object_path_and_fix() -> None:
    done = run("validate -f bad.yaml -o json")
    assert done.exit_code == 2
    found = json.loads(done.stdout)
    assert [list(problem) for problem in found] == [
        ["object", "path", "message", "fix", "severity", "file", "line"],
    ] * 2
    assert [(problem["file"], problem["line"], problem["severity"]) for problem in found] == [
        ("bad.yaml", 5, "error"),
        ("bad.yaml", 6, "error"),
    ]
    assert {problem["path"] for problem in found} == {"spec.schedule", "spec.timeZone"}
    assert json.loads(run("validate -f minute.yaml -o json").stdout) == []


def test_validate_finds_a_field_that_is_mistyped(tmp_path: Path) -> None:
    manifest = tmp_path / "mistyped.yaml"
    manifest.write_text("""
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {name: a}
spec:
  scheduel: "@daily"
  handler: {container: {image: busybox:1.36}}
""")
    done = run(f"validate -f {manifest}")
    assert done.exit_code == 2
    assert "CronTask a: spec.scheduel: there is no such field; write schedule" in done.stderr


def test_each_command_has_help_with_an_example() -> None:
    assert isinstance(main, Group)
    for name in main.commands:
        shown = run(f"{name} --help")
        assert shown.exit_code == 0
        assert f"Example: crontask {name}" in " ".join(shown.stdout.split()), name


# --- workflows -------------------------------------------------------------------------------------------------------

FLOW = """
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {name: flow}
spec:
  schedule: "0 * * * *"
  handler:
    steps:
      - {name: first, container: {image: i}, compensate: {container: {image: i}}}
      - {name: second, container: {image: i}}
"""


def played(options: str, manifest: str = FLOW) -> list[tuple[str, str, str]]:
    Path("flow.yaml").write_text(manifest)
    done = run(f"simulate -f flow.yaml --from 2026-06-01T00:30:00Z --to 2026-06-01T01:30:00Z -o jsonl {options}")
    return [(line["decision"], line["reason"], line.get("part", "")) for line in lines(done.stdout)[:-1]]


def test_simulate_plays_the_steps_of_a_workflow_in_order() -> None:
    first, second = (("Step", "Started", name) for name in ("first", "second"))
    done, also = (("Step", "Succeeded", name) for name in ("first", "second"))
    assert played("") == [("Start", "Due", ""), first, done, second, also, ("End", "Succeeded", "")]


def test_simulate_undoes_what_was_done_before_a_step_that_fails() -> None:
    undo = [("Undo", "Started", "first/undo"), ("Undo", "Succeeded", "first/undo"), ("End", "Failed", "")]
    assert played("--fail second")[-4:] == [("Step", "Failed", "second"), *undo]
    assert played("--fail second --fail first/undo --step-takes first/undo=1s")[-1] == ("End", "Failed", "")
    assert ("Undo", "Failed", "first/undo") in played("--fail second --fail first/undo")
    # A run that fails does so in its first step.
    assert played("--run-result failed")[1:3] == [("Step", "Started", "first"), ("Step", "Failed", "first")]


def test_simulate_says_why_a_workflow_failed_and_counts_it() -> None:
    Path("flow.yaml").write_text(FLOW.replace("{name: second,", '{name: second, args: {x: "${steps.first.result.n}"},'))
    command = "simulate -f flow.yaml --from 2026-06-01T00:30:00Z --to 2026-06-01T01:30:00Z"
    (end, *_, summary) = [line for line in run(command).stdout.splitlines() if " End " in line or "started" in line]
    assert end.endswith(": step second is Failed: steps.first.result.n is missing: steps.first.result is null")
    assert summary == "1 started, 1 failed"
    assert " Succeeded " in run(command + " --step-result 'first={\"n\":1}'").stdout.splitlines()[-3]


ASKS = FLOW.replace("{name: second,", "{name: ok, approval: {}}\n      - {name: second,")


def test_simulate_approves_at_once_unless_it_takes_a_while_or_is_rejected() -> None:
    waits, approved = ("Step", "Waiting", "ok"), ("Step", "Succeeded", "ok")
    first = [("Start", "Due", ""), ("Step", "Started", "first"), ("Step", "Succeeded", "first"), waits]
    after = [("Step", "Started", "second"), ("Step", "Succeeded", "second"), ("End", "Succeeded", "")]
    undone = [("Undo", "Started", "first/undo"), ("Undo", "Succeeded", "first/undo"), ("End", "Failed", "")]
    assert played("", ASKS) == [*first, approved, *after]
    assert played("--fail ok", ASKS) == [*first, ("Step", "Failed", "ok"), ("Step", "NotReached", "second"), *undone]
    assert played("--step-takes ok=1h", ASKS) == first
    command = "simulate -f flow.yaml --from 2026-06-01T00:30:00Z --to 2026-06-10T01:30:00Z"
    table = run(f"{command} --step-takes ok=2h").stdout.splitlines()
    times = [line.partition(" ")[0] for line in table if " ok" in line][:2]
    assert times == ["2026-06-01T01:00:10Z", "2026-06-01T03:00:10Z"]
    late = run(f"{command} --step-takes ok=8d").stdout
    assert "2026-06-08T01:00:10Z  Step      -                            TimedOut" in late
    assert "step ok is TimedOut: nobody answered within 7d" in late


def test_an_approval_is_given_though_the_operator_is_away() -> None:
    found = played("--step-takes ok=5m --down 2026-06-01T01:02:00Z/2026-06-01T01:10:00Z", ASKS)
    assert (found[4], found[-1]) == (("Step", "Succeeded", "ok"), ("End", "Succeeded", ""))


def test_several_who_approve_at_the_same_moment() -> None:
    two = "{name: ok, approval: {}, dependsOn: []}, {name: legal, approval: {}, dependsOn: []}"
    asks = FLOW.partition("    steps:")[0] + f"    steps: [{two}]\n"
    assert played("", asks)[-1] == ("End", "Succeeded", "")
    assert played("--run-result failed", asks)[-1] == ("End", "Failed", "")


@pytest.mark.parametrize(("options", "count"), [("", 3), ("--batches 1", 1), ("--batches 5", 5)])
def test_simulate_plays_so_many_batches(options: str, count: int) -> None:
    batch = "{size: 500, handler: {container: {image: busybox}}}"
    Path("batch.yaml").write_text(re.sub("steps:.*", f"batch: {batch}", FLOW, flags=re.DOTALL))
    done = run(f"simulate -f batch.yaml --from 2026-06-01T00:30:00Z --to 2026-06-01T01:30:00Z {options}")
    lines = [line.split() for line in done.stdout.splitlines()]
    begun = [line[-1] for line in lines if "Started" in line]
    assert begun == [f"batch-{number}" for number in range(1, count + 1)]
    assert [line[3] for line in lines if line[1:2] == ["End"]] == ["Succeeded"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--step-result ok={}", "--step-result ok: the result of an approval says when it was given; name another"),
        ("--step-result first=x", "--step-result first: 'x' is not JSON; write it like first="),
        ("--step-result first", "--step-result 'first' has no =; write it like first="),
        ("--fail frist", "--fail frist: there is no such step; did you mean first?"),
        ("--fail second/undo", "--fail second/undo: there is no such step; did you mean"),
        ("--step-takes first", "--step-takes 'first' has no =; write it like first=30s"),
        ("--step-takes first=soon", "--step-takes first: 'soon' is not a duration; write it like 90s"),
    ],
)
def test_what_simulate_is_asked_about_steps_that_there_are_not(options: str, words: str) -> None:
    Path("flow.yaml").write_text(ASKS)
    done = run(f"simulate -f flow.yaml --from 2026-06-01 --to 2026-06-02 {options}")
    assert done.exit_code == 2
    assert words in done.stderr

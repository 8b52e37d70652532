"""What the commands say in words: of a schedule, of what is easily mistaken, of why nothing comes, of large numbers."""

from pathlib import Path

import pytest
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


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(timing: str, *options: str) -> Result:
    Path("task.yaml").write_text(TASK.format(timing=timing), encoding="utf-8")
    command = ["next", "-f", "task.yaml", "--from", "2026-06-01T00:00:00Z", "--count", "1", *options]
    return CliRunner().invoke(main, command, catch_exceptions=False)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("0 */6,9 * * *", "At 00:00, 06:00, 09:00, 12:00 and 18:00"),
        ("0 9,*/12 * * *", "At 00:00, 09:00 and 12:00"),
        ("0 12 * * 07", "At 12:00, on Sunday"),
        ("0 0 * * *,5", "At 00:00"),
        ("0 0 1 *,3 *", "At 00:00, on day 1 of the month"),
        ("0 5 LW * ?", "At 05:00, on the last weekday of the month"),
        (
            "3,9,11,20,33,41,47 2,5,7,11,19,22 1,2,9 1,5,7,9 mon,wed#2",
            "3,9,11,20,33,41,47 2,5,7,11,19,22 1,2,9 1,5,7,9 ",
        ),
    ],
)
def test_words(schedule: str, words: str) -> None:
    assert run(f'schedule: "{schedule}"').stdout.startswith(f"default/a: {words}")


def test_several_schedules_stand_in_a_row() -> None:
    first = run('schedules: ["0 9 * * mon-fri", "0 11 * * sat"]').stdout.splitlines()[0]
    assert first == "default/a: At 09:00, Monday through Friday; and at 11:00, on Saturday (UTC)"


def test_a_step_that_begins_anew_is_noted() -> None:
    lines = run('schedule: "*/50 * * * *"').stdout.splitlines()
    assert lines[1] == "note: */50 begins anew each hour; for every 50 minutes write interval: 50m instead of schedule"
    assert "note" not in run('schedule: "*/30 * * * *"').stdout


@pytest.mark.parametrize(
    ("timing", "reason"),
    [
        ("after: {task: b}", "it runs after b"),
        ("{}", "it has no schedule, and runs on demand only"),
        (
            'schedule: "@daily"\n  endTime: "2026-05-01T00:00:00Z"',
            "none is left before endTime, 2026-05-01T00:00:00Z",
        ),
        (
            'schedule: "@daily"\n  endTime: "2026-06-03T00:00:00Z"\n  skip: [{from: 2026-06-02}]',
            "none is left on a date that skip leaves in before endTime, 2026-06-03T00:00:00Z",
        ),
    ],
)
def test_why_nothing_is_to_come(timing: str, reason: str) -> None:
    done = run(timing.replace("{}", "maxRuns: 3"))
    assert (done.exit_code, done.stderr) == (0, f"no times to come: {reason}\n")


def test_a_task_that_has_had_all_its_runs_says_so() -> None:
    text = TASK.format(timing='schedule: "@daily"\n  maxRuns: 3') + "status: {scheduledCount: 3}\n"
    text = text.replace("{name: a}", '{name: a, creationTimestamp: "2026-01-01T00:00:00Z"}')
    Path("task.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["next", "-f", "task.yaml"], catch_exceptions=False)
    assert done.stderr == "no times to come: all of its maxRuns, 3, have been started\n"


@pytest.mark.parametrize(("generation", "said"), [(3, True), (4, False)])
@pytest.mark.parametrize("reason", ["TooManyFailures", "SchedulingDisabled"])
def test_a_task_that_others_than_its_spec_have_paused_says_so(reason: str, generation: int, said: bool) -> None:
    """The status of a task as it was before an edit says nothing of what comes."""
    paused = f"{{type: Suspended, status: 'True', reason: {reason}, message: nothing starts, "
    paused += "lastTransitionTime: '2026-01-02T00:00:00Z'}"
    text = TASK.format(timing='schedule: "@daily"')
    text += f"status: {{observedGeneration: 3, phase: Suspended, conditions: [{paused}]}}\n"
    made = f'{{name: a, generation: {generation}, creationTimestamp: "2026-01-01T00:00:00Z"}}'
    Path("task.yaml").write_text(text.replace("{name: a}", made), encoding="utf-8")
    done = CliRunner().invoke(main, ["next", "-f", "task.yaml"], catch_exceptions=False)
    assert (done.exit_code, "suspended: nothing starts\n" in done.stdout) == (0, said)


def test_what_decades_have_missed_is_counted_to_the_last_and_stands_apart() -> None:
    Path("task.yaml").write_text(TASK.format(timing='schedule: "* * * * *"'), encoding="utf-8")
    window = "--from 1990-01-01T00:00:00Z --to 2020-01-01T00:05:00Z --down 1990-01-01T00:00:30Z/2020-01-01T00:03:30Z"
    done = CliRunner().invoke(main, ["simulate", "-f", "task.yaml", *window.split()], catch_exceptions=False)
    # 10,957 days, and three minutes, of which the last has started.
    assert "15,778,082 NotStartedInTime" in done.stdout
    assert "2 started, 15,778,082 missed" in done.stdout

"""What validate --strict warns of: rows of manifests; and how warnings end it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crontask.cli.main import main

HEAD = "apiVersion: crontask.dev/v1alpha1\nkind: CronTask\n"
CONTAINER = "{container: {image: a}}"
CRON_JOB = "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {%s}\nspec: {schedule: x%s}\n"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def task(spec: str = "schedule: '5 4 * * *'", handler: str = CONTAINER, metadata: str = "name: a") -> str:
    return f"{HEAD}metadata: {{{metadata}}}\nspec:\n  {spec}\n  handler: {handler}\n"


def run(text: str, options: str = "--strict") -> Result:
    Path("m.yaml").write_text(text)
    return CliRunner().invoke(main, f"validate -f m.yaml {options}".split(), catch_exceptions=False)


def warned(text: str, options: str = "--strict") -> list[str]:
    """The warnings, without the name of the file; as they are all that is said."""
    done = run(text, options)
    lines = done.stderr.splitlines()
    assert all(": warning: " in line for line in lines), lines
    assert done.exit_code == (2 if lines else 0)
    assert done.stdout == ("" if lines else "no problems found\n")
    return [line.removeprefix("m.yaml:").replace(": warning: CronTask a: ", ": ") for line in lines]


BOTH = "is that of a CronJob at m.yaml:8, which is active as well: both start it; suspend one of them"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (task(), []),
        (task("schedule: '5 4 * * *'\n  suspend: true"), []),
        (
            task("schedule: '5 4 * * *'\n  suspend: false"),
            ["6: spec.suspend: is false: whoever has suspended the task finds it resumed once this is applied again;"],
        ),
        (task() + CRON_JOB % ("name: a", ""), [f"3: metadata.name: {BOTH}"]),
        (task(metadata="name: a, namespace: b") + CRON_JOB % ("name: a, namespace: b", ""), [BOTH]),
        (task(metadata="name: a, namespace: b") + CRON_JOB % ("name: a", ""), []),
        (task() + CRON_JOB % ("name: a", ", suspend: true"), []),
        (task("suspend: true\n  interval: 5m") + CRON_JOB % ("name: a", ""), []),
        (task() + CRON_JOB % ("generateName: a", ""), []),
        (task() + "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: 5\n", []),
    ],
)
def test_what_is_warned_of(text: str, wanted: list[str]) -> None:
    found = warned(text)
    assert len(found) == len(wanted), found
    assert all(words in line for words, line in zip(wanted, found, strict=True)), found


@pytest.mark.parametrize(
    ("handler", "at", "names"),
    [
        ('{container: {image: a, command: [sh, -c, "echo $(CRONTASK_ARGS)"]}}', "container.command[2]", ["ARGS"]),
        (
            '{container: {image: a, command: [/bin/bash, -euc], args: ["$(CRONTASK_ITEM)"]}}',
            "container.args[0]",
            ["ITEM"],
        ),
        ('{container: {image: a, args: [sh, -e, -c, "$(CRONTASK_CURSOR)"]}}', "container.args[3]", ["CURSOR"]),
        (
            '{container: {image: a, command: [env, A=b, sh, -c, "$(CRONTASK_TRIGGER)"]}}',
            "container.command[4]",
            ["TRIGGER"],
        ),
        ('{container: {image: a, command: [sh, -c, "eval run $CRONTASK_ARGS"]}}', "container.command[2]", ["ARGS"]),
        (
            '{podTemplate: {spec: {containers: [{name: a, image: a, command: [sh, -c, "$(CRONTASK_ARGS)"]}]}}}',
            "podTemplate.spec.containers[0].command[2]",
            ["ARGS"],
        ),
        (
            '{steps: [{name: s, container: {image: a, command: [sh, -c, "$(CRONTASK_ARGS) $(CRONTASK_ITEM)"]}}]}',
            "steps[0].container.command[2]",
            ["ARGS", "ITEM"],
        ),
        (
            '{container: {image: a, env: [{name: B, value: "$(CRONTASK_ARGS)"}], command: [sh, -c, "echo $(B)"]}}',
            "container.command[2]",
            ["B"],
        ),
        # Read by the shell as a value, or by no shell at all; left as it is; no variable of args.
        ("""{container: {image: a, command: [sh, -c, 'echo "$CRONTASK_ARGS"']}}""", "", []),
        ('{container: {image: a, command: [run, "$(CRONTASK_ARGS)"]}}', "", []),
        ('{container: {image: a, command: [sh, run.sh, -c, "$(CRONTASK_ARGS)"]}}', "", []),
        ('{container: {image: a, command: [sh, -c, "echo $$(CRONTASK_ARGS)"]}}', "", []),
        ('{container: {image: a, command: [sh, -c, "echo $(CRONTASK_NAME)"]}}', "", []),
        ('{container: {image: a, command: [sh, -c, run, "$(CRONTASK_ARGS)"]}}', "", []),
        ("{container: {image: a, command: [sh, -c]}}", "", []),
    ],
)
def test_args_in_the_code_of_a_shell(handler: str, at: str, names: list[str]) -> None:
    found = warned(task(handler=handler))
    assert [line.split(": ")[1] for line in found] == [f"spec.handler.{at}"] * len(names)
    assert all(f"{name})" in line for name, line in zip(names, found, strict=True)), found


def many(count: int, *specs: str) -> str:
    """So many tasks of each of the specs."""
    made = (task(spec, metadata=f"name: t{i}-{n}") for i, spec in enumerate(specs) for n in range(count))
    return "---\n".join(made)


@pytest.mark.parametrize(
    ("text", "others"),
    [
        (many(20, "schedule: '5 4 * * *'"), [19]),
        (many(19, "schedule: '5 4 * * *'"), []),
        # Of several kinds, at an hour that all have.
        (many(10, "schedule: '5 4 * * *'", "schedules: ['5 * * * *']"), [19]),
        (many(20, "schedule: '5 4 * * *'\n  jitter: 5m"), []),
        (many(20, "schedule: 'H 4 * * *'"), []),
        (many(20, "schedule: '5 4 * * *'\n  suspend: true"), []),
        (many(20, "interval: 5m"), []),
        # Two minutes that have nothing to do with one another; and what is in both is counted once.
        (many(20, "schedule: '5 4 * * *'", "schedule: '6 4 * * *'"), [19, 19]),
        (many(20, "schedule: '0 * * * *'", "schedule: '*/30 * * * *'"), [39]),
        (many(1, *(f"schedule: '{n} {h} * * *'" for n in range(60) for h in (3, 4))), []),
    ],
)
def test_many_tasks_at_one_minute(text: str, others: list[int]) -> None:
    done = run(text)
    assert [int(line.split(", and ")[1].split()[0]) for line in done.stderr.splitlines()] == others
    assert done.exit_code == (2 if others else 0)


def test_a_warning_that_is_given_anyway_ends_it_too() -> None:
    ineffective = task("schedule: '5 4 * * *'\n  catchUp: {limit: 3}")
    assert run(ineffective, "").exit_code == 0
    assert len(warned(ineffective)) == 1
    rows = json.loads(run(task("schedule: '5 4 * * *'\n  suspend: false"), "--strict -o json").stdout)
    assert [(row["path"], row["severity"], row["line"]) for row in rows] == [("spec.suspend", "warning", 6)]


def test_problems_and_warnings_are_said_together() -> None:
    text = task("suspend: false\n  interval: 5m") + "---\n" + task("schedule: '61 * * * *'", metadata="name: b")
    done = run(text)
    assert done.exit_code == 2
    assert [": warning: " in line for line in done.stderr.splitlines()] == [False, True]

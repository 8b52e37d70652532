"""What crontask validate says of whole manifests: of what is not ours, nearly ours, in lists, and without effect."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crontask.cli.main import main

HEAD = "apiVersion: crontask.dev/v1alpha1\nkind: CronTask\nmetadata: {name: a}\n"
HANDLER = '  handler: {container: {image: "busybox:1.36"}}\n'
SPEC = f'spec:\n  schedule: "0 9 * * *"\n{HANDLER}'
GOOD = HEAD + SPEC
WINDOW = "--from 2026-03-01T00:00:00Z --to 2026-03-01T00:03:00Z"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(text: str | bytes, command: str = "validate -f m.yaml") -> Result:
    Path("m.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return CliRunner().invoke(main, command.split(), catch_exceptions=False)


def told(text: str | bytes) -> list[str]:
    """The problems, without the name of the file."""
    done = run(text)
    lines = [line.removeprefix("m.yaml").removeprefix(":") for line in done.stderr.splitlines()]
    assert done.exit_code == (2 if [line for line in lines if "warning: " not in line] else 0), done.stderr
    return lines


LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
- apiVersion: v1
  kind: List
  items:
  - apiVersion: crontask.dev/v1alpha1
    kind: CronTask
    metadata: {name: a}
    spec: {interval: 5s}
"""
NOTHING = "there is no CronTask or ScheduledRun in it"
WRITE = "write apiVersion: crontask.dev/v1alpha1 and kind: CronTask"
ONE_VERSION = "apiVersion: must be crontask.dev/v1alpha1, not"
NOT_A_KIND = "is not a kind of crontask.dev; did you mean CronTask? write kind: CronTask"

MISREAD = "must be a string, not"
CATCH_UP = "  catchUp: {limit: 3}"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (GOOD, []),
        ("", [f" {NOTHING}; {WRITE}"]),
        ("---\n# nothing\n---\n", [f" {NOTHING}; {WRITE}"]),
        ("apiVersion: batch/v1\nkind: CronJob\nspec: {}", [f" {NOTHING}, but CronJob; {WRITE}"]),
        ("apiVersion: v1\nkind: List\nitems: []", [f" {NOTHING}; {WRITE}"]),
        # The example of Kubernetes' own pages about CRDs.
        (f"apiVersion: stable.example.com/v1\nkind: CronTab\n{SPEC}", [f" {NOTHING}, but CronTab; {WRITE}"]),
        (f"apiVersion: v1\nkind: ConfigMap\ndata: {{}}\n---\n{GOOD}", []),
        (GOOD.replace("CronTask", "Crontask"), [f"2: CronTask a: kind: Crontask {NOT_A_KIND}"]),
        (GOOD.replace("CronTask", "crontasks"), [f"2: CronTask a: kind: crontasks {NOT_A_KIND}"]),
        (GOOD.replace("CronTask", "CronTaks"), [f"2: CronTask a: kind: CronTaks {NOT_A_KIND}"]),
        (GOOD.replace("CronTask", "[CronTask]"), [f"2: CronTask a: kind: [CronTask] {NOT_A_KIND}"]),
        (
            GOOD.replace("CronTask", "CronJob"),
            ["2: document 1: kind: must be CronTask or ScheduledRun, not 'CronJob'; write kind: CronTask or Sche"],
        ),
        (GOOD.replace("kind: CronTask", "x: y"), ["1: document 1: kind: is missing; write kind: CronTask or Sched"]),
        (
            GOOD.replace("v1alpha1", "v1"),
            [f"1: CronTask a: {ONE_VERSION} 'crontask.dev/v1'; write apiVersion: crontask.dev/v1alpha1"],
        ),
        (GOOD.replace("crontask.dev/v1alpha1", "batch/v1"), [f"1: CronTask a: {ONE_VERSION} 'batch/v1'"]),
        (GOOD.replace("crontask.dev/v1alpha1", "5"), [f"1: CronTask a: {ONE_VERSION} 5"]),
        (GOOD.partition("\n")[2], ["1: CronTask a: apiVersion: is missing; write apiVersion: crontask.dev/v1alpha1"]),
        ("a: 1", ["1: document 1: kind: is missing, and so is apiVersion; write apiVersion: crontask.dev/v1alpha1"]),
        ("foo", ["1: document 1: must be an object, not 'foo'; write apiVersion, kind, metadata and spec"]),
        (f"{GOOD}---\n- a", ["8: document 2: must be an object, not [a]; write apiVersion, kind, metadata and spec"]),
        (LIST, ["12: CronTask a: items[1].items[0].spec.handler: is missing; write handler: {container: {image:"]),
        ("kind: List\nitems: 5", ["2: document 1: items: must be a list, not 5; write the objects, each after a -"]),
        ("kind: CronTaskList\nitems: [5]", ["2: document 1: items[0]: must be an object, not 5; write apiVersion"]),
        (HEAD, ["1: CronTask a: spec: there is no spec; write what to run and when under spec:"]),
        (f"{HEAD}spec: 5", ["4: CronTask a: spec: must be an object, not 5; write what to run and when under spec:"]),
        (f"{GOOD}specc: 1", ["7: CronTask a: specc: there is no such field; remove it: spec is there already"]),
        (f"{GOOD}  timezone: UTC", ["7: CronTask a: spec.timezone: there is no such field; write timeZone"]),
        (
            f"{HEAD}spec:\n  after: {{task: b, on: failed}}\n{HANDLER}",
            ["5: CronTask a: spec.after.on: 'failed' is not allowed; write on: Failed"],
        ),
        # Quoted or not.
        *(
            (f"{GOOD}  skip: [{{from: {date}}}]", ["7: CronTask a: spec.skip[0].from: '2026-02-30' is not a date: 202"])
            for date in ("2026-02-30", "'2026-02-30'")
        ),
        *(
            (f"{GOOD}  startTime: {time}", ["7: CronTask a: spec.startTime: '2026-02-29' is not a time: 2026-02 has"])
            for time in ("2026-02-29", "'2026-02-29'")
        ),
        (
            f"{GOOD}  startTime: 2026-02-28T24:00:00Z",
            ["7: CronTask a: spec.startTime: '2026-02-28T24:00:00Z' is not a time; write startTime: 2026-03-01T"],
        ),
        (f"{GOOD}  args: {{version: 2026-02-30}}", []),
        (
            f"{GOOD}  schedule: bogus",
            ["7: CronTask a: spec.schedule: is there twice, at lines 5 and 7; remove one of the two"],
        ),
        (f"{GOOD}  maxRuns: .inf", ["7: CronTask a: spec.maxRuns: .inf is not a number that JSON has; write a finite"]),
        (f"{GOOD}  args: {{a: {'9' * 5000}}}", ["7: CronTask a: spec.args.a: a number of 5000 digits does not fit"]),
        (
            f"{HEAD}spec:\n  handler: {{steps: [{{name: n, container: {{image: i}}}}]}}",
            [f'5: CronTask a: spec.handler.steps[0].name: {MISREAD} n, which YAML reads as false; write name: "n"'],
        ),
        (
            f"{HEAD}spec:\n  handler: {{container: {{image: i, command: [echo, 010, 1.0]}}}}",
            [
                f'5: CronTask a: spec.handler.container.command[1]: {MISREAD} 010, which YAML reads as 8; write it in',
                f'5: CronTask a: spec.handler.container.command[2]: {MISREAD} 1.0, which YAML reads as 1; write it in',
            ],
        ),
        # Warnings beside what is wrong.
        (
            f"{GOOD}  timeout: soon\n  after_: x\n  args: {{n: 3, 'y': 4, l: [{{on: 1}}]}}\n  maxRuns: 0\n{CATCH_UP}",
            [
                "8: CronTask a: spec.after_: there is no such field; write after",
                "10: CronTask a: spec.maxRuns: 0 is too small",
                "7: CronTask a: spec.timeout: 'soon' is not a duration",
                "11: warning: CronTask a: spec.catchUp.limit: has no effect without policy: All",
                '9: warning: CronTask a: spec.args.n: is the key "false" to YAML, as it has no quotes; write "n" in',
                '9: warning: CronTask a: spec.args.l[0].on: is the key "true" to YAML',
            ],
        ),
        (f"{HEAD}spec:\n  after: {{task: b, on: Failed}}\n{HANDLER}", []),
        ("a: 1\na: 2\nkind: ConfigMap", ["2: document 1: a: is there twice, at lines 1 and 2; remove one of the two"]),
        ("a: [", ["2: this is not valid YAML: a list or an object in brackets is not closed"]),
        (f"{GOOD}---\na: [", ["9: this is not valid YAML: a list or an object in brackets is not closed"]),
        (f"{HEAD}spec:\n  schedule: @daily\n{HANDLER}", ["5: this is not valid YAML: a value cannot begin with @"]),
        ("é".encode("latin-1"), ["1: is not UTF-8: it has the byte 0xe9"]),
    ],
)  # fmt: skip
def test_problems_of_a_manifest(text: str | bytes, wanted: list[str]) -> None:
    found = told(text)
    assert [line[: len(words)] for line, words in zip(found, wanted, strict=True)] == wanted


METADATA = [
    ("foo", "metadata: must be an object, not 'foo'; write metadata: {name: foo}"),
    ("5", "metadata: must be an object, not 5; write metadata: {name: my-task}"),
    ("", "metadata: is missing; write metadata: {name: my-task}"),
    ("{}", "metadata.name: is missing; write name: my-task"),
    ("{name: 5}", 'metadata.name: must be a string, not 5; write name: "5"'),
    ("{name: a, nmae: b}", "metadata.nmae: there is no such field; remove it: name is there already"),
    ("{name: A_b}", "metadata.name: 'A_b' is not a DNS label of at most 52 characters; write lower case"),
    ("{generateName: a-}", ""),
    ("{generateName: A-}", "metadata.generateName: 'A-' is not the beginning of a name of at most 47 characters"),
    ("{name: a, namespace: 5}", 'metadata.namespace: must be a string, not 5; write namespace: "5"'),
    ("{name: a, namespace: A}", "metadata.namespace: 'A' is not the name of a namespace; write lower case"),
    ("{name: a, labels: [x]}", "metadata.labels: must be an object, not [x]; write it like labels: {team: data}"),
    ("{name: a, labels: {b: 1}}", 'metadata.labels.b: must be a string, not 1; write b: "1"'),
    ("{name: a, labels: {b: x y}}", "metadata.labels.b: 'x y' is not the value of a label; write letters"),
    ("{name: a, labels: {_b: x}}", "metadata.labels._b: '_b' is not a key of labels and annotations; write it"),
    ("{name: a, labels: {team: data, example.com/team: data}}", ""),
    ("{name: a, annotations: {b: true}}", 'metadata.annotations.b: must be a string, not true; write b: "true"'),
    ("{name: a, creationTimestamp: yesterday}", "metadata.creationTimestamp: 'yesterday' is not a time"),
    ("{name: a, creationTimestamp: null}", ""),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "wanted"), METADATA)
@pytest.mark.parametrize("command", ["validate -f m.yaml", "next -f m.yaml --count 1", f"simulate -f m.yaml {WINDOW}"])
def test_metadata_is_judged_alike_by_every_verb(command: str, metadata: str, wanted: str) -> None:
    done = run(GOOD.replace("{name: a}", metadata), command)
    if wanted:
        assert wanted in done.stderr
    assert "Traceback" not in done.stderr
    nameless = metadata == "{generateName: a-}" and not command.startswith("validate")
    assert done.exit_code == (2 if wanted or nameless else 0)


@pytest.mark.parametrize("field", ["timezone: UTC", "skp: []", "maxruns: 1"])
@pytest.mark.parametrize("command", ["validate -f m.yaml", "next -f m.yaml", f"simulate -f m.yaml {WINDOW}"])
def test_a_field_that_there_is_not_is_refused_by_every_verb(command: str, field: str) -> None:
    done = run(f"{GOOD}  {field}\n", command)
    assert done.exit_code == 2
    assert f"m.yaml:7: CronTask a: spec.{field.partition(':')[0]}: there is no such field; write " in done.stderr


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("spec: {schedul: x}", "spec.schedul: there is no such field; write schedule"),
        ("spec: {schedule: 1}\nspce: {}", "spce: there is no such field; remove it: spec is there already"),
        ("spec: {startTime: 2026-02-30}\nspec: {}", "spec: is there twice, at lines 1 and 2"),
        ("- a", "this is not one patch; write an object, like spec: {suspend: true}"),
        ("a: 1\n---\nb: 1", "this is not one patch"),
        ("", "this is not one patch"),
        ("[" * 3000, "is nested more than 200 levels deep"),
    ],
)
def test_a_patch_is_read_as_a_manifest_is(patch: str, words: str) -> None:
    Path("patch.yaml").write_text(patch, encoding="utf-8")
    done = run(GOOD, f"simulate -f m.yaml {WINDOW} --edit 2026-03-01T00:01:00Z=patch.yaml")
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.startswith("--edit patch.yaml")


def _tasks(*places: tuple[str, str]) -> str:
    return "---\n".join(GOOD.replace("{name: a}", f"{{name: {name}{space}}}") for name, space in places)


TWO = _tasks(("t", ", namespace: a"), ("t", ", namespace: b"))


@pytest.mark.parametrize(
    ("text", "arguments", "wanted"),
    [
        (TWO, "-n b t", "b/t"),
        (TWO, "-n a", "a/t"),
        (TWO, "t", "m.yaml: there are several CronTasks; name one of: -n a t, -n b t"),
        (TWO, "-n c t", "m.yaml: there is no CronTask t in namespace c; name one of: -n a t, -n b t"),
        (_tasks(("t", ""), ("u", "")), "-n b u", "b/u"),
        (_tasks(("t", ""), ("u", "")), "", "m.yaml: there are several CronTasks; name one of: t, u"),
        (
            _tasks(("t", ""), ("t", "")),
            "t",
            "m.yaml: one CronTask is in it several times, at lines 1 and 8; rename all",
        ),
        (_tasks(("t", ", namespace: c")), "t", "c/t"),
        (LIST.replace("{interval: 5s}", "{interval: 5s, handler: {container: {image: i}}}"), "a", "default/a"),
    ],
)
def test_which_task_of_several_is_meant(text: str, arguments: str, wanted: str) -> None:
    done = run(text, f"next -f m.yaml --count 1 --from 2026-03-01 {arguments}")
    assert (done.stdout or done.stderr).startswith(wanted)


def test_a_problem_of_another_task_is_not_in_the_way() -> None:
    bad = GOOD.replace("0 9", "61 9")
    assert run(f"{_tasks(('t', ''))}---\n{bad}", "next -f m.yaml t --count 1").exit_code == 0
    assert run(f"{_tasks(('t', ''))}---\n{bad}", "next -f m.yaml a --count 1").exit_code == 2


def test_a_warning_refuses_nothing() -> None:
    done = run(f"{HEAD}spec:\n  interval: 5m\n  timeZone: Europe/Berlin\n{HANDLER}")
    assert (done.exit_code, done.stdout) == (0, "no problems found, but warnings\n")
    assert done.stderr == (
        "m.yaml:6: warning: CronTask a: spec.timeZone: has no effect beside interval: it is the zone of schedule, "
        "schedules and skip; remove it\n"
    )
    assert run(_tasks(("t", ""), ("t", ""))).stderr == (
        "m.yaml:8: warning: CronTask t: metadata.name: is that of the CronTask at line 1, which this one replaces; "
        "rename one of them\n"
    )


def test_every_file_and_every_folder_that_is_named_is_checked() -> None:
    bad = GOOD.replace("0 9", "61 9")
    assert bad != GOOD
    for name, text in (("a.yaml", GOOD), ("d/b.yml", bad), ("d/c.json", "{"), ("d/notes.txt", "none of it")):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    done = CliRunner().invoke(main, ["validate", "-f", "d/b.yml", "-f", "a.yaml"], catch_exceptions=False)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("d/b.yml:")
    done = CliRunner().invoke(main, ["validate", "-f", "a.yaml", "-f", "d"], catch_exceptions=False)
    assert done.exit_code == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["d/b.yml", "d/c.json"]
    Path("empty").mkdir()
    done = CliRunner().invoke(main, ["validate", "-f", "empty"], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (2, "empty: cannot be read: Is a directory; name a file that can be read\n")


def test_warnings_as_json() -> None:
    text = f"{HEAD}spec:\n  jitter: 5m\n{HANDLER}---\n{GOOD.replace('0 9', '61 9').replace('a}', 'b}')}"
    done = run(text, "validate -f m.yaml -o json")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.exit_code == 2
    assert [(row["severity"], row["file"], row["line"], row["path"]) for row in rows] == [
        ("warning", "m.yaml", 5, "spec.jitter"),
        ("error", "m.yaml", 12, "spec.schedule"),
    ]
    assert json.loads(run("a: [", "validate -f m.yaml -o json").stdout)[0]["line"] == 2

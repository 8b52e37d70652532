"""What crontask diff says of an edit: fields, times; and that the operator's own engine starts just those times."""

import json
import logging
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from crontask.cli.main import main

CREATED, AT, UNTIL = "2026-03-20T00:10:00Z", "2026-03-28T05:20:00Z", "2026-03-31T05:20:00Z"
HANDLER = {"container": {"image": "busybox:1.36"}}
DAILY = {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"}
HOURLY = {"schedule": "0 * * * *"}


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files of the test's own; `simulate` switches logging off for its process, which is ours here."""
    monkeypatch.chdir(tmp_path)
    before = logging.root.manager.disable
    yield
    logging.disable(before)


def write(file: str, *specs: dict[str, Any] | None, name: str = "a", **more: Any) -> None:
    """A task for each spec; the second is called b."""
    documents = [
        {
            "apiVersion": "crontask.dev/v1alpha1",
            "kind": "CronTask",
            "metadata": {"name": chr(ord(name) + index), "creationTimestamp": CREATED},
            "spec": {"handler": HANDLER, **spec},
            **more,
        }
        for index, spec in enumerate(specs)
        if spec is not None
    ]
    Path(file).write_text(yaml.safe_dump_all(documents), encoding="utf-8")


def run(command: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, shlex.split(command), input=stdin, catch_exceptions=False)


def compared(old: dict[str, Any], new: dict[str, Any], options: str = "--days 3", **more: Any) -> dict[str, Any]:
    write("old.yaml", old, **more)
    write("new.yaml", new)
    done = run(f"diff -f new.yaml --from old.yaml --at {AT} -o json --count 10000 {options}")
    assert done.exit_code == 0, done.stderr
    (row,) = json.loads(done.stdout)
    return dict(row)


def counts(row: dict[str, Any]) -> dict[str, int]:
    return {key: count for key, count in row["times"].items() if count}


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (DAILY, DAILY, {"old": 3, "new": 3, "stay": 3}),
        (DAILY, {**DAILY, "schedule": "0 3 * * *"}, {"old": 3, "new": 3, "stay": 1, "moves": 2}),
        # On the day on which 02:30 is at 03:00, nothing moves: it is left out.
        (DAILY, {**DAILY, "dst": {"missing": "Skip"}}, {"old": 3, "new": 2, "stay": 2, "goes": 1}),
        (DAILY, {"schedule": "30 2 * * *"}, {"old": 3, "new": 3, "moves": 3}),
        (HOURLY, {**HOURLY, "endTime": "2026-03-28T08:00:00Z"}, {"old": 72, "new": 2, "stay": 2, "goes": 70}),
        (HOURLY, {**HOURLY, "startTime": "2026-03-31T00:00:00Z"}, {"old": 72, "new": 6, "stay": 6, "goes": 66}),
        (HOURLY, {**HOURLY, "skip": [{"from": "2026-03-29"}]}, {"old": 72, "new": 48, "stay": 48, "goes": 24}),
        (HOURLY, {**HOURLY, "maxRuns": 5}, {"old": 72, "new": 5, "stay": 5, "goes": 67}),
        (HOURLY, {**HOURLY, "suspend": True}, {"old": 72, "goes": 72}),
        ({**HOURLY, "suspend": True}, HOURLY, {"new": 72, "comes": 72}),
        ({**HOURLY, "suspendUntil": "2026-03-28T12:00:00Z"}, HOURLY, {"old": 66, "new": 72, "stay": 66, "comes": 6}),
        (HOURLY, {"interval": "1h"}, {"old": 72, "new": 72, "moves": 72}),
        ({"interval": "1h"}, {"interval": "30m"}, {"old": 72, "new": 144, "stay": 72, "comes": 72}),
        (HOURLY, {}, {"old": 72, "goes": 72}),
        (HOURLY, {"after": {"task": "b"}}, {"old": 72, "goes": 72}),
        ({}, HOURLY, {"new": 72, "comes": 72}),
        (HOURLY, {"schedule": "H * * * *"}, {"old": 72, "new": 72, "moves": 72}),
        # 05:00 is about to start, with jitter; an edit of the timing leaves it out.
        ({**HOURLY, "jitter": "59m"}, {**HOURLY, "jitter": "59m"}, {"old": 73, "new": 73, "stay": 73}),
        ({**HOURLY, "jitter": "59m"}, HOURLY, {"old": 73, "new": 72, "startMoves": 72, "goes": 1}),
        ({**HOURLY, "jitter": "59m"}, {**HOURLY, "jitter": "59m", "timeout": "1m"}, {"old": 73, "new": 73, "stay": 73}),
        ({**HOURLY, "jitter": "59m"}, {**HOURLY, "jitter": "59m", "suspend": True}, {"old": 73, "goes": 73}),
    ],
)  # fmt: skip
def test_times_that_come_go_and_move(old: dict[str, Any], new: dict[str, Any], wanted: dict[str, int]) -> None:
    assert counts(compared(old, new)) == wanted


def starts(row: dict[str, Any]) -> set[tuple[str, str]]:
    """Nominal time and start of all that come and move; `stay` is known by its number alone."""
    new = [each["new"] for group in row["changes"] for each in group["times"] if each["new"] is not None]
    return {(due["nominal"], due["start"]) for due in new}


def gone(row: dict[str, Any]) -> set[str]:
    kinds = ("goes", "moves")
    return {each["old"]["nominal"] for group in row["changes"] if group["change"] in kinds for each in group["times"]}


def simulated(options: str = "") -> dict[str, str]:
    """What the engine starts from then on: starts by their nominal times."""
    window = f"--created {CREATED} --from {AT} --to 2026-03-31T06:20:00Z"
    done = run(f"simulate -f old.yaml {window} --run-takes 1s -o jsonl {options}")
    assert done.exit_code == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    starts = [line for line in lines if line.get("decision") == "Start" and line["nominal"] <= UNTIL]
    return {line["nominal"]: line["time"] for line in starts}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (DAILY, {**DAILY, "schedule": "15 3 * * *"}),
        (DAILY, {"schedule": "*/7 2-4 * * *", "timeZone": "Europe/Berlin"}),
        ({**DAILY, "dst": {"missing": "Skip"}}, {**DAILY, "timeZone": "America/New_York"}),
        (HOURLY, {**HOURLY, "jitter": "40m"}),
        ({**HOURLY, "jitter": "59m"}, {**HOURLY, "jitter": "10m"}),
        ({**HOURLY, "jitter": "59m"}, {"schedule": "H/2 * * * *"}),
        ({**HOURLY, "jitter": "59m"}, {**HOURLY, "jitter": "59m", "args": {"a": 1}}),
        ({**HOURLY, "jitter": "59m"}, {**HOURLY, "jitter": "59m", "suspend": True}),
        ({"interval": "20m"}, {"interval": "30m"}),
        ({"interval": "20m"}, {"interval": "20m", "startTime": "2026-03-29T00:05:00Z"}),
        ({**HOURLY, "suspend": True}, {**HOURLY, "suspend": False, "jitter": "59m"}),
        ({**HOURLY, "suspend": True}, {**HOURLY, "suspend": False}),
        (HOURLY, {**HOURLY, "suspendUntil": "2026-03-28T07:30:00Z"}),
        (HOURLY, {**HOURLY, "endTime": "2026-03-28T07:00:00Z", "skip": [{"from": "2026-03-29"}]}),
    ],
)
def test_the_engine_starts_just_those_times_once_it_has_seen_the_edit(old: dict[str, Any], new: dict[str, Any]) -> None:
    row = compared(old, new)
    patch = {**dict.fromkeys(old), **new}
    Path("patch.yaml").write_text(yaml.safe_dump({"spec": patch}), encoding="utf-8")
    without, edited = simulated(), simulated(f"--edit {AT}=patch.yaml")
    stays = {nominal: start for nominal, start in without.items() if edited.get(nominal) == start}
    assert row["times"]["stay"] == len(stays)
    assert starts(row) == {(nominal, start) for nominal, start in edited.items() if nominal not in stays}
    assert gone(row) == without.keys() - edited.keys()


def test_a_delay_has_one_time_that_is_known() -> None:
    status = {
        "phase": "Active",
        "recentRuns": [{"name": "a-1", "phase": "Succeeded", "completionTime": "2026-03-28T05:10:00Z"}],
    }
    row = compared({"delay": "1h"}, {"delay": "15m"}, status=status)
    # By its length it was due at 05:25.
    (change,) = row["changes"]
    assert [each["new"]["nominal"] for each in change["times"]] == ["2026-03-28T05:25:00Z"]
    late = compared({"delay": "1h"}, {"delay": "5m"}, status=status)
    # It had passed: it starts as soon as the edit is seen, and not before.
    assert late["changes"][-1]["times"][0]["new"]["nominal"] == "2026-03-28T05:20:01Z"
    assert "of a delay the next time alone is known" in late["notes"][0]


def test_an_edit_of_the_spec_ends_a_suspension_by_failures() -> None:
    tripped = {"generation": 0}
    status = {"phase": "Suspended", "tripped": tripped}
    assert (
        counts(compared({**HOURLY, "suspendAfterFailures": 2}, {**HOURLY, "suspendAfterFailures": 2}, status=status))
        == {}
    )
    row = compared({**HOURLY, "suspendAfterFailures": 2}, {**HOURLY, "suspendAfterFailures": 3}, status=status)
    assert counts(row) == {"new": 72, "comes": 72}


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ({"timeout": "60s"}, {"timeout": "1m"}, []),
        ({"concurrency": {"policy": "Forbid"}}, {}, []),
        ({"timeout": "1m"}, {"timeout": "2m"}, [("spec.timeout", "1m", "2m")]),
        ({"retry": {"limit": 3}}, {}, [("spec.retry", {"limit": 3}, None)]),
        ({"args": {"a": 1}}, {"args": {"a": True}}, [("spec.args.a", 1, True)]),
        (
            {"skip": [{"from": "2026-12-24"}, {"from": "2026-12-25"}]},
            {"skip": [{"from": "2026-12-24"}, {"from": "2026-12-26"}]},
            [("spec.skip[1].from", "2026-12-25", "2026-12-26")],
        ),
        (
            {"skip": [{"from": "2026-12-24"}]},
            {"skip": [{"from": "2026-12-24"}, {"from": "2026-12-26"}]},
            [("spec.skip", [{"from": "2026-12-24"}], [{"from": "2026-12-24"}, {"from": "2026-12-26"}])],
        ),
    ],
)
def test_fields_that_change(old: dict[str, Any], new: dict[str, Any], wanted: list[tuple[str, Any, Any]]) -> None:
    row = compared({**HOURLY, **old}, {**HOURLY, **new})
    assert [(field["path"], field["old"], field["new"]) for field in row["fields"]] == wanted
    assert row["state"] == ("changed" if wanted else "unchanged")


def test_an_edit_that_mends_what_could_not_be_used() -> None:
    row = compared({"schedule": "61 * * * *"}, HOURLY)
    assert counts(row) == {"new": 72, "comes": 72}
    assert row["notes"][0].startswith("nothing starts by what is there now: spec.schedule: ")
    assert ("spec.schedule", "61 * * * *") in [(field["path"], field["old"]) for field in row["fields"]]


def test_a_new_task_comes_with_all_its_times() -> None:
    write("old.yaml", HOURLY)
    write("new.yaml", HOURLY, HOURLY)
    done = run(f"diff -f new.yaml --from old.yaml --at {AT} --days 1 --count 1")
    assert done.exit_code == 0
    assert (
        done.stdout
        == f"""\
default/a: nothing changes: Every hour (UTC)
times from {AT} to 2026-03-29T05:20:00Z: 24 before, 24 after: 24 stay

default/b: new: Every hour (UTC)
times from {AT} to 2026-03-29T05:20:00Z: 0 before, 24 after: 24 come
CHANGE   OLD (UTC)            NEW (UTC)              NOTE
comes    -                    2026-03-28T06:00:00Z
comes    ... 23 more, until   2026-03-29T05:00:00Z
"""
    )


def test_what_is_compared_and_shown_has_a_bound() -> None:
    row = compared(HOURLY, {"interval": "1s"}, "--days 3660 --count 2")
    assert row["complete"] is False
    assert row["times"]["new"] == 50_002
    assert row["until"] < "2026-03-29"
    assert [len(group["times"]) for group in row["changes"]] == [2] * len(row["changes"])
    text = run(f"diff -f new.yaml --from old.yaml --at {AT} --days 3660").stdout
    assert "(more than 50000 times by then)" in text
    assert len(text.splitlines()) < 20


def test_stdin_and_folders_and_a_namespace() -> None:
    Path("new").mkdir()
    write("old.yaml", HOURLY, HOURLY)
    write("new/one.yaml", HOURLY)
    write("new/two.yaml", {"schedule": "30 * * * *"}, name="b")
    told = run(f"diff -f new -n shop --from old.yaml --at {AT}").stdout
    assert told.startswith("shop/a: nothing changes: Every hour (UTC)\n")
    assert "\n\nshop/b: At minute 30 of every hour (UTC), before: Every hour (UTC)\n" in told
    stdin = run(f"diff -f - --from old.yaml --at {AT} -o json", Path("new/two.yaml").read_text())
    assert [row["task"] for row in json.loads(stdin.stdout)] == ["default/b"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("diff -f bad.yaml --from good.yaml", "bad.yaml:4: CronTask a: spec.schedule: "),
        ("diff -f good.yaml -f bad.yaml --from good.yaml", "bad.yaml:4: CronTask a: spec.schedule: "),
        ("diff -f nowhere.yaml --from good.yaml", "nowhere.yaml"),
        ("diff -f good.yaml --from nowhere.yaml", "nowhere.yaml: cannot be read"),
        ("diff -f good.yaml --from other.yaml", "other.yaml: there is no CronTask in it, but ConfigMap"),
        ("diff -f other.yaml --from good.yaml", "other.yaml: there is no CronTask in it, but ConfigMap"),
        ("diff -f good.yaml --from nameless.yaml", "nameless.yaml:3: CronTask (no name): metadata.name"),
        ("diff -f here.yaml --from good.yaml -n there", "metadata.namespace: is not that of -n, there; write -n here"),
        ("diff -f good.yaml --from good.yaml --days 0", "--days"),
        ("diff -f good.yaml --from good.yaml --at soon", "'soon' is not a time"),
        ("diff", "Missing option '-f'"),
    ],
)
def test_what_cannot_be_compared_is_refused(command: str, words: str) -> None:
    write("good.yaml", HOURLY)
    write("bad.yaml", {"schedule": "61 * * * *"})
    head = "apiVersion: crontask.dev/v1alpha1\nkind: CronTask\nmetadata: {}\n"
    Path("bad.yaml").write_text(
        f"{head.replace('{}', '{name: a}')}spec: {{schedule: 61 * * * *, handler: {{container: {{image: a}}}}}}\n"
    )
    Path("nameless.yaml").write_text(f"{head}spec: {{interval: 5m, handler: {{container: {{image: a}}}}}}\n")
    Path("here.yaml").write_text(Path("nameless.yaml").read_text().replace("{}", "{name: a, namespace: here}"))
    Path("other.yaml").write_text("apiVersion: v1\nkind: ConfigMap\n")
    done = run(command)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert done.stdout == ""

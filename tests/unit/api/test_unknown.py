"""Mistyped fields are found at every depth; what is free-form has none."""

from typing import Any

import pytest

from crontask.api.crontask import CronTaskSpec
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.api.unknown import unknown_fields


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"scheduel": "* * * * *"}, ["spec.scheduel: there is no such field; write schedule"]),
        ({"concurrency": {"polcy": "Allow"}}, ["spec.concurrency.polcy: there is no such field; write policy"]),
        ({"skip": [{"from": "2026-01-01"}, {"form": "x"}]}, ["spec.skip[1].form: there is no such field; write from"]),
        ({"handler": {"http": {"header": []}}}, ["spec.handler.http.header: there is no such field; write headers"]),
        (
            {"xyz": 1, "retry": {"qqq": 1}},
            ["spec.xyz: there is no such field; remove it", "spec.retry.qqq: there is no"],
        ),
        ({1: 2}, ["spec.1: there is no such field; remove it"]),
        ({"args": {"any": {"thing": 1}}, "argsSchema": {"x-mine": 1}}, []),
        ({"handler": {"container": {"image": "a", "anything": 1}, "pod": {"spec": {"anything": 1}}}}, []),
        ({"after": {"task": "a", "on": "Failed", "true": "Failed"}}, []),
        # A CronJob's words, and fields of another place.
        (
            {"concurrencyPolicy": "Forbid"},
            ["spec.concurrencyPolicy: there is no such field; write concurrency: {policy"],
        ),
        (
            {"startingDeadlineSeconds": 30},
            ["spec.startingDeadlineSeconds: there is no such field; write startingDeadl"],
        ),
        (
            {"failedJobsHistoryLimit": 1},
            ["spec.failedJobsHistoryLimit: there is no such field; write history: {failed: 1}"],
        ),
        ({"jobTemplate": {}}, ["spec.jobTemplate: there is no such field; write handler: {podTemplate: …}, with the"]),
        ({"image": "a:1"}, ['spec.image: there is no such field; write handler: {container: {image: "a:1"}}']),
        ({"handler": {"image": "a"}}, ["spec.handler.image: there is no such field; write container: {image: a}"]),
        ({"container": {}}, ["spec.container: there is no such field; write it within handler"]),
        ({"limit": 3}, ["spec.limit: there is no such field; write it within catchUp or retry"]),
        (
            {"schedule": "x", "scheduel": "y"},
            ["spec.scheduel: there is no such field; remove it: schedule is there alr"],
        ),
        ("no spec", []),
        ({"retry": "no object", "skip": {"from": 1, "until": 2}}, ["spec.skip.until: there is no such field"]),
    ],
)
def test_of_a_task(spec: Any, words: list[str]) -> None:
    found = [str(problem) for problem in unknown_fields(spec, CronTaskSpec, "spec")]
    assert len(found) == len(words)
    assert all(told.startswith(wanted) for told, wanted in zip(found, words, strict=True))


def test_what_a_task_has_and_a_run_has_not() -> None:
    found = unknown_fields({"taskRef": {"name": "a"}, "resultSchema": {}}, ScheduledRunSpec, "spec")
    assert [problem.path for problem in found] == ["spec.resultSchema"]

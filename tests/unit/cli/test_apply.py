"""What `apply` says of a change besides its name: which fields differ, and what was taken over."""

from typing import Any

import pytest

from crontask.cli.apply import details
from crontask.crons.sync import Change


def task(schedule: str, **labels: str) -> dict[str, Any]:
    return {"kind": "CronTask", "metadata": {"name": "a", "labels": labels}, "spec": {"schedule": schedule}}


OLD, NEW = task("0 2 * * *"), task("0 3 * * *", app="shop")
TAKEN = {"spec.schedule": "kubectl-edit"}
FILE = {"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a.py": "a\nb\nc\n"}}
EDITED = {**FILE, "data": {"a.py": "a\nB\nc\n"}}
CUT = {**FILE, "data": {"a.py": "a\nb\nc"}}
LONGER = {**FILE, "data": {"a.py": "a\nb\nc\nd\n"}}
DIFFERENT = ["a: spec.schedule: 0 2 * * * -> 0 3 * * *", "a: metadata.labels.app: - -> shop"]


@pytest.mark.parametrize(
    ("change", "dry_run", "said"),
    [
        (Change("CronTask", "a", "configured", NEW, OLD), True, DIFFERENT),
        (Change("CronTask", "a", "configured", NEW, OLD), False, []),
        (Change("ConfigMap", "m", "configured", EDITED, FILE), True, ["m: data.a.py, from line 2: b -> B"]),
        (Change("ConfigMap", "m", "configured", CUT, FILE), True, ["m: data.a.py, from line 3: c -> c"]),
        (Change("ConfigMap", "m", "configured", LONGER, FILE), True, ["m: data.a.py, from line 4: - -> d"]),
        (Change("CronTask", "a", "unchanged", OLD, OLD), True, []),
        (Change("CronTask", "a", "created", NEW), True, []),
        (Change("CronTask", "a", "pruned", OLD), True, []),
        (
            Change("CronTask", "a", "configured", NEW, OLD, TAKEN),
            False,
            ["a: spec.schedule is taken over from kubectl-edit"],
        ),
        (
            Change("CronTask", "a", "configured", NEW, OLD, TAKEN),
            True,
            ["a: spec.schedule would be taken over from kubectl-edit", *DIFFERENT],
        ),
    ],
)
def test_what_is_said_of_a_change(change: Change, dry_run: bool, said: list[str]) -> None:
    assert list(details(change, dry_run)) == said

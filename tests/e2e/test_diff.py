"""What `crontask diff` says of an edit is what the operator then does with it: with the files of examples/."""

import json
import os
import subprocess
import sys
from typing import Any

from bench import EXAMPLES, Bench

EDIT = EXAMPLES / "diff" / "nightly.yaml"


def diff(bench: Bench) -> dict[str, Any]:
    command = [sys.executable, "-m", "crontask.cli.main", "-n", bench.namespace, "diff", "-f", str(EDIT), "-o", "json"]
    environment = {**os.environ, "KUBECONFIG": str(bench.tools.kubeconfig)}
    options = ["--days", "90", "--count", "100"]
    done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True, check=True, timeout=60)
    (row,) = json.loads(done.stdout)
    return dict(row)


def upcoming(bench: Bench, schedule: str) -> list[str]:
    """The next times by the status, once it is about that schedule."""

    def seen() -> list[str]:
        status = bench.get("ct", "nightly").get("status", {})
        return list(status["upcoming"]) if status.get("scheduleText") == schedule else []

    return list(bench.until(f"the operator has seen {schedule}", seen))


def test_the_times_that_an_edit_moves_are_those_that_the_operator_moves(bench: Bench) -> None:
    bench.apply("nightly.yaml")
    before = upcoming(bench, "30 2 * * *")
    row = diff(bench)
    assert [field["path"] for field in row["fields"]] == ["spec.schedule"]
    moves = [each for group in row["changes"] if group["change"] == "moves" for each in group["times"]]
    assert row["times"]["moves"] == row["times"]["new"] == len(moves)
    assert [each["old"]["nominal"] for each in moves[:5]] == before
    assert bench.get("ct", "nightly")["spec"]["schedule"] == "30 2 * * *", "nothing was written"
    bench.apply(EDIT.read_text())
    assert upcoming(bench, "0 3 * * *") == [each["new"]["nominal"] for each in moves[:5]]
    assert diff(bench)["state"] == "unchanged"

"""The file of examples/crons against a real cluster: applied, run, edited, applied again, pruned."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bench import EXAMPLES, Bench

EXAMPLE = EXAMPLES / "crons" / "crons.py"
OWNED = ("-l", "crontask.dev/owner=shop", "-o", "name")


@pytest.fixture
def environment(bench: Bench, tmp_path: Path) -> dict[str, str]:
    """Of a program of a user, whose context has the namespace of the test."""
    config = yaml.safe_load(bench.tools.kubeconfig.read_text())
    context = next(each["context"] for each in config["contexts"] if each["name"] == config["current-context"])
    context["namespace"] = bench.namespace
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    return {**os.environ, "KUBECONFIG": str(kubeconfig)}


def run(environment: dict[str, str], *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout


def apply(environment: dict[str, str], *words: str, code: int = 0) -> dict[str, str]:
    """What became of each object."""
    lines = run(environment, "-m", "crontask.cli.main", "apply", *words, code=code).splitlines()
    return {line.split(" ", 1)[0].rpartition("/")[2]: line.split(" ", 1)[1] for line in lines}


def test_a_file_that_is_deployed_with_the_application(
    bench: Bench, environment: dict[str, str], tmp_path: Path
) -> None:
    """Row 43: `apply crons.py --prune`; a function runs in a pod; edits and what is gone from the file are followed."""
    names = ("clean-up", "daily-report", "rebuild", "ship")
    assert apply(environment, str(EXAMPLE)) == dict.fromkeys(("crons-shop.crons", *names), "created")
    assert apply(environment, str(EXAMPLE)) == dict.fromkeys(("crons-shop.crons", *names), "unchanged")
    bench.until("all are active", lambda: all(bench.get("ct", each)["status"]["phase"] == "Active" for each in names))

    # The file itself is the program that triggers: its functions, with their types.
    printed = run(environment, str(EXAMPLE))
    assert printed == "Totals(index='books', documents=3, day=datetime.date(2026, 3, 1))\n"
    (rebuilt,) = bench.runs("rebuild")
    assert rebuilt["status"]["result"] == {"index": "books", "documents": 3, "day": "2026-03-01"}
    (shipped,) = bench.runs("ship")
    assert shipped["spec"]["idempotencyKey"] == "order-42"
    assert bench.ended(shipped["metadata"]["name"], "Succeeded")["result"] == 42

    # Edited: the next run runs the new code, and what somebody has paused stays so.
    bench.kubectl("patch", "ct", "clean-up", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    edited = tmp_path / "crons.py"
    text = EXAMPLE.read_text().replace("documents=3", "documents=4").replace("minutes=15", "minutes=20")
    edited.write_text(text)
    changed = apply(environment, str(edited))
    assert {name for name, what in changed.items() if what == "configured"} == {"crons-shop.crons", "clean-up"}
    clean_up = bench.get("ct", "clean-up")["spec"]
    assert (clean_up["interval"], clean_up["suspend"]) == ("20m", True)
    trigger = ("-m", "crontask.cli.main", "trigger", "rebuild", "--set", "index=books", "--wait", "-o", "name")
    run(environment, *trigger)
    results = [each["status"]["result"]["documents"] for each in bench.runs("rebuild")]
    assert results == [3, 4]

    # Gone from the file: what runs goes on to its end, and then the task goes.
    slow = text.replace("    return order\n", "    await asyncio.sleep(30)\n    return order\n")
    edited.write_text(slow.replace("from dataclasses", "import asyncio\nfrom dataclasses", 1))
    apply(environment, str(edited))
    ship = run(environment, "-m", "crontask.cli.main", "trigger", "ship", "--set", "order=43", "-o", "name")
    last = ship.strip().rpartition("/")[2]
    bench.until("it runs", lambda: bench.phase(last) == "Running")
    edited.write_text(text.partition("@crons.task(on_demand")[0])
    assert apply(environment, str(edited), "--prune", "--drain-timeout", "1s", code=3)["ship"] == "still running"
    assert bench.get("ct", "ship")["spec"]["suspend"] is True
    assert apply(environment, str(edited), "--prune", "--revision", "2")["ship"] == "pruned"
    assert bench.get("ct", "ship") == {}
    assert bench.kubectl("get", "ct", *OWNED).split() == [
        f"crontask.crontask.dev/{name}" for name in ("clean-up", "daily-report", "rebuild")
    ]
    # An older deployment that comes late changes nothing.
    assert apply(environment, str(EXAMPLE), "--prune", "--revision", "1") == {}
    assert bench.get("ct", "ship") == {}
    nothing = tmp_path / "nothing.py"
    nothing.write_text('from crontask import Crons\n\ncrons = Crons(owner="shop")\n')
    apply(environment, str(nothing), "--prune", "--revision", "3", code=2)
    apply(environment, str(nothing), "--prune", "--revision", "3", "--allow-empty")
    assert bench.kubectl("get", "ct,cm", *OWNED) == ""

"""A CronTask that was a CronJob starts at the times at which kube-controller-manager starts the CronJob's Jobs."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cronjob_shapes import SHAPES, Shape, starts

from crontask.api.base import format_time
from crontask.cli.main import main

# Ordinary ones; in Europe and on Lord Howe the clock changes, in spring and in autumn.
DAYS = ("2026-06-01", "2026-02-15", "2026-03-29", "2026-10-25", "2026-04-04", "2026-10-03")
ON_DEMAND = "on-demand"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """`simulate` switches logging off for its process, which is ours here."""
    before = logging.root.manager.disable
    yield
    logging.disable(before)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_it_starts_when_the_cronjob_did(shape: Shape, tmp_path: Path) -> None:
    (tmp_path / "cronjob.json").write_text(json.dumps(shape.manifest))
    done = CliRunner().invoke(main, ["convert", "-f", str(tmp_path / "cronjob.json"), "--rename"])
    assert done.exit_code == (8 if shape.lost else 0), done.stderr
    assert [part for part in shape.lost if part not in done.stderr] == []
    (tmp_path / "task.yaml").write_text(done.stdout)
    assert CliRunner().invoke(main, ["validate", "-f", str(tmp_path / "task.yaml")]).exit_code == 0
    expected, found = [], []
    for day in DAYS:
        begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
        if shape.name != ON_DEMAND:
            # What is due at the beginning is due at the creation, and so not yet.
            expected += [format_time(at) for at in starts(shape.manifest["spec"], begin, begin + timedelta(days=1))]
        window = ["--created", format_time(begin - timedelta(seconds=1)), "--from", day]
        until = ["--to", format_time(begin + timedelta(days=1)), "-o", "jsonl", "--run-takes", "1s"]
        played = CliRunner().invoke(main, ["simulate", "-f", str(tmp_path / "task.yaml"), *window, *until])
        assert played.exit_code == 0, played.output
        lines = [json.loads(line) for line in played.stdout.splitlines()]
        found += [line["nominal"] for line in lines if line.get("decision") == "Start"]
    assert found == expected
    assert bool(expected) is (shape.name not in (ON_DEMAND, "cleanup-suspended"))

"""The program of examples/sdk against a real cluster: crons registered, changed, paused, resumed and deleted by it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from bench import EXAMPLES, Bench


def test_a_program_looks_after_its_crons(bench: Bench, tmp_path: Path) -> None:
    """Row 15: registered, changed, paused, resumed, deleted at run time; what has no timing is a clear error."""
    config = yaml.safe_load(bench.tools.kubeconfig.read_text())
    current = config["current-context"]
    context = next(each["context"] for each in config["contexts"] if each["name"] == current)
    context["namespace"] = bench.namespace
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    outputs = [
        subprocess.run(
            [sys.executable, str(EXAMPLES / "sdk" / "shop.py")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        ).stdout
        for _ in range(2)
    ]
    # Started again it does not run anything again.
    assert outputs[0] == outputs[1]
    assert "shop-forgotten: has no schedule (or schedules), interval, delay or after" in outputs[0]
    assert "{'removed': 7}" in outputs[0]
    assert len(bench.runs("shop-clean-up")) == len(bench.runs("shop-invoice")) == 1
    assert bench.get("ct", "shop-report") == {}
    clean_up = json.loads(bench.kubectl("get", "ct", "shop-clean-up", "-o", "json", "--show-managed-fields"))
    assert not clean_up["spec"].get("suspend")
    assert {entry["manager"] for entry in clean_up["metadata"]["managedFields"]} >= {"crontask-sdk/shop"}

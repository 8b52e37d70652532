"""What a verb costs before its request: modules that are not imported cost nothing. And each has its help."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from kubeconfigs import config, write

from crontask.cli.main import main

ROOT = Path(__file__).resolve().parents[3]
# pydantic alone takes as much processor time as a verb may.
HEAVY = {"aiohttp", "asyncio", "kopf", "kubernetes", "pydantic", "rich", "jsonschema_rs", "prometheus_client", "uvloop"}
OF_THE_CLIENT = {"crontask.client.cluster", "urllib3", "ssl", "orjson", "yaml"}
CLUSTER_VERBS = (
    "audit a --from 7d",
    "backfill a --from 7d",
    "cancel a",
    "describe a",
    "history a",
    "list",
    "logs a",
    "rerun a",
    "resume a",
    "runs",
)
MORE_CLUSTER_VERBS = ("suspend a", "trigger a", "wait a", "run --image a", "run --url http://a", "trigger a --set b=1")
assert isinstance(main, click.Group)


def loaded(line: str, folder: Path) -> set[str]:
    """The modules that are there when the verb has ended: there is no API server where the kubeconfig says."""
    program = (
        "import sys\nfrom crontask.cli.main import main\n"
        f"try:\n    main({line.split()!r})\nexcept SystemExit as end:\n    print(end.code, *sys.modules)"
    )
    nowhere = write(folder, config(cluster={"server": "http://127.0.0.1:9"}))
    environment = {"PYTHONPATH": str(ROOT / "operator"), "PATH": "/usr/bin", "KUBECONFIG": str(nowhere)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert "Traceback" not in done.stderr, done.stderr
    return set(done.stdout.split()[-2000:])


def test_help_loads_no_client_and_no_verb(tmp_path: Path) -> None:
    found = loaded("--help", tmp_path)
    assert found & (HEAVY | OF_THE_CLIENT) == set()
    assert not any(f"crontask.cli.{verb}" in found for verb in main.commands)


@pytest.mark.parametrize("line", CLUSTER_VERBS + MORE_CLUSTER_VERBS)
def test_a_cluster_verb_loads_the_client_and_nothing_heavy(line: str, tmp_path: Path) -> None:
    found = loaded(f"--request-timeout 1 {line}", tmp_path)
    assert "9" in found, "the API server was not reached"
    assert found & HEAVY == set()
    assert "crontask.client.cluster" in found


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_the_help_of_a_verb_has_an_example_that_can_be_written(verb: str) -> None:
    command = main.commands[verb]
    done = CliRunner().invoke(main, [verb, "--help"])
    assert done.exit_code == 0
    (example,) = [line for line in (command.help or "").splitlines() if line.strip().startswith("Example: crontask ")]
    words = example.split()[2:]
    assert words[0] == verb
    assert example.split("Example: ")[1].split()[0] in " ".join(done.output.split())

"""What the client costs before its first request: modules that are not imported cost nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from kubeconfigs import config, write

ROOT = Path(__file__).resolve().parents[3]
NEVER = {"aiohttp", "asyncio", "kopf", "kubernetes", "pydantic"}
WITH_A_REQUEST = {"urllib3", "ssl", "orjson", "http.client"}
WITH_A_KUBECONFIG = {"yaml"}
WITH_A_PLUGIN = {"subprocess", "json"}


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("from crontask.client import Cluster", NEVER | WITH_A_REQUEST | WITH_A_KUBECONFIG | WITH_A_PLUGIN),
        (
            "from crontask.client import Cluster, Flags; Cluster.load(Flags({!r}))",
            NEVER | WITH_A_REQUEST | WITH_A_PLUGIN,
        ),
        ("from crontask.client import *", {"kopf", "kubernetes", "pydantic"}),
        (
            "from crontask import AsyncClient, Client, errors",
            NEVER | WITH_A_REQUEST | WITH_A_KUBECONFIG | {"subprocess", "random", "msgspec"},
        ),
        ("from crontask import *; AsyncClient(access=1)", {"kopf", "kubernetes", "urllib3"}),
    ],
)
def test_what_is_not_needed_is_not_imported(code: str, absent: set[str], tmp_path: Path) -> None:
    program = f"import sys; {code.format(str(write(tmp_path, config())))}; print(*sys.modules)"
    environment = {"PYTHONPATH": str(ROOT / "operator"), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    loaded = set(done.stdout.split())
    assert "crontask.client.cluster" in loaded
    assert loaded & absent == set()


def test_a_program_that_uses_nothing_loads_nothing() -> None:
    program = "import sys; import crontask; print(*(name for name in sys.modules if name.startswith('crontask')))"
    environment = {"PYTHONPATH": str(ROOT / "operator"), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["crontask"]


def test_what_it_takes_to_load_the_sdk() -> None:
    """The least of several, since whatever runs beside makes each take longer."""
    program = "from time import process_time as t; a = t(); from crontask import Client; print((t() - a) * 1000)"
    environment = {"PYTHONPATH": str(ROOT / "operator"), "PATH": "/usr/bin"}
    taken = [
        float(subprocess.check_output([sys.executable, "-c", program], env=environment, text=True, timeout=60))
        for _ in range(7)
    ]
    assert min(taken) < 150, "milliseconds of processor beyond a bare interpreter"

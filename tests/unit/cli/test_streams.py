"""What becomes of the standard streams, and what a command loads before it says anything: the installed program."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "crontask.cli.main"]
NEXT = [*COMMAND, "next", "-f", str(ROOT / "examples" / "every-minute.yaml")]
HEAVY = {"kopf", "kubernetes", "aiohttp", "jsonschema_rs", "rich", "croniter"}
LOADED = """
import sys
from crontask.cli.main import main
sys.argv = ["crontask", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
    raise
"""


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    with subprocess.Popen([*NEXT, "--count", "5000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_what_is_known_of_a_run_is_the_exit_code_also_without_a_reader() -> None:
    script = "from crontask.cli.streams import ends_with, standard_streams\n"
    script += "with standard_streams():\n    ends_with(4)\n    while True:\n        print('a line', flush=True)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 4


@pytest.mark.parametrize("arguments", [NEXT, [*COMMAND, "--help"], [*NEXT, "-o", "json"]])
def test_an_output_that_cannot_be_written_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("arguments", [["--help"], NEXT[3:], ["next", "--help"]])
def test_nothing_heavy_is_loaded(arguments: list[str]) -> None:
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stdout
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert HEAVY & loaded == set()

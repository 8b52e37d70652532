"""What a make target needs is announced, made side by side, and not half left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from api_server import until
from clones import Clone

import prepare
from cluster import binaries
from cluster.processes import Record

END = "Ctrl-C ends it and leaves nothing half-made."


@pytest.mark.parametrize(
    ("missing", "seconds", "wanted"),
    [
        (
            {"binaries": "10 binaries", "python": "Python packages"},
            890,
            [
                "Made once, side by side, and kept: about 8 minutes on two idle cores and a fast network",
                f"(measured: 15 minutes of processor time). {END}",
                "  10 binaries",
                "  Python packages",
            ],
        ),
        (
            {"python": "Python packages"},
            30,
            [
                "Made once and kept: about 20 seconds on two idle cores and a fast network",
                f"(measured: 30 seconds of processor time). {END}",
                "  Python packages",
            ],
        ),
        (
            {"image": "the image"},
            120,
            [
                "Made once and kept: about 1 minute on two idle cores and a fast network",
                f"(measured: 2 minutes of processor time). {END}",
                "  the image",
            ],
        ),
    ],
)
def test_what_will_be_made_and_how_long_it_takes_is_told(
    missing: dict[str, str], seconds: int, wanted: list[str]
) -> None:
    assert prepare.announcement(missing, seconds).splitlines() == wanted


def test_it_needs_nothing_but_the_standard_library() -> None:
    """It installs the rest."""
    script = f"import sys; sys.path.insert(0, {str(Path(prepare.__file__).parent)!r}); import prepare"
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True)


def test_a_fresh_clone_is_told_what_is_made_and_the_next_time_nothing(clone: Clone) -> None:
    first = _prepare(clone, "python", "binaries")

    assert first.returncode == 0
    said = first.stderr.splitlines()
    assert said[0].startswith("Made once, side by side, and kept: about ")
    assert said[2:4] == [
        "  Python packages, into .venv",
        f"  10 binaries, from source by Go: {', '.join(binaries.PACKAGES)}",
    ]
    assert (clone.folder / ".venv" / "bin" / "pip").exists()
    for program in ("crontask", "kubectl-crontask"):
        assert os.access(clone.folder / ".venv" / "bin" / program, os.X_OK)
    second = _prepare(clone, "python", "binaries")
    assert (second.returncode, second.stderr) == (0, "")
    assert len(clone.go_calls()) == 2


def test_a_changed_lock_file_installs_anew(clone: Clone) -> None:
    program = clone.folder / ".venv" / "bin" / "crontask"
    program.parent.mkdir(parents=True)
    program.touch()
    installed = clone.folder / ".venv" / "installed"
    installed.touch()
    os.utime(clone.lock, (0, 0))
    assert _prepare(clone, "python").stderr == ""

    os.utime(installed, (0, 0))
    os.utime(clone.lock, (1, 1))
    assert "installing 0 Python packages" in _prepare(clone, "python").stderr


def test_a_failure_is_told_by_its_last_lines_and_leaves_nothing_half_made(clone: Clone) -> None:
    failed = _prepare(clone, "python", "binaries", build="echo 'no space left on device'; exit 1")

    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert failed.stderr.splitlines()[-1] == "  no space left on device"
    _assert_nothing_left(clone)


def test_an_interruption_ends_all_and_leaves_nothing_half_made(clone: Clone) -> None:
    build = 'echo $$ > "$FAKE_GO_CALLS.pid"; touch "$FAKE_GO_CALLS.ready"; sleep 60'
    with subprocess.Popen(
        _command(clone, "binaries"), env=clone.environment(build), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        waiting = iter(process.stderr.readline, "")
        next(line for line in waiting if "building etcd" in line)
        until("it builds", Path(f"{clone.calls}.ready").exists)
        builder = Record.of(int(Path(f"{clone.calls}.pid").read_text()))
        assert builder.alive()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()

    assert process.returncode == 128 + signal.SIGINT
    assert "Interrupted" in said
    assert not builder.alive()
    _assert_nothing_left(clone)


def _prepare(clone: Clone, *parts: str, build: str = "true") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(clone, *parts), env=clone.environment(build), capture_output=True, text=True, check=False
    )


def _command(clone: Clone, *parts: str) -> list[str]:
    return [sys.executable, str(clone.folder / "hack" / "prepare.py"), *parts]


def _assert_nothing_left(clone: Clone) -> None:
    assert not (clone.folder / ".venv").exists()
    assert [path.name for path in clone.cache.rglob("*") if path.is_file()] == [".lock"]

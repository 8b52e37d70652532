"""`make e2e`: the end-to-end tests on a real cluster; a throw-away one is taken down after, whatever happens.

They mostly wait for pods, so several run side by side, each in its own namespace; then, side by side too, those that
kill the operator, each of which goes on however often the others do; then, one by one, those that disturb others: they
stop the operator for longer, or change how it is installed.
"""

import os
import subprocess
import sys

import pytest

from cluster import cluster, report
from installation import READY, install, ready_cluster, uninstall

SIDE_BY_SIDE = 4
KILLERS = 6
"""All of them: they wait for the next operator together."""


def main(folder: str = "tests/e2e") -> int:
    """The exit code of pytest on the tests in a folder, with the arguments of the command line."""
    tools = None
    try:
        tools = ready_cluster()
        install(tools)
        together = _pytest(folder, "-m", "not alone and not kills", "-n", str(SIDE_BY_SIDE), "--dist", "load")
        killers = _pytest(folder, "-m", "kills and not alone", "-n", str(KILLERS), "--dist", "load")
        one_by_one = _pytest(folder, "-m", "alone")
        return _worse(_worse(together, killers), one_by_one)
    finally:
        if tools is not None and not tools.throw_away:
            uninstall(tools)
        elif tools is not None:
            cluster.down()
            report.say("The cluster is down.")


def _pytest(folder: str, *options: str) -> int:
    slowest = ("--durations=20", "--durations-min=5")
    command = [sys.executable, "-m", "pytest", "-q", *slowest, folder, *options, *sys.argv[1:]]
    return subprocess.run(command, check=False, env={**os.environ, READY: "1"}).returncode


def _worse(first: int, second: int) -> int:
    """Of two exit codes of pytest. That one of them found no test is well if the other did."""
    nothing = int(pytest.ExitCode.NO_TESTS_COLLECTED)
    return second if first == nothing else first or (0 if second == nothing else second)


if __name__ == "__main__":
    sys.exit(main())

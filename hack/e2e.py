"""`make e2e`: the end-to-end tests on a real cluster; a throw-away one is taken down after, whatever happens."""

import subprocess
import sys

from cluster import cluster, report
from installation import ready_cluster, uninstall


def main(folder: str = "tests/e2e") -> int:
    """The exit code of pytest on the tests in a folder, with the arguments of the command line."""
    tools = None
    try:
        tools = ready_cluster()
        return subprocess.run([sys.executable, "-m", "pytest", "-q", folder, *sys.argv[1:]], check=False).returncode
    finally:
        if tools is not None and not tools.throw_away:
            uninstall(tools)
        elif tools is not None:
            cluster.down()
            report.say("The cluster is down.")


if __name__ == "__main__":
    sys.exit(main())

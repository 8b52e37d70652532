"""Ends what a ControlPlane started when its owner is gone, however it went (SIGKILL included), and removes its folder.

Run by control_plane as `python -m cluster.reaper FOLDER`, with the other end of its standard input in the
owner's hands: end of file means that the owner closed it or died. (A parent-death signal would not do: it
comes when the *thread* that started the process ends, and tests start things in worker threads.)
"""

import shutil
import sys
from pathlib import Path

from cluster.processes import Processes


def main(folder: Path) -> None:
    sys.stdin.buffer.read()
    processes = Processes(folder)
    for name in processes.names():
        processes.stop(name, grace=0)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

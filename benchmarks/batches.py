"""A thousand batches of a millisecond that one process of the runner does, as a pod with `reusePodFor` does; beside a
loop that takes as long as many times.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median
from tempfile import NamedTemporaryFile
from typing import Any

from benchmarks.runner import runner_environment

BATCHES = 1000
_ROUNDS = 5
_SOURCE = f"""
import time
def handler(ctx):
    time.sleep(0.001)
    done = (ctx.cursor or 0) + 1
    return {{"cursor": done, "isDone": done == {BATCHES}, "processedCount": 1}}
"""
_LOOP = f"import time\nfor _ in range({BATCHES}): time.sleep(0.001)"


def measure() -> list[dict[str, Any]]:
    """Seconds from the start of the process to its end, medians of rounds in which both take turns."""
    load = os.getloadavg()[0]
    taken: dict[str, list[float]] = {"a loop": [], "one pod": []}
    for _ in range(_ROUNDS):
        taken["a loop"].append(_seconds([sys.executable, "-c", _LOOP], dict(os.environ)))
        taken["one pod"].append(_of_runner())
    return [
        {"variant": name, "batches": BATCHES, "elapsed": round(median(times), 2), "load": round(load, 2)}
        for name, times in taken.items()
    ]


def _of_runner() -> float:
    with NamedTemporaryFile() as message:
        environment = {
            **runner_environment({"entrypoint": "handler", "source": _SOURCE}, message.name),
            **{"CRONTASK_BATCH": "1", "CRONTASK_BATCH_SIZE": "1", "CRONTASK_IDEMPOTENCY_KEY": "uid/1"},
            "CRONTASK_REUSE": json.dumps({"for": 300, "most": 2 * BATCHES}),
        }
        elapsed = _seconds([sys.executable, "-m", "crontask.runner", "python"], environment)
        done = json.load(message)["batches"]
        assert done == BATCHES, f"{done} batches are done, and not {BATCHES}"
        return elapsed


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began

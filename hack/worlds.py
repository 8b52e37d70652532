"""`make chaos`: many worlds out of order, one a seed; what is wrong is printed with the seed's trace.

PYTHONPATH=operator:tests/support:hack .venv/bin/python hack/worlds.py --first 0 --seeds 10000
"""

import argparse
import gc
import os
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from random import SystemRandom

from chaos.play import Outcome, play
from rich.progress import track

SAID_EACH = 500
"""After so many seeds it is said how far it is, for who reads a log."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 if a seed shows something wrong."""
    parser = argparse.ArgumentParser(
        description="Play seeds of the simulator. Example: hack/worlds.py --seed 7 --trace"
    )
    parser.add_argument("--seed", type=int, help="Only this one.")
    parser.add_argument("--first", type=int, help="The first of several; a random one unless said.")
    parser.add_argument("--seeds", type=int, default=10_000, help="How many.")
    parser.add_argument(
        "--trace", action="store_true", help="Print the trace of a seed in which nothing is wrong, too."
    )
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        outcome = play(asked.seed)
        print(outcome if outcome.wrong or asked.trace else f"seed {asked.seed}: nothing is wrong ({outcome.runs} runs)")
        return 1 if outcome.wrong else 0
    first = SystemRandom().randrange(10**9) if asked.first is None else asked.first
    print(f"seeds {first} to {first + asked.seeds - 1}")
    return _play_all(range(first, first + asked.seeds))


def _play_all(seeds: range) -> int:
    wrong, runs = 0, 0
    with ProcessPoolExecutor(os.cpu_count(), initializer=_without_collector) as pool:
        outcomes = pool.map(_play_one, seeds, chunksize=4)
        outcome: Outcome
        for played, outcome in enumerate(track(outcomes, "playing", len(seeds)), start=1):
            runs += outcome.runs
            if outcome.wrong:
                wrong += 1
                print(outcome if wrong <= 3 else f"seed {outcome.seed}: {outcome.wrong[0]}", flush=True)
            if played % SAID_EACH == 0:
                print(f"{played} of {len(seeds)} seeds, {wrong} with something wrong; {runs:,} runs", flush=True)
    print(f"{wrong} of {len(seeds)} seeds show something wrong; {runs:,} runs")
    return 1 if wrong else 0


def _play_one(seed: int) -> Outcome:
    """A world that cannot be played shows something wrong, too. What it leaves is collected once, when it is over."""
    try:
        return play(seed)
    except Exception:  # noqa: BLE001 – whatever it is, it is told with its seed.
        return Outcome(seed, (traceback.format_exc(),), (), 0)
    finally:
        gc.collect()


def _without_collector() -> None:
    gc.freeze()
    gc.disable()


if __name__ == "__main__":
    sys.exit(main())

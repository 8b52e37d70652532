"""The seed and the number of random cases, told at the end of each run.

The seed is always the same, so that a change is judged by what it changes; `make fuzz` looks further with others.
"""

from collections import Counter
from typing import Any

import histories
import pytest
import timetable_oracle
from hypothesis import is_hypothesis_test, seed

_USUAL_SEED = 20_261_121
_TALLIES: dict[str, Counter[str]] = {
    "timetable against the oracle": timetable_oracle.tally,
    "histories": histories.tally,
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    given = config.getoption("hypothesis_seed", None)
    for item in items:
        test = getattr(item, "obj", None)
        if given is None and test is not None and is_hypothesis_test(test):
            seed(_USUAL_SEED)(test)


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tallies"] = {title: dict(tally) for title, tally in _TALLIES.items()}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    number = config.getoption("hypothesis_seed", None) or _USUAL_SEED
    for title, tally in _TALLIES.items():
        if tally:
            terminalreporter.section(f"{title}, seed {number} (--hypothesis-seed={number})")
            for name, count in sorted(tally.items()):
                terminalreporter.write_line(f"{count:>9,} {name}")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What one of several processes has counted."""
    for title, counts in getattr(node, "workeroutput", {}).get("tallies", {}).items():
        _TALLIES[title].update(counts)

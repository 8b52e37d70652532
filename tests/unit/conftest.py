"""The seed and the number of random cases, told at the end of each run.

The seed is always the same, so that a change is judged by what it changes; `make fuzz` looks further with others.
"""

import histories
import pytest
import timetable_oracle
from hypothesis import is_hypothesis_test, seed

_SEED = pytest.StashKey[str]()
_USUAL_SEED = 20_261_121
_TALLIES = {"timetable against the oracle": timetable_oracle.tally, "histories": histories.tally}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    given = config.getoption("hypothesis_seed", None)
    config.stash[_SEED] = str(_USUAL_SEED) if given is None else str(given)
    for item in items:
        test = getattr(item, "obj", None)
        if given is None and test is not None and is_hypothesis_test(test):
            seed(_USUAL_SEED)(test)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for title, tally in _TALLIES.items():
        if tally:
            number = config.stash[_SEED]
            terminalreporter.section(f"{title}, seed {number} (--hypothesis-seed={number})")
            for name, count in sorted(tally.items()):
                terminalreporter.write_line(f"{count:>9,} {name}")

"""What holds for all tests.

Processes that a test starts find what the test itself imports, also where pytest was not started by make. No case of a
property fails by how long it takes: machines are slow at times.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

_ROOT = Path(__file__).resolve().parents[1]

os.environ["PYTHONPATH"] = os.pathsep.join(
    dict.fromkeys([str(_ROOT / "operator"), str(_ROOT / "hack"), *filter(None, [os.environ.get("PYTHONPATH")])])
)
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)

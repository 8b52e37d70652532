"""The fixtures, which tests a cluster of somebody's own is spared, and which come last."""

import os

import pytest
from dashboard_site import browser
from faults import healthy, two_operators
from on_cluster import bench, tools

__all__ = ["bench", "browser", "healthy", "tools", "two_operators"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where a cluster is named, its parts are not ours to stop."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    if os.environ.get("CRONTASK_KUBECONFIG"):
        ours = [item for item in items if item.get_closest_marker("stops_parts")]
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]

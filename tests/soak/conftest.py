"""The fixtures."""

from faults import healthy, two_operators
from on_cluster import bench, tools

__all__ = ["bench", "healthy", "tools", "two_operators"]

"""What the tests of building have in common."""

from pathlib import Path

import clones
import pytest
from clones import Clone

from cluster import layout


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone for processes of their own."""
    return clones.make(tmp_path)


@pytest.fixture
def fake_go(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A clone whose tools, cache and Go are also this process's."""
    monkeypatch.setattr(layout, "TOOLS", clone.folder / "hack" / "cluster" / "tools")
    for name, value in clone.environment().items():
        monkeypatch.setenv(name, value)
    return clone

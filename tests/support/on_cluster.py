"""Fixtures of tests on a real cluster: crontask installed once by its chart; a namespace for each test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from bench import Bench

from installation import READY, Tools, install, known_tools, ready_cluster


@pytest.fixture(scope="session")
def tools() -> Tools:
    """The cluster with crontask on it."""
    if os.environ.get(READY):
        return known_tools()
    ready = ready_cluster()
    install(ready)
    return ready


@contextmanager
def namespace_of_its_own(tools: Tools) -> Iterator[Bench]:
    """A new namespace, which goes at the end."""
    namespace = f"e2e-{uuid4().hex[:8]}"
    tools.create_namespace(namespace)
    yield Bench(tools, namespace)
    tools.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def bench(tools: Tools) -> Iterator[Bench]:
    """A namespace of the test's own."""
    with namespace_of_its_own(tools) as own:
        yield own

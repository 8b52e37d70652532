"""What is said of a run that is waited for: each state once, its end also where that is the first that is seen."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from crontask.cli.waiting import until_ended
from crontask.client import Cluster
from crontask.client.answers import Event

CREATED: dict[str, Any] = {"metadata": {"name": "a", "namespace": "n", "uid": "u"}, "spec": {}}


def in_phase(phase: str) -> dict[str, Any]:
    return {**CREATED, "status": {"phase": phase}}


class Seen:
    """A cluster of which one sees these phases, each watch from where the one before has stopped."""

    def __init__(self, *phases: str) -> None:
        self._events = iter([Event("MODIFIED", in_phase(phase)) for phase in phases])

    def watch(self, *asked: object, **how: object) -> Iterator[Event]:
        return self._events


@pytest.mark.parametrize(
    ("known", "phases", "said"),
    [
        (CREATED, ("Running", "Succeeded"), "a: Running\na: Succeeded\n"),
        (CREATED, ("Running", "Running", "Failed"), "a: Running\na: Failed\n"),
        # It was over before anybody looked.
        (CREATED, ("Succeeded",), "a: Succeeded\n"),
        (in_phase("Running"), ("Succeeded",), "a: Running\na: Succeeded\n"),
        # Nothing is waited for; how it ended is said all the same.
        (in_phase("Succeeded"), (), "a: Succeeded\n"),
    ],
)
def test_each_state_is_said_once_until_the_end(
    known: dict[str, Any], phases: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = until_ended(cast(Cluster, Seen(*phases)), known, None)
    assert run["status"]["phase"] == (phases or ("Succeeded",))[-1]
    assert capsys.readouterr().err == said

"""What a button sends, without a server."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from crontask.dashboard.acts import Pressed, answer
from crontask.dashboard.address import Ask
from crontask.dashboard.forms import BadFormError

SINCE = "2026-03-02T11:00:00Z"
STEPS = [
    {"name": "ask", "phase": "Waiting", "startTime": SINCE},
    {"name": "asked", "phase": "Succeeded", "startTime": SINCE, "answer": {"approved": True}},
    {"name": "runs", "phase": "Waiting", "startTime": SINCE, "run": "r-runs"},
    {"name": "later", "phase": "Pending"},
]


class Cluster:
    """One run, and what is sent to it."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def get(self, kind: Any, name: str, *, namespace: str) -> Any:
        return {"metadata": {"name": name, "resourceVersion": "7"}, "status": {"steps": STEPS}}

    async def patch(self, kind: Any, name: str, change: Any, **options: Any) -> None:
        self.sent.append(change["metadata"]["annotations"])


def pressed(cluster: Cluster, step: str) -> Pressed:
    visitor = SimpleNamespace(cluster=cluster, name="ann, the boss")
    session = SimpleNamespace(visitor=visitor, said=[])
    links = SimpleNamespace(run=lambda namespace, name: f"/{namespace}/{name}")
    desk = SimpleNamespace(links=lambda request: links)
    form = {"step": step, "answer": "approve"}
    return Pressed(cast(Any, session), Ask("shop", "r", {}), form, cast(Any, desk), cast(Any, None))


async def test_an_answer_says_who_gave_it() -> None:
    cluster = Cluster()
    assert await answer(pressed(cluster, "ask")) == "/shop/r"
    assert cluster.sent == [{"crontask.dev/approve": "ask by ann-the-boss"}]


@pytest.mark.parametrize("step", ["", "ask by ceo, z", "ask by ceo", "ask,asked", "asked", "runs", "later", "none"])
async def test_an_answer_is_to_a_step_that_waits_for_it(step: str) -> None:
    cluster = Cluster()
    with pytest.raises(BadFormError):
        await answer(pressed(cluster, step))
    assert cluster.sent == []

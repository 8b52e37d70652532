"""Pauses and limits of time of a composite run: what is recorded of a pause, and when the run has taken too long."""

from dataclasses import replace
from typing import Any

import pytest
from composite_views import flow, seconds, step
from run_life import at

from crontask.api.composite_status import Paused
from crontask.decide.composite.model import CompositeView
from crontask.decide.composite.times import deadline, paused

SINCE_3, AFTER_7 = Paused(since=at(3), seconds=5), Paused(seconds=7)


def view(before: Paused | None = None, limits: dict[str, str] | None = None, **spec: Any) -> CompositeView:
    return flow(step("a"), status={"paused": before}, plan=limits, **spec)


@pytest.mark.parametrize(
    ("name", "before", "suspended", "wanted"),
    [
        ("never", None, False, None),
        ("it begins", None, True, Paused(since=at(9))),
        ("it goes on", SINCE_3, True, SINCE_3),
        ("it ends", SINCE_3, False, Paused(seconds=5 + 6)),
        ("it is over", AFTER_7, False, AFTER_7),
        ("another begins", AFTER_7, True, Paused(since=at(9), seconds=7)),
        ("it ends by a clock that went back", Paused(since=at(12), seconds=5), False, Paused(seconds=5)),
    ],
)
def test_what_is_recorded_of_a_pause(name: str, before: Paused | None, suspended: bool, wanted: Paused | None) -> None:
    assert paused(view(before).run, suspended, at(9)) == wanted, name


@pytest.mark.parametrize(
    ("name", "before", "limits", "spec", "wanted"),
    [
        ("no limit", None, {}, {}, None),
        ("of its work", None, {"timeout": "10s"}, {}, (10, "TimedOut")),
        ("of the whole", None, {"totalTimeout": "20s"}, {}, (20, "TotalTimeout")),
        ("the first of both", None, {"timeout": "10s", "totalTimeout": "20s"}, {}, (10, "TimedOut")),
        ("the other is the first", None, {"timeout": "30s", "totalTimeout": "20s"}, {}, (20, "TotalTimeout")),
        ("a pause is left out", AFTER_7, {"timeout": "10s", "totalTimeout": "20s"}, {}, (17, "TimedOut")),
        ("not of the whole", AFTER_7, {"totalTimeout": "20s"}, {}, (20, "TotalTimeout")),
        ("in a pause there is none", SINCE_3, {"timeout": "10s"}, {"suspend": True}, None),
        (
            "but of the whole",
            SINCE_3,
            {"timeout": "1s", "totalTimeout": "20s"},
            {"suspend": True},
            (20, "TotalTimeout"),
        ),
    ],
)
def test_when_it_has_taken_too_long(
    name: str, before: Paused | None, limits: dict[str, str], spec: dict[str, Any], wanted: tuple[int, str] | None
) -> None:
    found = deadline(view(before, limits, **spec), at(9))
    assert ((seconds(found.at), found.reason) if found is not None else None) == wanted, name


def test_a_run_that_has_not_started_has_no_limit() -> None:
    known = view(None, {"timeout": "10s"})
    run = replace(known.run, status=known.run.status.model_copy(update={"start_time": None}))
    assert deadline(replace(known, run=run), at(99)) is None

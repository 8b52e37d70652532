"""Each case beside CronJob: ours is what the table says, and each difference has its reason."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from conformance import SOURCES, Case, outcome, starts
from conformance_cases import CASES

import docs


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.topic}: {case.name}")
def test_ours_is_what_the_table_says(case: Case) -> None:
    assert outcome(case) == case.ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.topic}: {case.name}")
def test_a_difference_and_only_a_difference_has_a_reason(case: Case) -> None:
    assert explained(case)


def test_a_reason_that_is_missing_or_not_needed_is_found() -> None:
    same = next(case for case in CASES if case.cronjob_starts and starts(case.ours) == case.cronjob_starts)
    other = next(case for case in CASES if case.cronjob_starts and starts(case.ours) != case.cronjob_starts)
    refused = next(case for case in CASES if case.refused and case.cronjob == "refused")
    assert not explained(replace(same, why="because"))
    assert not explained(replace(other, why=""))
    assert not explained(replace(refused, why="because"))
    assert not explained(replace(refused, cronjob="accepted"))


def explained(case: Case) -> bool:
    """Whether the reason is there where the two differ, and only there."""
    refused_there = case.cronjob.startswith("refused") and not case.cronjob.startswith("refused, but")
    if case.refused or refused_there:
        return (case.refused != refused_there) == bool(case.why)
    if case.cronjob_starts is None:
        # Not a matter of starts: whether it differs is in words.
        return True
    return (starts(case.ours) != case.cronjob_starts) == bool(case.why)


def test_each_case_is_named_once_and_says_where_it_is_from() -> None:
    names = [(case.topic, case.name) for case in CASES]
    assert len(set(names)) == len(names)
    assert all(case.sources and set(case.sources) <= set(SOURCES) for case in CASES)


def test_what_a_topic_holds_stands_together() -> None:
    topics = [case.topic for case in CASES]
    assert topics == sorted(topics, key=topics.index)


def test_a_start_that_cronjob_alone_would_make_is_seen() -> None:
    lost = next(case for case in CASES if case.name == "resumed")
    assert lost.cronjob_starts is not None
    assert set(lost.cronjob_starts) - set(starts(outcome(lost))) == {"05:30 Start 05:00"}


def test_the_page_is_up_to_date() -> None:
    page = (docs.DOCS / "conformance.md").read_text(encoding="utf-8")
    assert page == docs.conformance(), "write it with hack/docs.py --write"

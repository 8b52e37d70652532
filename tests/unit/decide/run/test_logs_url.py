"""Where the log of a run is when its pod is gone: decided with its end, of what is known then."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs_urls import GOOD_TEMPLATES
from run_life import NO_JITTER, at, attempt, exited, known_of, pod, recorded, runs, scheduled_run

from crontask.api.logs_url import LONGEST_URL, WRITTEN
from crontask.api.metadata import Metadata
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.decide.run.decide import decide_run, end_seen_before
from crontask.decide.run.logs_url import logs_url

POD = "https://logs.example.com/{namespace}/{pod}?from={start}&to={end}"
MOST = "https://logs.example.com/{namespace}/{run}"
FROM, TO = "2026-03-01T12%3A00%3A00Z", "2026-03-01T12%3A00%3A06Z"
RETRIED: dict[str, Any] = {"retry": {"limit": 1, **NO_JITTER}}
META = Metadata(name="r", namespace="n", uid="r", creation_timestamp=at(0))


def status(start: float | None = 0, end: float | None = 5, pod_name: str | None = "r-1") -> ScheduledRunStatus:
    times: dict[str, Any] = {
        "start_time": None if start is None else at(start),
        "completion_time": None if end is None else at(end),
    }
    return ScheduledRunStatus(pod_name=pod_name, phase=RunPhase.SUCCEEDED, **times)


@pytest.mark.parametrize(
    ("template", "known", "url"),
    [
        (POD, status(), f"https://logs.example.com/n/r-1?from={FROM}&to={TO}"),
        ("https://a/{startMillis}/{endMillis}", status(), "https://a/1772366400000/1772366406000"),
        ("https://a{?namespace,run}{&pod}", status(), "https://a?namespace=n&run=r&pod=r-1"),
        # To the second, in each of the forms.
        ("https://a/{startMillis}/{start}", status(0.75), f"https://a/1772366400000/{FROM}"),
        ("https://a/{endMillis}/{end}", status(0, 5.75), f"https://a/1772366406000/{TO}"),
        # By clocks that disagree it ended before it began: no search is from later to earlier.
        ("https://a/{startMillis}/{endMillis}", status(9, 5), "https://a/1772366409000/1772366410000"),
        ("https://a/fixed", status(), "https://a/fixed"),
        # It never had a pod: there is no log.
        (MOST, status(None), None),
        (MOST, status(end=None), None),
        # A run that consists of parts has none of its own.
        (POD, status(pod_name=None), None),
        (MOST, status(pod_name=None), "https://logs.example.com/n/r"),
    ],
)
def test_what_a_template_becomes(template: str, known: ScheduledRunStatus, url: str | None) -> None:
    assert logs_url(template, META, known) == url


@given(
    st.sampled_from(GOOD_TEMPLATES),
    st.text(min_size=1, max_size=63),
    st.text(min_size=1, max_size=63),
    st.text(min_size=1, max_size=63),
    st.datetimes(datetime(1, 1, 1), datetime(9900, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(0), timedelta(days=400)),
)
def test_whatever_the_names_are_it_is_a_url_of_the_templates_host(
    template: str, namespace: str, run: str, pod_name: str, start: datetime, lasted: timedelta
) -> None:
    meta = META.model_copy(update={"namespace": namespace, "name": run})
    times = {"start_time": start, "completion_time": start + lasted, "pod_name": pod_name}
    names = [name.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for name in (namespace, run, pod_name)]
    url = logs_url(template, meta, status().model_copy(update=times))
    assert url is not None
    wanted, found = urlsplit(template.split("{")[0]), urlsplit(url)
    assert (found.scheme, found.netloc) == (wanted.scheme, wanted.netloc)
    assert all("!" <= character <= "~" for character in url)
    assert url.count("#") == template.count("#")
    # As many parts, and parameters, as the template has: no value begins another.
    if "{?" not in template and "{&" not in template:
        assert (url.count("/"), url.count("&"), url.count("?")) == tuple(template.count(each) for each in "/&?")
    for name, value in parse_qs(found.query).items():
        if name == "pod" and "pod={pod}" in template:
            assert value == [names[2]]


@given(st.sampled_from(GOOD_TEMPLATES), st.text("abcdefghijklmnopqrstuvwxyz-0", min_size=63, max_size=63))
def test_what_becomes_of_a_good_template_fits_into_a_status(template: str, name: str) -> None:
    meta = META.model_copy(update={"namespace": name, "name": name})
    url = logs_url(template, meta, status(pod_name=name))
    assert url is not None
    assert len(url) <= LONGEST_URL
    assert ScheduledRunStatus(logs_url=url).logs_url == url
    assert WRITTEN.startswith("^https?://")


def test_a_run_has_it_with_its_end_and_in_the_write_of_that() -> None:
    decided = decide_run(known_of(pod=pod(1, 0, exited(5, 0))), at(9), POD)
    assert decided.status.phase is RunPhase.SUCCEEDED
    assert decided.status.logs_url == f"https://logs.example.com/n/r-1?from={FROM}&to={TO}"
    assert decide_run(known_of(pod=pod(1, 0, exited(5, 0))), at(9)).status.logs_url is None


def test_a_run_that_goes_on_has_none() -> None:
    assert decide_run(known_of(pod=pod(1, 0, runs(1))), at(9), POD).status.logs_url is None
    again = known_of(scheduled_run(**RETRIED), pod=pod(1, 0, exited(5, 1)))
    assert decide_run(again, at(9), POD).status.phase is RunPhase.RETRYING
    assert decide_run(again, at(9), POD).status.logs_url is None


def test_it_is_of_the_last_attempt_from_the_first_ones_start() -> None:
    """Also where the second is first seen when it has ended."""
    before = recorded(RunPhase.RETRYING, attempt(1, 0, 5), start_time=at(0), pod_name="r-1")
    known = known_of(scheduled_run(status=before, **RETRIED), pod=pod(2, 20, exited(30, 1)))
    decided = decide_run(known, at(31), POD)
    assert decided.status.phase is RunPhase.FAILED
    assert decided.status.pod_name == "r-2"
    assert decided.status.logs_url == f"https://logs.example.com/n/r-2?from={FROM}&to=2026-03-01T12%3A00%3A31Z"


def test_what_has_ended_keeps_what_it_has() -> None:
    """Another template is for runs to come: nothing is written anew."""
    for url in (None, "https://before.example.com/"):
        before = status().model_copy(update={"logs_url": url})
        assert decide_run(known_of(scheduled_run(status=before)), at(99), POD).status == before


def test_an_end_that_is_recorded_later_has_the_times_of_the_end() -> None:
    seen = decide_run(known_of(pod=pod(1, 0, exited(5, 0))), at(9), POD)
    later = end_seen_before(known_of(), seen, at(500))
    assert later.status.logs_url == seen.status.logs_url

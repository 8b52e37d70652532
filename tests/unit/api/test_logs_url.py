"""Templates of where logs are: which are served, and what is said of others."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs_urls import GOOD_TEMPLATES, REFUSED_BY_BOTH, REFUSED_BY_THE_OPERATOR

from crontask.api.logs_url import FORM, LONGEST_URL, VARIABLES, logs_url_problem, names_in
from crontask.api.scheduledrun import ScheduledRunStatus

BAD = {**REFUSED_BY_BOTH, **REFUSED_BY_THE_OPERATOR}


@pytest.mark.parametrize("template", GOOD_TEMPLATES)
def test_what_is_served(template: str) -> None:
    assert logs_url_problem(template, "logsURL") is None
    assert re.fullmatch(FORM, template)


@pytest.mark.parametrize("template", BAD)
def test_what_is_said_of_others(template: str) -> None:
    assert str(logs_url_problem(template, "logsURL")) == f"logsURL: {BAD[template]}"


pieces = st.sampled_from(
    [
        *(f"{{{name}}}" for name in VARIABLES),
        *("{?pod}", "{&run,pod}", "{+pod}", "{pod*}", "{pod:1}", "{x}", "{", "}", "{}", "#", "?", "&", "=", "/", "%"),
        *("%2", "%20", "[", "]", "@", ":", ":80", "a", ".", "..", " ", "ä", "'", '"', "\\", "\n", "~"),
    ]
)


@given(st.lists(pieces, max_size=9).map("".join), st.booleans())
def test_no_problem_is_found_in_what_has_the_form_and_in_no_other(rest: str, after_host: bool) -> None:
    template = f"https://a/{rest}" if after_host else f"https://{rest}"
    found = logs_url_problem(template, "")
    # Of a host, validation asks more than the form.
    if found is None or "for a host" not in found.message:
        assert (found is None) == (re.fullmatch(FORM, template) is not None)


def test_a_template_names_its_variables_as_often_as_they_stand_there() -> None:
    assert list(names_in("https://a/{run}{?pod,run}{&end}")) == ["run", "pod", "run", "end"]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a b", "https://", "https://a\x1b[2J", "", "https://" + "a" * LONGEST_URL]
)
def test_a_status_has_room_for_nothing_else(url: str) -> None:
    assert ScheduledRunStatus(logs_url="https://a/b").model_dump(by_alias=True)["logsURL"] == "https://a/b"
    with pytest.raises(ValueError, match="logs_url"):
        ScheduledRunStatus(logs_url=url)

"""Templates of URLs as they are written: which are served, what is said of others, and that all who read one agree."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from url_templates import BAD_TEMPLATES, GOOD_TEMPLATES

from crontask.api.url_template import DOTS, FORM, names_in, url_template_problems
from crontask.api.validate import validate_run, validate_task
from crontask.runner import url_template as of_runner

BASE = "https://example.com/orders/"
HOST = (
    "has an expression in or before the host: who may only start runs would choose where the call goes; write scheme, "
    "host and port as they are, like https://example.com/orders/{id}"
)
NAMES = "the names in a template are of letters, digits and _"
OPERATOR = "whose operator is not served: only ? and & are"
ANY = "write it like {id}, {?id} or {&id}"
DOTS_SAID = "has . or .. as a part of its path; write the path that is meant"


def said(template: str) -> list[str]:
    return [str(problem) for problem in url_template_problems(template, "")]


@pytest.mark.parametrize("template", GOOD_TEMPLATES)
def test_what_is_served(template: str) -> None:
    assert said(template) == []
    assert re.fullmatch(FORM, template)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("https://{shop}.example.com/orders", HOST),
        ("https://example.com{id}", HOST),
        ("https://example.com:{port}/", HOST),
        ("https://example.com:80{id}", HOST),
        ("https://{user}@example.com/", HOST),
        ("{url}", HOST),
        (
            "https://user:word@example.com/{id}",
            "has a name or a password in it, which everybody would see who may read the task; write an Authorization "
            "header with valueFrom.secretKeyRef",
        ),
        ("ftp://a/{id}", "'ftp://a/{id}' is not the template of a URL; write it like https://example.com/orders/{id}"),
        ("https://a:99999/{x}", "'https://a:99999/{x}' is not the template of a URL; write it like https://example"),
        ("https://:80/{x}", "'https://:80/{x}' is not the template of a URL; write it like https://example.com/"),
        (f"{BASE}\n{{x}}", "'https://example.com/orders/\\n{x}' is not the template of a URL; write it like https://"),
        (BASE + "{+id}", f"has {{+id}}, {OPERATOR}; write {{id}}"),
        (BASE + "{#id}", f"has {{#id}}, {OPERATOR}; write {{id}}"),
        (BASE + "x{/id}", f"has {{/id}}, {OPERATOR}; write /{{id}}"),
        (BASE + "x{.id}", f"has {{.id}}, {OPERATOR}; write .{{id}}"),
        (BASE + "x{;id}", f"has {{;id}}, {OPERATOR}; write ;id={{id}}"),
        (BASE + "x{/a,b*}", f"has {{/a,b*}}, {OPERATOR}; {ANY}"),
        (BASE + "{id:3}", "has {id:3}: a part of a value is not served; write {id}"),
        (BASE + "{?id:3}", "has {?id:3}: a part of a value is not served; write {?id}"),
        (BASE + "{ids*}", "has {ids*}: * goes with {?…} and {&…} only; write {ids}, {?ids*} or {&ids*}"),
        (BASE + "{order-id}", f"has {{order-id}}: {NAMES}; rename the arg, and write {{order_id}}"),
        (BASE + "{?user.id}", f"has {{?user.id}}: {NAMES}; rename the arg, and write {{?user_id}}"),
        (BASE + "${args.id}", f"has {{args.id}}: {NAMES}; write {{id}}"),
        (BASE + "{ id }", f"has {{ id }}: {NAMES}; write {{id}}"),
        (BASE + "{id=1}", f"has {{id=1}}: {NAMES}; {ANY}"),
        (BASE + "{}", f"has {{}}: {NAMES}; {ANY}"),
        (BASE + "{" + "é" * 99 + "}", f"has {{{'é' * 58}…: {NAMES}; {ANY}"),
        (BASE + "{{id}}", "has two braces where one is meant; write it like {id}"),
        (BASE + "{id", "has a { that is not closed; close it, or write %7B for the character itself"),
        (BASE + "id}", "has a } that closes nothing; remove it, or write %7D for the character itself"),
        (BASE + "?x=1{?id}", "has {?id} after a ?; write {&id}"),
        (BASE + "{?a}{?b*}", "has {?b*} after a ?; write {&b*}"),
        (BASE + "{&id}", "has {&id} without a ? before it; write {?id}"),
        (BASE + "#{id}", "has {id} after a #, which is never sent; remove it"),
        (BASE + "{?id}&x=1", "goes on after its {?…}; write what is fixed before it, like ?page=1{&id}"),
        (BASE + "{?id}{x}", "goes on after its {?…}; write what is fixed before it, like ?page=1{&id}"),
        (BASE + "a b/{id}", "has a space in it; write it as %20"),
        # Or a value would go on with it.
        (BASE + "%{id}", "has a % that encodes nothing; write it as %25"),
        (BASE + "%2{id}", "has a % that encodes nothing; write it as %25"),
        (BASE + "../{id}", DOTS_SAID),
        (BASE + "{id}/%2E.", DOTS_SAID),
        (BASE + "{id}%2F../x", DOTS_SAID),
    ],
)
def test_what_is_said_of_others(template: str, words: str) -> None:
    (found,) = said(template)
    assert found.startswith(words)
    assert said(template)[0].count("; ") >= 1


@pytest.mark.parametrize("template", [template for templates in BAD_TEMPLATES.values() for template in templates])
def test_what_the_server_refuses_is_refused(template: str) -> None:
    assert len(said(template)) == 1


def test_the_runner_takes_what_is_served() -> None:
    assert of_runner.FORM == FORM


pieces = st.sampled_from(
    [
        *("{x}", "{x,y}", "{?x}", "{?x*,y}", "{&x}", "{&x,y*}", "{+x}", "{x*}", "{x:1}", "{}", "{", "}", "{?}"),
        *("https://", "http://", "a", "a.b", ":80", "/", "?", "#", "@", "&", "=", ".", "..", "%", "%2", "%2e", "%2F"),
        *("\\", " ", "ä", "$", "-", ",", ";"),
    ]
)
templates = st.one_of(
    st.lists(pieces, max_size=8).map("".join),
    st.lists(pieces, max_size=8).map(lambda rest: "https://a/" + "".join(rest)),
)


@given(templates)
def test_no_problem_is_found_in_what_has_the_form_and_in_no_other(template: str) -> None:
    """The rules at the API server, what validate says and what the runner takes are the same."""
    served = re.fullmatch(FORM, template) is not None and re.search(DOTS, template) is None
    host = template.partition("://")[2]
    # Only validate knows what is no port.
    usable = not re.match(r"[^/?#{]*:(?!\d{0,5}([/?#{]|$))|:", host)
    assert (said(template) == []) == (served and usable)


def test_the_names_in_one() -> None:
    assert [tuple(one) for one in names_in("https://a/{x,y}/{x}?b{&z*,x}")] == [
        *(("{x,y}", "x", False), ("{x,y}", "y", False), ("{x}", "x", False)),
        *(("{&z*,x}", "z", True), ("{&z*,x}", "x", False)),
    ]


CALL = {"http": {"urlTemplate": BASE + "{+id}"}}


@pytest.mark.parametrize(
    ("handler", "path"),
    [
        (CALL, "spec.handler.http.urlTemplate"),
        ({"steps": [{"name": "a", **CALL}]}, "spec.handler.steps[0].http.urlTemplate"),
        (
            {"steps": [{"name": "a", "container": {"image": "i"}, "compensate": CALL}]},
            "spec.handler.steps[0].compensate.http.urlTemplate",
        ),
    ],
)
def test_it_is_looked_at_wherever_a_call_stands(handler: dict[str, Any], path: str) -> None:
    for _, problems in (validate_task({"handler": handler}), validate_run({"handler": handler})):
        assert [problem.path for problem in problems] == [path]


@pytest.mark.parametrize("http", [{}, {"url": None}, {"url": BASE, "urlTemplate": BASE + "{id}"}])
def test_a_call_has_one_url(http: dict[str, Any]) -> None:
    problems = validate_task({"handler": {"http": http}})[1]
    assert list(map(str, problems)) == [
        "spec.handler.http: exactly one of url and urlTemplate must be set; set one of them"
    ]

"""URLs with args in them: what each form becomes, what is refused, and that no value changes where a call goes."""

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runner_process import Reply, called, serve
from url_templates import BAD_TEMPLATES, GOOD_TEMPLATES
from urllib3.util import parse_url

from crontask.runner.given import BrokenInputError
from crontask.runner.url_template import expand_url

HOST = "https://example.com"
ARGS: dict[str, Any] = {
    **{"id": 4711, "name": "a b/c?d#e&f=g%h+ü", "price": 2.5, "big": 1e22, "yes": True, "no": False, "empty": ""},
    **{"list": ["a", 1, None, True, "b&c"], "object": {"from": 1, "to": None, "ä b": "c=d"}, "none": None},
    **{"no_items": [], "no_fields": {}, "nulls": [None], "Big_1": "x", "minus": -3},
}


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("/orders/{id}", "/orders/4711"),
        ("/{name}", "/a%20b%2Fc%3Fd%23e%26f%3Dg%25h%2B%C3%BC"),
        ("/{id}/{yes}/{no}/{price}/{big}/{minus}", "/4711/true/false/2.5/1e%2B22/-3"),
        ("/a-{id},{id};x={Big_1}", "/a-4711,4711;x=x"),
        ("/{id,yes}", "/4711,true"),
        ("/v{empty}/x", "/v/x"),
        ("?id={name}", "?id=a%20b%2Fc%3Fd%23e%26f%3Dg%25h%2B%C3%BC"),
        ("{?id}", "?id=4711"),
        ("/x{?id,yes,empty}", "/x?id=4711&yes=true&empty="),
        ("/x?a=1{&id}", "/x?a=1&id=4711"),
        ("/x?a={id}{&yes}{&no}#end", "/x?a=4711&yes=true&no=false#end"),
        ("/x{?list*}", "/x?list=a&list=1&list=true&list=b%26c"),
        ("/x{?object*}", "/x?from=1&%C3%A4%20b=c%3Dd"),
        ("/x{?id*}", "/x?id=4711"),
        ("/x?a=1{&object*,list*}", "/x?a=1&from=1&%C3%A4%20b=c%3Dd&list=a&list=1&list=true&list=b%26c"),
        # Nothing in it is nothing said, and the next one begins the query.
        ("/x{?no_items*}", "/x"),
        ("/x{?no_fields*,id}", "/x?id=4711"),
        ("/x{?nulls*}{&id}{&no_items*}{&yes}", "/x?id=4711&yes=true"),
        ("/x{?no_items*}{&no_fields*}", "/x"),
        ("/x?a=1{&no_items*}", "/x?a=1"),
    ],
)
def test_what_becomes_of_a_template(template: str, url: str) -> None:
    assert expand_url(HOST + template, ARGS) == HOST + url


def test_the_call_goes_there_and_body_and_headers_are_as_ever() -> None:
    with serve(lambda asked: Reply()) as server:
        handler = {"urlTemplate": server.url + "/orders/{id}/lines{?filter*}", "method": "POST"}
        report = called(handler, {"id": "a/b", "filter": {"state": "open now"}})
    assert report.status == "success"
    [asked] = server.asked
    assert asked.path == "/orders/a%2Fb/lines?state=open%20now"
    assert asked.body == b'{"id": "a/b", "filter": {"state": "open now"}}'
    assert asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("template", "args", "words"),
    [
        ("/{x}", {}, "urlTemplate names x, for which args has no value; it is empty"),
        ("/{x}", {"x": None}, "urlTemplate names x, for which args has no value; all that it has is null"),
        ("/{x}/{y}{?z*,y}", {"y": 1, "a": None}, "urlTemplate names x, z, for which args has no value; it has: y"),
        ("/{x}", {"X": 1, "ä": ""}, "urlTemplate names x, for which args has no value; it has: X, ä"),
        ("/{x}", {"y" * 999: 1}, f"urlTemplate names x, for which args has no value; it has: {'y' * 299}…"),
        (
            "/{x}",
            {"x": [1]},
            "{x} of urlTemplate does not take a list, which args has for x: write {?x*} or {&x*}",
        ),
        (
            "{?y,x}",
            {"x": {}, "y": 1},
            "{?y,x} of urlTemplate does not take an object, which args has for x: write {?x*} or {&x*}",
        ),
        (
            "{?x*}",
            {"x": {"a": [1]}},
            "{?x*} of urlTemplate does not take a list or an object within another, which args has for x: hand over "
            "texts, numbers, true or false",
        ),
        ("?a{&x*}", {"x": [{}]}, "{&x*} of urlTemplate does not take a list or an object within another"),
        ("/{x}", {"x": "\ud800"}, "what args has for x, which urlTemplate names, is not text"),
        ("{?x*}", {"x": {"\ud800": 1}}, "what args has for x, which urlTemplate names, is not text"),
        ("/a/{x}", {"x": ".."}, "{x} in the path of urlTemplate would become '..', which leads to another path"),
        ("/{x}/a", {"x": "."}, "{x} in the path of urlTemplate would become '.', which leads to another path"),
        ("/a/.{x}?b", {"x": "."}, ".{x} in the path of urlTemplate would become '..', which leads to another path"),
        ("/a/{x}{y}{?x}", {"x": ".", "y": "."}, "{x}{y} in the path of urlTemplate would become '..', which leads"),
        ("/a/.{x}#b", {"x": ""}, ".{x} in the path of urlTemplate would become '.', which leads to another path"),
        ("/a/%2e{x}", {"x": "."}, "%2e{x} in the path of urlTemplate would become '..', which leads to another path"),
        # Some servers take an encoded / for one.
        ("/a/{x}", {"x": "b/../../c"}, "{x} in the path of urlTemplate would become 'b/../../c', which leads to"),
        # And some leave out what follows a ;.
        ("/a/{x};v=1/b", {"x": ".."}, "{x};v=1 in the path of urlTemplate would become '..;v=1', which leads to"),
        ("/a/{x}", {"x": "..;b"}, "{x} in the path of urlTemplate would become '..;b', which leads to another path"),
        ("/a/{x}", {"x": "..\\"}, "{x} in the path of urlTemplate would become '..\\\\', which leads to another path"),
        ("/a/{x}/b", {"x": ""}, "{x} in the path of urlTemplate would be empty, which leads to another path"),
        ("/{x}", {"x": ""}, "{x} in the path of urlTemplate would be empty, which leads to another path"),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is(template: str, args: dict[str, Any], words: str) -> None:
    with serve(lambda asked: Reply()) as server:
        with pytest.raises(BrokenInputError) as caught:
            called({"urlTemplate": server.url + template, "method": "GET"}, args)
        assert str(caught.value).startswith(words)
        assert server.asked == []


@pytest.mark.parametrize(
    "value", ["...", "..a", "a..", ". .", "%2e%2e", ". ", "a/b", "/", "//", "\\", "?", "#", "@b", "a;..", ";"]
)
def test_what_only_looks_like_the_way_up_is_sent(value: str) -> None:
    assert unquote(expand_url(f"{HOST}/a/{{x}}/b", {"x": value}).removeprefix(f"{HOST}/a/").removesuffix("/b")) == value


@pytest.mark.parametrize(
    "template", [template for templates in BAD_TEMPLATES.values() for template in templates if "{" in template]
)
def test_a_template_that_is_not_served_is_refused(template: str) -> None:
    args = dict.fromkeys(re.findall(r"\w+", template), "v")
    with pytest.raises(BrokenInputError):
        expand_url(template, args)


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        ({"url": HOST, "urlTemplate": HOST}, "CRONTASK_HANDLER has url and urlTemplate, and must have one of them"),
        ({"urlTemplate": 5}, "urlTemplate in CRONTASK_HANDLER has to be text"),
        ({"urlTemplate": "https://{x}/"}, "the urlTemplate in CRONTASK_HANDLER is not one that is served"),
    ],
)
def test_a_handler_that_is_broken(handler: dict[str, Any], words: str) -> None:
    with pytest.raises(BrokenInputError, match=re.escape(words)):
        called({"method": "GET", **handler}, {"x": "evil.example"})


def test_another_host_that_is_redirected_to_sees_no_secret() -> None:
    headers = [{"name": "X-Api-Key", "env": "CRONTASK_HEADER_1"}]
    with (
        serve(lambda asked: Reply()) as other,
        serve(lambda asked: Reply(307, headers={"Location": f"{other.url}{asked.path}"})) as server,
    ):
        handler = {"urlTemplate": server.url + "/{x}{?y}", "method": "GET", "headers": headers}
        called(handler, {"x": "@elsewhere", "y": "https://elsewhere"}, CRONTASK_HEADER_1="k")
    assert [asked.path for asked in server.asked] == ["/%40elsewhere?y=https%3A%2F%2Felsewhere"]
    assert server.asked[0].headers["x-api-key"] == "k"
    assert "x-api-key" not in other.asked[0].headers


# --- whatever the args are --------------------------------------------------------------------------------------------

NAMES = ("x", "y", "z", "A_1")
tricky = st.sampled_from(
    [
        *("", ".", "..", "/", "//", "\\", "@", ":", ":80", "?", "#", "%", "%2F", "%2e", "{x}", "{?x}", " ", "\n", "\0"),
        *(".evil.example", "@evil.example", "//evil.example/", "\\\\evil.example", "http://evil.example", "a/../../b"),
        *("..;", "\u2024\u2024", "\uff0f", "ä", "\ud800", "&a=b", ";", ",", "%00", "\t..", "../"),
    ]
)
texts = st.one_of(tricky, st.text(max_size=8), st.lists(tricky, max_size=3).map("".join))
scalars = st.one_of(texts, texts, st.integers(), st.floats(), st.booleans(), st.none())
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
some_args = st.dictionaries(st.sampled_from(NAMES), values).map(lambda some: {**dict.fromkeys(NAMES, "v"), **some})
bases = st.sampled_from(["https://example.com", "http://a:8080", "https://[::1]:80", "http://127.0.0.1"])
names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(",".join)
parameters = st.lists(st.sampled_from([*NAMES, *(f"{name}*" for name in NAMES)]), min_size=1, max_size=3).map(",".join)
simple = names.map(lambda some: f"{{{some}}}")
paths = st.lists(st.one_of(simple, st.sampled_from(["/", "/a", "/%2F", "/.", "b", ".", "/ä", ";"])), max_size=6)
first, further = parameters.map(lambda some: f"{{?{some}}}"), parameters.map(lambda some: f"{{&{some}}}")
queries = st.one_of(
    st.just(""),
    st.tuples(first, st.lists(further, max_size=2).map("".join)).map("".join),
    st.lists(st.one_of(simple, further, st.sampled_from(["a=", "&b=1&", "?", "/"])), max_size=4).map(
        lambda parts: "?" + "".join(parts)
    ),
)


@st.composite
def templates(draw: st.DrawFn) -> str:
    path = "".join(draw(paths))
    slash = "/" if path and not path.startswith("/") else ""
    return f"{draw(bases)}{slash}{path}{draw(queries)}{draw(st.sampled_from(['', '#c']))}"


def check_same_place(template: str, url: str) -> None:
    """That only what stands for a value has another text."""
    fixed = template.partition("{")[0]
    for read in (urlsplit, parse_url):
        wanted, found = read(fixed), read(url)
        assert (found.scheme, found.hostname, found.port) == (wanted.scheme, wanted.hostname, wanted.port)
        assert "@" not in (found.netloc or "")
    assert url.startswith(fixed)
    path = re.split(r"[?#]|\{\?", template)[0]
    # What is sent, without the parts that mean the way up.
    sent, beginning = parse_url(url).path or "", parse_url(fixed).path or ""
    assert len((sent or "/").split("/")) == len((urlsplit(path).path or "/").split("/"))
    if "{" in path:
        assert sent.startswith(beginning)
    assert [part for part in unquote(sent).split("/") if part.partition(";")[0] in (".", "..")] == []


@given(st.one_of(templates(), st.sampled_from(GOOD_TEMPLATES)), some_args)
def test_whatever_the_args_are_the_call_goes_where_the_template_says(template: str, args: dict[str, Any]) -> None:
    try:
        url = expand_url(template, {**dict.fromkeys(re.findall(r"\w+", template), "v"), **args})
    except BrokenInputError:
        return
    check_same_place(template, url)


sendable = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: not {".", ".."} & {part.partition(";")[0] for part in re.split(r"[/\\]", text)}
)
strings = st.text(st.characters(exclude_categories=["Cs"]))


@given(sendable, sendable, strings, st.lists(strings), st.dictionaries(strings, strings))
def test_each_value_is_read_back_as_it_was(a: str, b: str, c: str, d: list[str], e: dict[str, str]) -> None:
    args = {"a": a, "b": b, "c": c, "d": d, "e": e}
    url = expand_url("https://example.com/x/{a}/y-{b}/z?f={a}{&c,d*}{&e*}", args)
    assert list(map(unquote, urlsplit(url).path.split("/"))) == ["", "x", a, f"y-{b}", "z"]
    wanted = [("f", a), ("c", c), *(("d", one) for one in d), *sorted(e.items())]
    assert parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=None) == wanted

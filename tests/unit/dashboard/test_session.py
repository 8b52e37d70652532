"""Codes, sessions and their forms; addresses; which requests are refused."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from crontask.dashboard import guard
from crontask.dashboard.address import Ask, Links
from crontask.dashboard.command_lines import answer_line, hold_line, suspend_line, trigger_line
from crontask.dashboard.session import CODE_SECONDS, LONGEST, MOST, MOST_OF_ONE, OneTimeCode, Sessions
from crontask.dashboard.visitor import Visitor

NOBODY = cast(Visitor, SimpleNamespace(name="", leave=lambda: None))


class Watch:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_code_is_good_once_and_for_a_minute() -> None:
    clock = Watch()
    codes = OneTimeCode(clock)
    assert not codes.take("")
    code = codes.draw()
    assert not codes.take(code + "x")
    assert not codes.take("\ud800")
    assert codes.take(code)
    assert not codes.take(code)
    late = codes.draw()
    clock.now += CODE_SECONDS + 1
    assert not codes.take(late)
    first, second = codes.draw(), codes.draw()
    assert not codes.take(first)
    assert codes.take(second)


def test_a_session_ends_by_itself_and_by_log_out() -> None:
    clock = Watch()
    sessions = Sessions(clock)
    one, other, short = sessions.begin(NOBODY), sessions.begin(NOBODY), sessions.begin(NOBODY, 60)
    assert len({one, other, short}) == 3
    sessions.end(other)
    assert sessions.find(one) is not None
    assert sessions.find(other) is None
    clock.now += 61
    assert sessions.find(short) is None
    clock.now += LONGEST
    assert sessions.find(one) is None
    assert sessions.find("") is None


def named(name: str) -> Visitor:
    return cast(Visitor, SimpleNamespace(name=name, leave=lambda: None))


def test_who_logs_in_again_and_again_ends_their_own_sessions() -> None:
    sessions = Sessions()
    other = sessions.begin(named("ann"))
    own = [sessions.begin(named("bob")) for _ in range(MOST + MOST_OF_ONE)]
    assert sessions.find(other) is not None
    assert [key for key in own if sessions.find(key) is not None] == own[-MOST_OF_ONE:]


def test_of_too_many_sessions_one_ends_of_who_has_most() -> None:
    sessions = Sessions()
    single = [sessions.begin(named(f"user {number}")) for number in range(MOST - 2)]
    greedy = [sessions.begin(named("bob")) for _ in range(2)]
    fresh = sessions.begin(named("ann"))
    assert sessions.find(greedy[0]) is None
    assert all(sessions.find(key) is not None for key in [*single, greedy[1], fresh])


def test_forms_are_of_one_session() -> None:
    sessions = Sessions()
    one, other = sessions.find(sessions.begin(NOBODY)), sessions.find(sessions.begin(NOBODY))
    assert one is not None
    assert other is not None
    assert one.is_ours(one.form_token)
    assert not one.is_ours(other.form_token)
    assert not one.is_ours("")
    assert not one.is_ours("ä")
    assert not one.is_ours("\ud800")
    assert one.form_token not in repr(one)


SITE = guard.Site(frozenset({"http://127.0.0.1:80", "http://localhost:80"}), "/p")


@pytest.mark.parametrize(
    ("method", "headers", "refused"),
    [
        ("GET", {"Host": "127.0.0.1:80"}, None),
        ("GET", {"Host": "LOCALHOST:80"}, None),
        ("GET", {"Host": "127.0.0.1"}, web.HTTPMisdirectedRequest),
        ("GET", {"Host": "evil.example:80"}, web.HTTPMisdirectedRequest),
        ("GET", {}, web.HTTPMisdirectedRequest),
        ("POST", {"Host": "127.0.0.1:80", "Origin": "http://127.0.0.1:80"}, None),
        # Of the other name: cookies and storage of that one are others.
        ("POST", {"Host": "127.0.0.1:80", "Origin": "http://localhost:80"}, web.HTTPForbidden),
        ("POST", {"Host": "127.0.0.1:80", "Origin": "https://127.0.0.1:80"}, web.HTTPForbidden),
        ("POST", {"Host": "127.0.0.1:80"}, web.HTTPForbidden),
        (
            "POST",
            {"Host": "127.0.0.1:80", "Origin": "http://127.0.0.1:80", "Sec-Fetch-Site": "cross-site"},
            web.HTTPForbidden,
        ),
    ],
)
def test_which_requests_are_refused(method: str, headers: dict[str, str], refused: type[Exception] | None) -> None:
    request: Any = make_mocked_request(method, "/p/", headers=headers)

    def check() -> None:
        guard.refuse_host(request, SITE)
        guard.refuse_foreign(request, SITE)

    if refused is None:
        check()
    else:
        with pytest.raises(refused):
            check()


def test_a_site_without_tls_is_not_secure() -> None:
    assert not SITE.secure
    assert guard.Site(frozenset({"https://cron.example"})).secure


def test_addresses() -> None:
    links = Links("/p", "shop")
    assert links.view("tasks", q="a b", page=None) == "/p/ns/shop/tasks?q=a+b"
    assert links.run("shop", "a/../b") == "/p/ns/shop/runs/a%2F..%2Fb"
    ask = Ask("shop", "", {"page": "2", "q": "  x  ", "per": "٣"})
    assert (ask.number("page", 1, 9), ask.number("per", 50, 200), ask.number("none", 7, 9)) == (2, 50, 7)
    assert ask.text("q") == "x"
    assert ask.again(page=None, q="ä&b") == "?q=%C3%A4%26b&per=%D9%A3"


def test_command_lines_can_be_pasted() -> None:
    args = {"days": 3, "note": "it's <b>", "on": True}
    assert trigger_line("shop", "sync", args) == (
        "kubectl crontask trigger sync --set days=3 --set-string 'note=it'\"'\"'s <b>' --set on=true -n shop"
    )
    piped = "printf %%s '{\"a\": %s}' | kubectl crontask trigger sync --args-file - -n shop"
    assert trigger_line("shop", "sync", {"a": [1]}) == piped % "[1]"
    # Of a field that may be text too, `--set` would make text of a number.
    assert trigger_line("shop", "sync", {"a": 1}, as_json=True) == piped % "1"
    assert trigger_line("shop", "sync", {}, as_json=True) == "kubectl crontask trigger sync -n shop"
    for key in ("", "a=b", "a\\"):
        assert "--args-file" in trigger_line("shop", "sync", {key: 1})
    assert (
        suspend_line("shop", "sync", "a b", "2h") == "kubectl crontask suspend sync --reason 'a b' --until 2h -n shop"
    )
    assert hold_line("shop", "r", held=True).endswith("""'{"spec": {"suspend": true}}'""")
    assert answer_line("shop", "r", "crontask.dev/approve", "s") == (
        "kubectl annotate --overwrite -n shop sr r crontask.dev/approve=s"
    )

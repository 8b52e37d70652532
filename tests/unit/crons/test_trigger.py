"""A trigger: which request is sent for which call, by both clients, and which calls are refused."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import shop_crons
from memory_port import MemoryPort
from shop_crons import Color, Options

from crontask import AsyncClient, AsyncRun, Context, Crons, errors
from crontask.sdk.port import blocking

NEVER = datetime(2100, 1, 1, tzinfo=UTC)
DAY = date(2026, 3, 1)


def applied() -> MemoryPort:
    """A cluster that has the tasks."""
    return MemoryPort(*shop_crons.crons.manifests(namespace="shop"))


def asked(call: Any) -> dict[str, Any]:
    """The run that a trigger asks for."""
    port = applied()
    assert isinstance(blocking(call(AsyncClient.over(port, "shop"))), AsyncRun)
    request = next(request for request in port.asked if request.method == "POST")
    assert request.asked.namespace == "shop"
    body: dict[str, Any] = request.body
    return body


@pytest.mark.parametrize(
    ("call", "spec"),
    [
        (lambda client: shop_crons.rebuild.trigger(client), {}),
        (lambda client: shop_crons.rebuild.trigger(client, index="x"), {"args": {"index": "x"}}),
        (
            lambda client: shop_crons.rebuild.trigger(client, index="x", delay=timedelta(minutes=5)),
            {"args": {"index": "x"}, "delay": "5m"},
        ),
        (lambda client: shop_crons.ship_it.trigger(client, 42), {"args": {"order": 42}}),
        (
            lambda client: shop_crons.ship_it.trigger(client, order=42, key="order-42"),
            {"args": {"order": 42}, "idempotencyKey": "order-42"},
        ),
        (
            lambda client: shop_crons.ship_it.trigger.options(timeout="5m", at=NEVER)(client, 1),
            {"args": {"order": 1}, "timeout": "5m", "at": "2100-01-01T00:00:00Z"},
        ),
        (
            # Of a function with an argument of that name, it is that one.
            lambda client: shop_crons.mixed_cron.trigger(
                client, Options(DAY, ["a"]), [{"day": DAY, "count": 1}], Color.RED, timedelta(hours=1), key="mine"
            ),
            {
                "args": {
                    "options": {"day": "2026-03-01", "tags": ["a"]},
                    "rows": [{"day": "2026-03-01", "count": 1}],
                    "color": "red",
                    "wait": "PT1H",
                    "key": "mine",
                }
            },
        ),
        (lambda client: shop_crons.anything_cron.trigger(client, a=1, b=[None]), {"args": {"a": 1, "b": [None]}}),
        (lambda client: shop_crons.clean.trigger(client, max_age_days=3), {"args": {"max_age_days": 3}}),
    ],
)
def test_what_is_asked_for(call: Any, spec: dict[str, Any]) -> None:
    body = asked(call)
    assert {key: value for key, value in body["spec"].items() if key != "taskRef"} == spec
    assert body["metadata"]["name"].startswith(body["spec"]["taskRef"]["name"])


# A type checker refuses them too: else it would say that an ignore is not used.
WRONG: list[tuple[Any, str]] = [
    (
        lambda client: shop_crons.rebuild.trigger(client, idx="x"),  # type: ignore[call-overload]
        "args: got an unexpected keyword argument 'idx'",
    ),
    (
        lambda client: shop_crons.rebuild.trigger(client, index=5),  # type: ignore[call-overload]
        r"args\.index: must be a string, not 5; write what rebuild takes, at tests/support/shop_crons.py:\d+",
    ),
    (
        lambda client: shop_crons.ship_it.trigger(client, 1, 2),  # type: ignore[call-overload]
        "args: too many positional arguments",
    ),
    (
        lambda client: shop_crons.ship_it.trigger(client, order=1.5),  # type: ignore[call-overload]
        r"args\.order: must be a whole number",
    ),
    (
        lambda client: shop_crons.rebuild.trigger(client, delay=5),  # type: ignore[call-overload]
        r"delay: 5 \(int\) is not a duration",
    ),
    (
        lambda client: shop_crons.mixed_cron.trigger(client, {"day": "soon"}, []),  # type: ignore[call-overload]
        r"args\.options\.day: ",
    ),
    (
        lambda client: shop_crons.mixed_cron.trigger(client, Options(DAY), [], mode="c"),  # type: ignore[call-overload]
        r"args\.mode: ",
    ),
    (lambda client: shop_crons.anything_cron.trigger(client, a={1}), r"args\.a: \{1\} \(set\) is not a value"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_what_is_refused_before_it_is_sent(call: Any, message: str) -> None:
    port = MemoryPort()
    with pytest.raises(errors.BadInput, match=message):
        blocking(call(AsyncClient.over(port, "shop")))
    assert port.asked == []


def test_an_argument_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(errors.BadInput, match=r'args\.order: is missing; write args={"order": …}: ship-it takes order'):
        blocking(shop_crons.ship_it.trigger(AsyncClient.over(applied(), "shop")))  # type: ignore[call-overload]


NOT_SO: list[tuple[Any, str]] = [
    (
        lambda: shop_crons.ship_it.trigger(Context.for_test(), order=1),  # type: ignore[call-overload]
        r'trigger: is given the context of a run, and needs a client; in a handler, write ctx.trigger\("ship-it", ',
    ),
    (
        lambda: shop_crons.ship_it.trigger(42),  # type: ignore[call-overload]
        r"trigger: is given a int, and needs a client; write f.trigger\(client, x=1\)",
    ),
    (lambda: vars(shop_crons.ship_it)["delay"](order=1), r"delay: is not how a run is asked for; write f.trigger\(cl"),
    (lambda: Crons(), r'Crons: has no owner; write Crons\(owner="shop"\)'),
]


@pytest.mark.parametrize(("call", "words"), NOT_SO)
def test_habits_of_others_are_told_what_to_write(call: Any, words: str) -> None:
    with pytest.raises(errors.BadInput, match=words):
        call()


def test_of_an_event_loop() -> None:
    async def ask() -> AsyncRun:
        return await shop_crons.ship_it.trigger(AsyncClient.over(applied(), "shop"), 42)

    assert asyncio.run(ask()).task == "ship-it"


def test_where_a_registry_says_a_namespace() -> None:
    crons = Crons("shop", namespace="elsewhere")
    entry = crons.interval("a", minutes=1, run=shop_crons.clean_up, args={"max_age_days": 7})
    port = MemoryPort(*crons.manifests())
    blocking(entry.trigger(AsyncClient.over(port, "shop"), max_age_days=1))
    assert port.asked[0].asked.namespace == "elsewhere"
    blocking(entry.trigger.options(namespace="b")(AsyncClient.over(port, "shop"), max_age_days=1))
    assert port.asked[-1].asked.namespace == "b"

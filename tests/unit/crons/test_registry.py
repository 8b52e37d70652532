"""What is registered, and what is refused when it is: names, functions, intervals."""

import inspect
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import shop_crons

from crontask import Context, Crons, errors

LIGHT = ("registry", "cron", "function", "refusal", "deferred")
ROOT = Path(__file__).resolve().parents[3]


def plain(ctx: Context, *, days: int = 1) -> int:
    return days


def no_context() -> None:
    """Nothing is handed to it."""


def by_position(ctx: Context, days: int, /) -> None:
    """Args have names."""


def test_functions_stay_plain_functions() -> None:
    assert inspect.isfunction(shop_crons.rebuild)
    assert vars(shop_crons)["rebuild"].cron is shop_crons.crons["rebuild"]
    assert inspect.iscoroutinefunction(shop_crons.ship_it)
    context: Any = None
    assert shop_crons.rebuild(context, index="x") == shop_crons.Totals("x", [])


def test_all_are_there_in_their_order() -> None:
    names = [cron.name for cron in shop_crons.crons]
    assert names == ["rebuild", "ship-it", "clean-up", "daily-report", "mixed", "anything"]
    assert len(shop_crons.crons) == 6
    assert repr(shop_crons.crons).startswith("<Crons shop: rebuild, ship-it")
    with pytest.raises(KeyError):
        shop_crons.crons["none"]


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("cleanup expired sessions", "write cleanup-expired-sessions"),
        ("Clean_Up", "write clean-up"),
        ("-x-", "write x"),
        ("ü", "write a name like clean-up"),
        ("", "write a name like clean-up"),
        ("a" * 53, "write " + "a" * 52),
        (7, "write a text like clean-up"),
    ],
)
def test_a_name_that_no_task_can_have(name: Any, fix: str) -> None:
    with pytest.raises(errors.BadInput, match=f"^name: .*; {fix}$"):
        Crons("shop").interval(name, minutes=1, run=plain)


def test_an_owner_that_no_label_can_have() -> None:
    with pytest.raises(errors.BadInput, match=r"^owner: 'My Shop' is not made of .*; write my-shop$"):
        Crons("My Shop")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, r"interval: has no length; write minutes=15, or every=\"15m\""),
        ({"every": "1h", "minutes": 5}, "interval: every= and minutes= are both given"),
        ({"minutes": 1.5}, r"minutes: is 1\.5; write a whole number"),
        ({"seconds": 10**30}, "interval: seconds make more than a timedelta can be; write fewer"),
        ({"weeks": 10**9, "hours": 1}, "interval: weeks, hours make more than a timedelta can be"),
        ({"hours": True}, "hours: is True; write a whole number"),
        ({"minutes": 1, "run": no_context}, r"test_registry.py:\d+: no_context takes no context; write def no_context"),
        ({"minutes": 1, "run": by_position}, "takes days by its position alone"),
        ({"minutes": 1, "run": lambda ctx: 1}, "is not at the top level of its module"),
        ({"minutes": 1, "run": print}, "is not a function; write a function of a module"),
        ({"minutes": 1, "requires": "httpx"}, r"requires: is 'httpx'; write a list of modules"),
        ({"minutes": 1, "requires": ["http x"]}, "'http x' is not the name of a module"),
    ],
)
def test_what_cannot_be_registered(how: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.BadInput, match=message):
        Crons("shop").interval("a", **{"run": plain, **how})


def test_one_name_and_one_function_each() -> None:
    crons = Crons("shop")
    crons.interval("a", minutes=1, hours=1, run=plain)
    assert crons["a"].fields["interval"] == timedelta(hours=1, minutes=1)
    with pytest.raises(errors.BadInput, match="'a' is registered twice"):
        crons.cron("a", "0 * * * *", run=plain)
    # One function may be several tasks, but has one decorator.
    crons.cron("b", "0 * * * *", run=plain)
    with pytest.raises(errors.BadInput, match="rebuild is a task already: rebuild"):
        Crons("shop").task(schedule="0 * * * *")(shop_crons.rebuild)
    with pytest.raises(errors.BadInput, match="without parentheses"):
        crons.task(plain)  # type: ignore[arg-type]


def test_what_a_pod_loads() -> None:
    """The file is loaded in each pod: nothing heavy comes with it, and what pydantic would check is put off."""
    program = (
        "import os, sys; sys.path.insert(0, 'tests/support'); os.environ['CRONTASK_HANDLER'] = '{}'\n"
        "import crontask.runner.main, shop_crons\n"
        "print(*sys.modules)\n"
        "from crontask import Retry\n"
        "assert Retry(limit=3).limit == 3 and isinstance(Retry(limit=3), Retry)\n"
        "assert repr(Retry(limit=3)).startswith('Retry(limit=3')\n"
        "assert 'pydantic' in sys.modules\n"
    )
    environment = {"PYTHONPATH": str(ROOT / "operator"), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    heavy = {"pydantic", "orjson", "yaml", "urllib3", "aiohttp", "jsonschema_rs", "asyncio", "hashlib", "ssl"}
    loaded = set(done.stdout.split())
    assert loaded & heavy == set()
    ours = {name for name in loaded if name.startswith("crontask.") and not name.startswith("crontask.runner")}
    assert ours == {"crontask.crons", *(f"crontask.crons.{name}" for name in LIGHT)}

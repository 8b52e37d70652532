"""The objects that are made of a registry, and all that keeps them from being made."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import shop_crons
import yaml

from crontask import Context, Crons, errors
from crontask.api.resources import CONFIG_MAP
from crontask.api.validate import validate_task
from crontask.client.requests import checked_name
from crontask.crons.manifests import InvalidCrons, config_map_name


class Own:
    """JSON has no form for it."""


def plain(ctx: Context, *, days: int = 1) -> int:
    return days


def needed(ctx: Context, *, days: int) -> None:
    """Its args have to be there."""


def of_own(ctx: Context, own: Own) -> None:
    """Takes what cannot be sent."""


def gives_own(ctx: Context) -> Own:
    return Own()


def no_context(days: int) -> None:
    """The context would be its days."""


def unknown_type(ctx: Context, days: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Nobody knows the type."""


def twice(ctx: Context) -> int:
    return 1


first_twice = twice


def twice(ctx: Context) -> int:  # type: ignore[no-redef]
    return 2


def by_kind(crons: Crons, kind: str, **how: Any) -> list[dict[str, Any]]:
    return [body for body in crons.manifests(**how) if body["kind"] == kind]


def test_the_source_comes_first_and_once() -> None:
    first, *others = shop_crons.crons.manifests()
    assert (first["kind"], first["metadata"]["name"]) == ("ConfigMap", "crons-shop.shop-crons")
    assert first["data"] == {"shop_crons.py": Path(shop_crons.__file__).read_text()}
    assert {body["kind"] for body in others} == {"CronTask"}
    python = others[0]["spec"]["handler"]["python"]
    reference = {"name": "crons-shop.shop-crons", "key": "shop_crons.py"}
    assert python == {"configMapKeyRef": reference, "entrypoint": "rebuild"}
    for body in (first, *others):
        assert body["metadata"]["labels"]["crontask.dev/owner"] == "shop"
        assert set(body["metadata"]) <= {"name", "labels"}
    for body in others:
        assert validate_task(body["spec"], "default/a")[1] == ()
        assert yaml.safe_load(yaml.safe_dump(body)) == body


def test_what_is_said_of_a_task_stands_in_its_spec() -> None:
    found = {body["metadata"]["name"]: body for body in by_kind(shop_crons.crons, "CronTask")}
    assert found["clean-up"]["spec"]["interval"] == "15m"
    assert found["clean-up"]["spec"]["args"] == {"max_age_days": 30}
    report = found["daily-report"]["spec"]
    assert (report["schedule"], report["timeZone"]) == ("0 9 * * 1-5", "Europe/Berlin")
    assert found["rebuild"]["spec"]["retry"] == {"limit": 3}
    assert found["mixed"]["spec"]["schedules"] == ["0 1 * * *", "0 2 * * *"]
    assert found["mixed"]["spec"]["args"] == {"options": {"day": "2026-01-02", "tags": []}, "rows": []}
    assert found["ship-it"]["metadata"]["labels"] == {"team": "data", "crontask.dev/owner": "shop"}
    assert "schedule" not in found["ship-it"]["spec"]


def test_namespace_and_revision() -> None:
    crons = Crons("shop")
    crons.interval("a", minutes=1, run=shop_crons.clean_up, args={"max_age_days": 1}, annotations={"x": "y"})
    for body in crons.manifests(namespace="b", revision=7):
        assert body["metadata"]["namespace"] == "b"
        assert body["metadata"]["annotations"]["crontask.dev/revision"] == "7"
    assert crons.manifests(revision=7)[1]["metadata"]["annotations"] == {"x": "y", "crontask.dev/revision": "7"}
    own = Crons("shop", namespace="own")
    own.interval("a", minutes=1, run=shop_crons.report)
    assert {body["metadata"]["namespace"] for body in own.manifests(namespace="b")} == {"own"}


def test_functions_of_an_image() -> None:
    crons = Crons("shop", image="registry/shop:1")
    pod = {"spec": {"nodeSelector": {"a": "b"}}}
    crons.interval("a", minutes=1, run=plain, pod=pod)
    crons.interval("b", minutes=1, run=shop_crons.clean_up, image="other:2", args={"max_age_days": 1})
    first, second = crons.manifests()
    python = {"image": "registry/shop:1", "entrypoint": f"{__name__}:plain"}
    assert first["spec"]["handler"] == {"python": python, "pod": pod}
    assert second["spec"]["handler"]["python"] == {"image": "other:2", "entrypoint": "shop_crons:clean_up"}


def test_the_name_of_a_config_map() -> None:
    assert config_map_name("shop", "jobs.Daily_Report") == "crons-shop.jobs.daily-report"
    assert config_map_name("shop", "eu_jobs") != config_map_name("shop-eu", "jobs")
    for module in ("_private", "jobs._private", "jobs.__init__", "_", "a._.b"):
        assert checked_name(config_map_name("shop", module), CONFIG_MAP)
    assert len(config_map_name("shop", "a" * 300)) == 253


_SETTINGS: Any = {"image": None, "requires": (), "pod": None, "labels": None, "annotations": None}
PLACE = r"tests/unit/crons/test_manifests\.py:\d+"


@pytest.mark.parametrize(
    ("function", "how", "message"),
    [
        (plain, {"schedule": "61 * * * *"}, r"^\S+\.py:\d+: CronTask a: spec\.schedule: .*61"),
        (plain, {}, r"^\S+\.py:\d+: CronTask a: has no schedule .*; write one of them, or on_demand=True$"),
        (plain, {"interval": "1h", "schedule": "* * * * *"}, r"^\S+\.py:\d+: CronTask a: spec"),
        (
            plain,
            {"interval": "1h", "args": {"days": "x"}},
            r"^\S+\.py:\d+: CronTask a: args\.days: must be a whole number, not 'x'",
        ),
        (plain, {"interval": "1h", "args": {"dyas": 1}}, r"^\S+\.py:\d+: CronTask a: args\.dyas: "),
        (plain, {"interval": 5}, r"^\S+\.py:\d+: CronTask a: spec.interval: 5 .* is not a duration"),
        (
            plain,
            {"interval": "1h", "retry": {"limt": 3}},
            r'^\S+\.py:\d+: CronTask a: retry\["limt"\]: there is no such field; write "limit"$',
        ),
        (needed, {"interval": "1h"}, r"^\S+\.py:\d+: CronTask a: spec\.args\.days: is missing"),
        (of_own, {"on_demand": True}, f"^{PLACE}: of_own: its arguments cannot be written as JSON: .*Own"),
        (gives_own, {"on_demand": True}, f"^{PLACE}: gives_own: its result cannot be written as JSON"),
        (
            no_context,
            {"on_demand": True},
            rf"^{PLACE}: the first argument of no_context is days: int, and a ",
        ),
        (first_twice, {"on_demand": True}, f"^{PLACE}: twice is not what its module has by that name in the end; give"),
        (unknown_type, {"on_demand": True}, f"^{PLACE}: an annotation of unknown_type cannot be read: name 'Nowhere'"),
    ],
)
def test_what_a_task_cannot_be(function: Any, how: dict[str, Any], message: str) -> None:
    crons = Crons("shop", image="registry/shop:1")
    crons._add("a", function, {**how}, **_SETTINGS, on_demand=how.pop("on_demand", False))  # type: ignore[typeddict-item]
    with pytest.raises(InvalidCrons, match=message):
        crons.manifests()


def test_all_that_is_wrong_is_said_at_once() -> None:
    crons = Crons("shop")
    crons.interval("a", minutes=1, run=plain, time_zone="Nowhere/At_All")
    crons.cron("b", "61 * * * *", run=plain)
    with pytest.raises(errors.BadInput) as caught:
        crons.manifests()
    lines = str(caught.value).splitlines()
    assert [line.partition("test_manifests.py")[0] for line in lines if "imports" in line] == ["tests/unit/crons/"] * 3
    assert any(": CronTask a: spec.timeZone" in line for line in lines)
    assert any(": CronTask b: spec.schedule" in line for line in lines)


def test_a_file_with_a_byte_order_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "marked.py").write_text("def f(ctx): ...\n", encoding="utf-8-sig")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("marked")
    crons = Crons("shop")
    crons.interval("a", minutes=1, run=module.f)
    assert crons.manifests()[0]["data"] == {"marked.py": "def f(ctx): ...\n"}


def test_the_revision_is_written_by_the_deployment_alone() -> None:
    crons = Crons("shop", image="registry/shop:1")
    crons.interval("a", minutes=1, run=plain, annotations={"crontask.dev/revision": "99"})
    with pytest.raises(errors.BadInput, match=r"CronTask a: annotations: crontask\.dev/revision is written by each"):
        crons.manifests(revision=5)


def test_a_function_without_a_file_cannot_be_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("nowhere")
    exec("def f(ctx): ...", vars(module))
    monkeypatch.setitem(sys.modules, "nowhere", module)
    crons = Crons("shop")
    crons.interval("a", minutes=1, run=vars(module)["f"])
    with pytest.raises(errors.BadInput, match=r"^nowhere: has no file of its own"):
        crons.manifests()

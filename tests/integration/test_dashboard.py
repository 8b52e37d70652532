"""The page in a real browser, against a real API server: what one sees and does, and what changes meanwhile."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from api_server import until
from dashboard_site import DashboardSite, Visitor, dashboard_site, visitor
from kubelet_logs import NODE, LogNode, log_node
from playwright.sync_api import Browser, expect
from verbs import Verbs, container, world

from cluster.control_plane import ControlPlane

SCHEMA = {
    "type": "object",
    "required": ["days"],
    "properties": {
        "days": {"type": "integer", "minimum": 1, "description": "How many days back."},
        "region": {"type": "string", "enum": ["eu", "us"]},
        "mail": {"type": "object"},
    },
    "additionalProperties": False,
}
TASKS: dict[str, dict[str, Any]] = {
    "checked": {"argsSchema": SCHEMA, "args": {"days": 3}, "handler": container()},
    "long": {"concurrency": {"policy": "Allow"}, "handler": container(600, node=NODE)},
    "failing": {"handler": container(code=3), "retry": {"limit": 1, "initial": "1s"}},
    "beat": {"interval": "2s", "handler": container(0.1)},
    "nightly": {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin", "handler": container()},
    "flow": {
        "handler": {
            "steps": [
                {"name": "price", **container()},
                {"name": "manager", "approval": {"message": "is that right?"}},
                {"name": "pay", **container()},
            ]
        }
    },
    "fan": {"handler": {"forEach": {"items": [1, 2, 3], "maxFailed": 3, "handler": container(code=1)}}},
    "stopped": {"interval": "2s", "suspend": True, "handler": container(0.1)},
    "bad": {"schedule": "61 * * * *", "handler": container()},
}


@pytest.fixture(scope="module")
def node(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogNode]:
    with log_node(control_plane, tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture(scope="module")
def verbs(control_plane: ControlPlane, node: LogNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verbs]:
    """Tasks, an operator, and a stand-in kubelet."""
    with world(control_plane, tmp_path_factory.mktemp("world"), TASKS) as made:
        yield made


@pytest.fixture(scope="module")
def site(verbs: Verbs) -> Iterator[DashboardSite]:
    """The page of an administrator."""
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as running:
        running.log_in()
        yield running


@contextmanager
def somebody(browser: Browser, site: DashboardSite, **how: bool) -> Iterator[Visitor]:
    """The administrator with a browser, in whose console nothing goes wrong."""
    with visitor(browser, site, **how) as looking:
        yield looking
        assert looking.errors == []


def test_all_tasks_with_their_state_schedule_last_and_next_run(
    browser: Browser, site: DashboardSite, verbs: Verbs
) -> None:
    with somebody(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks")
        row = page.locator(f"#t-{verbs.namespace}-nightly")
        expect(row).to_contain_text("At 02:30")
        expect(row).to_contain_text("Europe/Berlin")
        expect(page.locator(f"#t-{verbs.namespace}-bad")).to_contain_text("61 is not in 0-59")
        # As they run, without loading the page again.
        beat = page.locator(f"#t-{verbs.namespace}-beat")
        expect(beat).to_contain_text("Succeeded")
        label = beat.locator("svg.strip")
        expect(label).to_have_attribute("aria-label", re.compile(r"Last ([2-9]|\d\d+) times: \d+ succeeded"))

        page.fill("[type=search]", "night")
        page.press("[type=search]", "Enter")
        expect(page).to_have_url(re.compile(r"\?q=night"))
        expect(page.locator("tbody tr")).to_have_count(1)
        page.fill("[type=search]", "no-such-task")
        page.press("[type=search]", "Enter")
        expect(page.locator("main")).to_contain_text("No task is like that")
        page.click("text=Show all tasks")
        page.click("nav[aria-label='Which tasks'] >> text=Need attention")
        expect(page.locator("tbody tr .title")).to_have_text(["bad"])


def test_run_now_with_a_form_made_of_the_schema(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks/checked")
        page.click("summary:has-text('Run now')")
        expect(page.locator("#act-trigger")).to_contain_text("How many days back.")
        expect(page.locator("#act-trigger code")).to_have_text(f"kubectl crontask trigger checked -n {verbs.namespace}")
        page.fill("[name='arg.mail']", "{nope")
        page.click("button:has-text('Run it')")
        # What is wrong is said, and what was written stands there still.
        expect(page.locator("[role=alert]")).to_contain_text("mail: '{nope' is not JSON")
        assert page.input_value("[name='arg.mail']") == "{nope"
        page.fill("[name='arg.mail']", '{"to": "<b>a@b.c</b>"}')
        page.fill("[name='arg.days']", "5")
        page.select_option("[name='arg.region']", "us")
        page.click("button:has-text('Run it')")
        page.wait_for_url(re.compile("/runs/checked-[0-9a-f]{11}$"))
        name = page.url.rsplit("/", 1)[1]
        expect(page.locator(".headline .state")).to_have_text("Succeeded")
        expect(page.locator("pre").last).to_contain_text('"<b>a@b.c</b>"')
        wanted = {"days": 5, "region": "us", "mail": {"to": "<b>a@b.c</b>"}}
        assert verbs.get("sr", name)["spec"]["args"] == wanted

        page.click("summary:has-text('Run again')")
        page.select_option("[name=from]", "Start")
        page.click("button:has-text('Run it again')")
        expect(page.locator(".notices")).to_contain_text(f"it runs {name} again")
        expect(page.locator(".headline .state")).to_have_text("Succeeded")


def test_the_command_line_follows_what_is_typed(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks/checked")
        code = page.locator("#act-trigger code")
        page.click("summary:has-text('Run now')")
        page.fill("[name='arg.days']", "5")
        expect(code).to_have_text(f"kubectl crontask trigger checked --set days=5 -n {verbs.namespace}")
        page.select_option("[name='arg.region']", "us")
        expect(code).to_have_text(
            f"kubectl crontask trigger checked --set days=5 --set-string region=us -n {verbs.namespace}"
        )
        page.fill("[name='arg.mail']", '{"to": "it\'s <b>"}')
        expect(code).to_contain_text("--args-file -")
        line = code.inner_text()
        # As it is now it cannot be meant: the line stays.
        with page.expect_response("**/trigger/line") as answered:
            page.fill("[name='arg.mail']", "{nope")
        assert answered.value.status == 422
        assert code.inner_text() == line
        # What changes on the page meanwhile does not take it away; what it says, a shell does.
        verbs.kubectl("annotate", "ct", "checked", "seen=1")
        made = re.search(r"scheduledrun\.crontask\.dev/(\S+) created", verbs.shell(line))
        assert made is not None
        wanted = {"days": 5, "region": "us", "mail": {"to": "it's <b>"}}
        assert verbs.get("sr", made[1])["spec"]["args"] == wanted
        assert code.inner_text() == line

        page.click("summary:has-text('Pause')")
        page.fill("[name=reason]", "it's late")
        expect(page.locator("#act-pause code")).to_have_text(
            f"kubectl crontask suspend checked --reason 'it'\"'\"'s late' -n {verbs.namespace}"
        )
        page.fill("[name=until]", "2h")
        expect(page.locator("#act-pause code")).to_contain_text(re.compile(r"--until 20\S+Z -n"))


def test_a_backfill_shows_its_plan_first(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks/stopped")
        page.click("a:has-text('Backfill')")
        page.fill("[name=from]", "soon")
        page.click("button:has-text('Show the plan')")
        expect(page.locator("[role=alert]")).to_contain_text("from: 'soon' is not a duration")
        assert page.input_value("[name=from]") == "soon"
        page.fill("[name=from]", "1h")

        def planned() -> list[str]:
            with page.expect_navigation():
                page.click("button:has-text('Show the plan')")
            times = page.locator(".plan .coming time").all()
            return [str(time.get_attribute("datetime")) for time in times]

        until("three times have passed while it is suspended", lambda: len(planned()) >= 3)
        times = planned()
        expect(page.locator(".plan")).to_contain_text("suspended then, or another schedule")
        page.fill("[name=from]", times[0])
        page.fill("[name=to]", times[2])
        assert planned() == times[:2]
        expect(page.locator(".plan code")).to_have_text(
            f"kubectl crontask backfill stopped --from {times[0]} --to {times[2]} --only missing -n {verbs.namespace}"
        )
        plan, line = page.url, page.locator(".plan code").inner_text()
        assert "run" in verbs.shell(f"{line} --dry-run")
        assert looking.violations() == []
        page.click("button:has-text('Make 2 runs')")
        page.wait_for_url(re.compile("/runs/stopped-backfill-[0-9a-f]{13}$"))
        name = page.url.rsplit("/", 1)[1]
        expect(page.locator(".notices")).to_contain_text(f"{name} is created: 2 runs of stopped.")
        expect(page.locator(".headline .state")).to_have_text("Succeeded")
        assert verbs.get("sr", name)["spec"]["handler"]["forEach"]["items"] == times[:2]
        # Whoever asks for the same again hears of the first; and by now there is nothing to do.
        page.goto(plan)
        expect(page.locator(".plan")).to_contain_text("nothing to do: none of them is missing")
        verbs.kubectl("delete", "sr", name)
        assert site.act(f"/ns/{verbs.namespace}/tasks/checked/backfill", **{"from": "7d"}).status == 422


def test_a_form_that_is_sent_twice_makes_one_run(site: DashboardSite, verbs: Verbs) -> None:
    path, form = f"/ns/{verbs.namespace}/tasks/checked/trigger", {"draw": "0123456789a", "arg.days": "3"}
    assert [site.act(path, **form).status for _ in range(2)] == [303, 303]
    assert verbs.kubectl("get", "sr", "-o", "name").count("checked-0123456789a") == 1


def test_cancel_while_it_runs_and_its_log_stays(
    browser: Browser, site: DashboardSite, verbs: Verbs, node: LogNode
) -> None:
    node.default["long"] = ["first \x1b[31mline\x1b[0m", "<script>document.title='x'</script>"]
    with somebody(browser, site) as looking:
        verbs.make("ScheduledRun", "long-a", {"taskRef": {"name": "long"}})
        page = looking.go(f"/ns/{verbs.namespace}/runs/long-a")
        expect(page.locator(".headline .state")).to_have_text("Running")
        expect(page.locator("pre.log")).to_have_text(
            "first line\n<script>document.title='x'</script>\n", use_inner_text=False
        )
        page.click("summary:has-text('Cancel')")
        page.fill("[name=reason]", "wrong <region>")
        page.click("button:has-text('Cancel it')")
        expect(page.locator(".headline .state")).to_have_text("Canceled")
        expect(page.locator("main")).to_contain_text("wrong <region>")
        assert verbs.get("sr", "long-a")["spec"]["cancelReason"] == "wrong <region>"
        # The button is gone by itself, and the log is still there.
        expect(page.locator("summary:has-text('Cancel')")).to_have_count(0)
        page.reload()
        expect(page.locator("pre.log")).to_contain_text("first line")
        page.click("text=The log on a page of its own")
        expect(page.locator("pre.log")).to_contain_text("first line")


def test_pause_with_a_reason_and_an_end_and_resume(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks/nightly")
        assert page.locator(".coming li").count() == 10
        page.click("summary:has-text('Pause')")
        page.fill("[name=until]", "yesterday")
        page.click("button:has-text('Pause it')")
        expect(page.locator("[role=alert]")).to_contain_text("until: 'yesterday' is not a time")
        page.fill("[name=until]", "2h")
        page.fill("[name=reason]", "<i>deploy</i>")
        page.click("button:has-text('Pause it')")
        expect(page.locator(".headline .state")).to_have_text("Suspended")
        expect(page.locator("main")).to_contain_text("“<i>deploy</i>”")
        task = verbs.get("ct", "nightly")
        assert task["spec"]["suspendReason"] == "<i>deploy</i>"
        assert "suspendUntil" in task["spec"]
        assert "suspend" not in task["spec"] or task["spec"]["suspend"] is False
        page.click("button:has-text('Resume')")
        expect(page.locator(".headline .state")).to_have_text("Active")
        assert "suspendUntil" not in verbs.get("ct", "nightly")["spec"]


def test_a_workflow_as_a_graph_that_waits_for_an_answer(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        verbs.make("ScheduledRun", "flow-a", {"taskRef": {"name": "flow"}})
        page = looking.go(f"/ns/{verbs.namespace}/runs/flow-a")
        expect(page.locator(".ask")).to_contain_text("is that right?")
        expect(page.locator("svg.graph .name")).to_have_text(["price", "manager", "pay"])
        expect(page.locator("svg.graph .edge")).to_have_count(2)
        page.click("button:has-text('Pause')")
        expect(page.locator(".headline .state")).to_have_text("Paused")
        page.click("button:has-text('Go on')")
        expect(page.locator(".headline .state")).to_have_text("Running")
        page.click("button:has-text('Approve')")
        expect(page.locator(".headline .state")).to_have_text("Succeeded")
        expect(page.locator("#s-manager")).to_contain_text("approved by admin")


def test_items_as_a_grid(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        verbs.make("ScheduledRun", "fan-a", {"taskRef": {"name": "fan"}})
        page = looking.go(f"/ns/{verbs.namespace}/runs/fan-a")
        expect(page.locator("svg.grid")).to_have_attribute("aria-label", "3 items: 3 failed")
        expect(page.locator("ul.failed li")).to_have_count(3)


def test_attempts_and_events_of_what_failed(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        verbs.make("ScheduledRun", "failing-a", {"taskRef": {"name": "failing"}})
        page = looking.go(f"/ns/{verbs.namespace}/runs/failing-a")
        expect(page.locator(".headline .state")).to_have_text("Failed")
        expect(page.locator("#attempts ~ .scroll tbody tr")).to_have_count(2)
        expect(page.locator("main")).to_contain_text("exit code 3")
        page.click("text=As YAML")
        expect(page.locator("pre")).to_contain_text("kind: ScheduledRun")
        page.go_back()
        page.click("text=Events")
        expect(page.locator("h1")).to_have_text("Events")


def test_now(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/now")
        expect(page.locator("section[aria-labelledby=soon]")).to_contain_text("beat")
        verbs.make("ScheduledRun", "long-b", {"taskRef": {"name": "long"}})
        running = page.locator("section[aria-labelledby=running]")
        expect(running).to_contain_text("long-b")
        verbs.kubectl("patch", "sr", "long-b", "--type=merge", "-p", '{"spec":{"cancel":true}}')
        expect(running).not_to_contain_text("long-b")


def test_times_in_the_zone_that_is_chosen(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks/nightly")
        expect(page.locator(".coming li").first).to_contain_text("02:30:00 C")
        page.click("button:has-text('Asia/Tokyo')")
        expect(page.locator("h2#coming")).to_have_text("Next times in Asia/Tokyo")
        expect(page.locator(".coming li").first).to_contain_text("JST")
        page.click("button:has-text('UTC')")
        expect(page.locator(".coming li").first).to_contain_text("UTC")
        # Remembered, also by another page.
        looking.go(f"/ns/{verbs.namespace}/tasks/nightly")
        expect(page.locator("button[aria-pressed=true]")).to_have_text("UTC")


def test_a_stream_is_closed_while_nobody_looks(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site) as looking:
        page = looking.page
        page.add_init_script(
            "window.streams = []; const Source = EventSource;"
            "window.EventSource = class extends Source { constructor(at) { super(at); streams.push(this); } };"
        )
        looking.go(f"/ns/{verbs.namespace}/tasks")
        until("a stream opens or closes", lambda: page.evaluate("streams.length === 1 && streams[0].readyState === 1"))
        hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
        page.evaluate(hide % "true" + "document.dispatchEvent(new Event('visibilitychange'))")
        until("a stream opens or closes", lambda: page.evaluate("streams[0].readyState === 2"))
        page.evaluate(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")
        until("a stream opens or closes", lambda: page.evaluate("streams.length === 2 && streams[1].readyState === 1"))


def test_without_javascript_one_looks_and_runs_and_pauses(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with somebody(browser, site, scripts=False) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks/checked")
        page.click("summary:has-text('Run now')")
        page.fill("[name='arg.days']", "8")
        page.click("button:has-text('Run it')")
        page.wait_for_url(re.compile("/runs/checked-"))
        name = page.url.rsplit("/", 1)[1]
        assert verbs.get("sr", name)["spec"]["args"] == {"days": 8}
        page.click("text=The log on a page of its own")
        expect(page.locator("h1")).to_have_text("Log")
        for path in ("tasks", "now", "tasks/nightly", "tasks/nightly/backfill?from=3d"):
            assert page.goto(f"{looking.site.address}/ns/{verbs.namespace}/{path}").ok  # type: ignore[union-attr]


@pytest.mark.parametrize("how", [{}, {"dark": True}, {"phone": True}], ids=["light", "dark", "phone"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, site: DashboardSite, verbs: Verbs, how: dict[str, bool]
) -> None:
    for task in ("flow", "fan"):
        verbs.make("ScheduledRun", f"{task}-{uuid4().hex[:6]}", {"taskRef": {"name": task}})

    def one_of_each() -> list[str]:
        names = [name.partition("/")[2] for name in verbs.kubectl("get", "sr", "-o", "name").split()]
        found = [next((name for name in names if name.startswith(begin)), "") for begin in ("flow", "beat", "fan")]
        return found if all(found) else []

    runs = until("a run of each", one_of_each)
    paths = [
        "tasks",
        "tasks?q=none",
        "now",
        "tasks/checked",
        "tasks/bad",
        "tasks/nightly",
        "tasks/nightly/backfill",
        "tasks/nightly/backfill?from=40d&only=all",
        "tasks/checked/backfill",
        *(f"runs/{run}" for run in runs),
        f"runs/{runs[1]}/yaml",
        f"runs/{runs[1]}/log",
        "tasks/beat/events",
        "tasks/not-there",
    ]
    with somebody(browser, site, **how) as looking:
        found = {}
        for path in [*(f"/ns/{verbs.namespace}/{path}" for path in paths), "/namespaces", "/ns/-/tasks"]:
            page = looking.go(path)
            for details in page.locator("details").all():
                details.evaluate("each => { each.open = true }")
            if problems := looking.violations():
                found[path] = problems
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found[path] = [*found.get(path, []), "wider than the screen"]
        assert found == {}


@pytest.mark.parametrize("scripts", [True, False])
def test_the_file_logs_in_once(browser: Browser, verbs: Verbs, scripts: bool) -> None:
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as site:
        with visitor(browser, site, scripts=scripts) as looking:
            expect(looking.page.locator("h1")).to_have_text("Tasks")
            looking.page.click("text=Log out")
            expect(looking.page.locator("h1")).to_have_text("Log in")
        again = site.request("POST", "/login", {"code": site.code}, {"Origin": "null"})
        assert (again.status, "good once" in again.text) == (401, True)


def test_a_page_of_a_server_that_is_gone_says_so(browser: Browser, verbs: Verbs) -> None:
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as site, visitor(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks")
        expect(page.locator("#offline")).to_be_hidden()
        site.process.terminate()
        site.process.wait(20)
        expect(page.locator("#offline")).to_be_visible(timeout=20_000)


def test_the_file_is_for_its_owner_alone_and_goes_with_the_page(verbs: Verbs) -> None:
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as site:
        file = site.opener_path
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
    assert not file.exists()

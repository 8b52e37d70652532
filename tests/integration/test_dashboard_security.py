"""What the page refuses: forms and frames of others, other hosts, crooked addresses; and who may do less sees less."""

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from api_server import until, until_allowed
from dashboard_site import DashboardSite, dashboard_site, visitor
from playwright.sync_api import Browser, expect
from verbs import Verbs, container

from cluster.control_plane import ControlPlane

MARKUP = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
VIEW = [{"apiGroups": ["crontask.dev"], "resources": ["crontasks", "scheduledruns"], "verbs": ["get", "list", "watch"]}]


@pytest.fixture(scope="module")
def verbs(control_plane: ControlPlane) -> Verbs:
    """A namespace with a task and a run in it; no operator is needed."""
    made = Verbs(control_plane, f"it-{uuid4().hex[:8]}")
    control_plane.kubectl("create", "namespace", made.namespace)
    made.make("CronTask", "task", {"schedule": "0 3 * * *", "handler": container()})
    made.make("ScheduledRun", "a-run", {"taskRef": {"name": "task"}, "suspend": True})
    return made


@pytest.fixture(scope="module")
def site(verbs: Verbs) -> Iterator[DashboardSite]:
    """The page of an administrator, who is logged in."""
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as running:
        running.log_in()
        yield running


def user(verbs: Verbs, name: str, rules: list[dict[str, list[str]]]) -> None:
    """Somebody who may do that in the namespace."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name},
        "rules": rules,
    }
    verbs.kubectl("apply", "-f", "-", stdin=json.dumps(role))
    verbs.kubectl("create", "rolebinding", name, f"--role={name}", f"--user={name}")
    until_allowed(verbs.control_plane, name, verbs.namespace, "list", "crontasks.crontask.dev")


# --- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Cookie": None}, 401),
        ({"Cookie": "crontask-session=guessed"}, 401),
        ({"Host": "evil.example"}, 421),
    ],
)
def test_a_form_from_elsewhere(site: DashboardSite, verbs: Verbs, headers: dict[str, str | None], status: int) -> None:
    token, reason = site.token(), uuid4().hex
    path = f"/ns/{verbs.namespace}/tasks/task/pause"
    answer = site.request("POST", path, {"token": token, "reason": reason}, headers)
    assert answer.status == status, answer.text
    assert (verbs.get("ct", "task")["spec"].get("suspendReason") == reason) is (status == 303)


@pytest.mark.parametrize("token", ["", "0" * 64, "ä"])
@pytest.mark.parametrize(
    "path", ["tasks/task/pause", "tasks/task/trigger", "tasks/task/resume", "runs/a-run/cancel", "runs/a-run/release"]
)
def test_a_forged_form(site: DashboardSite, verbs: Verbs, path: str, token: str) -> None:
    before = verbs.kubectl("get", "ct,sr", "-o", "json")
    answer = site.request("POST", f"/ns/{verbs.namespace}/{path}", {"token": token, "reason": "forged"})
    assert answer.status == 403
    assert verbs.kubectl("get", "ct,sr", "-o", "json") == before


@pytest.mark.parametrize("path", ["/zone", "/logout"])
def test_a_forged_choice(site: DashboardSite, path: str) -> None:
    assert site.request("POST", path, {"token": "x", "zone": "UTC"}).status == 403
    assert site.request("GET", "/namespaces").status == 200


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/no", "x\r\nA: b"])
def test_a_choice_leads_back_to_the_page_alone(site: DashboardSite, back: str) -> None:
    answer = site.act("/zone", zone="UTC", back=back)
    assert (answer.status, answer.headers["Location"]) == (303, f"{site.prefix}/")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(site: DashboardSite, verbs: Verbs, method: str) -> None:
    path = f"/ns/{verbs.namespace}/tasks/task"
    assert site.request(method, path).status in (403, 405)
    assert site.request(method, path, headers={"Origin": site.origin}).status == 405


def test_a_get_changes_nothing(site: DashboardSite, verbs: Verbs) -> None:
    before = verbs.kubectl("get", "ct,sr", "-o", "json")
    token = site.token()
    for path in ("tasks/task/pause", "tasks/task/trigger", "runs/a-run/cancel"):
        assert site.request("GET", f"/ns/{verbs.namespace}/{path}?token={token}&reason=x").status == 405
    assert verbs.kubectl("get", "ct,sr", "-o", "json") == before


# --- who is asking ---------------------------------------------------------------------------------------------------


def test_a_code_is_good_once(verbs: Verbs) -> None:
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as fresh:
        code = fresh.code
        for wrong in ("", "x", code[:-1], code + "a", "ä"):
            assert fresh.request("POST", "/login", {"code": wrong}).status == 401
        assert fresh.request("POST", "/login", {"code": code}, {"Host": "evil.example"}).status == 421
        entered = fresh.request("POST", "/login", {"code": code}, {"Origin": "null"})
        assert entered.status == 200
        cookie = entered.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert f"Path={fresh.prefix}/" in cookie
        assert fresh.request("POST", "/login", {"code": code}, {"Origin": "null"}).status == 401


def test_nobody_is_let_in_without_a_session(site: DashboardSite, verbs: Verbs) -> None:
    paths = ["/", "/namespaces", "/ns/-/tasks", f"/ns/{verbs.namespace}/tasks/task", f"/ns/{verbs.namespace}/now"]
    paths += [f"/live/ns/{verbs.namespace}/tasks", f"/live/ns/{verbs.namespace}/runs/a-run/log"]
    for path in paths:
        answer = site.request("GET", path, headers={"Cookie": None})
        assert answer.status == 401, path
        assert verbs.namespace not in answer.text


def test_the_prefix_is_a_secret(site: DashboardSite, verbs: Verbs) -> None:
    assert len(site.prefix) > 20
    for path in ("/", "/ns/-/tasks", "/login", "/static/page.css"):
        bare = DashboardSite(site.process, site.opener, site.origin, site.cookie)
        assert bare.request("GET", path).status == 404
    assert bare.request("GET", "/healthz", headers={"Host": "10.0.0.1"}).text == "ok\n"


def test_log_out(verbs: Verbs) -> None:
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as fresh:
        fresh.log_in()
        assert fresh.act("/logout").status == 303
        assert fresh.request("GET", "/namespaces").status == 401


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/ns/../tasks",
        "/ns/%2e%2e/tasks",
        "/ns/kube-system%2Fsecrets/tasks",
        "/ns/a%00b/tasks",
        "/ns/A/tasks",
        f"/ns/{'a' * 64}/tasks",
        "/ns/a/tasks/%2e%2e%2fpods",
        "/ns/a/tasks/x?namespace=kube-system",
        "/ns/a/tasks/x%3Fwatch=1",
        "/ns/a/tasks/x%0d%0aSet-Cookie:a=b",
        "/ns/a/runs/x%23y",
        "/ns/a/runs/%C3%BCnicode",
        "/ns/-/tasks/task",
        "/ns/a/tasks/task/../../b/tasks",
        "/static/../server.py",
        "/static/%2e%2e%2fserver.py",
        "/static/..%2f..%2fserver.py",
        "/static/nothing.css",
        "/nothing",
        "//evil.example/",
    ],
)
def test_a_crooked_address_is_not_there(site: DashboardSite, path: str) -> None:
    answer = site.request("GET", path)
    assert answer.status == 404, answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=999999999999999999999",
        "page=%00",
        "per=100000",
        "sort=__class__",
        "state=nonsense",
        "q=" + "x" * 5000,
        "q=%27%22%3E%3Cscript%3E",
        "q=%ff%fe",
        "&&&==",
    ],
)
def test_a_crooked_query_is_a_page_all_the_same(site: DashboardSite, verbs: Verbs, query: str) -> None:
    answer = site.request("GET", f"/ns/{verbs.namespace}/tasks?{query}")
    assert answer.status == 200
    assert "<script>" not in answer.text


def test_each_answer_has_its_headers(site: DashboardSite, verbs: Verbs) -> None:
    paths = [f"/ns/{verbs.namespace}/tasks", "/nothing", "/static/page.js", f"/ns/{verbs.namespace}/tasks/none"]
    for path in paths:
        headers = site.request("GET", path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Server"] == "crontask"
    assert site.request("GET", paths[0]).headers["Cache-Control"] == "no-store"


# --- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture
def stranger() -> Iterator[ThreadingHTTPServer]:
    """Another site."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(server.content.encode())  # type: ignore[attr-defined]

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing is written of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_another_site_frames_nothing_and_sends_nothing(
    browser: Browser, site: DashboardSite, verbs: Verbs, stranger: ThreadingHTTPServer
) -> None:
    with visitor(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks/task")
        address = f"http://localhost:{stranger.server_port}/"
        stranger.content = f'<iframe src="{page.url}"></iframe>'  # type: ignore[attr-defined]
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert len(page.frames) == 2
        assert "crontask" not in page.frames[1].content()

        action = f"{site.address}/ns/{verbs.namespace}/tasks/task/pause"
        stranger.content = (  # type: ignore[attr-defined]
            f'<form method="post" action="{action}"><input name="token" value="{site.token()}">'
            '<input name="reason" value="foreign"><button>x</button></form>'
        )
        page.goto(address)
        page.click("button")
        expect(page.locator("h1")).to_have_text("Forbidden")
        assert verbs.get("ct", "task")["spec"].get("suspendReason") != "foreign"


def test_markup_is_text_everywhere(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    schema = {"type": "object", "properties": {MARKUP: {"type": "string", "description": MARKUP}}}
    spec = {"argsSchema": schema, "args": {MARKUP: MARKUP}, "suspendReason": MARKUP, "suspend": True}
    verbs.make("CronTask", "markup", {**spec, "handler": container()})
    run = {"taskRef": {"name": "markup"}, "args": {"a": MARKUP}, "idempotencyKey": MARKUP, "suspend": True}
    verbs.make("ScheduledRun", "markup-run", run)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ended = {"phase": "Failed", "message": MARKUP, "startTime": now, "completionTime": now, "result": {MARKUP: MARKUP}}
    condition = {"type": "Failed", "status": "True", "reason": "Error", "message": MARKUP, "lastTransitionTime": now}
    verbs.kubectl(
        *("patch", "sr", "markup-run", "--subresource=status", "--type=merge"),
        *("-p", json.dumps({"status": {**ended, "conditions": [condition]}})),
    )
    last = {"name": "markup-run", "phase": "Failed", "message": MARKUP}
    status = {"phase": "Suspended", "lastRun": last, "recentRuns": [{**last, "name": "gone"}]}
    verbs.kubectl("patch", "ct", "markup", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    with visitor(browser, site) as looking:
        for path in ("tasks", "now", "tasks/markup", "runs/markup-run", "tasks/markup/yaml", "runs/markup-run/yaml"):
            page = looking.go(f"/ns/{verbs.namespace}/{path}")
            assert "owned" not in page.title()
            assert page.locator("main img").count() == 0
            assert page.locator("main script").count() == 0
            # And once the stream has built its nodes.
            page.wait_for_timeout(300)
            assert page.locator("main img").count() == 0
        page = looking.go(f"/ns/{verbs.namespace}/tasks?q=" + "%3Cscript%3E")
        assert page.input_value("[type=search]") == "<script>"
        assert looking.errors == []


def test_what_a_stream_sends_builds_no_script(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    """Were the server ever wrong, the page would still not run what it is sent."""
    with visitor(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks")
        built = page.evaluate(
            """async (at) => {
              const {patch} = await import(at);
              const region = document.createElement("div");
              document.body.append(region);
              patch(region, [
                ["script", {}, ["document.title = 'owned'"]],
                ["iframe", {srcdoc: "<script>parent.document.title = 'owned'</script>"}, []],
                ["a", {href: "javascript:document.title = 'owned'", onclick: "document.title = 'owned'"}, ["x"]],
                ["a", {href: "//evil.example", style: "color: red"}, ["y"]],
                ["b", {title: "<i>"}, ["<i>text</i>"]],
              ]);
              return region.innerHTML;
            }""",
            f"{site.prefix}/static/nodes.js",
        )
        assert built == '<a>x</a><a>y</a><b title="&lt;i&gt;">&lt;i&gt;text&lt;/i&gt;</b>'
        assert "owned" not in page.title()


# --- who may do less -------------------------------------------------------------------------------------------------


def test_who_may_only_look_sees_no_buttons_and_is_refused(
    browser: Browser, control_plane: ControlPlane, verbs: Verbs
) -> None:
    user(verbs, "viewer", VIEW)
    with (
        dashboard_site(control_plane.kubeconfig_for("viewer"), verbs.namespace) as site,
        visitor(browser, site) as looking,
    ):
        for path in ("tasks/task", "runs/a-run"):
            page = looking.go(f"/ns/{verbs.namespace}/{path}")
            assert page.locator("main form, main button, main summary").count() == 0
            assert page.locator("text=Events").count() == 0
            assert page.locator("h2#log").count() == 0
        cookie = next(each for each in looking.context.cookies() if each.get("name") == "crontask-session")
        site.cookie = f"crontask-session={cookie.get('value')}"
        for path in ("tasks/task/trigger", "tasks/task/pause", "runs/a-run/cancel", "runs/a-run/hold"):
            answer = site.act(f"/ns/{verbs.namespace}/{path}", reason="viewer")
            assert answer.status == 403, path
            assert "viewer" in answer.text
            assert "cannot" in answer.text
        assert site.request("GET", f"/ns/{verbs.namespace}/tasks/task/events").status == 403
        assert site.request("GET", f"/ns/{verbs.namespace}/runs/a-run/log").status in (200, 403)
        # Another namespace, and all of them, are not theirs.
        assert site.request("GET", "/ns/default/tasks").status == 403
        assert site.request("GET", "/ns/-/tasks").status == 403
        names = re.findall(r"/ns/([^/]+)/tasks", site.request("GET", "/namespaces").text)
        assert set(names) == {verbs.namespace}
        assert site.request("GET", f"/ns/{verbs.namespace}/tasks/none").status == 404


def test_who_may_trigger_one_task_has_the_button_of_that_one(control_plane: ControlPlane, verbs: Verbs) -> None:
    verbs.make("CronTask", "theirs", {"handler": container()})
    named = {"resourceNames": ["theirs"], "verbs": ["trigger"], "resources": ["crontasks"]}
    runs = {"resources": ["scheduledruns"], "verbs": ["create", "patch"]}
    user(verbs, "triggers", [*VIEW, *({"apiGroups": ["crontask.dev"], **each} for each in (named, runs))])
    with dashboard_site(control_plane.kubeconfig_for("triggers"), verbs.namespace) as site:
        site.log_in()
        theirs, other = (site.request("GET", f"/ns/{verbs.namespace}/tasks/{name}").text for name in ("theirs", "task"))
        assert "act-trigger" in theirs
        assert "act-pause" not in theirs
        assert "act-trigger" not in other
        assert "act-cancel" not in site.request("GET", f"/ns/{verbs.namespace}/runs/a-run").text
        answer = site.act(f"/ns/{verbs.namespace}/tasks/theirs/trigger", draw="abcdef01234")
        assert (answer.status, answer.headers["Location"].rsplit("/", 1)[1]) == (303, "theirs-abcdef01234")
        assert "act-cancel" in site.request("GET", f"/ns/{verbs.namespace}/runs/theirs-abcdef01234").text


def test_rights_that_are_taken_away_end_the_stream_and_the_buttons(
    browser: Browser, control_plane: ControlPlane, verbs: Verbs
) -> None:
    user(
        verbs,
        "leaver",
        [*VIEW, {"apiGroups": ["crontask.dev"], "resources": ["crontasks"], "verbs": ["patch", "suspend"]}],
    )
    with (
        dashboard_site(control_plane.kubeconfig_for("leaver"), verbs.namespace) as site,
        visitor(browser, site) as looking,
    ):
        page = looking.go(f"/ns/{verbs.namespace}/tasks/task")
        button = page.locator("main button:has-text('Resume'), main summary:has-text('Pause')")
        expect(button).to_have_count(1)
        verbs.kubectl("patch", "role", "leaver", "--type=merge", "-p", json.dumps({"rules": VIEW}))
        # Within the time that an answer is kept, and a beat.
        expect(button).to_have_count(0)
        verbs.kubectl("delete", "rolebinding", "leaver")
        expect(page.locator("h1")).to_have_text("You may not")


def test_who_the_api_server_does_not_know_is_logged_out(
    browser: Browser, control_plane: ControlPlane, verbs: Verbs
) -> None:
    verbs.kubectl("create", "serviceaccount", "robot")
    user(verbs, f"system:serviceaccount:{verbs.namespace}:robot".replace(":", "-"), VIEW)
    verbs.kubectl(
        "create", "rolebinding", "robot", "--clusterrole=cluster-admin", f"--serviceaccount={verbs.namespace}:robot"
    )
    until_allowed(
        control_plane,
        f"system:serviceaccount:{verbs.namespace}:robot",
        verbs.namespace,
        "list",
        "crontasks.crontask.dev",
    )
    token = verbs.kubectl("create", "token", "robot").strip()
    config = control_plane.kubeconfig.parent / "robot.kubeconfig"
    admin = json.loads(verbs.kubectl("config", "view", "--raw", "-o", "json"))
    admin["users"] = [{"name": "robot", "user": {"token": token}}]
    admin["contexts"][0]["context"]["user"] = "robot"
    config.write_text(json.dumps(admin))
    with dashboard_site(config, verbs.namespace) as site, visitor(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/tasks")
        expect(page.locator(".who")).to_contain_text("robot")
        verbs.kubectl("delete", "serviceaccount", "robot")
        until("the API server refuses the token", lambda: "Unauthorized" in _who(control_plane, config))
        expect(page.locator("[role=alert]")).to_contain_text("does not know you any more")


def _who(control_plane: ControlPlane, config: object) -> str:
    import subprocess

    command = [str(control_plane.kubectl_path), f"--kubeconfig={config}", "get", "ct"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr

"""The page that is served for many: by token and behind a proxy, each sees and does what their own token may."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from api_server import until, until_allowed
from dashboard_site import DashboardSite, chromium, served_site
from playwright.sync_api import expect
from verbs import Verbs, container

from cluster.control_plane import ControlPlane

VIEW = ["get", "list", "watch"]
ALL = ["crontasks", "scheduledruns"]


def rule(resources: list[str], verbs: list[str], group: str = "crontask.dev") -> dict[str, list[str]]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> str:
    """The kubeconfig of the page itself, which may read our two kinds, and nothing else."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "page"},
        "rules": [rule(ALL, VIEW)],
    }
    control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(role))
    control_plane.kubectl("create", "clusterrolebinding", "page", "--clusterrole=page", "--user=page")
    return str(control_plane.kubeconfig_for("page"))


@pytest.fixture(scope="module")
def verbs(control_plane: ControlPlane) -> Verbs:
    """A namespace with a task in it, and another one with a task that is not for everybody."""
    made = Verbs(control_plane, f"it-{uuid4().hex[:8]}")
    other = Verbs(control_plane, f"{made.namespace}-other")
    for each in (made, other):
        control_plane.kubectl("create", "namespace", each.namespace)
    made.make("CronTask", "task", {"schedule": "0 3 * * *", "handler": container()})
    other.make("CronTask", "hidden", {"schedule": "0 4 * * *", "handler": container()})
    return made


def token(verbs: Verbs, name: str, *rules: dict[str, list[str]]) -> str:
    """Of a service account that may do that in the namespace."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
    verbs.kubectl("apply", "-f", "-", stdin=json.dumps(role))
    verbs.kubectl("create", "serviceaccount", name)
    verbs.kubectl("create", "rolebinding", name, f"--role={name}", f"--serviceaccount={verbs.namespace}:{name}")
    account = f"system:serviceaccount:{verbs.namespace}:{name}"
    until_allowed(verbs.control_plane, account, verbs.namespace, "list", "crontasks.crontask.dev")
    return verbs.kubectl("create", "token", name).strip()


@contextmanager
def logged_in(server: str, bearer: str) -> Iterator[DashboardSite]:
    with served_site(server, "token") as site:
        answer = site.request("POST", "/login", {"token": bearer})
        assert answer.status == 200, answer.text
        site.cookie = answer.headers["Set-Cookie"].split(";")[0]
        yield site


def test_a_token_sees_and_does_what_it_may(server: str, verbs: Verbs) -> None:
    looks = token(verbs, "looks", rule(ALL, VIEW))
    with logged_in(server, looks) as site:
        page = site.request("GET", f"/ns/{verbs.namespace}/tasks")
        assert page.status == 200
        assert "task" in page.text
        assert f"system:serviceaccount:{verbs.namespace}:looks" in page.text
        detail = site.request("GET", f"/ns/{verbs.namespace}/tasks/task").text
        assert 'method="post"' not in detail.partition("<main")[2]
        assert site.act(f"/ns/{verbs.namespace}/tasks/task/pause").status == 403
        planned = site.request("GET", f"/ns/{verbs.namespace}/tasks/task/backfill?from=3d&only=all").text
        assert "The plan" in planned
        assert 'method="post"' not in planned.partition("<main")[2]
        form = {"from": "3d", "only": "all"}
        assert site.act(f"/ns/{verbs.namespace}/tasks/task/backfill", **form).status == 403
        # The server knows the other namespace, and says nothing of it.
        for path in (
            f"/ns/{verbs.namespace}-other/tasks",
            f"/ns/{verbs.namespace}-other/tasks/hidden",
            f"/ns/{verbs.namespace}-other/tasks/hidden/backfill?from=3d",
            "/ns/-/tasks",
        ):
            answer = site.request("GET", path)
            assert answer.status == 403
            assert "0 4 * * *" not in answer.text
            assert "At 04:00" not in answer.text
        assert site.request("GET", f"/ns/{verbs.namespace}/tasks/hidden").status == 404
        assert f"{verbs.namespace}-other" not in site.request("GET", "/namespaces").text


def test_a_write_is_theirs(server: str, verbs: Verbs) -> None:
    pauses = token(verbs, "pauses", rule(ALL, [*VIEW, "patch"]))
    with logged_in(server, pauses) as site:
        assert site.act(f"/ns/{verbs.namespace}/tasks/task/pause", reason="theirs").status == 303
        task = verbs.get("ct", "task")
        assert task["spec"]["suspendReason"] == "theirs"
        by = task["metadata"]["annotations"]["crontask.dev/suspended-by"]
        assert by == f"system:serviceaccount:{verbs.namespace}:pauses"
        # And it is seen in what the server had read.
        until("it is shown", lambda: "theirs" in site.request("GET", f"/ns/{verbs.namespace}/tasks/task").text)


@pytest.mark.parametrize("bad", ["", "x", "a b c", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "ä", "x" * 20_000])
def test_what_is_no_token(server: str, verbs: Verbs, bad: str) -> None:
    with served_site(server, "token") as site:
        assert site.request("POST", "/login", {"token": bad}).status == 401
        # Also from nobody's page.
        assert site.request("POST", "/login", {"token": bad}, {"Origin": "null"}).status == 403
        assert site.request("GET", "/ns/-/tasks").status == 401
        assert site.request("GET", "/ns/-/tasks", headers={"Authorization": "Bearer x"}).status == 401


def test_behind_a_proxy_each_request_brings_its_token(server: str, verbs: Verbs) -> None:
    one = token(verbs, "one", rule(ALL, [*VIEW, "patch"]))
    two = token(verbs, "two", rule(ALL, [*VIEW, "patch"]))
    path = f"/ns/{verbs.namespace}/tasks"
    with served_site(server, "proxy") as site:
        as_one, as_two = {"Authorization": f"Bearer {one}"}, {"Authorization": f"Bearer {two}"}
        first = site.request("GET", path, headers=as_one)
        assert first.status == 200
        site.cookie = first.headers["Set-Cookie"].split(";")[0]
        form = site.request("GET", path, headers=as_one).text.partition('name="token" value="')[2].partition('"')[0]
        pause = f"{path}/task/pause"
        assert site.request("POST", pause, {"token": form, "reason": "one"}, as_one).status == 303
        # Neither another user with that cookie and form, nor a name that somebody claims, nor the cookie alone.
        assert site.request("POST", pause, {"token": form, "reason": "two"}, as_two).status == 401
        claims = {"X-Forwarded-User": "system:admin", "X-Remote-User": "admin", "Impersonate-User": "admin"}
        assert site.request("GET", path, headers=claims).status == 401
        assert site.request("GET", path).status == 401
        assert site.request("GET", path, headers={"Authorization": "Bearer wrong"}).status == 401
        assert site.request("GET", path, headers={"Authorization": f"Basic {one}"}).status == 401
        assert verbs.get("ct", "task")["spec"]["suspendReason"] == "one"
        impersonating = {**as_one, "Impersonate-User": "admin"}
        assert site.request("GET", "/ns/default/tasks", headers=impersonating).status == 403


def test_an_open_page_follows_and_ends_with_the_right(server: str, verbs: Verbs) -> None:
    watches = token(verbs, "watches", rule(ALL, VIEW))
    with served_site(server, "token") as site, chromium() as browser:
        page = browser.new_page()
        page.goto(site.address)
        page.fill("#token", watches)
        page.click("button:has-text('Log in')")
        page.wait_for_url("**/tasks")
        page.goto(f"{site.address}/ns/{verbs.namespace}/tasks")
        verbs.make("CronTask", "fresh", {"schedule": "0 5 * * *", "handler": container()})
        expect(page.locator(f"#t-{verbs.namespace}-fresh")).to_contain_text("At 05:00")
        verbs.kubectl("delete", "ct", "fresh")
        expect(page.locator(f"#t-{verbs.namespace}-fresh")).to_have_count(0)
        verbs.kubectl("delete", "rolebinding", "watches")
        expect(page.locator("h1")).to_have_text("You may not")

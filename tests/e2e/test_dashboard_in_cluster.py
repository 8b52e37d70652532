"""The chart's page in a pod: people come in by tokens of theirs, and see and do what these may.

A release of its own brings it, beside the installation of the session: no operator, no CRDs, none of its admission. Its
namespace takes but restricted pods; the tasks are in another one.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from bench import Bench
from on_cluster import namespace_of_its_own
from playwright.sync_api import Browser, Page, expect

from cluster.control_plane import free_ports
from installation import CHART, Tools, image_values

_PAGE_ALONE = ("replicas=0", "crds.enabled=false", "webhook.enabled=false", "admissionPolicy.enabled=false")


@pytest.fixture
def address(tools: Tools) -> Iterator[str]:
    """Of the page, which runs in the cluster."""
    with namespace_of_its_own(tools) as home:
        name = home.namespace
        tools.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        values = (*_PAGE_ALONE, "dashboard.enabled=true", f"dashboard.url={url}", *image_values(tools))
        sets = [part for value in values for part in ("--set", value)]
        try:
            tools.helm("install", name, str(CHART), "--namespace", name, "--wait", "--timeout", "120s", *sets)
            with forwarded(home, f"service/{name}-crontask-dashboard", port):
                yield url
        finally:
            tools.helm("uninstall", name, "--namespace", name, "--ignore-not-found", "--wait")


@contextmanager
def forwarded(bench: Bench, to: str, port: int) -> Iterator[None]:
    """A port of this machine, led to a Service."""
    command = [bench.tools.kubectl_path, "--kubeconfig", str(bench.tools.kubeconfig), "-n", bench.namespace]
    process = subprocess.Popen([*command, "port-forward", to, f"{port}:80"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert said.startswith("Forwarding from"), said
        yield
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def token(bench: Bench, name: str, *roles: str, may: str) -> str:
    """Of a service account that has these ClusterRoles where the tasks are; `may`: what the last one gives."""
    bench.kubectl("create", "serviceaccount", name)
    for role in roles:
        account = f"--serviceaccount={bench.namespace}:{name}"
        bench.kubectl("create", "rolebinding", f"{name}-{role}", f"--clusterrole={role}", account)
    asked = ("auth", "can-i", may, "crontasks.crontask.dev", f"--as=system:serviceaccount:{bench.namespace}:{name}")
    bench.until(f"{name} may {may}", lambda: bench.kubectl(*asked, check=False).startswith("yes"))
    return bench.kubectl("create", "token", name, "--duration", "1h").strip()


@contextmanager
def somebody(browser: Browser, address: str, bearer: str) -> Iterator[Page]:
    """A browser of somebody who logs in, and logs out."""
    context = browser.new_context()
    page = context.new_page()
    try:
        page.goto(address)
        page.fill("#token", bearer)
        page.click("button:has-text('Log in')")
        page.wait_for_url("**/tasks")
        yield page
        page.click("text=Log out")
        expect(page.locator("h1")).to_have_text("Log in")
    finally:
        context.close()


@pytest.mark.alone
def test_each_sees_and_does_what_their_own_token_may(bench: Bench, address: str, browser: Browser) -> None:
    """Row 29, in the cluster."""
    bench.apply("page.yaml")
    tasks = f"{address}/ns/{bench.namespace}/tasks"
    with somebody(browser, address, token(bench, "operates", "view", "crontask-operate", may="suspend")) as page:
        page.goto(tasks)
        expect(page.locator(f"#t-{bench.namespace}-orders")).to_contain_text("At 02:30")
        expect(page.locator(".who")).to_have_text(f"system:serviceaccount:{bench.namespace}:operates")
        page.click("text=orders")
        page.click("summary:has-text('Run now')")
        page.select_option("[name='arg.region']", "us")
        page.click("button:has-text('Run it')")
        page.wait_for_url(re.compile("/runs/orders-"))
        # What the pod has read once for all follows what happens; the log is read with the token of who looks.
        expect(page.locator(".headline .state")).to_have_text("Running")
        expect(page.locator("pre.log")).to_contain_text("order 2")
        page.click("summary:has-text('Cancel')")
        page.click("button:has-text('Cancel it')")
        expect(page.locator(".headline .state")).to_have_text("Canceled")
        page.goto(f"{tasks}/orders")
        page.click("summary:has-text('Pause')")
        page.fill("[name=reason]", "holidays")
        page.click("button:has-text('Pause it')")
        expect(page.locator(".headline .state")).to_have_text("Suspended")
    task = bench.get("ct", "orders")
    by = task["metadata"]["annotations"]["crontask.dev/suspended-by"]
    assert by == f"system:serviceaccount:{bench.namespace}:operates"

    with somebody(browser, address, token(bench, "looks", "view", may="list")) as page:
        page.goto(f"{tasks}/orders")
        expect(page.locator("main")).to_contain_text("“holidays”")
        expect(page.locator("main form")).to_have_count(0)
        # Elsewhere they may see nothing, though the page itself has read it.
        page.goto(f"{address}/ns/default/tasks")
        expect(page.locator("h1")).to_have_text("You may not")

"""The page on a real cluster, in a real browser: the task of examples/page.yaml is run, followed, canceled, paused."""

import re
from collections.abc import Iterator

import pytest
from bench import Bench
from dashboard_site import DashboardSite, dashboard_site, visitor
from playwright.sync_api import Browser, expect


@pytest.fixture
def site(bench: Bench) -> Iterator[DashboardSite]:
    with dashboard_site(bench.tools.kubeconfig, bench.namespace) as running:
        running.log_in()
        yield running


def test_one_looks_runs_follows_the_log_cancels_and_pauses(bench: Bench, site: DashboardSite, browser: Browser) -> None:
    """Rows 29 and 48: tasks, next runs and history; buttons; the log of a run that was stopped."""
    bench.apply("page.yaml")
    with visitor(browser, site) as looking:
        page = looking.go(f"/ns/{bench.namespace}/tasks")
        expect(page.locator(f"#t-{bench.namespace}-orders")).to_contain_text("At 02:30")
        page.click("text=orders")
        expect(page.locator(".coming li")).to_have_count(10)
        page.click("summary:has-text('Run now')")
        page.select_option("[name='arg.region']", "us")
        page.click("button:has-text('Run it')")
        page.wait_for_url(re.compile("/runs/orders-"))
        name = page.url.rsplit("/", 1)[1]
        expect(page.locator(".headline .state")).to_have_text("Running")
        log = page.locator("pre.log")
        expect(log).to_contain_text('"region":"us"')
        # It goes on by itself.
        expect(log).to_contain_text("order 3")
        page.click("summary:has-text('Cancel')")
        page.fill("[name=reason]", "wrong region")
        page.click("button:has-text('Cancel it')")
        expect(page.locator(".headline .state")).to_have_text("Canceled")
        page.reload()
        expect(log).to_contain_text(re.compile(r"stopped after \d+ orders"))
        assert bench.get("sr", name)["spec"]["args"] == {"region": "us"}

        page.click("nav.crumbs >> text=orders")
        expect(page.locator(f"#r-{bench.namespace}-{name}")).to_contain_text("Canceled")
        page.click("summary:has-text('Pause')")
        page.fill("[name=reason]", "holidays")
        page.click("button:has-text('Pause it')")
        expect(page.locator(".headline .state")).to_have_text("Suspended")
        expect(page.locator("main")).to_contain_text("“holidays”")
        page.click("button:has-text('Resume')")
        expect(page.locator(".headline .state")).to_have_text("Active")
        assert looking.errors == []


def test_a_long_migration_pauses_and_goes_on(bench: Bench, site: DashboardSite, browser: Browser) -> None:
    """Row 40: a run in batches is paused by the page, keeps its cursor, and goes on."""
    bench.apply("batch.yaml")
    with visitor(browser, site) as looking:
        page = looking.go(f"/ns/{bench.namespace}/runs/batch")
        expect(page.locator(".headline .state")).to_have_text("Running")
        page.click("button:has-text('Pause')")
        expect(page.locator(".headline .state")).to_have_text("Paused")
        page.click("button:has-text('Go on')")
        expect(page.locator(".headline .state")).to_have_text(re.compile("Running|Succeeded"))
        batch = bench.ended("batch", "Succeeded", seconds=300)["batch"]
        # Each number once, over the pause.
        assert (batch["batches"], batch["processedCount"]) == (3, 10)

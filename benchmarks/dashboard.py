"""The page: how soon it answers and shows, what it holds, what a change takes to be seen, what open pages cost tasks.

A page that is served for many, over HTTP and in Chromium; its visitors log in with tokens of a service account.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import uvloop
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import kubelet, watch
from benchmarks.lag import cron_task, lags_of, p99, scheduled
from benchmarks.start import CONNECTIONS, create_finished, each, finished_run
from benchmarks.world import World, rss_megabytes, world
from cluster.control_plane import free_ports
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import Kind, ObjectKey

CHROMIUM = "/usr/bin/chromium"
RUNS_A_TASK = 3
OPEN = "pages are open"
"""What the process that keeps pages open says."""

# Seconds after which an open page shows all that a change makes.
_SETTLES = 3
_REQUESTS, _PAINTS, _CHANGES, _REST_SECONDS = 300, 11, 20, 30
_RIGHTS_LAST = 12
# Of one session there may be 40.
_STREAMS_A_SESSION = 25
_TASKS, _EMPTY = "/ns/bench/tasks", "/ns/empty/tasks"
_VIEWER = "system:serviceaccount:bench:viewer"
_OUR_KINDS = ["crontasks", "scheduledruns"]
# When the list of tasks has changed, but for times that are told anew; by the clock that both have.
_WATCH_FOR_CHANGE = """() => {
  const main = document.querySelector("main");
  const text = () => {
    const copy = main.cloneNode(true);
    copy.querySelectorAll("time").forEach((each) => each.remove());
    return copy.innerHTML;
  };
  const before = text();
  window.changed = new Promise((resolve) => new MutationObserver((_, seen) => {
    if (text() === before) return;
    seen.disconnect();
    resolve(Date.now() / 1000);
  }).observe(main, {subtree: true, childList: true, characterData: true, attributes: true}));
}"""
_FIRST_PAINT = '() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null'


def measure(tasks: int) -> dict[str, Any]:
    """With so many tasks, and three finished runs of each. Milliseconds, kilobytes, megabytes."""
    load = os.getloadavg()[0]
    with world() as running:
        uvloop.run(_fill(running, tasks))
        with _served(running) as (url, pid):
            rss = rss_megabytes(pid)
            answered = asyncio.run(_first_bytes(url, _token(running)))
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                shown = _in_browser(running, browser, url)
                browser.close()
            asked = _requests_at_rest(running)
            most = rss_megabytes(pid)
    return {
        "tasks": tasks,
        "runs": RUNS_A_TASK * tasks,
        **answered,
        **shown,
        "rssMegabytes": round(rss, 1),
        "rssMegabytesAfter": round(most, 1),
        "requestsAtRest": asked,
        "load": round(load, 2),
    }


def measure_beside(pages: int, tasks: int) -> dict[str, Any]:
    """The lag of tasks that are due at once, while so many pages of theirs are open."""
    load = os.getloadavg()[0]
    with world() as running:
        seen = running.logs / "seen.jsonl"
        running.start_and_wait("benchmarks.watch", says=watch.READY, output=seen)
        running.start_and_wait("benchmarks.kubelet", "1", says=kubelet.READY)
        _rights(running)
        with _served(running, pages) as (url, _):
            if pages:
                bearers = [_token(running) for _ in range(-(-pages // _STREAMS_A_SESSION))]
                running.start_and_wait("benchmarks.dashboard", url, str(pages), *bearers, says=OPEN)
            _, due = scheduled(running, "crontask", tasks)
            wait = max(0.0, due - time.time()) + 120
            running.until("every pod was seen", lambda: seen.read_bytes().count(b"\n") >= tasks, wait)
            lags = lags_of(seen, due)
    return {
        "variant": f"{pages} pages are open" if pages else "no page",
        "tasks": tasks,
        "p50": round(statistics.median(lags), 3),
        "p99": round(p99(lags), 3),
        "max": round(lags[-1], 3),
        "pods": len(lags),
        "load": round(load, 2),
    }


async def _fill(running: World, tasks: int) -> None:
    """Tasks with all that the operator writes into their status, and their runs."""
    _rights(running)
    now = datetime.now(UTC).replace(microsecond=0)
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), CONNECTIONS) as api:

        async def make(number: int) -> None:
            minute = f"{number % 60} {number % 24} * * *"
            task = orjson.loads(await api.create(Kind.CRON_TASK, "bench", cron_task(number, minute)))
            key = ObjectKey(Kind.CRON_TASK, "bench", task["metadata"]["name"])
            await api.patch(key, {"status": _status(number, now)}, subresource="status")
            for run in range(RUNS_A_TASK):
                ended = now - timedelta(days=run, minutes=number % 60)
                await create_finished(api, finished_run(task, f"task-{number}-{run}", ended))

        await each(range(tasks), make)


def _status(number: int, now: datetime) -> dict[str, Any]:
    failed = number % 10 == 0
    at = (now - timedelta(minutes=number % 60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    last = {"name": f"task-{number}-0", "phase": "Failed" if failed else "Succeeded", "completionTime": at}
    ready = {"type": "Ready", "status": "True", "reason": "Scheduled", "message": "", "lastTransitionTime": at}
    return {
        "phase": "Active",
        "observedGeneration": 1,
        "conditions": [ready],
        "decided": "S86400x14 F86400 S86400x14" + (" F86400" if failed else " S86400"),
        "decidedSince": (now - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lastRun": {**last, "duration": "1s"},
        "counts": {"succeeded": 29, "failed": 1},
    }


def _rights(running: World) -> None:
    """The page may read our kinds; so may a service account in the namespace, and in an empty one."""
    rules = [{"apiGroups": ["crontask.dev"], "resources": _OUR_KINDS, "verbs": ["get", "list", "watch"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "page"}}
    kubectl = running.control_plane.kubectl
    kubectl("create", "-f", "-", stdin=json.dumps({**role, "rules": rules}))
    kubectl("create", "namespace", "empty")
    kubectl("-n", "bench", "create", "serviceaccount", "viewer")
    kubectl("create", "clusterrolebinding", "page", "--clusterrole=page", "--user=page", f"--user={_VIEWER}")


def _token(running: World) -> str:
    return running.control_plane.kubectl("-n", "bench", "create", "token", "viewer").strip()


@contextmanager
def _served(running: World, pages: int = 1) -> Iterator[tuple[str, int]]:
    """Where the page answers, and its process; nothing runs where no page is asked for."""
    if not pages:
        yield "", 0
        return
    (port,) = free_ports(1)
    url, own = f"http://127.0.0.1:{port}", str(running.control_plane.kubeconfig_for("page"))
    options = ("--url", url, "--host", "127.0.0.1", "--port", str(port), "--login", "token", "--kubeconfig", own)
    process = running.start("crontask.cli.main", "dashboard", *options)
    running.until("the page has read all", lambda: asyncio.run(_is_ready(url)), 120)
    yield url, process.pid
    running.end(process)


async def _is_ready(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def _logged_in(url: str, token: str) -> aiohttp.ClientSession:
    # The cookie is for this machine's own address, which a jar of cookies does not take by itself.
    session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), read_bufsize=2**20)
    async with session.post(f"{url}/login", data={"token": token}, headers={"Origin": url}) as answer:
        answer.raise_for_status()
    return session


async def _first_bytes(url: str, token: str) -> dict[str, Any]:
    """Of the tasks view, one request after the other; its rights are known after the first."""
    session = await _logged_in(url, token)
    took: list[float] = []
    size = 0
    async with session:
        for number in range(_REQUESTS + 1):
            began = time.perf_counter()
            async with session.get(f"{url}{_TASKS}?page={1 + number % 100}") as answer:
                answer.raise_for_status()
                first = await answer.content.readany()
                took.append(1000 * (time.perf_counter() - began))
                size = max(size, len(first) + len(await answer.read()))
    return {
        "p50Milliseconds": round(statistics.median(took[1:]), 1),
        "p99Milliseconds": round(p99(sorted(took[1:])), 1),
        "kilobytes": round(size / 1000, 1),
    }


def _in_browser(running: World, browser: Browser, url: str) -> dict[str, Any]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Token", exact=True).fill(_token(running))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/ns/**")
    paints: dict[str, list[float]] = {_TASKS: [], _EMPTY: []}
    for _ in range(_PAINTS):
        for path, found in paints.items():
            found.append(_paint(page, url + path))
    full, empty = (statistics.median(found[1:]) for found in paints.values())
    seen = _changes(running, page, url)
    return {
        "paintMilliseconds": round(full, 1),
        "paintOfEmpty": round(full / empty, 2),
        "changeMilliseconds": round(1000 * statistics.median(seen)),
        "slowestChange": round(1000 * max(seen)),
    }


def _paint(page: Page, address: str) -> float:
    page.goto(address)
    return float(page.wait_for_function(_FIRST_PAINT).json_value())


def _changes(running: World, page: Page, url: str) -> list[float]:
    """Seconds from a write of a task's status to its change in the open page."""
    page.goto(f"{url}{_TASKS}?q=task-0")
    page.wait_for_load_state("load")
    seconds: list[float] = []
    # The driver of the browser has this thread's event loop.
    with ThreadPoolExecutor(1) as writer:
        for number in range(_CHANGES):
            time.sleep(_SETTLES)
            page.evaluate(_WATCH_FOR_CHANGE)
            began, status = time.time(), {"phase": "Suspended" if number % 2 == 0 else "Active"}
            writer.submit(asyncio.run, _write(running, status)).result()
            seconds.append(float(page.evaluate("() => window.changed")) - began)
    return seconds


async def _write(running: World, status: dict[str, Any]) -> None:
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), 1) as api:
        await api.patch(ObjectKey(Kind.CRON_TASK, "bench", "task-0"), {"status": status}, subresource="status")


def _requests_at_rest(running: World) -> int:
    """Requests about our kinds, and about rights, while nobody looks and nothing changes."""
    asked = ("crontasks", "scheduledruns", "selfsubjectaccessreviews", "selfsubjectreviews")

    def count() -> int:
        return sum(n for key, n in running.requests().items() if key[1] in asked and key[0] != "WATCH")

    # A page that was closed a moment ago may ask once more what its visitor may see.
    time.sleep(_RIGHTS_LAST)
    before = count()
    time.sleep(_REST_SECONDS)
    return count() - before


async def _keep_open(url: str, pages: int, tokens: list[str]) -> None:
    """So many pages of the tasks, read until somebody ends this process."""
    sessions = [await _logged_in(url, token) for token in tokens]
    opened = asyncio.Semaphore(0)

    async def follow(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{url}/live{_TASKS}", timeout=aiohttp.ClientTimeout(total=None)) as answer:
            answer.raise_for_status()
            opened.release()
            async for _ in answer.content.iter_any():
                continue

    async with asyncio.TaskGroup() as group:
        for number in range(pages):
            group.create_task(follow(sessions[number % len(sessions)]))
        for _ in range(pages):
            await opened.acquire()
        print(OPEN, file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(_keep_open(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))

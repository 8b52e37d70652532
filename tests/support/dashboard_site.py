"""`crontask dashboard` as a process, reached as a browser reaches it, and by requests that no browser sends."""

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import url2pathname

import pytest
from api_server import ROOT, until
from axe_playwright_python.sync_playwright import Axe
from bench import PATIENCE
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from cluster.control_plane import free_ports

CHROMIUM = "/usr/bin/chromium"
_OPENS = re.compile(r"Open (file://\S+) within a minute, or (http://\S+)/ with the code of it\.")
# A page is waited for as long as anything else.
expect.set_options(timeout=60_000 * PATIENCE)
_WIDE, _PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Answer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class DashboardSite:
    """A page that is served. `address`: with its prefix; `opener`: the file that logs in."""

    process: subprocess.Popen[str]
    opener: str
    address: str
    cookie: str = field(default="", repr=False)

    @property
    def origin(self) -> str:
        """Of its pages."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def prefix(self) -> str:
        """Of its addresses."""
        return urlsplit(self.address).path

    @property
    def code(self) -> str:
        """In the file."""
        found = re.search(r'name="code" value="([^"]+)"', self.opener_path.read_text())
        assert found is not None
        return found[1]

    @property
    def opener_path(self) -> Path:
        """Of the file."""
        return Path(url2pathname(urlsplit(self.opener).path))

    def request(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """One request, below the prefix; logged in once `log_in` was called. A header of None is not sent."""
        usual: dict[str, str | None] = {"Host": urlsplit(self.address).netloc, "Cookie": self.cookie or None}
        if form is not None:
            usual |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        usual |= headers or {}
        body = urlencode(form) if form is not None else None
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=30)
        try:
            connection.putrequest(method, self.prefix + path, skip_host=True, skip_accept_encoding=True)
            for name, value in usual.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body or "")))
            connection.endheaders((body or "").encode())
            answered = connection.getresponse()
            return Answer(answered.status, dict(answered.getheaders()), answered.read().decode())
        finally:
            connection.close()

    def log_in(self) -> None:
        """As the file does, for `request`."""
        answer = self.request("POST", "/login", {"code": self.code}, {"Origin": "null"})
        assert answer.status == 200, answer.text
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    def token(self, path: str = "/namespaces") -> str:
        """Of the forms of this session."""
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.request("GET", path).text)
        assert found is not None
        return found[1]

    def act(self, path: str, **form: str) -> Answer:
        """A button, with its form."""
        return self.request("POST", path, {"token": self.token(), **form})


@contextmanager
def dashboard_site(kubeconfig: Path | str, namespace: str, *options: str) -> Iterator[DashboardSite]:
    """A page of the user of this kubeconfig; nobody is logged in yet."""
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
    command = [sys.executable, "-m", "crontask.cli.main", "dashboard", "-n", namespace, "--no-browser", *options]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        found = _OPENS.search(said)
        assert found is not None, said + process.stderr.read()
        yield DashboardSite(process, found[1], found[2])
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


@contextmanager
def served_site(kubeconfig: Path | str, login: str) -> Iterator[DashboardSite]:
    """A page that is served for many; `kubeconfig`: of the page itself."""
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
    command = [sys.executable, "-m", "crontask.cli.main", "dashboard", "--url", address, "--host", "127.0.0.1"]
    process = subprocess.Popen([*command, "--port", str(port), "--login", login], env=environment, text=True)
    site = DashboardSite(process, "", address)
    try:
        until("the page has read all objects", lambda: _is_ready(site))
        yield site
    finally:
        process.terminate()
        process.wait(20)


def _is_ready(site: DashboardSite) -> bool:
    try:
        return site.request("GET", "/healthz").status == 200
    except OSError:
        return False


class Visitor:
    """Somebody with a browser, who is logged in, or has opened the file. What goes wrong in it is in `errors`."""

    def __init__(self, context: BrowserContext, site: DashboardSite) -> None:
        self.context = context
        self.site = site
        self.errors: list[str] = []
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)
        if site.cookie:
            name, _, value = site.cookie.partition("=")
            context.add_cookies([{"name": name, "value": value, "url": f"{site.address}/"}])
            return
        self.page.goto(site.opener)
        if not self.page.url.startswith(site.address):
            # Without JavaScript nobody presses the button of the file.
            self.page.click("button")
        self.page.wait_for_url(f"{site.address}/ns/*/tasks")

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def go(self, path: str) -> Page:
        """Open an address."""
        self.page.goto(self.site.address + path)
        return self.page

    def violations(self) -> list[str]:
        """What axe finds on the page that is open."""
        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of a file."""
    with chromium() as running:
        yield running


@contextmanager
def visitor(
    browser: Browser, site: DashboardSite, *, phone: bool = False, dark: bool = False, scripts: bool = True
) -> Iterator[Visitor]:
    """Somebody who looks at the page, in Tokyo."""
    context = browser.new_context(
        viewport=_PHONE if phone else _WIDE,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        timezone_id="Asia/Tokyo",
    )
    try:
        yield Visitor(context, site)
    finally:
        context.close()

"""The site of the documentation: it is built without a warning, and works in a real browser, offline."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, Route, expect

from docsite.__main__ import ForeignFolderError, build

# Of Sphinx, about what its extensions use of it: the versions are pinned.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")
ADDRESS = "http://docs.invalid"
"""Where the browser has the site: each request for it is answered from the files, without a network."""
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
FROM_ELSEWHERE = re.compile(
    r'<(?:script|link|img|iframe|source|video)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]*"|@import|url\(\s*["\']?(?:https?:)?//'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its pages. A warning of Sphinx fails here."""
    return build(tmp_path_factory.mktemp("site"))


@contextmanager
def reader(browser: Browser, site: Path, *, phone: bool = False, dark: bool = False) -> Iterator[Page]:
    """A page of the browser, in which nothing goes wrong, and by which nothing is asked of anybody else."""
    context = browser.new_context(
        viewport=PHONE if phone else WIDE,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
    )
    elsewhere: list[str] = []
    wrong: list[str] = []

    def answer(route: Route, request: Request) -> None:
        asked = urlsplit(request.url)
        file = site / asked.path.lstrip("/")
        if f"{asked.scheme}://{asked.netloc}" != ADDRESS:
            elsewhere.append(request.url)
            route.abort()
        elif file.is_file():
            route.fulfill(path=file)
        else:
            wrong.append(f"there is no {asked.path}")
            route.fulfill(status=404)

    context.route("**/*", answer)
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    try:
        yield page
    finally:
        context.close()
    assert (elsewhere, wrong) == ([], [])


def fits(page: Page) -> bool:
    """Whether one need not scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    assert len(files) > 40
    assert [(path.name, FROM_ELSEWHERE.findall(path.read_text(encoding="utf-8"))) for path in files] == [
        (path.name, []) for path in files
    ]


def test_each_page_of_the_docs_is_a_page_of_the_site(site: Path) -> None:
    pages = {path.stem for path in (Path(__file__).resolve().parents[2] / "docs").glob("*.md")}
    assert pages | {"commands", "python-api", "examples", "contributing"} <= {path.stem for path in site.glob("*.html")}


def test_a_reader_searches_and_comes_to_the_page(browser: Browser, site: Path) -> None:
    with reader(browser, site) as page:
        page.goto(f"{ADDRESS}/index.html")
        expect(page).to_have_title(re.compile("crontask"))
        page.get_by_role("textbox", name="Search").fill("NotStartedInTime")
        page.keyboard.press("Enter")
        found = page.locator("#search-results li a").filter(has_text="Troubleshooting")
        found.first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Troubleshooting, by symptom")
        expect(page.get_by_role("heading", name="Missed: NotStartedInTime")).to_be_attached()


def test_a_newcomer_is_led_from_the_front_page_to_a_first_run(browser: Browser, site: Path) -> None:
    with reader(browser, site) as page:
        page.goto(f"{ADDRESS}/index.html")
        page.get_by_role("main").get_by_role("link", name="a first task", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("A first task")
        expect(page.get_by_text("crontask trigger hello --wait").first).to_be_visible()
        page.get_by_role("main").get_by_role("link", name="A first workflow", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("A first workflow")


def test_an_example_that_a_page_links_to_is_shown(browser: Browser, site: Path) -> None:
    with reader(browser, site) as page:
        page.goto(f"{ADDRESS}/sdk.html")
        page.get_by_role("link", name="examples/sdk/shop.py").click()
        expect(page.get_by_role("heading", name="shop.py")).to_be_in_viewport()


def test_each_verb_and_each_field_is_in_the_reference(browser: Browser, site: Path) -> None:
    with reader(browser, site) as page:
        page.goto(f"{ADDRESS}/commands.html")
        for verb in ("trigger", "backfill", "doctor"):
            expect(page.get_by_role("heading", name=re.compile(rf"^{verb}\b"))).to_be_attached()
        expect(page.get_by_text("$ crontask audit nightly-report --from 30d")).to_be_attached()
        page.goto(f"{ADDRESS}/fields.html")
        page.get_by_role("main").get_by_role("link", name="Retry", exact=True).first.click()
        expect(page.get_by_role("heading", name="Retry", exact=False).first).to_be_in_viewport()
        page.goto(f"{ADDRESS}/python-api.html")
        expect(page.get_by_text("trigger").first).to_be_attached()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_light_or_dark_as_the_reader_has_it_and_by_a_button(dark: bool, browser: Browser, site: Path) -> None:
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    with reader(browser, site, dark=dark) as page:
        page.goto(f"{ADDRESS}/first-task.html")
        assert (max(page.evaluate(brightness)) < 100) is dark
        button = page.locator("button.theme-toggle:visible").first
        # From that of the system to each of the two.
        seen = set()
        for _ in range(3):
            button.click()
            seen.add(max(page.evaluate(brightness)) < 100)
        assert seen == {False, True}


def test_no_page_is_wider_than_a_phone(site: Path, browser: Browser) -> None:
    with reader(browser, site, phone=True) as page:
        wide = []
        for path in sorted(site.glob("*.html")):
            page.goto(f"{ADDRESS}/{path.name}")
            if not fits(page):
                wide.append(path.name)
        assert wide == []


def test_on_a_phone_the_pages_are_behind_a_button(browser: Browser, site: Path) -> None:
    with reader(browser, site, phone=True) as page:
        page.goto(f"{ADDRESS}/index.html")
        link = page.locator(".sidebar-tree").get_by_role("link", name="Under GitOps")
        expect(link).not_to_be_in_viewport()
        page.locator("label.nav-overlay-icon, .header-left label").first.click()
        link.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Under GitOps")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["index", "first-workflow", "measurements"])
def test_axe_finds_nothing_in_what_we_write(name: str, dark: bool, browser: Browser, site: Path) -> None:
    with reader(browser, site, dark=dark) as page:
        page.goto(f"{ADDRESS}/{name}.html")
        found = Axe().run(page, context="article").response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []


def test_it_can_be_read_from_a_folder(site: Path, browser: Browser) -> None:
    """Without a server, its search too."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    page.get_by_role("textbox", name="Search").fill("continueFrom")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results li a").first).to_be_visible()
    context.close()


@pytest.mark.parametrize("asked", ["https://example.com/font.woff", "nowhere.png"])
def test_a_page_that_asks_for_what_is_not_here_is_found(asked: str, tmp_path: Path, browser: Browser) -> None:
    (tmp_path / "index.html").write_text(f'<!doctype html><title>a</title><img src="{asked}" alt="">', encoding="utf-8")
    with pytest.raises(AssertionError, match=re.escape(asked)), reader(browser, tmp_path) as page:
        page.goto(f"{ADDRESS}/index.html")


def test_what_somebody_has_in_a_folder_is_not_removed(tmp_path: Path) -> None:
    kept = tmp_path / "html" / "mine.html"
    kept.parent.mkdir()
    kept.write_text("mine")
    with pytest.raises(ForeignFolderError, match="html was not made by this command"):
        build(tmp_path)
    assert kept.read_text() == "mine"

"""The maps of the repository lead somewhere: the files and folders that they name, and the links of the pages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "operator" / "crontask"
MAPS = ("CONTRIBUTING.md", "docs/architecture.md")
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")))
# In front of a name may stand its folder, or what is clear from the lines around it.
FOLDERS = (ROOT, SOURCE, SOURCE / "decide", SOURCE / "engine", SOURCE / "decide" / "task")
NAMED = re.compile(r"`([a-z_*/.-]+(?:\.py|\.yaml|/))`")
# In the picture, without its ending.
DRAWN = re.compile(r"\bengine/[a-z_]+")
LINK = re.compile(r"\]\(([^)#:\s]+)?(?:#([^)\s]+))?\)")


def exists(name: str) -> bool:
    return any(next(folder.glob(name), None) is not None for folder in FOLDERS)


@pytest.mark.parametrize("page", MAPS)
def test_the_files_that_a_map_names_are_there(page: str) -> None:
    named = {*NAMED.findall(text := (ROOT / page).read_text(encoding="utf-8")), *DRAWN.findall(text)}
    files = {name if name.endswith(("/", ".py", ".yaml")) else f"{name}.py" for name in named}
    assert files, "it names some"
    assert sorted(name for name in files if not exists(name)) == []


def test_each_module_of_a_policy_is_on_the_map() -> None:
    """Who looks for where something is decided is led there by the table of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    modules = [path for path in (SOURCE / "decide").rglob("*.py") if path.name != "__init__.py"]
    missing = [str(path.relative_to(SOURCE)) for path in modules if f"`{path.relative_to(SOURCE)}`" not in text]
    assert missing == []


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    wrong = []
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            wrong.append(f"{target}#{anchor}")
    assert wrong == []

"""The parts of the site: its navigation, what it shows in place of drawings, and that a warning ends the build."""

import re
from collections import Counter
from pathlib import Path

import pytest
from pygments.token import Generic
from sphinx.errors import SphinxWarning

import docs
from docsite import charts, navigation, source
from docsite.__main__ import build
from docsite.console import Console
from docsite.examples import as_code
from docsite.reachable import reachable

FRONT = (docs.DOCS / "index.md").read_text(encoding="utf-8")


def test_each_page_is_listed_once_on_the_front_page() -> None:
    listed = Counter(re.findall(r"^- \[[^\]]+\]\(([\w-]+)\.md\)", FRONT, re.MULTILINE))
    assert listed == Counter(path.stem for path in docs.DOCS.glob("*.md") if path.stem != "index")


def test_the_front_page_reads_as_plain_markdown_and_the_site_has_its_lists_as_navigation() -> None:
    assert "toctree" not in FRONT
    complete = navigation.complete(
        "# It\n\nWords.\n\n## Reference\n\n- [Fields](fields.md): all.\n\n## More\n\nNothing.\n"
    )
    assert "- [Fields](fields.md): all.\n- [Examples](examples.md)" in complete
    (tree,) = re.findall(r"```\{toctree\}\n(.*?)```", complete, re.DOTALL)
    assert ":caption: Reference\n" in tree
    assert tree.splitlines()[-4:] == [
        "Fields <fields>",
        "Examples <examples>",
        "Commands and options <commands>",
        "Python API <python-api>",
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[b](batches.md#limits)", "[b](batches.md#limits)"),
        ("[all](../README.md)", "[all](index.md)"),
        ("[us](../CONTRIBUTING.md#find-your-way)", "[us](contributing.md#find-your-way)"),
        ("[shop.py](../examples/sdk/shop.py)", "[shop.py](examples.md#shoppy)"),
        ("[files](../examples/)", "[files](examples.md)"),
        ("[results](../benchmarks/results) of", "results of"),
    ],
)
def test_a_link_out_of_docs_leads_to_the_page_that_has_it_or_is_words(written: str, shown: str) -> None:
    assert source._inside(written) == shown


def test_the_examples_are_on_a_page_and_the_table_of_the_readme_leads_to_them() -> None:
    page = source._examples()
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert {path.name for path in (source.REPOSITORY / "examples").glob("*.yaml")} <= set(headings)
    anchors = {source._anchor(heading) for heading in headings}
    linked = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert len(linked) > 40
    assert linked <= anchors


def test_a_chart_is_a_bar_for_each_value() -> None:
    drawn = charts.as_html(
        'xychart-beta horizontal\n    title "p99, <s>"\n    x-axis ["ours", "theirs"]\n    bar [0.5, 2]\n'
    )
    assert "<caption>p99, &lt;s&gt;</caption>" in drawn
    assert re.findall(r'">(\w+)</th>.*?width: ([\d.]+)%.*?<td>([\d.]+)</td>', drawn) == [
        ("ours", "25.0", "0.5"),
        ("theirs", "100.0", "2"),
    ]


def test_a_line_has_the_name_of_its_axis() -> None:
    drawn = charts.as_html(
        'xychart-beta\n  title "t"\n  x-axis "tasks" ["10", "20"]\n  y-axis 0 --> 9\n  line [1, 0]\n'
    )
    assert re.findall(r'">([^<]+)</th>', drawn) == ["10 tasks", "20 tasks"]


def test_states_are_a_row_for_each_way() -> None:
    drawn = charts.as_html("stateDiagram-v2\n    [*] --> Pending: not due\n    Pending --> Running\n")
    assert re.findall(r"<td>(.*?)</td>", drawn) == [
        "the start",
        "<code>Pending</code>",
        "not due",
        "<code>Pending</code>",
        "<code>Running</code>",
        "",
    ]


@pytest.mark.parametrize("drawing", ["graph TD\n  a --> b\n", 'xychart-beta\n  title "no values"\n'])
def test_another_drawing_is_refused(drawing: str) -> None:
    with pytest.raises(charts.UnreadableError):
        charts.as_html(drawing)


def test_each_drawing_of_the_pages_is_one_of_these() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in docs.DOCS.glob("*.md"))
    drawings = re.findall(r"^```mermaid\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(drawings) > 5
    assert all(charts.as_html(drawing) for drawing in drawings)


def test_in_a_terminal_only_what_follows_the_prompt_is_a_command() -> None:
    text = "$ kubectl apply \\\n    -f a.yaml\n# printed, it's no prompt\n$ cat <<END | sh\necho\nEND\ndone\n"
    tokens = [(token, value) for _, token, value in Console().get_tokens_unprocessed(text)]
    assert "".join(value for _, value in tokens) == text
    printed = [value for token, value in tokens if token is Generic.Output]
    assert printed == ["# printed, it's no prompt\n", "done\n"]
    assert [value for token, value in tokens if token is Generic.Prompt] == ["$ ", "$ "]


def test_what_scrolls_is_reached_by_the_keyboard_and_no_heading_is_empty() -> None:
    head = (
        '<thead>\n<tr class="row-odd"><th class="head"><p></p></th>\n<th class="head"><p></p></th>\n</tr>\n</thead>\n'
    )
    assert reachable(f"<table>{head}<tbody></tbody></table>") == "<table>\n<tbody></tbody></table>"
    assert reachable('<th class="head"><p></p></th><th class="head"><p>p50</p></th>') == (
        '<td class="head"></td><th class="head"><p>p50</p></th>'
    )
    assert reachable("<pre>a</pre>") == '<pre tabindex="0">a</pre>'
    assert reachable('<div class="table-wrapper docutils container">') == (
        '<div class="table-wrapper docutils container" tabindex="0">'
    )


def test_an_example_of_a_verb_is_code() -> None:
    lines = ["Shows it.", "", "Example: crontask next -f a.yaml", "--count 5", ""]
    as_code(lines)
    code = [".. code-block:: console", "", "   $ crontask next -f a.yaml --count 5"]
    assert lines == ["Shows it.", "", *code, ""]
    without = ["Shows it."]
    as_code(without)
    assert without == ["Shows it."]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("# It\n\n[there](nowhere.md)\n", "nowhere"),
        ("# It\n\n[there](#no-such-heading)\n", "no-such-heading"),
        ("# It\n\n```yaml\na: [\n\t- b\n```\n", "Lexing literal_block"),
    ],
)
def test_a_warning_ends_the_build(
    page: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one_page(folder: Path) -> None:
        folder.mkdir()
        (folder / "index.md").write_text(page, encoding="utf-8")

    monkeypatch.setattr(source, "collect", one_page)
    with pytest.raises(SphinxWarning):
        build(tmp_path)
    assert said in capsys.readouterr().err

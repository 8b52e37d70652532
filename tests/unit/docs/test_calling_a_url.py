"""The page about calls and its example: their manifests are good, and each URL becomes what is said."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

import docs
from crontask.api.validate_object import validate_object
from crontask.cli.yaml_reader import yaml_documents
from crontask.runner.url_template import expand_url

PAGE = (docs.DOCS / "calling-a-url.md").read_text(encoding="utf-8")
EXAMPLE = docs.DOCS.parent / "examples" / "call-one.yaml"
MANIFESTS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROWS = re.findall(r"^\| `(/[^`]*)` \| `({[^`]*})` \| `(/[^`]*)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_of_the_page_is_good(manifest: str) -> None:
    document = yaml.safe_load(manifest)
    assert validate_object(document, document["kind"], datetime.now(UTC)).problems == ()


@pytest.mark.parametrize(("template", "args", "url"), ROWS)
def test_a_template_of_the_page_becomes_what_it_says(template: str, args: str, url: str) -> None:
    # As kubectl reads them: a date is a text.
    (read,) = yaml_documents(f"args: {args}")
    assert expand_url(f"https://a{template}", read.value["args"]) == f"https://a{url}"


def test_the_page_has_a_template_of_each_form() -> None:
    written = " ".join(template for template, _, _ in ROWS)
    assert [form for form in ("/{", ":{", "{?", "{&", "*}", ",") if form not in written] == []


def test_a_run_of_the_page_calls_what_it_says() -> None:
    task = next(yaml.safe_load(text) for text in MANIFESTS if text.startswith("# remind.yaml\n"))["spec"]
    found = re.search(r"^A run with `args: ({.*?})` calls `(.*?)`;", PAGE, re.MULTILINE)
    assert found is not None
    args = {**task["args"], **yaml.safe_load(found[1])}
    assert expand_url(task["handler"]["http"]["urlTemplate"], args) == found[2]


def test_the_page_prints_what_the_commands_print(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, manifest in re.findall(r"^```yaml\n# (\S+\.yaml)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        Path(name).write_text(f"# {name}\n{manifest}")
    shown = re.findall(r"^```console\n(\$ crontask [^\n]*\n)(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown
    assert [docs.output_of(command) for command, _ in shown] == [output for _, output in shown]


def test_the_example_calls_what_it_says() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    task, run = list(yaml.safe_load_all(text))[:2]
    args = {**task["spec"]["args"], **run["spec"]["args"]}
    assert f"# Calls {expand_url(task['spec']['handler']['http']['urlTemplate'], args)}." in text

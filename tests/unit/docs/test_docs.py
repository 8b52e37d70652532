"""The examples of the pages are what the commands print; and a page that is not is found."""

import logging
import re
import shlex
from pathlib import Path

import pytest
from benchmarks.page import page as page_of_measurements
from click.testing import CliRunner

import docs
import docs_of_fields
import docs_of_metrics
from crontask.api.crd import cron_task_crd, scheduled_run_crd
from crontask.cli.main import main as crontask
from crontask.decide.run.rules import RULES
from crontask.decide.stage import UNDER_WAY, Stage
from crontask.engine.metric import OPERATOR_METRICS, TASK_METRICS

TASK = """# task.yaml
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {name: task}
spec:
  schedule: "0 * * * *"
  handler: {container: {image: busybox:1.36}}
"""
NEXT = "$ crontask next -f task.yaml --from 2026-06-01T00:30:00Z --count 1\n"
PRINTED = """default/task: Every hour (UTC)
NOMINAL (UTC)         LOCAL                          NOTE
2026-06-01T01:00:00Z  Mon 2026-06-01 01:00:00 +0000
"""


def page(*blocks: tuple[str, str]) -> str:
    return "# A page\n\n" + "\nWords.\n\n".join(f"```{language}\n{text}```\n" for language, text in blocks)


def test_the_page_about_time_prints_what_the_commands_print() -> None:
    text = (docs.DOCS / "when-does-it-run.md").read_text(encoding="utf-8")
    assert text.count("\n$ crontask ") > 10
    assert docs.with_examples(text) == text, "write it with hack/docs.py --write"


def test_the_readme_prints_what_the_commands_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(docs.DOCS.parent)
    blocks = re.findall(r"^```console\n(.*?)^```$", Path("README.md").read_text(), re.MULTILINE | re.DOTALL)
    shown = [part.partition("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    ours = [(command, output) for command, _, output in shown if re.match("crontask (next|simulate) ", command)]
    assert len(ours) >= 2
    for command, output in ours:
        printed = CliRunner().invoke(crontask, shlex.split(command)[1:]).output
        assert [line.rstrip() for line in printed.splitlines()] == output.splitlines(), command


@pytest.mark.parametrize("name", ["workflows.md", "batches.md"])
def test_a_page_of_handlers_prints_what_the_commands_print(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (docs.DOCS / name).read_text(encoding="utf-8")
    for file, manifest in re.findall(r"^```yaml\n# (\S+\.yaml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        Path(file).write_text(manifest)
    shown = re.findall(r"^```console\n(\$ crontask [^\n]*\n)(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert shown
    assert [docs.output_of(command) for command, _ in shown] == [output for _, output in shown]


def test_the_page_of_measurements_shows_the_results() -> None:
    text = (docs.DOCS / "measurements.md").read_text(encoding="utf-8")
    assert text.count("```mermaid") >= 2
    assert page_of_measurements() == text, "write it with hack/docs.py --write"


def test_the_page_of_stages_has_a_row_for_each_stage_with_its_rules_in_order() -> None:
    text = (docs.DOCS / "stages.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == [stage.name.lower().replace("_", " ") for stage in Stage]
    for stage, (_, meaning, subsets, rules, *phases) in zip(Stage, rows, strict=True):
        assert meaning == stage.value
        assert ("under way" in subsets) is (stage in UNDER_WAY)
        assert rules.split(", ") == [rule.name for rule in RULES if stage in rule.stages]
        assert {f"`{phase}`" for rule in RULES if stage in rule.stages for phase in rule.leads_to} == {
            name for cell in phases for name in cell.split(", ")
        }
    assert docs.stages() == text, "write it with hack/docs.py --write"


def test_the_page_of_metrics_has_each_as_it_is_defined() -> None:
    text = (docs.DOCS / "metrics.md").read_text(encoding="utf-8")
    for metric in (*OPERATOR_METRICS, *TASK_METRICS):
        assert f"| `{metric.full_name}` | {metric.type} |" in text
    assert docs_of_metrics.metrics() == text, "write it with hack/docs.py --write"


def test_a_label_with_many_values_leads_to_their_table_by_its_own_name() -> None:
    (row,) = re.findall(r"^\| `crontask_decisions_total` .*$", docs_of_metrics.metrics(), re.MULTILINE)
    assert re.findall(r"`(\w+)`: \[below\]", row) == ["decision", "reason"]


def test_the_page_of_fields_has_each_field_of_both_kinds_as_the_crds_have_it() -> None:
    text = (docs.DOCS / "fields.md").read_text(encoding="utf-8")
    assert docs_of_fields.fields() == text, "write it with hack/docs.py --write"
    sections = dict(re.findall(r"^## (\w+: \w+)\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL))
    for crd in (cron_task_crd(), scheduled_run_crd()):
        (version,) = crd["spec"]["versions"]
        fields = version["schema"]["openAPIV3Schema"]["properties"]
        for part in ("spec", "status"):
            rows = re.findall(r"^\| `(\w+)` \|", sections[f"{crd['spec']['names']['kind']}: {part}"], re.MULTILINE)
            assert rows == list(fields[part]["properties"])


@pytest.mark.parametrize(
    ("section", "row"),
    [
        ("### Retry", "| `limit` | number, 0 to 100 | `0` | Attempts after the first. |"),
        ("### Retry", "| `onLost` | `Retry`, `Fail` | `Retry` | "),
        ("### KeyRef", "| `name` | text, up to 253 | required | The name of the object. |"),
        ("### SkippedDates", "| `from` | date | required | "),
        ("### Handler", "| `steps` | list of: [Step](#step), 50 at most |  | "),
    ],
)
def test_a_field_has_what_it_takes_what_holds_without_it_and_what_it_means(section: str, row: str) -> None:
    text = docs_of_fields.fields().partition(f"\n{section}\n")[2].partition("\n### ")[0]
    assert row in text


def test_no_field_is_without_a_meaning() -> None:
    rows = re.findall(r"^\| `\w+` \|.*$", docs_of_fields.fields(), re.MULTILINE)
    assert len(rows) > 200
    assert [row for row in rows if row.endswith("|  |")] == []


def test_a_query_of_the_page_of_metrics_asks_for_metrics_and_labels_that_there_are() -> None:
    text = " ".join(docs_of_metrics.QUERIES.values())
    known = {metric.full_name: metric for metric in (*OPERATOR_METRICS, *TASK_METRICS)}
    asked = re.findall(r"(crontask_[a-z_]+)(?:\{([^}]*)\})?", text)
    assert len(asked) == len(docs_of_metrics.QUERIES)
    for name, labels in asked:
        metric = known[name.removesuffix("_bucket")]
        for label, values in re.findall(r'([a-z]+)=~?"([^"]*)"', labels):
            assert set(values.split("|")) <= set(metric.labels[label])


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    known = {metric.full_name for metric in (*OPERATOR_METRICS, *TASK_METRICS)}
    text = (docs_of_metrics.ALERTS.parent / "dashboard.json").read_text(encoding="utf-8")
    asked = re.findall(r"crontask_[a-z_]+", text)
    assert len(asked) > 15
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked} <= known


def test_each_alert_has_its_section_and_links_to_it() -> None:
    text = (docs.DOCS / "alerts.md").read_text(encoding="utf-8")
    assert docs_of_metrics.with_alerts(text) == text, "write it with hack/docs.py --write"
    sections = re.findall(r"^## (\w+)\n\n(.+)$", text, re.MULTILINE)
    rules = docs_of_metrics.alerts()
    assert [name for name, _ in sections] == [rule["alert"] for rule in rules]
    for rule in rules:
        assert rule["annotations"]["runbook_url"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert f"[{rule['alert']}](#{rule['alert'].lower()})" in text


def test_an_alert_asks_for_metrics_that_there_are() -> None:
    known = {metric.full_name for metric in (*OPERATOR_METRICS, *TASK_METRICS)}
    for rule in docs_of_metrics.alerts():
        asked = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"crontask_[a-z_]+", rule["expr"])}
        assert asked <= known, rule["alert"]


def test_an_example_that_is_right_stays() -> None:
    right = page(("yaml", TASK), ("console", NEXT + PRINTED))
    assert docs.with_examples(right) == right


@pytest.mark.parametrize("printed", ["", PRINTED.replace("01:00:00Z", "02:00:00Z"), PRINTED + "more\n"])
def test_an_output_that_is_stale_is_replaced(printed: str) -> None:
    stale = page(("yaml", TASK), ("console", NEXT + printed))
    assert docs.with_examples(stale) == page(("yaml", TASK), ("console", NEXT + PRINTED))


def test_a_manifest_that_was_edited_makes_its_output_stale() -> None:
    edited = page(("yaml", TASK.replace("0 * * * *", "0 3 * * *")), ("console", NEXT + PRINTED))
    assert "At 03:00 (UTC)" in docs.with_examples(edited)


def test_a_command_goes_on_in_the_next_line_and_patches_come_from_the_page() -> None:
    command = (
        "$ crontask simulate -f task.yaml --from 2026-06-01T00:30:00Z \\\n"
        "    --to 2026-06-01T02:30:00Z \\\n    --edit 2026-06-01T01:30:00Z=edit.yaml\n"
    )
    patch = '# edit.yaml\nspec: {schedule: "15 * * * *"}\n'
    written = docs.with_examples(page(("yaml", TASK), ("yaml", patch), ("console", command)))
    assert command in written
    assert written.count(" Start ") == 2
    assert "2026-06-01T02:15:00Z  Start" in written


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ((("yaml", TASK.partition("\n")[2]),), "a yaml block begins with # and a file name"),
        ((("yaml", TASK), ("yaml", TASK)), "a file name of its own: # task.yaml"),
        ((("console", "$ kubectl get pods\n"),), "a console block begins with"),
        ((("yaml", TASK.replace("0 * * * *", "61 * * * *")), ("console", NEXT)), "61 is not in 0-59"),
        ((("console", NEXT),), "task.yaml"),
        ((("yaml", TASK), ("console", NEXT.replace("--count", "--number"))), "--number"),
    ],
)
def test_what_is_no_example_is_refused(blocks: tuple[tuple[str, str], ...], words: str) -> None:
    with pytest.raises(docs.PageError, match=words):
        docs.with_examples(page(*blocks))


def test_a_stale_page_is_told_of_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    monkeypatch.setattr(docs, "PAGES", {"page.md": docs.with_examples})
    stale = page(("yaml", TASK), ("console", NEXT + "other\n"))
    (tmp_path / "page.md").write_text(stale, encoding="utf-8")

    assert docs.main(["--check"]) == 1
    told = capsys.readouterr().out
    assert "-other\n" in told
    assert "+default/task: Every hour (UTC)\n" in told
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == stale

    assert docs.main(["--write"]) == 0
    assert docs.main(["--check"]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page(("yaml", TASK), ("console", NEXT + PRINTED))


def test_the_examples_leave_logging_as_it_was() -> None:
    before = logging.root.manager.disable
    simulate = "$ crontask simulate -f task.yaml --from 2026-06-01T00:30:00Z --to 2026-06-01T01:30:00Z\n"
    docs.with_examples(page(("yaml", TASK), ("console", simulate)))
    assert logging.root.manager.disable == before

"""The page about CronJobs: it prints what the commands print, and its tables say what becomes of each field."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import docs
from crontask.api.crontask import CronTaskSpec
from crontask.cli.main import main

PAGE_PATH = docs.DOCS / "from-cronjob.md"
PAGE = PAGE_PATH.read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```console\n\$ (crontask [^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXIT_CODES = (2, 0, 0)


def printed(command: str) -> tuple[str, int]:
    """What a terminal shows, and the exit code."""
    done = CliRunner().invoke(main, shlex.split(command)[1:])
    return "".join(f"{line.rstrip()}\n" for line in done.output.splitlines()), done.exit_code


def write_files() -> None:
    for name, text in re.findall(r"^```(?:yaml|text)\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        Path(name).write_text(f"# {name}\n{text}")


def test_the_page_prints_what_the_commands_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files()
    assert len(COMMANDS) == len(EXIT_CODES)
    for (command, output), code in zip(COMMANDS, EXIT_CODES, strict=True):
        assert printed(command) == (output, code), command
        if command.startswith("crontask convert"):
            (tmp_path / "crontasks.yaml").write_text(CliRunner().invoke(main, shlex.split(command)[1:]).stdout)


def test_the_fields_that_the_page_names_exist() -> None:
    fields = {field.alias or name for name, field in CronTaskSpec.model_fields.items()}
    section = PAGE.partition("## What becomes what")[2].partition("Not carried over")[0]
    named = re.findall(r"^\|[^|]*\| ([^|]*) \|", section, re.MULTILINE)
    written = {match[1] for cell in named for match in re.finditer(r"`([a-zA-Z]+)", cell)} - {"true", "CronTask"}
    assert written <= fields
    assert {"schedule", "interval", "dst", "concurrency", "retry", "history", "startTimeout"} <= written


def test_the_manifest_of_the_page_is_one_of_kubernetes() -> None:
    (manifest,) = re.findall(r"^```yaml\n# cronjobs.yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    kinds = [(each["apiVersion"], each["kind"]) for each in yaml.safe_load_all(manifest)]
    assert kinds == [("batch/v1", "CronJob")] * 2

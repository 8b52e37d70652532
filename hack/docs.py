"""Pages that say what the code does: their examples are run, their tables computed.

The examples of docs/when-does-it-run.md are a yaml block that begins with `# name.yaml`, and console blocks that begin
with `$ crontask next`, `simulate` or `diff` and hold the output (but for spaces at the end of a line).
docs/conformance.md is written from tests/support/conformance_cases.py, docs/measurements.md from benchmarks/results,
docs/stages.md from the stages and rules of operator/crontask/decide; docs/metrics.md and the table of docs/alerts.md
from the metrics and the chart's alerts (docs_of_metrics); docs/fields.md from the models (docs_of_fields).

PYTHONPATH=operator:tests/support:. .venv/bin/python hack/docs.py --check | --write
Callers: people, tests/unit/docs, tests/unit/conformance.
"""

import argparse
import logging
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import page as measurements
from click.testing import CliRunner
from conformance import KUBERNETES, ROBFIG_CRON, SOURCES, Case, outcome
from conformance_cases import CASES

import docs_of_fields
import docs_of_metrics
from crontask.api.phases import RunPhase
from crontask.cli.main import main as crontask
from crontask.decide.run.rules import RULES
from crontask.decide.stage import OCCUPIES_SLOT, UNDER_WAY, UNSTARTED, WITH_POD, Stage

DOCS = Path(__file__).resolve().parents[1] / "docs"
_BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([a-z0-9-]+\.yaml)\n")
_COMMAND = re.compile(r"\$ crontask (next|simulate|diff) (?:.*\\\n)*.*\n")


class PageError(Exception):
    """A block of a page that is not an example as described above, or that is refused."""


def with_examples(page: str) -> str:
    """The page with the output that its examples have now. Raises PageError."""
    with TemporaryDirectory() as folder, chdir(folder):
        return _BLOCK.sub(lambda block: _example(block[1], block[2]), page)


def conformance() -> str:
    """The page about CronJob."""
    topics: dict[str, list[str]] = {}
    with _logging_as_it_was():
        logging.disable(logging.CRITICAL)
        for case in CASES:
            topics.setdefault(case.topic, []).append(_row(case))
    tables = [
        f"## {topic}\n\n| case | CronJob | crontask | why |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        for topic, rows in topics.items()
    ]
    return _HEAD + "\n" + "\n".join(tables)


def stages() -> str:
    """The page about the stages of a run."""
    return _STAGES_HEAD + "\n" + "\n".join(_stage_row(stage) for stage in Stage) + "\n"


PAGES: dict[str, Callable[[str], str]] = {
    "when-does-it-run.md": with_examples,
    "conformance.md": lambda page: conformance(),
    "measurements.md": lambda page: measurements.page(),
    "stages.md": lambda page: stages(),
    "metrics.md": lambda page: docs_of_metrics.metrics(),
    "alerts.md": docs_of_metrics.with_alerts,
    "fields.md": lambda page: docs_of_fields.fields(),
}

_HEAD = f"""# Beside CronJob

What Kubernetes' CronJob controller does, and what crontask does with the same schedule. CronJob's column is of
Kubernetes {KUBERNETES} and robfig/cron {ROBFIG_CRON}, found by running their code; crontask's is computed, and tested,
with the operator's own engine. `hack/docs.py` writes this page from `tests/support/conformance_cases.py`.

- Times are UTC, of 2026-06-01 where no day is given. `05:30 Start 05:00` is a start at 05:30 for the time 05:00;
  `Start 05:00` alone is on time. (CronJob looks a tenth of a second after each time; that is left out.)
- A run takes 10 seconds and a task is created at the beginning of the stretch that is shown, unless it says otherwise.
- Where the last column is empty, both start the same, or both refuse.
- Specs are in crontask's words: `startingDeadline` is `startingDeadlineSeconds`, `concurrency.policy` is
  `concurrencyPolicy`, `history` is the two history limits.

In brackets stands the file that says so: {", ".join(f"`{source}`" for source in SOURCES)}.
"""

_SUBSETS = {"unstarted": UNSTARTED, "with pod": WITH_POD, "occupies slot": OCCUPIES_SLOT, "under way": UNDER_WAY}
_STAGES_HEAD = """# The stages of a run

A phase is what the status of a run said last. Its stage is what holds at this moment: it follows from the run, its
task, and what is known of its pod. `stage_of` in `operator/crontask/decide/stage.py` names it.

- **unstarted**: the run has neither ended nor had an attempt, as far as is known.
- **with pod**: the pod of the expected attempt is there.
- **occupies slot**: the run was started, and neither it nor its pod has ended: it is in the way of others.
- **under way**: the run counts as active, until its end is recorded.

Each stage has its rules, `RULES` in `operator/crontask/decide/run/rules.py`. They are asked in the order in which they
stand here, and the first that has something to say decides. The last column has the phases that they may lead to, all
rules of the stage together; a rule that decides may also leave the phase as it is. `hack/docs.py` writes this page.

| stage | what holds of the run | is among | rules, in order | phases that they lead to |
|---|---|---|---|---|"""


def _example(language: str, text: str) -> str:
    """The block as it should be, its fences included."""
    if language == "yaml":
        name = _NAME.match(text)
        if name is None or Path(name[1]).exists():
            raise PageError(f"a yaml block begins with # and a file name of its own: {text.splitlines()[0]}")
        Path(name[1]).write_text(text, encoding="utf-8")
        return f"```yaml\n{text}```"
    command = _COMMAND.match(text)
    if command is None:
        raise PageError(f"a console block begins with $ crontask next, simulate or diff: {text.splitlines()[0]}")
    return f"```console\n{command[0]}{output_of(command[0])}```"


def output_of(command: str) -> str:
    """What `$ crontask …` prints, without spaces at the ends of its lines. Raises PageError if it is refused."""
    arguments = shlex.split(command.replace("\\\n", " "))[2:]
    with _logging_as_it_was():
        done = CliRunner().invoke(crontask, arguments, env={"FORCE_COLOR": None, "COLUMNS": None})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    if done.exit_code:
        raise PageError(f"{command.strip()}: {done.output.strip()}")
    return "".join(f"{line.rstrip()}\n" for line in done.output.splitlines())


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """`simulate` disables logging for the whole process."""
    before = logging.root.manager.disable
    try:
        yield
    finally:
        logging.disable(before)


def _row(case: Case) -> str:
    setting = ", ".join(f"`{name}: {_flow(value)}`" for name, value in case.spec.items())
    shown = "" if case.refused else f"{case.between[0]} to {case.between[1]}"
    sources = ", ".join(f"`{Path(source).name}`" for source in case.sources)
    said = "<br>".join(filter(None, (f"{case.cronjob} ({sources})", _listed(case.cronjob_starts or ()))))
    ours = _listed(outcome(case)) or "nothing"
    cells = ("<br>".join(filter(None, (f"**{case.name}**", setting, case.happens, shown))), said, ours, case.why)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _stage_row(stage: Stage) -> str:
    rules = [rule for rule in RULES if stage in rule.stages]
    phases = [phase for phase in RunPhase if any(phase in rule.leads_to for rule in rules)]
    cells = (
        stage.name.lower().replace("_", " "),
        stage.value,
        ", ".join(name for name, subset in _SUBSETS.items() if stage in subset),
        ", ".join(rule.name for rule in rules),
        ", ".join(f"`{phase}`" for phase in phases),
    )
    return "| " + " | ".join(cells) + " |"


def _listed(lines: tuple[str, ...]) -> str:
    return ", ".join(f"`{line}`" for line in lines)


def _flow(value: object) -> str:
    """A value as one would write it in YAML on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(each)}" for name, each in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) and set(value) & set("*@: ") else str(value)


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 if a page is not as it should be, and was not to be rewritten."""
    parser = argparse.ArgumentParser(description="The examples and tables of docs/, as the code has them now.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="Show what differs, and exit with 1.")
    what.add_argument("--write", action="store_true", help="Rewrite the pages.")
    asked = parser.parse_args(arguments)
    differing = 0
    for name, render in PAGES.items():
        path = DOCS / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = render(before)
        if after != before:
            differing += 1
            sys.stdout.writelines(
                unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name}, now")
            )
        if asked.write:
            path.write_text(after, encoding="utf-8")
    return 1 if differing and asked.check else 0


if __name__ == "__main__":
    sys.exit(main())

"""What people write who know other programs is answered with what it is called here."""

import pytest
from click.testing import CliRunner

from crontask.cli.main import main


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pause nightly", "there is no verb 'pause'; write crontask suspend TASK"),
        ("status", "there is no verb 'status'; write crontask describe NAME, or crontask list"),
        ("delete a", "write kubectl delete crontask NAME for a task; crontask cancel RUN ends a run"),
        ("get", "write crontask list, or crontask runs; crontask describe NAME shows one"),
        ("version", "write crontask --version"),
        ("lst", "there is no verb 'lst'; did you mean list?"),
        ("frobnicate", "there is no verb 'frobnicate'; crontask --help lists them all"),
        (
            "apply -f crons.py",
            "write the file without it: crontask apply crons.py; of manifests: kubectl apply -f FILE",
        ),
        ("runs nightly", "Got unexpected extra argument (nightly); write --task nightly"),
        ("trigger a --args {}", "No such option '--args'; write --set KEY=VALUE for each, or --args-file FILE"),
        ("trigger a --index b", "No such option '--index'; an arg of the run is written --set index=b"),
        ("trigger a --index=b", "an arg of the run is written --set index=b"),
        ("trigger a --index", "an arg of the run is written --set index=VALUE"),
        ("wait --for a", "leave it out: wait is for the end of runs, and its exit code says how they ended"),
        ("suspend a --for 2h", "write --until, which takes how long too: --until 2h"),
        ("runs --limit 3", "the newest come first: write | head -20, or --since 24h"),
        ("validate crons.py", "for crons in code write crontask apply --dry-run crons.py"),
        ("validate a.yaml", "Missing option '-f' / '--file'; write -f a.yaml"),
        ("next crons.py", "for crons in code write crontask export crons.py | crontask next -f -"),
        ("next a.yaml", "'a.yaml' is a file, where the name of a task is meant; write -f a.yaml"),
        # What click says by itself is enough.
        ("trigger", "Missing argument 'TASK'."),
        ("trigger a --lgs", "Did you mean"),
        ("--nope", "No such option '--nope'"),
    ],
)
def test_who_is_used_to_another_program_reads_what_to_write(line: str, said: str) -> None:
    done = CliRunner().invoke(main, line.split(), prog_name="crontask")
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_it_is_written_as_the_program_was_called() -> None:
    done = CliRunner().invoke(main, ["pause"], prog_name="kubectl crontask")
    assert "write kubectl crontask suspend TASK" in done.stderr


@pytest.mark.parametrize(("verb", "is_shown"), [("list", True), ("runs", True), ("doctor", True), ("trigger", False)])
def test_all_namespaces_are_in_the_help_of_what_can_be_about_them(verb: str, is_shown: bool) -> None:
    assert ("--all-namespaces" in CliRunner().invoke(main, [verb, "--help"]).stdout) is is_shown

"""What `make demo` says: each command that it prints for its user is one that crontask, kubectl or make has."""

import json
import shlex
from pathlib import Path

import pytest

import demo
from cluster import layout
from crontask.cli.main import main
from installation import Tools


class _Cluster(Tools):
    """A cluster of which the demo asks nothing but where it is."""

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return json.dumps({"items": []})


@pytest.fixture(params=[True, False], ids=["throw-away", "handed over"])
def tools(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    monkeypatch.chdir(layout.REPOSITORY)
    return _Cluster(tmp_path / "kubeconfig", str(tmp_path / "kubectl"), str(tmp_path / "helm"), request.param)


def commands(said: str) -> list[list[str]]:
    """The lines that are to be typed: those that are indented."""
    return [shlex.split(line) for line in said.splitlines() if line.startswith("  ")]


def parsed(words: list[str]) -> dict[str, object]:
    """The options and arguments of a line of crontask, as its verb understands them. Fails where it does not."""
    verb = main.commands[words[1]]
    with main.make_context("crontask", words[1:]) as group, verb.make_context(words[1], words[2:], parent=group) as ctx:
        return ctx.params


def test_it_ends_by_how_to_open_the_page(tools: Tools, capsys: pytest.CaptureFixture[str]) -> None:
    demo._how_to_go_on(tools)
    said = commands(capsys.readouterr().out)
    page = ["crontask", "dashboard", "-n", "crontask-demo"]
    # After the line by which that program is found, and knows the cluster.
    assert said.index(page) > next(index for index, words in enumerate(said) if words[0] == "export")
    assert parsed(page)["browser"] is True


def test_it_begins_by_how_to_look_from_a_second_terminal(tools: Tools, capsys: pytest.CaptureFixture[str]) -> None:
    demo._how_to_use(tools)
    said = commands(capsys.readouterr().out)
    assert [words[0] for words in said] == ["export", "kubectl", "crontask"]
    assert said[0][1] == f"KUBECONFIG={tools.kubeconfig}"
    assert "$PWD/.venv/bin" in said[0][2]


def test_each_command_is_one_that_there_is(tools: Tools, capsys: pytest.CaptureFixture[str]) -> None:
    demo._how_to_use(tools)
    demo._how_to_go_on(tools)
    said = commands(capsys.readouterr().out)
    assert {words[0] for words in said} <= {"export", "kubectl", "crontask", "make", "helm"}
    ours = [words for words in said if words[0] == "crontask"]
    assert {words[1] for words in ours} == {"next", "dashboard"}
    for words in ours:
        assert parsed(words)


def test_each_file_that_it_applies_is_an_example() -> None:
    assert [name for name in demo.SHOWN if not (layout.REPOSITORY / "examples" / name).is_file()] == []

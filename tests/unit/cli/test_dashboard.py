"""What is wrong with a command line of `crontask dashboard` is said before anything is served."""

import builtins
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crontask.cli.main import main

CONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: ann, user: {token: secret}}]
contexts: [{name: a, context: {cluster: a, user: ann, namespace: shop}}]
current-context: a
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """Of an API server that is not there."""
    file = tmp_path / "config"
    file.write_text(CONFIG)
    return str(file)


def dashboard(kubeconfig: str, *words: str) -> Result:
    return CliRunner().invoke(main, ["dashboard", "--kubeconfig", kubeconfig, "--request-timeout", "2s", *words])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--port", "70000"], 2, "70000 is not in the range"),
        (["--login", "proxy"], 2, "write --url too"),
        (["--host", "127.0.0.1"], 2, "write --url too"),
        (["--url", "cron.example.com"], 2, "write the address of the page, like https://cron.example.com"),
        (["--url", "http://cron.example.com"], 2, "has no TLS"),
        (["--url", "https://cron.example.com", "--login", "basic"], 2, "'basic' is not one of"),
        (["--context", "none"], 2, "none"),
        # Nobody answers.
        ([], 9, "127.0.0.1:1"),
    ],
)
def test_what_is_wrong_is_said(kubeconfig: str, words: list[str], code: int, said: str) -> None:
    done = dashboard(kubeconfig, *words)
    assert done.exit_code == code, done.output
    assert said in done.output
    assert "secret" not in done.output


def test_a_port_that_is_taken(kubeconfig: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = dashboard(kubeconfig, "--url", "http://localhost:1", "--host", "127.0.0.1", "--port", port)
    assert done.exit_code == 9
    assert f"127.0.0.1:{port} cannot be listened on" in done.output


def test_without_its_extra(kubeconfig: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "jinja2":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    done = dashboard(kubeconfig)
    assert done.exit_code == 2
    assert "pip install 'crontask[page]'" in done.output

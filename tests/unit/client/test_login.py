"""Tokens that are rotated, and exec plugins: what they are given, what they may print, when they are run anew."""

import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kubeconfigs import authority, config, encoded, own, write

from crontask.client import grants
from crontask.client.access import Access, Flags, Surroundings, load
from crontask.client.errors import AccessError
from crontask.client.grants import Grant, Login

V1, BETA = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
CERTIFICATE, KEY = own()
# Counts how often it is run, notes what it is given, prints what is in the file beside it.
PROGRAM = """#!{python}
import os, pathlib, sys
folder = pathlib.Path(__file__).parent
with (folder / "runs").open("a") as runs:
    runs.write(os.environ["KUBERNETES_EXEC_INFO"] + "\\n")
(folder / "seen").write_text(" ".join([*sys.argv[1:], os.environ.get("REGION", "")]))
print((folder / "prints").read_text())
sys.exit(int(os.environ.get("CODE", "0")))
"""


def credential(version: str = V1, **status: str) -> str:
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


def with_plugin(folder: Path, prints: str, cluster: dict[str, Any] | None = None, **fields: Any) -> Access:
    program = folder / "plugin"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    (folder / "prints").write_text(prints)
    (folder / "runs").touch()
    plugin = {"apiVersion": V1, "command": "./plugin", "interactiveMode": "IfAvailable", **fields}
    path = write(folder, config(cluster, {"exec": plugin}))
    return load(Flags(kubeconfig=str(path)), Surroundings({}, folder, folder / "none"))


def runs(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "runs").read_text().splitlines()]


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_token_in_a_file_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path, config(user={"tokenFile": "token"}))
    login = load(Flags(kubeconfig=str(path)), Surroundings({}, tmp_path, tmp_path)).login
    first = login.obtain()
    (tmp_path / "token").write_text("rotated")
    assert first.authorization == "Bearer from-file"
    assert login.known() is first
    assert login.known(datetime.now(UTC) + timedelta(seconds=61)) is None
    assert login.obtain(refused=first).authorization == "Bearer rotated"


def test_a_token_file_comes_before_a_token_as_kubernetes_has_it(tmp_path: Path) -> None:
    path = write(tmp_path, config(user={"tokenFile": "token", "token": "written"}))
    login = load(Flags(kubeconfig=str(path)), Surroundings({}, tmp_path, tmp_path)).login
    assert login.obtain().authorization == "Bearer from-file"


def test_an_empty_token_file_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, config(user={"tokenFile": "empty"}))
    with pytest.raises(AccessError, match="empty: tokenFile is empty; write a token into it"):
        load(Flags(kubeconfig=str(path)), Surroundings({}, tmp_path, tmp_path)).login.obtain()


def test_a_token_file_that_holds_something_else_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, config(user={"tokenFile": "ann.key"}))
    with pytest.raises(AccessError, match=r"ann.key: tokenFile holds something else than a token") as caught:
        load(Flags(kubeconfig=str(path)), Surroundings({}, tmp_path, tmp_path)).login.obtain()
    assert KEY.splitlines()[1] not in str(caught.value)


def test_a_token_that_is_written_down_is_not_asked_for_again() -> None:
    login = Login(lambda: Grant("Bearer a"))
    first = login.obtain()
    assert login.obtain(refused=first) is first


# --- plugins ---------------------------------------------------------------------------------------------------------


def test_a_plugin_has_its_args_environment_and_what_is_asked(tmp_path: Path) -> None:
    access = with_plugin(
        tmp_path, credential(token="t"), args=["get", "token"], env=[{"name": "REGION", "value": "eu"}]
    )
    assert access.login.obtain() == Grant("Bearer t")
    assert (tmp_path / "seen").read_text() == "get token eu"
    assert runs(tmp_path) == [{"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False}}]


def test_a_plugin_that_asks_for_it_is_given_the_cluster(tmp_path: Path) -> None:
    cluster = {
        "certificate-authority": "ca.crt",
        "proxy-url": "http://p:1",
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}],
    }
    access = with_plugin(tmp_path, credential(token="t"), cluster, provideClusterInfo=True)
    access.login.obtain()
    assert runs(tmp_path)[0]["spec"]["cluster"] == {
        "server": access.server,
        "certificate-authority-data": encoded(authority()),
        "proxy-url": "http://p:1",
        "config": {"audience": "x"},
    }


def test_a_plugin_may_give_a_client_certificate(tmp_path: Path) -> None:
    prints = credential(clientCertificateData=CERTIFICATE, clientKeyData=KEY)
    grant = with_plugin(tmp_path, prints).login.obtain()
    assert grant.key_pair is not None
    assert (grant.key_pair.certificate, grant.key_pair.key) == (CERTIFICATE.encode(), KEY.encode())


def test_a_plugin_is_run_anew_when_what_it_gave_has_passed(tmp_path: Path) -> None:
    login = with_plugin(tmp_path, credential(token="a", expirationTimestamp="2020-01-01T00:00:00Z")).login
    assert login.obtain().authorization == "Bearer a"
    assert login.known() is None
    (tmp_path / "prints").write_text(credential(token="b", expirationTimestamp="2099-01-01T00:00:00+02:00"))
    assert [login.obtain().authorization for _ in range(3)] == ["Bearer b"] * 3
    assert len(runs(tmp_path)) == 2


def test_threads_that_are_refused_together_run_it_once(tmp_path: Path) -> None:
    login = with_plugin(tmp_path, credential(token="a")).login
    refused = login.obtain()
    threads = [threading.Thread(target=login.obtain, args=(refused,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs(tmp_path)) == 2


def test_a_child_is_not_held_up_by_a_thread_of_its_parent() -> None:
    inside, finish = threading.Event(), threading.Event()

    def slow() -> Grant:
        inside.set()
        finish.wait(20)
        return Grant("Bearer a")

    login = Login(slow)
    thread = threading.Thread(target=login.obtain)
    thread.start()
    inside.wait(20)
    child = os.fork()
    if child == 0:
        login._source = lambda: Grant("Bearer b")
        os._exit(0 if login.obtain().authorization == "Bearer b" else 1)
    try:
        assert os.waitpid(child, 0)[1] == 0
    finally:
        finish.set()
        thread.join()


# (name, what it prints, its fields, what is said after its name)
BROKEN: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "it is not installed",
        "",
        {"command": "no-such-plugin", "installHint": "brew install it"},
        "the plugin no-such-plugin is not installed; brew install it",
    ),
    ("no hint", "", {"command": "no-such-plugin"}, "is not installed; install it, or write its whole path"),
    ("no such path", "", {"command": "./other"}, "the plugin ./other is not installed"),
    ("it fails", "", {"env": [{"name": "CODE", "value": "3"}]}, "ended 3; run it to see why: ./plugin"),
    ("it prints a text", "hello", {}, "printed no JSON (Expecting value: line 1 column 1 (char 0))"),
    ("another kind", '{"kind": "Secret"}', {}, "printed no ExecCredential; it has to print an ExecCredential"),
    ("another version", credential(BETA, token="t"), {}, f"speaks '{BETA}', the kubeconfig {V1}; write apiVersion"),
    ("nothing in it", credential(), {}, "printed neither a token nor a client certificate"),
    ("half a pair", credential(clientKeyData="k"), {}, "printed a certificate or a key without the other"),
    ("an end that is none", credential(token="t", expirationTimestamp="soon"), {}, "expirationTimestamp 'soon', which"),
    ("no terminal", "", {"interactiveMode": "Always"}, "needs a terminal (interactiveMode: Always), and there is none"),
]


@pytest.mark.parametrize(("prints", "fields", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_plugin_that_does_not_work(prints: str, fields: dict[str, Any], said: str, tmp_path: Path) -> None:
    access = with_plugin(tmp_path, prints, **fields)
    with pytest.raises(AccessError) as caught:
        access.login.obtain()
    assert str(caught.value).startswith(f"{tmp_path / 'config'}: users[dev].user.exec: the plugin ")
    assert said in str(caught.value)


@pytest.mark.parametrize(("mode", "interactive"), [("Never", False), ("IfAvailable", True), ("Always", True)])
def test_a_plugin_may_ask_where_there_is_a_terminal(
    mode: str, interactive: bool, tmp_path: Path, in_terminal: Callable[[], None]
) -> None:
    in_terminal()
    with_plugin(tmp_path, credential(token="t"), interactiveMode=mode).login.obtain()
    assert runs(tmp_path)[0]["spec"] == {"interactive": interactive}


@pytest.fixture
def in_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Standard input is a terminal."""

    def become() -> None:
        _, follower = os.openpty()
        monkeypatch.setattr(sys, "stdin", os.fdopen(follower))

    return become


def test_what_is_known_needs_no_file_and_no_program() -> None:
    asked: list[int] = []

    def source() -> Grant:
        asked.append(1)
        return Grant("Bearer a", until=datetime(2030, 1, 1, tzinfo=UTC))

    login = grants.Login(source, renewable=True)
    assert login.known() is None
    login.obtain()
    assert login.known(datetime(2029, 1, 1, tzinfo=UTC)) is not None
    assert login.known(datetime(2030, 1, 1, tzinfo=UTC)) is None
    assert asked == [1]

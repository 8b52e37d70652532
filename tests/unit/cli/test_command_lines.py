"""Whatever stands on the command line and in the manifest: words and an exit code, and never a traceback."""

import json
import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result
from field_features import FEATURES
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kubeconfigs import config, write
from mutations import RAW, mutated

from crontask.cli.main import main

GOOD = """\
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {name: a}
spec:
  interval: 20s
  handler: {container: {image: "busybox:1.36"}}
"""
FILES = {"good.yaml": GOOD, "bad.yaml": GOOD.replace("20s", "soon"), "broken.yaml": "a: [", "patch.yaml": "spec: {}"}
# Near each other, so that whatever is simulated is short.
TIMES = ("2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z", "2026-03-01T02:01:00+02:00", "2026-03-01T00:03:00.5Z")
NO_TIMES = (
    *("yesterday", "", " ", "2026-02-30", "2026-03-01T24:00:00Z", "2026-03-01T00:00:00", "9999-12-31T23:59:59-14:00"),
    *("0001-01-01T00:00:00+14:00", "1969-12-31", "1", "-1", "9" * 5000, "2026-13-01T00:00:00Z", "é", "\0", "=", "/"),
)
DURATIONS = ("5s", "1m30s", "0s", "3660d", "3661d", "1.5h", "-1s", "soon", "", "9" * 20 + "s")
_stretch = st.tuples(st.sampled_from(TIMES), st.sampled_from(TIMES)).map("/".join)
_edit = st.tuples(st.sampled_from(TIMES), st.sampled_from([*FILES, "nowhere.yaml", ""])).map("=".join)
_back = st.tuples(st.sampled_from(TIMES), st.sampled_from(DURATIONS)).map("=".join)
_junk = st.sampled_from(NO_TIMES) | st.text("-=/.:azTZ019%é", max_size=8)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "path": st.sampled_from([*FILES, "nowhere.yaml", ".", "-", ""]),
    "paths": st.sampled_from([*FILES, "nowhere.yaml", ".", "-", ""]),
    "old_paths": st.sampled_from([*FILES, "nowhere.yaml", "."]),
    "at": st.sampled_from(TIMES),
    "days": st.sampled_from(["1", "3", "0", "3660", "3661"]),
    "namespace": st.sampled_from(["default", "b", "", "Ä"]),
    "after": st.sampled_from(TIMES),
    "start": st.sampled_from(TIMES),
    "end": st.sampled_from(TIMES),
    "created": st.sampled_from(TIMES),
    "run_takes": st.sampled_from(DURATIONS[:3]),
    "run_result": st.sampled_from(["success", "failed", "20%", "101%", "%", "-1%", "1e400%"]),
    "count": st.sampled_from(["1", "3", "0", "-1", "10001", "1e3"]),
    "down": _stretch,
    "suspended": _stretch,
    "edits": _edit,
    "backs": _back,
}


ABOUT_A_CLUSTER = (
    *("audit", "backfill", "cancel", "describe", "diff", "doctor", "history", "list", "logs", "rerun", "resume"),
    *("run", "runs", "suspend", "trigger", "wait"),
)


@st.composite
def command_lines(draw: st.DrawFn, verbs: tuple[str, ...] = ()) -> list[str]:
    """A verb of the tree, with some of its options and arguments, good ones and bad."""
    assert isinstance(main, click.Group)
    # The operator and the page run until they are told to end.
    name = draw(st.sampled_from(verbs or sorted(main.commands.keys() - {"dashboard", "operator"})))
    words = [name]
    for parameter in main.commands[name].params:
        wanted = 9 if parameter.required or parameter.name == "path" else 3
        for _ in range(2 if parameter.multiple else 1):
            if draw(st.integers(0, 9)) <= wanted:
                words += _given(draw, parameter)
    return words


def _given(draw: st.DrawFn, parameter: click.Parameter) -> list[str]:
    if isinstance(parameter, click.Argument):
        return [draw(st.sampled_from(["a", "b", "", "-x"]))]
    assert isinstance(parameter, click.Option)
    if parameter.is_flag:
        return [parameter.opts[0]]
    good = VALUES.get(str(parameter.name))
    if isinstance(parameter.type, click.Choice):
        good = st.sampled_from(list(parameter.type.choices))
    value = draw(good if good is not None and draw(st.integers(0, 9)) else _junk)
    return [draw(st.sampled_from(parameter.opts)), value]


TASK = {
    **yaml.safe_load(GOOD),
    "metadata": {"name": "b", "namespace": "default", "uid": "u", "creationTimestamp": "2026-02-28T23:59:00Z"},
    "status": {"phase": "Active", "decided": "S20x5 F20 s20x2", "decidedSince": "2026-03-01T00:00:00Z"},
}


class _Answers(BaseHTTPRequestHandler):
    """An API server in which nothing is but a task, and where whatever is sent is refused."""

    def do_GET(self) -> None:
        if self.path.partition("?")[0].endswith("/crontasks/b") and "as=Table" not in self.headers.get("Accept", ""):
            self._answer(200, TASK)
            return
        listed = not self.path.partition("?")[0].rstrip("/").endswith(("/a", "/b"))
        table = "as=Table" in self.headers.get("Accept", "")
        rows = {"columnDefinitions": [{"name": "Name"}], "rows": []} if table else {"items": []}
        self._answer(200 if listed else 404, {"metadata": {"resourceVersion": "1"}, **rows})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(403, {})

    def _answer(self, code: int, document: dict[str, Any]) -> None:
        refusal = {
            "kind": "Status",
            "code": code,
            "reason": "NotFound" if code == 404 else "Forbidden",
            "message": "no",
        }
        body = json.dumps(document if code == 200 else refusal).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is written of requests."""


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """That of such a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    yield str(write(tmp_path_factory.mktemp("kube"), config(cluster={"server": url})))
    server.shutdown()
    server.server_close()


@contextmanager
def folder() -> Iterator[None]:
    """A folder with the files; `simulate` switches logging off for its process, which is ours here."""
    before = logging.root.manager.disable
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        # Whoever names no file asks a cluster: there is none.
        patch.setenv("KUBECONFIG", f"{place}/none")
        for name, text in FILES.items():
            Path(name).write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            logging.disable(before)


def check(done: Result, codes: tuple[int, ...] = (0, 2, 8, 9)) -> None:
    """An exit code that is documented, and words that are ours. 8: of a conversion; 9: there is no API server."""
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert done.exit_code in codes, done.output
    assert done.exit_code == 0 or done.stderr or (done.exit_code == 1 and "problem" in done.stdout)
    assert not RAW.search(done.stderr), done.stderr


@settings(max_examples=150)
@given(command_lines(), st.sampled_from([GOOD, "", "\0", "a: b: c"]))
@example(["next", "-f", "good.yaml", "--from", "9999-12-31T23:59:59-14:00"], "")
@example(["simulate", "-f", "good.yaml", "--from", TIMES[0], "--to", TIMES[1], "--edit", f"{TIMES[0]}=\0"], "")
@example(["simulate", "-f", "good.yaml", "--from", TIMES[0], "--to", TIMES[1], "--edit", f"{TIMES[0]}=."], "")
@example(["validate", "-f", "\0"], "")
@example(["run", "--python", "\0"], "")
def test_any_command_line_ends_with_an_exit_code(words: list[str], stdin: str) -> None:
    with folder():
        check(CliRunner().invoke(main, words, input=stdin))


@settings(max_examples=200)
@given(command_lines(ABOUT_A_CLUSTER))
def test_any_command_line_about_a_cluster_ends_with_an_exit_code(kubeconfig: str, words: list[str]) -> None:
    with folder(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", kubeconfig)
        check(CliRunner().invoke(main, words, input=""), (0, 1, 2, 7, 8, 9))


@settings(max_examples=100)
@given(mutated(), st.sampled_from(["validate", "next", "simulate", "diff"]))
def test_any_manifest_is_judged_with_an_exit_code(found: tuple[str, dict[str, Any]], verb: str) -> None:
    kind, spec = found
    document = {"apiVersion": "crontask.dev/v1alpha1", "kind": kind, "metadata": {"name": "n"}, "spec": spec}
    with folder():
        Path("m.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        words = {
            "next": ["--count", "2"],
            "simulate": ["--from", TIMES[0], "--to", TIMES[1]],
            "diff": ["--from", "m.yaml", "--days", "2"],
        }.get(verb, [])
        done = CliRunner().invoke(main, [verb, "-f", "m.yaml", *words])
        check(done)
        problems = [
            line for line in done.stderr.splitlines() if line.startswith("m.yaml") and ": warning: " not in line
        ]
        assert bool(problems) is (done.exit_code == 2)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["apiVersion", "kind", "metadata", "spec", "items", "x"]), st.recursive(
    st.sampled_from(["crontask.dev/v1alpha1", "CronTask", "List", "ScheduledRun", "a", 5, None, True, 1.5, ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "kind", "items"]), inner),
    max_leaves=5,
)))  # fmt: skip
def test_any_object_is_judged_with_an_exit_code(document: dict[str, Any]) -> None:
    with folder():
        Path("m.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        check(CliRunner().invoke(main, ["validate", "-f", "m.yaml"]))
        check(CliRunner().invoke(main, ["next", "-f", "m.yaml", "--count", "1"]))
        check(CliRunner().invoke(main, ["diff", "-f", "m.yaml", "--from", "m.yaml", "--days", "1"]))


def test_every_feature_is_good_to_the_command_line_too() -> None:
    documents = [
        {"apiVersion": "crontask.dev/v1alpha1", "kind": kind, "metadata": {"name": f"n-{number}"}, "spec": spec}
        for number, (kind, spec) in enumerate(FEATURES.values())
        if not {"forEach", "batch"} & spec.get("handler", {}).keys()
    ]
    with folder():
        Path("m.yaml").write_text(yaml.safe_dump_all(documents, allow_unicode=True), encoding="utf-8")
        done = CliRunner().invoke(main, ["validate", "-f", "m.yaml"])
        with suppress(AssertionError):
            check(done)
        said = f"no problems found{', but warnings' if done.stderr else ''}\n"
        assert (done.exit_code, done.stdout) == (0, said), done.stderr

"""What a kubeconfig says, beside what the official loader reads in it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kubeconfigs import SERVER, authority, config, encoded, own, write
from kubernetes import config as official
from kubernetes.client import Configuration

from crontask.client.access import Access, Flags, Surroundings, load

CERTIFICATE, KEY = own()
DATA = {"certificate-authority-data": encoded(authority())}
PAIR = {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(KEY)}
FILES = {"client-certificate": "ann.crt", "client-key": "ann.key"}
PRINTS = '{"apiVersion": "%s", "kind": "ExecCredential", "status": %s}'
V1, BETA = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"


def plugin(version: str, status: str, **more: Any) -> dict[str, Any]:
    mode = {"interactiveMode": "Never"} if version == V1 else {}
    return {"exec": {"apiVersion": version, "command": "echo", "args": [PRINTS % (version, status)], **mode, **more}}


def joined(*configs: dict[str, Any]) -> dict[str, Any]:
    """One file of the entries of several; the first one's context is the current one."""
    lists = {part: [entry for each in configs for entry in each[part]] for part in ("clusters", "users", "contexts")}
    return {**configs[0], **lists}


# (name, the files, the context that is asked for)
ROWS: list[tuple[str, list[Any], str | None]] = [
    ("a server without TLS", [config({"server": "http://127.0.0.1:8080"})], None),
    ("a server below a path", [config({"server": "https://rancher.example.com/k8s/clusters/c-1"})], None),
    ("a slash at the end", [config({"server": SERVER + "/"})], None),
    ("an authority as data", [config(DATA)], None),
    ("an authority in a file beside it", [config({"certificate-authority": "ca.crt"})], None),
    ("an authority in a file by a longer path", [config({"certificate-authority": "../first/ca.crt"})], None),
    ("data before a file", [config({**DATA, "certificate-authority": "token"})], None),
    ("nobody is verified", [config({"insecure-skip-tls-verify": True})], None),
    ("another name in the certificate", [config({**DATA, "tls-server-name": "kubernetes.default"})], None),
    ("a proxy", [config({**DATA, "proxy-url": "http://proxy.example.com:3128"})], None),
    ("a client certificate as data", [config(DATA, PAIR)], None),
    ("a client certificate in files", [config(DATA, FILES)], None),
    ("a client certificate, half as data", [config(DATA, {**FILES, "client-key-data": encoded(KEY)})], None),
    ("a token", [config(DATA, {"token": "abc"})], None),
    ("a token in a file", [config(DATA, {"tokenFile": "empty"})], None),
    ("a token and a client certificate", [config(DATA, {"token": "abc", **PAIR})], None),
    ("a name and a password", [config(DATA, {"username": "ann", "password": "s3cret:x"})], None),
    ("a plugin with a token", [config(DATA, plugin(V1, '{"token": "t1"}'))], None),
    ("a plugin of the version before", [config(DATA, plugin(BETA, '{"token": "t2"}'))], None),
    ("a plugin is not asked where there is a token", [config(DATA, {"token": "abc", **plugin(V1, "{}")})], None),
    (
        "a plugin with an end",
        [config(DATA, plugin(V1, '{"token": "t3", "expirationTimestamp": "2099-01-01T00:00:00Z"}'))],
        None,
    ),
    ("a plugin given the cluster", [config(DATA, plugin(V1, '{"token": "t4"}', provideClusterInfo=True))], None),
    ("nobody in particular", [config(DATA, {})], None),
    ("a namespace", [config(DATA, {"token": "abc"}, {"namespace": "shop"})], None),
    ("another context", [joined(config(name="dev"), config({"server": "https://b"}, name="prod"))], "prod"),
    ("two files", [config(name="dev"), config({"server": "https://b"}, {"token": "b"}, name="prod")], "prod"),
    (
        "two files, each with its own folder",
        [config({"certificate-authority": "ca.crt"}), config({"certificate-authority": "ca.crt"}, FILES, name="b")],
        "b",
    ),
    (
        "two files: the first that says it",
        [config(DATA, {"token": "first"}), config({"server": "https://other"}, {"token": "second"})],
        None,
    ),
    ("a file in JSON", [json.dumps(config(DATA, {"token": "abc"}))], None),
    ("unknown fields", [config({**DATA, "disable-compression": True}, {"token": "a", "extensions": []})], None),
]


class Read(NamedTuple):
    """What both loaders say, so that it can be compared."""

    server: str
    authority: bytes | None
    certificate: bytes | None
    key: bytes | None
    verified: bool
    server_name: str | None
    proxy: str | None
    authorization: str
    namespace: str


def by_us(access: Access) -> Read:
    grant = access.login.obtain()
    tls, pair = access.tls, grant.key_pair
    is_https = access.server.startswith("https")
    return Read(
        access.server,
        tls.authority() if tls.authority and is_https else None,
        pair.certificate if pair and is_https else None,
        pair.key if pair and is_https else None,
        not tls.insecure,
        tls.server_name or None,
        access.proxy or None,
        grant.authorization,
        access.namespace,
    )


def content(file: str | None) -> bytes | None:
    return Path(file).read_bytes() if file else None


def by_the_official_one(files: list[Path], context: str | None) -> Read:
    found, joined_names = Configuration(), ":".join(map(str, files))
    official.load_kube_config(config_file=joined_names, context=context, client_configuration=found)  # type: ignore[no-untyped-call]
    contexts, current = official.list_kube_config_contexts(config_file=joined_names)  # type: ignore[no-untyped-call]
    chosen = next(each for each in contexts if each["name"] == context) if context else current
    return Read(
        found.host,
        content(found.ssl_ca_cert),
        content(found.cert_file),
        content(found.key_file),
        found.verify_ssl,
        found.tls_server_name,
        found.proxy,
        found.get_api_key_with_prefix("BearerToken", alias="authorization") or "",
        chosen["context"].get("namespace") or "default",
    )


def around(tmp_path: Path, files: list[Any]) -> tuple[list[Path], Surroundings]:
    folders = [tmp_path / folder for folder in ("first", "second")]
    paths = [write(folder, content) for folder, content in zip(folders, files, strict=False)]
    (tmp_path / "first" / "empty").write_text("of-a-file")
    return paths, Surroundings({"KUBECONFIG": ":".join(map(str, paths))}, tmp_path / "home", tmp_path / "none")


@pytest.mark.parametrize(("files", "context"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_both_read_the_same(
    files: list[Any], context: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    paths, surroundings = around(tmp_path, files)
    ours = by_us(load(Flags(context=context), surroundings))
    assert ours == by_the_official_one(paths, context)


def test_of_two_current_contexts_the_first_counts_as_kubectl_has_it(tmp_path: Path) -> None:
    """Kubernetes says so of merging: the value of the first file that sets it. The official loader takes the last."""
    files = [config(name="dev"), config({"server": "https://b"}, name="prod")]
    paths, surroundings = around(tmp_path, files)
    assert by_us(load(Flags(), surroundings)).server == SERVER
    assert by_the_official_one(paths, None).server == "https://b"


def test_there_are_enough_rows() -> None:
    assert len(ROWS) >= 20
    assert len({row[0] for row in ROWS}) == len(ROWS)

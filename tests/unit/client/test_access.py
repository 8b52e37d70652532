"""Where the API server is and who we are: the order of sources, and what is said of each thing that is wrong."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import self_signed
from kubeconfigs import SERVER, authority, config, encoded, own, write

from crontask.client.access import Access, Flags, Surroundings, load
from crontask.client.errors import AccessError, InvalidName
from crontask.client.proxy import proxy_of_environment

CERTIFICATE, KEY = own()
V1 = "client.authentication.k8s.io/v1"


def plugin(**fields: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": V1, "command": "true", "interactiveMode": "Never", **fields}}


def without(part: str) -> dict[str, Any]:
    found = config()
    del found[part]
    return found


def nowhere(tmp_path: Path, **environ: str) -> Surroundings:
    return Surroundings(environ, tmp_path / "home", tmp_path / "account")


def pod(tmp_path: Path, **environ: str) -> Surroundings:
    """What a pod with a service account sees."""
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("of-the-pod\n")
    (account / "ca.crt").write_text(authority())
    (account / "namespace").write_text("shop")
    where = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    return Surroundings({**where, **environ}, tmp_path / "home", account)


# --- the order of sources --------------------------------------------------------------------------------------------


def test_a_flag_comes_before_kubeconfig_before_the_users_own_before_the_pod(tmp_path: Path) -> None:
    around = pod(tmp_path)
    assert load(Flags(), around).server == "https://10.0.0.1:443"
    write(tmp_path / "home" / ".kube", config({"server": "https://own"}))
    assert load(Flags(), around).server == "https://own"
    named = write(tmp_path / "named", config({"server": "https://named"}))
    around = Surroundings({**around.environ, "KUBECONFIG": str(named)}, around.home, around.account)
    assert load(Flags(), around).server == "https://named"
    flag = write(tmp_path / "flag", config({"server": "https://flag"}))
    assert load(Flags(kubeconfig=str(flag)), around).server == "https://flag"


def test_in_a_pod_the_namespace_token_and_authority_are_its_own(tmp_path: Path) -> None:
    access = load(Flags(), pod(tmp_path))
    assert (access.namespace, access.login.obtain().authorization) == ("shop", "Bearer of-the-pod")
    assert access.tls.authority is not None
    assert access.tls.authority() == authority().encode()
    assert load(Flags(namespace="other"), pod_again(tmp_path)).namespace == "other"


def pod_again(tmp_path: Path) -> Surroundings:
    return Surroundings({"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path / "home", tmp_path / "account")


def test_an_address_of_ip_version_six_is_in_brackets(tmp_path: Path) -> None:
    pod(tmp_path)
    assert load(Flags(), pod_again(tmp_path)).server == "https://[fd00::1]:443"


def test_files_of_kubeconfig_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    there = write(tmp_path / "a", config())
    assert load(Flags(), nowhere(tmp_path, KUBECONFIG=f"{tmp_path / 'none'}::{there}")).server == SERVER


def test_kubeconfig_replaces_the_users_own_file(tmp_path: Path) -> None:
    write(tmp_path / "home" / ".kube", config())
    with pytest.raises(AccessError, match="no cluster is configured: KUBECONFIG is /nothing"):
        load(Flags(), nowhere(tmp_path, KUBECONFIG="/nothing"))


def test_where_nothing_is_configured_it_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(AccessError) as caught:
        load(Flags(), nowhere(tmp_path))
    own_file = tmp_path / "home" / ".kube" / "config"
    assert str(caught.value) == (
        f"no cluster is configured: nothing is configured in {own_file}; "
        "set KUBECONFIG, or name a file with --kubeconfig"
    )


def test_a_home_that_may_not_be_looked_into_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the home is often that of another user."""
    around = pod(tmp_path)
    stat_of: Callable[..., os.stat_result] = os.stat

    def refused(path: Any, **named: Any) -> os.stat_result:
        if str(path).startswith(str(around.home)):
            raise PermissionError(13, "Permission denied")
        return stat_of(path, **named)

    monkeypatch.setattr(os, "stat", refused)
    assert load(Flags(), around).server == "https://10.0.0.1:443"


def test_a_user_without_a_home_has_an_access_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 123_456_789)
    path = write(tmp_path, config())
    assert load(Flags(kubeconfig=str(path)), Surroundings({})).server == SERVER


# --- what is broken --------------------------------------------------------------------------------------------------

# (name, the kubeconfig, what is said after the name of the file)
BROKEN: list[tuple[str, Any, str]] = [
    ("no YAML", "kind: a: b", "line 1: is not YAML: mapping values are not allowed in this context; mend that line"),
    ("a list", "- a", "holds list and not a mapping; write a kubeconfig"),
    ("a manifest", {"kind": "CronTask"}, "is a CronTask and not a kubeconfig; name a file of kind: Config"),
    ("nothing", "", "has no cluster, user or context; name a kubeconfig"),
    (
        "no current context",
        without("current-context"),
        "no context is the current one; set current-context, or --context: one of dev",
    ),
    (
        "another current context",
        {**config(), "current-context": "dve"},
        "current-context is 'dve', but no context has that name; did you mean dev?",
    ),
    (
        "no clusters",
        without("clusters"),
        "context 'dev' wants cluster 'dev', and there is none of that name; add a cluster of that name",
    ),
    (
        "no users",
        without("users"),
        "context 'dev' wants user 'dev', and there is none of that name; add a user of that name",
    ),
    (
        "a context without a cluster",
        config(context={"cluster": None}),
        "contexts[dev].context.cluster is missing in context 'dev'; write the name of a cluster",
    ),
    (
        "clusters are no list",
        {**config(), "clusters": {"dev": {}}},
        "clusters must be a list, not {'dev': {}}; write its items below it, each after a dash",
    ),
    (
        "a cluster is no mapping",
        {**config(), "clusters": ["dev"]},
        "clusters[0] must be a mapping, not 'dev'; write name: value in it",
    ),
    (
        "a cluster without a name",
        {**config(), "clusters": [{"cluster": {}}]},
        "clusters[0].name is missing; write the name by which a context knows this cluster",
    ),
    ("no server", config({"server": None}), "clusters[dev].cluster.server is missing; write server: https://HOST:PORT"),
    (
        "a server without a scheme",
        config({"server": "localhost:8080"}),
        "clusters[dev].cluster.server is 'localhost:8080', which is not a valid URL; write server: https://HOST:PORT",
    ),
    (
        "a port that is none",
        config({"server": "https://a:99999"}),
        "clusters[dev].cluster.server is 'https://a:99999', which is not a valid URL; write server: https://HOST:PORT",
    ),
    (
        "a server that is a number",
        config({"server": 8080}),
        'clusters[dev].cluster.server must be a text, not 8080; write server: "8080"',
    ),
    (
        "an authority that is no base64",
        config({"certificate-authority-data": "---"}),
        (
            "clusters[dev].cluster.certificate-authority-data is not base64 (Only base64 data is "
            "allowed); write the file's path as certificate-authority, or its content encoded by "
            "base64 -w0"
        ),
    ),
    (
        "an authority and no verification",
        config({"certificate-authority": "ca.crt", "insecure-skip-tls-verify": True}),
        "clusters[dev].cluster.insecure-skip-tls-verify is true beside a certificate-authority; remove one of them",
    ),
    (
        "verification in quotes",
        config({"insecure-skip-tls-verify": "yes"}),
        (
            "clusters[dev].cluster.insecure-skip-tls-verify must be true or false, not 'yes'; write "
            "insecure-skip-tls-verify: true"
        ),
    ),
    (
        "a proxy of SOCKS",
        config({"proxy-url": "socks5://a:1080"}),
        (
            "clusters[dev].cluster.proxy-url is a SOCKS proxy, by which crontask cannot go; write one "
            "of http:// or https://"
        ),
    ),
    (
        "a proxy that is none",
        config({"proxy-url": "a:3128"}),
        "clusters[dev].cluster.proxy-url is 'a:3128', which is not a valid URL; write http://HOST:PORT",
    ),
    (
        "a token that is a number",
        config(user={"token": 1234}),
        "users[dev].user.token must be a text, not int; write it in quotes",
    ),
    (
        "a token and a password",
        config(user={"token": "a", "username": "b"}),
        "users[dev].user has a token and a password; keep one of them",
    ),
    (
        "a certificate without a key",
        config(user={"client-certificate": "ann.crt"}),
        "users[dev].user.client-key is missing; write client-key: FILE, or client-key-data",
    ),
    (
        "a key without a certificate",
        config(user={"client-key": "ann.key"}),
        "users[dev].user.client-certificate is missing; write client-certificate: FILE, or client-certificate-data",
    ),
    (
        "an auth-provider",
        config(user={"auth-provider": {"name": "gcp"}}),
        (
            "users[dev].user.auth-provider is no longer supported by Kubernetes; write an exec plugin "
            "of your provider instead"
        ),
    ),
    (
        "a plugin without a command",
        config(user=plugin(command=None)),
        "users[dev].user.exec.command is missing; write the program that prints the credential",
    ),
    (
        "a plugin of an old version",
        config(user=plugin(apiVersion="client.authentication.k8s.io/v1alpha1")),
        (
            "users[dev].user.exec.apiVersion is 'client.authentication.k8s.io/v1alpha1', which "
            "Kubernetes no longer has; write apiVersion: client.authentication.k8s.io/v1 or "
            "client.authentication.k8s.io/v1beta1, as the plugin speaks"
        ),
    ),
    (
        "a plugin without a mode",
        config(user=plugin(interactiveMode=None)),
        "users[dev].user.exec.interactiveMode is missing; write one of Never, IfAvailable, Always",
    ),
    (
        "args that are no list",
        config(user=plugin(args="a b")),
        "users[dev].user.exec.args must be a list of texts, not 'a b'; write args: [a, b]",
    ),
    (
        "groups without a user",
        config(user={"as-groups": ["a"]}),
        "groups, UID or extra of a user are given, but not whom to act as; write --as too",
    ),
]


@pytest.mark.parametrize(("content", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_kubeconfig_has_a_message_that_says_what_to_write(content: Any, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, content)
    with pytest.raises(AccessError) as caught:
        load(Flags(kubeconfig=str(path)), nowhere(tmp_path)).login.obtain()
    assert str(caught.value) in (f"{path}: {said}", said)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("field", "part"),
    [("certificate-authority", "cluster"), ("client-certificate", "user"), ("tokenFile", "user")],
)
def test_a_file_that_is_not_there_is_named(field: str, part: str, tmp_path: Path) -> None:
    pair = {"client-key": "ann.key"} if field == "client-certificate" else {}
    fields = {field: "none.pem", **pair}
    path = write(tmp_path, config(fields) if part == "cluster" else config(user=fields))
    with pytest.raises(AccessError) as caught:
        load(Flags(kubeconfig=str(path)), nowhere(tmp_path))
    assert str(caught.value).startswith(f"{tmp_path / 'none.pem'}: ")
    assert f"{field} " in str(caught.value)
    assert "No such file or directory" in str(caught.value)


def test_a_kubeconfig_of_a_flag_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match=r"none: cannot be read \(No such file or directory\); name a kubeconfig"):
        load(Flags(kubeconfig=str(tmp_path / "none")), nowhere(tmp_path))


# (name, authority, certificate, key, what is said)
TLS: list[tuple[str, str, str, str, str]] = [
    ("an authority that is none", "no certificate", CERTIFICATE, KEY, "certificate-authority holds no certificate"),
    ("a key of another", authority(), CERTIFICATE, self_signed(["b"])[1], "client-key is not the key of client-cert"),
    ("a certificate that is none", authority(), "none", KEY, "are not a certificate and a key in PEM"),
    ("a key that is none", authority(), CERTIFICATE, "none", "are not a certificate and a key in PEM"),
]


@pytest.mark.parametrize(("of_authority", "certificate", "key", "said"), [row[1:] for row in TLS])
def test_certificates_that_are_none(of_authority: str, certificate: str, key: str, said: str, tmp_path: Path) -> None:
    of_cluster = {"certificate-authority-data": encoded(of_authority)}
    of_user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    path = write(tmp_path, config(of_cluster, of_user))
    access = load(Flags(kubeconfig=str(path)), nowhere(tmp_path))
    with pytest.raises(AccessError, match=f"^{re.escape(str(path))}: .*{said}"):
        access.tls.context(access.login.obtain().key_pair)


# --- impersonation, namespaces, timeouts -----------------------------------------------------------------------------


def flagged(tmp_path: Path, user: dict[str, Any] | None = None, **flags: Any) -> Access:
    path = write(tmp_path, config(user=user, context={"namespace": "shop"}))
    return load(Flags(kubeconfig=str(path), **flags), nowhere(tmp_path))


IMPERSONATED: list[tuple[str, dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ("nobody", {}, {}, []),
    ("by a flag", {}, {"as_user": "ann"}, [("Impersonate-User", "ann")]),
    (
        "with groups",
        {},
        {"as_user": "ann", "as_groups": ("dev", "ops")},
        [("Impersonate-User", "ann"), ("Impersonate-Group", "dev"), ("Impersonate-Group", "ops")],
    ),
    (
        "by the kubeconfig",
        {"as": "bob", "as-uid": "7", "as-groups": ["dev"], "as-user-extra": {"scopes": ["a", "b"]}},
        {},
        [
            ("Impersonate-User", "bob"),
            ("Impersonate-Group", "dev"),
            ("Impersonate-Uid", "7"),
            ("Impersonate-Extra-scopes", "a"),
            ("Impersonate-Extra-scopes", "b"),
        ],
    ),
    (
        "extra that is no name of a header",
        {"as": "bob", "as-user-extra": {"Example.org/Team x": ["a"]}},
        {},
        [("Impersonate-User", "bob"), ("Impersonate-Extra-example.org%2Fteam%20x", "a")],
    ),
    ("a flag before the kubeconfig", {"as": "bob"}, {"as_user": "ann"}, [("Impersonate-User", "ann")]),
]


@pytest.mark.parametrize(("user", "flags", "headers"), [row[1:] for row in IMPERSONATED])
def test_whom_we_act_as(
    user: dict[str, Any], flags: dict[str, Any], headers: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert list(flagged(tmp_path, user, **flags).headers) == headers


def test_whom_we_act_as_is_a_name_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="holds a character that no header can have; write a name in one line"):
        flagged(tmp_path, as_user="ann\r\nImpersonate-Group: system:masters")


def test_the_namespace_of_a_flag_comes_first_and_is_checked(tmp_path: Path) -> None:
    assert flagged(tmp_path).namespace == "shop"
    assert flagged(tmp_path, namespace="other").namespace == "other"
    with pytest.raises(InvalidName, match=r"Namespace '\.\./x': the name must be .*; write x"):
        flagged(tmp_path, namespace="../x")


@pytest.mark.parametrize(("given", "seconds"), [(None, 30.0), (5, 5.0), (0, None)])
def test_the_request_timeout(given: float | None, seconds: float | None, tmp_path: Path) -> None:
    assert flagged(tmp_path, request_timeout=given).timeout == seconds


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    access = flagged(tmp_path, {"token": "s3cret", "as": "x"})
    grant = access.login.obtain()
    assert grant.authorization == "Bearer s3cret"
    assert "s3cret" not in f"{access!r} {grant!r} {access.login!r}"
    by_proxy = load(
        Flags(kubeconfig=str(write(tmp_path, config({"proxy-url": "http://ann:s3cret@p:1"})))), nowhere(tmp_path)
    )
    assert by_proxy.proxy == "http://ann:s3cret@p:1"
    assert "s3cret" not in repr(by_proxy)


@pytest.mark.parametrize("field", ["token", "password"])
def test_secrets_are_not_shown_where_they_are_wrong(field: str, tmp_path: Path) -> None:
    with pytest.raises(AccessError) as caught:
        flagged(tmp_path, {field: 4711})
    assert "4711" not in str(caught.value)
    assert caught.value.fix == "write it in quotes"


# --- proxies of the environment --------------------------------------------------------------------------------------

PROXIES: list[tuple[str, dict[str, str], str]] = [
    (SERVER, {}, ""),
    (SERVER, {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
    (SERVER, {"https_proxy": "p:1"}, "http://p:1"),
    (SERVER, {"HTTP_PROXY": "http://p:1"}, ""),
    (SERVER, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a, example.com"}, ""),
    (SERVER, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example.com"}, ""),
    (SERVER, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "ample.com"}, "http://p:1"),
    (SERVER, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, ""),
    ("https://10.1.2.3", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, ""),
    ("https://11.1.2.3", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8,nonsense/x"}, "http://p:1"),
    ("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p:1"}, ""),
    ("https://localhost:6443", {"HTTPS_PROXY": "http://p:1"}, ""),
]


@pytest.mark.parametrize(("server", "environ", "proxy"), PROXIES)
def test_the_proxy_of_the_environment(server: str, environ: dict[str, str], proxy: str) -> None:
    assert proxy_of_environment(server, environ) == proxy


# --- private keys ----------------------------------------------------------------------------------------------------


def test_a_key_is_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    access = flagged(tmp_path, {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(KEY)})
    before = set(os.listdir("/proc/self/fd"))
    access.tls.context(access.login.obtain().key_pair)
    assert set(os.listdir("/proc/self/fd")) == before


def test_where_there_is_no_file_in_memory_it_is_readable_for_us_alone_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl
    import tempfile

    seen: list[tuple[int, str]] = []
    load_chain: Callable[..., None] = ssl.SSLContext.load_cert_chain

    def spy(self: ssl.SSLContext, path: str, **named: Any) -> None:
        seen.append((stat.S_IMODE(Path(path).stat().st_mode), path))
        load_chain(self, path, **named)

    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spy)
    access = flagged(tmp_path, {"client-certificate": "ann.crt", "client-key": "ann.key"})
    access.tls.context(access.login.obtain().key_pair)
    assert [mode for mode, _ in seen] == [0o600]
    assert not Path(seen[0][1]).exists()

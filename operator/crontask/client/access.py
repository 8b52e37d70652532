"""Where the API server is and who we are: `load(Flags(...))` gives an `Access`, on which a transport stands.

In this order: the flag, `KUBECONFIG` (several files are merged), `~/.kube/config`, the service account of the pod that
we run in. Nothing is asked of the server. Raises AccessError, whose message says what is wrong, in which file, and what
to write.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from crontask.client import login
from crontask.client.errors import AccessError
from crontask.client.grants import Login
from crontask.client.kubeconfig import Fields, Kubeconfig, read_file, read_files
from crontask.client.proxy import checked_proxy, proxy_of_environment
from crontask.client.requests import checked_namespace
from crontask.client.tls import Tls

REQUEST_SECONDS = 30.0
"""How long a request may take, with all its repetitions, if nothing else is said."""
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_MAY_ASK = True


@dataclass(frozen=True, slots=True)
class Flags:
    """What a command line, or the arguments of a client, say. `request_timeout`: seconds, 0 for no limit."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    as_user: str | None = None
    as_groups: tuple[str, ...] = ()
    as_uid: str | None = None
    request_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is read of the process and of the machine."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    home: Path = field(default_factory=lambda: Path(os.path.expanduser("~")))
    account: Path = _ACCOUNT


@dataclass(frozen=True, slots=True)
class Access:
    """One API server, and one user of it. `user` and `where` are for messages; `headers`: of impersonation."""

    server: str
    namespace: str
    tls: Tls
    login: Login
    user: str
    where: str
    context: str = ""
    # It may hold a password.
    proxy: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float | None = REQUEST_SECONDS


def load(flags: Flags = Flags(), surroundings: Surroundings | None = None) -> Access:
    """The access that flags, environment and files say."""
    around = surroundings or Surroundings()
    if flags.namespace:
        checked_namespace(flags.namespace)
    config = _kubeconfig(flags, around)
    if config is None:
        return _in_cluster(flags, around)
    return _of_kubeconfig(config, flags, around)


def context_names(flags: Flags = Flags(), surroundings: Surroundings | None = None) -> tuple[str, ...]:
    """The contexts that `--context` may name, none where no kubeconfig counts. Raises AccessError."""
    config = _kubeconfig(flags, surroundings or Surroundings())
    return tuple(config.contexts) if config is not None else ()


def _kubeconfig(flags: Flags, around: Surroundings) -> Kubeconfig | None:
    """What the first of the sources says; None where it is the pod's service account."""
    if flags.kubeconfig:
        config = read_files([_path(flags.kubeconfig)])
        if config.empty:
            raise AccessError("has no cluster, user or context", "name a kubeconfig", config.shown)
        return config
    named = around.environ.get("KUBECONFIG", "")
    paths = [_path(part) for part in named.split(os.pathsep) if part]
    if not paths:
        paths = [around.home / ".kube" / "config"]
    # Not Path.exists: that fails where we may not look, as in the home of another.
    config = read_files([path for path in paths if os.path.exists(path)])
    if not config.empty:
        return config
    if in_pod(around):
        return None
    looked = ", ".join(map(str, paths))
    missing = f"KUBECONFIG is {named}, where nothing is configured" if named else f"nothing is configured in {looked}"
    raise AccessError(f"no cluster is configured: {missing}", "set KUBECONFIG, or name a file with --kubeconfig")


def in_pod(around: Surroundings) -> bool:
    """Whether we run in a pod that may talk to its API server."""
    return bool(around.environ.get("KUBERNETES_SERVICE_HOST")) and os.path.exists(around.account / "token")


def _in_cluster(flags: Flags, around: Surroundings) -> Access:
    if flags.context:
        raise AccessError(f"--context is {flags.context!r}, but there is no kubeconfig", "leave it out in a pod")
    host, port = around.environ["KUBERNETES_SERVICE_HOST"], around.environ.get("KUBERNETES_SERVICE_PORT") or "443"
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    authority, of_account = around.account / "ca.crt", around.account / "namespace"
    read_file(authority, "the authority's certificate of the service account")
    namespace = of_account.read_text().strip() if of_account.exists() else ""
    where = str(around.account)
    return Access(
        server,
        flags.namespace or namespace or "default",
        Tls(lambda: read_file(authority, "ca.crt"), where=where),
        login.token_login(around.account / "token"),
        "the service account of this pod",
        where,
        proxy=proxy_of_environment(server, around.environ),
        headers=_impersonation(flags, Fields({})),
        timeout=_timeout(flags),
    )


def _of_kubeconfig(config: Kubeconfig, flags: Flags, around: Surroundings) -> Access:
    name, context = config.context(flags.context)
    cluster, user = config.cluster_of(name, context), config.user_of(name, context)
    server = _server(cluster)
    namespace = flags.namespace or context.text("namespace") or "default"
    return Access(
        server,
        checked_namespace(namespace),
        _tls(cluster),
        login.login_of(user, cluster, _MAY_ASK),
        context.text("user") or "nobody in particular",
        config.shown,
        name,
        checked_proxy(cluster) or proxy_of_environment(server, around.environ),
        _impersonation(flags, user),
        _timeout(flags),
    )


def _server(cluster: Fields) -> str:
    text = cluster.text("server").rstrip("/")
    if not text:
        raise cluster.error("server", "is missing", "write server: https://HOST:PORT")
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) and not parts.query
    except ValueError:
        valid = False
    if not valid:
        raise cluster.error("server", f"is {text!r}, which is not a valid URL", "write server: https://HOST:PORT")
    return text


def _tls(cluster: Fields) -> Tls:
    authority, insecure = cluster.material("certificate-authority"), cluster.flag("insecure-skip-tls-verify")
    if authority is not None and insecure:
        raise cluster.error("insecure-skip-tls-verify", "is true beside a certificate-authority", "remove one of them")
    if authority is not None:
        authority()
    return Tls(authority, cluster.text("tls-server-name"), insecure, str(cluster.file or ""))


def _impersonation(flags: Flags, user: Fields) -> tuple[tuple[str, str], ...]:
    name = flags.as_user or user.text("as")
    groups = flags.as_groups or user.texts("as-groups")
    uid = flags.as_uid or user.text("as-uid")
    extra = user.below("as-user-extra")
    if not name and (groups or uid or extra):
        raise AccessError("groups, UID or extra of a user are given, but not whom to act as", "write --as too")
    keys = [
        (f"Impersonate-Extra-{quote(str(key).lower(), safe='')}", value)
        for key in (extra.values if extra else ())
        for value in (extra.texts(key) if extra else ())
    ]
    named = [("Impersonate-User", name)] if name else []
    of_uid = [("Impersonate-Uid", uid)] if uid else []
    headers = (*named, *(("Impersonate-Group", group) for group in groups), *of_uid, *keys)
    if any(not value.isprintable() for _, value in headers):
        raise AccessError("whom to act as holds a character that no header can have", "write a name in one line")
    return headers


def _path(text: str) -> Path:
    # Not Path.expanduser: that fails for a user who has no home, as in many a container.
    return Path(os.path.expanduser(text))


def _timeout(flags: Flags) -> float | None:
    seconds = REQUEST_SECONDS if flags.request_timeout is None else flags.request_timeout
    if seconds < 0:
        raise AccessError(f"the request timeout is {seconds}", "write seconds, 0 for no limit")
    return seconds or None

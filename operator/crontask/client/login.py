"""Who we are: what proves it, and when it has to be read or made anew.

Tokens and certificates in files are read anew once a minute, since they are rotated; an exec plugin is run anew when
what it gave has passed.
"""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crontask.client.errors import AccessError
from crontask.client.grants import Grant, KeyPair, Login
from crontask.client.kubeconfig import Fields, read_file

_FILE_LIFE = timedelta(minutes=1)


def login_of(user: Fields, cluster: Fields, interactive: bool = True) -> Login:
    """How a user of a kubeconfig proves who that is."""
    if user.values.get("auth-provider") is not None:
        raise user.error(
            "auth-provider", "is no longer supported by Kubernetes", "write an exec plugin of your provider instead"
        )
    plugin = user.below("exec")
    token, token_file = user.text("token"), user.file_path("tokenFile")
    name, password = user.text("username"), user.text("password")
    if (token or token_file) and (name or password):
        raise user.error("", "has a token and a password", "keep one of them")
    pair = _pair_of(user)
    if token or token_file or name or password or plugin is None:
        return _login(pair, _authorization_of(token, token_file, name, password), token_file or _files_of(user))
    from crontask.client.exec_plugin import Plugin

    program = Plugin.of(plugin, cluster, interactive)

    def run() -> Grant:
        given = program.run()
        return given if given.key_pair else Grant(given.authorization, pair(), given.until)

    return Login(run, renewable=True)


def token_login(file: Path) -> Login:
    """The login of a service account, in a pod."""
    return _login(lambda: None, _authorization_of("", file, "", ""), file)


def _login(pair: Callable[[], KeyPair | None], authorization: Callable[[], str], files: object) -> Login:
    life = _FILE_LIFE if files else None

    def grant() -> Grant:
        return Grant(authorization(), pair(), datetime.now(UTC) + life if life else None)

    return Login(grant, renewable=bool(files))


def _authorization_of(token: str, file: Path | None, name: str, password: str) -> Callable[[], str]:
    if file is not None:
        read_file(file, "tokenFile")
        return lambda: f"Bearer {_token_in(file)}"
    if token:
        return lambda: f"Bearer {token.strip()}"
    if name or password:
        basic = base64.b64encode(f"{name}:{password}".encode()).decode()
        return lambda: f"Basic {basic}"
    return lambda: ""


def _token_in(file: Path) -> str:
    text = read_file(file, "tokenFile").decode(errors="replace").strip()
    if not text:
        raise AccessError("tokenFile is empty", "write a token into it", str(file))
    if not text.isascii() or len(text.split()) > 1:
        raise AccessError("tokenFile holds something else than a token", "write a token into it", str(file))
    return text


def _pair_of(user: Fields) -> Callable[[], KeyPair | None]:
    """The client certificate of a user. Read once now, so that what is missing is said at once."""
    certificate, key = (user.material(name) for name in ("client-certificate", "client-key"))
    if certificate is None and key is None:
        return lambda: None
    if certificate is None or key is None:
        lacking = "client-key" if key is None else "client-certificate"
        raise user.error(lacking, "is missing", f"write {lacking}: FILE, or {lacking}-data")
    certificate(), key()
    return lambda: KeyPair(certificate(), key())


def _files_of(user: Fields) -> bool:
    return any(user.text(name) and not user.text(f"{name}-data") for name in ("client-certificate", "client-key"))

"""How the operator begins."""

import asyncio
from pathlib import Path

import kubeconfigs
import pytest
from kubeconfigs import config, encoded, write

from crontask import app, shell
from crontask.kube.connection import connect


def test_kopf_logs_in_by_the_access_that_was_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It reads no kubeconfig itself."""
    given: list[object] = []
    authority = {"certificate-authority-data": encoded(kubeconfigs.authority())}
    connection = connect(str(write(tmp_path, config(authority, {"token": "t"}, {"namespace": "shop"}))))

    def start_shell(settings: object, access: object, *_: object) -> None:
        given.append(access)
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "connect", lambda: connection)
    monkeypatch.setattr(app, "start_shell", start_shell)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(app._serve(app.Settings()))
    assert given == [connection.access]
    login = shell._login(connection.access)
    assert (login.server, login.default_namespace) == (kubeconfigs.SERVER, "shop")
    assert login.as_http_headers() == {"Authorization": "Bearer t"}
    assert len(login.as_ssl_context().get_ca_certs()) == 1

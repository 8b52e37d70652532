"""How the operator begins."""

import asyncio
import ssl
from pathlib import Path

import pytest
from bad_server import bad_server, reply
from certificates import self_signed
from kubeconfigs import config, encoded, write

from crontask import app, shell
from crontask.kube.connection import connect


def test_kopf_logs_in_by_the_access_that_was_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It reads no kubeconfig itself."""
    given: list[object] = []
    connection = connect(str(write(tmp_path, config())))

    def start_shell(settings: object, access: object, *_: object) -> None:
        given.append(access)
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "connect", lambda: connection)
    monkeypatch.setattr(app, "start_shell", start_shell)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(app._serve(app.Settings()))
    assert given == [connection.access]


async def test_kopf_asks_as_we_do(tmp_path: Path) -> None:
    """By a certificate for another name, and with a token that is read anew when kopf logs in again."""
    certificate, key = self_signed(["kubernetes.test"])
    (tmp_path / "server.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with bad_server(context) as server:
        server.acts = [reply(200, {})]
        cluster = {"certificate-authority-data": encoded(certificate), "tls-server-name": "kubernetes.test"}
        path = write(tmp_path, config({"server": server.url, **cluster}, {"tokenFile": "token"}, {"namespace": "shop"}))
        connection = connect(str(path))
        for token in ("from-file", "rotated"):
            (tmp_path / "token").write_text(token)
            login = await shell._login(connection)
            async with login.aiohttp_session as session, session.get(f"{login.server}/apis") as response:
                assert response.status == 200
            assert login.default_namespace == "shop"
            assert login.expiration is not None
        assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer from-file", "Bearer rotated"]

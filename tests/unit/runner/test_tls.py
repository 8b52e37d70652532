"""TLS is verified, by the CAs of the system or by those given alone; and it is never left by a redirect."""

import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from certificates import self_signed
from runner_process import Asked, Reply, called, run, serve


@dataclass(frozen=True)
class Certificate:
    """A certificate that vouches for itself, and a server's context with it."""

    pem: str
    context: ssl.SSLContext


def _certificate(directory: Path, *, host: str = "127.0.0.1", ends: timedelta = timedelta(days=1)) -> Certificate:
    pem, key = self_signed([host], ends)
    file = directory / "server.pem"
    file.write_text(pem + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return Certificate(pem, context)


def _hello(asked: Asked) -> Reply:
    return Reply(200, b"hello")


def test_with_the_bundle_it_is_trusted(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    with serve(_hello, certificate.context) as server:
        ended = run(
            tmp_path, "http", {"url": server.url, "method": "GET", "caBundle": f"# Főtanúsítvány\n{certificate.pem}"}
        )
    assert (ended.code, ended.message["message"]) == (0, "hello")


def test_without_it_is_not(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    with serve(_hello, certificate.context) as server:
        ended = run(tmp_path, "http", {"url": server.url, "method": "GET"})
    assert ended.code == 3
    assert (
        ended.message["message"] == f"the certificate of 127.0.0.1:{server.port} is not valid: self-signed certificate"
    )
    assert server.asked == []


def test_the_cas_of_the_system_count_only_without_a_bundle(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    (tmp_path / "system.pem").write_text(certificate.pem)
    system = {"SSL_CERT_FILE": str(tmp_path / "system.pem")}
    (tmp_path / "other").mkdir()
    other = _certificate(tmp_path / "other")
    with serve(_hello, certificate.context) as server:
        handler = {"url": server.url, "method": "GET"}
        assert run(tmp_path, "http", handler, **system).code == 0
        assert run(tmp_path, "http", {**handler, "caBundle": other.pem}, **system).code == 3


@pytest.mark.parametrize(
    ("host", "ends", "why"),
    [
        ("127.0.0.2", timedelta(days=1), "IP address mismatch, certificate is not valid for '127.0.0.1'."),
        ("127.0.0.1", timedelta(days=-1), "certificate has expired"),
    ],
)
def test_why_a_certificate_is_not_valid(tmp_path: Path, host: str, ends: timedelta, why: str) -> None:
    certificate = _certificate(tmp_path, host=host, ends=ends)
    with serve(_hello, certificate.context) as server:
        report = called({"url": server.url, "method": "GET", "caBundle": certificate.pem})
    assert report.exit_code == 3
    assert report.message == f"the certificate of 127.0.0.1:{server.port} is not valid: {why}"


def test_https_to_who_speaks_http() -> None:
    with serve(_hello) as server:
        report = called({"url": server.url.replace("http:", "https:"), "method": "GET"})
    assert report.exit_code == 3
    assert str(report.message).startswith(f"no TLS connection with 127.0.0.1:{server.port}: ")


def test_no_redirect_leaves_https(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    headers = [{"name": "Authorization", "env": "CRONTASK_HEADER_1"}]
    with (
        serve(_hello) as plain,
        serve(lambda asked: Reply(302, headers={"Location": plain.url}), certificate.context) as server,
    ):
        handler = {"url": server.url, "method": "GET", "caBundle": certificate.pem, "headers": headers}
        report = called(handler, CRONTASK_HEADER_1="secret")
    assert plain.asked == []
    assert report.exit_code == 6
    assert report.message == (
        f"127.0.0.1:{server.port} redirects from https to http, to 127.0.0.1:{plain.port}: that is not followed"
    )


def test_a_redirect_may_enter_https_and_takes_no_secret_there(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    headers = [{"name": "X-Key", "env": "CRONTASK_HEADER_1"}]
    with (
        serve(_hello, certificate.context) as secure,
        serve(lambda asked: Reply(302, headers={"Location": secure.url})) as server,
    ):
        handler = {"url": server.url, "method": "GET", "caBundle": certificate.pem, "headers": headers}
        report = called(handler, CRONTASK_HEADER_1="secret")
    assert report.message == "hello"
    assert "x-key" in server.asked[0].headers
    assert "x-key" not in secure.asked[0].headers

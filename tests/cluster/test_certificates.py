"""The authority's certificates form a chain that OpenSSL accepts, and say to Kubernetes who the client is."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from cluster.certificates import Authority


def test_issued_certificate_is_signed_by_the_authority_and_names_user_and_groups(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("ann", "ann", ["developers", "testers"])

    certificate = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate.read_bytes()))
    assert [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["ann"]
    groups = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert {name.value for name in groups} == {"developers", "testers"}


def test_a_server_certificate_is_accepted_for_its_hosts(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("server", "server", hosts=["localhost", "10.0.0.1"])

    names = _handshake(authority, identity.certificate, identity.key, "localhost")
    assert ("DNS", "localhost") in names
    assert ("IP Address", "10.0.0.1") in names
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(authority, identity.certificate, identity.key, "elsewhere")


def test_a_key_is_its_owners_alone_and_a_name_is_used_once(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("ann", "ann")

    assert stat.S_IMODE(identity.key.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        authority.issue("ann", "somebody else")


def _handshake(authority: Authority, certificate: Path, key: Path, host: str) -> tuple[tuple[str, str], ...]:
    """A handshake in memory; returns the names that the client saw."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.create_default_context(cafile=authority.certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    peer = client.getpeercert()
    assert peer is not None
    names = peer["subjectAltName"]
    assert isinstance(names, tuple)
    return names  # type: ignore[return-value]

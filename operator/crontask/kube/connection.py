"""Where the API server is and who we are: configuration and login by the official client."""

import ssl
import time
from dataclasses import dataclass, field

from kubernetes import config
from kubernetes.client import Configuration

# A service account's token is rotated on disk within the hour; reading it is cheap, but not free.
_TOKEN_LIFE = 60.0


@dataclass
class Connection:
    """The server's URL, the TLS context, and the headers of the user."""

    url: str
    tls: ssl.SSLContext | bool
    _configuration: Configuration
    _token: str | None = None
    _read_at: float = field(default=0.0)

    def headers(self) -> dict[str, str]:
        """Authorization, where the user has a token; read anew once a minute."""
        now = time.monotonic()
        if self._token is None or now - self._read_at > _TOKEN_LIFE:
            self._token = self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization") or ""
            self._read_at = now
        return {"Authorization": self._token} if self._token else {}


class ConnectionFailedError(Exception):
    """No configuration says where the API server is."""


def current_namespace() -> str:
    """The namespace of the kubeconfig's current context."""
    try:
        _, context = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    except config.ConfigException:
        return "default"
    return str((context.get("context") or {}).get("namespace") or "default")


def connect(kubeconfig: str | None = None) -> Connection:
    """The cluster that we run in, else that of `kubeconfig` (by default KUBECONFIG, or the user's own)."""
    configuration = Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        try:
            config.load_kube_config(config_file=kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise ConnectionFailedError(
                f"no cluster is configured: {str(error).rstrip('.')}; set KUBECONFIG, or name a manifest with -f"
            ) from error
    return Connection(configuration.host.rstrip("/"), _tls(configuration), configuration)


def _tls(configuration: Configuration) -> ssl.SSLContext | bool:
    if not configuration.host.startswith("https"):
        return True
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

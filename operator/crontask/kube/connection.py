"""Where the API server is and who we are, for the operator's client: the access that the client library reads.

In a pod that is its service account; elsewhere the kubeconfig.
"""

import ssl
from datetime import datetime
from typing import Any

from crontask.client.access import Access, Flags, load
from crontask.client.grants import Grant


class Connection:
    """The server's URL, and what a request goes out with: it may be other from one request to the next."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.url = access.server
        self._sent: Grant | None = None
        self._refused = False
        # Of the grant that was sent last.
        self._options: dict[str, Any] = {}

    def headers(self) -> dict[str, str]:
        """Who we are. Tokens in files are read anew once a minute, and after the API server refused one."""
        login = self.access.login
        grant = None if self._refused else login.known()
        if grant is None:
            grant = login.obtain(self._sent if self._refused else None)
            self._refused = False
        if grant is not self._sent:
            self._take(grant)
        named = dict(self.access.headers)
        return {**named, "Authorization": grant.authorization} if grant.authorization else named

    def options(self) -> dict[str, Any]:
        """What else aiohttp has to know of a request: TLS with our certificate, the server's other name, a proxy."""
        return self._options

    @property
    def until(self) -> datetime | None:
        """When what was sent last has passed."""
        return self._sent.until if self._sent else None

    def refused(self) -> None:
        """The API server said 401: another grant is wanted next."""
        self._refused = True

    def _take(self, grant: Grant) -> None:
        tls, before = self.access.tls, self._sent
        if before is None or before.key_pair != grant.key_pair:
            context: ssl.SSLContext | bool = tls.context(grant.key_pair) if self.url.startswith("https:") else True
            named = {"server_hostname": tls.server_name, "proxy": self.access.proxy}
            self._options = {"ssl": context, **{key: value for key, value in named.items() if value}}
        self._sent = grant


def connect(kubeconfig: str | None = None) -> Connection:
    """The cluster of `kubeconfig`, else of KUBECONFIG or the user's own, else the one that we run in."""
    return Connection(load(Flags(kubeconfig=kubeconfig)))

"""A client of the API server, for the command line, the SDK and the operator's login.

- `access`: where the server is and who we are (`kubeconfig`, `login`, `exec_plugin`, `tls`, `proxy`)
- `requests`, `answers`, `errors`: requests as data, answers read; `operations`, `sending`: lists, watches, repetitions.
  None of them knows a socket
- `actions`: the bodies and patches of what people do with tasks and runs; `values`: Python values as the API has them
- `sync` (urllib3) and `aio` (aiohttp): the transports; `cluster` and `aio_cluster`: kinds and names upon them

Imported lazily: urllib3 with the first request, aiohttp with `AsyncCluster`, YAML where there is a kubeconfig.
"""

from typing import TYPE_CHECKING, Any

from crontask.client import errors
from crontask.client.access import Access, Flags, load
from crontask.client.answers import Event
from crontask.client.cluster import Cluster
from crontask.client.requests import ALL

if TYPE_CHECKING:
    from crontask.client.aio_cluster import AsyncCluster

__all__ = ["ALL", "Access", "AsyncCluster", "Cluster", "Event", "Flags", "errors", "load"]


def __getattr__(name: str) -> Any:
    if name == "AsyncCluster":
        from crontask.client.aio_cluster import AsyncCluster

        return AsyncCluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

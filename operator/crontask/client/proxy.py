"""Through which proxy the API server is reached: `proxy-url` of the cluster, else the environment, as Go reads it."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from crontask.client.kubeconfig import Fields


def checked_proxy(cluster: Fields) -> str:
    """The proxy that the kubeconfig names."""
    url = cluster.text("proxy-url")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:
        scheme, host = "", None
    if scheme in ("socks5", "socks5h"):
        raise cluster.error(
            "proxy-url", "is a SOCKS proxy, by which crontask cannot go", "write one of http:// or https://"
        )
    if scheme not in ("http", "https") or not host:
        raise cluster.error("proxy-url", f"is {url!r}, which is not a valid URL", "write http://HOST:PORT")
    return url


def proxy_of_environment(server: str, environ: Mapping[str, str]) -> str:
    """HTTPS_PROXY (HTTP_PROXY of a server without TLS), but where NO_PROXY or a loopback address says otherwise."""
    parts = urlsplit(server)
    name = f"{parts.scheme}_proxy"
    proxy = environ.get(name.upper()) or environ.get(name) or ""
    excluded = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    host = parts.hostname or ""
    if not proxy or _is_excluded(host, excluded):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_excluded(host: str, excluded: str) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    for entry in filter(None, (part.strip().lower() for part in excluded.split(","))):
        if entry == "*" or host == entry.split(":")[0].lstrip(".") or host.endswith("." + entry.lstrip(".*")):
            return True
        if address is not None and "/" in entry:
            try:
                if address in ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
    return False

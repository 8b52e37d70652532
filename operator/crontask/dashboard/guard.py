"""What is refused before anybody looks at it: another Host, a write that no page of ours sent. And answers' headers.

No address of the page is for other sites: neither to read, nor to frame, nor to send forms to.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "crontask",
}
READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Site:
    """Where the page is: its origins (`http://127.0.0.1:8080`), and the prefix of its addresses."""

    origins: frozenset[str]
    prefix: str = ""

    @property
    def hosts(self) -> frozenset[str]:
        """What a Host header may say."""
        return frozenset(urlsplit(origin).netloc for origin in self.origins)

    @property
    def secure(self) -> bool:
        """Whether it is reached by TLS alone."""
        return all(origin.startswith("https:") for origin in self.origins)


def refuse_host(request: web.Request, site: Site) -> None:
    """Raise where it was sent to another name: a name that leads here is not ours by that (DNS rebinding)."""
    if request.headers.get("Host", "").lower() not in site.hosts:
        raise web.HTTPMisdirectedRequest(text="this page is not served under that name")


def refuse_elsewhere(request: web.Request, site: Site) -> None:
    """Raise for another name, and for an address that is none of the site: who asks for it may not know the prefix."""
    refuse_host(request, site)
    if not request.path.startswith(f"{site.prefix}/"):
        raise web.HTTPNotFound


def refuse_foreign(request: web.Request, site: Site) -> None:
    """Raise for a write that came from anywhere but a page of ours."""
    if request.method in READS:
        return
    origin = request.headers.get("Origin", "")
    host = request.headers.get("Host", "").lower()
    if origin not in site.origins or urlsplit(origin).netloc != host:
        raise web.HTTPForbidden(text="the form was not sent by this page: its Origin is another one")
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise web.HTTPForbidden(text="the form was not sent by this page: it came from another site")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Of each answer, whatever it is."""
    response.headers.update(_HEADERS)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"

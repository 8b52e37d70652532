"""The fields of a form that was sent, in the one way in which our pages send them: urlencoded, in UTF-8.

Any other way is refused before it is read: what a request says of its charset would choose how we decode it.
"""

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web

_TYPE = "application/x-www-form-urlencoded"
_MOST = 1000
_SECONDS = 30.0


async def fields_of(request: web.Request) -> dict[str, str]:
    """By their names. Raises the web.HTTPException of what is no such form, of one too large, and of one too slow."""
    if request.content_type != _TYPE or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise web.HTTPUnsupportedMediaType(text=f"a form is {_TYPE}, in UTF-8")
    try:
        async with asyncio.timeout(_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"the form was not there within {_SECONDS:.0f} seconds") from None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST))
    except ValueError:
        raise web.HTTPBadRequest(text=f"the form is not UTF-8, or has more than {_MOST} fields") from None

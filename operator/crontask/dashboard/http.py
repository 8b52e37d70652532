"""The page as aiohttp serves it: what is logged of requests that cannot be read, and how long headers may be."""

import logging

from aiohttp import web

_LONGEST_HEADER = 20_000
"""Bytes: a token of the longest, after `Bearer `."""
_log = logging.getLogger(__name__)


def without_request(record: logging.LogRecord) -> bool:
    """Keep of an error its kind alone: its text has the line of the request that it is about, and that a credential."""
    if record.exc_info and record.exc_info[0] is not None:
        record.msg = f"{record.msg} ({record.exc_info[0].__name__})"
    record.exc_info = record.exc_text = None
    return True


_log.addFilter(without_request)


def runner(app: web.Application) -> web.AppRunner:
    """What serves the application. Nothing is logged of requests that are answered."""
    return web.AppRunner(
        app, access_log=None, logger=_log, shutdown_timeout=1, max_field_size=_LONGEST_HEADER, max_line_size=8190
    )

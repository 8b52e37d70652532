"""Times as people read them: an instant, and how long ago or ahead it is."""

from datetime import UTC, datetime

from crontask.api.times import format_duration, format_time


def instant(text: object) -> datetime | None:
    """A time of an object; None where there is none, or somebody has mangled it."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def distance(at: datetime, now: datetime) -> str:
    """`3m ago`, `in 2h30m`, in the largest unit and the next smaller one."""
    late = now - at
    text = _short(format_duration(abs(late)))
    return f"{text} ago" if late.total_seconds() >= 0 else f"in {text}"


def with_distance(text: object, now: datetime) -> str:
    """`2026-03-29T01:00:00Z (3m ago)`; nothing where there is no time."""
    at = instant(text)
    return f"{format_time(at)} ({distance(at, now)})" if at is not None else ""


def took(start: object, end: object, now: datetime) -> str:
    """How long from one to the other, or until now; nothing before it has begun."""
    began, ended = instant(start), instant(end)
    return _short(format_duration((ended or now) - began)) if began is not None else ""


def _short(duration: str) -> str:
    """Its largest unit and the next smaller one: `1h`, not `1h30s`, which is read as half past."""
    import re

    parts: list[str] = re.findall(r"\d+[dhms]", duration)
    follows = len(parts) > 1 and f"{parts[0][-1]}{parts[1][-1]}" in "dhms"
    return "".join(parts[: 2 if follows else 1])

"""When a task runs, described: read off its spec, quick enough for a list of many. Pure."""

from functools import lru_cache

from crontask.api.times import format_duration, parse_duration
from crontask.client.requests import Document
from crontask.dashboard.plain import one_line
from crontask.timetable import CronError, parse_cron
from crontask.timetable.description import describe

_ZONE = "UTC"


def zone_of(task: Document) -> str:
    """The zone of its schedule."""
    return str((task.get("spec") or {}).get("timeZone") or _ZONE)


def schedule_of(task: Document) -> str:
    """Its schedule, without the zone."""
    spec, metadata = task.get("spec") or {}, task["metadata"]
    texts = [spec["schedule"]] if spec.get("schedule") else list(spec.get("schedules") or ())
    if texts:
        seed = f"{metadata['namespace']}/{metadata['name']}"
        first, *others = [_described(str(text), seed if "H" in str(text) else "") for text in texts]
        return "; and ".join([first, *(text[:1].lower() + text[1:] for text in others)])
    if spec.get("interval"):
        return f"Every {_duration(spec['interval'])}"
    if spec.get("delay"):
        return f"{_duration(spec['delay'])} after the end of each run"
    after = spec.get("after")
    if isinstance(after, dict):
        # YAML reads `on` as true, and `on` has a default then.
        ends = {"Failed": "fails", "Finished": "ends"}.get(str(after.get("true") or after.get("on")), "succeeds")
        return f"When {one_line(after.get('task'))} {ends}"
    return "On demand"


def expressions_of(task: Document) -> str:
    """Its cron expressions as they are written, or its interval or delay; nothing of one without."""
    spec = task.get("spec") or {}
    texts = [spec["schedule"]] if spec.get("schedule") else list(spec.get("schedules") or ())
    return ", ".join(map(one_line, texts))


def _duration(text: object) -> str:
    try:
        return format_duration(parse_duration(text))
    except ValueError:
        return one_line(text)


@lru_cache(maxsize=20_000)
def _described(text: str, seed: str) -> str:
    """An expression; as it is written where it is none: the task itself says what is wrong."""
    try:
        return describe(parse_cron(text, seed))
    except CronError:
        return one_line(text)

"""The page of all fields of both kinds, made of the models from which the CRDs are made.

Callers: docs.
"""

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

from crontask.api.base import DURATION_PATTERN, Model
from crontask.api.crontask import CronTaskSpec
from crontask.api.scheduledrun import CompositeRunStatus, ScheduledRunSpec
from crontask.api.task_status import CronTaskStatus

Schema = dict[str, Any]
_WITH_STARS = re.compile(r'"([^"]*\*[^"]*)"')

_HEAD = """# All fields

Each field of a CronTask and of a ScheduledRun: what it takes, what holds without it, and what it means. The same texts
are in the cluster: `kubectl explain crontask.spec.retry`. `hack/docs.py` writes this page from the models of
`operator/crontask/api`, from which the CRDs are made as well.

- A **duration** is like `90s`, `5m`, `1h30m` or `2d`; a **time** like `2026-03-29T01:00:00Z`, a **date** like
  `2026-12-24`.
- **required** stands where a field has to be there. Where nothing stands, it may be left out, and then nothing of the
  kind holds.
- `crontask validate -f FILE` says what is wrong in a manifest, with the line and what to write instead.
"""
_KINDS: tuple[tuple[str, str, type[Model]], ...] = (
    ("CronTask: spec", "What runs, and when. Only `handler` is required.", CronTaskSpec),
    ("CronTask: status", "Written by the operator alone.", CronTaskStatus),
    ("ScheduledRun: spec", "One run: of a CronTask (`taskRef`), or with a `handler` of its own.", ScheduledRunSpec),
    ("ScheduledRun: status", "Written by the operator alone.", CompositeRunStatus),
)


def fields() -> str:
    """The page."""
    parts: dict[str, Schema] = {}
    sections = [_HEAD]
    for title, words, model in _KINDS:
        schema = model.model_json_schema(by_alias=True)
        parts |= schema.get("$defs", {})
        sections.append(f"## {title}\n\n{words}\n\n{_table(schema, schema.get('$defs', {}))}")
    sections.append("## Parts\n\nWhat is named in the tables above, by the alphabet.\n")
    for name in sorted(parts):
        if "properties" in parts[name]:
            words = " ".join(parts[name].get("description", "").split())
            sections.append(f"### {name}\n\n{words}\n\n{_table(parts[name], parts)}")
    return "\n".join(sections)


def _table(schema: Schema, parts: Schema) -> str:
    required = schema.get("required", ())
    rows = (
        "| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(name, node, name in required, parts)) + " |"
        for name, node in schema["properties"].items()
    )
    return "| field | takes | without it | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _cells(name: str, node: Schema, required: bool, parts: Schema) -> Iterator[str]:
    yield f"`{name}`"
    yield _takes(node, parts)
    yield "required" if required else _default(node)
    meaning = " ".join((node.get("description") or _of_part(node, parts)).split())
    # Stars would be read as emphasis.
    yield _WITH_STARS.sub(r"`\1`", meaning)


def _default(node: Schema) -> str:
    """Of what is made of several fields, their own section says it."""
    value = node.get("default")
    if isinstance(value, Enum):
        value = value.value
    return "" if value in (None, [], {}) or isinstance(value, dict) else f"`{json.dumps(value).strip(chr(34))}`"


def _of_part(node: Schema, parts: Schema) -> str:
    found = _plain(node)
    return str(parts[_name(found)].get("description", "")) if "$ref" in found else ""


def _plain(node: Schema) -> Schema:
    """Without null, which stands for a field that is not there."""
    variants = [variant for variant in node.get("anyOf", ()) if variant.get("type") != "null"]
    return variants[0] if variants else node


def _name(node: Schema) -> str:
    return str(node["$ref"].rsplit("/", 1)[1])


def _takes(node: Schema, parts: Schema) -> str:
    node = _plain(node)
    if "$ref" in node:
        name = _name(node)
        return f"[{name}](#{name.lower()})" if "properties" in parts[name] else _takes(parts[name], parts)
    if "enum" in node or "const" in node:
        return ", ".join(f"`{value}`" for value in node.get("enum", [node.get("const")]))
    kind = node.get("type")
    if kind == "array":
        most = f", {node['maxItems']} at most" if "maxItems" in node else ""
        return f"list of: {_takes(node['items'], parts)}{most}"
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return f"keys with: {_takes(node['additionalProperties'], parts)}"
    if kind == "integer":
        return _bounds(node)
    if kind == "string":
        return _text(node)
    return {"boolean": "`true`, `false`", "object": "object", "number": "number"}.get(str(kind), "any JSON")


def _bounds(node: Schema) -> str:
    least, most = node.get("minimum"), node.get("maximum")
    if least is not None and most is not None:
        return f"number, {least:,} to {most:,}"
    return f"number, {least:,} or more" if least is not None else "number"


def _text(node: Schema) -> str:
    if node.get("pattern") == DURATION_PATTERN:
        return "duration"
    if node.get("format") in ("date-time", "date"):
        return "time" if node["format"] == "date-time" else "date"
    return f"text, up to {node['maxLength']:,}" if "maxLength" in node else "text"

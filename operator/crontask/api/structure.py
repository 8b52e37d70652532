"""The schema of a model, resolved: what each field takes, without references, titles and nulls."""

from functools import cache
from typing import Any

from crontask.api.base import Model

Schema = dict[str, Any]
# Of an object that is free-form to its schema: the field that a single value is meant for.
SHORTHAND = "x-shorthand"
_DROPPED = ("title", "$defs", "discriminator")


@cache
def structural(model: type[Model]) -> Schema:
    """The OpenAPI v3 schema of a model: shared, so not to be changed."""
    schema = model.model_json_schema(by_alias=True)
    resolved: Schema = _resolved(schema, schema.get("$defs", {}))
    return resolved


def _resolved(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_resolved(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        own = {key: value for key, value in node.items() if key != "$ref"}
        node = {**definitions[node["$ref"].rsplit("/", 1)[1]], **own}
    if "anyOf" in node:
        # Optional[T]: absent instead of null.
        variants = [variant for variant in node["anyOf"] if variant.get("type") != "null"]
        own = {key: value for key, value in node.items() if key != "anyOf"}
        return _resolved({**variants[0], **own}, definitions)
    result: Schema = {}
    for key, value in node.items():
        if key in _DROPPED or (key == "default" and value is None):
            continue
        if key == "properties":
            result[key] = {name: _resolved(inner, definitions) for name, inner in value.items()}
        elif key in ("default", "examples", "enum"):
            result[key] = value
        elif key == "const":
            result["enum"] = [value]
        else:
            result[key] = _resolved(value, definitions)
    return result


def node_at(schema: Schema, path: tuple[str | int, ...]) -> Schema | None:
    """The schema of the part at a path like ("skip", 0, "from"); None where a part is free-form or unknown."""
    node: Schema | None = schema
    for part in path:
        if node is None:
            return None
        inner = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
        if inner is None and isinstance(part, str):
            inner = node.get("additionalProperties")
        node = inner if isinstance(inner, dict) else None
    return node

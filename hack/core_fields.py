"""`make core-fields`: which fields the pod templates of Kubernetes have, and of which type, from a real API server.

KUBECONFIG=… .venv/bin/python hack/core_fields.py writes operator/crontask/api/core_fields.json.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "operator" / "crontask" / "api" / "core_fields.json"
_ROOT = "io.k8s.api.core.v1.PodTemplateSpec"
_SIMPLE = ("string", "integer", "boolean", "number")


def core_fields(openapi: dict[str, Any], version: str) -> dict[str, Any]:
    """Of the template and of all that is in it: the type of each field. `openapi`: /openapi/v3/api/v1."""
    types: dict[str, dict[str, str]] = {}
    _visit(openapi["components"]["schemas"], _ROOT, types)
    return {"version": version, "types": types}


def _visit(schemas: dict[str, Any], name: str, types: dict[str, dict[str, str]]) -> None:
    if _short(name) not in types:
        fields = types[_short(name)] = {}
        fields.update({field: _type(schemas, of, types) for field, of in sorted(schemas[name]["properties"].items())})


def _type(schemas: dict[str, Any], schema: dict[str, Any], types: dict[str, dict[str, str]]) -> str:
    """`[]T`: a list; `{}T`: by any key; `scalar`: a text or a number; `any`: whatever; else a name of `types`."""
    if "allOf" in schema:
        return _type(schemas, schema["allOf"][0], types)
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if schemas[name].get("properties"):
            _visit(schemas, name, types)
            return _short(name)
        return _type(schemas, schemas[name], types)
    kind = schema.get("type")
    if schema.get("oneOf") or schema.get("format") == "int-or-string":
        return "scalar"
    if kind == "array":
        return "[]" + _type(schemas, schema["items"], types)
    if kind == "object" and "additionalProperties" in schema:
        return "{}" + _type(schemas, schema["additionalProperties"], types)
    return str(kind) if kind in _SIMPLE else "any"


def _short(name: str) -> str:
    return name.rsplit(".", 1)[1]


def dumped(fields: dict[str, Any]) -> str:
    """The file's text."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")) + "\n"


def _get(path: str) -> dict[str, Any]:
    done = subprocess.run(["kubectl", "get", "--raw", path], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    version = _get("/version")
    TARGET.write_text(dumped(core_fields(_get("/openapi/v3/api/v1"), f"{version['major']}.{version['minor']}")))
    sys.exit(0)

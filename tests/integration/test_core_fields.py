"""The fields of Kubernetes that validation knows are those of the API server; a pod with another is refused by it."""

import json

from cluster.control_plane import ControlPlane
from core_fields import TARGET, core_fields, dumped


def test_the_known_fields_are_those_of_the_api_server(control_plane: ControlPlane) -> None:
    version = json.loads(control_plane.kubectl("get", "--raw", "/version"))
    openapi = json.loads(control_plane.kubectl("get", "--raw", "/openapi/v3/api/v1"))
    found = core_fields(openapi, f"{version['major']}.{version['minor']}")
    assert TARGET.read_text(encoding="utf-8") == dumped(found), "run hack/core_fields.py"

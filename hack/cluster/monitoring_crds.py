"""The CRDs of the Prometheus operator, in which the chart's ServiceMonitor and PrometheusRule have to fit.

From its Go module, pinned by its checksum. Called by tests; standard library only.
"""

import json
import os
import tempfile
from pathlib import Path

from cluster import commands
from cluster.processes import ClusterError

_MODULE = "github.com/prometheus-operator/prometheus-operator@v0.86.1"
_SUM = "h1:pHUuiRErcFb3nFDox7RxoxpEN0FyT24GtYOkr2GBu04="
_FOLDER = "example/prometheus-operator-crd"
_NAMES = ("servicemonitors", "prometheusrules")


def files() -> list[Path]:
    """Their manifests, in Go's module cache; downloaded first, if need be. Raises ClusterError."""
    # The checksum is ours to check: no checksum database is asked for it.
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GONOSUMDB": "*"}
    said: list[str] = []
    with tempfile.TemporaryDirectory() as nowhere:
        command = ["go", "mod", "download", "-json", _MODULE]
        commands.run_long(command, folder=Path(nowhere), environment=environment, on_line=said.append)
    found = json.loads("".join(said[said.index("{") :]))
    if found["Sum"] != _SUM:
        raise ClusterError(f"{_MODULE} is not what it was: its checksum is {found['Sum']}, and was {_SUM}.")
    return [Path(found["Dir"]) / _FOLDER / f"monitoring.coreos.com_{name}.yaml" for name in _NAMES]

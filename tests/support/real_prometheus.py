"""A real Prometheus as a process, with the chart's alerts, and what it answers."""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api_server import until
from chart import CHART

from cluster import prometheus
from cluster.control_plane import free_ports

Answer = list[tuple[dict[str, str], float]]


def alerts(folder: Path, *, waits: str | None = None) -> Path:
    """A file with the chart's alerts. `waits`: how long each has to be true before it fires, if not as it says."""
    text = (CHART / "files" / "alerts.yaml").read_text()
    path = folder / "alerts.yaml"
    path.write_text(text if waits is None else re.sub(r"(?m)^(\s+for: ).*$", rf"\g<1>{waits}", text))
    return path


@contextmanager
def reading(folder: Path, job: dict[str, Any], rules: Path) -> Iterator[str]:
    """One that reads a job's targets each second; where it answers."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "crontask", "honor_labels": True, **job}],
    }
    (port,) = free_ports(1)
    path, address = folder / "prometheus.yaml", f"127.0.0.1:{port}"
    path.write_text(json.dumps(config))
    command = [str(prometheus.find("prometheus")), f"--config.file={path}", f"--web.listen-address={address}"]
    command.append(f"--storage.tsdb.path={folder / 'data'}")
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        until("Prometheus answers", lambda: _is_ready(f"http://{address}", process, folder / "prometheus.log"))
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"Prometheus has ended:\n{log.read_text()[-2000:]}")
    try:
        with urllib.request.urlopen(f"{url}/-/ready"):
            return True
    except OSError:
        return False


def asked(url: str, query: str) -> Answer:
    """The labels and values that it answers; nothing while it does not. Raises AssertionError for what it refuses."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}") as response:
            found = json.load(response)["data"]["result"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{query}: {error.read().decode()}") from error
    except OSError:
        return []
    return [(each["metric"], float(each["value"][1])) for each in found]

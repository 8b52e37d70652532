"""A release, installed from its files alone where nothing else of crontask is: image, chart, wheel and zipapp.

Its operator is one of a namespace, beside the session's, which leaves that namespace to it.
"""

import json
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import released
from bench import Bench

import distribution
import installation
import release
from cluster import images
from crontask.version import __version__

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
IMAGE = f"crontask/operator:{__version__}"
THERE = """
import importlib.metadata, json, subprocess
python = [f"{each.name}=={each.version}" for each in importlib.metadata.distributions()]
debian = subprocess.check_output(["dpkg-query", "--show", "--showformat=${Package}==${Version}\\n"], text=True)
print(json.dumps([*python, *debian.split()]))
"""
OF_THE_WHOLE_CLUSTER = ("crds.enabled", "admissionPolicy.enabled", "userRoles.enabled")


@pytest.mark.stops_parts
def test_a_release_is_installed_from_its_files_and_its_image_comes_twice(bench: Bench, tmp_path: Path) -> None:
    clone, files, wheels = released.clone(tmp_path / "clone"), tmp_path / "files", tmp_path / "wheels"
    release.build(clone, files, "", (HERE,), wheels)
    _assert_names({path.name for path in files.iterdir()}, released.of_the_page())
    (archive,) = files.glob("*.oci.tar")
    images.load([archive])
    assert f"docker.io/{IMAGE}" in images.loaded()
    _install_chart(bench, files)
    bench.apply("python.yaml")
    for program in (released.installed(files, wheels / HERE, tmp_path / "own") / "crontask", _zipapp(files)):
        assert _result_of_a_run(bench, program, tmp_path)["total"] == 7
    # Not those of another operator.
    pods = json.loads(bench.kubectl("get", "pods", "-l", "crontask.dev/run", "-o", "json"))["items"]
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {IMAGE}
    assert _listed(files) == _found(bench)
    bench.tools.helm("uninstall", bench.namespace, "--namespace", bench.namespace, "--wait")
    other, again = released.another_clone(clone, tmp_path / "elsewhere" / "clone"), tmp_path / "again"
    with released.elsewhere():
        release.build(other, again, parts=("image",))
    twice = released.of_sums(again)
    assert archive.name in twice
    assert twice.items() <= released.of_sums(files).items()


def _assert_names(names: set[str], told: set[str]) -> None:
    """Each file is on the page, by its name or by a pattern, and none is missing."""
    assert [name for name in names if not any(fnmatch(name, each) for each in told)] == []
    assert [each for each in told if not any(fnmatch(name, each) for name in names)] == []


def _install_chart(bench: Bench, files: Path) -> None:
    """Of the namespace alone; the rest is the session's. Returns when it is left to it."""
    values = [f"watchNamespaces={{{bench.namespace}}}", *(f"{each}=false" for each in OF_THE_WHOLE_CLUSTER)]
    chart = files / f"crontask-{__version__}.tgz"
    sets = [part for each in values for part in ("--set", each)]
    bench.tools.helm("install", bench.namespace, str(chart), "--namespace", bench.namespace, "--wait", *sets)
    left = f"namespace {bench.namespace} is left to the operator that claims it"
    log = ("logs", "deployment/crontask", "--namespace", installation.NAMESPACE)
    bench.until(left, lambda: left in bench.tools.kubectl(*log))


def _zipapp(files: Path) -> Path:
    zipapp = files / distribution.ZIPAPP
    zipapp.chmod(0o755)
    return zipapp


def _result_of_a_run(bench: Bench, program: Path, home: Path) -> dict[str, Any]:
    variables = {"HOME": str(home), "KUBECONFIG": str(bench.tools.kubeconfig)}
    args = home / "args.yaml"
    args.write_text("numbers: [3, 4]")
    asked = ("trigger", "totals", "--args-file", args, "--wait", "--timeout", "110s", "-o", "json")
    run = json.loads(released.ran(program, *asked, "--namespace", bench.namespace, variables=variables))
    assert run["status"]["phase"] == "Succeeded"
    return dict(run["status"]["result"])


def _listed(files: Path) -> list[str]:
    """What the image's SBOM has, but for crontask, which lies in it without metadata."""
    (path,) = files.glob("crontask-operator-*.cdx.json")
    components = json.loads(path.read_text())["components"]
    return sorted(f"{each['name']}=={each['version']}" for each in components if each["name"] != "crontask")


def _found(bench: Bench) -> list[str]:
    """What Python and dpkg find in a container of the image."""
    command = ("--command", "--", "/opt/crontask/bin/python", "-c", THERE)
    bench.kubectl("run", "found", f"--image={IMAGE}", "--image-pull-policy=Never", "--restart=Never", *command)
    bench.kubectl("wait", "pod/found", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=180s")
    return sorted(json.loads(bench.kubectl("logs", "found")))

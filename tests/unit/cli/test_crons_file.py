"""`export`, and what `apply` loads alike: files and modules with crons, and those that cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
GOOD = """
from crontask import Context, Crons
crons = Crons(owner="shop")
@crons.task(on_demand=True)
def ship(ctx: Context, *, order: int) -> int: return order
"""
IMPORT = "from crontask import Crons\n"


def export(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator"), "KUBECONFIG": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from crontask.cli.main import main; main()", "export", *words],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__in__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


REFUSED = [
    ("nope.py", "", "nope.py: there is no such file; write a file like crons.py, or a module like shop.crons"),
    ("nope", "", "nope: there is no such file, and no module nope; write a file like crons.py, or a module"),
    ("", "", "FILE: there is no such file; write a file"),
    (".", "", ".: is a folder; write the file with the registry, like ./crons.py"),
    ("crons.txt", "x", "crons.txt: is not the name of a Python module; write one like crons.py"),
    ("a-b.py", "x", "a-b.py: is not the name of a Python module; write one like crons.py"),
    ("json.py", GOOD, "json.py: another module is called json; rename the file, to one like json_crons.py"),
    ("click.py", GOOD, "click.py: another module is called click; rename the file"),
    ("crons.py", "", 'crons.py: has no registry; write crons = Crons(owner="shop") at its top level'),
    (
        "crons.py",
        f"{IMPORT}a = Crons('a')\nb = Crons('b')",
        "crons.py: has 2 registries, a, b; write one, as crons.py",
    ),
    ("crons.py", f"{IMPORT}a = b = Crons('a')", "crons.py: a registers nothing; import the modules that do"),
    ("crons.py:x", GOOD, "crons.py:x: there is no such name in it; name a Crons"),
    ("crons.py:ship", GOOD, "crons.py:ship: it is a function; name a Crons"),
    ("crons.py", "x = (", "crons.py:1: '(' was never closed; correct it"),
    (
        "crons.py",
        "import sys\nsys.exit('no')",
        "crons.py: ended the program when it was loaded (exit code no); ",
    ),
    (
        "crons.py",
        "def f():\n    return 1 / 0\nf()",
        "crons.py: cannot be loaded: ZeroDivisionError: division by zero\n"
        "  crons.py:3 in <module>: f()\n  crons.py:2 in f: return 1 / 0\n",
    ),
    ("crons.py", "import nowhere", "crons.py: cannot be loaded: ModuleNotFoundError: No module named 'nowhere'\n"),
    ("crons.py", f"{IMPORT}Crons('My Shop')", "crons.py: cannot be loaded: owner: 'My Shop' is not made of lowercase"),
    ("crons.py", GOOD + "crons.interval('b c', minutes=1, run=ship)", "crons.py: cannot be loaded: name: 'b c' is not"),
    ("crons.py", GOOD.replace("on_demand=True", "schedule='x'"), "crons.py:4: CronTask ship: spec.schedule: "),
    (
        "crons.py",
        "import httpx as h\n".replace("httpx as h", "yaml") + GOOD,
        "crons.py:1: imports yaml, which is not of",
    ),
]


@pytest.mark.parametrize(("given", "text", "message"), REFUSED)
def test_what_cannot_be_used(tmp_path: Path, given: str, text: str, message: str) -> None:
    if text or given == "crons.py":
        (tmp_path / given.partition(":")[0]).write_text(text)
    done = export(tmp_path, given, code=2)
    assert done.stdout == ""
    assert done.stderr.startswith(message), done.stderr


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "crons.py").write_bytes(b'x = "\xff"')
    assert export(tmp_path, "crons.py", code=2).stderr.startswith(
        "crons.py:1: (unicode error) 'utf-8' codec can't decode"
    )


def test_what_is_printed_is_yaml_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, crons=f"print('loaded')\n{GOOD}\n# tab\there, é, ☃ and 'quotes'\n")
    done = export(tmp_path, "crons.py", "-n", "shop", "--revision", "3")
    config_map, task = yaml.safe_load_all(done.stdout)
    assert config_map["data"]["crons.py"] == (tmp_path / "crons.py").read_text()
    assert (task["metadata"]["name"], task["metadata"]["namespace"]) == ("ship", "shop")
    assert task["metadata"]["annotations"] == {"crontask.dev/revision": "3"}
    assert done.stderr == "loaded\n"
    as_json = yaml.safe_load(export(tmp_path, "crons.py:crons", "-n", "shop", "--revision", "3", "-o", "json").stdout)
    assert as_json["items"] == [config_map, task]


@pytest.mark.parametrize("given", ["shop/jobs/crons.py", "shop.jobs.crons", "shop.jobs.crons:crons"])
def test_a_module_has_the_name_that_an_image_has(tmp_path: Path, given: str) -> None:
    jobs = GOOD.replace('owner="shop"', 'owner="shop", image="registry/shop:1"')
    crons = "from .tasks import crons\nfrom shop.jobs import tasks\n"
    write(tmp_path, shop__in____init__="", shop__in__jobs__in____init__="", shop__in__jobs__in__tasks=jobs)
    write(tmp_path, shop__in__jobs__in__crons=crons)
    task = yaml.safe_load(export(tmp_path, given).stdout)
    python = {"image": "registry/shop:1", "entrypoint": "shop.jobs.tasks:ship"}
    assert task["spec"]["handler"]["python"] == python


def test_functions_of_several_modules(tmp_path: Path) -> None:
    jobs = "def clean_up(ctx): ...\ndef report(ctx): ..."
    crons = "import yaml\nfrom crontask import Crons\nimport jobs\ncrons = Crons('shop')\n" + "".join(
        f"crons.interval('{name.replace('_', '-')}', hours=1, run=jobs.{name})\n" for name in ("clean_up", "report")
    )
    write(tmp_path, jobs=jobs, crons=crons)
    config_map, *tasks = yaml.safe_load_all(export(tmp_path, "crons.py").stdout)
    # What only registers is not shipped, and may import whatever it likes.
    assert config_map["data"] == {"jobs.py": jobs}
    assert [task["metadata"]["name"] for task in tasks] == ["clean-up", "report"]

"""What is refused in a module that is shipped as its source, each with its line."""

from pathlib import Path

import pytest

from crontask.crons.credentials import is_secret_by_name, what_it_looks_like
from crontask.crons.shipped import LONGEST_SOURCE, Source, problems_of

STANDARD = """\
import os, json
import xml.etree.ElementTree
from collections import Counter
from crontask import Crons
from crontask.runner.context import Context
from typing import TYPE_CHECKING
import typing as t
if TYPE_CHECKING:
    import pandas
if t.TYPE_CHECKING:
    from . import beside
"""


def problems(text: str, *requires: str, allow_secrets: bool = False) -> list[str]:
    return [str(each) for each in problems_of(Source("shop", "shop.py", text), requires, allow_secrets=allow_secrets)]


@pytest.mark.parametrize(
    ("text", "requires"),
    [
        (STANDARD, ()),
        ("import httpx, yaml.nodes", ("httpx", "yaml")),
        ("import google.cloud.storage", ("google.cloud",)),
        ("from google.cloud import storage", ("google.cloud",)),
    ],
)
def test_what_may_be_imported(text: str, requires: tuple[str, ...]) -> None:
    assert problems(text, *requires) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\nimport httpx",
            'shop.py:2: imports httpx, which is not of the standard library; write requires=["httpx"]',
        ),
        ("def f():\n    from yaml import nodes", "shop.py:2: imports yaml, which is not"),
        ("try:\n    import orjson\nexcept ImportError:\n    pass", "shop.py:2: imports orjson,"),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", "shop.py:4: imports b,"),
        ("import google.cloud.storage", "imports google.cloud.storage, which is not"),
        ("from . import beside", "shop.py:1: imports .beside, a module beside it, which is not shipped; write what it"),
        ("from ..jobs import x", "imports ..jobs, a module beside it"),
        ("type X = int", "shop.py:1: "),
        ("x = '" + "a" * LONGEST_SOURCE + "'", f"shop.py: has {LONGEST_SOURCE + 6} bytes, over {LONGEST_SOURCE}; move"),
        ("\nkey = 'AKIAIOSFODNN7EXAMPLE'", "shop.py:2: has a text that looks like an AWS access key; read it from the"),
        ("f(password='hunter22hunter')", "shop.py:1: has a text named password, which may be a secret"),
        ("x = {'api_key': 'a1b2c3d4e5'}", "has a text named api_key"),
        ("class S:\n    token: str = 'a1b2c3d4e5'", "shop.py:2: has a text named token"),
        ("self.db_password = 'a1b2c3d4e5'", "has a text named db_password"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    (found,) = problems(text)
    assert found.startswith(message) or (": " + message) in found, found


@pytest.mark.parametrize("beside", ["helpers.py", "helpers/__init__.py"])
def test_a_module_beside_the_file_is_not_shipped(tmp_path: Path, beside: str) -> None:
    (tmp_path / beside).parent.mkdir(exist_ok=True)
    (tmp_path / beside).touch()
    source = Source("shop", str(tmp_path / "shop.py"), "from helpers import double")
    (found,) = map(str, problems_of(source, (), allow_secrets=False))
    assert found == (
        f"{tmp_path}/shop.py:1: imports helpers, a module of yours, and a file is shipped alone; "
        "write what it needs into this file, or name an image= that has both"
    )


def test_all_are_said_and_secrets_only_unless_allowed() -> None:
    text = "import a, b\nURL = 'postgres://me:pass@host/db'\nPASSWORD = 'pa55word99'"
    assert len(problems(text)) == 4
    assert "pass@host" not in "".join(problems(text))
    assert problems(text, "a", "b", allow_secrets=True) == []


# Put together here, so that nobody who looks for keys finds one.
LOOK_LIKE = [
    ("-----BEGIN RSA PRIVATE " + "KEY-----\nabc", "a private key"),
    ("gh" + "p_" + "a1" * 18, "a token of GitHub"),
    ("gl" + "pat-" + "a1" * 10, "a token of GitLab"),
    ("xo" + "xb-123456789012-abcdef", "a token of Slack"),
    ("sk" + "_live_" + "a1" * 10, "a key of Stripe"),
    ("AI" + "za" + "a" * 35, "a key of Google"),
    ("sk" + "-" + "a1" * 20, "a key of an API"),
    ("ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxIn0xxxx.abc", "a JSON Web Token"),
    ("https://user:" + "secret@example.com/", "a URL with a password"),
    ("Bearer " + "a1b2" * 6, "an Authorization header"),
    ("https://example.com/a:b@c", None),
    ("https://{user}:{password}@host", None),
    ("https://user@example.com/", None),
    ("sk-learn", None),
    ("Bearer token", None),
    ("a text of several words", None),
    ("2026-03-01T00:00:00Z", None),
]


@pytest.mark.parametrize(("text", "wanted"), LOOK_LIKE)
def test_what_a_text_looks_like(text: str, wanted: str | None) -> None:
    assert what_it_looks_like(text) == wanted


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("password", "pa55word99", True),
        ("DB_PASSWORD", "pa55word99", True),
        ("apiKey", "pa55word99", True),
        ("password", "short", False),
        ("password", "DATABASE_PASSWORD", False),
        ("password_file", "pa55word99", False),
        ("secret", "shop/database", False),
        ("tokens", "pa55word99", False),
        ("token", "a text with spaces 1", False),
        ("name", "pa55word99", False),
    ],
)
def test_what_a_name_says(name: str, text: str, wanted: bool) -> None:
    assert is_secret_by_name(name, text) is wanted

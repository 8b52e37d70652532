"""What a page that is served for many is told, and what it reads of tokens and selectors."""

import base64
import json
from typing import Any, cast

import pytest

from crontask.api.resources import SCHEDULED_RUN
from crontask.client import AsyncCluster
from crontask.dashboard.entry import seconds_left
from crontask.dashboard.reader import Query
from crontask.dashboard.served import BadAddressError, Served
from crontask.dashboard.session import LONGEST
from crontask.dashboard.shared import SharedObjects


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("cron.example.com", "write the address"),
        ("ftp://cron.example.com", "write the address"),
        ("https://cron.example.com/cron", "a host name of its own"),
        ("https://cron.example.com?x=1", "write the address"),
        ("http://cron.example.com", "no TLS"),
    ],
)
def test_an_address_that_cannot_be(url: str, said: str) -> None:
    with pytest.raises(BadAddressError, match=said):
        Served("0.0.0.0", 8080, url).site()


@pytest.mark.parametrize(
    ("url", "origin", "secure"),
    [
        ("https://Cron.example.com/", "https://cron.example.com", True),
        ("https://cron.example.com:8443", "https://cron.example.com:8443", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", False),
        ("http://localhost:1", "http://localhost:1", False),
    ],
)
def test_an_address(url: str, origin: str, secure: bool) -> None:
    site = Served("0.0.0.0", 8080, url).site()
    assert (site.origins, site.secure) == (frozenset({origin}), secure)


def jwt(payload: Any) -> str:
    return f"x.{base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip('=')}.y"


@pytest.mark.parametrize(
    ("token", "seconds"),
    [
        (jwt({"exp": 160}), 60.0),
        (jwt({"exp": 40}), 0.0),
        (jwt({"exp": "soon"}), LONGEST),
        (jwt({}), LONGEST),
        (jwt([]), LONGEST),
        ("opaque", LONGEST),
        ("a.%%%.c", LONGEST),
        ("", LONGEST),
    ],
)
def test_how_long_a_token_is_good(token: str, seconds: float) -> None:
    assert seconds_left(token, 100.0) == seconds


NO_CLUSTER = cast(AsyncCluster, None)
RUN = {"metadata": {"name": "r"}, "spec": {"taskRef": {"name": "a"}}, "status": {"phase": "Failed"}}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ("", True),
        ("metadata.name=r", True),
        ("metadata.name=other", False),
        ("spec.taskRef.name=a,spec.parent.name=", True),
        ("spec.taskRef.name=a,spec.parent.name=x", False),
        ("status.phase!=Succeeded", True),
        ("status.phase!=Failed", False),
        ("status.phase!=Succeeded,status.phase!=Partial,spec.parent.name=", True),
    ],
)
def test_selectors(fields: str, wanted: bool) -> None:
    shared = SharedObjects(NO_CLUSTER)
    shared.keep(SCHEDULED_RUN, {**RUN, "metadata": {"name": "r", "namespace": "a", "uid": "u", "managedFields": [1]}})
    for namespace, there in (("a", wanted), ("", wanted), ("b", False)):
        found = shared.find(Query(SCHEDULED_RUN, namespace, fields=fields))
        assert bool(found) is there
        assert all("managedFields" not in each["metadata"] for each in found)

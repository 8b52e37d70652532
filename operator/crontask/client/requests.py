"""Requests as data. Pure: nothing here knows a socket.

Every name is checked as a DNS label (a subdomain, for what may have dots) before it is part of a path or a selector.
Called by `operations`; sent by a transport.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from crontask.api import resources
from crontask.api.names import DNS_LABEL, near_label
from crontask.api.resources import Resource
from crontask.client.errors import Asked, InvalidName
from crontask.version import __version__

Document = dict[str, Any]

ALL = ""
"""In place of a namespace: all of them."""
USER_AGENT = f"crontask/{__version__}"
JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
PAGE = 500
"""Objects in a page of a list."""
WATCH_SECONDS = 290
"""After this the API server ends a watch."""
SILENCE_SECONDS = 120.0
"""Bookmarks come about once a minute: a watch that is silent for longer is dead."""
LONGEST_LOG_LINE = 256 * 1024
"""Bytes: a container that writes no line feed may not take the memory of whoever reads its log."""
_LONGEST_LABEL, _LONGEST_NAME = 63, 253
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is below the server's URL, and safe as it is; `query` and `body` are not encoded yet.

    `repeatable`: to do it twice is to do it once, so it is sent again when its answer was lost. `silence`: of a
    stream, after how many seconds without a byte its connection is dead; None: silence means nothing. `accept`: how
    the answer is to be written. `longest_line`: of a stream, after how many bytes a line comes in pieces. `within`:
    after how many seconds nobody waits any more, sent again or not.
    """

    method: str
    path: str
    asked: Asked
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    content_type: str = JSON
    repeatable: bool = False
    silence: float | None = None
    accept: str = f"{JSON}, */*"
    longest_line: int | None = None
    within: float | None = None

    def url(self, server: str) -> str:
        """Where it goes."""
        return f"{server}{self.path}?{urlencode(self.query)}" if self.query else server + self.path

    def headers(self) -> dict[str, str]:
        """Its headers, without those that say who we are."""
        of_body = {} if self.body is None else {"Content-Type": self.content_type}
        return {"Accept": self.accept, "User-Agent": USER_AGENT, **of_body}


def checked_name(name: str, resource: Resource) -> str:
    """The name, if an object of this resource can have it."""
    labels = name.split(".") if resource.dotted else [name]
    longest = _LONGEST_NAME if resource.dotted else _LONGEST_LABEL
    if not all(DNS_LABEL.fullmatch(label) for label in labels):
        wrong = "must be lowercase letters, digits and hyphens, with a letter or digit at both ends"
        raise InvalidName(f"{resource.kind} {name!r}: the name {wrong}{_suggestion(name)}")
    if len(name) > longest:
        raise InvalidName(f"{resource.kind} {name!r}: the name has {len(name)} characters; {longest} is the most")
    return name


def checked_namespace(name: str) -> str:
    """The namespace, if there can be one of that name."""
    return checked_name(name, resources.NAMESPACE)


def labels(wanted: Mapping[str, str]) -> str:
    """A selector of objects that have all these labels."""
    for key, value in wanted.items():
        if not _LABEL_VALUE.fullmatch(value) or len(value) > _LONGEST_LABEL:
            raise InvalidName(f"label {key}: {value!r} is not a value that a label can have")
    return ",".join(f"{key}={value}" for key, value in wanted.items())


def get(resource: Resource, name: str, namespace: str) -> Request:
    """One object."""
    return Request("GET", _path(resource, namespace, name), _asked("get", resource, namespace, name), repeatable=True)


def list_page(
    resource: Resource, namespace: str, *, selector: str = "", fields: str = "", limit: int = PAGE, token: str = ""
) -> Request:
    """A page of a list; `namespace` empty: of all. `token`: the `continue` of the page before."""
    query = _query(labelSelector=selector, fieldSelector=fields, limit=str(limit), **{"continue": token})
    asked = _asked("list", resource, namespace)
    return Request("GET", _path(resource, namespace), asked, query, repeatable=True)


def as_table(request: Request) -> Request:
    """The same, answered as the rows that kubectl prints, each with its whole object."""
    return replace(request, query=(*request.query, ("includeObject", "Object")), accept=TABLE)


def watch(
    resource: Resource,
    namespace: str,
    *,
    version: str,
    selector: str = "",
    fields: str = "",
    seconds: int = WATCH_SECONDS,
) -> Request:
    """The stream of what changes after a version."""
    query = _query(
        watch="1",
        allowWatchBookmarks="true",
        resourceVersion=version,
        timeoutSeconds=str(seconds),
        labelSelector=selector,
        fieldSelector=fields,
    )
    asked = _asked("watch", resource, namespace)
    return Request("GET", _path(resource, namespace), asked, query, repeatable=True, silence=SILENCE_SECONDS)


def create(
    resource: Resource,
    body: Document,
    namespace: str,
    *,
    manager: str = "",
    dry_run: bool = False,
    strict: bool = True,
    drawn: bool = False,
) -> Request:
    """A new object. `drawn`: its name was drawn at random, so that to send it twice makes one object."""
    name = str(body.get("metadata", {}).get("name") or "")
    if name:
        checked_name(name, resource)
    query = _query(fieldManager=manager, dryRun="All" if dry_run else "", fieldValidation="Strict" if strict else "")
    asked = _asked("create", resource, namespace, name)
    return Request("POST", _path(resource, namespace), asked, query, body, repeatable=dry_run or (drawn and bool(name)))


def apply(
    resource: Resource, body: Document, namespace: str, *, manager: str, force: bool = False, dry_run: bool = False
) -> Request:
    """Server-side apply. `force`: take over fields that others own."""
    name = str(body.get("metadata", {}).get("name") or "")
    query = _query(
        fieldManager=manager,
        force="true" if force else "",
        dryRun="All" if dry_run else "",
        fieldValidation="Strict",
    )
    asked = _asked("patch", resource, namespace, name)
    return Request("PATCH", _path(resource, namespace, name), asked, query, body, APPLY, repeatable=True)


def patch(
    resource: Resource,
    name: str,
    change: Document | list[Document],
    namespace: str,
    *,
    manager: str = "",
    subresource: str = "",
    dry_run: bool = False,
) -> Request:
    """A merge patch, or a JSON patch where it is a list: that is not sent twice, for it may add to a list."""
    query = _query(fieldManager=manager, dryRun="All" if dry_run else "", fieldValidation="Strict")
    is_merge = isinstance(change, dict)
    # With a version in it, the second one would be a conflict with the first.
    guarded = is_merge and bool((change.get("metadata") or {}).get("resourceVersion"))  # type: ignore[union-attr]
    return Request(
        "PATCH",
        _path(resource, namespace, name, subresource),
        _asked("patch", resource, namespace, name, subresource),
        query,
        change,
        MERGE_PATCH if is_merge else JSON_PATCH,
        repeatable=dry_run or (is_merge and not guarded),
    )


def delete(
    resource: Resource,
    name: str,
    namespace: str,
    *,
    uid: str = "",
    version: str = "",
    grace_seconds: int | None = None,
    propagation: str = "Background",
    dry_run: bool = False,
) -> Request:
    """Delete it, only if it still has that UID and version where they are given.

    Without a UID it is not sent twice: the second might meet another object of that name.
    """
    preconditions = {key: value for key, value in (("uid", uid), ("resourceVersion", version)) if value}
    options: Document = {"propagationPolicy": propagation}
    if preconditions:
        options["preconditions"] = preconditions
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    asked = _asked("delete", resource, namespace, name)
    query = _query(dryRun="All" if dry_run else "")
    path = _path(resource, namespace, name)
    return Request("DELETE", path, asked, query, options, repeatable=dry_run or bool(uid))


def logs(
    pod: str,
    namespace: str,
    *,
    container: str = "",
    follow: bool = False,
    previous: bool = False,
    timestamps: bool = False,
    tail_lines: int | None = None,
    since_time: str = "",
    limit_bytes: int | None = None,
) -> Request:
    """The log of a container, as a stream of lines; one longer than LONGEST_LOG_LINE comes in pieces."""
    query = _query(
        container=container,
        follow="true" if follow else "",
        previous="true" if previous else "",
        timestamps="true" if timestamps else "",
        tailLines="" if tail_lines is None else str(tail_lines),
        sinceTime=since_time,
        limitBytes="" if limit_bytes is None else str(limit_bytes),
    )
    asked = _asked("get", resources.POD, namespace, pod, "log")
    return Request(
        "GET", _path(resources.POD, namespace, pod, "log"), asked, query, repeatable=True, longest_line=LONGEST_LOG_LINE
    )


def can(verb: str, resource: Resource, namespace: str = "", *, name: str = "", subresource: str = "") -> Request:
    """Whether we may do that; `namespace` empty: in all namespaces."""
    attributes = {
        "verb": verb,
        "group": resource.group,
        "resource": resource.plural,
        "subresource": subresource,
        "namespace": checked_namespace(namespace) if namespace else "",
        "name": checked_name(name, resource) if name else "",
    }
    review = resources.ACCESS_REVIEW
    body = {
        "apiVersion": review.api_version,
        "kind": review.kind,
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    return Request("POST", _path(review, ""), _asked("create", review, ""), body=body, repeatable=True)


def who() -> Request:
    """Who we are to the API server."""
    review = resources.SELF_REVIEW
    body = {"apiVersion": review.api_version, "kind": review.kind}
    return Request("POST", _path(review, ""), _asked("create", review, ""), body=body, repeatable=True)


def version() -> Request:
    """The version of the API server."""
    return Request("GET", "/version", Asked("get", name="/version"), repeatable=True)


def _path(resource: Resource, namespace: str, name: str | None = None, subresource: str = "") -> str:
    within = f"/namespaces/{checked_namespace(namespace)}" if namespace and resource.namespaced else ""
    if name is not None and resource.namespaced and not namespace:
        raise InvalidName(f"{resource.kind} {name!r}: in which namespace it is has to be said; write one")
    below = "" if name is None else f"/{checked_name(name, resource)}"
    return f"/{resource.prefix}{within}/{resource.plural}{below}{'/' + subresource if subresource else ''}"


def _asked(verb: str, resource: Resource, namespace: str, name: str = "", subresource: str = "") -> Asked:
    return Asked(verb, resource, namespace if resource.namespaced else "", name, subresource)


def _query(**parameters: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in parameters.items() if value)


def _suggestion(name: str) -> str:
    """A name that is near and would do."""
    near = near_label(name)
    return f"; write {near}" if near else ""

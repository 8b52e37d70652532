"""The API server of a sandbox as a client sees it: requests of the SDK, answered from memory.

It refuses what the real one with our schemas, policies and webhook would, and by the same errors.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any

from crontask.api.problem import NO_SUCH_FIELD, Problem
from crontask.api.times import time_of
from crontask.api.validate import validate_run
from crontask.api.validate_object import validate_object
from crontask.client import requests
from crontask.client.answers import Answer, encoded, read
from crontask.client.operations import JsonPatch
from crontask.client.requests import Document, Request
from crontask.decide.readiness import at_in_past
from crontask.ports import ApiError, Kind, ObjectKey
from crontask.simulation.documents import as_stored, has_fields, merge_patch, selected
from crontask.simulation.memory_api import MemoryApi
from crontask.testing.ownership import ConflictError, Manager, Ownership

_OURS = (Kind.CRON_TASK, Kind.SCHEDULED_RUN)
_KINDS = {kind.value: kind for kind in Kind}


class _RefusedError(Exception):
    """What is answered in place of an object."""

    def __init__(self, status: int, reason: str, message: str, causes: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.answer = {"reason": reason, "message": message, "details": {"causes": causes or []}}
        self.status = status


class Server:
    """Answers requests. `now`: what time it is there."""

    def __init__(self, api: MemoryApi, now: Callable[[], datetime]) -> None:
        self._api = api
        self._now = now
        self._owners: dict[str, Ownership] = {}

    def answer(self, request: Request) -> Document:
        """The object that is answered. Raises errors.RequestError, and Unsendable."""
        body = encoded(request)
        if body is not None:
            request = replace(request, body=as_stored(json.loads(body)))
        try:
            return self._answer(request)
        except ApiError as error:
            refused = _RefusedError(error.status, error.reason, error.message)
        except ConflictError as conflict:
            causes = [
                {"reason": "FieldManagerConflict", "field": path, "message": f'conflict with "{owner}"'}
                for path, owner in conflict.fields.items()
            ]
            refused = _RefusedError(409, "Conflict", f"Apply failed with {len(causes)} conflicts", causes)
        except _RefusedError as error:
            refused = error
        return read(request, Answer(refused.status, {}, json.dumps(refused.answer).encode()))

    def _answer(self, request: Request) -> Document:
        asked, query = request.asked, dict(request.query)
        kind = _KINDS.get(asked.resource) if asked.resource is not None else None
        if kind is None:
            what = asked.resource.full_name if asked.resource is not None else asked.name
            raise _RefusedError(404, "NotFound", f"a sandbox has no {what}: it knows tasks, runs and their pods")
        key = ObjectKey(kind, asked.namespace, asked.name)
        if request.method == "GET":
            return self._api.document(key) if asked.name else self._listed(kind, asked.namespace, query)
        if request.method == "DELETE":
            return self._delete(key, request.body or {}, query)
        manager = query.get("fieldManager", "")
        if request.method == "POST":
            return self._create(key, request.body, Manager(manager, applies=False), dry="dryRun" in query)
        if request.content_type == requests.APPLY:
            return self._apply(key, request.body, Manager(manager), query)
        return self._patch(key, request.body, Manager(manager, applies=False), dry="dryRun" in query)

    def _listed(self, kind: Kind, namespace: str, query: dict[str, str]) -> Document:
        items = [
            document
            for document in self._api.documents(kind)
            if namespace in ("", document["metadata"]["namespace"])
            and selected(document, query.get("labelSelector", ""))
            and has_fields(document, query.get("fieldSelector", ""))
        ]
        items.sort(key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"]))
        return {"metadata": {"resourceVersion": str(self._api.version)}, "items": items}

    def _delete(self, key: ObjectKey, options: Document, query: dict[str, str]) -> Document:
        known = self._api.document(key)
        asked = options.get("preconditions") or {}
        if "dryRun" not in query:
            uid, version = asked.get("uid", known["metadata"]["uid"]), asked.get("resourceVersion", "")
            self._api.end(key, uid=uid, version=version, grace_seconds=options.get("gracePeriodSeconds"))
            self._owners.pop(known["metadata"]["uid"], None)
        return known

    def _create(self, key: ObjectKey, body: Document, manager: Manager, *, dry: bool) -> Document:
        self._check(key.kind, _inside(body, key), NO_SUCH_FIELD)
        self._check_time(key.kind, _inside(body, key))
        if dry:
            return body
        if key in self._api:
            raise _RefusedError(409, "AlreadyExists", f"{key.kind.value.full_name} {key.name!r} already exists")
        made = self._api.apply(_inside(body, key))
        self._owners_of(made).updated({}, made, manager)
        return made

    def _apply(self, key: ObjectKey, body: Document, manager: Manager, query: dict[str, str]) -> Document:
        # Only whether there are such fields: what is applied is a part of the whole.
        self._check(key.kind, _inside(body, key), "field not declared in schema", whole=False)
        if key not in self._api:
            made = _inside(body, key)
            self._check(key.kind, made)
            self._check_time(key.kind, made)
            if "dryRun" not in query:
                made = self._api.apply(made)
                self._owners_of(made).applied({}, body, manager, force=True)
            return made
        known = self._api.document(key)
        owners = self._owners_of(known)
        if "dryRun" in query:
            owners = deepcopy(owners)
        wanted = owners.applied(known, body, manager, force=query.get("force") == "true")
        self._check(key.kind, wanted)
        self._check_time(key.kind, wanted, known)
        return wanted if "dryRun" in query else self._api.replace(key, wanted)

    def _patch(self, key: ObjectKey, change: Document | JsonPatch, manager: Manager, *, dry: bool) -> Document:
        known = self._api.document(key)
        wanted = merge_patch(known, change) if isinstance(change, dict) else _replaced(known, change)
        if wanted["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"]:
            raise _RefusedError(409, "Conflict", f"{key.name} has been changed meanwhile")
        self._check(key.kind, wanted, NO_SUCH_FIELD)
        self._check_time(key.kind, wanted, known)
        if dry:
            return wanted
        after = self._api.replace(key, wanted)
        self._owners_of(after).updated(known, after, manager)
        return after

    def _check_time(self, kind: Kind, document: Document, before: Document | None = None) -> None:
        """Refuse a good run whose `at` is before its creation, unless it was so before, as the policy does."""
        spec = document.get("spec") or {}
        if kind is not Kind.SCHEDULED_RUN or (before is not None and before["spec"].get("at") == spec.get("at")):
            return
        parsed, _ = validate_run(spec)
        created = time_of(before["metadata"]["creationTimestamp"]) if before is not None else self._now()
        assert isinstance(created, datetime)
        problem = at_in_past(parsed, created) if parsed is not None else None
        if problem is not None:
            name = document["metadata"].get("name")
            raise _RefusedError(422, "Invalid", f"{kind.kind} {name!r} is invalid: {problem}", _causes([problem]))

    def _owners_of(self, document: Document) -> Ownership:
        return self._owners.setdefault(document["metadata"]["uid"], Ownership())

    def _check(self, kind: Kind, document: Document, unknown: str = "", *, whole: bool = True) -> None:
        """Refuse a bad object. `unknown`: how the API server says that there is no such field; empty: it does not."""
        if kind not in _OURS:
            return
        written = {"apiVersion": document.get("apiVersion"), "kind": kind.kind, "spec": document.get("spec")}
        written["metadata"] = {
            name: value
            for name, value in document["metadata"].items()
            if name in ("name", "namespace", "labels", "annotations")
        }
        problems = validate_object(written, kind.kind, self._now()).problems
        strangers = [problem for problem in problems if problem.message == NO_SUCH_FIELD]
        if strangers and unknown == NO_SUCH_FIELD:
            names = ", ".join(f'unknown field "{problem.path}"' for problem in strangers)
            raise _RefusedError(400, "BadRequest", f"strict decoding error: {names}")
        if strangers and unknown:
            raise _RefusedError(500, "", f".{strangers[0].path}: {unknown}")
        bad = [problem for problem in problems if problem.message != NO_SUCH_FIELD]
        if bad and whole:
            name = document["metadata"].get("name")
            raise _RefusedError(422, "Invalid", f"{kind.kind} {name!r} is invalid: {_said(bad)}", _causes(bad))


def _inside(body: Document, key: ObjectKey) -> Document:
    metadata = {**body["metadata"], "name": key.name or body["metadata"].get("name"), "namespace": key.namespace}
    return {**body, "metadata": metadata}


def _replaced(known: Document, operations: JsonPatch) -> Document:
    """After a JSON patch of replaced values, which is all that the SDK writes."""
    document = deepcopy(known)
    for operation in operations:
        holder: Any = document
        *path, last = operation["path"].strip("/").split("/")
        for part in path:
            holder = holder[part]
        holder[last] = operation["value"]
    return document


def _said(problems: list[Problem]) -> str:
    return "; ".join(map(str, problems))


def _causes(problems: list[Problem]) -> list[dict[str, str]]:
    return [{"field": each.path, "message": str(each), "reason": "FieldValueInvalid"} for each in problems]

"""The API server's word on a manifest, and validate's. One connection, since a test of fields asks a thousand times."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crontask.api.base import API_VERSION
from crontask.api.problem import Problem
from crontask.api.validate import validate_run, validate_task
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import ApiError, Document, Kind, ObjectKey

KINDS = {"CronTask": Kind.CRON_TASK, "ScheduledRun": Kind.SCHEDULED_RUN}


def manifest(kind: str, spec: dict[str, Any], name: str = "t") -> Document:
    """A whole object."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def problems(kind: str, spec: dict[str, Any], name: str = "t") -> tuple[Problem, ...]:
    """What validate says about a spec."""
    return validate_task(spec, f"default/{name}")[1] if kind == "CronTask" else validate_run(spec)[1]


class Admission:
    """Requests to an API server, one after the other, in the namespace `default`."""

    def __init__(self, runner: asyncio.Runner, api: HttpApi) -> None:
        self._runner = runner
        self._api = api

    def refusal(self, kind: str, spec: dict[str, Any], name: str = "t") -> str:
        """Why it would not be created; nothing if it would."""
        try:
            self._create(kind, spec, name, dry_run=True)
        except ApiError as error:
            assert error.status == 422, error
            return error.message
        return ""

    def stored(self, kind: str, spec: dict[str, Any], name: str) -> Document:
        """The spec as it is read back, once created for real. The object is deleted again."""
        self._create(kind, spec, name)
        with self._deleting(kind, name) as document:
            return dict(document["spec"])

    def change_refusal(self, kind: str, spec: dict[str, Any], phase: str, change: dict[str, Any], name: str) -> str:
        """Why an object in that phase may not be changed so; nothing if it may."""
        self._create(kind, spec, name)
        key = ObjectKey(KINDS[kind], "default", name)
        with self._deleting(kind, name):
            if phase:
                self._runner.run(self._api.patch(key, {"status": {"phase": phase}}, subresource="status"))
            try:
                self._runner.run(self._api.patch(key, {"spec": change}))
            except ApiError as error:
                assert error.status == 422, error
                return error.message
        return ""

    def _create(self, kind: str, spec: dict[str, Any], name: str, *, dry_run: bool = False) -> None:
        self._runner.run(self._api.create(KINDS[kind], "default", manifest(kind, spec, name), dry_run=dry_run))

    @contextmanager
    def _deleting(self, kind: str, name: str) -> Iterator[Document]:
        key = ObjectKey(KINDS[kind], "default", name)
        document: Document = json.loads(self._runner.run(self._api.get(key)))
        try:
            yield document
        finally:
            self._runner.run(self._api.delete(key, uid=document["metadata"]["uid"]))


@contextmanager
def admission(kubeconfig: Path) -> Iterator[Admission]:
    """The admission of the API server that the kubeconfig names."""
    with asyncio.Runner() as runner:
        api = runner.run(HttpApi(connect(str(kubeconfig))).__aenter__())
        try:
            yield Admission(runner, api)
        finally:
            runner.run(api.__aexit__(None, None, None))

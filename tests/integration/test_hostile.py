"""Hostile input on a real API server: each case has its message, and none keeps the operator from serving others.

One operator meets all cases: half of them are there before it starts, half come while it watches.
"""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NotRequired, TypedDict

import msgspec
import pytest
from api_server import Processes, until
from bench import PATIENCE
from hostile import Case, played, written_cases
from hostile_drawn import drawn, few

from cluster.control_plane import ControlPlane
from cluster.processes import ClusterError
from crontask.api.base import API_VERSION
from crontask.api.validate import validate_run, validate_task
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import ApiError, Document, Kind, ObjectKey

pytestmark = pytest.mark.long

KINDS = {"CronTask": Kind.CRON_TASK, "ScheduledRun": Kind.SCHEDULED_RUN}
_decode_outline = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


# managedFields are nested as deeply as the spec.
class _Meta(TypedDict):
    name: str
    labels: NotRequired[dict[str, str]]


_decode_meta = msgspec.json.Decoder(_Meta).decode
WRITTEN = written_cases(datetime.now(UTC))
DRAWN = 60
SETTLED_SECONDS = 75
# What has to be there before the operator starts: before a time comes, or before a pod is made.
EARLY = ("taken-", "forged-attempt-open-")
LONGEST_GAP = timedelta(seconds=15 * PATIENCE)
TERMINAL = ("Succeeded", "Partial", "Failed", "TimedOut", "Canceled", "Skipped", "Missed")


def _drawn_cases() -> Iterator[Case]:
    for number, spec in enumerate(drawn(few("CronTask", "spec", 40, 3), DRAWN)):
        yield Case(f"drawn-{number}", "CronTask", {"handler": played(), **spec})
    for number, spec in enumerate(drawn(few("ScheduledRun", "spec", 40, 3), DRAWN)):
        base = {} if "taskRef" in spec else {"handler": played()}
        yield Case(f"drawn-run-{number}", "ScheduledRun", {**base, **spec})
    for number, status in enumerate(drawn(few("CronTask", "status", 60, 3), DRAWN)):
        yield Case(f"drawn-status-{number}", "CronTask", {"handler": played(), "schedule": "0 3 1 1 *"}, status=status)
    for number, status in enumerate(drawn(few("ScheduledRun", "status", 60, 3), DRAWN)):
        yield Case(f"drawn-run-status-{number}", "ScheduledRun", {"handler": played()}, status=status)


OTHERS = tuple(_drawn_cases())
CASES = (*WRITTEN, *OTHERS)


class World:
    """One namespace with all cases in it, what was refused of them, and how the others stand in the end."""

    def __init__(self, control_plane: ControlPlane, namespace: str, api: HttpApi, runner: asyncio.Runner) -> None:
        self.control_plane = control_plane
        self.namespace = namespace
        self._api = api
        self._runner = runner
        # Times to come are those of now, not of when the tests were collected.
        self._fresh = {case.name: case for case in written_cases(datetime.now(UTC))}
        self.refusals: dict[str, str] = {}
        self.objects: dict[tuple[str, str], Document] = {}
        self.events: list[Document] = []
        self.log = ""
        self.exit_code: int | None = None

    def apply(self, cases: list[Case]) -> None:
        """Create the objects, and forge their status."""
        cases = [self._fresh.get(case.name, case) for case in cases]
        self._runner.run(self._apply([case for case in cases if not case.deep]))
        for case in cases:
            if case.deep:
                self._apply_deep(case)

    async def _apply(self, cases: list[Case]) -> None:
        await asyncio.gather(*map(self._apply_one, cases))

    async def _apply_one(self, case: Case) -> None:
        body = {
            "apiVersion": API_VERSION,
            "kind": case.kind,
            "metadata": {"name": case.name, **case.metadata},
            "spec": case.spec,
        }
        try:
            made = json.loads(await self._api.create(KINDS[case.kind], self.namespace, body))
            if case.status:
                key = ObjectKey(KINDS[case.kind], self.namespace, made["metadata"]["name"])
                await self._api.patch(key, {"status": case.status}, subresource="status")
        except ApiError as error:
            self.refusals[case.name] = error.message

    def _apply_deep(self, case: Case) -> None:
        """As text: Python writes no such object."""
        spec = json.dumps({**case.spec, "args": {"a": "DEEP"}}).replace('"DEEP"', "[" * case.deep + "]" * case.deep)
        meta = json.dumps({"name": case.name})
        body = f'{{"apiVersion":"{API_VERSION}","kind":"{case.kind}","metadata":{meta},"spec":{spec}}}'
        try:
            self.control_plane.kubectl("-n", self.namespace, "create", "--validate=false", "-f", "-", stdin=body)
        except ClusterError as error:
            self.refusals[case.name] = str(error)

    def look(self) -> None:
        """Read everything that is in the namespace."""
        for name, kind in KINDS.items():
            for document in self._runner.run(self._listed(kind)):
                self.objects[name, document["metadata"]["name"]] = {"status": {}, **document}
        self.events = [event for event in self._runner.run(self._listed(Kind.EVENT)) if event.get("reason")]

    async def _listed(self, kind: Kind) -> list[Document]:
        found, token = [], ""
        while True:
            page = await self._api.list_page(kind, namespace=self.namespace, continue_token=token)
            parts = [_decode_outline(raw) for raw in page.items]
            found += [
                {name: json.loads(bytes(part)) for name, part in outline.items() if name not in ("spec", "metadata")}
                | {"metadata": _decode_meta(outline["metadata"])}
                for outline in parts
            ]
            token = page.continue_token
            if not token:
                return found

    def lack(self, case: Case) -> str:
        """What the case still lacks, in words; nothing once it has all."""
        case = self._fresh.get(case.name, case)
        refusal = self.refusals.get(case.name)
        if refusal is not None or case.refused:
            return "" if case.refused and case.refused in (refusal or "") else f"refused: {refusal}"
        status = self.objects.get((case.kind, case.object_name), {}).get("status", {})
        said = self.said_of_task(status) if case.kind == "CronTask" else self.said_of_run(status)
        wanted = case.ready or case.phase
        if wanted and not (said.startswith(f"{wanted}: ") and case.words in said):
            return f"says {said[:400]!r}, not {wanted}: {case.words!r}"
        if case.fires and not any(
            run["metadata"].get("labels", {}).get("crontask.dev/task") == case.object_name for run in self.ended_runs()
        ):
            return "starts no run"
        told = {
            event["reason"]
            for event in self.events
            if case.object_name in event["involvedObject"]["name"] or case.name.startswith("start-")
        }
        return "" if not case.event or case.event in told else f"no event {case.event}: {told}"

    def ended_runs(self) -> list[Document]:
        return [
            o
            for (kind, _), o in self.objects.items()
            if kind == "ScheduledRun" and o["status"].get("phase") in TERMINAL
        ]

    @staticmethod
    def said_of_task(status: Document) -> str:
        conditions = {c["type"]: c for c in status.get("conditions", [])}
        ready = conditions.get("Ready", {})
        return f"{ready.get('status')}: {ready.get('reason')} {ready.get('message')}"

    @staticmethod
    def said_of_run(status: Document) -> str:
        return f"{status.get('phase')}: {status.get('message')}"

    def lacking(self) -> list[str]:
        self.look()
        lacks = [f"{case.name}: {words}" for case in WRITTEN if (words := self.lack(case))]
        return lacks + [case.name for case in OTHERS if case.name not in self.refusals and not self.is_told(case)]

    def is_told(self, case: Case) -> bool:
        """Whether the operator says what it makes of a drawn case that was taken."""
        status = self.objects[case.kind, case.name]["status"]
        if case.kind == "CronTask":
            problems = validate_task(case.spec, f"hostile/{case.name}")[1]
            wanted = ("False: InvalidSpec spec",) if problems else ("True: ", "False: PodRejected")
            return self.said_of_task(status).startswith(wanted)
        problems = validate_run(case.spec)[1]
        phase = status.get("phase")
        fits = phase == "Failed" if problems and not case.status else bool(phase)
        return fits and (phase != "Failed" or bool(status.get("message") or case.status))

    def starts_of_witness(self) -> int:
        self.look()
        return int(self.objects["CronTask", "witness"]["status"].get("scheduledCount", 0))


@pytest.fixture(scope="module")
def world(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The namespace in the end."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    control_plane.kubectl("create", "namespace", "hostile")
    early = [case for number, case in enumerate(CASES) if number % 2 or case.name.startswith(EARLY)]
    # As the operator does: an API server reads JSON of up to 10,000 levels.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(12_000)
    processes = Processes(control_plane.kubeconfig, folder)
    with asyncio.Runner() as runner:
        api = runner.run(HttpApi(connect(str(control_plane.kubeconfig)), 16).__aenter__())
        made = World(control_plane, "hostile", api, runner)
        try:
            made.apply(
                [Case("witness", "CronTask", {"interval": "1s", "handler": played(), "history": {"succeeded": 500}})]
            )
            made.apply(early)
            processes.kubelet()
            operator = processes.operator()
            until("the operator leads", made.starts_of_witness)
            made.apply([case for case in CASES if case not in early])
            # What a case lacks in the end is its own test's to say.
            with suppress(pytest.fail.Exception):
                until("each case has its message", lambda: not made.lacking(), SETTLED_SECONDS)
            before = made.starts_of_witness()
            until("the witness goes on", lambda: made.starts_of_witness() >= before + 3)
            made.exit_code = operator.poll()
            made.log = next(folder.glob("crontask.cli.main-*.log")).read_text(errors="replace")
            yield made
        finally:
            processes.stop()
            sys.setrecursionlimit(limit)
            runner.run(api.__aexit__(None, None, None))
            # The informers of other tests are no operator's: they would not read what is nested so deeply.
            for plural in ("scheduledruns", "crontasks"):
                control_plane.kubectl("delete", "--raw", f"/apis/crontask.dev/v1alpha1/namespaces/hostile/{plural}")


def test_there_are_many_cases(capsys: pytest.CaptureFixture[str]) -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    with capsys.disabled():
        print(f"\nhostile cases: {len(WRITTEN)} written, {len(OTHERS)} drawn")
    assert len(WRITTEN) >= 300


@pytest.mark.parametrize("case", WRITTEN, ids=lambda case: case.name)
def test_it_has_its_message(world: World, case: Case) -> None:
    assert world.lack(case) == ""


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.name)
def test_what_is_drawn_is_refused_or_taken_with_a_word(world: World, case: Case) -> None:
    """Whatever it is: the refusal names the place, or the operator says what it makes of it."""
    refusal = world.refusals.get(case.name)
    if refusal is not None:
        assert re.search(r"\b(spec|status)\b", refusal), refusal
        return
    assert world.is_told(case), world.objects[case.kind, case.name]["status"]


def test_the_operator_lives_and_no_decision_is_at_fault(world: World) -> None:
    assert world.exit_code is None
    faults = [
        line
        for line in world.log.splitlines()
        if "a fault of crontask" in line or " cannot be read: b" in line or "do not settle" in line
    ]
    assert faults == []


def test_a_healthy_task_was_served_all_along(world: World) -> None:
    runs = [run for (_, name), run in world.objects.items() if name.startswith("witness-")]
    assert {run["status"].get("phase") for run in runs} <= {"Succeeded", "Running", None}
    times = sorted(datetime.fromisoformat(run["status"]["scheduledTime"]) for run in runs if run["status"])
    assert len(times) >= 10
    assert max(after - before for before, after in pairwise(times)) < LONGEST_GAP
    assert world.objects["CronTask", "witness"]["status"]["counts"]["failed"] == 0

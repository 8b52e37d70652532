"""`crontask convert --switch` and `--back`: from a CronJob in the cluster to its CronTask, and back.

Where it stands is in annotations of both objects, each written together with what it says. Each step looks at what
there is, so that one that was killed anywhere is run again and goes on: names are made of UIDs and nominal times, and
creating the same twice is a conflict.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson

from crontask.api.base import API_VERSION, format_time
from crontask.api.names import follow_up_name
from crontask.api.phases import TERMINAL, RunPhase
from crontask.api.resources import CRON_JOB, CRON_TASK, JOB, SCHEDULED_RUN
from crontask.cli.conversion.managed import manager_of
from crontask.cli.switch_advice import Advice
from crontask.client import Cluster, errors
from crontask.engine.parse import parse_task

STATE = "crontask.dev/switch"
"""Of a CronJob: whether it was suspended before, and whether the switch has been done."""
SWITCHED_FROM = "crontask.dev/switched-from"
"""Of a CronTask: the CronJob's UID, its last time, whether it was suspended, whether the gap is filled."""
BACK = "crontask.dev/switch-back"
"""Of a CronTask: the CronJob to make anew. Of that CronJob: the UID of the task."""
MANAGER = "crontask"
SETTLED = timedelta(seconds=10)
"""So long no Job may have come until none will: what the controller had decided before it knew of the suspension."""
MOST_IN_GAP = 100
_PAUSE = 0.5
_TRIES = 5
_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_ENDED = ("Complete", "Failed")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# What else is to be done where it was removed since nobody could read it.
_WITHOUT = {
    STATE: "set spec.suspend to what it was before the switch, and run this again",
    SWITCHED_FROM: "and go on as with a CronTask that was made by hand",
    BACK: "and run this again",
}
_SHOWN = 5
Document = dict[str, Any]
T = TypeVar("T")


class StoppedError(Exception):
    """It does not go on: why, and what to do. `waited`: what it waited for has not come in time."""

    def __init__(self, message: str, *, waited: bool = False) -> None:
        super().__init__(message)
        self.waited = waited


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch of one CronJob. `convert`: what it becomes; `say`: where what is done is reported."""

    cluster: Cluster
    name: str
    convert: Callable[[Document], Document]
    say: Callable[[str], None]
    drain: timedelta
    gap: str = "latest"
    force: bool = False
    settled: timedelta = SETTLED

    def forward(self) -> None:
        """From the CronJob to its CronTask. Raises StoppedError, and what the client raises."""
        cronjob = self.cluster.get(CRON_JOB, self.name)
        uid = cronjob["metadata"]["uid"]
        state = self._annotation(cronjob, STATE)
        # What can be refused is refused before anything is changed.
        wanted = self.convert(_as_before(cronjob, state))
        self._refuse_task_of_others(wanted["metadata"]["name"], uid)
        if state is not None and state.get("done"):
            self.say(f"CronJob {self.name} has been switched to CronTask {wanted['metadata']['name']} before")
            return
        self._refuse_managed(cronjob)
        state = self._suspend(cronjob)
        self._settle(uid)
        self._drain(uid)
        task = self._create(wanted, uid, bool(state["suspended"]))
        self._fill_gap(task)
        self._patch_annotation(CRON_JOB, self.name, STATE, {**state, "done": True})
        self.say(f"CronTask {task['metadata']['name']} has taken over; CronJob {self.name} stays, suspended")

    def backward(self, task_name: str) -> None:
        """From the CronTask to a CronJob made anew. Raises StoppedError, and what the client raises."""
        task = self.cluster.get(CRON_TASK, task_name)
        origin = self._annotation(task, SWITCHED_FROM)
        if origin is None:
            raise StoppedError(self._advice.not_switched(task_name))
        made = self._annotation(task, BACK)
        if made is None:
            made = self._suspend_task(task, origin)
        self._drain_runs(task_name)
        self._replace(made, origin["uid"], task)
        self._patch_annotation(CRON_TASK, task_name, SWITCHED_FROM, {**origin, "back": True})
        self.say(f"CronJob {self.name} has taken over again; CronTask {task_name} stays, suspended")

    @property
    def _advice(self) -> Advice:
        return Advice(self.cluster.namespace, self.name)

    def _refuse_managed(self, document: Document, *, back: bool = False) -> None:
        manager = manager_of(document)
        if manager is not None and not self.force:
            raise StoppedError(self._advice.managed(manager, back=back))

    def _refuse_task_of_others(self, name: str, uid: str) -> None:
        try:
            task = self.cluster.get(CRON_TASK, name)
        except errors.NotFound:
            return
        self._check_ours(task, uid)

    def _check_ours(self, task: Document, uid: str, *, suspended: bool = False) -> None:
        """Raises StoppedError for the CronTask of somebody else. `suspended`: the CronJob is so by now."""
        origin = self._annotation(task, SWITCHED_FROM) or {}
        if origin.get("uid") != uid:
            name, taken_back = task["metadata"]["name"], bool(origin.get("back"))
            raise StoppedError(self._advice.task_of_others(name, taken_back=taken_back, suspended=suspended))

    def _suspend(self, cronjob: Document) -> Document:
        """Suspend the CronJob, and with it record whether it was."""
        for _ in range(_TRIES):
            suspended, known = bool(cronjob["spec"].get("suspend")), self._annotation(cronjob, STATE)
            if known is not None and suspended:
                return known
            state = known or {"suspended": suspended}
            change = _annotated(STATE, state, cronjob["metadata"]["resourceVersion"])
            try:
                self.cluster.patch(CRON_JOB, self.name, {**change, "spec": {"suspend": True}}, manager=MANAGER)
            except errors.Conflict:
                # Its status was written.
                cronjob = self.cluster.get(CRON_JOB, self.name)
                continue
            self.say(f"CronJob {self.name} is suspended")
            return state
        raise StoppedError(self._advice.written_too_often("CronJob", self.name), waited=True)

    def _settle(self, uid: str) -> None:
        known, since = self._jobs(uid).keys(), time.monotonic()
        while time.monotonic() - since < self.settled.total_seconds():
            time.sleep(_PAUSE)
            now = self._jobs(uid).keys()
            if now - known:
                since = time.monotonic()
            known = now

    def _drain(self, uid: str) -> None:
        def running() -> list[str]:
            return sorted(job["metadata"]["name"] for job in self._jobs(uid).values() if not _has_ended(job))

        self._wait_until_ended(running, "Jobs")

    def _wait_until_ended(self, running: Callable[[], list[str]], what: str) -> None:
        self._wait_while(
            running,
            lambda names: f"waiting for {what} to end: {', '.join(names[:_SHOWN])}",
            lambda names: self._advice.still_run(what, names[:_SHOWN]),
        )

    def _wait_while(self, there: Callable[[], T], waiting: Callable[[T], str], too_long: Callable[[T], str]) -> None:
        """Raises StoppedError where that is there for longer than there is patience."""
        end, said = time.monotonic() + self.drain.total_seconds(), False
        while found := there():
            if time.monotonic() >= end:
                raise StoppedError(too_long(found), waited=True)
            if not said:
                self.say(waiting(found))
                said = True
            time.sleep(_PAUSE)

    def _create(self, wanted: Document, uid: str, suspended: bool) -> Document:
        """The CronTask, made here or by one that was killed afterwards."""
        origin = {"uid": uid, "last": self._last_time(uid), "suspended": suspended}
        metadata = {**wanted["metadata"]}
        metadata["annotations"] = {**metadata.get("annotations", {}), SWITCHED_FROM: json.dumps(origin)}
        try:
            task = self.cluster.create(CRON_TASK, {**wanted, "metadata": metadata}, manager=MANAGER)
        except errors.AlreadyExists:
            task = self.cluster.get(CRON_TASK, metadata["name"])
            self._check_ours(task, uid, suspended=True)
            return task
        self.say(f"CronTask {metadata['name']} is made")
        return task

    def _last_time(self, uid: str) -> str:
        """The last nominal time for which there was a Job; when the CronJob was made, if there was none."""
        cronjob = self.cluster.get(CRON_JOB, self.name)
        found = [job["metadata"].get("annotations", {}).get(_SCHEDULED) for job in self._jobs(uid).values()]
        found.append((cronjob.get("status") or {}).get("lastScheduleTime"))
        instants = [datetime.fromisoformat(text) for text in found if text]
        return format_time(max(instants)) if instants else str(cronjob["metadata"]["creationTimestamp"])

    def _fill_gap(self, task: Document) -> None:
        """Runs for the times between the CronJob's last Job and the CronTask's creation, which it does not start."""
        origin = self._annotation(task, SWITCHED_FROM) or {}
        if origin.get("filled") or origin["suspended"]:
            return
        name = task["metadata"]["name"]
        created = datetime.fromisoformat(task["metadata"]["creationTimestamp"])
        times = list(gap_times(task, datetime.fromisoformat(origin["last"]), created))
        chosen = {"none": [], "latest": times[-1:], "all": times}[self.gap]
        for nominal in times:
            made = nominal in chosen
            self.say(f"{format_time(nominal)} passed in between: {'made up for' if made else 'not made up for'}")
        for nominal in chosen:
            self._run_for(name, nominal, origin["uid"])
        self._patch_annotation(CRON_TASK, name, SWITCHED_FROM, {**origin, "filled": True})

    def _run_for(self, name: str, nominal: datetime, uid: str) -> None:
        key = f"switch/{uid}/{format_time(nominal)}"
        body = {
            "apiVersion": API_VERSION,
            "kind": SCHEDULED_RUN.kind,
            "metadata": {"name": follow_up_name(name, key)},
            "spec": {"taskRef": {"name": name}, "scheduledTime": format_time(nominal), "idempotencyKey": key},
        }
        try:
            self.cluster.create(SCHEDULED_RUN, body, manager=MANAGER)
        except errors.AlreadyExists:
            self.say(f"the run for {format_time(nominal)} has been made before")

    def _suspend_task(self, task: Document, origin: Document) -> Document:
        """Suspend the CronTask, and with it record what is to be made."""
        cronjob = self.cluster.get(CRON_JOB, self.name)
        if cronjob["metadata"]["uid"] != origin["uid"]:
            raise StoppedError(self._advice.another(task["metadata"]["name"]))
        self._refuse_managed(cronjob, back=True)
        made = _copy(cronjob, bool(origin["suspended"]), task["metadata"]["uid"])
        reason = f"CronJob {self.name} takes over again"
        change = _annotated(BACK, made, task["metadata"]["resourceVersion"])
        for _ in range(_TRIES):
            try:
                spec = {"suspend": True, "suspendReason": reason}
                self.cluster.patch(CRON_TASK, task["metadata"]["name"], {**change, "spec": spec}, manager=MANAGER)
            except errors.Conflict:
                task = self.cluster.get(CRON_TASK, task["metadata"]["name"])
                change = _annotated(BACK, made, task["metadata"]["resourceVersion"])
                continue
            self.say(f"CronTask {task['metadata']['name']} is suspended")
            return made
        raise StoppedError(self._advice.written_too_often("CronTask", task["metadata"]["name"]), waited=True)

    def _drain_runs(self, name: str) -> None:
        def unseen() -> bool:
            status = self.cluster.get(CRON_TASK, name).get("status") or {}
            # Until the operator has seen it, it may start one more.
            return status.get("phase") != "Suspended"

        def running() -> list[str]:
            runs = self.cluster.list(SCHEDULED_RUN)["items"]
            return [run["metadata"]["name"] for run in runs if _is_open(run, name)]

        self._wait_while(
            unseen,
            lambda there: f"waiting for an operator to see that CronTask {name} is suspended",
            lambda there: self._advice.unseen(name),
        )
        self._wait_until_ended(running, "runs")

    def _replace(self, made: Document, old_uid: str, task: Document) -> None:
        """A CronJob that is resumed would start a time that has run: it is made anew, and begins with what comes."""
        if self._old_is_there(old_uid, task):
            self.cluster.delete(CRON_JOB, self.name, uid=old_uid, propagation="Background")
            self._wait_while(
                lambda: self._old_is_there(old_uid, task),
                lambda there: f"waiting for CronJob {self.name} to be gone",
                lambda there: self._advice.not_gone(),
            )
        try:
            self.cluster.create(CRON_JOB, made, manager=MANAGER)
        except errors.AlreadyExists:
            self._old_is_there(old_uid, task)
        else:
            self.say(f"CronJob {self.name} is made anew")

    def _old_is_there(self, old_uid: str, task: Document) -> bool:
        try:
            cronjob = self.cluster.get(CRON_JOB, self.name)
        except errors.NotFound:
            return False
        if cronjob["metadata"]["uid"] == old_uid:
            return True
        if self._annotation(cronjob, BACK) != {"task": task["metadata"]["uid"]}:
            raise StoppedError(self._advice.another(task["metadata"]["name"]))
        return False

    def _annotation(self, document: Document, key: str) -> Document | None:
        """What is recorded there. Raises StoppedError for what somebody has mangled."""
        text = (document["metadata"].get("annotations") or {}).get(key)
        if text is None:
            return None
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise StoppedError(self._advice.unreadable(document, key, _WITHOUT[key]))
        return value

    def _jobs(self, uid: str) -> dict[str, Document]:
        jobs = self.cluster.list(JOB)["items"]
        return {
            job["metadata"]["uid"]: job
            for job in jobs
            if any(owner["uid"] == uid for owner in job["metadata"].get("ownerReferences") or ())
        }

    def _patch_annotation(self, kind: Any, name: str, key: str, value: Document) -> None:
        self.cluster.patch(kind, name, _annotated(key, value), manager=MANAGER)


def gap_times(task: Document, after: datetime, until: datetime) -> Iterator[datetime]:
    """The nominal times of a task in (after, until], the latest of them if they are many."""
    timetable = parse_task(orjson.dumps(task), lambda meta: None).timetable
    found: list[datetime] = []
    at: datetime | None = until
    while len(found) < MOST_IN_GAP and at is not None:
        at = timetable.previous_at_or_before(at)
        if at is None or at <= after:
            break
        found.append(at)
        at -= timedelta(seconds=1)
    yield from reversed(found)


def _as_before(cronjob: Document, state: Document | None) -> Document:
    """The CronJob as it was before a switch suspended it."""
    suspended = bool(cronjob["spec"].get("suspend")) if state is None else bool(state["suspended"])
    metadata = {**cronjob["metadata"], "annotations": _without_ours(cronjob["metadata"].get("annotations") or {})}
    return {**cronjob, "metadata": metadata, "spec": {**cronjob["spec"], "suspend": suspended}}


def _without_ours(annotations: Document) -> Document:
    return {key: value for key, value in annotations.items() if key not in (STATE, BACK, _LAST_APPLIED)}


def _copy(cronjob: Document, suspended: bool, task_uid: str) -> Document:
    metadata = cronjob["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
    annotations = {**_without_ours(metadata.get("annotations") or {}), BACK: json.dumps({"task": task_uid})}
    return {
        "apiVersion": cronjob["apiVersion"],
        "kind": cronjob["kind"],
        "metadata": {**kept, "annotations": annotations},
        "spec": {**cronjob["spec"], "suspend": suspended},
    }


def _annotated(key: str, value: Document, version: str = "") -> Document:
    metadata: Document = {"annotations": {key: json.dumps(value)}}
    if version:
        metadata["resourceVersion"] = version
    return {"metadata": metadata}


def _has_ended(job: Document) -> bool:
    conditions: Iterable[Document] = (job.get("status") or {}).get("conditions") or ()
    return any(each["type"] in _ENDED and each["status"] == "True" for each in conditions)


def _is_open(run: Document, task: str) -> bool:
    """Whether a run of the task has yet to end. One that somebody has put off is not waited for."""
    spec, phase = run["spec"], (run.get("status") or {}).get("phase") or RunPhase.PENDING
    if (spec.get("taskRef") or {}).get("name") != task or phase in TERMINAL:
        return False
    at = spec.get("at")
    return at is None or datetime.fromisoformat(at) <= datetime.now(UTC)

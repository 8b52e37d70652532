"""Everything that changes, written down as it happens, and what must never happen (safety)."""

import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chaos.batches import Batches
from chaos.decided import check_decided
from chaos.network import Landed, Sent
from chaos.pods import has_ended, owner_of, was_stopped
from chaos.record import TERMINAL, RunRecord, is_refused_rerun, stopped_by_a_limit
from chaos.reruns import Reruns
from chaos.timings import Timings
from chaos.workflows import Workflows
from crontask.api.names import (
    ANNOTATION_STOP_REQUESTED_AT,
    ANNOTATION_STOPPED,
    LABEL_RUN,
    LABEL_TASK,
    follow_up_name,
)
from crontask.api.times import parse_duration
from crontask.ports import ApiError, Document, Kind, ObjectKey
from crontask.simulation.batches import batches_in
from crontask.simulation.virtual_time import VirtualClock

# Of an attempt whose pod was stopped.
STOPPED = ("Canceled", "TimedOut", "StartTimeout", "TotalTimeout", "Paused")
# A kubelet has so long to stop a pod: the grace period that all have here, and half a minute.
_STOPS_WITHIN = timedelta(seconds=60)
_FINISHED = ("Succeeded", "Partial", "Failed", "TimedOut", "Canceled")
_COUNTS_AS = {
    "Succeeded": ("Succeeded", "Partial"),
    "Failed": ("Failed", "TimedOut"),
    "Finished": _FINISHED,
}


class Ledger:
    """Watches the API server. `violations`: what must not have happened; `trace`: everything, to read."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.violations: list[str] = []
        self.trace: list[str] = []
        self.runs: dict[str, RunRecord] = {}
        self.tasks: dict[str, Document] = {}
        self.pods: dict[str, Document] = {}
        self.made: set[tuple[str, str]] = set()
        # By the task's name.
        self.timings: defaultdict[str, Timings] = defaultdict(lambda: Timings(self._violate_timing))
        self.touched: set[str] = set()
        self.tolerance = timedelta(0)
        self.idle_writes: Counter[str] = Counter()
        # By the run's UID, its pods that the world took away.
        self.lost: defaultdict[str, set[str]] = defaultdict(set)
        self._workflows = Workflows(self.violate, clock.now)
        self._batches = Batches(self.violate)
        self._reruns = Reruns(self.violate)
        self._sender: Sent | None = None
        self._changed = False
        self._late_pods: set[str] = set()
        # By the pod's UID, when its kubelet was asked to stop it.
        self._asked: dict[str, datetime] = {}
        self._pod_names: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    # --- who ---------------------------------------------------------------------------------------------------------

    def landing(self, sent: Sent) -> Landed:
        """A write of an operator lands now; what is returned says that it has."""
        if sent.verb.endswith("without a lease"):
            self.violate(f"{sent.sender}: {sent.verb}: {sent.key.kind.kind} {sent.key.name}")
            return lambda taken: None
        self._sender, self._changed = sent, False

        def landed(taken: bool) -> None:
            if (
                taken
                and sent.verb in ("patch", "update")
                and not self._changed
                and sent.key.kind in (Kind.CRON_TASK, Kind.SCHEDULED_RUN)
            ):
                self.idle_writes[sent.key.name] += 1
                self.say(f"{sent.sender} wrote {sent.key.name} without a change: {sent.body}")
            self._sender = None

        return landed

    def say(self, words: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self._clock.now():%H:%M:%S.%f} {words}"[:240])

    def violate(self, words: str) -> None:
        """Something happened that must not."""
        self.violations.append(words)
        self.say(f"VIOLATION {words}")

    def _violate_timing(self, words: str) -> None:
        """By a clock that goes wrong, something else was seen, and at another time."""
        if not self.tolerance:
            self.violate(words)

    @property
    def _actor(self) -> str:
        return self._sender.sender if self._sender is not None else "-"

    # --- what --------------------------------------------------------------------------------------------------------

    def observe(self, kind: Kind, before: Document | None, after: Document | None) -> None:
        """A change of the API server's state. What cannot be judged is wrong too: what is raised here, nobody sees."""
        self._changed = True
        try:
            self._see(kind, before, after)
        except Exception as error:  # noqa: BLE001 - whoever writes would be told, and knows nothing of being judged
            self.violate(f"a {kind.kind} cannot be judged: {error!r} at {_where(error)}")

    def _see(self, kind: Kind, before: Document | None, after: Document | None) -> None:
        if kind is Kind.CRON_TASK:
            self._see_task(before, after)
        elif kind is Kind.SCHEDULED_RUN:
            self._see_run(before, after)
        elif kind is Kind.POD:
            self._see_pod(before, after)

    def _see_task(self, before: Document | None, after: Document | None) -> None:
        if after is None:
            assert before is not None
            self.tasks.pop(before["metadata"]["name"], None)
            self.say(f"{self._actor} task {before['metadata']['name']} is gone")
            return
        name = after["metadata"]["name"]
        self.tasks[name] = after
        self.timings[name].see(self._actor, before, after, self._clock.now())
        old, new = (before or {}).get("status") or {}, after.get("status") or {}
        if before is None or before["spec"] != after["spec"]:
            self.say(f"{self._actor} task {name} {'applied' if before is None else 'edited'} {after['spec']}")
        watermark, was = new.get("lastScheduledTime"), old.get("lastScheduledTime")
        if was is not None and (watermark is None or watermark < was):
            self.violate(f"the watermark of {name} goes back from {was} to {watermark}")
        if new.get("decided") != old.get("decided"):
            self._check_decided(name, new)
        if watermark != was:
            self.say(f"{self._actor} task {name} watermark {watermark} counts {new.get('counts')}")
        for outcome, count in (old.get("counts") or {}).items():
            if (new.get("counts") or {}).get(outcome, 0) < count:
                self.violate(f"the count of {outcome} of {name} goes back from {count}")

    def _check_decided(self, name: str, status: Document) -> None:
        self.say(f"{self._actor} task {name} decided {status.get('decided')} since {status.get('decidedSince')}")
        timings = self.timings[name] if name not in self.touched else None
        for wrong in check_decided(name, status, timings, self.runs_of(self.tasks[name])):
            self.violate(wrong)

    def runs_of(self, task: Document) -> Iterator[RunRecord]:
        """The runs that a task has had, and that people have made for it; parts of backfills belong to their parent."""
        uid, name = task["metadata"]["uid"], task["metadata"]["name"]
        for record in self.runs.values():
            if record.task != name:
                continue
            owners = [owner["uid"] for owner in record.document["metadata"].get("ownerReferences", ())]
            makes_up = (record.document["spec"].get("parent") or {}).get("backfill")
            if not owners or uid in owners or makes_up:
                yield record

    def _see_run(self, before: Document | None, after: Document | None) -> None:
        document = after or before
        assert document is not None
        self._workflows.see_run(before, after)
        self._batches.see_run(before, after)
        self._reruns.see_run(before, after)
        uid = document["metadata"]["uid"]
        if before is None:
            task = (document["spec"].get("taskRef") or {}).get("name", "")
            self.runs[uid] = RunRecord(document, task)
            self.made.add((document["metadata"]["name"], "run"))
            self.say(f"{self._actor} run {document['metadata']['name']} created")
            return
        record = self.runs[uid]
        if after is None:
            self._run_gone(record, document)
            return
        record.document = after
        status = after.get("status") or {}
        record.attempts |= {attempt["number"] for attempt in status.get("attempts", ())}
        phase = status.get("phase")
        if phase != record.phase:
            self.say(f"{self._actor} run {record.name} {record.phase} -> {phase} {status.get('message') or ''}")
            if record.phase in TERMINAL:
                self.violate(f"run {record.name} was {record.phase} and is {phase}")
            record.phase, record.changed_at = phase, self._clock.now()
            if phase in TERMINAL:
                record.ended_at = self._clock.now()
                self._check_follow_ups(record, status)
        self._check_stopped(record, status)

    def _run_gone(self, record: RunRecord, last: Document) -> None:
        record.deleted_by, record.deleted_at = self._actor, self._clock.now()
        self.say(f"{self._actor} run {record.name} is gone ({record.phase})")
        if self._sender is None or self._sender.verb != "delete":
            self.touched.add(record.task)
            return
        if record.only_pre_created:
            return
        if record.phase not in TERMINAL:
            self.violate(f"{self._actor} removed run {record.name}, which had not ended ({record.phase})")
            return
        task = self.tasks.get(record.task)
        if task is None:
            return
        counted = (task.get("status") or {}).get("counted") or {}
        ends = [
            c["lastTransitionTime"] for c in last["status"].get("conditions", ()) if c["type"] in ("Complete", "Failed")
        ]
        if record.name not in counted.get("runs", ()) and not (ends and ends[0] <= counted.get("through", "")):
            self.violate(f"{self._actor} removed run {record.name} before it was counted")

    def _check_follow_ups(self, record: RunRecord, status: Document) -> None:
        """What an end causes exists before the end is told."""
        uid, phase = record.document["metadata"]["uid"], status["phase"]
        asked = record.spec.get("onComplete")
        if asked is not None and phase in _FINISHED:
            name = follow_up_name(asked["taskRef"]["name"], f"{uid}/onComplete")
            if (name, "run") not in self.made:
                self.violate(f"run {record.name} is {phase}, and its onComplete does not exist")
        if is_refused_rerun(record.spec, status):
            return
        for task in self.tasks.values():
            after = task["spec"].get("after")
            name = task["metadata"]["name"]
            if after is None or after["task"] != record.task or name in self.touched:
                continue
            if self.timings[name].may_be_paused(self._clock.now()):
                continue
            seen = (task.get("status") or {}).get("timing", {}).get("since")
            wanted = phase in _COUNTS_AS[after["on"]] and seen is not None and status["completionTime"] > seen
            if wanted and (follow_up_name(name, uid), "run") not in self.made:
                self.violate(f"run {record.name} is {phase}, and {name} does not follow")

    def _check_stopped(self, record: RunRecord, status: Document) -> None:
        """A pod that was stopped has stopped when that is told, and is not told of as lost, or as failed by itself."""
        attempts = {attempt["pod"]: attempt for attempt in status.get("attempts", ()) if "completionTime" in attempt}
        uid = record.document["metadata"]["uid"]
        for pod_uid, pod in self.pods.items():
            attempt = attempts.get(pod["metadata"]["name"])
            if attempt is None or owner_of(pod) != uid or pod_uid in self._late_pods:
                continue
            reason, name = attempt.get("reason"), pod["metadata"]["name"]
            if reason in STOPPED and not has_ended(pod):
                self.violate(f"run {record.name} tells of pod {name} as {reason}, and it runs")
            # One that does several batches ends by itself then, once the one under way has.
            if was_stopped(pod) and reason not in STOPPED and batches_in(pod) is None:
                self.violate(f"run {record.name} tells of pod {name} as {reason}, and it was stopped")

    def refused(self, key: ObjectKey, error: ApiError) -> None:
        """The API server refuses a creation of the operator whose write is landing."""
        if key.kind is Kind.SCHEDULED_RUN:
            self._workflows.see_refused(key.name)
        if key.kind is not Kind.POD or error.status != 403 or self._sender is None or self._sender.late:
            return
        name = key.name.rpartition("-")[0]
        for record in self.runs.values():
            if record.name == name and record.deleted_by is None:
                record.refused_by = self._sender.sender

    # --- pods --------------------------------------------------------------------------------------------------------

    def _see_pod(self, before: Document | None, after: Document | None) -> None:
        document = after or before
        assert document is not None
        uid, name = document["metadata"]["uid"], document["metadata"]["name"]
        record = self.runs.get(owner_of(document))
        if record is not None:
            record.changed_at = self._clock.now()
        self._check_deletion(before, after)
        if after is None:
            self.pods.pop(uid, None)
            if record is not None:
                self._batches.see_gone(record.document, document)
            self.say(f"{self._actor} pod {name} is gone")
            return
        if before is None:
            self._pod_created(uid, after)
        self.pods[uid] = after
        if record is not None:
            self._batches.see_end(record.document, after)
        annotations = after["metadata"].get("annotations", {})
        if ANNOTATION_STOPPED in annotations and uid not in self._asked:
            # What was asked then may be long on its way.
            at = annotations.get(ANNOTATION_STOP_REQUESTED_AT)
            self._asked[uid] = datetime.fromisoformat(at) if at is not None else self._clock.now()
            self.say(f"{self._actor} pod {name} is to be stopped")
        if before is not None and has_ended(after) and not has_ended(before):
            status = after["status"]
            self.say(f"- pod {name} ended {status['phase']} {status.get('reason') or ''}")

    def _check_deletion(self, before: Document | None, after: Document | None) -> None:
        """A pod with a log is deleted only where its kubelet did not stop it."""
        sent = self._sender
        if sent is None or sent.verb != "delete" or sent.key.kind is not Kind.POD or before is None or self.tolerance:
            return
        deleted = after is None or "deletionTimestamp" in after["metadata"]
        if not deleted or "deletionTimestamp" in before["metadata"] or not before["status"].get("containerStatuses"):
            return
        asked = self._asked.get(before["metadata"]["uid"])
        if asked is None or self._clock.now() - asked < _STOPS_WITHIN - timedelta(seconds=1):
            self.violate(f"{self._actor} deleted pod {before['metadata']['name']}, and its log")

    def _pod_created(self, uid: str, pod: Document) -> None:
        name = pod["metadata"]["name"]
        self.say(f"{self._actor} pod {name} created")
        owner = owner_of(pod)
        record = self.runs.get(owner)
        if record is None or self._sender is None:
            return
        record.refused_by = None
        late = self._sender.late
        # Nor can a request be kept back that was on its way when somebody removed the run: the whole may have ended.
        sent = self._sender.at
        unheld = late or (record.deleted_at is not None and sent is not None and sent <= record.deleted_at)
        self._workflows.see_pod(record.document, late=unheld, sent=sent)
        self._batches.see_pod(record.document, pod, late=unheld)
        if late:
            self._late_pods.add(uid)
        number = int(name.rpartition("-")[2])
        earlier = self._pod_names[owner, name]
        if earlier and number in record.attempts:
            self.violate(f"attempt {number} of run {record.name} has a second pod")
        lost = sorted(pod for pod in self.lost[owner] if not stopped_by_a_limit(record, pod))
        if self._at_most_once(record) and lost:
            self.violate(f"run {record.name} happens again: pod {name}, though {lost} was lost")
        earlier.append(uid)
        if not (late and record.deleted_by is not None):
            # The request was under way when its sender lost the lease. The run had been let go, and the pod goes, too.
            record.pods.append(name)
        if record.phase in TERMINAL and not late:
            self.violate(f"pod {name} is made though run {record.name} is {record.phase}")
        self._check_time(record, name)
        if not late:
            self._check_places(record, uid)

    def _check_time(self, record: RunRecord, pod: str) -> None:
        spec, created = record.spec, datetime.fromisoformat(record.document["metadata"]["creationTimestamp"])
        nominal = record.nominal
        due = self.timings[record.task].earliest_start(nominal) if nominal is not None else None
        due = due or (datetime.fromisoformat(spec["at"]) if spec.get("at") else created)
        if spec.get("delay"):
            due = max(due, created + timedelta(seconds=int(spec["delay"].rstrip("s"))))
        if self._clock.now() + timedelta(milliseconds=1) < due - self.tolerance:
            self.violate(f"pod {pod} starts before {due:%H:%M:%S}")

    def _check_places(self, record: RunRecord, uid: str) -> None:
        """The limit of concurrency, over the task or its group."""
        task = self.tasks.get(record.task)
        if task is None:
            return
        concurrency = task["spec"].get("concurrency") or {}
        limit = concurrency.get("max") or (None if concurrency.get("policy") == "Allow" else 1)
        group = concurrency.get("group")
        if limit is None or record.task in self.touched:
            return
        names = {t["metadata"]["name"] for t in self.tasks.values() if _group(t) == group} if group else {record.task}
        others = [
            pod["metadata"]["name"]
            for other, pod in self.pods.items()
            if other != uid
            and other not in self._late_pods
            and pod["metadata"].get("labels", {}).get(LABEL_TASK) in names
            and pod["metadata"]["labels"].get(LABEL_RUN) != record.name
            and not has_ended(pod)
        ]
        others += [
            run.name
            for run in self.runs.values()
            if run is not record and run.task in names and run.keeps_slot_of(self._actor) and not self._is_too_late(run)
        ]
        if len(others) >= limit:
            self.violate(f"run {record.name} starts beside {others}, over the limit of {limit}")

    def _is_too_late(self, record: RunRecord) -> bool:
        """Whether a run that has not started does not start any more, though that may not be recorded yet."""
        deadline = self.tasks[record.task]["spec"].get("startingDeadline") if record.task in self.tasks else None
        due = self.timings[record.task].earliest_start(record.nominal) if record.nominal is not None else None
        return deadline is not None and due is not None and self._clock.now() > due + parse_duration(deadline)

    def _at_most_once(self, record: RunRecord) -> bool:
        retry: dict[str, Any] | None = record.spec.get("retry")
        if retry is None and record.task in self.tasks:
            retry = self.tasks[record.task]["spec"].get("retry")
        return (retry or {}).get("onLost") == "Fail"


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _group(task: Document) -> str | None:
    return (task["spec"].get("concurrency") or {}).get("group")


def key_of(kind: Kind, document: Document) -> ObjectKey:
    """The key of an object."""
    return ObjectKey(kind, document["metadata"]["namespace"], document["metadata"]["name"])

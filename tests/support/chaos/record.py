"""What the ledger knows of a run, whether it is still there or not."""

from dataclasses import dataclass, field
from datetime import datetime

from crontask.api.names import ANNOTATION_RESERVED, nominal_of
from crontask.ports import Document

GOOD = ("Succeeded", "Partial")
TERMINAL = (*GOOD, "Failed", "TimedOut", "Canceled", "Skipped", "Missed")


_REFUSALS = (
    *("RerunSourceGone", "RerunSourceActive", "RerunSourceInvalid", "RerunNotStarted", "RerunOfAPart"),
    *("RerunOfAnotherTask", "AlreadyRerun", "NothingToRerun", "NoSuchStep", "ResultTruncated"),
)


def is_refused_rerun(spec: Document, status: Document) -> bool:
    """Whether it was to run another again, and could not: nothing of it ran."""
    if "rerunOf" not in spec or status.get("phase") != "Failed" or status.get("attempts") or status.get("plan"):
        return False
    return any(c["reason"] in _REFUSALS for c in status.get("conditions", ()) if c["type"] == "Failed")


@dataclass
class RunRecord:
    """What is known of a run, whether it is still there or not."""

    document: Document
    task: str
    phase: str | None = None
    attempts: set[int] = field(default_factory=set)
    pods: list[str] = field(default_factory=list)
    deleted_by: str | None = None
    deleted_at: datetime | None = None
    ended_at: datetime | None = None
    # The operator to which the API server refused its pod for now, and which tries again: it has its slot.
    refused_by: str | None = None
    # When its phase or one of its pods changed last: what follows from that may be on its way.
    changed_at: datetime | None = None

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def spec(self) -> Document:
        return dict(self.document["spec"])

    def keeps_slot_of(self, operator: str) -> bool:
        """Whether it has a slot of that operator's without a pod, and nobody has asked it to give that up."""
        given_up = self.deleted_by is not None or self.phase in TERMINAL or bool(self.spec.get("cancel"))
        return self.refused_by == operator and not given_up

    @property
    def only_pre_created(self) -> bool:
        """Whether nothing has become of it since."""
        pre_created = ANNOTATION_RESERVED in self.document["metadata"].get("annotations", {})
        return pre_created and self.phase is None and not self.pods

    @property
    def nominal(self) -> datetime | None:
        """Of a run that an operator made by the schedule."""
        owned = bool(self.document["metadata"].get("ownerReferences"))
        wanted = self.spec.get("scheduledTime")
        found = nominal_of(self.task, self.name)
        return found if owned and wanted and found == datetime.fromisoformat(wanted) else None


def stopped_by_a_limit(record: RunRecord, pod: str) -> bool:
    """Whether the attempt met a limit, whoever else took its pod away: it is tried again."""
    attempts = (record.document.get("status") or {}).get("attempts") or []
    reasons = [attempt.get("reason") for attempt in attempts if attempt.get("pod") == pod]
    return bool(reasons) and reasons[0] in ("TimedOut", "StartTimeout", "TotalTimeout")

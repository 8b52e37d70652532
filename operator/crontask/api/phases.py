"""Where a run is in its life, and who made it. Standard library alone: the command line and the SDK read it too."""

from enum import StrEnum


class RunPhase(StrEnum):
    """Where a run is in its life."""

    PENDING = "Pending"
    QUEUED = "Queued"
    RUNNING = "Running"
    RETRYING = "Retrying"
    CANCELING = "Canceling"
    COMPENSATING = "Compensating"
    SUCCEEDED = "Succeeded"
    PARTIAL = "Partial"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELED = "Canceled"
    SKIPPED = "Skipped"
    MISSED = "Missed"

    @property
    def terminal(self) -> bool:
        """Whether the run has ended."""
        return self in TERMINAL


TERMINAL = frozenset(
    {
        RunPhase.SUCCEEDED,
        RunPhase.PARTIAL,
        RunPhase.FAILED,
        RunPhase.TIMED_OUT,
        RunPhase.CANCELED,
        RunPhase.SKIPPED,
        RunPhase.MISSED,
    }
)
SUCCESSES = frozenset({RunPhase.SUCCEEDED, RunPhase.PARTIAL})
FAILURES = frozenset({RunPhase.FAILED, RunPhase.TIMED_OUT})
# Ends of runs of which no attempt ever began.
NEVER_RAN = frozenset({RunPhase.SKIPPED, RunPhase.MISSED})


class Origin(StrEnum):
    """Who made a run."""

    SCHEDULE = "Schedule"
    MANUAL = "Manual"
    AFTER = "After"
    ON_COMPLETE = "OnComplete"
    CHILD = "Child"
    BACKFILL = "Backfill"

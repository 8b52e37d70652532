"""Which stage of its life a run is in, named once: from its object, and from what is known of its pod.

A phase is what the status said last; the stage is what holds at this moment.
"""

from enum import Enum

from crontask.api.phases import RunPhase
from crontask.decide.attempt.stop import end_of_attempt
from crontask.decide.pod_state import Creating, CreationUnknown, NotMade, Present, Refused, Vanished
from crontask.decide.retry import may_follow
from crontask.decide.views import RunView


class Stage(Enum):
    """The value says what holds of the run."""

    PRE_CREATED = "made before its time, and nothing has been decided about it"
    UNRECORDED = "of a nominal time, without status and pod: a crash or a slow write has cut its launch short"
    WAITING = "has no pod and never had one: it waits for its time, its turn, its task, or its first pod"
    CREATING = "its first pod is on its way"
    CREATION_UNKNOWN = "whether its first pod was made is not known"
    REFUSED = "the API server refuses its first pod, which will be tried again"
    REJECTED = "the API server will never take its first pod"
    VANISHED = "its first pod was seen, and is gone before an attempt was recorded"
    RUNNING = "its pod is there, and has not ended"
    ATTEMPT_OVER = "its pod has ended, and another attempt follows"
    ENDING = "its pod has ended, and so does the run, which does not say so yet"
    BETWEEN_ATTEMPTS = "an attempt is recorded, and the pod of the expected one is not there"
    COMPOSED = "its plan is recorded, and its parts go on: it has no pod of its own"
    UNUSABLE = "its spec cannot be used, and it has no pod"
    ENDED = "its end is recorded"


UNSTARTED = frozenset(
    {
        Stage.PRE_CREATED,
        Stage.UNRECORDED,
        Stage.WAITING,
        Stage.CREATING,
        Stage.CREATION_UNKNOWN,
        Stage.REFUSED,
        Stage.REJECTED,
        Stage.VANISHED,
        Stage.UNUSABLE,
    }
)
"""It has neither ended nor had an attempt, as far as is known."""

WITH_POD = frozenset({Stage.RUNNING, Stage.ATTEMPT_OVER, Stage.ENDING})
"""The pod of the expected attempt is there."""

OCCUPIES_SLOT = frozenset(
    {
        Stage.CREATING,
        Stage.CREATION_UNKNOWN,
        Stage.REFUSED,
        Stage.VANISHED,
        Stage.RUNNING,
        Stage.ATTEMPT_OVER,
        Stage.BETWEEN_ATTEMPTS,
        Stage.COMPOSED,
    }
)
"""It is in the way of others: it was started, and neither it nor its pod has ended.

A pod that we stop is in the way until none of its containers runs: Replace never has two. A run keeps its slot for
another attempt, and one whose pod is refused keeps it for the next try.
"""

UNDER_WAY = OCCUPIES_SLOT | {Stage.ENDING}
"""It counts as active: until it says that it has ended. That is one change of the status, not two."""

_HAS_BEGUN = (RunPhase.RUNNING, RunPhase.RETRYING, RunPhase.CANCELING)


def stage_of(view: RunView) -> Stage:
    """The stage of a run. What comes first decides: its end, its pod, an attempt, what is known of the first pod."""
    run, pod = view.run, view.pod_state
    if run.ended:
        return Stage.ENDED
    if run.status.composite is not None:
        return Stage.COMPOSED
    if isinstance(pod, Present):
        return _with_pod(view)
    if not run.valid:
        return Stage.UNUSABLE
    if run.status.attempts or run.status.phase in _HAS_BEGUN:
        return Stage.BETWEEN_ATTEMPTS
    match pod:
        case Creating():
            return Stage.CREATING
        case CreationUnknown():
            return Stage.CREATION_UNKNOWN
        case Refused(refusal):
            return Stage.REJECTED if refusal.final else Stage.REFUSED
        case Vanished():
            return Stage.VANISHED
        case NotMade():
            return _without_any(view)


def _with_pod(view: RunView) -> Stage:
    end = end_of_attempt(view)
    if end is None:
        return Stage.RUNNING
    follows = not view.run.cancel_requested and may_follow(view, end)
    return Stage.ATTEMPT_OVER if follows else Stage.ENDING


def _without_any(view: RunView) -> Stage:
    """Of a run that is as it was made."""
    run, task = view.run, view.task
    if run.status.phase is None and run.nominal is not None:
        of_its_task = task is not None and run.meta.owner_uid == task.meta.uid
        untouched = run.pre_created and of_its_task and not view.claimed and not run.edited
        return Stage.PRE_CREATED if untouched else Stage.UNRECORDED
    return Stage.WAITING

"""Until when a run, and an attempt that does not start, may take."""

from datetime import datetime

from crontask.decide.settings import settings
from crontask.decide.views import RunView


def total_deadline(view: RunView) -> datetime | None:
    """When the run with all its attempts and pauses has taken too long: counted from its first attempt."""
    total, since = settings(view).total_timeout, view.run.status.start_time
    if since is None and view.pod is not None:
        since = view.pod.metadata.creation_timestamp
    return since + total if total is not None and since is not None else None


def gives_up_at(view: RunView) -> datetime | None:
    """Until when a refused pod is tried again: the attempt has not started in time then. None for one not refused."""
    return view.refusal.since + settings(view).start_timeout if view.refusal is not None else None

"""Options of `simulate` about steps that have not started: they had no effect."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from crontask.api.base import format_time
from crontask.api.names import part_of_undo, step_of_part


def notes_of_unstarted(
    asked: Mapping[str, Iterable[str]], ran: Collection[str], start: datetime, end: datetime
) -> Iterator[str]:
    """A line for each part that an option is about, and of which there was no run in that time."""
    for option, parts in asked.items():
        for part in sorted(set(parts) - set(ran)):
            step = step_of_part(part)
            which = f"the undo of step {step}" if part == part_of_undo(step) else f"step {step}"
            times = f"from {format_time(start)} to {format_time(end)}"
            yield f"{option} {part} had no effect: {which} did not start {times}"

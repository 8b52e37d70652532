"""What the pods of batches say, as they are played: of one batch, or of one after the other."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from crontask.ports import Document

# What a batch that begins at a cursor gives back; what it is, by its number, is given as well.
Gives = Callable[[Any, int], Document]


@dataclass(frozen=True)
class PlayedBatches:
    """What a pod is given: the first of its batches, and how it goes on."""

    number: int
    cursor: Any
    reuse: Document

    def messages(self, gives: Gives, takes: float, first_ends: float) -> Iterator[tuple[float, str]]:
        """What the runner writes, and after how many seconds; each batch takes so long."""
        ends, cursor, said = first_ends, self.cursor, dict[str, Any]()
        for done in range(1, int(self.reuse["most"]) + 1):
            given = gives(cursor, self.number + done - 1)
            said = _added(said, given, cursor)
            cursor = said.get("cursor")
            yield ends, json.dumps(said)
            pause = float(self.reuse.get("delay", 0)) + takes
            if said["isDone"] or "stuck" in said or ends + pause > float(self.reuse["for"]):
                return
            ends += pause


def counting(last: int) -> Gives:
    """Batches whose cursor is how many have been done, of so many."""
    return lambda cursor, number: {"cursor": (cursor or 0) + 1, "isDone": (cursor or 0) + 1 >= last}


def batches_in(pod: Document) -> PlayedBatches | None:
    """What a pod is given that does one batch after the other; None of any other."""
    seen = {each["name"]: each.get("value", "") for c in pod["spec"]["containers"][:1] for each in c.get("env", ())}
    if "CRONTASK_REUSE" not in seen:
        return None
    cursor = json.loads(seen["CRONTASK_CURSOR"]) if "CRONTASK_CURSOR" in seen else None
    return PlayedBatches(int(seen["CRONTASK_BATCH"]), cursor, json.loads(seen["CRONTASK_REUSE"]))


def _added(said: Document, given: Document, before: Any) -> Document:
    """What the runner says after another batch."""
    done, cursor = given.get("isDone") is True, given.get("cursor")
    found = {**said, "batches": said.get("batches", 0) + 1, "isDone": done}
    for field in ("processedCount", "errorCount"):
        if field in given:
            found[field] = said.get(field, 0) + given[field]
    if given.get("errorCount"):
        found |= {"partialBatches": said.get("partialBatches", 0) + 1, "status": "partial"}
    found["cursor"] = cursor if cursor is not None or done else before
    if "isDone" not in given:
        found["stuck"] = "NoIsDone"
    elif not done and (cursor is None or cursor == before):
        found["stuck"] = "NoCursor" if cursor is None else "SameCursor"
    return found
